"""k-d tree, R-tree, nearest neighbours, spanning trees: exact, whatever the data."""

import numpy as np
import pytest
from helpers import bits, threads_and_block_length
from hypothesis import given
from hypothesis import strategies as st
from oracles import neighbors as oracle
from oracles.spanning_tree import mutual_reachability, spanning_tree
from scipy.sparse.csgraph import minimum_spanning_tree

import shoal
from properties.strategies import EXTREME, HARD, examples, rows, seeds, weighted_rows
from shoal import _core
from shoal.base.checks import spread_fits

ALL = HARD | EXTREME
METRICS = st.sampled_from(["euclidean", "manhattan", "chebyshev"])


@examples(60)
@given(X=rows(ALL, features=20), metric=METRICS, leaf=st.sampled_from([1, 8, 16, None]), part=st.floats(0, 1))
def test_the_nearest_are_those_of_brute_force_to_the_last_bit(X, metric, leaf, part):
    k = 1 + int(part * (len(X) - 1))
    if not spread_fits(X, metric):
        with pytest.raises(ValueError, match="X spreads too wide"):
            shoal.KDTree(X, leaf_size=leaf, metric=metric)
        return
    tree = shoal.KDTree(X, leaf_size=leaf, metric=metric)
    with np.errstate(all="ignore"):
        distances, indices = oracle.k_nearest(X, X, k, metric)
    for found in (tree.query(k=k), tree.query(np.r_[X, X], k=k)):
        np.testing.assert_array_equal(found[1][: len(X)], indices)
        np.testing.assert_array_equal(found[0][: len(X)], distances)
    assert tree.query(k=k)[0].dtype == X.dtype


@examples(60)
@given(data=weighted_rows(HARD), metric=METRICS, of=seeds(), leaf=st.sampled_from([1, 8, None]))
def test_a_radius_holds_the_rows_within_it_and_their_weight(data, metric, of, leaf):
    X, weight = data
    i, j = np.random.default_rng(of).integers(len(X), size=2)
    reduced = oracle.reduced(X, X, metric)
    r = oracle.distance(reduced, metric)[i, j]
    limit = r * r if metric == "euclidean" else r
    tree = shoal.KDTree(X, leaf_size=leaf, metric=metric, sample_weight=weight)
    within = reduced <= limit
    found = tree.query_radius(X, r)
    for row in range(len(X)):
        np.testing.assert_array_equal(found[row], np.flatnonzero(within[row]))
    np.testing.assert_array_equal(tree.query_radius(X, r, count_only=True), within.sum(axis=1))
    w = np.ones(len(X)) if weight is None else weight.astype(X.dtype).astype(float)
    np.testing.assert_allclose(tree.radius_count(X, r), within @ w, rtol=1e-12, atol=1e-12)


@examples(60)
@given(
    data=weighted_rows(ALL),
    seed=seeds(),
    closed=st.sampled_from(["both", "left"]),
    leaf=st.sampled_from([1, 8, None]),
)
def test_boxes_hold_what_plain_comparisons_say(data, seed, closed, leaf):
    X, weight = data
    rng = np.random.default_rng(seed)
    low, high = (X[rng.integers(len(X), size=(7, X.shape[1])), np.arange(X.shape[1])] for _ in range(2))
    tree = shoal.RTree(X, leaf_size=leaf, sample_weight=weight)
    beyond = X[None] <= high[:, None] if closed == "both" else X[None] < high[:, None]
    inside = ((X[None] >= low[:, None]) & beyond).all(axis=2)
    for found, expected in zip(tree.query_box(low, high, closed), inside, strict=True):
        np.testing.assert_array_equal(found, np.flatnonzero(expected))
    w = np.ones(len(X)) if weight is None else weight.astype(X.dtype).astype(float)
    np.testing.assert_allclose(tree.box_count(low, high, closed), inside @ w, rtol=1e-12)
    if float(np.abs(X).max()) < 1e300:
        total = tree.box_sum(low, high, closed)
        size = (np.abs(X) * w[:, None]).sum(axis=0, dtype=float)
        np.testing.assert_allclose(total.weights, inside @ w, rtol=1e-12)
        assert (np.abs(total.sums - inside @ (w[:, None] * X.astype(float))) <= 1e-12 * size).all()


@examples(40)
@given(X=rows(HARD, least=2), metric=METRICS, seed=seeds())
def test_threads_and_blocks_change_no_bit_of_trees(X, metric, seed):
    rng = np.random.default_rng(seed)
    r = abs(X).max() * rng.random()

    def answers():
        tree = shoal.RTree(X, metric=metric)
        found = tree.query_radius(X, r, sort_results=True)
        return bits(
            *tree.query(k=min(3, len(X))), *found, tree.radius_count(X, r), tree.box_count(X - 1, X + 1)
        )

    expected = answers()
    for n_threads in (1, 2, 7):
        with threads_and_block_length(n_threads, 4):
            assert answers() == expected


@examples(60)
@given(X=rows(HARD, least=2), metric=METRICS, m=st.integers(1, 6))
def test_the_spanning_tree_is_the_least_of_all_pairs(X, metric, m):
    m = min(m, len(X))
    tree = _core.kd_tree(X, None, leaf_size=8, metric=metric, p=2)
    (left, right, weight), core = _core.mst_kd_tree(tree, min_samples=m, alpha=1.0)
    with np.errstate(all="ignore"):
        distances = oracle.distance(oracle.reduced(X, X, metric), metric)
    expected_core = np.sort(distances, axis=1)[:, m - 1] if m > 1 else np.zeros(len(X), X.dtype)
    np.testing.assert_array_equal(core, expected_core)
    weights = mutual_reachability(distances, expected_core)
    for found, expected in zip((left, right, weight), spanning_tree(weights), strict=True):
        np.testing.assert_array_equal(found, expected)
    # zero weights are no edges to SciPy
    total = minimum_spanning_tree(weights.astype(float) + 1).sum() - (len(X) - 1)
    np.testing.assert_allclose(weight.sum(dtype=float), total, rtol=1e-9, atol=1e-9 * len(X))
