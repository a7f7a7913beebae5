"""OPTICS: scikit-learn's ordering, reachabilities, predecessors and clusters."""

from __future__ import annotations

import warnings

import joblib
import numpy as np
import pytest
from helpers import both_dtypes, same_partition, threads_and_block_length, threads_and_blocks
from oracles.dbscan import distances as all_distances
from oracles.optics import optics as oracle
from scipy import sparse
from sklearn import cluster as sklearn_cluster
from sklearn.datasets import make_blobs
from sklearn.neighbors import radius_neighbors_graph

import shoal
from shoal import _core

NAMES = ("ordering", "core_distances", "reachability", "predecessor")
SEARCHES = ("rows", "tree")
KINDS = ("normal", "blobs", "lattice", "tenths", "duplicates", "huge offset", "all equal")


def draw(rng, kind, n, d):
    if kind == "blobs":
        return rng.normal(size=(n, d)) * rng.choice([0.1, 0.3, 1], size=(n, 1)) + 4 * rng.integers(
            0, 4, size=(n, 1)
        )
    if kind == "lattice":
        return rng.integers(0, 7, size=(n, d)).astype(float)
    if kind == "tenths":
        return rng.integers(0, 12, size=(n, d)) * 0.1
    if kind == "duplicates":
        return rng.normal(size=(n // 5 + 1, d))[rng.integers(0, n // 5 + 1, n)]
    if kind == "huge offset":
        return rng.integers(0, 64, size=(n, d)) / 4 + 1e8
    if kind == "all equal":
        return np.full((n, d), 0.1)
    return rng.normal(size=(n, d))


def theirs(X, min_samples, max_eps=np.inf, metric="minkowski", p=2, algorithm="kd_tree"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # all reachabilities inf
        return sklearn_cluster.compute_optics_graph(
            X,
            min_samples=min_samples,
            max_eps=max_eps,
            metric=metric,
            p=p,
            metric_params=None,
            algorithm=algorithm,
            leaf_size=30,
            n_jobs=None,
        )


def ours(X, min_samples, max_eps=np.inf, metric="euclidean", p=2.0, search="automatic"):
    return _core.optics(X, metric=metric, p=p, min_samples=min_samples, max_eps=max_eps, search=search)


def assert_same(found, expected):
    for name, a, b in zip(NAMES, found, expected, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


# --- the graph -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("d", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("kind", KINDS)
def test_the_graph_is_scikit_learns_to_the_last_bit(rng, kind, d, search):
    n = int(rng.integers(20, 250))
    X = draw(rng, kind, n, d)
    for max_eps in (np.inf, 0.3, 1.0, 5.0):
        min_samples = int(rng.integers(2, 12))
        assert_same(ours(X, min_samples, max_eps, search=search), theirs(X, min_samples, max_eps))


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("metric", ["manhattan", "chebyshev"])
def test_other_metrics_give_scikit_learns_graph(rng, metric, search):
    for kind in ("normal", "lattice"):
        X = draw(rng, kind, 150, 3)
        for max_eps in (np.inf, 1.0):
            assert_same(ours(X, 4, max_eps, metric, search=search), theirs(X, 4, max_eps, metric))


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "minkowski", "manhattan", "chebyshev"])
def test_the_graph_is_that_of_the_definition(rng, metric):
    X = rng.normal(size=(120, 3)) + 1
    distances = all_distances(X, metric, 3) ** {"euclidean": 1 / 2, "minkowski": 1 / 3}.get(metric, 1)
    for max_eps in (np.inf, np.quantile(distances, 0.1)):
        expected = oracle(distances, 5, max_eps)
        for search in SEARCHES:
            found = ours(X, 5, max_eps, metric, 3.0, search)
            np.testing.assert_array_equal(found[0], expected[0])
            np.testing.assert_allclose(found[1], expected[1], rtol=1e-14, atol=2e-15)
            np.testing.assert_allclose(found[2], expected[2], rtol=1e-14, atol=2e-15)
            np.testing.assert_array_equal(found[3], expected[3])


@pytest.mark.parametrize("metric", ["cosine", "minkowski"])
def test_metrics_that_round_differently_are_scikit_learns_but_for_rounding(rng, metric):
    """Of cosine only the core distances are compared: scikit-learn's k-th neighbour may be farther by a rounding
    than its core distance, which breaks ties of reachability."""
    X = rng.normal(size=(150, 4)) + 1
    expected = theirs(X, 5, metric=metric, p=3, algorithm="brute")
    found = ours(X, 5, metric=metric, p=3.0)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-9)
    if metric == "minkowski":
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_allclose(found[2], expected[2], rtol=1e-14)


def test_more_samples_than_a_block(rng):
    """Rows are cut into blocks of thousands, and thinned out as samples are visited."""
    X = np.round(rng.normal(size=(6000, 2)), 2)
    expected = ours(X, 5, search="tree")
    for n_threads in (1, 2):
        with shoal.threads(n_threads):
            assert_same(ours(X, 5, search="rows"), expected)


@threads_and_blocks
@pytest.mark.parametrize("search", SEARCHES)
def test_threads_and_blocks_change_no_bit(rng, search, n_threads, block_length):
    X = rng.integers(0, 20, size=(400, 2)) * 0.1
    for max_eps in (np.inf, 0.35):
        with threads_and_block_length(1, 0):
            expected = ours(X, 4, max_eps, search=search)
        with threads_and_block_length(n_threads, block_length):
            assert_same(ours(X, 4, max_eps, search=search), expected)


@pytest.mark.parametrize("level", _core.isa_available())
def test_every_instruction_set_gives_the_same_bits(rng, level):
    current = _core.isa()
    for d in (1, 2, 3, 11):
        X = rng.integers(0, 9, size=(300, d)) * 0.1
        for search in SEARCHES:
            for max_eps in (np.inf, 0.3):
                expected = ours(X, 4, max_eps, search=search)
                _core.set_isa(level)
                try:
                    found = ours(X, 4, max_eps, search=search)
                finally:
                    _core.set_isa(current)
                assert_same(found, expected)


@both_dtypes
def test_distances_of_a_matrix_give_scikit_learns_graph(rng, dtype):
    for X in (rng.normal(size=(120, 2)), draw(rng, "lattice", 120, 2)):
        distances = np.sqrt(all_distances(X)).astype(dtype)
        for max_eps in (np.inf, 0.5):
            expected = theirs(distances.astype(float), 4, max_eps, "precomputed", algorithm="auto")
            found = _core.optics_precomputed(distances, min_samples=4, max_eps=max_eps)
            assert_same(found, expected)


def test_stored_distances_give_scikit_learns_graph(rng):
    X = rng.normal(size=(200, 2))
    graph = radius_neighbors_graph(X, 1.5, mode="distance")
    for max_eps in (np.inf, 1.5, 0.4):
        expected = sklearn_cluster.OPTICS(min_samples=3, max_eps=max_eps, metric="precomputed")
        found = shoal.OPTICS(min_samples=3, max_eps=max_eps, metric="precomputed")
        try:
            expected.fit(graph)
        except ValueError:  # some sample has not enough neighbours stored
            with pytest.raises(
                ValueError, match=r"X must store min_samples=3 distances or more in every row"
            ):
                found.fit(graph)
            continue
        found.fit(graph)
        for name in ("ordering_", "core_distances_", "reachability_", "predecessor_", "labels_"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


def test_sparse_features_are_features(rng):
    X = sparse.random_array((80, 20), density=0.2, rng=rng, format="csr")
    dense = shoal.OPTICS(min_samples=3, metric="euclidean").fit(X.toarray())
    np.testing.assert_array_equal(shoal.OPTICS(min_samples=3).fit(X).ordering_, dense.ordering_)


# --- clusters ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_xi_clusters_are_scikit_learns(rng, kind):
    for _ in range(6):
        n = int(rng.integers(12, 300))
        X = draw(rng, kind, n, 2)
        min_samples = int(rng.integers(2, 10))
        order, _, reachability, predecessor = theirs(X, min_samples, rng.choice([np.inf, 1.0]))
        for xi in (0.0, 0.01, 0.05, 0.2, 0.6):
            options = {
                "reachability": reachability,
                "predecessor": predecessor,
                "ordering": order,
                "min_samples": min_samples,
                "min_cluster_size": rng.choice([None, 2, 7, 0.3]),
                "xi": xi,
                "predecessor_correction": bool(rng.integers(2)),
            }
            expected_labels, expected = sklearn_cluster.cluster_optics_xi(**options)
            labels, clusters = shoal.cluster_optics_xi(**options)
            np.testing.assert_array_equal(labels, expected_labels)
            np.testing.assert_array_equal(clusters, expected.reshape(-1, 2))


@pytest.mark.parametrize("kind", KINDS)
def test_cuts_are_scikit_learns(rng, kind):
    X = draw(rng, kind, 200, 2)
    order, core, reachability, _ = theirs(X, 5)
    for eps in (0.0, 0.1, 0.5, 2.0, np.inf):
        options = {"reachability": reachability, "core_distances": core, "ordering": order, "eps": eps}
        np.testing.assert_array_equal(
            shoal.cluster_optics_dbscan(**options), sklearn_cluster.cluster_optics_dbscan(**options)
        )


@pytest.mark.parametrize("max_eps", [np.inf, 1.0])
def test_a_cut_gives_dbscans_clusters_of_core_samples(rng, max_eps):
    """The theorem: for eps up to max_eps the core samples are parted as DBSCAN parts them."""
    for kind in ("normal", "blobs", "lattice", "duplicates"):
        X = draw(rng, kind, 400, 2)
        result = shoal.optics(X, min_samples=6, max_eps=max_eps)
        for eps in (0.05, 0.2, 0.5, 1.0):
            cut = shoal.cluster_optics_dbscan(
                reachability=result.reachability,
                core_distances=result.core_distances,
                ordering=result.ordering,
                eps=eps,
            )
            direct = shoal.DBSCAN(eps, min_samples=6).fit(X)
            cores = direct.core_sample_indices_
            np.testing.assert_array_equal(np.flatnonzero(result.core_distances <= eps), cores)
            assert same_partition(cut[cores], direct.labels_[cores])
            # what the cut takes in besides are border samples of the same clusters
            assert (direct.labels_[cut >= 0] >= 0).all()


@both_dtypes
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"min_samples": 0.05, "min_cluster_size": 0.1},
        {"min_samples": 4, "xi": 0.15, "predecessor_correction": False},
        {"cluster_method": "dbscan", "eps": 0.6},
        {"cluster_method": "dbscan", "max_eps": 0.8},
        {"max_eps": 0.8, "metric": "chebyshev"},
    ],
)
def test_the_estimator_is_scikit_learns(rng, params, dtype):
    X = draw(rng, "blobs", 250, 2).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = sklearn_cluster.OPTICS(algorithm="kd_tree", **params).fit(X)
    for algorithm in ("auto", "brute", "kd_tree"):
        model = shoal.OPTICS(algorithm=algorithm, **params).fit(X)
        np.testing.assert_array_equal(model.labels_, expected.labels_)
        np.testing.assert_array_equal(model.ordering_, expected.ordering_)
        np.testing.assert_array_equal(model.predecessor_, expected.predecessor_)
        np.testing.assert_array_equal(model.reachability_, expected.reachability_)
        np.testing.assert_array_equal(model.core_distances_, expected.core_distances_)
        assert hasattr(model, "cluster_hierarchy_") == hasattr(expected, "cluster_hierarchy_")
        if hasattr(expected, "cluster_hierarchy_"):
            hierarchy = expected.cluster_hierarchy_.reshape(-1, 2)
            np.testing.assert_array_equal(model.cluster_hierarchy_, hierarchy)


def test_the_hierarchy_goes_when_there_is_none(rng):
    model = shoal.OPTICS().fit(rng.normal(size=(60, 2)))
    model.set_params(cluster_method="dbscan", eps=0.5).fit(rng.normal(size=(60, 2)))
    assert not hasattr(model, "cluster_hierarchy_")


def test_separate_blobs_are_found():
    X, truth = make_blobs(
        600, 2, centers=[[0, 0], [10, 0], [0, 10]], cluster_std=[0.3, 0.8, 1.2], random_state=0
    )
    labels = shoal.OPTICS(min_samples=20, min_cluster_size=100).fit(X).labels_
    inside = labels >= 0
    assert inside.mean() > 0.9
    assert same_partition(labels[inside], truth[inside])


# --- parameters ----------------------------------------------------------------------------------------------


def test_the_ordering_is_kept_in_memory(rng, tmp_path):
    X = rng.normal(size=(100, 2))
    memory = joblib.Memory(tmp_path, verbose=0)
    first = shoal.OPTICS(memory=memory).fit(X)
    second = shoal.OPTICS(memory=memory, xi=0.2).fit(X)
    np.testing.assert_array_equal(first.ordering_, second.ordering_)
    assert len(list(tmp_path.rglob("output.pkl"))) == 1


def test_a_warning_says_that_nothing_was_reached():
    with pytest.warns(UserWarning, match=r"All reachability values are inf: no sample is within max_eps=0.1"):
        model = shoal.OPTICS(min_samples=2, max_eps=0.1).fit(np.arange(10.0)[:, None])
    assert (model.labels_ == -1).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"min_samples": 1}, r"min_samples must be in \[2, n_samples=8\]; got 1"),
        ({"min_samples": 9}, r"min_samples must be in \[2, n_samples=8\]; got 9"),
        ({"min_samples": 1.5}, r"min_samples must be in \[0, 1\]; got 1.5"),
        ({"min_cluster_size": 0.0}, r"min_cluster_size must be in \(0, 1\]; got 0.0"),
        ({"min_cluster_size": 9}, r"min_cluster_size must be in \[2, n_samples=8\]; got 9"),
        ({"max_eps": -1}, r"max_eps must be in \[0, inf\); got -1"),
        ({"max_eps": np.nan}, r"max_eps must be in \[0, inf\); got nan"),
        ({"max_eps": 1, "eps": 2}, r"eps must be in \[0, max_eps=1\]; got 2"),
        ({"xi": 1.1}, r"xi must be in \[0, 1\]; got 1.1"),
        ({"cluster_method": "valleys"}, r"cluster_method must be one of 'xi', 'dbscan'; got 'valleys'"),
        ({"p": 0.5}, r"p must be in \[1, inf\]; got 0.5"),
    ],
)
def test_bad_parameters_are_refused_in_one_sentence(params, message):
    with pytest.raises(ValueError, match=message):
        shoal.OPTICS(**{"min_samples": 2, **params}).fit(np.zeros((8, 2)))


def test_a_plot_that_does_not_fit_together_is_refused():
    good = {
        "reachability": np.ones(4),
        "predecessor": [-1, 0, 1, 2],
        "ordering": np.arange(4),
        "min_samples": 2,
    }
    shoal.cluster_optics_xi(**good)
    for change, message in (
        ({"ordering": [0, 1, 1, 3]}, r"ordering must hold every index in \[0, n_samples - 1=3\] once"),
        ({"ordering": np.ones(4)}, r"ordering must be a 1D array of integers; got float64"),
        ({"predecessor": [0, 4, 0, 0]}, r"predecessor must be in \[-1, n_samples - 1=3\]; got 0..4"),
        ({"reachability": np.ones(3)}, r"reachability must have shape \(n_samples=4,\); got \(3,\)"),
        ({"reachability": [1, np.nan, 1, 1]}, r"Input reachability contains NaN at index 1"),
    ):
        with pytest.raises(ValueError, match=message):
            shoal.cluster_optics_xi(**{**good, **change})


def test_clusters_of_float32_are_those_of_the_published_plot(rng):
    """On a lattice whose steps are no float32: a plot of other precision than the labels has other ties."""
    for _ in range(20):
        X = (rng.integers(0, 9, size=(80, 3)) / 10).astype(np.float32)
        found = shoal.optics(X, min_samples=4, xi=0.0, predecessor_correction=False)
        plot = {"reachability": found.reachability, "ordering": found.ordering}
        labels, hierarchy = shoal.cluster_optics_xi(
            **plot, predecessor=found.predecessor, min_samples=4, xi=0.0, predecessor_correction=False
        )
        np.testing.assert_array_equal(found.labels, labels)
        np.testing.assert_array_equal(found.cluster_hierarchy, hierarchy)
        for eps in (0.1, 0.1 * 2**0.5, 0.2):
            cut = shoal.optics(X, min_samples=4, cluster_method="dbscan", eps=eps).labels
            extracted = shoal.cluster_optics_dbscan(**plot, core_distances=found.core_distances, eps=eps)
            np.testing.assert_array_equal(cut, extracted)
            flat = shoal.DBSCAN(eps=eps, min_samples=4).fit(X)
            core = flat.core_sample_indices_
            assert shoal.metrics.adjusted_rand_score(flat.labels_[core], cut[core]) == 1
            assert (cut[core] >= 0).all()
