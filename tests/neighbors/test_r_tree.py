"""The packed R-tree against plain comparisons: boxes, counts, sums."""

import copy
import pickle

import numpy as np
import pytest
from helpers import bits, both_dtypes, threads_and_block_length, threads_and_blocks
from hypothesis import given
from hypothesis import strategies as st

import shoal
from shoal import _core

SHAPES = ((1, 1), (2, 3), (17, 2), (129, 3), (600, 2), (1100, 5), (400, 19))


@pytest.fixture(params=_core.isa_available())
def level(request):
    before = _core.isa()
    _core.set_isa(request.param)
    yield request.param
    _core.set_isa(before)


def in_boxes(x, low, high, closed="both"):
    below = x[None] < high[:, None] if closed == "left" else x[None] <= high[:, None]
    return ((x[None] >= low[:, None]) & below).all(axis=2)


def boxes(rng, x, n):
    """Between points of x, so that borders hold points; some empty, some with everything."""
    a, b = rng.choice(x, size=n), rng.choice(x, size=n)
    low, high = np.minimum(a, b), np.maximum(a, b)
    low[::5], high[::5] = high[::5].copy(), low[::5].copy()
    low[1::7] = -np.inf
    high[2::7] = np.inf
    return low, high


@both_dtypes
@pytest.mark.parametrize("kind", ["normal", "lattice"])
@pytest.mark.parametrize("closed", ["both", "left"])
def test_boxes_hold_what_plain_comparisons_say(rng, level, closed, kind, dtype):
    for n, d in SHAPES:
        x = (rng.normal(size=(n, d)) if kind == "normal" else rng.integers(0, 6, size=(n, d)) * 0.1).astype(
            dtype
        )
        weight = rng.integers(0, 5, size=n).astype(dtype)
        weight[0] = 3
        low, high = boxes(rng, x, 40)
        inside = in_boxes(x, low, high, closed)
        tree = shoal.RTree(x, leaf_size=int(rng.choice([1, 32, 64])), sample_weight=weight)
        rows = tree.query_box(low, high, closed)
        for i in range(40):
            np.testing.assert_array_equal(rows[i], np.flatnonzero(inside[i]))
        np.testing.assert_array_equal(shoal.RTree(x).box_count(low, high, closed), inside.sum(axis=1))
        np.testing.assert_array_equal(tree.box_count(low, high, closed), inside @ weight.astype(float))
        weights, sums = tree.box_sum(low, high, closed)
        np.testing.assert_array_equal(weights, inside @ weight.astype(float))
        expected = inside @ (weight[:, None].astype(float) * x.astype(float))
        np.testing.assert_allclose(sums, expected, rtol=1e-12, atol=1e-12 * np.abs(x).max() * weight.sum())


@both_dtypes
def test_hard_data(hard_data, dtype):
    x = hard_data.astype(dtype)
    tree = shoal.RTree(x, leaf_size=1)
    low, high = np.repeat(x, len(x), axis=0), np.tile(x, (len(x), 1))
    for closed in ("both", "left"):
        inside = in_boxes(x, low, high, closed)
        np.testing.assert_array_equal(tree.box_count(low, high, closed), inside.sum(axis=1))
    distances, indices = shoal.KDTree(x).query(k=len(x))
    assert bits(*tree.query(k=len(x))) == bits(distances, indices)


@given(
    points=st.lists(st.tuples(*[st.integers(-3, 3)] * 2), min_size=1, max_size=150),
    corners=st.lists(st.tuples(*[st.integers(-4, 4)] * 4), min_size=1, max_size=20),
)
def test_any_small_lattice(points, corners):
    x, corner = np.array(points, dtype=float), np.array(corners, dtype=float)
    low, high = corner[:, :2], corner[:, 2:]
    tree = shoal.RTree(x, leaf_size=1)
    inside = in_boxes(x, low, high)
    np.testing.assert_array_equal(tree.box_count(low, high), inside.sum(axis=1))
    np.testing.assert_array_equal(tree.box_sum(low, high).sums, inside @ x)


def test_half_open_boxes_side_by_side_share_no_point_and_leave_none_out(rng):
    x = rng.integers(0, 12, size=(2000, 2)) * 0.25
    corner = np.stack(np.meshgrid(np.arange(3.0), np.arange(3.0)), axis=-1).reshape(-1, 2)
    assert shoal.RTree(x).box_count(corner, corner + 1, closed="left").sum() == 2000


def test_whole_nodes_are_summed_without_their_points():
    """Boxes over all of 200,000 points, 20,000 times: with a look at each point it would take minutes."""
    x = np.random.default_rng(0).random((200_000, 2))
    weights, sums = shoal.RTree(x).box_sum(np.full((20_000, 2), -1.0), np.full((20_000, 2), 2.0))
    assert (weights == 200_000).all()
    np.testing.assert_allclose(sums, np.tile(x.sum(axis=0), (20_000, 1)), rtol=1e-12)


def test_it_answers_what_a_kd_tree_answers(rng):
    x, queries = rng.normal(size=(900, 3)), rng.normal(size=(70, 3))
    ours, other = shoal.RTree(x, metric="manhattan"), shoal.KDTree(x, metric="manhattan")
    assert bits(*ours.query(queries, k=5), *ours.query(k=3)) == bits(
        *other.query(queries, k=5), *other.query(k=3)
    )
    np.testing.assert_array_equal(ours.radius_count(queries, 0.8), other.radius_count(queries, 0.8))
    for a, b in zip(ours.query_radius(queries, 0.8), other.query_radius(queries, 0.8), strict=True):
        np.testing.assert_array_equal(a, b)


@both_dtypes
@threads_and_blocks
def test_results_have_the_same_bits_for_any_threads_and_blocks(rng, dtype, n_threads, block_length):
    x = rng.normal(size=(5000, 3)).astype(dtype)
    low, high = boxes(rng, x, 100)

    def everything():
        tree = shoal.RTree(x, sample_weight=np.arange(5000) % 3 * 0.1)
        return bits(*tree.box_sum(low, high), np.concatenate(tree.query_box(low, high)))

    with threads_and_block_length(1, 0):
        expected = everything()
    with threads_and_block_length(n_threads, block_length):
        assert everything() == expected


def test_results_have_the_same_bits_at_every_level(rng, level):
    x = np.random.default_rng(0).normal(size=(3000, 3))
    low, high = boxes(np.random.default_rng(1), x, 100)
    found = bits(*shoal.RTree(x).box_sum(low, high))
    _core.set_isa("scalar")
    assert bits(*shoal.RTree(x).box_sum(low, high)) == found


def test_pickle_and_copy_give_the_same_tree(rng):
    x = rng.normal(size=(100, 2)).astype(np.float32)
    tree = shoal.RTree(x, leaf_size=48, sample_weight=rng.random(100))
    for other in (pickle.loads(pickle.dumps(tree)), copy.deepcopy(tree)):
        assert bits(*other.box_sum(x - 1, x + 1)) == bits(*tree.box_sum(x - 1, x + 1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda tree, x: tree.box_count(x[:, :2], x[:, :2]), r"low must have n_features=3 columns; got 2"),
        (lambda tree, x: tree.box_count(x, x[:2]), r"high must have as many rows as low, 8; got 2"),
        (lambda tree, x: tree.box_sum(x, x * np.nan), r"Input high contains NaN at row 0, column 0"),
        (
            lambda tree, x: tree.query_box(x, x, closed="right"),
            r"closed must be one of 'both', 'left'; got 'right'",
        ),
    ],
)
def test_what_is_wrong_is_named(call, message):
    x = np.arange(24.0).reshape(8, 3)
    with pytest.raises(ValueError, match=message):
        call(shoal.RTree(x), x)


def test_boxes_take_values_whose_distances_overflow():
    tree = shoal.RTree([[1e200], [3e200]])
    assert tree.box_count([[0.9e200]], [[1.1e200]]).tolist() == [1.0]
    assert tree.query_box([[-np.inf]], [[2e200]])[0].tolist() == [0]
    for ask in (
        lambda: tree.radius_count([[1e200]], 1e199),
        lambda: tree.radius_count(r=1e199),
        lambda: tree.query_radius(r=1e199),
        tree.query,
    ):
        with pytest.raises(
            ValueError, match=r"X spreads too wide for float64: squared distances overflow; scale X$"
        ):
            ask()
    assert shoal.RTree([[1e200], [3e200]], metric="chebyshev").radius_count([[1e200]], 1e199).tolist() == [
        1.0
    ]
