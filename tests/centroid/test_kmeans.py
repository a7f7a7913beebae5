"""k-means: what its docstrings promise of a fit, against plain oracles, scikit-learn, and itself."""

import warnings

import numpy as np
import pytest
import sklearn.cluster
from helpers import both_dtypes, same_partition, threads_and_block_length, threads_and_blocks
from hypothesis import given
from hypothesis import strategies as st
from kmeans_fits import blobs, fit, outcome, starts
from oracles import kmeans as oracle
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

import shoal
from shoal import _core

ALGORITHMS = ("lloyd", "hamerly", "yinyang", "elkan", "auto")
ACCELERATED = ALGORITHMS[1:]
METRICS = ("euclidean", "cosine")

# Many fits here stop early or have too few distinct rows, on purpose; what is warned of has its own tests.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


KINDS = {
    "normal": lambda rng, n, d: rng.normal(size=(n, d)),
    "blobs": lambda rng, n, d: blobs(rng, n, d, 7),
    "lattice": lambda rng, n, d: rng.integers(0, 4, size=(n, d)).astype(float),
    "lattice of tenths": lambda rng, n, d: rng.integers(0, 4, size=(n, d)) * 0.1,
    "duplicates": lambda rng, n, d: rng.normal(size=(n // 5 + 1, d))[rng.integers(0, n // 5 + 1, size=n)],
    "all equal": lambda rng, n, d: np.full((n, d), 0.1),
    "offset": lambda rng, n, d: rng.normal(size=(n, d)) + 1e6,
    "huge offset": lambda rng, n, d: rng.normal(size=(n, d)) + 1e8,
    "sixteen orders of magnitude": lambda rng, n, d: (
        rng.normal(size=(n, d)) * 10.0 ** rng.uniform(-8, 8, (n, 1))
    ),
    "a step from the lattice": lambda rng, n, d: np.nextafter(
        np.float32(rng.integers(1, 4, size=(n, d))), np.float32(rng.integers(0, 5, size=(n, d)))
    ).astype(float),
    "squares below the smallest float32": lambda rng, n, d: rng.normal(size=(n, d)) * 1e-21,
    "squares below the smallest float64": lambda rng, n, d: rng.normal(size=(n, d)) * 1e-160,
    "squares near the largest float32": lambda rng, n, d: rng.normal(size=(n, d)) * 1e17,
}
# n, d, k: one cluster, a cluster per sample, one feature, more centres than one and than two groups of lanes
SHAPES = [(60, 3, 1), (33, 2, 33), (300, 1, 7), (300, 2, 20), (150, 17, 40), (400, 5, 70), (90, 64, 9)]


# --- one algorithm, several ways to run it -----------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("kind", KINDS)
def test_all_algorithms_return_the_same_bits(rng, kind, dtype):
    for n, d, k in SHAPES:
        X = KINDS[kind](rng, n, d).astype(dtype)
        start = starts(rng, X, k)
        for weight in (None, rng.integers(0, 4, size=n)):
            expected = outcome(fit(X, start, weight, algorithm="lloyd", max_iter=30))
            for algorithm in ACCELERATED:
                got = outcome(fit(X, start, weight, algorithm=algorithm, max_iter=30))
                assert got == expected, (algorithm, n, d, k)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(list(KINDS)),
    st.sampled_from([np.float32, np.float64]),
    st.integers(1, 200),
    st.integers(1, 40),
    st.integers(1, 80),
    st.sampled_from([1, 2, 30]),
    st.booleans(),
    st.booleans(),
)
def test_all_algorithms_agree_on_whatever_is_found(seed, kind, dtype, n, d, k, max_iter, weighted, elsewhere):
    rng = np.random.default_rng(seed)
    X = KINDS[kind](rng, n, d).astype(dtype)
    start = starts(rng, X, min(k, n))
    if elsewhere:  # centres that are no samples, some of them empty
        start = (start + X.std() * rng.normal(size=start.shape)).astype(dtype)
    weight = rng.integers(1, 4, size=n) if weighted else None
    outcomes = {a: outcome(fit(X, start, weight, algorithm=a, max_iter=max_iter)) for a in ALGORITHMS}
    assert [a for a in ALGORITHMS if outcomes[a] != outcomes["lloyd"]] == []


@both_dtypes
def test_all_algorithms_return_the_same_bits_where_bounds_rule_most_distances_out(rng, dtype):
    X = blobs(rng, 4000, 8, 100, spread=0.3).astype(dtype)
    start = starts(rng, X, 100)
    expected = fit(X, start, algorithm="lloyd")
    assert expected.n_iter_ > 3
    for algorithm in ACCELERATED:
        assert outcome(fit(X, start, algorithm=algorithm)) == outcome(expected)


@pytest.mark.parametrize("algorithm", ACCELERATED)
def test_all_algorithms_return_the_same_bits_for_the_cosine(rng, algorithm):
    for n, d, k in SHAPES:
        X = rng.normal(size=(n, d)) + 0.5
        start = starts(rng, X, k)
        assert outcome(fit(X, start, algorithm=algorithm, metric="cosine")) == outcome(
            fit(X, start, algorithm="lloyd", metric="cosine")
        )


@both_dtypes
@threads_and_blocks
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_same_bits_for_any_number_of_threads(rng, algorithm, n_threads, block_length, dtype):
    """On data full of ties, at the default block length and with many more blocks than threads."""
    X = KINDS["lattice of tenths"](rng, 700, 3).astype(dtype)
    weight = rng.integers(0, 3, size=len(X))
    options = {"n_clusters": 20, "random_state": 3, "tol": 0, "algorithm": algorithm}
    with threads_and_block_length(1, block_length):
        expected = outcome(shoal.KMeans(**options).fit(X, sample_weight=weight))
    with threads_and_block_length(n_threads, block_length):
        assert outcome(shoal.KMeans(**options).fit(X, sample_weight=weight)) == expected


@pytest.mark.parametrize("init", ["k-means++", "k-means||", "random"])
def test_short_blocks_change_sums_by_rounding_only(rng, init):
    X = blobs(rng, 900, 4, 6)
    options = {"n_clusters": 6, "init": init, "random_state": 5, "n_init": 1}
    usual = shoal.KMeans(**options).fit(X)
    with threads_and_block_length(2, 4):
        short = shoal.KMeans(**options).fit(X)
    np.testing.assert_array_equal(short.labels_, usual.labels_)
    np.testing.assert_allclose(short.cluster_centers_, usual.cluster_centers_, rtol=1e-12)
    assert short.inertia_ == pytest.approx(usual.inertia_, rel=1e-12)


def test_sums_too_large_to_keep_per_chunk_give_the_same_clustering(rng):
    """Above 64 MiB of partial sums, changes are listed and applied feature by feature instead."""
    X = rng.normal(size=(2000, 128))
    start = X[:160]
    usual = fit(X, start, max_iter=4)
    with threads_and_block_length(2, 4):  # 500 chunks x 160 centres x 128 features x 8 bytes = 82 MB
        listed = fit(X, start, max_iter=4)
    with threads_and_block_length(1, 4):
        assert outcome(fit(X, start, max_iter=4)) == outcome(listed)
    np.testing.assert_array_equal(listed.labels_, usual.labels_)
    np.testing.assert_allclose(listed.cluster_centers_, usual.cluster_centers_, rtol=1e-12, atol=1e-13)


# --- against the oracle and scikit-learn -------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("metric", METRICS)
def test_lloyd_is_the_oracles(rng, metric, weighted):
    for n, d, k in [(40, 2, 3), (60, 1, 5), (30, 12, 6), (25, 3, 1), (20, 2, 5)]:
        X = rng.normal(size=(n, d)) + (1.0 if metric == "cosine" else 0.0)
        weight = rng.integers(0, 3, size=n).astype(float) if weighted else None
        start = starts(rng, X, k)
        for max_iter in (1, 2, 100):
            expected = oracle.lloyd(X, start, weight, max_iter=max_iter, spherical=metric == "cosine")
            got = fit(X, start, weight, max_iter=max_iter, metric=metric)
            np.testing.assert_array_equal(got.labels_, expected.labels)
            np.testing.assert_allclose(got.cluster_centers_, expected.centers, rtol=1e-10, atol=1e-12)
            assert got.inertia_ == pytest.approx(expected.inertia, rel=1e-10, abs=1e-20)
            assert (got.n_iter_, got.converged_) == (expected.n_iter, expected.converged)


@pytest.mark.parametrize("tol", [1e-4, 1e-2])
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_lloyd_is_scikit_learns_from_the_same_start(rng, weighted, tol):
    for n, d, k in [(500, 2, 10), (300, 20, 8), (1000, 5, 40), (400, 1, 6)]:
        X = rng.normal(size=(n, d)) * rng.uniform(0.1, 10, size=d) + 50
        weight = rng.uniform(0.1, 3, size=n) if weighted else None
        start = starts(rng, X, k)
        with threadpool_limits(1):
            theirs = sklearn.cluster.KMeans(k, init=start, n_init=1, tol=tol).fit(X, sample_weight=weight)
        # scikit-learn's tolerance is relative to the unweighted variance
        variance = np.mean(np.var(X, axis=0))
        weighted_variance = np.mean(
            np.average((X - np.average(X, axis=0, weights=weight)) ** 2, axis=0, weights=weight)
        )
        ours = fit(X, start, weight, tol=tol * variance / weighted_variance)
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)
        np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-9)
        assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-9)
        assert ours.n_iter_ == theirs.n_iter_


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_tol_is_a_share_of_the_weighted_mean_variance(rng, weighted):
    X = rng.normal(size=(400, 3)) * [1, 5, 0.2] + 100
    weight = rng.integers(0, 4, size=400) if weighted else np.ones(400)
    start = X[:12]
    variance = np.mean(np.average((X - np.average(X, axis=0, weights=weight)) ** 2, axis=0, weights=weight))
    steps = set()
    for tol in (1e-1, 1e-2, 1e-3, 1e-4):
        expected = oracle.lloyd(X, start, weight, tol=tol * variance)
        assert fit(X, start, weight, tol=tol).n_iter_ == expected.n_iter
        steps.add(expected.n_iter)
    assert len(steps) > 1


# --- what results say of each other ------------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["normal", "blobs", "lattice of tenths", "huge offset", "all equal"])
def test_labels_are_what_predict_says_together_and_row_by_row(rng, kind, metric, dtype):
    for n, d, k in SHAPES:
        X = KINDS[kind](rng, n, d).astype(dtype)
        for max_iter in (1, 300):
            model = shoal.KMeans(k, random_state=1, max_iter=max_iter, metric=metric).fit(X)
            np.testing.assert_array_equal(model.predict(X), model.labels_)
            np.testing.assert_array_equal(model.predict(X[::-1]), model.labels_[::-1])
            alone = [model.predict(X[i : i + 1])[0] for i in range(0, n, 7)]
            np.testing.assert_array_equal(alone, model.labels_[::7])
            assert model.labels_.dtype == model.predict(X).dtype == np.int32


@pytest.mark.parametrize("metric", METRICS)
def test_labels_of_sparse_rows_are_what_predict_says(rng, metric):
    X = sparse.random_array((200, 30), density=0.2, rng=rng, format="csr")
    model = shoal.KMeans(9, random_state=1, metric=metric).fit(X)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    alone = [model.predict(X[[i]])[0] for i in range(0, 200, 7)]
    np.testing.assert_array_equal(alone, model.labels_[::7])


@both_dtypes
@pytest.mark.parametrize("metric", METRICS)
def test_inertia_recomputes_from_centers_and_labels(rng, metric, dtype):
    X = (rng.normal(size=(300, 6)) + 3).astype(dtype)
    weight = rng.integers(0, 5, size=300).astype(dtype)
    model = shoal.KMeans(7, random_state=0, metric=metric).fit(X, sample_weight=weight)
    rows = oracle.unit_rows(X) if metric == "cosine" else X
    expected = oracle.objective(rows, weight, model.cluster_centers_, model.labels_)
    assert model.inertia_ == pytest.approx(expected, rel=1e-5 if dtype is np.float32 else 1e-13)
    assert model.score(X, sample_weight=weight) == -model.inertia_


def test_inertia_sums_in_double_for_float32_data():
    """A million equal terms: a float32 sum would stop growing."""
    X = np.tile(np.float32([[0.0], [1.0]]), (500_000, 1))
    model = fit(X, np.float32([[0.5]]))
    assert model.inertia_ == 250_000.0
    assert model.cluster_centers_[0, 0] == 0.5


@pytest.mark.parametrize("metric", METRICS)
def test_cosine_inertia_is_twice_the_sum_of_cosine_distances(rng, metric):
    X = rng.normal(size=(200, 5)) + 1
    model = shoal.KMeans(6, random_state=0, metric=metric).fit(X)
    own = model.transform(X)[np.arange(200), model.labels_]
    expected = 2 * own.sum() if metric == "cosine" else (own**2).sum()
    assert model.inertia_ == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_transform_measures_the_distances_to_the_centers(rng, metric):
    X = rng.normal(size=(120, 7)) + 1
    model = shoal.KMeans(5, random_state=0, metric=metric).fit(X)
    expected = cdist(X, model.cluster_centers_, metric)
    np.testing.assert_allclose(model.transform(X), expected, rtol=1e-11, atol=1e-14)
    np.testing.assert_array_equal(np.argmin(model.transform(X), axis=1), model.labels_)
    np.testing.assert_allclose(model.transform(sparse.csr_array(X)), expected, rtol=1e-9, atol=1e-7)
    np.testing.assert_array_equal(model.fit_transform(X), model.transform(X))
    assert list(model.get_feature_names_out()) == [f"kmeans{j}" for j in range(5)]


@both_dtypes
def test_cosine_distances_of_sparse_rows_are_not_negative(dtype, rng):
    """A row that is its own centre is at 1 - cos, and the cosine may be rounded beyond 1."""
    X = rng.normal(size=(200, 13)).astype(dtype)
    model = shoal.KMeans(200, metric="cosine", init=X, max_iter=1).fit(sparse.csr_array(X))
    distances = model.transform(sparse.csr_array(X))
    assert distances.min() >= 0
    np.testing.assert_allclose(distances, model.transform(X), atol=1e-6)


def test_cosine_centers_have_unit_length(rng):
    model = shoal.KMeans(6, random_state=0, metric="cosine").fit(rng.normal(size=(200, 9)))
    np.testing.assert_allclose(np.linalg.norm(model.cluster_centers_, axis=1), 1, rtol=1e-14)


# --- descent and termination -------------------------------------------------------------------------------


def descent(X, start, weight, **options):
    """The inertia after 1, 2, 3, ... steps, until the labels stop changing."""
    inertias = []
    for max_iter in range(1, 400):
        model = fit(X, start, weight, max_iter=max_iter, **options)
        inertias.append(model.inertia_)
        if model.converged_:
            return np.array(inertias)
    raise AssertionError("no end")


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("start", ["rows", "empty clusters", "one place"])
def test_inertia_never_rises(rng, start, metric, weighted):
    for n, d, k in [(150, 2, 8), (80, 3, 6), (200, 6, 30)]:
        X = rng.normal(size=(n, d)) + (0.3 if metric == "cosine" else 0)
        weight = rng.integers(0, 3, size=n) if weighted else None
        centers = starts(rng, X, k)
        if start == "empty clusters":
            centers[k // 2 :] = -1 if metric == "cosine" else 50 + np.arange(k - k // 2)[:, None]
        if start == "one place":
            centers[:] = X[0]
        inertias = descent(X, centers, weight, metric=metric)
        assert (np.diff(inertias) <= 1e-12 * inertias[0]).all()
        assert inertias[-1] < inertias[0]


@both_dtypes
@pytest.mark.parametrize("kind", [kind for kind in KINDS if "orders" not in kind and "squares" not in kind])
def test_without_a_tolerance_it_ends_where_no_label_changes(rng, kind, dtype):
    """Also where rounding sends labels round in circles: duplicates, more clusters than distinct rows."""
    for n, d, k in [(109, 2, 70), (60, 3, 40), (19, 3, 19), (12, 15, 12), (152, 1, 40), (200, 4, 5)]:
        for _ in range(5):
            X = KINDS[kind](rng, n, d).astype(dtype)
            for weight in (None, rng.integers(0, 4, size=n)):
                model = fit(X, starts(rng, X, k), weight, max_iter=1000)
                assert model.converged_, (n, d, k)


def test_it_ends_at_a_local_minimum(rng):
    """A fixed point: each label is the nearest centre's, each centre the mean of its samples."""
    X = rng.normal(size=(300, 3))
    model = shoal.KMeans(9, tol=0, random_state=0).fit(X)
    assert model.converged_
    np.testing.assert_array_equal(oracle.nearest(X, model.cluster_centers_), model.labels_)
    means = [X[model.labels_ == j].mean(axis=0) for j in range(9)]
    np.testing.assert_allclose(model.cluster_centers_, means, rtol=1e-12, atol=1e-14)


# --- ties and empty clusters -------------------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("offset", [0, 1000])
def test_a_tie_goes_to_the_smaller_label(rng, offset, dtype):
    """Samples and centres on a grid, where distances are exact whatever is added up, and ties are many."""
    for d in (1, 2, 3, 20):
        for k in (2, 3, 11, 40):
            X = (rng.integers(0, 6, size=(100, d)) + offset).astype(dtype)
            centers = (rng.integers(0, 6, size=(k, d)) + offset).astype(dtype)
            expected = oracle.nearest(X, centers)
            np.testing.assert_array_equal(_core.kmeans_assign(X, centers), expected)
            step = oracle.lloyd(X, centers, max_iter=1)
            for algorithm in ALGORITHMS:
                # labels_ after a fit are those of the new centres; the first step's show in their means
                got = fit(X, centers, max_iter=1, algorithm=algorithm)
                np.testing.assert_allclose(
                    got.cluster_centers_, step.centers, rtol=4 * np.finfo(dtype).eps, atol=1e-6
                )


def test_sparse_rows_keep_the_tie_rule(rng):
    X = rng.integers(0, 3, size=(150, 6)).astype(float)
    centers = rng.integers(0, 3, size=(11, 6)).astype(float)
    rows = sparse.csr_array(X)
    labels = _core.kmeans_assign(rows.data, rows.indices, rows.indptr, 6, centers)
    np.testing.assert_array_equal(labels, oracle.nearest(X, centers))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_empty_cluster_takes_the_farthest_sample(algorithm):
    X = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [30.0]])
    model = fit(X, np.array([[1.0], [10.5], [1000.0]]), max_iter=1, algorithm=algorithm)
    np.testing.assert_array_equal(model.cluster_centers_, [[1.0], [10.5], [30.0]])
    np.testing.assert_array_equal(model.labels_, [0, 0, 0, 1, 1, 2])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_several_empty_clusters_take_the_farthest_first_and_ties_by_the_smaller_sample(algorithm):
    X = np.array([[0.0], [0.0], [-6.0], [4.0], [6.0], [-4.0]])
    far = [[1000.0], [2000.0], [3000.0]]
    model = fit(X, np.array([[0.0], *far]), max_iter=1, algorithm=algorithm)
    np.testing.assert_array_equal(model.cluster_centers_, [[-4 / 3], [-6.0], [6.0], [4.0]])


def test_samples_without_weight_never_fill_an_empty_cluster():
    X = np.array([[0.0], [1.0], [5.0], [100.0]])
    model = fit(X, np.array([[0.5], [1000.0]]), [1, 1, 1, 0], max_iter=1)
    np.testing.assert_array_equal(model.cluster_centers_, [[0.5], [5.0]])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_relocation_is_the_oracles(rng, algorithm):
    for n, d, k in [(40, 2, 6), (30, 1, 9), (50, 5, 20)]:
        X = rng.normal(size=(n, d))
        weight = rng.integers(0, 3, size=n)
        start = starts(rng, X, k)
        start[: k // 2] = 100 + np.arange(k // 2)[:, None]
        for max_iter in (1, 2, 100):
            expected = oracle.lloyd(X, start, weight, max_iter=max_iter)
            got = fit(X, start, weight, max_iter=max_iter, algorithm=algorithm)
            np.testing.assert_allclose(got.cluster_centers_, expected.centers, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", ["all equal", "duplicates", "collinear", "lattice"])
def test_more_clusters_than_distinct_rows(kind):
    import hard_data

    X = hard_data.finite()[kind]
    distinct = len(np.unique(X, axis=0))
    k = min(len(X), distinct + 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = shoal.KMeans(k, random_state=0).fit(X)
    assert np.isfinite(model.cluster_centers_).all()
    assert model.inertia_ <= 1e-28 * (1 + np.square(X).sum())
    assert model.converged_
    assert len(np.unique(model.labels_)) == min(k, distinct)
    assert [w.category for w in caught] == ([ConvergenceWarning] if distinct < k else [])


# --- metamorphic -------------------------------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("metric", METRICS)
def test_four_times_the_data_is_exactly_the_same_clustering(rng, metric, dtype):
    """From the same start: seeds are drawn along an order that the values make."""
    X = (rng.normal(size=(400, 5)) + 0.5).astype(dtype)
    scale = 1 if metric == "cosine" else 4
    one, four = fit(X, X[:9], metric=metric), fit(4 * X, 4 * X[:9], metric=metric)
    np.testing.assert_array_equal(four.labels_, one.labels_)
    np.testing.assert_array_equal(four.cluster_centers_, scale * one.cluster_centers_)
    assert (four.inertia_, four.n_iter_) == (scale**2 * one.inertia_, one.n_iter_)


def test_four_times_the_weight_is_exactly_the_same_clustering(rng):
    X = rng.normal(size=(300, 4))
    weight = rng.uniform(size=300)
    one = shoal.KMeans(9, random_state=2).fit(X, sample_weight=weight)
    four = shoal.KMeans(9, random_state=2).fit(X, sample_weight=4 * weight)
    np.testing.assert_array_equal(four.cluster_centers_, one.cluster_centers_)
    assert four.inertia_ == 4 * one.inertia_


def test_a_translation_moves_the_centers_and_nothing_else(rng):
    X = rng.normal(size=(300, 4))
    start = X[:8]
    here, there = fit(X, start), fit(X + 1e6, start + 1e6)
    np.testing.assert_array_equal(there.labels_, here.labels_)
    np.testing.assert_allclose(there.cluster_centers_ - 1e6, here.cluster_centers_, atol=1e-8)
    assert there.inertia_ == pytest.approx(here.inertia_, rel=1e-8)


@pytest.mark.parametrize("metric", METRICS)
def test_a_rotation_turns_the_centers_and_nothing_else(rng, metric):
    X = rng.normal(size=(300, 4)) + 0.5
    turn, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    start = X[:8]
    here, there = fit(X, start, metric=metric), fit(X @ turn, start @ turn, metric=metric)
    np.testing.assert_array_equal(there.labels_, here.labels_)
    np.testing.assert_allclose(there.cluster_centers_, here.cluster_centers_ @ turn, atol=1e-12)
    assert there.inertia_ == pytest.approx(here.inertia_, rel=1e-12)


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_shuffled_rows_are_clustered_alike_seeding_included(rng, init):
    X = rng.normal(size=(300, 4))
    weight = rng.integers(1, 4, size=300)
    order = rng.permutation(300)
    options = {"n_clusters": 8, "init": init, "n_init": 2, "random_state": 6}
    one = shoal.KMeans(**options).fit(X, sample_weight=weight)
    other = shoal.KMeans(**options).fit(X[order], sample_weight=weight[order])
    np.testing.assert_array_equal(other.labels_, one.labels_[order])
    np.testing.assert_allclose(other.cluster_centers_, one.cluster_centers_, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("init", ["k-means++", "random", "array"])
def test_an_integer_weight_is_as_many_copies_seeding_included(rng, init, metric):
    for seed in range(5):
        X = rng.normal(size=(120, 3)) + 0.5
        weight = rng.integers(0, 4, size=120)
        weight[:7] = np.maximum(
            weight[:7], 1
        )  # no given centre starts empty: relocation moves one row, not its copies
        options = {
            "init": X[:7] if init == "array" else init,
            "n_init": 2,
            "random_state": seed,
            "metric": metric,
        }
        weighted = shoal.KMeans(7, **options).fit(X, sample_weight=weight)
        copied = shoal.KMeans(7, **options).fit(np.repeat(X, weight, axis=0))
        np.testing.assert_array_equal(np.repeat(weighted.labels_, weight), copied.labels_)
        np.testing.assert_allclose(weighted.cluster_centers_, copied.cluster_centers_, rtol=1e-10, atol=1e-12)
        assert weighted.inertia_ == pytest.approx(copied.inertia_, rel=1e-10)
        assert weighted.n_iter_ == copied.n_iter_


@pytest.mark.parametrize("init", ["k-means++", "k-means||", "random"])
def test_unit_weights_are_no_weights(rng, init):
    X = rng.normal(size=(300, 4))
    options = {"n_clusters": 8, "init": init, "n_init": 1, "random_state": 6}
    expected = outcome(shoal.KMeans(**options).fit(X))
    for ones in (np.ones(300), [1] * 300, 1):
        assert outcome(shoal.KMeans(**options).fit(X, sample_weight=ones)) == expected


def test_rows_without_weight_are_labelled_but_move_nothing(rng):
    X = rng.normal(size=(200, 3))
    weight = np.where(np.arange(200) % 3, 1.0, 0.0)
    X[weight == 0] *= 1000
    start = X[weight > 0][:6]
    with_them = fit(X, start, weight)
    without = fit(X[weight > 0], start)
    np.testing.assert_array_equal(with_them.cluster_centers_, without.cluster_centers_)
    np.testing.assert_array_equal(with_them.labels_[weight > 0], without.labels_)
    np.testing.assert_array_equal(with_them.labels_, without.predict(X))
    assert with_them.inertia_ == pytest.approx(without.inertia_, rel=1e-14)


@pytest.mark.parametrize("metric", METRICS)
def test_float32_finds_the_same_partition_of_separated_data(rng, metric):
    X = blobs(rng, 600, 6, 8, spread=0.05)
    double = shoal.KMeans(8, random_state=0, metric=metric).fit(X)
    single = shoal.KMeans(8, random_state=0, metric=metric).fit(X.astype(np.float32))
    assert single.cluster_centers_.dtype == np.float32
    assert same_partition(single.labels_, double.labels_)
    assert single.inertia_ == pytest.approx(double.inertia_, rel=1e-4)


@pytest.mark.parametrize("init", ["k-means++", "k-means||", "random", "array"])
@pytest.mark.parametrize("metric", METRICS)
def test_sparse_rows_are_clustered_like_dense_ones(rng, metric, init):
    """Integers for the Euclidean distance, where sums are exact; for the cosine no right angles: they tie."""
    X = rng.integers(0, 4, size=(200, 15)) if metric == "euclidean" else rng.uniform(size=(200, 15))
    X = np.where(rng.uniform(size=(200, 15)) < np.linspace(1, 0.1, 15), X, 0).astype(float)
    weight = rng.integers(0, 3, size=200)
    options = {"init": X[:8] if init == "array" else init, "n_init": 1, "random_state": 4, "metric": metric}
    dense = shoal.KMeans(8, **options).fit(X, sample_weight=weight)
    for form in (sparse.csr_array(X), sparse.csc_matrix(X), sparse.coo_array(X)):
        got = shoal.KMeans(8, **options).fit(form, sample_weight=weight)
        np.testing.assert_array_equal(got.labels_, dense.labels_)
        np.testing.assert_allclose(got.cluster_centers_, dense.cluster_centers_, rtol=1e-9, atol=1e-12)
        assert got.inertia_ == pytest.approx(dense.inertia_, rel=1e-9)
        assert got.n_iter_ == dense.n_iter_


def test_sparse_rows_may_repeat_a_column():
    """COO data read into CSR: repeated entries add up."""
    repeated = sparse.csr_array(([1.0, 2.0, 3.0, 4.0, 10.0], [0, 0, 1, 1, 0], [0, 2, 4, 5]), shape=(3, 2))
    before = repeated.copy()
    dense = shoal.KMeans(2, random_state=0).fit(repeated.toarray())
    got = shoal.KMeans(2, random_state=0).fit(repeated)
    np.testing.assert_array_equal(got.labels_, dense.labels_)
    assert got.inertia_ == pytest.approx(dense.inertia_)
    assert -got.score(repeated) == pytest.approx(dense.inertia_)
    np.testing.assert_allclose(got.transform(repeated), dense.transform(repeated.toarray()), atol=1e-12)
    np.testing.assert_array_equal(repeated.data, before.data)  # and they stay the caller's


def test_sparse_indices_of_64_bits_are_accepted(rng):
    X = sparse.csr_array(rng.integers(0, 3, size=(30, 4)).astype(float))
    expected = shoal.KMeans(3, random_state=0).fit(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    assert outcome(shoal.KMeans(3, random_state=0).fit(X)) == outcome(expected)


# --- cosine ------------------------------------------------------------------------------------------------


@both_dtypes
def test_the_length_of_a_row_means_nothing_to_the_cosine(rng, dtype):
    """Powers of two are exact, also where squares of the values leave the range of the type."""
    X = (rng.normal(size=(150, 5)) + 0.3).astype(dtype)
    expected = shoal.KMeans(6, random_state=0, metric="cosine").fit(X)
    largest = 500 if dtype is np.float64 else 60
    for scale in (
        2.0 ** rng.integers(-8, 8, size=(150, 1)),
        2.0 ** rng.integers(-largest, largest, size=(150, 1)),
        2.0**largest * 2.0 ** (largest // 2),
        2.0**-largest * 2.0 ** -(largest // 2),
    ):
        scaled = (X * scale).astype(dtype)
        got = shoal.KMeans(6, random_state=0, metric="cosine").fit(scaled)
        assert outcome(got) == outcome(expected)
        np.testing.assert_array_equal(expected.predict(scaled), expected.labels_)
        as_sparse = shoal.KMeans(6, random_state=0, metric="cosine").fit(sparse.csr_array(scaled))
        np.testing.assert_array_equal(as_sparse.labels_, expected.labels_)


def test_rows_of_zeros_are_at_cosine_distance_one_from_every_center(rng):
    X = np.vstack([rng.normal(size=(40, 3)) + 1, np.zeros((4, 3))])
    for form in (X, sparse.csr_array(X)):
        model = shoal.KMeans(3, random_state=0, metric="cosine", init=X[:3]).fit(form)
        np.testing.assert_allclose(model.transform(form)[40:], 1)
        np.testing.assert_array_equal(model.predict(form), model.labels_)
        own = 2 * model.transform(form)[np.arange(40), model.labels_[:40]].sum()
        assert model.inertia_ == pytest.approx(own + 4, rel=1e-7)  # |0 - c|^2 = 1


def test_rows_of_zeros_alone_make_a_cluster_of_their_own():
    X = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.1], [1.0, 0.0]])
    for form in (X, sparse.csr_array(X)):
        model = shoal.KMeans(2, metric="cosine", init=np.array([[0.0, 0.0], [1.0, 0.0]])).fit(form)
        np.testing.assert_array_equal(model.labels_, [0, 0, 1, 1])
        np.testing.assert_array_equal(model.cluster_centers_[0], 0)
        np.testing.assert_allclose(model.transform(form)[:, 0], [0, 0, 1, 1])


def test_sums_keep_the_digits_of_samples_beside_one_far_away():
    X = np.array([[1e18], [0], [1], [10], [11]])
    for order in ([0, 1, 2, 3, 4], [1, 2, 0, 3, 4]):
        model = shoal.KMeans(3, init=np.array([[1e18], [0], [10]])).fit(X[order])
        np.testing.assert_array_equal(model.cluster_centers_.ravel(), [1e18, 0.5, 10.5])


def test_a_cluster_forgets_a_far_sample_that_filled_an_empty_one():
    X = np.array([[0.0], [1.0], [1e16]])
    model = shoal.KMeans(2, init=np.array([[0.0], [-3e4]])).fit(X)
    np.testing.assert_array_equal(np.sort(model.cluster_centers_.ravel()), [0.5, 1e16])


def test_a_row_of_zeros_gives_an_empty_cluster_no_direction():
    X = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 0.0]])
    model = shoal.KMeans(2, metric="cosine", init=np.array([[1.0, 0.0], [-1.0, 0.0]])).fit(X)
    assert model.labels_[0] != model.labels_[1]
