"""AgglomerativeClustering, FeatureAgglomeration and their trees against scikit-learn, and what is ours."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import sklearn.cluster
from helpers import interrupt_after, same_partition
from oracles.linkage import METHODS
from scipy import sparse
from scipy.cluster import hierarchy as scipy_hierarchy
from scipy.spatial.distance import pdist, squareform
from sklearn.feature_extraction.image import grid_to_graph
from sklearn.metrics.pairwise import haversine_distances
from sklearn.neighbors import kneighbors_graph

import shoal
from shoal.hierarchy import linkage as linkage_module

LINKAGES = ("ward", "complete", "average", "single")
every_linkage = pytest.mark.parametrize("linkage", LINKAGES)
ATTRIBUTES = ("children_", "labels_", "n_clusters_", "n_leaves_", "n_connected_components_")


def same_fit(ours, theirs, distances=True):
    for name in ATTRIBUTES:
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
    assert hasattr(ours, "distances_") == hasattr(theirs, "distances_")
    if hasattr(ours, "distances_"):
        np.testing.assert_allclose(ours.distances_, theirs.distances_, rtol=1e-10, atol=1e-12)


def both(X, **parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        ours = shoal.AgglomerativeClustering(**parameters).fit(X)
        theirs = sklearn.cluster.AgglomerativeClustering(**parameters).fit(X)
    return ours, theirs


def random_graph(rng, n, k=3):
    """Every sample with a few others: sometimes in several pieces, not symmetric, with a diagonal."""
    rows = np.repeat(np.arange(n), k)
    graph = sparse.coo_array((np.ones(n * k), (rows, rng.integers(0, n, n * k))), shape=(n, n))
    return graph.tocsr()


DATA = {
    "random": lambda rng: rng.normal(size=(90, 3)),
    "lattice": lambda rng: rng.integers(0, 4, size=(90, 3)).astype(float) + 1,
    "duplicates": lambda rng: np.repeat(rng.normal(size=(30, 3)), 3, axis=0),
}
every_kind = pytest.mark.parametrize("kind", DATA)


@every_linkage
@every_kind
@pytest.mark.parametrize(
    "parameters", [{"n_clusters": 4}, {"n_clusters": None, "distance_threshold": 1.0}], ids=str
)
def test_scikit_learns_tree_and_labels(rng, linkage, kind, parameters):
    same_fit(*both(DATA[kind](rng), linkage=linkage, compute_distances=True, **parameters))


@pytest.mark.parametrize("linkage", ["complete", "average", "single"])
@pytest.mark.parametrize(
    "metric", ["l1", "l2", "manhattan", "cityblock", "cosine", "chebyshev", "canberra", "correlation"]
)
def test_scikit_learns_metrics(rng, linkage, metric):
    X = rng.normal(size=(70, 4)) + 3
    same_fit(*both(X, linkage=linkage, metric=metric, n_clusters=5, compute_distances=True))


@pytest.mark.parametrize("linkage", ["complete", "average", "single"])
def test_scikit_learns_precomputed_and_callable_metric(rng, linkage):
    X = rng.normal(size=(60, 3))
    D = squareform(pdist(X, "cityblock"))
    same_fit(*both(D, linkage=linkage, metric="precomputed", n_clusters=5, compute_distances=True))
    metric = lambda rows: squareform(pdist(rows, "cityblock"))  # noqa: E731
    same_fit(*both(X, linkage=linkage, metric=metric, n_clusters=5, compute_distances=True))


def test_scikit_learns_labels_of_many_samples(rng):
    X = rng.normal(size=(linkage_module.MOST_BY_MATRIX + 100, 3))
    for linkage in ("ward", "single"):
        same_fit(*both(X, linkage=linkage, n_clusters=30, compute_distances=True))


# --- a graph of connections ----------------------------------------------------------------------------------------


@every_linkage
@every_kind
@pytest.mark.parametrize("k", [1, 3, 8])
@pytest.mark.parametrize(
    "parameters",
    [
        {"n_clusters": 4},
        {"n_clusters": 20, "compute_full_tree": False},
        {"n_clusters": 20, "compute_full_tree": True},
        {"n_clusters": None, "distance_threshold": 1.0},
    ],
    ids=str,
)
def test_scikit_learns_tree_along_a_graph(rng, linkage, kind, k, parameters):
    X = DATA[kind](rng)
    graph = random_graph(rng, len(X), k)
    for compute in (False, True):
        same_fit(*both(X, linkage=linkage, connectivity=graph, compute_distances=compute, **parameters))


@every_linkage
def test_neighbours_as_a_callable_and_a_dense_graph(rng, linkage):
    X = rng.normal(size=(80, 2))

    def neighbours(rows):
        return kneighbors_graph(rows, 5, include_self=False)

    same_fit(*both(X, linkage=linkage, connectivity=neighbours, n_clusters=3))
    same_fit(*both(X, linkage=linkage, connectivity=neighbours(X).toarray(), n_clusters=3))


@pytest.mark.parametrize("linkage", ["complete", "average", "single"])
@pytest.mark.parametrize("metric", ["manhattan", "cosine", "precomputed"])
def test_metrics_along_a_graph(rng, linkage, metric):
    X = rng.normal(size=(60, 3))
    D = squareform(pdist(X)) if metric == "precomputed" else X
    graph = random_graph(rng, 60, 2)
    same_fit(
        *both(D, linkage=linkage, metric=metric, connectivity=graph, n_clusters=3, compute_distances=True)
    )


@pytest.mark.parametrize("linkage", ["complete", "average", "single"])
@pytest.mark.parametrize(
    "metric",
    ["chebyshev", "minkowski", "canberra", "correlation", "seuclidean", "mahalanobis", "jensenshannon"],
)
def test_along_a_graph_any_metric_is_that_of_its_distances(rng, linkage, metric):
    X = rng.random((60, 4))
    graph = random_graph(rng, 60, 1)
    options = {"linkage": linkage, "connectivity": graph, "n_clusters": 5, "compute_distances": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        direct = shoal.AgglomerativeClustering(metric=metric, **options).fit(X)
        given = shoal.AgglomerativeClustering(metric="precomputed", **options).fit(
            squareform(pdist(X, metric))
        )
    same_fit(direct, given)
    np.testing.assert_array_equal(direct.predict(X), direct.labels_)


@pytest.mark.parametrize("linkage", ["complete", "average", "single"])
@pytest.mark.parametrize("graph", [False, True])
def test_places_on_a_globe(rng, linkage, graph):
    X = np.column_stack([rng.uniform(-1.5, 1.5, 50), rng.uniform(-3, 3, 50)])
    D = haversine_distances(X)
    connectivity = random_graph(rng, 50, 3) if graph else None
    options = {"linkage": linkage, "connectivity": connectivity, "n_clusters": 4, "compute_distances": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model = shoal.AgglomerativeClustering(metric="haversine", **options).fit(X)
        given = shoal.AgglomerativeClustering(metric="precomputed", **options).fit(D)
    assert same_partition(model.labels_, given.labels_)
    np.testing.assert_allclose(model.distances_, given.distances_, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    if linkage == "single" and not graph:  # the one case that scikit-learn has
        same_fit(model, sklearn.cluster.AgglomerativeClustering(metric="haversine", **options).fit(X))
    with pytest.raises(
        ValueError, match=r"X must have 2 features, latitude and longitude in radians, .*; got 3"
    ):
        shoal.AgglomerativeClustering(metric="haversine", linkage=linkage).fit(rng.random((9, 3)))


@every_linkage
def test_pixels_of_an_image(rng, linkage):
    image = rng.integers(0, 9, size=(14, 11)).astype(float)
    same_fit(*both(image.reshape(-1, 1), linkage=linkage, connectivity=grid_to_graph(14, 11), n_clusters=6))


def test_pieces_are_joined_with_a_warning(rng):
    X = rng.normal(size=(20, 2))
    graph = sparse.block_diag([np.ones((10, 10)), np.ones((10, 10))])
    with pytest.warns(
        UserWarning, match="number of connected components of the connectivity matrix is 2 > 1"
    ):
        model = shoal.AgglomerativeClustering(3, connectivity=graph).fit(X)
    assert model.n_connected_components_ == 2
    assert len(model.children_) == 19


def test_the_complete_graph_is_no_constraint(rng):
    X = rng.normal(size=(50, 3))
    free = shoal.AgglomerativeClustering(4, compute_distances=True).fit(X)
    bound = shoal.AgglomerativeClustering(4, compute_distances=True, connectivity=np.ones((50, 50))).fit(X)
    np.testing.assert_allclose(bound.distances_, free.distances_, rtol=1e-10)
    assert same_partition(bound.labels_, free.labels_)


def test_weights_along_a_graph_are_copies(rng):
    X = rng.normal(size=(25, 2))
    weight = rng.integers(1, 4, size=25)
    rows = np.repeat(np.arange(25), weight)
    graph = random_graph(rng, 25, 4).toarray() + np.eye(25)
    for linkage in ("ward", "average"):
        options = {"linkage": linkage, "n_clusters": 5, "compute_distances": True}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            found = shoal.AgglomerativeClustering(connectivity=graph, **options).fit(X, sample_weight=weight)
            copies = shoal.AgglomerativeClustering(connectivity=graph[np.ix_(rows, rows)], **options).fit(
                X[rows]
            )
        np.testing.assert_allclose(found.distances_, copies.distances_[-24:], rtol=1e-9)
        assert same_partition(found.labels_[rows], copies.labels_)


# --- functions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("structured", [False, True])
def test_tree_functions_are_scikit_learns(rng, structured):
    X = rng.normal(size=(50, 3))
    graph = kneighbors_graph(X, 12, include_self=False) if structured else None
    stop = 7 if structured else None
    for name, options in (
        ("ward_tree", {}),
        *(("linkage_tree", {"linkage": method}) for method in ("complete", "average", "single")),
        ("linkage_tree", {"affinity": "manhattan"}),
    ):
        for n_clusters in (None, stop):
            given = {"connectivity": graph, "n_clusters": n_clusters, "return_distance": True, **options}
            ours = getattr(shoal, name)(X, **given)
            theirs = getattr(sklearn.cluster, name)(X, **given)
            assert len(ours) == len(theirs) == 5
            for a, b in zip(ours[:4], theirs[:4], strict=True):
                np.testing.assert_array_equal(a, b)
            np.testing.assert_allclose(ours[4], theirs[4], rtol=1e-10)
            assert len(getattr(shoal, name)(X, **{**given, "return_distance": False})) == 4


def test_a_partial_tree_needs_a_graph(rng):
    with pytest.warns(UserWarning, match="Partial build of the tree"):
        shoal.ward_tree(rng.normal(size=(10, 2)), n_clusters=3)


# --- ours ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("linkage", METHODS)
def test_predict_agrees_with_labels(rng, linkage):
    X = rng.normal(size=(80, 3))
    model = shoal.AgglomerativeClustering(6, linkage=linkage).fit(X)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    np.testing.assert_array_equal(model.predict(X + 1e-9), model.labels_)


@pytest.mark.parametrize(
    "metric",
    ["manhattan", "cosine", "canberra", "seuclidean", "mahalanobis", "jensenshannon", "infinity", "callable"],
)
def test_predict_in_every_metric(rng, metric):
    X = rng.random(size=(60, 3)) + 4
    given = (lambda rows: squareform(pdist(rows, "cityblock"))) if metric == "callable" else metric
    model = shoal.AgglomerativeClustering(5, linkage="average", metric=given).fit(X)
    np.testing.assert_array_equal(model.predict(X), model.labels_)


@pytest.mark.parametrize("metric", ["seuclidean", "mahalanobis"])
def test_what_a_metric_learns_it_learns_from_the_samples_of_the_fit(rng, metric):
    X = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 3))
    weight = rng.integers(0, 4, size=60)
    rows = np.repeat(np.arange(60), weight)
    options = {"linkage": "average", "metric": metric}
    found = shoal.AgglomerativeClustering(6, **options).fit(X, sample_weight=weight)
    copies = shoal.AgglomerativeClustering(6, **options).fit(X[rows])
    assert same_partition(found.labels_[rows], copies.labels_)
    np.testing.assert_array_equal(found.predict(X), found.labels_)
    one_by_one = [found.predict(row[None])[0] for row in X]
    np.testing.assert_array_equal(one_by_one, found.labels_)
    Z = shoal.linkage(X[weight > 0], "average", metric, sample_weight=weight[weight > 0])
    np.testing.assert_allclose(found.linkage_matrix_, Z)
    np.testing.assert_array_equal(
        shoal.linkage(X, "average", metric), scipy_hierarchy.linkage(X, "average", metric)
    )


def test_predict_from_distances(rng):
    X = rng.normal(size=(60, 3))
    D = squareform(pdist(X))
    model = shoal.AgglomerativeClustering(5, linkage="average", metric="precomputed").fit(D)
    np.testing.assert_array_equal(model.predict(D), model.labels_)


@pytest.mark.parametrize("linkage", METHODS)
def test_weights_are_copies(rng, linkage):
    X = rng.normal(size=(30, 2))
    weight = rng.integers(0, 4, size=30)
    rows = np.repeat(np.arange(30), weight)
    found = shoal.AgglomerativeClustering(4, linkage=linkage).fit(X, sample_weight=weight)
    copies = shoal.AgglomerativeClustering(4, linkage=linkage).fit(X[rows])
    assert same_partition(found.labels_[rows], copies.labels_)
    assert found.n_leaves_ == np.count_nonzero(weight)
    np.testing.assert_array_equal(found.predict(X), found.labels_)


def test_the_tree_is_cached(rng, tmp_path):
    X = rng.normal(size=(40, 2))
    plain = shoal.AgglomerativeClustering(3).fit(X)
    for n_clusters in (3, 5):
        model = shoal.AgglomerativeClustering(n_clusters, memory=str(tmp_path)).fit(X)
        np.testing.assert_array_equal(model.children_, plain.children_)
    assert any(tmp_path.rglob("*.pkl"))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_clusters": None}, "Exactly one of n_clusters and distance_threshold"),
        ({"distance_threshold": 1.0}, "Exactly one of n_clusters and distance_threshold"),
        ({"n_clusters": 9}, r"n_clusters must be in \[1, n_samples=8\]; got 9"),
        ({"n_clusters": None, "distance_threshold": -1.0}, r"distance_threshold must be in \[0, inf\)"),
        ({"linkage": "wards"}, "linkage must be one of"),
        ({"metric": "manhattan"}, "metric must be 'euclidean' .* for linkage='ward'; got 'manhattan'"),
        ({"metric": "nearness", "linkage": "average"}, "metric must be one of"),
        (
            {"n_clusters": None, "distance_threshold": 1.0, "compute_full_tree": False},
            "compute_full_tree must be True",
        ),
        ({"connectivity": np.ones((3, 3))}, r"connectivity must have shape .*\(8, 8\); got \(3, 3\)"),
        (
            {"connectivity": np.ones((8, 8)), "linkage": "centroid"},
            "linkage must be one of 'ward', 'complete'",
        ),
        ({"metric": "precomputed", "linkage": "average"}, "square"),
    ],
)
def test_refusals(parameters, message):
    with pytest.raises(ValueError, match=message):
        shoal.AgglomerativeClustering(**parameters).fit(np.arange(16.0).reshape(8, 2))


def test_cosine_of_zero_rows_is_refused_as_by_scikit_learn():
    with pytest.raises(ValueError, match="Cosine affinity cannot be used when X contains zero vectors"):
        shoal.AgglomerativeClustering(metric="cosine", linkage="average").fit(
            [[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]]
        )


@pytest.mark.parametrize("linkage", ["ward", "average"])
def test_ctrl_c_along_a_graph(rng, linkage):
    X = rng.normal(size=(150_000, 2))
    graph = kneighbors_graph(X, 10, include_self=False)
    model = shoal.AgglomerativeClustering(linkage=linkage, connectivity=graph)
    before = dict(vars(model))
    assert interrupt_after(0.15, lambda: model.fit(X)) < 0.6
    assert vars(model).keys() == before.keys()


# --- features ------------------------------------------------------------------------------------------------------


@every_linkage
@pytest.mark.parametrize("pooling", [np.mean, np.max, np.median])
def test_feature_agglomeration_is_scikit_learns(rng, linkage, pooling):
    X = rng.normal(size=(30, 12))
    options = {"n_clusters": 4, "linkage": linkage, "pooling_func": pooling, "compute_distances": True}
    ours = shoal.FeatureAgglomeration(**options).fit(X)
    theirs = sklearn.cluster.FeatureAgglomeration(**options).fit(X)
    same_fit(ours, theirs)
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), rtol=1e-12, atol=1e-14)
    reduced = ours.transform(X)
    np.testing.assert_array_equal(ours.inverse_transform(reduced), theirs.inverse_transform(reduced))
    np.testing.assert_array_equal(ours.get_feature_names_out()[0], "featureagglomeration0")


def test_feature_agglomeration_along_a_graph(rng):
    X = rng.normal(size=(30, 24))
    graph = grid_to_graph(6, 4)
    options = {"n_clusters": 5, "connectivity": graph}
    same_fit(
        shoal.FeatureAgglomeration(**options).fit(X), sklearn.cluster.FeatureAgglomeration(**options).fit(X)
    )


def test_feature_agglomeration_refuses():
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        shoal.FeatureAgglomeration().fit([[1.0], [2.0]])
    with pytest.raises(ValueError, match=r"n_clusters must be in \[1, n_features=2\]; got 3"):
        shoal.FeatureAgglomeration(3).fit([[1.0, 2], [2.0, 1]])
    model = shoal.FeatureAgglomeration(2).fit([[1.0, 2, 3], [2.0, 1, 3]])
    with pytest.raises(ValueError, match=r"X must have n_clusters=2 columns; got shape \(1, 3\)"):
        model.inverse_transform([[1.0, 2.0, 3.0]])
    assert not hasattr(model, "predict")
    assert not hasattr(model, "fit_predict")


@pytest.mark.parametrize("linkage", METHODS)
def test_the_linkage_matrix_is_that_of_the_function(rng, linkage):
    X = rng.normal(size=(50, 3))
    weight = rng.integers(1, 4, size=50).astype(float)
    for given in (None, weight):
        model = shoal.AgglomerativeClustering(4, linkage=linkage).fit(X, sample_weight=given)
        expected = shoal.linkage(X, linkage, sample_weight=given)
        np.testing.assert_allclose(model.linkage_matrix_, expected, rtol=1e-12)
        assert same_partition(shoal.cut_tree(expected, 4)[:, 0], model.labels_)
        for height in np.quantile(expected[:, 2], [0.3, 0.9]):
            model.set_params(n_clusters=None, distance_threshold=height).fit(X, sample_weight=given)
            cut = shoal.cut_tree(expected, height=height)[:, 0]
            assert same_partition(cut, model.labels_)
            assert model.n_clusters_ == cut.max() + 1


def test_a_tree_that_ends_early_has_no_linkage_matrix(rng):
    X = rng.normal(size=(30, 2))
    graph = kneighbors_graph(X, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        early = shoal.AgglomerativeClustering(20, connectivity=graph, compute_full_tree=False).fit(X)
        whole = shoal.AgglomerativeClustering(20, connectivity=graph, compute_full_tree=True).fit(X)
    with pytest.raises(AttributeError, match="compute_full_tree=True"):
        _ = early.linkage_matrix_
    assert whole.linkage_matrix_.shape == (29, 4)
    assert whole.linkage_matrix_[-1, 3] == 30


def test_values_of_edges_that_wrap_or_cancel_are_edges(rng):
    X = rng.normal(size=(6, 2))
    chain = np.eye(6, k=1, dtype=np.uint8)
    expected = shoal.AgglomerativeClustering(2, connectivity=chain).fit(X).labels_
    both = 128 * (chain + chain.T)
    np.testing.assert_array_equal(
        shoal.AgglomerativeClustering(2, connectivity=both).fit(X).labels_, expected
    )
    signed = chain.astype(float) - chain.T
    np.testing.assert_array_equal(
        shoal.AgglomerativeClustering(2, connectivity=signed).fit(X).labels_, expected
    )


def test_negative_distances_of_new_samples_are_refused_with_their_place(rng):
    X = rng.normal(size=(20, 2))
    model = shoal.AgglomerativeClustering(3, metric="precomputed", linkage="average")
    distances = squareform(pdist(X))
    model.fit(distances)
    query = distances[:5].copy()
    query[3, 7] = -2.0
    with pytest.raises(ValueError, match=r"Negative values in X: .* got -2 at row 3, column 7"):
        model.predict(query)
    distances[4, 2] = distances[2, 4] = -3.0
    with pytest.raises(ValueError, match=r"Negative values in X: .* got -3 at row 2, column 4"):
        model.fit(distances)


FAR = [(np.float32, 1e6, 64.0), (np.float64, 1e9, 1.0)]


@pytest.mark.parametrize(("dtype", "offset", "scale"), FAR)
@pytest.mark.parametrize("metric", ["euclidean", "l1", "chebyshev"])
@pytest.mark.parametrize("linkage", ["complete", "average", "single"])
def test_along_a_graph_of_all_edges_data_far_from_zero_keep_their_tree(
    rng, dtype, offset, scale, metric, linkage
):
    X = (rng.normal(size=(40, 3)) * scale + offset).astype(dtype)
    all_edges = np.ones((40, 40))
    _, _, _, _, heights = shoal.linkage_tree(X, all_edges, None, linkage, metric, return_distance=True)
    *_, expected = shoal.linkage_tree(X, None, None, linkage, metric, return_distance=True)
    np.testing.assert_allclose(heights, expected, rtol=1e-12)


@pytest.mark.parametrize(("dtype", "offset", "scale"), FAR)
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev", "cosine"])
def test_pieces_of_a_graph_far_from_zero_are_joined_by_the_shortest_edge(rng, dtype, offset, scale, metric):
    X = (rng.normal(size=(60, 3)) * scale + offset).astype(dtype)
    pieces = np.repeat([0, 1], 30)
    graph = pieces[:, None] == pieces
    with pytest.warns(UserWarning, match="connected components"):
        *_, heights = shoal.linkage_tree(X, graph, None, "single", metric, return_distance=True)
    names = {"manhattan": "cityblock"}
    unit = X.astype(np.float64) / np.linalg.norm(X.astype(np.float64), axis=1)[:, None]
    distances = (
        squareform(pdist(unit, "sqeuclidean")) / 2
        if metric == "cosine"
        else squareform(pdist(X.astype(np.float64), names.get(metric, metric)))
    )
    between = distances[:30, 30:].min()
    rtol = 1e-5 if metric == "cosine" else 1e-12
    assert np.isclose(heights, between, rtol=rtol, atol=0).any()


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_float32_edges_do_not_overflow_and_edges_beyond_float64_are_refused(rng, metric):
    X = rng.normal(size=(20, 2)).astype(np.float32)
    graph = kneighbors_graph(X, 6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        *_, heights = shoal.linkage_tree(X, graph, None, "average", metric, return_distance=True)
        large = X * np.float32(2.0**70)
        *_, larger = shoal.linkage_tree(large, graph, None, "average", metric, return_distance=True)
        np.testing.assert_allclose(larger, heights * 2.0**70, rtol=1e-12)
        with pytest.raises(ValueError, match="overflow"):
            shoal.linkage_tree(X.astype(np.float64) * 1e200, graph, None, "average", "euclidean")
