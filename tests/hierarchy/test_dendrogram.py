"""What is read off a linkage matrix, against SciPy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from helpers import bits, interrupt_after, threads_and_block_length
from oracles.linkage import METHODS
from scipy.cluster import hierarchy as scipy_hierarchy
from scipy.spatial.distance import pdist, squareform

import shoal

Z = shoal.linkage([[0.0], [5.0], [1.0], [5.5], [9.0]], "average")


@pytest.mark.parametrize("method", ["single", "average", "ward"])
def test_cut_tree_is_scipys(rng, method):
    tree = shoal.linkage(rng.normal(size=(40, 2)), method)
    counts = [40, 17, 4, 1]
    np.testing.assert_array_equal(shoal.cut_tree(tree, counts), scipy_hierarchy.cut_tree(tree, counts))
    np.testing.assert_array_equal(shoal.cut_tree(tree), scipy_hierarchy.cut_tree(tree))
    heights = [0.0, float(tree[10, 2]), 1.0, 99.0]
    np.testing.assert_array_equal(
        shoal.cut_tree(tree, height=heights), scipy_hierarchy.cut_tree(tree, height=heights)
    )
    np.testing.assert_array_equal(shoal.cut_tree(tree, 3), shoal.cut_tree(tree, n_clusters=[3]))


def test_equal_heights_are_cut_in_the_order_of_the_rows(rng):
    tree = shoal.linkage(rng.integers(0, 5, size=(40, 2)), "average")
    members = {i: [i] for i in range(40)}
    for i, (a, b) in enumerate(tree[:, :2].astype(int)):
        members[40 + i] = members.pop(a) + members.pop(b)
        expected = np.empty(40, dtype=int)
        for number, rows in enumerate(sorted(members.values(), key=min)):
            expected[rows] = number
        np.testing.assert_array_equal(shoal.cut_tree(tree, 39 - i)[:, 0], expected)


@pytest.mark.parametrize("method", METHODS)
def test_a_cut_has_as_many_clusters_as_asked_for(rng, method):
    tree = shoal.linkage(rng.normal(size=(60, 2)), method)
    for count, column in zip([1, 2, 30, 60], shoal.cut_tree(tree, [1, 2, 30, 60]).T, strict=True):
        assert np.unique(column).tolist() == list(range(count))


def nodes(tree):
    """The samples below each node."""
    n = len(tree) + 1
    below = [frozenset([i]) for i in range(n)]
    for a, b in tree[:, :2].astype(int):
        below.append(below[a] | below[b])
    return below


def groups(labels):
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["plane", "lattice", "many features"])
def test_every_cluster_of_a_cut_is_a_node_of_the_tree(rng, method, kind):
    for n in (3, 8, 40):
        X = (
            rng.integers(0, 4, (n, 2))
            if kind == "lattice"
            else rng.normal(size=(n, 2 if kind == "plane" else 30))
        )
        tree = shoal.linkage(X, method)
        every = set(nodes(tree))
        cuts = shoal.cut_tree(tree).T
        assert [len(groups(cut)) for cut in cuts] == list(range(n, 0, -1))
        for fine, coarse in pairwise(cuts):
            assert groups(coarse) - groups(fine) <= every
            assert len(groups(fine) - groups(coarse)) == 2


@pytest.mark.parametrize("method", ["centroid", "median"])
def test_where_heights_fall_a_cut_at_a_height_does_the_merges_that_stand_on_lower_ones_only(rng, method):
    tree = shoal.linkage(rng.normal(size=(60, 20)), method)
    assert (np.diff(tree[:, 2]) < 0).any()
    highest = scipy_hierarchy.maxdists(tree)
    for t in np.quantile(highest, [0.1, 0.5, 0.8, 0.95]):
        cut = shoal.cut_tree(tree, height=np.nextafter(t, np.inf))[:, 0]
        theirs = scipy_hierarchy.fcluster(tree, t, "distance")
        assert groups(cut) == groups(theirs)
        assert cut.max() == np.count_nonzero(highest > t)


def test_a_merge_lower_than_its_part_is_undone_first():
    tree = shoal.linkage([[0, 0], [1, 0], [0.5, 0.87]], "centroid")
    assert shoal.cut_tree(tree, 2).ravel().tolist() == [0, 0, 1]
    assert shoal.cut_tree(tree, height=[0.9, 1.1]).T.tolist() == [[0, 1, 2], [0, 0, 0]]


@pytest.mark.parametrize("method", METHODS)
def test_the_rest_is_scipys(rng, method):
    X = rng.normal(size=(40, 3))
    tree = shoal.linkage(X, method)
    np.testing.assert_array_equal(shoal.cophenet(tree), scipy_hierarchy.cophenet(tree))
    np.testing.assert_array_equal(shoal.inconsistent(tree, 3), scipy_hierarchy.inconsistent(tree, 3))
    np.testing.assert_array_equal(shoal.leaves_order(tree), scipy_hierarchy.leaves_list(tree))
    for t, criterion in ((1.0, "distance"), (5, "maxclust"), (1.1, "inconsistent")):
        np.testing.assert_array_equal(
            shoal.fcluster(tree, t, criterion), scipy_hierarchy.fcluster(tree, t, criterion)
        )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1.0, 1e-170, 1e150])
def test_the_cophenetic_correlation_is_scipys(rng, method, scale):
    distances = pdist(rng.normal(size=(40, 3)))
    tree = shoal.linkage(distances, method)
    expected, heights = scipy_hierarchy.cophenet(tree, distances)
    scaled = tree * [1, 1, scale, 1]
    correlation, found = shoal.cophenet(scaled, distances * scale)
    assert correlation == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(found, heights * scale)
    assert shoal.cophenet(tree, squareform(distances)).correlation == pytest.approx(expected, rel=1e-12)
    assert np.isnan(shoal.cophenet(tree, np.ones(len(distances))).correlation)


def way(tree, distances):
    """The sum of the distances between neighbouring leaves."""
    square = squareform(distances)
    return sum(square[i, j] for i, j in pairwise(scipy_hierarchy.leaves_list(tree)))


def all_orders(tree, node, n):
    """Every order of the leaves below a node that keeps the leaves of each of its nodes together."""
    if node < n:
        return [[node]]
    left, right = (all_orders(tree, int(child), n) for child in tree[node - n, :2])
    return [one + other for a, b in ((left, right), (right, left)) for one in a for other in b]


def trees_and_distances(rng, n):
    """Trees of all shapes over distances of all kinds: of points, of a lattice (tied), of no metric at all."""
    kinds = (
        pdist(rng.normal(size=(n, 2))),
        pdist(rng.integers(0, 3, size=(n, 2))),
        rng.exponential(size=n * (n - 1) // 2),
        np.zeros(n * (n - 1) // 2),
    )
    for distances in kinds:
        for method in ("single", "average", "ward"):
            yield shoal.linkage(distances, method), distances


@pytest.mark.parametrize("n", [2, 3, 4, 6, 8])
def test_no_order_of_the_leaves_is_shorter(rng, n):
    for tree, distances in trees_and_distances(rng, n):
        square = squareform(distances)
        least = min(sum(square[i, j] for i, j in pairwise(order)) for order in all_orders(tree, 2 * n - 2, n))
        ordered = shoal.optimal_leaf_ordering(tree, distances)
        assert way(ordered, distances) == pytest.approx(least, rel=1e-12)
        np.testing.assert_array_equal(np.sort(ordered[:, :2]), np.sort(tree[:, :2]))
        np.testing.assert_array_equal(ordered[:, 2:], tree[:, 2:])
        np.testing.assert_array_equal(ordered[-1], tree[-1])


def plain_way(tree, square):
    """The length of the shortest order, by the recurrence as it is printed."""
    n = len(square)
    ways = {i: {(i, i): 0.0} for i in range(n)}
    for node, (a, b) in enumerate(tree[:, :2].astype(int), start=n):
        found = {}
        for (i, m), first in ways[a].items():
            for (k, j), second in ways[b].items():
                length = first + square[m, k] + second
                if length < found.get((i, j), np.inf):
                    found[i, j] = found[j, i] = length
        ways[node] = found
    return min(ways[2 * n - 2].values())


def test_the_order_is_as_long_as_the_recurrence_says(rng):
    for n in (20, 45):
        for tree, distances in trees_and_distances(rng, n):
            ordered = shoal.optimal_leaf_ordering(tree, distances)
            assert way(ordered, distances) == pytest.approx(plain_way(tree, squareform(distances)), rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_the_order_is_not_longer_than_scipys(rng, method):
    distances = pdist(rng.normal(size=(120, 3)))
    tree = shoal.linkage(distances, method)
    ours = way(shoal.optimal_leaf_ordering(tree, distances), distances)
    assert ours <= way(scipy_hierarchy.optimal_leaf_ordering(tree, distances), distances) * (1 + 1e-5)
    assert ours <= way(tree, distances) * (1 + 1e-12)


def test_where_two_pairs_merge_scipy_finds_the_same_order(rng):
    # With four leaves each pair has one shape only, and SciPy's choices do not depend on each other.
    distances = pdist(np.concatenate([rng.normal(size=(2, 2)), rng.normal(size=(2, 2)) + 50]))
    tree = shoal.linkage(distances, "average")
    np.testing.assert_array_equal(
        shoal.optimal_leaf_ordering(tree, distances), scipy_hierarchy.optimal_leaf_ordering(tree, distances)
    )


def test_points_on_a_line_are_ordered_along_it(rng):
    x = rng.permutation(700).astype(float)  # more than one piece of the product in each direction
    ordered = shoal.linkage(x[:, None], "complete", optimal_ordering=True)
    along = x[scipy_hierarchy.leaves_list(ordered)]
    assert abs(np.diff(along)).sum() == 699


def test_the_order_by_float32_distances(rng):
    distances = pdist(rng.normal(size=(300, 2))).astype(np.float32)
    tree = shoal.linkage(distances, "average")
    wide = distances.astype(np.float64)
    ours = way(shoal.optimal_leaf_ordering(tree, distances), wide)
    assert ours == pytest.approx(way(shoal.optimal_leaf_ordering(tree, wide), wide), rel=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_do_not_change_the_order(rng, dtype):
    distances = pdist(rng.integers(0, 6, size=(600, 3))).astype(dtype)
    tree = shoal.linkage(distances, "average")
    with shoal.threads(1):
        expected = bits(shoal.optimal_leaf_ordering(tree, distances))
    for n_threads in (2, 7):
        with threads_and_block_length(n_threads, 4):
            assert bits(shoal.optimal_leaf_ordering(tree, distances)) == expected


def test_ctrl_c_while_leaves_are_ordered(rng):
    distances = pdist(rng.normal(size=(6000, 2)))
    tree = shoal.linkage(distances, "ward")
    assert (
        interrupt_after(0.25, lambda: [shoal.optimal_leaf_ordering(tree, distances) for _ in range(9)]) < 0.5
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: shoal.cut_tree(Z, 2, 3.0), "height must be None when n_clusters is given"),
        (lambda: shoal.cut_tree(Z, 6), r"n_clusters must be in \[1, n_samples=5\]; got 6"),
        (lambda: shoal.cut_tree(Z[:, :3], 2), "Z must have 4 columns; got 3"),
        (
            lambda: shoal.cut_tree([[0, 5, 1.0, 2], [2, 3, 2, 3]], 2),
            "clusters that are there; got 5 in row 0",
        ),
        (lambda: shoal.cut_tree([[0, 1, 1.0, 2], [1, 2, 2, 3]], 2), "joined twice"),
        (lambda: shoal.cut_tree([[0, 0.5, 1.0, 2]], 2), "numbers of clusters"),
        (lambda: shoal.fcluster(Z, 1.0, "nearness"), "criterion must be one of"),
        (
            lambda: shoal.fcluster(Z, 1.0, R=np.ones((1, 4))),
            r"R must have shape \(n_samples - 1, 4\)=.*; got \(1, 4\)",
        ),
        (
            lambda: shoal.fcluster(Z, 1.0, "monocrit"),
            "monocrit must be given with criterion='monocrit'; got None",
        ),
        (
            lambda: shoal.fcluster(Z, 1.0, "monocrit", monocrit=[1.0]),
            "monocrit must have n_samples - 1 = .* got 1",
        ),
        (lambda: shoal.fcluster(Z, 1.0, "monocrit", monocrit=[np.nan] * len(Z)), "monocrit contains NaN"),
        (lambda: shoal.fcluster(Z, 1.0, depth=10**12), "depth must be in"),
        (lambda: shoal.inconsistent(Z, 0), r"d must be in \[1, 2147483647\]"),
        (lambda: shoal.optimal_leaf_ordering(Z, [1.0, 2, 3]), "between n_samples=5 samples; got 3"),
        (lambda: shoal.cophenet(Z, [1.0, 2, 3]), "Y must be between n_samples=5 samples; got 3"),
        (lambda: shoal.cophenet(Z, [1.0, 2]), "Y must have n .* got 2"),
        (lambda: shoal.cophenet(Z, np.eye(3)[:2]), r"Y must be square; got shape \(2, 3\)"),
        (lambda: shoal.cophenet(Z, [-1.0, 2, 3]), "Negative values in Y: distances must be >= 0; got -1"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_all_cuts_of_many_samples_are_refused_before(monkeypatch):
    monkeypatch.setattr("shoal.base.memory.available_memory", lambda: 50)
    monkeypatch.setattr("shoal.base.memory.SMALL", 0)
    with pytest.raises(MemoryError, match=r"all cuts of 5 samples .* use n_clusters or height"):
        shoal.cut_tree(Z)
    with pytest.raises(MemoryError, match="cophenetic distances of 5 samples"):
        shoal.cophenet(Z)
    with pytest.raises(MemoryError, match=r"the optimal order of 5 leaves .* float32"):
        shoal.optimal_leaf_ordering(Z, np.ones(10))


@pytest.mark.parametrize("weight", [[2.0] * 12, [0.5] * 12, [4.6] + [0.1] * 11])
def test_weights_in_the_place_of_sizes_are_no_matter_to_cuts_and_orders(rng, weight):
    X = rng.normal(size=(12, 2))
    plain, weighted = shoal.linkage(X, "single"), shoal.linkage(X, "single", sample_weight=weight)
    np.testing.assert_array_equal(weighted[:, :3], plain[:, :3])
    assert not np.array_equal(weighted[:, 3], plain[:, 3])
    np.testing.assert_array_equal(
        shoal.fcluster(weighted, 4, "maxclust"), shoal.fcluster(plain, 4, "maxclust")
    )
    np.testing.assert_array_equal(shoal.cophenet(weighted), shoal.cophenet(plain))
    np.testing.assert_array_equal(shoal.inconsistent(weighted), shoal.inconsistent(plain))
    np.testing.assert_array_equal(shoal.leaves_order(weighted), shoal.leaves_order(plain))
