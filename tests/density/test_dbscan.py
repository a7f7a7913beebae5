"""DBSCAN: scikit-learn's labels, in memory that does not grow with eps."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from helpers import both_dtypes, same_partition, threads_and_block_length, threads_and_blocks
from oracles import dbscan as oracle
from scipy import sparse
from sklearn import cluster as sklearn_cluster
from sklearn.datasets import make_blobs, make_moons
from sklearn.neighbors import radius_neighbors_graph

import shoal
from shoal import _core

DIMENSIONS = (1, 2, 3, 4, 5, 6, 7, 13, 40, 100)
KINDS = ("normal", "lattice", "tenths", "duplicates", "huge offset", "one far away", "two scales")


def draw(rng, kind, n, d):
    """Data, and radii from one that joins nothing to one that joins all."""
    if kind == "lattice":
        return rng.integers(0, 6, size=(n, d)).astype(float), [0.5, 1.0, 2.0, 3.0, 2.0**0.5]
    if kind == "tenths":
        return rng.integers(0, 12, size=(n, d)) * 0.1, [0.1, 0.2, 0.3, 0.5]
    if kind == "duplicates":
        return rng.normal(size=(max(1, n // 6), d))[rng.integers(0, max(1, n // 6), n)], [1e-3, 0.5, 2.0]
    if kind == "huge offset":
        return rng.integers(0, 64, size=(n, d)) / 4 + 1e8, [0.25, 1.0, 4.0]
    X = rng.normal(size=(n, d))
    if kind == "one far away":
        X[n // 2] = 1e15
    if kind == "two scales":
        X[: n // 2] *= 1e-9
    return X, [1e-12, 0.1, 0.3 * d**0.5, d**0.5, 2 * d**0.5, 1e30]


def assert_like_oracle(X, eps, min_samples, metric="euclidean", p=2, weight=None):
    model = shoal.DBSCAN(eps, min_samples=min_samples, metric=metric, p=p).fit(X, sample_weight=weight)
    within = oracle.distances(X, metric, p) <= oracle.radius(eps, metric, p)
    core, labels = oracle.dbscan(within, min_samples, weight)
    np.testing.assert_array_equal(model.core_sample_indices_, core)
    np.testing.assert_array_equal(model.labels_, labels)


# --- two ways, one answer ------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_those_of_the_definition(rng, kind, d):
    """To the last bit of every distance: the oracle adds up in the same order, in double."""
    X, radii = draw(rng, kind, int(rng.integers(30, 150)), d)
    for eps in radii:
        assert_like_oracle(X, eps, int(rng.integers(1, 9)))


@pytest.mark.parametrize("kind", ["normal", "lattice", "interleaved", "clusters"])
@pytest.mark.parametrize("weighting", ["none", "copies", "negative"])
def test_kept_neighbours_change_no_label(rng, kind, weighting):
    """Enough samples for several parts that are counted apart (512), min_samples below and above what is kept (16).

    Radii leave many small components, of which some share a leaf, one with noise and border samples, and one of all.
    """
    n, d = 1300, 11
    if kind == "lattice":
        X = rng.integers(0, 3, size=(n, d)).astype(float)
    elif kind == "interleaved":  # two sheets: every box holds samples of both
        X = rng.normal(size=(n, d)) * np.r_[np.full(2, 2.0), np.full(d - 2, 0.05)]
        X[::2, -1] += 1.5
    else:
        X = rng.normal(size=(n, d))
    if kind == "clusters":
        X = 0.3 * X + rng.normal(size=(40, d))[rng.integers(0, 40, n)]
    weight = {"none": None, "copies": rng.integers(0, 4, n), "negative": rng.integers(-1, 3, n)}[weighting]
    distances = oracle.distances(X, "euclidean", 2)
    for share in (0.0008, 0.006, 0.1):
        eps = float(np.sqrt(np.quantile(distances[:200], share))) * (1 if kind == "lattice" else 1.001)
        for min_samples in (2, 14, 40):
            model = shoal.DBSCAN(eps, min_samples=min_samples).fit(X, sample_weight=weight)
            core, labels = oracle.dbscan(distances <= oracle.radius(eps, "euclidean", 2), min_samples, weight)
            np.testing.assert_array_equal(model.core_sample_indices_, core)
            np.testing.assert_array_equal(model.labels_, labels)


def stages_of(X, eps, min_samples, weight=None):
    seen = []
    weight = None if weight is None else np.asarray(weight, dtype=np.float64)
    _core.dbscan(
        X,
        weight,
        metric="euclidean",
        eps=eps,
        p=2.0,
        min_samples=min_samples,
        progress=lambda stage, done, total: seen.append(stage),
    )
    return set(seen)


@pytest.mark.parametrize("kind", ["normal", "lattice", "far from zero"])
@pytest.mark.parametrize("weighting", ["none", "copies", "negative"])
@pytest.mark.parametrize("d", [12, 41])  # in single precision; by codes
def test_looking_at_every_pair_once_changes_no_label(rng, kind, weighting, d):
    """Many features and few neighbours: all pairs are looked at, unless they turn out to be many."""
    n = 2200
    X = rng.integers(0, 3, size=(n, d)).astype(float) if kind == "lattice" else rng.normal(size=(n, d))
    if kind == "far from zero":
        X += 1e6
    X[:40] = X[40]
    weight = {"none": None, "copies": rng.integers(0, 4, n), "negative": rng.integers(-1, 3, n)}[weighting]
    distances = oracle.distances(X, "euclidean", 2)
    ways = []
    for share in (0.0008, 0.002, 0.1):
        eps = float(np.sqrt(np.quantile(distances[40:240], share))) * (1 if kind == "lattice" else 1.001)
        for min_samples in (2, 7):
            ways.append("pairs" in stages_of(X, eps, min_samples, weight))
            core, labels = oracle.dbscan(distances <= oracle.radius(eps, "euclidean", 2), min_samples, weight)
            for n_threads in (1, 2, 7):
                with shoal.threads(n_threads):
                    model = shoal.DBSCAN(eps, min_samples=min_samples).fit(X, sample_weight=weight)
                np.testing.assert_array_equal(model.core_sample_indices_, core)
                np.testing.assert_array_equal(model.labels_, labels)
    assert any(ways)
    assert not all(ways)


@both_dtypes
@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("kind", ["normal", "lattice", "duplicates", "huge offset"])
def test_labels_are_scikit_learns(rng, kind, d, dtype):
    X, radii = draw(rng, kind, 200, d)
    X = X.astype(dtype)
    for eps in radii:
        min_samples = int(rng.integers(1, 9))
        theirs = sklearn_cluster.DBSCAN(eps=eps, min_samples=min_samples, algorithm="kd_tree").fit(X)
        ours = shoal.DBSCAN(eps, min_samples=min_samples).fit(X)
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)
        np.testing.assert_array_equal(ours.core_sample_indices_, theirs.core_sample_indices_)
        np.testing.assert_array_equal(ours.components_, X[theirs.core_sample_indices_])


@pytest.mark.parametrize("metric", ["manhattan", "chebyshev", "minkowski", "cosine"])
@pytest.mark.parametrize("d", [2, 3, 11])
def test_every_metric_gives_scikit_learns_labels(rng, metric, d):
    X = rng.normal(size=(250, d)) + (1 if metric == "cosine" else 0)
    for eps in (0.01, 0.1, 0.4, 1.0, 3.0):
        p = 3 if metric == "minkowski" else None
        theirs = sklearn_cluster.DBSCAN(eps=eps, min_samples=4, metric=metric, p=p).fit(X)
        ours = shoal.DBSCAN(eps, min_samples=4, metric=metric, p=p).fit(X)
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)
        assert_like_oracle(X, eps, 4, metric, p or 2)


@pytest.mark.parametrize(
    ("name", "options", "same_as"),
    [
        ("l2", {}, "euclidean"),
        ("l1", {}, "manhattan"),
        ("cityblock", {}, "manhattan"),
        ("minkowski", {"p": None}, "euclidean"),
        ("minkowski", {"p": 1}, "manhattan"),
        ("minkowski", {"p": 2}, "euclidean"),
        ("minkowski", {"p": np.inf}, "chebyshev"),
        ("minkowski", {"p": 7, "metric_params": {"p": 1}}, "manhattan"),
    ],
)
def test_a_metric_has_one_meaning_under_all_its_names(rng, name, options, same_as):
    X = rng.integers(0, 9, size=(300, 2)) / 4
    model = shoal.DBSCAN(0.5, metric=name, **options).fit(X)
    np.testing.assert_array_equal(model.labels_, shoal.DBSCAN(0.5, metric=same_as).fit(X).labels_)


@pytest.mark.parametrize("d", [1, 2, 3, 8])
def test_weights_give_scikit_learns_labels(rng, d):
    X = rng.normal(size=(300, d))
    for weight in (
        rng.integers(0, 4, 300).astype(float),
        rng.integers(-3, 6, 300).astype(float),  # a negative one keeps neighbours from being core
        rng.integers(0, 5, 300) / 4,
    ):
        for eps in (0.1, 0.4, 1.0):
            theirs = sklearn_cluster.DBSCAN(eps=eps, min_samples=6).fit(X, sample_weight=weight)
            ours = shoal.DBSCAN(eps, min_samples=6).fit(X, sample_weight=weight)
            np.testing.assert_array_equal(ours.core_sample_indices_, theirs.core_sample_indices_)
            np.testing.assert_array_equal(ours.labels_, theirs.labels_)


def test_a_weight_is_as_many_copies(rng):
    X = rng.normal(size=(120, 2))
    weight = rng.integers(1, 4, 120)
    weighted = shoal.DBSCAN(0.3, min_samples=8).fit(X, sample_weight=weight)
    copies = shoal.DBSCAN(0.3, min_samples=8).fit(np.repeat(X, weight, axis=0))
    np.testing.assert_array_equal(np.repeat(weighted.labels_, weight), copies.labels_)


@both_dtypes
def test_distances_of_a_matrix_are_distances(rng, dtype):
    X = rng.normal(size=(150, 3))
    distances = np.sqrt(oracle.distances(X)).astype(dtype)
    for eps in (0.2, 0.6, 1.5):
        theirs = sklearn_cluster.DBSCAN(eps=eps, min_samples=4, metric="precomputed").fit(distances)
        ours = shoal.DBSCAN(eps, min_samples=4, metric="precomputed").fit(distances)
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)
        np.testing.assert_array_equal(ours.components_, theirs.components_)
        assert same_partition(ours.labels_, shoal.DBSCAN(eps, min_samples=4).fit(X).labels_)


def test_a_lopsided_matrix_is_expanded_as_scikit_learn_does(rng):
    for _ in range(20):
        distances = rng.random(size=(40, 40))
        np.fill_diagonal(distances, 0)
        theirs = sklearn_cluster.DBSCAN(eps=0.05, min_samples=3, metric="precomputed").fit(distances)
        ours = shoal.DBSCAN(0.05, min_samples=3, metric="precomputed").fit(distances)
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_array, sparse.coo_array])
def test_stored_distances_are_distances(rng, form):
    X = rng.normal(size=(200, 2))
    graph = radius_neighbors_graph(X, 0.9, mode="distance")
    weight = rng.integers(0, 3, 200).astype(float)
    for eps in (0.1, 0.3, 0.9):
        theirs = sklearn_cluster.DBSCAN(eps=eps, min_samples=4, metric="precomputed")
        theirs.fit(graph, sample_weight=weight)
        ours = shoal.DBSCAN(eps, min_samples=4, metric="precomputed").fit(form(graph), sample_weight=weight)
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)
        direct = shoal.DBSCAN(eps, min_samples=4).fit(X, sample_weight=weight)
        np.testing.assert_array_equal(ours.labels_, direct.labels_)


def test_a_stored_diagonal_counts_as_it_is():
    graph = sparse.csr_array(([5.0, 0.1, 0.1], ([0, 0, 1], [0, 1, 0])), shape=(3, 3))
    for eps in (0.2, 6.0):
        theirs = sklearn_cluster.DBSCAN(eps=eps, min_samples=2, metric="precomputed").fit(graph)
        ours = shoal.DBSCAN(eps, min_samples=2, metric="precomputed").fit(graph)
        np.testing.assert_array_equal(ours.core_sample_indices_, theirs.core_sample_indices_)
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)


def test_sparse_features_are_features(rng):
    X = sparse.random_array((200, 30), density=0.1, rng=rng, format="csr")
    X.data[:] = np.round(X.data * 4)
    for metric, eps in (("euclidean", 3.0), ("cosine", 0.3), ("manhattan", 6.0)):
        dense = shoal.DBSCAN(eps, metric=metric).fit(X.toarray())
        rows = shoal.DBSCAN(eps, metric=metric).fit(X)
        np.testing.assert_array_equal(rows.labels_, dense.labels_)
        np.testing.assert_array_equal(rows.components_.toarray(), dense.components_)
        np.testing.assert_array_equal(rows.predict(X), dense.predict(X.toarray()))


# --- what distances are --------------------------------------------------------------------------------------


def test_a_distance_equal_to_eps_is_within():
    X = [[0.0], [1.0], [2.0], [3.5]]
    assert shoal.DBSCAN(1.0, min_samples=2).fit(X).labels_.tolist() == [0, 0, 0, -1]
    assert shoal.DBSCAN(1.5, min_samples=2).fit(X).labels_.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@both_dtypes
def test_given_distances_are_compared_in_their_own_type(form, dtype):
    value = dtype(0.1)
    D = np.full((5, 5), value)
    np.fill_diagonal(D, 0)
    for eps in (0.1, float(value), float(np.nextafter(value, dtype(0))), 0.05, 1e300):
        model = shoal.DBSCAN(eps, min_samples=2, metric="precomputed").fit(form(D))
        assert (model.labels_ == (0 if eps >= 0.1 or eps == float(value) else -1)).all()
        np.testing.assert_array_equal(model.predict(D), model.labels_)
        if eps < 1:
            theirs = sklearn_cluster.DBSCAN(eps=eps, min_samples=2, metric="precomputed").fit(form(D))
            np.testing.assert_array_equal(model.labels_, theirs.labels_)


def test_rows_of_zeros_are_together_by_their_cosine():
    X = np.array([[0.0, 0], [0, 0], [0, 0], [1, 0], [2, 0], [0, 3]])
    model = shoal.DBSCAN(0.1, min_samples=2, metric="cosine").fit(X)
    assert model.labels_.tolist() == [0, 0, 0, 1, 1, -1]
    assert shoal.DBSCAN(1.0, min_samples=2, metric="cosine").fit(X).labels_.tolist() == [0] * 6


@pytest.mark.parametrize("level", _core.isa_available())
def test_every_instruction_set_gives_the_same_labels(rng, level):
    """On lattices of steps that doubles do not hold, where many distances are within rounding of eps."""
    current = _core.isa()
    for d in (1, 2, 3, 5, 17):
        X = rng.integers(0, 10, size=(400, d)) * 0.1
        weight = rng.integers(0, 4, 400) * 0.3
        for eps in (0.1, 0.3, 0.7):
            expected = shoal.DBSCAN(eps).fit(X, sample_weight=weight)
            _core.set_isa(level)
            try:
                model = shoal.DBSCAN(eps).fit(X, sample_weight=weight)
            finally:
                _core.set_isa(current)
            np.testing.assert_array_equal(model.labels_, expected.labels_)
            np.testing.assert_array_equal(model.core_sample_indices_, expected.core_sample_indices_)


@threads_and_blocks
def test_threads_and_blocks_change_no_label(rng, n_threads, block_length):
    for X, eps in (
        (rng.integers(0, 60, size=(3000, 2)) * 0.1, 0.1),
        (rng.integers(0, 25, size=(3000, 3)) * 0.1, 0.2),
        (make_moons(3000, noise=0.2, random_state=1)[0], 0.05),
        (rng.normal(size=(3000, 12)), 2.2),
    ):
        for weight in (None, rng.integers(0, 7, 3000) * 0.3):
            with threads_and_block_length(1, 0):
                expected = shoal.dbscan(X, eps, sample_weight=weight)
            with threads_and_block_length(n_threads, block_length):
                result = shoal.dbscan(X, eps, sample_weight=weight)
            np.testing.assert_array_equal(result.labels, expected.labels)
            np.testing.assert_array_equal(result.core_samples, expected.core_samples)


def test_scaling_by_a_power_of_two_changes_nothing(rng):
    X = rng.normal(size=(500, 3))
    expected = shoal.dbscan(X, 0.4)
    for scale in (4.0, 2.0**-40, 2.0**100):
        np.testing.assert_array_equal(shoal.dbscan(X * scale, 0.4 * scale).labels, expected.labels)


def test_float32_data_have_the_distances_of_their_values(rng):
    X = (rng.integers(0, 30, size=(400, 2)) * np.float32(0.1)).astype(np.float32)
    for eps in (0.1, 0.2, 0.3):
        ours = shoal.dbscan(X, eps)
        np.testing.assert_array_equal(ours.labels, shoal.dbscan(X.astype(np.float64), eps).labels)


# --- theorems ------------------------------------------------------------------------------------------------


def test_shuffling_moves_nothing_but_contested_border_samples(rng):
    X = rng.normal(size=(600, 2))
    expected = shoal.DBSCAN(0.15, min_samples=6).fit(X)
    order = rng.permutation(600)
    shuffled = shoal.DBSCAN(0.15, min_samples=6).fit(X[order])
    np.testing.assert_array_equal(
        np.sort(order[shuffled.core_sample_indices_]), expected.core_sample_indices_
    )
    labels = np.empty(600, dtype=int)
    labels[order] = shuffled.labels_
    cores = expected.core_sample_indices_
    assert same_partition(labels[cores], expected.labels_[cores])
    np.testing.assert_array_equal(labels == -1, expected.labels_ == -1)


def test_a_border_sample_belongs_to_the_smallest_label_within_reach(rng):
    X = rng.normal(size=(800, 2))
    model = shoal.DBSCAN(0.12, min_samples=7).fit(X)
    cores = model.core_sample_indices_
    within = oracle.distances(X) <= 0.12**2
    border = np.setdiff1d(np.flatnonzero(model.labels_ >= 0), cores)
    assert border.size
    for i in border:
        assert model.labels_[i] == model.labels_[cores[within[i, cores]]].min()


def test_clusters_are_numbered_by_their_first_core_sample(rng):
    model = shoal.DBSCAN(0.2).fit(rng.normal(size=(500, 2)))
    labels = model.labels_[model.core_sample_indices_]
    _, first = np.unique(labels, return_index=True)
    assert (np.diff(first) > 0).all()


def test_a_larger_eps_never_parts_core_samples(rng):
    X = rng.normal(size=(500, 3))
    before = shoal.DBSCAN(0.3, min_samples=4).fit(X)
    for eps in (0.35, 0.5, 0.8, 2.0):
        after = shoal.DBSCAN(eps, min_samples=4).fit(X)
        assert np.isin(before.core_sample_indices_, after.core_sample_indices_).all()
        cores = before.core_sample_indices_
        pairs = np.unique(np.stack([before.labels_[cores], after.labels_[cores]]), axis=1)
        assert len(np.unique(pairs[0])) == pairs.shape[1]
        before = after


# --- predict -------------------------------------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan", "chebyshev", "minkowski"])
def test_predict_is_the_label_of_the_nearest_core_sample(rng, metric, dtype):
    X = (rng.integers(1, 9, size=(200, 3)) / 2).astype(dtype)
    queries = (rng.integers(1, 30, size=(150, 3)) / 4).astype(dtype)
    eps = 0.02 if metric == "cosine" else 0.9
    model = shoal.DBSCAN(eps, metric=metric, p=3).fit(X)
    cores = model.core_sample_indices_
    everything = np.concatenate([queries, X[cores]])
    distances = oracle.distances(everything, metric, 3)[: len(queries), len(queries) :]
    if metric == "cosine":  # the oracle and the core round differently
        distances = np.round(distances, 12)
    nearest = np.argmin(distances, axis=1)
    within = distances[np.arange(len(queries)), nearest] <= oracle.radius(eps, metric, 3)
    expected = np.where(within, model.labels_[cores[nearest]], -1)
    np.testing.assert_array_equal(model.predict(queries), expected)


def test_predict_is_right_on_core_samples_and_noise(rng):
    X = np.round(rng.normal(size=(1000, 2)), 1)
    model = shoal.DBSCAN(0.1, min_samples=8).fit(X)
    predicted = model.predict(X)
    cores = model.core_sample_indices_
    np.testing.assert_array_equal(predicted[cores], model.labels_[cores])
    np.testing.assert_array_equal(predicted == -1, model.labels_ == -1)


def test_predict_from_distances(rng):
    X, queries = rng.normal(size=(200, 2)), rng.normal(size=(50, 2))
    model = shoal.DBSCAN(0.3).fit(X)
    from_distances = shoal.DBSCAN(0.3, metric="precomputed").fit(np.sqrt(oracle.distances(X)))
    distances = np.linalg.norm(queries[:, None] - X[None], axis=2)
    np.testing.assert_array_equal(from_distances.predict(distances), model.predict(queries))


def test_predict_without_core_samples_is_noise():
    model = shoal.DBSCAN(0.1).fit([[0.0, 1.0], [5.0, 5.0]])
    assert model.components_.shape == (0, 2)
    assert model.predict([[0.0, 1.0]]).tolist() == [-1]


# --- the function, refusals, memory --------------------------------------------------------------------------


def test_the_function_unpacks_as_scikit_learns(rng):
    X = rng.normal(size=(200, 2))
    theirs = sklearn_cluster.dbscan(X, 0.3, min_samples=4, metric="minkowski", p=1)
    core, labels = shoal.dbscan(X, 0.3, min_samples=4, metric="minkowski", p=1)
    np.testing.assert_array_equal(core, theirs[0])
    np.testing.assert_array_equal(labels, theirs[1])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"eps": 0}, r"eps must be in \(0, inf\); got 0"),
        ({"eps": np.nan}, r"eps must be in \(0, inf\); got nan"),
        ({"min_samples": 0}, r"min_samples must be in \[1, inf\); got 0"),
        ({"metric": "hamming"}, r"metric must be one of 'euclidean', .*; got 'hamming'"),
        ({"metric": "minkowski", "p": 0}, r"p must be in \[1, inf\]; got 0"),
        ({"metric_params": {"w": [1]}}, r"metric_params must hold nothing but 'p'.*\['w'\]"),
        ({"algorithm": "rtree"}, r"algorithm must be one of .*; got 'rtree'"),
        ({"leaf_size": 0}, r"leaf_size must be in \[1, inf\); got 0"),
        ({"n_jobs": 0}, r"n_jobs must be a positive or negative integer or None; got 0"),
    ],
)
def test_bad_parameters_are_refused_in_one_sentence(params, message):
    with pytest.raises(ValueError, match=message):
        shoal.DBSCAN(**params).fit(np.zeros((5, 2)))


def test_bad_distances_are_refused():
    model = shoal.DBSCAN(metric="precomputed")
    with pytest.raises(ValueError, match=r"X must be square for metric='precomputed'; got shape \(5, 2\)"):
        model.fit(np.zeros((5, 2)))
    D = 9 - 9 * np.eye(4)
    D[0, 1] = D[1, 0] = 0.1
    fitted = shoal.DBSCAN(min_samples=2, metric="precomputed").fit(D)
    D[3, 2] = -1
    for bad in (D, sparse.csr_matrix(D)):
        for call in (model.fit, *([fitted.predict] if bad is D else [])):
            with pytest.raises(ValueError, match=r"Negative values in X: .* got -1 at row 3, column 2"):
                call(bad)


def test_jobs_are_threads(rng):
    X = rng.normal(size=(300, 2))
    expected = shoal.DBSCAN(0.3).fit(X).labels_
    for n_jobs in (1, 2, -1, -2):
        np.testing.assert_array_equal(shoal.DBSCAN(0.3, n_jobs=n_jobs).fit(X).labels_, expected)


MEASURE = """
    import resource, sys
    import numpy as np
    import shoal
    from shoal.base import checks
    import shoal.density.dbscan

    shoal.dbscan(np.zeros((100, 2)) + np.arange(100)[:, None], 1.0)
    X = np.random.default_rng(0).random((200_000, 2))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    core, labels = shoal.dbscan(X, {eps}, min_samples={min_samples})
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert labels.max() >= 0
    print((after - before) * (1 if sys.platform == "darwin" else 1024) / len(X))
"""


@pytest.mark.parametrize(("eps", "min_samples"), [(0.13, 5), (0.13, 10_000), (0.004, 5), (2.0, 5)])
def test_memory_does_not_grow_with_eps(run_python, eps, min_samples):
    """At eps = 0.13 a sample has 10,000 neighbours; a list of them would take 80,000 bytes."""
    pytest.importorskip("resource")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bytes_per_sample = float(run_python(MEASURE.format(eps=eps, min_samples=min_samples)))
    assert bytes_per_sample < 200


def test_separate_blobs_are_found(rng):
    X, truth = make_blobs(2000, 4, centers=5, cluster_std=0.5, random_state=0)
    labels = shoal.DBSCAN(1.5).fit(X).labels_
    assert same_partition(labels[labels >= 0], truth[labels >= 0])
    assert (labels < 0).mean() < 0.01


# --- k-distances ---------------------------------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev", "minkowski", "cosine"])
@pytest.mark.parametrize("d", [1, 2, 3, 4, 9, 12, 33])
def test_k_distances_are_distances_to_the_kth_nearest(rng, metric, d, dtype):
    X = (rng.integers(1, 20, size=(150, d)) / 4).astype(dtype)
    for k in (1, 4, 149):
        expected = np.sort(np.sort(oracle.distances(X, metric, 3), axis=1)[:, k])
        expected **= {"euclidean": 1 / 2, "minkowski": 1 / 3}.get(metric, 1)
        found = shoal.k_distances(X, k, metric=metric, p=3).distances
        np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15)


def test_core_samples_are_those_of_a_small_k_distance(rng):
    X = rng.normal(size=(400, 2))
    curve = shoal.k_distances(X, 5)
    for eps in (0.1, 0.2, curve.eps, *curve.distances[::7]):
        core, _ = shoal.dbscan(X, eps, min_samples=6)
        assert len(core) == (curve.distances <= eps).sum()


def test_the_knee_parts_a_cluster_from_noise(rng):
    X = np.concatenate([rng.normal(size=(900, 2)) * 0.2, rng.uniform(-30, 30, size=(60, 2))])
    curve = shoal.k_distances(X)
    labels = shoal.dbscan(X, curve.eps).labels
    assert (labels[:900] == 0).mean() > 0.95
    assert (labels[900:] == -1).mean() > 0.8


def test_k_distances_of_equal_samples_are_zero():
    assert shoal.k_distances(np.ones((6, 2)), 3) == (pytest.approx(np.zeros(6)), 0.0)


def test_k_distances_refuse_in_one_sentence():
    with pytest.raises(ValueError, match=r"k must be in \[1, n_samples - 1=3\]; got 4"):
        shoal.k_distances(np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"metric must be computed from X; got 'precomputed'"):
        shoal.k_distances(np.zeros((4, 4)), 1, metric="precomputed")


def test_a_row_without_weight_may_be_core_and_join_its_neighbours():
    """As in scikit-learn; so weight 0 is not the same as leaving the row out."""
    X, weight = np.array([[0.0], [1.0], [2.0]]), [1, 0, 1]
    model = shoal.DBSCAN(1.0, min_samples=2).fit(X, sample_weight=weight)
    theirs = sklearn_cluster.DBSCAN(eps=1.0, min_samples=2).fit(X, sample_weight=weight)
    assert model.labels_.tolist() == theirs.labels_.tolist() == [0, 0, 0]
    assert shoal.DBSCAN(1.0, min_samples=2).fit(X[::2]).labels_.tolist() == [-1, -1]
