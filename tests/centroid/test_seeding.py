"""Starts of the k-means family: where they come from, how good they are, and what does not change them."""

import itertools

import numpy as np
import pytest
from helpers import both_dtypes, threads_and_block_length, threads_and_blocks
from oracles import kmeans as oracle
from scipy import sparse, stats

import shoal
from shoal import _core

INITS = ("k-means++", "k-means||", "random")
# Below this a chi-squared test says that draws do not have the probabilities they should. Seeds are new in
# every run: one run in a million may fail by chance.
UNLIKELY = 1e-6


def seeds(X, k, init="k-means++", *, seed=0, weight=None):
    """Rows of the start, in the order drawn."""
    X = sparse.csr_array(X) if sparse.issparse(X) else np.ascontiguousarray(X)
    rows = (X.data, X.indices, X.indptr, X.shape[1]) if sparse.issparse(X) else (X,)
    weight = None if weight is None else np.asarray(weight, dtype=X.dtype)
    if init == "k-means++":
        return _core.kmeans_plusplus(*rows, weight, n_clusters=k, n_draws=0, seed=seed)
    if init == "k-means||":
        options = {"n_clusters": k, "rounds": 5, "oversampling": 2.0, "seed": seed}
        return _core.kmeans_parallel(*rows, weight, **options)
    return _core.random_rows(*rows, weight, n_clusters=k, seed=seed)


def clusters(rng, n, d, k, apart=100.0):
    """k tight groups far from each other, and their inertia about their own means."""
    corners = apart * rng.permutation(4 * k)[:k, None] * np.ones(d) + rng.normal(size=(k, d))
    group = np.arange(n) % k
    X = corners[group] + rng.normal(size=(n, d))
    optimal = sum(((X[group == j] - X[group == j].mean(axis=0)) ** 2).sum() for j in range(k))
    return X, optimal


# --- the probabilities -------------------------------------------------------------------------------------


def draws(rng, X, k, times, n_draws, weight=None):
    weight = None if weight is None else np.asarray(weight, dtype=float)
    return [
        tuple(
            _core.kmeans_plusplus(
                X, weight, n_clusters=k, n_draws=n_draws, seed=int(rng.integers(2**63))
            ).tolist()
        )
        for _ in range(times)
    ]


def assert_drawn_with(probability, counts):
    """`counts` could come from `probability`; nothing impossible happened."""
    counts, probability = np.asarray(counts), np.asarray(probability)
    assert (counts[probability == 0] == 0).all()
    expected = probability / probability.sum() * counts.sum()
    order = np.argsort(expected)
    rare = order[: 1 + np.searchsorted(np.cumsum(expected[order]), 10)]  # together, for ten at least
    counts, expected = (np.append(np.delete(each, rare), each[rare].sum()) for each in (counts, expected))
    assert stats.chisquare(counts, expected).pvalue > UNLIKELY


@pytest.mark.parametrize("weight", [None, [1, 2, 0, 1, 3, 1]], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("n_draws", [1, 2, 3])
def test_centers_are_drawn_with_the_probabilities_of_the_paper(rng, n_draws, weight):
    """All pairs of first centres, then the third given the most frequent pair, against enumeration."""
    X = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [4.0, 1.0], [5.0, 5.0], [-3.0, 1.0]])
    made = draws(rng, X, 3, 6000, n_draws, weight)
    first = oracle.next_seed_probabilities(X, [], 1, weight)
    second = [oracle.next_seed_probabilities(X, [i], n_draws, weight) for i in range(6)]
    pairs = np.zeros((6, 6))
    for a, b, _ in made:
        pairs[a, b] += 1
    assert_drawn_with((first[:, None] * second).ravel(), pairs.ravel())
    a, b = np.unravel_index(np.argmax(pairs), (6, 6))
    third = np.bincount([m[2] for m in made if m[:2] == (a, b)], minlength=6)
    assert_drawn_with(oracle.next_seed_probabilities(X, [a, b], n_draws, weight), third)


@pytest.mark.parametrize("weight", [None, [2, 1, 1, 3, 1, 1, 2, 1]], ids=["unweighted", "weighted"])
def test_single_draws_by_distances_out_of_date_have_the_probabilities_of_the_paper(rng, weight):
    """Five centres of eight rows, all 6720 orders enumerated: what the last is, and which are chosen at all."""
    X = np.array([[0.0], [1.0], [1.5], [4.0], [9.0], [9.5], [30.0], [31.0]])
    last, member = np.zeros(8), np.zeros(8)

    def enumerate_from(chosen, probability):
        if len(chosen) == 5:
            last[chosen[-1]] += probability
            member[chosen] += probability
            return
        step = oracle.next_seed_probabilities(X, chosen, 1, weight)
        for i in np.flatnonzero(step):
            enumerate_from([*chosen, int(i)], probability * step[i])

    enumerate_from([], 1.0)
    made = np.array(draws(rng, X, 5, 8000, 1, weight))
    assert_drawn_with(last, np.bincount(made[:, -1], minlength=8))
    for i in range(8):
        among = int((made == i).any(axis=1).sum())
        assert_drawn_with([member[i], 1 - member[i]], [among, len(made) - among])


def test_single_draws_follow_distances_that_shrink_a_thousandfold_with_each_centre(rng):
    """Nearly all draws by distances out of date are refused here: they must be brought up to date, not given up."""
    places = np.array([0.0, 1e-9, 1e-6, 1e-3, 1.0, 1e3])
    X = np.repeat(places, 50)[:, None]
    for seed in range(40):
        chosen = shoal.kmeans_plusplus(X, 6, n_local_trials=1, random_state=seed).indices // 50
        assert sorted(chosen.tolist()) == [0, 1, 2, 3, 4, 5]
        if chosen[0] < 2:  # near 0, from where each place is a thousand times as far as the next
            assert chosen[1:5].tolist() == [5, 4, 3, 2]


@pytest.mark.parametrize("weight", [None, [1, 2, 0, 1, 3, 1]], ids=["unweighted", "weighted"])
def test_random_rows_are_drawn_by_weight_without_return(rng, weight):
    X = np.arange(6.0)[:, None]
    share = np.ones(6) / 6 if weight is None else np.array(weight) / np.sum(weight)
    pairs = np.zeros((6, 6))
    for _ in range(5000):
        pairs[tuple(seeds(X, 2, "random", seed=int(rng.integers(2**63)), weight=weight))] += 1
    rest = share[None, :] * (1 - np.eye(6)) / (1 - share)[:, None]
    assert_drawn_with((share[:, None] * rest).ravel(), pairs.ravel())


def pair_probabilities(X, weight, n_draws=2):
    """The probability of each ordered pair of centres to be the k-means++ start of k = 2."""
    first = oracle.next_seed_probabilities(X, [], 1, weight)
    return np.array(
        [p * oracle.next_seed_probabilities(X, [i], n_draws, weight) for i, p in enumerate(first)]
    )


@pytest.mark.parametrize("weight", [[1, 1, 1, 1, 1], [2, 1, 3, 1, 2]], ids=["unweighted", "weighted"])
def test_parallel_rounds_draw_with_the_probabilities_of_the_paper(rng, weight):
    """One round and k = 2, by enumerating first centres and sets of candidates."""
    X = np.array([[0.0], [1.0], [2.2], [3.7], [6.1]])
    weight = np.array(weight, dtype=float)
    expected = np.zeros((5, 5))
    for first, p_first in enumerate(weight / weight.sum()):
        mass = weight * oracle.sq_distances(X, X[[first]])[:, 0]
        each = np.minimum(1, 0.8 * 2 * mass / mass.sum())
        for drawn in itertools.product([False, True], repeat=5):
            p = p_first * np.prod(np.where(drawn, each, 1 - each))
            if p == 0:
                continue
            candidates = [first, *np.flatnonzero(drawn)]
            if len(candidates) <= 2:  # too few to choose from: k-means++ on all rows
                expected += p * pair_probabilities(X, weight)
                continue
            nearest = oracle.nearest(X, X[candidates])
            total = np.bincount(nearest, weights=weight, minlength=len(candidates))
            expected[np.ix_(candidates, candidates)] += p * pair_probabilities(X[candidates], total)
    pairs = np.zeros((5, 5))
    for _ in range(6000):
        seed = int(rng.integers(2**63))
        a, b = _core.kmeans_parallel(X, weight, n_clusters=2, rounds=1, oversampling=0.8, seed=seed)
        pairs[a, b] += 1
    assert_drawn_with(expected.ravel(), pairs.ravel())


def test_a_row_without_weight_is_never_drawn(rng):
    X = rng.normal(size=(30, 2))
    weight = (np.arange(30) % 3 == 0) * 1.0
    for init in INITS:
        for seed in range(40):
            assert (seeds(X, 8, init, seed=seed, weight=weight) % 3 == 0).all(), init


# --- quality -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_local_trials", [1, None])
def test_the_expected_potential_is_within_the_bound_of_the_theorem(rng, n_local_trials):
    """E[potential] <= 8 (ln k + 2) optimum (Arthur and Vassilvitskii 2007), the optimum found by trying all."""
    for _ in range(3):
        X = rng.normal(size=(8, 2)) * rng.choice([1, 20], size=(8, 1))
        k = 3
        optimum = oracle.optimum(X, k)
        mean = np.mean(
            [
                oracle.potential(
                    X, shoal.kmeans_plusplus(X, k, random_state=s, n_local_trials=n_local_trials).centers
                )
                for s in range(300)
            ]
        )
        assert optimum <= mean <= 8 * (np.log(k) + 2) * optimum


@pytest.mark.parametrize("init", ["k-means++", "k-means||"])
def test_careful_starts_find_every_far_group_where_random_ones_do_not(rng, init):
    X, optimal = clusters(rng, 400, 3, 20)

    def mean_potential(init):
        return np.mean([oracle.potential(X, X[seeds(X, 20, init, seed=s)]) for s in range(12)])

    bound = 8 * (np.log(20) + 2) * optimal
    assert mean_potential(init) <= bound < mean_potential("random")


def test_greedy_draws_are_better_than_single_ones(rng):
    X = rng.normal(size=(400, 2))
    potential = [
        np.mean(
            [
                oracle.potential(X, shoal.kmeans_plusplus(X, 12, random_state=s, n_local_trials=t).centers)
                for s in range(25)
            ]
        )
        for t in (1, 8)
    ]
    assert potential[1] < potential[0]


def test_parallel_starts_are_as_good_as_plus_plus(rng):
    X = rng.normal(size=(1500, 4)) * rng.choice([1, 5], size=(1500, 1))
    plus, parallel = (
        np.mean([oracle.potential(X, X[seeds(X, 15, init, seed=s)]) for s in range(8)]) for init in INITS[:2]
    )
    assert parallel <= 1.25 * plus


# --- what changes nothing ----------------------------------------------------------------------------------


WHOLE_NUMBERS = {
    "lattice": lambda rng: rng.integers(0, 6, size=(500, 3)),
    "clusters": lambda rng: np.round(clusters(rng, 500, 4, 12)[0]),
    "duplicates": lambda rng: rng.integers(0, 9, size=(20, 2))[rng.integers(0, 20, size=500)],
    "many in the plane": lambda rng: np.round(30 * clusters(rng, 9000, 2, 12)[0]),
    "many in space": lambda rng: rng.integers(0, 40, size=(9000, 3)) * [1, 1, 5],
    "far from zero": lambda rng: rng.integers(0, 6, size=(400, 12)) + 1000,
    "of middle width": lambda rng: np.round(clusters(rng, 500, 16, 12)[0]),
    "wide clusters": lambda rng: np.round(clusters(rng, 700, 48, 20, apart=20)[0]),
    "wide": lambda rng: rng.integers(0, 256, size=(60, 784)),
    "very wide": lambda rng: (
        rng.integers(0, 2, size=(40, 1)) * 255 * np.ones((1, 20_000)) + rng.integers(0, 2, (40, 1))
    ),
}


@pytest.mark.parametrize("n_local_trials", [1, None, 40])
@pytest.mark.parametrize("kind", WHOLE_NUMBERS)
def test_pruning_changes_nothing(rng, kind, n_local_trials):
    """Sparse rows are never pruned; on whole numbers, where both forms are exact, they draw the same centres."""
    X = WHOLE_NUMBERS[kind](rng).astype(float)
    for seed in range(3):
        options = {"n_clusters": 30, "random_state": seed, "n_local_trials": n_local_trials}
        pruned = shoal.kmeans_plusplus(X, **options)
        unpruned = shoal.kmeans_plusplus(sparse.csr_array(X), **options)
        np.testing.assert_array_equal(pruned.indices, unpruned.indices)


@pytest.mark.parametrize("exponent", [-450, -300, -100, 100, 300, 450])
def test_pruning_changes_nothing_in_any_unit(rng, exponent):
    X = WHOLE_NUMBERS["wide clusters"](rng) * 2.0**exponent
    for seed in range(3):
        pruned = shoal.kmeans_plusplus(X, 40, random_state=seed)
        unpruned = shoal.kmeans_plusplus(sparse.csr_array(X), 40, random_state=seed)
        np.testing.assert_array_equal(pruned.indices, unpruned.indices)


@both_dtypes
@pytest.mark.parametrize("n_features", [16, 64])
def test_groups_tighter_than_rounding_still_give_distinct_rows(rng, n_features, dtype):
    """Products know distances to the rounding of the rows' lengths; a centre must not be drawn again for that."""
    spread = 1e-8 if dtype is np.float64 else 1e-4
    places = rng.normal(size=(20, n_features))
    X = (places[np.arange(1000) % 20] + spread * rng.normal(size=(1000, n_features))).astype(dtype)
    for seed in range(5):
        for n_local_trials in (1, None):
            chosen = shoal.kmeans_plusplus(X, 60, random_state=seed, n_local_trials=n_local_trials).indices
            assert len(set(chosen.tolist())) == 60


@both_dtypes
@threads_and_blocks
@pytest.mark.parametrize("init", INITS)
def test_the_same_rows_for_any_number_of_threads(rng, init, dtype, n_threads, block_length):
    X = (rng.integers(0, 5, size=(900, 3)) * 0.1).astype(dtype)
    weight = rng.integers(0, 3, size=900)
    with threads_and_block_length(1, block_length):
        expected = seeds(X, 20, init, weight=weight)
    with threads_and_block_length(n_threads, block_length):
        np.testing.assert_array_equal(seeds(X, 20, init, weight=weight), expected)


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_the_order_of_rows_changes_nothing(rng, init):
    X = rng.normal(size=(700, 3))
    weight = rng.integers(0, 4, size=700)
    for seed in range(5):
        order = rng.permutation(700)
        one = X[seeds(X, 15, init, seed=seed, weight=weight)]
        other = X[order][seeds(X[order], 15, init, seed=seed, weight=weight[order])]
        np.testing.assert_array_equal(other, one)


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_a_row_of_weight_w_draws_as_w_copies(rng, init):
    X = rng.normal(size=(400, 3))
    weight = rng.integers(0, 5, size=400)
    copies = np.repeat(X, weight, axis=0)
    for seed in range(5):
        one = X[seeds(X, 15, init, seed=seed, weight=weight)]
        other = copies[seeds(copies, 15, init, seed=seed)]
        np.testing.assert_array_equal(other, one)


@pytest.mark.parametrize("init", INITS)
def test_four_times_the_weight_changes_nothing(rng, init):
    X = rng.normal(size=(400, 3))
    weight = rng.uniform(size=400)
    np.testing.assert_array_equal(seeds(X, 15, init, weight=4 * weight), seeds(X, 15, init, weight=weight))


@both_dtypes
@pytest.mark.parametrize("init", INITS)
def test_sparse_rows_draw_like_dense_ones(rng, init, dtype):
    X = (rng.integers(0, 4, size=(300, 12)) * (rng.uniform(size=(300, 12)) < 0.4)).astype(dtype)
    weight = rng.integers(0, 3, size=300)
    for seed in range(4):
        dense = seeds(X, 10, init, seed=seed, weight=weight)
        from_sparse = seeds(sparse.csr_array(X), 10, init, seed=seed, weight=weight)
        np.testing.assert_array_equal(X[from_sparse], X[dense])


@both_dtypes
@pytest.mark.parametrize("level", _core.isa_available())
def test_rows_have_one_hash_dense_or_sparse_at_every_level(rng, level, dtype):
    """The walk over the rows is that of their hashes: with other hashes, other rows would be drawn."""
    before = _core.isa()
    try:
        _core.set_isa(level)
        for d in (1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 33, 100):
            X = np.where(rng.random((600, d)) < 0.4, rng.normal(size=(600, d)), -0.0).astype(dtype)
            S = sparse.csr_array(X)
            S = (S.data, S.indices.astype(np.int32), S.indptr.astype(np.int32), d)
            dense = _core.random_rows(X, None, n_clusters=9, seed=5)
            stored = _core.random_rows(*S, None, n_clusters=9, seed=5)
            np.testing.assert_array_equal(X[dense], X[stored])
    finally:
        _core.set_isa(before)


def test_negative_zero_is_zero(rng):
    X = rng.integers(-1, 2, size=(200, 4)).astype(float)
    signed = np.where((X == 0) & (rng.uniform(size=X.shape) < 0.5), -0.0, X)
    for init in INITS:
        np.testing.assert_array_equal(X[seeds(signed, 9, init)], X[seeds(X, 9, init)])


def test_cosine_seeds_are_those_of_rows_of_unit_length(rng):
    X = rng.normal(size=(300, 4))
    for seed in range(4):
        cosine = shoal.kmeans_plusplus(X, 9, metric="cosine", random_state=seed)
        scaled = shoal.kmeans_plusplus(8 * X, 9, metric="cosine", random_state=seed)
        np.testing.assert_array_equal(cosine.indices, scaled.indices)
        np.testing.assert_array_equal(cosine.centers, X[cosine.indices])
    # one direction of two lengths is one place
    rays = np.vstack([X[:3] * s for s in (1, 10, 100, 1000)])
    chosen = shoal.kmeans_plusplus(rays, 3, metric="cosine", random_state=0).indices
    assert sorted(chosen % 3) == [0, 1, 2]


# --- shapes and seeds --------------------------------------------------------------------------------------


@both_dtypes
def test_centers_are_the_rows_named(rng, dtype):
    X = rng.normal(size=(100, 3)).astype(dtype)
    for form in (X, sparse.csr_array(X)):
        centers, indices = shoal.kmeans_plusplus(form, 7, random_state=0)
        assert type(centers) is np.ndarray
        assert centers.dtype == dtype
        assert indices.dtype == np.int64
        np.testing.assert_array_equal(centers, X[indices])
        assert not np.shares_memory(centers, X)


@pytest.mark.parametrize("init", INITS)
def test_as_many_centers_as_rows_are_all_the_rows(rng, init):
    X = rng.normal(size=(40, 2))
    for n in (1, 2, 40):
        assert sorted(seeds(X[:n], n, init)) == list(range(n))


@pytest.mark.parametrize("init", INITS)
def test_distinct_rows_come_first_and_are_repeated_when_there_are_no_more(hard_data, init):
    n = len(hard_data)
    distinct = len(np.unique(hard_data, axis=0))
    chosen = seeds(hard_data, n, init)
    assert chosen.shape == (n,)
    assert ((chosen >= 0) & (chosen < n)).all()
    # squares of subnormal distances vanish: such rows are at one place for draws by distance
    if init == "random" or np.ptp(hard_data) == 0 or np.ptp(hard_data) > 1e-150:
        assert len(np.unique(hard_data[chosen], axis=0)) == distinct


@pytest.mark.parametrize("init", INITS)
def test_a_seed_gives_the_same_rows_and_another_seed_others(rng, init):
    X = rng.normal(size=(500, 2))
    np.testing.assert_array_equal(seeds(X, 9, init, seed=3), seeds(X, 9, init, seed=3))
    assert len({tuple(seeds(X, 9, init, seed=s)) for s in range(20)}) == 20


def test_the_number_of_draws_is_two_and_the_logarithm_of_k(rng):
    X = rng.normal(size=(300, 2))
    for k in (1, 2, 3, 7, 8, 20, 21, 55):
        default = shoal.kmeans_plusplus(X, k, random_state=1).indices
        explicit = shoal.kmeans_plusplus(X, k, random_state=1, n_local_trials=2 + int(np.log(k))).indices
        np.testing.assert_array_equal(default, explicit)


def test_the_start_of_kmeans_is_kmeans_plusplus(rng):
    """The same distribution: the potentials of both starts have the same mean."""
    X = rng.normal(size=(200, 2))

    def start(seed):
        return shoal.KMeans(2, random_state=seed, max_iter=1)

    made = []

    def init(data, n_clusters, random_state):
        made.append(shoal.kmeans_plusplus(data, n_clusters, random_state=random_state).centers)
        return made[-1]

    model = shoal.KMeans(6, init=init, n_init=1, random_state=0).fit(X)
    np.testing.assert_array_equal(
        model.cluster_centers_, shoal.KMeans(6, init=made[0], random_state=0).fit(X).cluster_centers_
    )


# --- refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_clusters": 0}, ValueError, r"n_clusters must be in \[1, n_samples=20\]; got 0"),
        ({"n_clusters": 21}, ValueError, r"n_clusters must be in \[1, n_samples=20\]; got 21"),
        ({"n_clusters": 2.5}, TypeError, r"n_clusters must be an integer; got 2.5"),
        ({"n_local_trials": 0}, ValueError, r"n_local_trials must be in \[1, inf\); got 0"),
        ({"n_local_trials": 1.5}, TypeError, r"n_local_trials must be an integer; got 1.5"),
        (
            {"metric": "manhattan"},
            ValueError,
            r"metric must be one of 'euclidean', 'cosine'; got 'manhattan'",
        ),
        ({"sample_weight": -np.ones(20)}, ValueError, r"Negative values in sample_weight at index 0"),
        (
            {"sample_weight": np.zeros(20)},
            ValueError,
            r"sample_weight must have a positive value; got all zero",
        ),
        (
            {"sample_weight": np.ones(3)},
            ValueError,
            r"sample_weight must have shape \(n_samples=20,\); got \(3,\)",
        ),
        ({"random_state": "a"}, ValueError, r"random_state must be None, an int .*; got 'a'"),
        ({"X": np.full((20, 2), np.nan)}, ValueError, r"Input X contains NaN at row 0, column 0"),
        ({"X": np.zeros(20)}, ValueError, r"X must be a 2D array"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_arguments_are_named_with_what_was_expected_and_what_came(rng, arguments, error, message):
    with pytest.raises(error, match=message):
        shoal.kmeans_plusplus(**{"X": rng.normal(size=(20, 2)), "n_clusters": 3, **arguments})
