"""Local Gaussian clustering: what it promises, against plain NumPy and against mixtures whose parameters are known."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from helpers import bits, both_dtypes, same_partition, threads_and_block_length, threads_and_blocks
from oracles import local_gaussian as oracle
from scipy.spatial.distance import cdist, pdist
from scipy.stats import chi2, multivariate_normal
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

import shoal
from shoal import _core
from shoal.mixture.separation import middle_of_longest_plateau


def r_tree(X, weight=None):
    return _core.r_tree(np.ascontiguousarray(X), weight, leaf_size=0, metric="euclidean", p=2.0)


def mixture(rng, n_features, n_clusters, n_per_cluster, *, apart=6.0, sizes="equal", noise=0.0, axes=3.0):
    """Gaussians with random full covariances, largest standard deviation 1, centres at least `apart` apart.

    Returns X, labels (-1 for uniform background), centres, covariances.
    """
    covariances = []
    for _ in range(n_clusters):
        q, _ = np.linalg.qr(rng.normal(size=(n_features, n_features)))
        sd = rng.uniform(1 / axes, 1, n_features)
        covariances.append((q * sd**2) @ q.T)
    centers = np.empty((0, n_features))
    side = apart * max(2.0, 1.6 * n_clusters ** (1 / n_features))
    while len(centers) < n_clusters:
        new = rng.uniform(0, side, (1, n_features))
        if len(centers) == 0 or cdist(new, centers).min() >= apart:
            centers = np.concatenate([centers, new])
        side *= 1.003
    n = np.full(n_clusters, n_per_cluster)
    if sizes == "unequal":
        n = rng.integers(n_per_cluster // 5, 2 * n_per_cluster, n_clusters)
    X = np.concatenate(
        [rng.multivariate_normal(m, s, k) for m, s, k in zip(centers, covariances, n, strict=True)]
    )
    y = np.repeat(np.arange(n_clusters), n)
    n_noise = int(noise * len(X))
    X = np.concatenate([X, rng.uniform(X.min(axis=0), X.max(axis=0), (n_noise, n_features))])
    y = np.concatenate([y, np.full(n_noise, -1)])
    order = rng.permutation(len(X))
    return X[order], y[order], centers, np.array(covariances)


def labels_of_truth(X, centers, covariances):
    densities = [multivariate_normal(m, s).logpdf(X) for m, s in zip(centers, covariances, strict=True)]
    return np.argmax(densities, axis=0)


def blobs(rng, n=300, scale=1.0):
    """Three round clusters in the plane, well apart."""
    return np.concatenate([rng.normal(c, scale, (n, 2)) for c in ([0, 0], [9, 0], [0, 9])])


# --- against the truth -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_features", [1, 2, 3, 5, 8])
@pytest.mark.parametrize(
    ("sizes", "noise"), [("equal", 0.0), ("unequal", 0.0), ("equal", 0.1), ("unequal", 0.1)]
)
@pytest.mark.parametrize("auto", [False, True], ids=["given", "auto"])
def test_separate_mixtures_are_found_and_labelled_as_the_truth_would(n_features, sizes, noise, auto):
    """The number of clusters, and an ARI within 0.005 of what the true parameters reach."""
    # always the same draws: in one of some thousand the background makes a cluster of its own
    rng = np.random.default_rng([n_features, int(10 * noise), sizes == "equal", auto])
    X, y, centers, covariances = mixture(rng, n_features, 5, 1000, sizes=sizes, noise=noise)
    model = shoal.LocalGaussian("auto" if auto else 0.45 * pdist(centers).min()).fit(X)
    assert model.n_clusters_ == 5
    assert model.converged_
    real = y >= 0
    best = adjusted_rand_score(y[real], labels_of_truth(X[real], centers, covariances))
    assert adjusted_rand_score(y[real], model.labels_[real]) > best - 0.005


@pytest.mark.parametrize("n_features", [1, 2, 4, 8])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_covariances_are_within_a_tenth(n_features, noise, rng):
    X, _, centers, covariances = mixture(rng, n_features, 3, 5000, apart=7, noise=noise)
    model = shoal.LocalGaussian(3.1).fit(X)
    for center, covariance in zip(centers, covariances, strict=True):
        found = model.covariances_[np.argmin(cdist([center], model.cluster_centers_))]
        assert np.linalg.norm(found - covariance) < 0.1 * np.linalg.norm(covariance)


@pytest.mark.parametrize("distance", [2.0, 3.0, 6.0])
def test_a_cut_into_the_gaussian_does_not_bias_its_covariance(distance, rng):
    """A neighbour with few points cuts the local points off; what is left still tells the whole."""
    X = rng.normal(size=(20_000, 2))
    tree = r_tree(X)
    centers = np.array([[0.0, 0.0], [distance, 0.0]])
    covariances, *_ = _core.local_covariances(
        tree, centers, softening=0.1, reach=0.7, ridge=1e-9, tol=1e-5, max_iter=500, paper_exact=False
    )
    assert np.linalg.norm(covariances[0] - np.eye(2)) < 0.2 * np.sqrt(2)


# --- guarantees --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("collision", [None, 0.3, 2.5])
def test_no_two_centroids_are_closer_than_the_collision_distance(collision, rng):
    X = np.concatenate([rng.uniform(0, 10, (2000, 2)), rng.normal(5, 0.5, (500, 2))])
    model = shoal.LocalGaussian(0.8, min_count=0, collision_distance=collision).fit(X)
    assert model.n_clusters_ > 3
    assert pdist(model.cluster_centers_).min() >= (collision or 0.8) * (1 - 1e-12)


def test_every_run_ends_and_says_whether_it_came_to_rest(rng):
    X = rng.uniform(size=(3000, 2))
    for max_iter in (1, 2, 5):
        with pytest.warns(ConvergenceWarning, match=f"max_iter={max_iter} steps"):
            model = shoal.LocalGaussian(0.1, max_iter=max_iter).fit(X)
        assert model.n_iter_ <= max_iter
        assert not model.converged_


def test_centroids_that_go_round_in_circles_are_caught(rng):
    """Whole numbers and boxes whose borders they lie on: many paths, some of them periodic, none without an end."""
    X = rng.integers(0, 30, (800, 2)) / 3
    for side in (1.0, 1.5, 2.0, 3.0):
        seeds, _ = _core.grid_seeds(r_tree(X), side=side)
        *_, n_iter, converged, _ = _core.shift_centroids(
            r_tree(X), seeds, side=side, collision=0.0, tol=0.0, max_iter=100_000, keep_paths=False
        )
        assert converged
        assert n_iter < 2000


def test_resting_centroids_are_the_means_of_their_boxes(rng):
    X = blobs(rng)
    model = shoal.LocalGaussian(4.0, tol=0).fit(X)
    for center, count in zip(model.cluster_centers_, model.counts_, strict=True):
        inside = X[oracle.in_box(X, center, 4.0)]
        assert len(inside) == count
        np.testing.assert_allclose(inside.mean(axis=0), center, atol=1e-12)
    assert (np.diff(model.counts_) <= 0).all()


# --- two ways, one answer ----------------------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("side", [0.05, 0.7, 3.0, 100.0])
def test_seeds_are_the_occupied_boxes_of_a_grid(dtype, weighted, side, rng):
    X = rng.normal(size=(1000, 3)).astype(dtype)
    weight = rng.integers(0, 3, 1000).astype(dtype) if weighted else None
    centers, counts = _core.grid_seeds(r_tree(X, weight), side=side)
    boxes = oracle.grid_seeds(X.astype(float), side, None if weight is None else weight.astype(float))
    boxes = {place: box for place, box in boxes.items() if box[0] > 0}
    order = sorted(boxes, key=lambda place: (-boxes[place][0], place))
    np.testing.assert_array_equal(counts, [boxes[place][0] for place in order])
    np.testing.assert_allclose(centers, [boxes[place][1] for place in order], atol=1e-6)


@pytest.mark.parametrize("n", [5, 40, 300])
@pytest.mark.parametrize("collision", [0.0, 0.1, 0.5])
def test_survivors_are_those_of_a_loop_over_all_pairs(n, collision, rng):
    centers = rng.integers(0, 20, (n, 2)) / 20  # many at the same distance, many equal
    counts = rng.integers(1, 5, n).astype(float)
    found = _core.survivors(centers, counts, collision=collision)
    np.testing.assert_array_equal(found, oracle.survivors(centers, counts, collision))


def test_centroids_move_as_the_equations_say(rng):
    X = np.concatenate([rng.normal(c, 1, (150, 2)) for c in ([0, 0], [5, 1], [1, 6])])
    seeds, _ = _core.grid_seeds(r_tree(X), side=1.5)
    centers, counts, *_ = _core.shift_centroids(
        r_tree(X), seeds, side=1.5, collision=1.5, tol=1e-6, max_iter=100, keep_paths=False
    )
    expected, expected_counts = oracle.shift(X, seeds, 1.5, 1.5, 1e-6, 100)
    np.testing.assert_allclose(centers, expected, atol=1e-9)
    np.testing.assert_array_equal(counts, expected_counts)


@pytest.mark.parametrize("n_features", [1, 2, 3, 8, 12, 40])
@pytest.mark.parametrize("softening", [1e-6, 0.01, 0.1, 0.6])
def test_the_consistency_factor_is_the_integral(n_features, softening):
    widest = np.sqrt(2 * np.log(1000 / softening))
    for cut in np.array([0.1, 0.3, 0.6, 1.0]) * widest:
        factor = _core.consistency_factor(softening, n_features, cut)
        assert factor == pytest.approx(oracle.kappa(softening, n_features, cut), rel=2e-4)


@pytest.mark.parametrize("n_features", [1, 2, 4])
def test_covariances_are_fixed_points_of_the_consistent_map(n_features, rng):
    X, _, centers, _ = mixture(rng, n_features, 3, 1500)
    covariances, *_, converged = _core.local_covariances(
        r_tree(X), centers, softening=0.05, reach=0.7, ridge=1e-6, tol=1e-10, max_iter=500, paper_exact=False
    )
    assert converged
    for c, covariance in enumerate(covariances):
        others = np.delete(centers, c, axis=0)
        again = oracle.consistent_map(X, centers[c], others, covariance, 0.05, 0.7, 1e-6)
        np.testing.assert_allclose(again, covariance, atol=2e-4 * np.abs(covariance).max())


def test_paper_exact_covariances_are_the_equations_as_written(rng):
    X = blobs(rng)
    model = shoal.LocalGaussian(4.0, paper_exact=True, tol=1e-8).fit(X)
    for c, center in enumerate(model.cluster_centers_):
        nearest = np.sort(cdist([center], model.cluster_centers_)[0])[1]
        expected = oracle.covariance_as_written(X, center, 1.2 * nearest, 1e-6, 1e-6 * 16, 1e-8, 300)
        np.testing.assert_allclose(model.covariances_[c], expected, rtol=1e-5, atol=1e-6)


def test_written_as_in_the_paper_covariances_shrink_or_run_away_and_the_consistent_ones_do_not(rng):
    X, y, _, _ = mixture(rng, 2, 8, 1500, apart=5)
    ours = shoal.LocalGaussian(2.2).fit(X)
    theirs = shoal.LocalGaussian(2.2, paper_exact=True).fit(X)
    assert adjusted_rand_score(y, ours.labels_) >= adjusted_rand_score(y, theirs.labels_)


# --- what must not matter ----------------------------------------------------------------------------------


def same_model(a, b, *, rtol=1e-6, shift=0.0, features=slice(None)):
    np.testing.assert_allclose(
        b.cluster_centers_ - shift, a.cluster_centers_[:, features], rtol=rtol, atol=1e-6
    )
    expected = a.covariances_[:, features][:, :, features]
    np.testing.assert_allclose(b.covariances_, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    assert same_partition(a.labels_, b.labels_)


def test_translation_by_multiples_of_the_separation_moves_the_answer_along(rng):
    X = np.round(blobs(rng), 3)
    model = shoal.LocalGaussian(4.0).fit(X)
    for steps in (1, -3, 1000):
        same_model(model, shoal.LocalGaussian(4.0).fit(X + 4.0 * steps), shift=4.0 * steps)


def test_the_order_of_rows_and_of_features_does_not_matter(rng):
    X, *_ = mixture(rng, 3, 4, 500)
    model = shoal.LocalGaussian(2.8).fit(X)
    rows, features = rng.permutation(len(X)), rng.permutation(3)
    other = shoal.LocalGaussian(2.8).fit(X[rows])
    np.testing.assert_allclose(other.cluster_centers_, model.cluster_centers_, atol=1e-6)
    assert same_partition(other.labels_, model.labels_[rows])
    same_model(model, shoal.LocalGaussian(2.8).fit(X[:, features]), features=features)


@pytest.mark.parametrize("separation", [4.0, "auto"])
def test_weights_are_copies(separation, rng):
    X = blobs(rng, 200)
    weight = rng.integers(0, 4, len(X))
    weighted = shoal.LocalGaussian(separation).fit(X, sample_weight=weight)
    copied = shoal.LocalGaussian(separation).fit(np.repeat(X, weight, axis=0))
    np.testing.assert_array_equal(weighted.counts_, copied.counts_)
    np.testing.assert_allclose(weighted.separation_path_, copied.separation_path_)
    np.testing.assert_allclose(weighted.cluster_centers_, copied.cluster_centers_, atol=1e-10)
    np.testing.assert_allclose(weighted.covariances_, copied.covariances_, atol=1e-3)
    np.testing.assert_allclose(weighted.weights_, copied.weights_, atol=1e-2)


@threads_and_blocks
def test_threads_change_no_bit(n_threads, block_length, rng):
    X, *_ = mixture(rng, 2, 6, 400)

    def run():
        model = shoal.LocalGaussian().fit(X)
        return bits(model.cluster_centers_, model.covariances_, model.labels_, model.separation_path_)

    with threads_and_block_length(1, block_length):
        expected = run()
    with threads_and_block_length(n_threads, block_length):
        assert run() == expected


@pytest.mark.parametrize("level", _core.isa_available())
def test_every_instruction_set_gives_the_same_clusters(level):
    X = np.random.default_rng(3).integers(0, 12, (600, 2)) + np.repeat([[0, 0], [40, 0]], 300, axis=0).astype(
        float
    )
    expected = shoal.LocalGaussian(15.0).fit(X)
    before = _core.isa()
    try:
        _core.set_isa(level)
        model = shoal.LocalGaussian(15.0).fit(X)
    finally:
        _core.set_isa(before)
    assert bits(model.cluster_centers_, model.covariances_) == bits(
        expected.cluster_centers_, expected.covariances_
    )
    np.testing.assert_array_equal(model.labels_, expected.labels_)


@pytest.mark.parametrize("scale", ["std", "range"])
def test_scaled_features_may_have_any_units(scale, rng):
    X, y, _, _ = mixture(rng, 3, 4, 500)
    plain = shoal.LocalGaussian(scale=scale).fit(X)
    units = np.array([1e-3, 1.0, 1e6])
    model = shoal.LocalGaussian(scale=scale).fit(X * units)
    assert plain.n_clusters_ == 4
    assert same_partition(model.labels_, plain.labels_)
    np.testing.assert_allclose(model.cluster_centers_, plain.cluster_centers_ * units, rtol=1e-6)
    np.testing.assert_allclose(model.covariances_, plain.covariances_ * np.outer(units, units), rtol=1e-4)
    assert adjusted_rand_score(y, model.labels_) > 0.99


def test_float32_finds_the_same_partition(rng):
    X, *_ = mixture(rng, 2, 5, 500)
    single = shoal.LocalGaussian(2.8).fit(X.astype(np.float32))
    double = shoal.LocalGaussian(2.8).fit(X)
    assert single.cluster_centers_.dtype == single.covariances_.dtype == np.float32
    assert (single.labels_ == double.labels_).mean() > 0.999


# --- reading out -------------------------------------------------------------------------------------------


def test_methods_agree_with_scipy(rng):
    X, *_ = mixture(rng, 3, 3, 400)
    model = shoal.LocalGaussian(2.8).fit(X)
    log_p = np.stack(
        [
            multivariate_normal(m, s).logpdf(X)
            for m, s in zip(model.cluster_centers_, model.covariances_, strict=True)
        ]
    ).T
    np.testing.assert_array_equal(model.labels_, np.argmax(log_p, axis=1))
    proba = np.exp(log_p - log_p.max(axis=1, keepdims=True))
    np.testing.assert_allclose(model.predict_proba(X), proba / proba.sum(axis=1, keepdims=True), atol=1e-10)
    mixed = np.log(np.sum(np.exp(log_p) * model.weights_, axis=1))
    np.testing.assert_allclose(model.score_samples(X), mixed, rtol=1e-8)
    assert model.score(X) == pytest.approx(mixed.mean())
    distances = np.stack(
        [
            np.sqrt(np.einsum("ij,jk,ik->i", X - m, np.linalg.inv(s), X - m))
            for m, s in zip(model.cluster_centers_, model.covariances_, strict=True)
        ]
    ).T
    np.testing.assert_allclose(model.mahalanobis(X), distances, rtol=1e-7)
    np.testing.assert_allclose(model.p_values(X), chi2.sf(distances**2, 3), atol=1e-9)
    precisions = model.precisions_cholesky_ @ model.precisions_cholesky_.transpose(0, 2, 1)
    np.testing.assert_allclose(
        precisions @ model.covariances_, np.broadcast_to(np.eye(3), (3, 3, 3)), atol=1e-9
    )


def test_p_values_of_a_gaussian_are_uniform(rng):
    X = rng.normal(size=(20_000, 2)) @ np.array([[2.0, 0.3], [0.0, 0.5]])
    p = shoal.LocalGaussian(2.0).fit(X).p_values(X)[:, 0]
    np.testing.assert_allclose(np.quantile(p, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.02)


def test_cut_offs_drop_what_they_say(rng):
    X = np.concatenate([rng.normal(c, 1, (500, 2)) for c in ([0, 0], [4, 0])])
    model = shoal.LocalGaussian(1.8).fit(X)
    own = model.labels_
    rows = np.arange(len(X))
    p = model.p_values(X)[rows, own]
    np.testing.assert_array_equal(model.predict(X, p_value=0.05) == -1, p < 0.05)
    densities = np.sort(model.predict_proba(X), axis=1)
    np.testing.assert_array_equal(
        model.predict(X, ratio=0.3) == -1, densities[:, -2] / densities[:, -1] > 0.3
    )
    trimmed = model.predict(X, trim=0.1)
    for c in range(model.n_clusters_):
        assert (trimmed[own == c] == -1).sum() == int(0.1 * (own == c).sum())
        assert p[(own == c) & (trimmed == -1)].max() <= p[(own == c) & (trimmed == c)].min()
    all_three = model.predict(X, p_value=0.05, trim=0.1, ratio=0.3)
    dropped = (model.predict(X, p_value=0.05) == -1) | (trimmed == -1) | (model.predict(X, ratio=0.3) == -1)
    np.testing.assert_array_equal(all_three, np.where(dropped, -1, own))


def test_cut_offs_of_the_estimator_are_those_of_predict(rng):
    X = blobs(rng)
    plain = shoal.LocalGaussian(4.0).fit(X)
    model = shoal.LocalGaussian(4.0, p_value=0.1, trim=0.05, ratio=0.5).fit(X)
    np.testing.assert_array_equal(model.labels_, plain.predict(X, p_value=0.1, trim=0.05, ratio=0.5))
    np.testing.assert_array_equal(model.predict(X, p_value=0, trim=0, ratio=1), plain.labels_)
    np.testing.assert_array_equal(model.weights_, plain.weights_)
    assert (model.labels_ == -1).any()


def test_samples_come_from_the_clusters(rng):
    X = blobs(rng, 2000)
    model = shoal.LocalGaussian(4.0).fit(X)
    drawn, labels = model.sample(6000, random_state=0)
    np.testing.assert_allclose(np.bincount(labels) / 6000, model.weights_, atol=0.03)
    for c in range(3):
        np.testing.assert_allclose(drawn[labels == c].mean(axis=0), model.cluster_centers_[c], atol=0.12)
        np.testing.assert_allclose(np.cov(drawn[labels == c].T), model.covariances_[c], atol=0.15)
    np.testing.assert_array_equal(model.sample(5, random_state=1)[0], model.sample(5, random_state=1)[0])


def test_the_function_returns_what_the_estimator_learns(rng):
    X = blobs(rng)
    model = shoal.LocalGaussian(4.0, p_value=0.01).fit(X)
    result = shoal.local_gaussian(X, 4.0, p_value=0.01)
    np.testing.assert_array_equal(result.labels, model.labels_)
    np.testing.assert_array_equal(result.centers, model.cluster_centers_)
    np.testing.assert_array_equal(result.covariances, model.covariances_)
    assert (result.separation, result.n_iter, result.converged) == (4.0, model.n_iter_, True)


def test_paths_show_where_the_seeds_went(rng):
    X = blobs(rng)
    model = shoal.LocalGaussian(2.0, store_paths=True).fit(X)
    paths = model.centroid_paths_
    assert paths.shape == (model.n_iter_ + 1, model.n_seeds_, 2)
    assert not np.isnan(paths[0]).any()
    gone = np.isnan(paths).any(axis=2)
    assert (gone[1:] >= gone[:-1]).all()  # who is deleted stays deleted
    last = paths[-1][~gone[-1]]
    for center in model.cluster_centers_:
        assert cdist([center], last).min() < 1e-9
    assert not hasattr(model.set_params(store_paths=False).fit(X), "centroid_paths_")


# --- the separation ----------------------------------------------------------------------------------------


def test_the_path_is_the_ladder_and_the_choice_is_the_middle_of_its_longest_plateau(rng):
    X = blobs(rng)
    model = shoal.LocalGaussian().fit(X)
    path = model.separation_path_
    np.testing.assert_allclose(path[1:, 0] / path[:-1, 0], 2**-0.25)
    assert path[0, 1] == 1
    assert model.separation_ == middle_of_longest_plateau(path)
    assert model.n_clusters_ == 3
    for separation, n_clusters in path[::5]:
        assert shoal.LocalGaussian(separation).fit(X).n_clusters_ == n_clusters
    np.testing.assert_array_equal(shoal.LocalGaussian(4.0).fit(X).separation_path_, [[4.0, 3.0]])


def test_one_gaussian_is_one_cluster(rng):
    for n_features in (1, 2, 5):
        assert shoal.LocalGaussian().fit(rng.normal(size=(2000, n_features))).n_clusters_ == 1


def test_the_ladder_knows_copies_from_points(rng):
    X = rng.normal(size=(3000, 2))
    assert _core.count_distinct(r_tree(X)) == 3000
    assert _core.count_distinct(r_tree(np.repeat(X, 5, axis=0))) == 3000
    many = rng.normal(size=(50_000, 3)).astype(np.float32)
    assert _core.count_distinct(r_tree(many)) == pytest.approx(50_000, rel=0.08)


@pytest.mark.parametrize(
    ("n_clusters", "separation"),
    [
        ([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 9], 8),  # separations above half the range do not count
        ([1, 1, 1, 1, 3, 5, 7, 50, 51, 52, 50, 90], 8),  # alike
        ([1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 9, 30], 6),  # one cluster
        ([1, 1, 1, 1, 2, 2, 3, 3], 4),  # of equals that of larger separations
    ],
)
def test_the_longest_plateau_of_alike_numbers_counts(n_clusters, separation):
    path = np.column_stack([1000.0 * 2 ** (-np.arange(len(n_clusters)) / 4), n_clusters])
    assert middle_of_longest_plateau(path) == path[separation, 0]


def test_a_small_cluster_is_kept_where_empty_space_surrounds_it_and_dropped_on_a_background(rng):
    large = rng.normal(0, 1, (3000, 2))
    small = rng.normal([12, 0], 0.5, (60, 2))
    model = shoal.LocalGaussian(3.0).fit(np.concatenate([large, small]))
    assert model.n_clusters_ == 2
    background = rng.uniform(-15, 15, (3000, 2))
    model = shoal.LocalGaussian(3.0).fit(np.concatenate([large, background]))
    assert model.n_clusters_ == 1
    assert shoal.LocalGaussian(3.0, min_count=0).fit(np.concatenate([large, background])).n_clusters_ > 10


# --- degenerate data ---------------------------------------------------------------------------------------


def test_a_cluster_with_fewer_points_than_features(rng):
    X = np.concatenate([rng.normal(0, 1, (500, 5)), np.full((3, 5), 40.0) + rng.normal(0, 0.1, (3, 5))])
    model = shoal.LocalGaussian(15.0, min_count=1).fit(X)
    assert model.n_clusters_ == 2
    assert np.bincount(model.labels_).tolist() == [500, 3]
    assert np.isfinite(model.precisions_cholesky_).all()


def test_equal_points_are_one_cluster():
    for value in (0.0, 0.1, -1e17, 1e8):
        model = shoal.LocalGaussian().fit(np.full((50, 3), value))
        assert model.n_clusters_ == 1
        assert model.counts_.tolist() == [50]
        np.testing.assert_array_equal(model.labels_, 0)
        np.testing.assert_allclose(model.cluster_centers_, value)


def test_a_separation_larger_than_the_data_gives_one_cluster_with_their_covariance(rng):
    X = rng.normal(size=(5000, 2))
    model = shoal.LocalGaussian(1e3).fit(X)
    assert model.n_clusters_ == model.n_seeds_ == 1
    np.testing.assert_allclose(model.cluster_centers_[0], X.mean(axis=0), atol=1e-10)
    np.testing.assert_allclose(model.covariances_[0], np.eye(2), atol=0.1)


def test_a_few_separate_points_are_clusters_of_their_own():
    X = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 7.0]])
    model = shoal.LocalGaussian(1.0).fit(X)
    assert model.n_clusters_ == 3
    assert sorted(model.labels_.tolist()) == [0, 1, 2]


@pytest.mark.parametrize(("separation", "n_samples"), [(1e-6, 20_000), (1e-4, 300_000)])
def test_a_separation_that_leaves_nearly_every_point_alone_is_refused(rng, separation, n_samples):
    with pytest.raises(ValueError, match=rf"is too small: {n_samples} samples are in \d+ boxes"):
        shoal.LocalGaussian(separation).fit(rng.uniform(size=(n_samples, 2)))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"separation": 0}, r"separation must be in \(0, inf\); got 0"),
        ({"separation": "large"}, r"separation must be a number or 'auto'; got 'large'"),
        ({"separation": 1e-18}, r"separation must be at least [\d.e-]+, the resolution of X; got 1e-18"),
        (
            {"separation": 1.0, "min_count": 1e6},
            r"min_count must be at most \d+, the largest count .* got 1e\+06",
        ),
        ({"softening": 1.0}, r"softening must be in \(0, 1\); got 1"),
        ({"p_value": 1.0}, r"p_value must be in \[0, 1\); got 1.0"),
        ({"trim": -0.1}, r"trim must be in \[0, 1\]; got -0.1"),
        ({"ratio": 0}, r"ratio must be in \(0, 1\]; got 0"),
        ({"collision_distance": -1}, r"collision_distance must be in \[0, inf\); got -1"),
        ({"scale": "max"}, r"scale must be one of 'std', 'range'; got 'max'"),
    ],
)
def test_refusals_name_the_parameter(params, message, rng):
    with pytest.raises(ValueError, match=message):
        shoal.LocalGaussian(**params).fit(blobs(rng, 50))


def test_values_too_wide_for_their_squares_are_refused():
    with pytest.raises(ValueError, match="X spreads too wide for float32: squared distances overflow"):
        shoal.LocalGaussian().fit(np.array([[-1e25], [1e25]], dtype=np.float32))


# --- to a mixture ------------------------------------------------------------------------------------------


def test_as_a_gaussian_mixture_it_says_the_same_and_em_improves_it(rng):
    X = np.concatenate([rng.normal(c, 1, (800, 2)) for c in ([0, 0], [3.5, 0], [0, 6])])
    model = shoal.LocalGaussian(1.7).fit(X)
    same = model.to_gaussian_mixture()
    np.testing.assert_allclose(same.score_samples(X), model.score_samples(X), rtol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        polished = model.to_gaussian_mixture(X, max_iter=200)
    assert polished.score(X) >= model.score(X)
    assert polished.n_components == model.n_clusters_


@both_dtypes
def test_points_on_a_line_have_a_cluster(rng, dtype):
    """The ridge is lost where a flat covariance of float32 data is rounded before it is factored."""
    for _ in range(20):
        d = int(rng.integers(2, 6))
        X = (rng.normal(size=(90, 1)) * rng.normal(size=(1, d))).astype(dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = shoal.LocalGaussian(0.3).fit(X)
        assert np.isfinite(model.precisions_cholesky_).all()
        np.testing.assert_array_equal(model.predict(X), model.labels_)


def test_a_cluster_too_long_for_its_ridge_is_refused_by_name_and_nothing_changes():
    X = np.outer(np.linspace(0, 1e9, 50), [1.0, 0.5])
    X[25] += 1e-3
    model = shoal.LocalGaussian(1.0, min_count=0, paper_exact=True, reg_covar=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        with pytest.raises(ValueError, match="reg_covar is too small"):
            model.fit(X)
    assert not hasattr(model, "cluster_centers_")


@pytest.mark.parametrize("value", [np.float32(1e30), 1.7e308])
def test_equal_points_too_large_for_a_variance_are_refused(value):
    """Their resolution is a length whose square overflows: covariances came out infinite, or as OverflowError."""
    model = shoal.LocalGaussian()
    with pytest.raises(ValueError, match=r"separation=.* is too large for float"):
        model.fit(np.full((3, 1), value))
    assert not hasattr(model, "cluster_centers_")
