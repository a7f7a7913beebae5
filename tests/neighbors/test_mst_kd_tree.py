"""The minimum spanning tree on the k-d tree against SciPy on all pairs: the same edges, ties and all."""

import numpy as np
import pytest
from helpers import bits, both_dtypes, interrupt_after, threads_and_block_length, threads_and_blocks
from hypothesis import given
from hypothesis import strategies as st
from oracles import neighbors as oracle
from oracles.spanning_tree import mutual_reachability, spanning_tree
from scipy.sparse.csgraph import minimum_spanning_tree

from shoal import _core

METRICS = ("euclidean", "manhattan", "chebyshev")
SHAPES = ((1, 1), (2, 3), (17, 1), (40, 2), (150, 2), (150, 3), (120, 9), (400, 2))


def kd_tree(x, metric="euclidean", p=2.0, leaf_size=16):
    return _core.kd_tree(x, None, leaf_size=leaf_size, metric=metric, p=p)


def data(rng, n, d, dtype, kind):
    if kind == "normal":
        x = rng.normal(size=(n, d))
    elif kind == "lattice":
        x = rng.integers(0, 5, size=(n, d)) * 0.1
    elif kind == "corners":  # hardly anything but copies
        x = rng.integers(0, 2, size=(n, d))
    else:
        x = np.zeros((n, d))
    return x.astype(dtype)


KINDS = pytest.mark.parametrize("kind", ["normal", "lattice", "corners", "all equal"])


def assert_is_the_tree(edges, weights):
    u, v, weight = edges
    expected_u, expected_v, expected = spanning_tree(weights)
    assert u.dtype == v.dtype == np.int32
    np.testing.assert_array_equal(weight, expected.astype(np.float64))
    np.testing.assert_array_equal(u, expected_u)
    np.testing.assert_array_equal(v, expected_v)


@both_dtypes
@KINDS
@pytest.mark.parametrize("metric", METRICS)
def test_edges_are_those_of_the_tree_of_all_pairs(rng, metric, kind, dtype):
    for n, d in SHAPES:
        x = data(rng, n, d, dtype, kind)
        tree = kd_tree(x, metric)
        distances = oracle.distance(oracle.reduced(x, x, metric), metric)
        for min_samples in sorted({1, min(2, n), min(5, n), min(30, n)}):
            alpha = float(rng.choice([1.0, 0.7, 1.3]))
            core = np.sort(distances, axis=1)[:, min_samples - 1] if min_samples > 1 else np.zeros(n, dtype)
            weights = mutual_reachability(distances, core, alpha)
            edges, found_core = _core.mst_kd_tree(tree, min_samples=min_samples, alpha=alpha)
            np.testing.assert_array_equal(found_core, core)
            assert_is_the_tree(edges, weights)
            assert_is_the_tree(_core.mst_kd_tree(tree, core.astype(dtype), alpha=alpha), weights)


@both_dtypes
@KINDS
def test_core_distances_may_be_any_numbers(rng, kind, dtype):
    """Those of weighted samples are not distances to a fixed neighbour."""
    for n, d in SHAPES:
        x = data(rng, n, d, dtype, kind)
        distances = oracle.distance(oracle.reduced(x, x))
        for core in (rng.random(n), rng.integers(0, 3, size=n) * 0.1, np.full(n, 0.3)):
            core = core.astype(dtype)
            edges = _core.mst_kd_tree(kd_tree(x), core, alpha=1.0)
            assert_is_the_tree(edges, mutual_reachability(distances, core))
        no_core = _core.mst_kd_tree(kd_tree(x), np.empty(0, dtype), alpha=1.0)
        assert_is_the_tree(no_core, distances)


@both_dtypes
def test_hard_data(hard_data, dtype):
    x = hard_data.astype(dtype)
    distances = oracle.distance(oracle.reduced(x, x))
    for min_samples in {1, min(3, len(x)), len(x)}:
        core = np.sort(distances, axis=1)[:, min_samples - 1] if min_samples > 1 else np.zeros(len(x), dtype)
        edges, _ = _core.mst_kd_tree(kd_tree(x), min_samples=min_samples, alpha=1.0)
        assert_is_the_tree(edges, mutual_reachability(distances, core))


@pytest.mark.parametrize("min_samples", [1, 6])
def test_weights_are_those_scipy_finds(rng, min_samples):
    x = rng.normal(size=(500, 4)) * rng.choice([0.01, 1.0, 10.0], size=(500, 1))
    distances = oracle.distance(oracle.reduced(x, x))
    core = np.sort(distances, axis=1)[:, min_samples - 1]
    (_, _, weight), _ = _core.mst_kd_tree(kd_tree(x), min_samples=min_samples, alpha=1.0)
    expected = minimum_spanning_tree(mutual_reachability(distances, core))
    np.testing.assert_array_equal(weight, np.sort(expected.data))


def test_minkowski_weights_are_those_of_all_pairs(rng):
    x = rng.normal(size=(200, 3))
    tree = kd_tree(x, "minkowski", 3.0)
    distances = oracle.distance(oracle.reduced(x, x, "minkowski", 3.0), "minkowski", 3.0)
    core = np.sort(distances, axis=1)[:, 3]
    (_, _, weight), _ = _core.mst_kd_tree(tree, min_samples=4, alpha=1.0)
    np.testing.assert_allclose(weight, spanning_tree(mutual_reachability(distances, core))[2], rtol=1e-13)


@given(
    points=st.lists(st.tuples(*[st.integers(-3, 3)] * 2), min_size=1, max_size=100),
    min_samples=st.integers(1, 8),
)
def test_any_small_lattice(points, min_samples):
    x = np.array(points, dtype=float)
    min_samples = min(min_samples, len(x))
    distances = oracle.distance(oracle.reduced(x, x))
    core = np.sort(distances, axis=1)[:, min_samples - 1]
    edges, _ = _core.mst_kd_tree(kd_tree(x), min_samples=min_samples, alpha=1.0)
    assert_is_the_tree(edges, mutual_reachability(distances, core))


@both_dtypes
@threads_and_blocks
@pytest.mark.parametrize("kind", ["normal", "lattice"])
def test_the_same_bits_for_any_threads_and_blocks(rng, kind, dtype, n_threads, block_length):
    x = data(rng, 4000, 2, dtype, kind)

    def everything():
        tree = kd_tree(x)
        edges, core = _core.mst_kd_tree(tree, min_samples=5, alpha=1.0)
        return bits(*edges, core, *_core.mst_kd_tree(tree, min_samples=1, alpha=1.0)[0])

    with threads_and_block_length(1, 0):
        expected = everything()
    with threads_and_block_length(n_threads, block_length):
        assert everything() == expected


def test_the_same_bits_at_every_level_and_leaf_size(rng):
    x = rng.normal(size=(2000, 3))
    before = _core.isa()
    found = set()
    try:
        for level in _core.isa_available():
            _core.set_isa(level)
            for leaf_size in (16, 64):
                edges, core = _core.mst_kd_tree(kd_tree(x, leaf_size=leaf_size), min_samples=5, alpha=1.0)
                found.add(bits(*edges, core))
    finally:
        _core.set_isa(before)
    assert len(found) == 1


@pytest.mark.parametrize("min_samples", [1, 5])
@pytest.mark.parametrize("places", [1, 2, 500])
def test_copies_cost_no_more_than_other_points(min_samples, places):
    """Quadratic work on 100,000 copies would take hours."""
    rng = np.random.default_rng(0)
    where = rng.normal(size=(places, 2))
    x = where[rng.integers(0, places, size=100_000)]
    (u, v, weight), _ = _core.mst_kd_tree(kd_tree(x), min_samples=min_samples, alpha=1.0)
    assert len(u) == 99_999
    assert (weight == 0).sum() == 100_000 - places
    assert (u < v).all()


def test_control_c_stops_it(rng):
    tree = kd_tree(rng.normal(size=(60_000, 20)))  # many seconds of work
    assert interrupt_after(0.5, lambda: _core.mst_kd_tree(tree, min_samples=5, alpha=1.0)) < 1.0


def test_a_tree_spans_and_ascends(rng):
    x = rng.normal(size=(5000, 2))
    (u, v, weight), core = _core.mst_kd_tree(kd_tree(x), min_samples=5, alpha=1.0)
    parent = np.arange(5000)
    for a, b in zip(u, v, strict=True):
        while parent[a] != a:
            a = parent[a]
        while parent[b] != b:
            b = parent[b]
        assert a != b
        parent[a] = b
    assert (np.diff(weight) >= 0).all()
    distance = np.sqrt(((x[u] - x[v]) ** 2).sum(axis=1))
    np.testing.assert_allclose(weight, np.maximum(distance, np.maximum(core[u], core[v])), rtol=1e-14)
