"""What is read off a linkage matrix, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.linkage import METHODS
from scipy.cluster import hierarchy as scipy_hierarchy
from scipy.spatial.distance import pdist

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


@pytest.mark.parametrize("method", METHODS)
def test_the_rest_is_scipys(rng, method):
    X = rng.normal(size=(40, 3))
    tree = shoal.linkage(X, method)
    np.testing.assert_array_equal(shoal.cophenet(tree), scipy_hierarchy.cophenet(tree))
    np.testing.assert_array_equal(shoal.inconsistent(tree, 3), scipy_hierarchy.inconsistent(tree, 3))
    np.testing.assert_array_equal(shoal.leaves_order(tree), scipy_hierarchy.leaves_list(tree))
    np.testing.assert_array_equal(
        shoal.optimal_leaf_ordering(tree, pdist(X)), scipy_hierarchy.optimal_leaf_ordering(tree, pdist(X))
    )
    for t, criterion in ((1.0, "distance"), (5, "maxclust"), (1.1, "inconsistent")):
        np.testing.assert_array_equal(
            shoal.fcluster(tree, t, criterion), scipy_hierarchy.fcluster(tree, t, criterion)
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
        (lambda: shoal.inconsistent(Z, 0), r"d must be in \[1, inf\)"),
        (lambda: shoal.optimal_leaf_ordering(Z, [1.0, 2, 3]), "between n_samples=5 samples; got 3"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_all_cuts_of_many_samples_are_refused_before(monkeypatch):
    monkeypatch.setattr("shoal.base.memory.available_memory", lambda: 50)
    with pytest.raises(MemoryError, match=r"all cuts of 5 samples .* use n_clusters or height"):
        shoal.cut_tree(Z)
    with pytest.raises(MemoryError, match="cophenetic distances of 5 samples"):
        shoal.cophenet(Z)
