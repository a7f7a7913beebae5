"""Linkage, its readers, agglomerative clustering and BIRCH: what their pages claim."""

import itertools

import numpy as np
import pytest
import scipy.cluster.hierarchy as hierarchy
import sklearn.cluster
from helpers import bits, threads_and_block_length
from hypothesis import assume, given
from hypothesis import strategies as st
from oracles.birch import CFTree
from oracles.linkage import METHODS, Clusters, complaint
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import pdist, squareform

import shoal
from properties.strategies import EXACT, FAR, HARD, PLAIN, examples, permutation, rows, seeds, weighted_rows

pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning", "ignore::sklearn.exceptions.ConvergenceWarning"
)
METHOD = st.sampled_from(METHODS)
REDUCIBLE = ("single", "complete", "average", "weighted", "ward")


@examples(80)
@given(X=rows(HARD, least=2, most=25, dtypes=(np.float64,)), method=METHOD)
def test_the_tree_is_scipys_and_every_merge_is_of_the_nearest(X, method):
    Z = shoal.linkage(X, method)
    condensed = pdist(X)
    np.testing.assert_array_equal(shoal.linkage(condensed, method), hierarchy.linkage(condensed, method))
    far = np.abs(X).max() > 1e5
    if not far:
        np.testing.assert_allclose(Z[:, 2], hierarchy.linkage(X, method)[:, 2], rtol=1e-6, atol=1e-6)
        assert not complaint(Z, Clusters(X, method), 1e-6)
    if method in REDUCIBLE:
        assert (np.diff(Z[:, 2]) >= -1e-9 * np.abs(Z[1:, 2])).all()
    assert hierarchy.is_valid_linkage(Z) or method in ("centroid", "median")


@examples(50)
@given(X=rows(HARD, least=2), method=METHOD, metric=st.sampled_from(["euclidean", "manhattan", "chebyshev"]))
def test_threads_change_no_bit_and_a_scale_scales_heights(X, method, metric):
    if method in ("ward", "centroid", "median"):
        metric = "euclidean"
    Z = shoal.linkage(X, method, metric)
    for n_threads in (1, 2, 7):
        with threads_and_block_length(n_threads, 4):
            assert bits(shoal.linkage(X, method, metric)) == bits(Z)
    four = shoal.linkage(4 * X, method, metric)
    np.testing.assert_array_equal(four[:, [0, 1, 3]], Z[:, [0, 1, 3]])
    np.testing.assert_array_equal(four[:, 2], 4 * Z[:, 2])


@examples(60)
@given(data=weighted_rows(PLAIN, whole=True, least=2, most=25, dtypes=(np.float64,)), method=METHOD)
def test_a_whole_weight_is_as_many_copies_that_merge_first(data, method):
    X, weight = data
    X, weight = np.unique(X, axis=0), weight[: len(np.unique(X, axis=0))] + 1
    assume(len(X) >= 2)
    if method in ("centroid", "median", "weighted"):
        return  # ties part these
    one = shoal.linkage(X, method, sample_weight=weight.astype(float))
    copies = shoal.linkage(np.repeat(X, weight, axis=0), method)
    assert (copies[: weight.sum() - len(X), 2] == 0).all()
    D = pdist(X)
    if len(np.unique(D.round(9))) == len(D):
        np.testing.assert_allclose(one[:, 2], copies[weight.sum() - len(X) :, 2], rtol=1e-9, atol=1e-9)


@examples(60)
@given(X=rows(PLAIN, least=2, most=30, dtypes=(np.float64,)), method=METHOD, part=st.floats(0, 1))
def test_readers_of_trees_answer_as_scipys(X, method, part):
    Z = hierarchy.linkage(X, method)
    n = len(X)
    k = 1 + int(part * (n - 1))
    t = float(np.quantile(Z[:, 2], part))
    np.testing.assert_allclose(shoal.cophenet(Z), hierarchy.cophenet(Z))
    np.testing.assert_allclose(shoal.inconsistent(Z), hierarchy.inconsistent(Z), atol=1e-12)
    np.testing.assert_array_equal(shoal.leaves_order(Z), hierarchy.leaves_list(Z))
    np.testing.assert_array_equal(shoal.fcluster(Z, k, "maxclust"), hierarchy.fcluster(Z, k, "maxclust"))
    np.testing.assert_array_equal(shoal.fcluster(Z, t, "distance"), hierarchy.fcluster(Z, t, "distance"))
    np.testing.assert_array_equal(shoal.fcluster(Z, 1.0), hierarchy.fcluster(Z, 1.0))
    if method in REDUCIBLE:
        cut = shoal.cut_tree(Z, k)[:, 0]
        assert len(np.unique(cut)) == k
        # the merges in the order of the rows; SciPy's cut_tree takes others where heights tie
        members = {i: {i} for i in range(n)}
        for i in range(n - k):
            members[n + i] = members.pop(int(Z[i, 0])) | members.pop(int(Z[i, 1]))
        assert all(len(np.unique(cut[list(some)])) == 1 for some in members.values())
    if n > 2:
        ordered = shoal.optimal_leaf_ordering(Z, pdist(X))
        theirs = hierarchy.optimal_leaf_ordering(Z, pdist(X))

        def length(tree):
            order = hierarchy.leaves_list(tree)
            return np.linalg.norm(np.diff(X[order], axis=0), axis=1).sum()

        assert length(ordered) <= length(theirs) * (1 + 1e-9) + 1e-9


@examples(60)
@given(
    X=rows(PLAIN, least=2, most=30, dtypes=(np.float64,)),
    method=st.sampled_from(["ward", "complete", "average", "single"]),
    part=st.floats(0, 1),
    seed=seeds(),
    graph=st.booleans(),
)
def test_agglomerative_is_scikit_learns_and_predicts_its_labels(X, method, part, seed, graph):
    n = len(X)
    k = 1 + int(part * (n - 1))
    connectivity = None
    if graph:
        connectivity = np.random.default_rng(seed).random((n, n)) < 0.2
        connectivity |= connectivity.T | np.eye(n, k=1, dtype=bool) | np.eye(n, k=-1, dtype=bool)
    options = {"linkage": method, "connectivity": connectivity}
    model = shoal.AgglomerativeClustering(k, **options).fit(X)
    theirs = sklearn.cluster.AgglomerativeClustering(k, **options).fit(X)
    np.testing.assert_array_equal(model.children_, theirs.children_)
    np.testing.assert_array_equal(model.labels_, theirs.labels_)
    if k <= len(np.unique(X, axis=0)) and not graph:
        np.testing.assert_array_equal(model.predict(X), model.labels_)


@examples(60)
@given(
    data=weighted_rows(HARD, whole=True),
    threshold=st.sampled_from([0.0, 0.1, 0.5, 2.0]),
    branching=st.sampled_from([2, 3, 50]),
)
def test_features_are_those_of_their_points(data, threshold, branching):
    X, weight = data
    model = shoal.Birch(threshold=threshold, branching_factor=branching, n_clusters=None)
    model.fit(X, sample_weight=weight)
    np.testing.assert_allclose(model.subcluster_weights_.sum(), weight.sum(), rtol=1e-12)
    radius = np.sqrt(model.subcluster_sq_deviations_ / model.subcluster_weights_)
    assert (radius <= threshold * (1 + 1e-9)).all()
    assert (model.subcluster_sq_deviations_ >= 0).all()
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    w, rows_ = weight[weight > 0].astype(float), X[weight > 0].astype(float)
    mean = np.average(rows_, axis=0, weights=w)
    centers = model.subcluster_centers_.astype(float)
    size = np.abs(X).max(initial=1).astype(float)
    tolerance = size * (1e-13 if X.dtype == np.float64 else 1e-6)
    found = np.average(centers, axis=0, weights=model.subcluster_weights_)
    np.testing.assert_allclose(found, mean, atol=tolerance)
    total = (w * ((rows_ - mean) ** 2).sum(axis=1)).sum()
    between = (model.subcluster_weights_ * ((centers - found) ** 2).sum(axis=1)).sum()
    np.testing.assert_allclose(
        model.subcluster_sq_deviations_.sum() + between,
        total,
        rtol=1e-4,
        atol=10 * tolerance * (total * w.sum()) ** 0.5,
    )
    for n_threads in (1, 7):
        with threads_and_block_length(n_threads, 4):
            again = shoal.Birch(threshold=threshold, branching_factor=branching, n_clusters=None)
            again.fit(X, sample_weight=weight)
        assert bits(again.labels_, again.subcluster_centers_) == bits(
            model.labels_, model.subcluster_centers_
        )


@examples(60)
@given(
    X=rows(
        {"lattice": EXACT["lattice"], "wide lattice": EXACT["wide lattice"]}, most=25, dtypes=(np.float64,)
    ),
    threshold=st.sampled_from([0.3, 0.9, 2.1]),
    branching=st.sampled_from([2, 3, 5]),
    offset=st.sampled_from([0.0, 1e8]),
    cuts=st.lists(st.integers(0, 25), max_size=4),
)
def test_subclusters_are_those_of_the_paper_far_away_and_in_pieces_too(X, threshold, branching, offset, cuts):
    X = X + np.random.default_rng(len(X)).integers(0, 2**20, X.shape) * 2.0**-24  # no ties
    tree = CFTree(X, threshold, branching)
    model = shoal.Birch(threshold=threshold, branching_factor=branching, n_clusters=None).fit(X + offset)
    weights = sorted(model.subcluster_weights_.tolist())
    assert weights == sorted(len(part) for part in tree.subclusters())
    pieces = shoal.Birch(threshold=threshold, branching_factor=branching, n_clusters=None)
    ends = sorted({min(cut, len(X)) for cut in cuts} | {0, len(X)})
    for start, end in itertools.pairwise(ends):
        pieces.partial_fit(X[start:end] + offset)
    assert bits(pieces.subcluster_centers_, pieces.subcluster_weights_) == bits(
        model.subcluster_centers_, model.subcluster_weights_
    )


@examples(40)
@given(X=rows(PLAIN | {"far": FAR["far"]}), seed=seeds(), limit=st.integers(1, 10), part=st.floats(0, 1))
def test_merged_and_bounded_trees_sum_up_all_samples(X, seed, limit, part):
    cut = int(part * len(X))
    assume(0 < cut < len(X))
    options = {"threshold": 0.1, "branching_factor": 3, "n_clusters": None}
    a, b = shoal.Birch(**options).fit(X[:cut]), shoal.Birch(**options).fit(X[cut:])
    a.merge(b)
    assert a.subcluster_weights_.sum() == len(X)
    bounded = shoal.Birch(max_subclusters=limit, **options).fit(X[permutation(len(X), seed)])
    assert len(bounded.subcluster_centers_) <= limit
    assert bounded.subcluster_weights_.sum() == len(X)


@examples(60)
@given(X=rows(HARD, least=2, dtypes=(np.float64,)))
def test_single_linkage_is_the_spanning_tree(X):
    heights = shoal.linkage(X, "single")[:, 2]
    D = squareform(pdist(X))
    # zero weights are no edges to SciPy
    least = np.sort(minimum_spanning_tree(D + 1).data) - 1
    np.testing.assert_allclose(heights, least, rtol=1e-9, atol=1e-6 if np.abs(X).max() > 1e5 else 1e-9)


@examples(40)
@given(X=rows(PLAIN, least=3, most=20, dtypes=(np.float64,)), method=st.sampled_from(REDUCIBLE))
def test_cophenetic_distances_are_an_ultrametric(X, method):
    c = squareform(shoal.cophenet(shoal.linkage(X, method)))
    # the larger of two sides, over every third sample, is never less than the other side
    assert (c <= np.maximum(c[:, :, None], c[None]).min(axis=1) * (1 + 1e-12) + 1e-300).all()
