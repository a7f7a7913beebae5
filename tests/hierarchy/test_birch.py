"""BIRCH: features that are their samples' sums, scikit-learn's subclusters, bounds, weights, merges, heads."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
import sklearn.cluster
from helpers import both_dtypes, same_partition, threads_and_block_length, threads_and_blocks
from hypothesis import given
from hypothesis import strategies as st
from oracles.birch import CFTree
from scipy import sparse
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning

import shoal
from shoal import _core


def raw(**params):
    return shoal.Birch(n_clusters=None, **params)


def parts(model, X):
    """The subcluster of each sample, from the kernel that put them there."""
    return _core.birch_fit(
        None,
        np.ascontiguousarray(X, dtype=float),
        None,
        threshold=float(model.threshold),
        branching_factor=model.branching_factor,
        max_subclusters=model.max_subclusters or 0,
        max_nodes=0,
        subclusters=True,
    )[1]


def assert_features_are_sums(model, X, part, weight=None):
    """n, mean and S of every subcluster equal those of its samples."""
    weight = np.ones(len(X)) if weight is None else weight
    assert len(np.unique(part)) == len(model.subcluster_centers_)
    for k, center in enumerate(model.subcluster_centers_):
        own = part == k
        n = weight[own].sum()
        mean = (weight[own, None] * X[own]).sum(axis=0) / n
        S = (weight[own] * ((X[own] - mean) ** 2).sum(axis=1)).sum()
        np.testing.assert_allclose(model.subcluster_weights_[k], n, rtol=1e-12)
        np.testing.assert_allclose(center, mean, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(model.subcluster_sq_deviations_[k], S, rtol=1e-9, atol=1e-9)


def sorted_rows(rows):
    return rows[np.lexsort(rows.T[::-1])]


# --- features ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("branching_factor", [2, 3, 7, 50])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 1.0])
def test_a_feature_is_the_sum_of_its_samples(rng, branching_factor, threshold):
    X = rng.normal(size=(400, rng.integers(1, 20)))
    model = raw(threshold=threshold, branching_factor=branching_factor).fit(X)
    assert_features_are_sums(model, X, parts(model, X))
    radius = np.sqrt(model.subcluster_sq_deviations_ / model.subcluster_weights_)
    assert (radius <= threshold * (1 + 1e-12)).all()


@given(
    na=st.floats(0.1, 1e6),
    nb=st.floats(0.1, 1e6),
    shift=st.sampled_from([0.0, 1e8]),
    seed=st.integers(0, 2**32 - 1),
)
def test_features_add_up(na, nb, shift, seed):
    """Theorem 1: (n, mean, S) of a union from those of its parts, in either order."""
    rng = np.random.default_rng(seed)
    A, B = rng.normal(size=(6, 3)) + shift, rng.normal(size=(4, 3)) * 3 + shift + 1
    features = []
    for rows, n in ((A, na), (B, nb)):
        mean = rows.mean(axis=0)
        features.append((mean, n, n * ((rows - mean) ** 2).sum(axis=1).mean()))
    for pair in (features, features[::-1]):
        means, weights, sq_devs = (np.array(values) for values in zip(*pair, strict=True))
        tree = _core.birch_merge(
            None, means, weights, sq_devs, threshold=1e9, branching_factor=5, max_subclusters=0, max_nodes=0
        )
        rows = np.concatenate([A, B])
        w = np.concatenate([np.full(6, na / 6), np.full(4, nb / 4)])
        mean = np.average(rows, axis=0, weights=w)
        np.testing.assert_allclose(tree[2], [na + nb], rtol=1e-14)
        np.testing.assert_allclose(tree[4][0] - shift, mean - shift, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(tree[3], [(w * ((rows - mean) ** 2).sum(axis=1)).sum()], rtol=1e-6)


def test_an_offset_of_1e8_changes_nothing_here_and_everything_there(rng):
    """Theorem 2. The data are multiples of 2^-24, which doubles hold beyond 1e8, and too fine for ties."""
    X = make_blobs(600, 3, centers=5, cluster_std=0.6, random_state=int(rng.integers(1e6)))[0]
    X = np.round(X * 2**24) / 2**24
    model = shoal.Birch(threshold=0.5, branching_factor=10, n_clusters=5).fit(X)
    moved = shoal.Birch(threshold=0.5, branching_factor=10, n_clusters=5).fit(X + 1e8)
    assert same_partition(moved.labels_, model.labels_)
    there = moved.subcluster_centers_ - 1e8  # in order, but where first features are equal up to rounding
    at = np.argmin(((model.subcluster_centers_[:, None] - there) ** 2).sum(axis=-1), axis=1)
    np.testing.assert_array_equal(np.sort(at), np.arange(len(at)))
    np.testing.assert_array_equal(moved.subcluster_weights_[at], model.subcluster_weights_)
    np.testing.assert_allclose(there[at], model.subcluster_centers_, atol=1e-6)
    np.testing.assert_allclose(
        moved.subcluster_sq_deviations_[at], model.subcluster_sq_deviations_, rtol=1e-5, atol=1e-5
    )
    theirs = sklearn.cluster.Birch(threshold=0.5, branching_factor=10, n_clusters=None)
    there, theirs = theirs.fit(X).subcluster_centers_, theirs.fit(X + 1e8).subcluster_centers_
    assert len(there) == len(model.subcluster_centers_)
    assert abs(len(theirs) - len(there)) > 10


# --- the tree ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("branching_factor", [2, 3, 5, 50])
@pytest.mark.parametrize("threshold", [0.1, 0.5, 1.0])
def test_subclusters_are_those_of_the_paper_and_of_scikit_learn(rng, branching_factor, threshold):
    X = rng.normal(size=(300, rng.integers(1, 6)))
    model = raw(threshold=threshold, branching_factor=branching_factor).fit(X)
    part = parts(model, X)
    oracle = CFTree(X, threshold, branching_factor).subclusters()
    assert {frozenset(np.flatnonzero(part == k).tolist()) for k in np.unique(part)} == oracle
    theirs = sklearn.cluster.Birch(
        threshold=threshold, branching_factor=branching_factor, n_clusters=None
    ).fit(X)
    np.testing.assert_allclose(
        model.subcluster_centers_, sorted_rows(theirs.subcluster_centers_), rtol=1e-9, atol=1e-9
    )
    assert same_partition(model.labels_, theirs.labels_)
    np.testing.assert_allclose(
        np.sort(model.transform(X), axis=1), np.sort(theirs.transform(X), axis=1), atol=1e-7
    )


def test_the_global_step_is_that_of_scikit_learn(rng):
    X = make_blobs(500, 4, centers=6, cluster_std=0.8, random_state=int(rng.integers(1e6)))[0]
    ours = shoal.Birch(n_clusters=6).fit(X)
    theirs = sklearn.cluster.Birch(n_clusters=6).fit(X)
    assert same_partition(ours.labels_, theirs.labels_)
    assert same_partition(ours.predict(X + 0.1), theirs.predict(X + 0.1))


def test_the_tree_is_a_tree(rng):
    X = rng.normal(size=(2000, 3))
    model = raw(threshold=0.1, branching_factor=6).fit(X)
    depths, features = set(), []

    def walk(node, depth):
        assert 1 <= len(node.subclusters_) <= 6
        assert node.centroids_.shape == (len(node.subclusters_), 3)
        if node.is_leaf:
            depths.add(depth)
            features.extend(node.subclusters_)
        for feature in node.subclusters_:
            if feature.child_ is None:
                assert node.is_leaf
                assert feature.radius <= 0.1 * (1 + 1e-12)
                continue
            below = feature.child_.subclusters_
            assert feature.n_samples_ == sum(f.n_samples_ for f in below)
            np.testing.assert_allclose(feature.linear_sum_, sum(f.linear_sum_ for f in below), atol=1e-9)
            walk(feature.child_, depth + 1)

    walk(model.root_, 0)
    assert len(depths) == 1
    np.testing.assert_array_equal(
        sorted_rows(np.array([f.centroid_ for f in features])), model.subcluster_centers_
    )


def test_subclusters_are_numbered_by_their_centers(rng):
    X = rng.integers(0, 6, size=(300, 3)).astype(float)
    model = raw(threshold=0.1, branching_factor=300).fit(X)
    np.testing.assert_array_equal(model.subcluster_centers_, np.unique(X, axis=0))
    shuffled = raw(threshold=0.1, branching_factor=300).fit(X[rng.permutation(300)])
    np.testing.assert_array_equal(shuffled.subcluster_centers_, model.subcluster_centers_)
    np.testing.assert_array_equal(shuffled.predict(X), model.labels_)


@pytest.mark.parametrize("bound", [None, 30])
def test_pieces_are_the_whole(rng, bound):
    X = rng.normal(size=(500, 4))
    params = {"threshold": 0.4, "branching_factor": 7, "max_subclusters": bound}
    whole = raw(**params).fit(X)
    model = raw(**params)
    for piece in np.split(X, [1, 60, 61, 400]):
        model.partial_fit(piece)
        np.testing.assert_array_equal(model.labels_, model.predict(piece))
    np.testing.assert_array_equal(model.subcluster_centers_, whole.subcluster_centers_)
    np.testing.assert_array_equal(model.subcluster_sq_deviations_, whole.subcluster_sq_deviations_)
    assert model.threshold_ == whole.threshold_
    np.testing.assert_array_equal(model.predict(X), whole.labels_)


def test_a_copy_goes_on_as_the_model_would(rng, tmp_path):
    X = rng.normal(size=(300, 4))
    model = shoal.Birch(threshold=0.4, branching_factor=7, max_subclusters=60).fit(X[:150])
    copies = [pickle.loads(pickle.dumps(model))]
    shoal.save_model(model, tmp_path / "birch.shoal")
    copies.append(shoal.load_model(tmp_path / "birch.shoal").estimator)
    model.partial_fit(X[150:])
    for other in copies:
        other.partial_fit(X[150:])
        np.testing.assert_array_equal(other.labels_, model.labels_)
        np.testing.assert_array_equal(other.subcluster_centers_, model.subcluster_centers_)


# --- weights and sparse rows -------------------------------------------------------------------------------


def test_a_weight_is_as_many_copies_that_go_the_same_way(rng):
    X = rng.normal(size=(200, 3))
    weight = rng.integers(0, 4, size=200)
    params = {"threshold": 0.4, "branching_factor": 6}
    model = raw(**params).fit(X, sample_weight=weight)
    part = _core.birch_fit(
        None, X, weight.astype(float), **params, max_subclusters=0, max_nodes=0, subclusters=True
    )[1]
    assert (part[weight == 0] == -1).all()
    assert_features_are_sums(model, X[weight > 0], part[weight > 0], weight[weight > 0].astype(float))
    # No copy could go another way: the clusters are two groups of up to five, of which the first split makes the two
    # leaves there will be, and a group is nearer to the mean of its own leaf whatever the weights.
    centers = np.array([[40.0 * k + 4000 * (k > 4), 40.0 * (7 * k % 9), 0] for k in range(9)])
    X = centers[rng.integers(9, size=200)] + rng.normal(size=(200, 3)) * 0.02
    model = raw(**params).fit(X, sample_weight=weight)
    copies = raw(**params).fit(X.repeat(weight, axis=0))
    assert len(copies.subcluster_centers_) == len(np.unique(X.round(-1)[weight > 0], axis=0)) <= 9
    np.testing.assert_allclose(model.subcluster_centers_, copies.subcluster_centers_, atol=1e-9)
    np.testing.assert_allclose(model.subcluster_weights_, copies.subcluster_weights_)
    np.testing.assert_allclose(
        model.subcluster_sq_deviations_, copies.subcluster_sq_deviations_, rtol=1e-7, atol=1e-9
    )
    np.testing.assert_array_equal(model.labels_.repeat(weight), copies.labels_)
    ones = raw(**params).fit(X, sample_weight=np.ones(200))
    none = raw(**params).fit(X)
    np.testing.assert_array_equal(ones.subcluster_centers_, none.subcluster_centers_)


@both_dtypes
def test_sparse_rows_are_dense_ones(rng, dtype):
    X = np.where(rng.random((400, 6)) < 0.5, rng.normal(size=(400, 6)), 0).astype(dtype)
    for params in ({}, {"max_subclusters": 40}, {"threshold": 0.2}):
        dense = raw(**params).fit(X)
        model = raw(**params).fit(sparse.csr_array(X))
        np.testing.assert_array_equal(model.subcluster_centers_, dense.subcluster_centers_)
        np.testing.assert_array_equal(model.labels_, dense.labels_)
        np.testing.assert_array_equal(model.predict(sparse.csr_array(X)), dense.labels_)
        np.testing.assert_array_equal(model.transform(sparse.csr_array(X)), dense.transform(X))


# --- bounds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bound", [1, 2, 10, 100])
@pytest.mark.parametrize("threshold", [0.0, 0.2])
def test_there_are_never_more_subclusters_than_allowed(rng, bound, threshold):
    X = rng.normal(size=(1500, 3))
    model = raw(threshold=threshold, max_subclusters=bound, branching_factor=5).fit(X)
    assert bound / 4 <= len(model.subcluster_centers_) <= bound
    assert model.threshold_ > threshold
    assert_features_are_sums(model, X, parts(model, X))


def test_the_bytes_of_the_tree_stay_below_the_limit(rng):
    X = rng.normal(size=(3000, 5))
    node = _core.birch_node_bytes(5, 8)
    for limit in (4 * node, 20 * node, 60 * node + 17):
        model = raw(threshold=0, memory_limit=limit, branching_factor=8).fit(X)
        n_nodes = len(model._tree().first) - 1
        assert limit / (8 * node) <= n_nodes <= limit // node
        assert model.subcluster_weights_.sum() == 3000
    free = raw(threshold=0, memory_limit=10**9, branching_factor=8).fit(X)
    assert len(free.subcluster_centers_) == 3000
    assert free.threshold_ == 0


def test_equal_samples_take_one_subcluster_under_any_bound():
    model = raw(threshold=0, max_subclusters=1).fit(np.ones((100, 2)))
    assert model.subcluster_weights_.tolist() == [100.0]
    assert model.threshold_ == 0


def test_a_bound_from_zero_ends_for_tiny_and_huge_data(rng):
    for scale in (1e-120, 1e-3, 1e100):
        X = rng.normal(size=(200, 2)) * scale
        model = raw(threshold=0, max_subclusters=20).fit(X)
        assert 5 <= len(model.subcluster_centers_) <= 20
        assert model.threshold_ < 4 * scale


# --- merging -----------------------------------------------------------------------------------------------


def test_merged_trees_sum_up_both_parts(rng):
    X = make_blobs(600, 3, centers=[[0] * 3, [9] * 3, [-9, 9, 0]], cluster_std=0.5, random_state=1)[0]
    whole = shoal.Birch(threshold=0.8).fit(X)
    left, right = shoal.Birch(threshold=0.8).fit(X[:250]), shoal.Birch(threshold=0.9).fit(X[250:])
    before = right.subcluster_centers_.copy()
    assert left.merge(right) is left
    assert not hasattr(left, "labels_")
    np.testing.assert_array_equal(right.subcluster_centers_, before)
    assert left.threshold_ == 0.9
    n = left.subcluster_weights_
    assert n.sum() == 600
    mean = np.average(left.subcluster_centers_, axis=0, weights=n)
    np.testing.assert_allclose(mean, X.mean(axis=0), atol=1e-12)
    between = (n * ((left.subcluster_centers_ - mean) ** 2).sum(axis=1)).sum()
    total = ((X - X.mean(axis=0)) ** 2).sum()
    np.testing.assert_allclose(left.subcluster_sq_deviations_.sum() + between, total, rtol=1e-10)
    assert same_partition(left.predict(X), whole.labels_)
    left.partial_fit(X)
    assert left.subcluster_weights_.sum() == 1200


@both_dtypes
def test_the_wider_dtype_is_that_of_all(rng, dtype):
    narrow, wide = rng.normal(size=(40, 2)).astype(np.float32), rng.normal(size=(30, 2)) * 1e60
    first, second = (narrow, wide) if dtype == np.float32 else (wide, narrow)
    merged = raw().fit(first).merge(raw().fit(second))
    longer = raw().fit(first).partial_fit(second)
    for model in (merged, longer):
        assert model.subcluster_centers_.dtype == np.float64
        assert np.isfinite(model.subcluster_centers_).all()
        assert model.subcluster_weights_.sum() == 70
        assert model.transform(narrow).dtype == np.float64
    assert raw().fit(narrow).merge(raw().fit(narrow)).subcluster_centers_.dtype == np.float32
    assert raw().fit(wide).fit(narrow).subcluster_centers_.dtype == np.float32


def test_names_of_features_are_compared_before_a_merge(rng):
    pd = pytest.importorskip("pandas")
    X = rng.normal(size=(30, 2))
    named = raw().fit(pd.DataFrame(X, columns=["height", "mass"]))
    swapped = raw().fit(pd.DataFrame(X, columns=["mass", "height"]))
    before = named.subcluster_weights_
    with pytest.raises(
        ValueError, match=r"feature_names_in_=\['height', 'mass'\], in this order; got \['mass', "
    ):
        named.merge(swapped)
    np.testing.assert_array_equal(named.subcluster_weights_, before)
    with pytest.warns(UserWarning, match="other does not have feature names, but Birch was fitted with"):
        named.merge(raw().fit(X))
    with pytest.warns(UserWarning, match="other has feature names, but Birch was fitted without"):
        raw().fit(X).merge(swapped)
    named.merge(raw().fit(pd.DataFrame(X, columns=["height", "mass"])))
    assert named.subcluster_weights_.sum() == 90


def test_trees_too_far_apart_are_not_merged():
    one, other = (raw(threshold=0).fit([[x]]) for x in (5e153, -5e153))
    with pytest.raises(ValueError, match="other spreads too wide for float64: squared distances overflow"):
        one.merge(other)
    assert one.subcluster_weights_.tolist() == [1.0]


def test_what_cannot_be_merged_is_refused(rng):
    model = shoal.Birch(n_clusters=None).fit(rng.normal(size=(20, 3)))
    with pytest.raises(ValueError, match="other must have n_features_in_=3 features; got 2"):
        model.merge(shoal.Birch(n_clusters=None).fit(rng.normal(size=(20, 2))))
    with pytest.raises(TypeError, match="other must be a Birch; got 5"):
        model.merge(5)


# --- heads and labels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["agglomerative", "ward", "kmeans", "gaussian-mixture"])
def test_heads_find_separate_clusters(rng, head):
    X, y = make_blobs(2000, 4, centers=5, cluster_std=0.5, random_state=3)
    model = shoal.Birch(threshold=0, max_subclusters=200, n_clusters=5, head=head, random_state=0).fit(X)
    assert same_partition(model.labels_, y)


def test_with_means_a_sample_has_the_label_of_the_nearest(rng):
    X = rng.normal(size=(3000, 3))
    model = shoal.Birch(threshold=0, max_subclusters=150, n_clusters=6, head="kmeans", random_state=0).fit(X)
    nearest = ((X[:, None] - model.cluster_centers_) ** 2).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(model.labels_, nearest)
    np.testing.assert_array_equal(model.predict(X), nearest)
    np.testing.assert_array_equal(model.predict(model.subcluster_centers_), model.subcluster_labels_)
    # the boundary is that of the means, not the coarse one of the subclusters
    by_subcluster = model.subcluster_labels_[model.transform(X).argmin(axis=1)]
    spread = ((X - model.cluster_centers_[by_subcluster]) ** 2).sum()
    assert ((X - model.cluster_centers_[model.labels_]) ** 2).sum() < 0.999 * spread
    model.set_params(n_clusters=None).partial_fit()
    assert not hasattr(model, "cluster_centers_")


def test_heads_count_weights(rng):
    """A far subcluster of one sample is a cluster to Ward on centres, and nothing where weights count."""
    X = np.concatenate([rng.normal(size=(500, 2)) * 0.01, rng.normal(size=(500, 2)) * 0.01 + 1, [[2.2, 2.2]]])
    by_ward = shoal.Birch(threshold=0.02, n_clusters=2).fit(X)
    weighted = shoal.Birch(threshold=0.02, n_clusters=2, head="ward").fit(X)
    by_means = shoal.Birch(threshold=0.02, n_clusters=2, head="kmeans", random_state=0).fit(X)
    assert np.bincount(by_ward.labels_).min() == 1
    assert np.bincount(by_means.labels_).min() == np.bincount(weighted.labels_).min() == 500


def test_an_estimator_clusters_the_subclusters(rng):
    X, y = make_blobs(600, 2, centers=4, cluster_std=0.3, random_state=2)
    for head in (shoal.KMeans(4, random_state=0), sklearn.cluster.AgglomerativeClustering(4)):
        model = shoal.Birch(threshold=0.3, n_clusters=head).fit(X)
        assert same_partition(model.labels_, y)
    model.set_params(n_clusters=None).partial_fit()
    np.testing.assert_array_equal(model.subcluster_labels_, np.arange(len(model.subcluster_centers_)))


def test_what_cannot_cluster_the_subclusters_is_named(rng):
    class Short:
        def fit_predict(self, X):
            return np.zeros(len(X) - 1, dtype=int)

    X = rng.normal(size=(50, 2))
    with pytest.raises(
        ValueError, match=r"labels each of the 50 subclusters; got labels of shape \(49,\) from <"
    ):
        shoal.Birch(threshold=0, n_clusters=Short()).fit(X)
    with pytest.raises(
        TypeError, match=r"estimator with fit_predict \(an instance\), or None; got <class .*KMeans'>"
    ):
        shoal.Birch(n_clusters=shoal.KMeans).fit(X)


def test_fewer_subclusters_than_clusters_are_told():
    X = np.array([[0.0], [0.1], [9.0]])
    with pytest.warns(
        ConvergenceWarning, match=r"Number of subclusters found \(2\) by BIRCH is less than \(3\)"
    ):
        model = shoal.Birch(n_clusters=3).fit(X)
    assert model.labels_.tolist() == [0, 0, 1]
    assert shoal.Birch(n_clusters=1).fit(X[:1]).labels_.tolist() == [0]


@both_dtypes
@pytest.mark.parametrize(
    ("n_samples", "n_features", "threshold"),
    [(3000, 3, 0.5), (3000, 3, 0.05), (3000, 12, 2.0), (400, 80, 5.0), (2000, 2, 0.0)],
)
def test_labels_are_the_first_of_the_nearest_subclusters(rng, n_samples, n_features, threshold, dtype):
    X = rng.normal(size=(n_samples, n_features)).astype(dtype)
    X[: n_samples // 2] = np.round(X[: n_samples // 2] * 4) / 4  # ties
    model = raw(threshold=threshold, branching_factor=9).fit(X)
    tree = model._tree()
    centers = tree.mean[tree.subclusters]
    distances = np.zeros((n_samples, len(centers)))
    for p in range(n_features):  # in the order of the features
        distances += (X[:, [p]].astype(float) - centers[:, p]) ** 2
    expected = np.argmin(distances, axis=1)
    if n_features <= 64:
        np.testing.assert_array_equal(model.labels_, expected)
    else:
        np.testing.assert_allclose(
            distances[np.arange(n_samples), model.labels_], distances.min(axis=1), rtol=1e-12
        )
    np.testing.assert_array_equal(model.predict(X), model.labels_)


@threads_and_blocks
@pytest.mark.parametrize("params", [{}, {"max_subclusters": 70}, {"threshold": 0.1}], ids=str)
def test_threads_blocks_and_instruction_sets_change_no_bit(rng, n_threads, block_length, params):
    X = rng.integers(0, 5, size=(900, 4)) * 0.3
    weight = rng.integers(0, 3, size=900)
    with threads_and_block_length(1, 0):
        expected = raw(branching_factor=6, **params).fit(X, sample_weight=weight)
    isa = _core.isa()
    for level in _core.isa_available():
        _core.set_isa(level)
        try:
            with threads_and_block_length(n_threads, block_length):
                model = raw(branching_factor=6, **params).fit(X, sample_weight=weight)
            np.testing.assert_array_equal(model.subcluster_centers_, expected.subcluster_centers_)
            np.testing.assert_array_equal(model.labels_, expected.labels_)
        finally:
            _core.set_isa(isa)


def test_float32_sums_in_double():
    """Ten million unit steps of a running mean in float32 would stop at 2**24."""
    X = np.full((4000, 1), 1 / 3, dtype=np.float32)
    X[::2] += np.float32(1e-7)
    model = raw(threshold=0.5).fit(X, sample_weight=np.full(4000, 1e5))
    np.testing.assert_allclose(model.subcluster_sq_deviations_[0] / 4e8, X.astype(float).var(), rtol=1e-6)


def test_the_function_says_what_the_estimator_does(rng):
    X = rng.normal(size=(300, 2))
    result = shoal.birch(X, 4, threshold=0.3, head="kmeans", random_state=0)
    model = shoal.Birch(n_clusters=4, threshold=0.3, head="kmeans", random_state=0).fit(X)
    np.testing.assert_array_equal(result.labels, model.labels_)
    np.testing.assert_array_equal(result.subcluster_weights, model.subcluster_weights_)
    assert result.threshold == 0.3


# --- refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"threshold": -1.0}, ValueError, r"threshold must be in \[0, inf\); got -1.0"),
        ({"branching_factor": 1}, ValueError, r"branching_factor must be in \[2, inf\); got 1"),
        ({"n_clusters": 0}, ValueError, r"n_clusters must be in \[1, inf\); got 0"),
        (
            {"n_clusters": "many"},
            TypeError,
            "n_clusters must be an integer, an estimator with fit_predict, or None",
        ),
        ({"max_subclusters": 0}, ValueError, r"max_subclusters must be in \[1, inf\); got 0"),
        ({"memory_limit": 100}, ValueError, r"memory_limit must be in \[\d+, inf\); got 100"),
        (
            {"head": "single"},
            ValueError,
            "head must be one of 'agglomerative', 'ward', 'kmeans', .*; got 'single'",
        ),
    ],
)
def test_bad_parameters_are_refused_in_one_sentence(params, error, message):
    with pytest.raises(error, match=message):
        shoal.Birch(**params).fit([[0.0, 1.0], [2.0, 3.0]])


def test_data_that_overflow_are_refused():
    for dtype, value in ((np.float64, 1e200), (np.float32, 1e25)):
        with pytest.raises(ValueError, match=f"X spreads too wide for {np.dtype(dtype).name}"):
            shoal.Birch().fit(np.array([[value], [-value]], dtype=dtype))


def test_labels_are_left_out_on_request(rng):
    X = rng.normal(size=(50, 2))
    model = shoal.Birch(compute_labels=False).fit(X)
    assert not hasattr(model, "labels_")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(model.fit_predict(X), shoal.Birch().fit(X).labels_)


@pytest.mark.filterwarnings("ignore:Number of subclusters")
@pytest.mark.parametrize("n", [1, 2])
def test_by_k_means_fewer_subclusters_than_clusters_label_all_samples(n):
    X = np.repeat(np.arange(n, dtype=float)[:, None], 5, axis=0)
    model = shoal.Birch(threshold=0.1, n_clusters=3, head="kmeans").fit(X)
    assert model.labels_.tolist() == np.repeat(np.arange(n), 5).tolist()
    assert model.predict(X).tolist() == model.labels_.tolist()


def test_clustering_the_subclusters_again_leaves_no_labels_of_before(rng):
    model = shoal.Birch(threshold=0.5, n_clusters=3).fit(rng.normal(size=(100, 2)))
    assert not hasattr(model.set_params(n_clusters=2).partial_fit(), "labels_")


@pytest.mark.parametrize("n_features", [1, 70])
def test_means_far_apart_are_told_apart(rng, n_features):
    truth = rng.integers(0, 4, size=400)
    X = np.array([0.0, 5.0, 1e9, 1e9 + 5])[truth][:, None] + 0.01 * rng.normal(size=(400, n_features))
    model = shoal.Birch(threshold=1.0, n_clusters=4, head="kmeans").fit(X)
    assert same_partition(model.labels_, truth)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
