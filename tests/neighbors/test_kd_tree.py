"""The k-d tree against brute force: to the last bit, whatever the shape, the level, the threads."""

import copy
import pickle

import numpy as np
import pytest
from helpers import bits, both_dtypes, interrupt_after, threads_and_block_length, threads_and_blocks
from hypothesis import given
from hypothesis import strategies as st
from oracles import neighbors as oracle

import shoal
from shoal import _core

METRICS = ("euclidean", "manhattan", "chebyshev")  # those whose bits NumPy has too
LEVELS = _core.isa_available()
# one leaf, one group of leaves, several levels; around the edges of vectors and leaves
SHAPES = (
    (1, 1),
    (2, 3),
    (15, 2),
    (16, 4),
    (17, 2),
    (33, 1),
    (129, 3),
    (130, 2),
    (600, 2),
    (1100, 5),
    (400, 19),
)


@pytest.fixture(params=LEVELS)
def level(request):
    before = _core.isa()
    _core.set_isa(request.param)
    yield request.param
    _core.set_isa(before)


def data(rng, n, d, dtype, kind):
    if kind == "lattice":  # full of ties, at values that binary fractions cannot hold
        return (rng.integers(0, 5, size=(n, d)) * 0.1).astype(dtype)
    return rng.normal(size=(n, d)).astype(dtype)


def assert_same_neighbours(tree, x, queries, k, metric, message=""):
    distances, rows = tree.query(queries, k)
    expected, expected_rows = oracle.k_nearest(x if queries is None else queries, x, k, metric)
    assert distances.dtype == x.dtype
    assert rows.dtype == np.int32
    np.testing.assert_array_equal(distances, expected, err_msg=message)
    np.testing.assert_array_equal(rows, expected_rows, err_msg=message)


# --- k nearest ----------------------------------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("kind", ["normal", "lattice"])
@pytest.mark.parametrize("metric", METRICS)
def test_neighbours_and_distances_are_those_of_brute_force_to_the_last_bit(rng, level, metric, kind, dtype):
    for n, d in SHAPES:
        x = data(rng, n, d, dtype, kind)
        queries = data(rng, 23, d, dtype, kind)
        tree = shoal.KDTree(x, leaf_size=int(rng.choice([1, 20, 48, 64])), metric=metric)
        for k in {1, min(n, 7), min(n, 60)}:  # the last one is too long for a list in vectors
            assert_same_neighbours(tree, x, None, k, metric, f"{n} x {d}, k = {k}, own")
            assert_same_neighbours(tree, x, queries, k, metric, f"{n} x {d}, k = {k}")


@both_dtypes
@pytest.mark.parametrize("metric", METRICS)
def test_hard_data(hard_data, metric, dtype):
    x = hard_data.astype(dtype)
    tree = shoal.KDTree(x, leaf_size=1, metric=metric)
    for k in {1, min(3, len(x)), len(x)}:
        assert_same_neighbours(tree, x, None, k, metric)
        assert_same_neighbours(tree, x, x[::-1].copy(), k, metric)


@both_dtypes
def test_minkowski_is_brute_force_to_rounding(rng, level, dtype):
    x = rng.normal(size=(300, 3)).astype(dtype)
    for p in (1.5, 3.0, 7.5):
        distances, rows = shoal.KDTree(x, metric="minkowski", p=p).query(k=5)
        expected, expected_rows = oracle.k_nearest(x, x, 5, "minkowski", p)
        np.testing.assert_allclose(distances, expected, rtol=20 * np.finfo(dtype).eps)
        np.testing.assert_array_equal(rows, expected_rows)


@both_dtypes
def test_many_queries_are_answered_as_one_by_one(rng, dtype):
    """Many at once are put into an order of their own."""
    x, queries = rng.normal(size=(200, 2)).astype(dtype), rng.normal(size=(3000, 2)).astype(dtype)
    tree = shoal.KDTree(x)
    assert_same_neighbours(tree, x, queries, 3, "euclidean")
    some = rng.choice(3000, size=100)
    radius = rng.random(3000).astype(dtype)
    found = tree.query_radius(queries, radius, sort_results=True)
    alone = tree.query_radius(queries[some], radius[some], sort_results=True)
    assert all((found[i] == rows).all() for i, rows in zip(some, alone, strict=True))
    np.testing.assert_array_equal(
        tree.radius_count(queries, radius)[some], tree.radius_count(queries[some], radius[some])
    )


@pytest.mark.parametrize(("p", "metric"), [(1, "manhattan"), (2, "euclidean"), (np.inf, "chebyshev")])
def test_minkowski_with_a_well_known_exponent_is_that_metric(rng, p, metric):
    x = rng.normal(size=(200, 3))
    tree = shoal.KDTree(x, metric="minkowski", p=p)
    assert tree.metric == metric
    assert_same_neighbours(tree, x, None, 4, metric)


def test_a_tie_goes_to_the_smaller_row(rng):
    x = np.repeat(rng.integers(0, 3, size=(40, 2)).astype(float), 30, axis=0)[rng.permutation(1200)]
    tree = shoal.KDTree(x)
    for k in (1, 5, 31, 100):
        assert_same_neighbours(tree, x, None, k, "euclidean")


def test_equal_points_are_not_looked_at_all():
    """200,000 equal rows: quadratic work would take hours."""
    tree = shoal.KDTree(np.zeros((200_000, 2)))
    _, rows = tree.query(k=5)
    assert (rows == np.arange(5)).all()
    assert (tree.radius_count(r=0.0) == 200_000).all()


def test_agrees_with_scikit_learn(rng):
    neighbors = pytest.importorskip("sklearn.neighbors")
    x, queries = rng.normal(size=(700, 3)), rng.normal(size=(50, 3))
    ours, theirs = shoal.KDTree(x), neighbors.KDTree(x)
    distances, rows = ours.query(queries, k=6)
    expected, expected_rows = theirs.query(queries, k=6)
    np.testing.assert_allclose(distances, expected, rtol=1e-12)
    np.testing.assert_array_equal(rows, expected_rows)
    found, found_distances = ours.query_radius(queries, 0.7, return_distance=True, sort_results=True)
    expected_found, expected_distances = theirs.query_radius(
        queries, 0.7, return_distance=True, sort_results=True
    )
    for i in range(50):
        np.testing.assert_array_equal(found[i], expected_found[i])
        np.testing.assert_allclose(found_distances[i], expected_distances[i], rtol=1e-12)
    np.testing.assert_array_equal(
        ours.query_radius(queries, 0.7, count_only=True), theirs.query_radius(queries, 0.7, count_only=True)
    )


def test_distances_have_no_cancellation_far_from_the_origin(rng):
    x = rng.integers(0, 50, size=(400, 2)) + 1e8
    assert_same_neighbours(shoal.KDTree(x), x, None, 9, "euclidean")


@given(
    points=st.lists(st.tuples(*[st.integers(-3, 3)] * 2), min_size=1, max_size=120),
    k=st.integers(1, 20),
    metric=st.sampled_from(METRICS),
)
def test_any_small_lattice(points, k, metric):
    x = np.array(points, dtype=float)
    assert_same_neighbours(shoal.KDTree(x, leaf_size=1, metric=metric), x, None, min(k, len(x)), metric)


# --- within a radius ----------------------------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("kind", ["normal", "lattice"])
@pytest.mark.parametrize("metric", METRICS)
def test_points_within_a_radius_are_those_of_brute_force(rng, level, metric, kind, dtype):
    for n, d in SHAPES:
        x = data(rng, n, d, dtype, kind)
        queries = data(rng, 19, d, dtype, kind)
        tree = shoal.KDTree(x, leaf_size=1, metric=metric)
        all_pairs = oracle.reduced(queries, x, metric)
        radius = rng.choice(oracle.distance(all_pairs, metric).ravel(), size=19).astype(dtype)
        limit = radius * radius if metric == "euclidean" else radius
        inside = all_pairs <= limit[:, None]
        np.testing.assert_array_equal(tree.radius_count(queries, radius), inside.sum(axis=1))
        np.testing.assert_array_equal(tree.query_radius(queries, radius, count_only=True), inside.sum(axis=1))
        rows = tree.query_radius(queries, radius)
        same, distances = tree.query_radius(queries, radius, return_distance=True)
        by_distance = tree.query_radius(queries, radius, sort_results=True)
        for i in range(19):
            expected = np.flatnonzero(inside[i])
            np.testing.assert_array_equal(rows[i], expected)
            np.testing.assert_array_equal(same[i], expected)
            np.testing.assert_array_equal(distances[i], oracle.distance(all_pairs[i], metric)[expected])
            np.testing.assert_array_equal(
                by_distance[i], expected[np.argsort(all_pairs[i, expected], kind="stable")]
            )


@both_dtypes
def test_a_point_exactly_at_the_radius_is_within(dtype):
    axis = np.arange(6, dtype=dtype)
    x = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    for metric, radius in (("euclidean", 5), ("manhattan", 3), ("chebyshev", 2)):
        expected = (oracle.distance(oracle.reduced(x, x, metric), metric) <= radius).sum(axis=1)
        np.testing.assert_array_equal(shoal.KDTree(x, metric=metric).radius_count(r=radius), expected)


@both_dtypes
def test_weights_are_added_where_rows_are_counted(rng, level, dtype):
    x = rng.integers(0, 6, size=(500, 2)).astype(dtype)
    copies = rng.integers(0, 4, size=500)
    weighted = shoal.KDTree(x, sample_weight=copies)
    repeated = shoal.KDTree(np.repeat(x, copies, axis=0))
    for radius in (0, 1, 2.5, 20):
        np.testing.assert_array_equal(weighted.radius_count(x, radius), repeated.radius_count(x, radius))
        np.testing.assert_array_equal(
            weighted.query_radius(x, radius, count_only=True), shoal.KDTree(x).radius_count(r=radius)
        )


def test_an_infinite_radius_takes_all_and_no_radius_takes_the_copies():
    x = np.array([[0.0], [0.0], [4.0]])
    tree = shoal.KDTree(x)
    np.testing.assert_array_equal(tree.radius_count(r=np.inf), [3, 3, 3])
    np.testing.assert_array_equal(tree.radius_count(r=0), [2, 2, 1])
    assert [rows.tolist() for rows in tree.query_radius(x, np.inf)] == [[0, 1, 2]] * 3


# --- the same bits ------------------------------------------------------------------------------------------


def everything(x, metric="euclidean"):
    tree = shoal.KDTree(x, metric=metric, sample_weight=np.arange(len(x)) % 3 * 0.1)
    found, distances = tree.query_radius(x[:50], 0.3, return_distance=True, sort_results=True)
    return bits(
        tree._tree.rows,
        *tree.query(k=6),
        *tree.query(x[:50], k=6),
        tree._tree.core_distances(4),
        tree.radius_count(r=0.3),
        np.concatenate(found),
        np.concatenate(distances),
    )


@both_dtypes
@threads_and_blocks
@pytest.mark.parametrize("kind", ["normal", "lattice"])
def test_results_have_the_same_bits_for_any_threads_and_blocks(rng, kind, dtype, n_threads, block_length):
    x = data(rng, 5000, 3, dtype, kind)
    with threads_and_block_length(1, 0):
        expected = everything(x)
    with threads_and_block_length(n_threads, block_length):
        assert everything(x) == expected


@both_dtypes
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("d", [1, 2, 3, 9, 20])
def test_results_have_the_same_bits_at_every_level(rng, level, d, metric, dtype):
    x = np.random.default_rng(d).normal(size=(700, d)).astype(dtype)
    found = everything(x, metric)
    _core.set_isa("scalar")
    assert everything(x, metric) == found


def test_a_leaf_size_changes_no_result(rng):
    x = rng.integers(0, 20, size=(900, 2)) * 0.1
    expected = bits(*shoal.KDTree(x).query(k=8))
    for size in (1, 16, 17, 40, 64):
        tree = shoal.KDTree(x, leaf_size=size)
        assert tree.leaf_size % 16 == 0
        assert tree.leaf_size >= size
        assert bits(*tree.query(k=8)) == expected


def test_core_distances_are_the_last_of_the_nearest(rng):
    x = rng.normal(size=(400, 3))
    tree = shoal.KDTree(x)
    np.testing.assert_array_equal(tree._tree.core_distances(5), tree.query(k=5)[0][:, -1])


def test_control_c_stops_queries(rng):
    x = rng.normal(size=(60_000, 20))  # many seconds of work
    tree = shoal.KDTree(x)
    assert interrupt_after(0.5, lambda: tree.query(k=10)) < 1.0  # 100 ms on a machine of one's own


# --- the class ----------------------------------------------------------------------------------------------


def test_pickle_and_copy_give_the_same_tree(rng):
    x = rng.normal(size=(100, 2)).astype(np.float32)
    tree = shoal.KDTree(x, leaf_size=48, metric="l1", sample_weight=rng.random(100))
    for other in (pickle.loads(pickle.dumps(tree)), copy.deepcopy(tree), copy.copy(tree)):
        assert other.leaf_size == 48
        assert other.metric == "manhattan"
        assert bits(*other.query(k=3), other.radius_count(r=0.5)) == bits(
            *tree.query(k=3), tree.radius_count(r=0.5)
        )


def test_queries_take_the_dtype_of_the_tree(rng):
    x = rng.normal(size=(50, 2)).astype(np.float32)
    tree = shoal.KDTree(x)
    assert tree.query(x.astype(np.float64), k=2)[0].dtype == np.float32
    assert tree.query([[0, 1]], k=2, return_distance=False).shape == (1, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: shoal.KDTree(x, leaf_size=0), r"leaf_size must be in \[1, 64\]; got 0"),
        (lambda x: shoal.KDTree(x, metric="cosine"), r"metric must be one of 'euclidean', .*; got 'cosine'"),
        (lambda x: shoal.KDTree(x, metric="minkowski", p=0.5), r"p must be in \[1, inf\]; got 0.5"),
        (lambda x: shoal.KDTree(x, sample_weight=[1.0]), r"sample_weight must have shape \(n_samples=8,\)"),
        (lambda x: shoal.KDTree(x).query(x, k=9), r"k must be in \[1, n_samples=8\]; got 9"),
        (lambda x: shoal.KDTree(x).query(x[:, :2], k=1), r"X must have n_features=3 columns; got 2"),
        (lambda x: shoal.KDTree(x).query_radius(x, -1.0), r"r must be >= 0; got -1 at index 0"),
        (lambda x: shoal.KDTree(x).radius_count(x, np.nan), r"r must be >= 0; got nan at index 0"),
        (
            lambda x: shoal.KDTree(x).radius_count(x, [1.0, 2.0]),
            r"r must be a number or have shape \(n_queries=8,\)",
        ),
        (
            lambda x: shoal.KDTree(x).query_radius(x, 1.0, count_only=True, return_distance=True),
            r"return_distance must be False when count_only is True; got True",
        ),
        (lambda x: shoal.KDTree(x * np.nan), r"Input X contains NaN at row 0, column 0"),
    ],
)
def test_what_is_wrong_is_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call(np.arange(24.0).reshape(8, 3))


def test_a_tree_answers_from_its_own_points_when_the_array_it_was_built_from_changes(rng):
    X = rng.normal(size=(36, 3))
    buffer = X.copy()
    tree = shoal.KDTree(buffer)
    buffer[:] = X[::-1] + 100
    distances, indices = tree.query(buffer, 2)
    expected = shoal.KDTree(X).query(X[::-1] + 100, 2)
    np.testing.assert_array_equal(distances, expected[0])
    np.testing.assert_array_equal(indices, expected[1])


@pytest.mark.parametrize(("dtype", "far"), [(np.float64, 1e200), (np.float32, 1e25)])
def test_squares_of_distances_that_overflow_are_refused(dtype, far):
    x = np.array([[far], [3 * far]], dtype=dtype)
    hint = "scale X or pass float64" if dtype == np.float32 else "scale X"
    message = f"X spreads too wide for {np.dtype(dtype)}: squared distances overflow; {hint}$"
    with pytest.raises(ValueError, match=message):
        shoal.KDTree(x)
    with pytest.raises(ValueError, match="3-th powers of distances overflow"):
        shoal.KDTree(x, metric="minkowski", p=3)
    near = shoal.KDTree(x / far)
    for ask in (near.query, near.query_radius, near.radius_count):
        with pytest.raises(ValueError, match=message):
            ask(x)
    assert near.radius_count([[1.0]], far).tolist() == [2.0]
    assert shoal.KDTree(x, metric="manhattan").radius_count(x[:1], far).tolist() == [1.0]
    assert shoal.KDTree(x[:1]).query(x[:1])[0].tolist() == [[0.0]]
    for method in ("kd-tree", "brute"):
        with pytest.raises(ValueError, match="queries spreads too wide"):
            shoal.nearest_neighbors(x / far, 1, x, method=method)
