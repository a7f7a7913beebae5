"""Distances between all pairs, and what is reduced from them, against SciPy's direct sums."""

import numpy as np
import pytest
from helpers import bits, both_dtypes, threads_and_block_length, threads_and_blocks
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from shoal import _core

METRICS = ("euclidean", "sqeuclidean", "cosine", "manhattan", "chebyshev")
SCIPY = {"manhattan": "cityblock"}
# around the edges of vectors, panels and groups of every instruction set, and the width of a small image
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17, 23, 31, 32, 33, 47, 64, 65, 97, 129)
FEATURES = (*range(1, 36), 47, 48, 49, 63, 64, 65, 100, 784)


def reference(x, y, metric):
    """SciPy in double precision; rows of zeros at cosine distance 1 from others and 0 from each other."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if metric != "cosine":
        return cdist(x, y, SCIPY.get(metric, metric))
    zero_x, zero_y = ~x.any(axis=1), ~y.any(axis=1)
    with np.errstate(all="ignore"):
        out = cdist(x, y, "cosine")
    out[zero_x] = 1
    out[:, zero_y] = 1
    out[np.ix_(zero_x, zero_y)] = 0
    return out


def tolerance(metric, dtype, n_features):
    eps = np.finfo(dtype).eps
    return {"rtol": (n_features + 8) * eps, "atol": 8 * eps if metric == "cosine" else 0}


def shapes(rng):
    """(n_x, n_y, d) that meet every size and every number of features at least once."""
    for d in FEATURES:
        yield int(rng.choice(SIZES)), int(rng.choice(SIZES)), d
    for size in SIZES:
        yield size, int(rng.choice(SIZES)), int(rng.choice(FEATURES[:40]))


# --- pairwise ----------------------------------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("metric", METRICS)
def test_pairwise_is_the_direct_sum_for_every_shape(rng, metric, dtype):
    for n_x, n_y, d in shapes(rng):
        x = rng.normal(size=(n_x, d)).astype(dtype)
        y = rng.normal(size=(n_y, d)).astype(dtype)
        got = _core.pairwise(x, y, metric)
        assert got.dtype == dtype
        np.testing.assert_allclose(
            got, reference(x, y, metric), **tolerance(metric, dtype, d), err_msg=f"{n_x} x {n_y} x {d}"
        )


@both_dtypes
@pytest.mark.parametrize("metric", [m for m in METRICS if m != "cosine"])
def test_pairwise_does_not_cancel_far_from_the_origin(rng, metric, dtype):
    offset = dtype(2**24 if dtype is np.float32 else 1e8)
    x = rng.integers(0, 50, size=(33, 5)).astype(dtype) + offset
    np.testing.assert_allclose(
        _core.pairwise(x, x, metric), reference(x, x, metric), **tolerance(metric, dtype, 5)
    )


@both_dtypes
@pytest.mark.parametrize("metric", METRICS)
def test_a_row_is_at_exactly_zero_from_itself_and_distances_are_symmetric(rng, metric, dtype):
    x = rng.normal(size=(45, 19)).astype(dtype)
    got = _core.pairwise(x, x, metric)
    assert (np.diag(got) == 0).all()
    np.testing.assert_array_equal(got, got.T)


@both_dtypes
def test_rows_of_zeros_are_at_cosine_distance_one_from_others_and_zero_from_each_other(dtype):
    x = np.array([[0, 0], [1, 2], [0, 0], [-3, 0]], dtype=dtype)
    got = _core.pairwise(x, x, "cosine")
    assert (got[[0, 2]][:, [0, 2]] == 0).all()
    np.testing.assert_allclose(got[[0, 2]][:, [1, 3]], 1, rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_allclose(got, reference(x, x, "cosine"), atol=4 * np.finfo(dtype).eps)


@both_dtypes
@pytest.mark.parametrize("metric", METRICS)
def test_a_distance_does_not_depend_on_the_other_rows(rng, metric, dtype):
    for n, d in ((65, 2), (41, 7), (37, 16), (50, 33)):
        x = rng.normal(size=(n, d)).astype(dtype)
        y = rng.normal(size=(n - 3, d)).astype(dtype)
        together = _core.pairwise(x, y, metric)
        columns = [0, 7, n - 4]
        alone = [[_core.pairwise(x[[i]], y[[j]], metric)[0, 0] for j in columns] for i in range(n)]
        np.testing.assert_array_equal(together[:, columns], alone)


# --- nearest -----------------------------------------------------------------------------------------------


@both_dtypes
def test_nearest_is_the_smallest_direct_distance_for_every_shape(rng, dtype):
    for n_x, n_y, d in shapes(rng):
        x = rng.normal(size=(n_x, d)).astype(dtype)
        y = rng.normal(size=(n_y, d)).astype(dtype)
        label, sq_dist = _core.nearest(x, y, y.mean(axis=0, dtype=dtype))
        assert label.dtype == np.int32
        expected = reference(x, y, "sqeuclidean")
        rows = np.arange(n_x)
        np.testing.assert_allclose(sq_dist, expected[rows, label], **tolerance("", dtype, d))
        # up to the rounding of the expanded form
        doubt = 8 * (d + 8) * np.finfo(dtype).eps * (expected.max() + 1)
        assert (expected[rows, label] <= expected.min(axis=1) + doubt).all(), (n_x, n_y, d)


@both_dtypes
@pytest.mark.parametrize("n_features", [1, 2, 3, 8, 17])
def test_a_tie_goes_to_the_smaller_row(rng, n_features, dtype):
    x = rng.integers(0, 3, size=(101, n_features)).astype(dtype)
    y = rng.integers(0, 3, size=(67, n_features)).astype(dtype)
    label, sq_dist = _core.nearest(x, y)
    expected = reference(x, y, "sqeuclidean")
    np.testing.assert_array_equal(label, np.argmin(expected, axis=1))  # argmin: the first of equals
    np.testing.assert_array_equal(sq_dist, expected.min(axis=1))


def test_an_origin_near_the_data_saves_the_digits_that_cancellation_costs(rng):
    """|y|^2 / 2 - x.y at an offset of 1e8 has nothing left of distances of 1; shifted, it has all of them."""
    x = rng.normal(size=(300, 6)) + 1e8
    y = rng.normal(size=(40, 6)) + 1e8
    expected = np.argmin(reference(x, y, "sqeuclidean"), axis=1)
    np.testing.assert_array_equal(_core.nearest(x, y, y.mean(axis=0))[0], expected)
    assert (_core.nearest(x, y)[0] != expected).any()


@both_dtypes
def test_nearest_errs_by_no_more_than_the_rounding_model_of_the_bounds(rng, dtype):
    """Rows out of the order of their exact distances are as near as Rounding in centroid/assignment says."""
    eps = np.finfo(dtype).eps
    for scale in (1.0, 1e3):
        for d in (1, 3, 16, 100):
            x = (scale * rng.normal(size=(60, d))).astype(dtype)
            y = (rng.normal(size=(30, d)) + scale).astype(dtype)
            origin = y.mean(axis=0, dtype=dtype)
            label, _ = _core.nearest(x, y, origin)
            exact = reference(x, y, "sqeuclidean")
            c_max = np.sqrt(reference(y, origin[None], "sqeuclidean").max())
            unit = (d + 8) * eps
            own = np.sqrt(exact[np.arange(60), label])
            slack = 4 * unit * c_max * (own + 2 * c_max)
            assert (exact[np.arange(60), label] - exact.min(axis=1) <= slack).all()


@both_dtypes
def test_a_nearest_row_does_not_depend_on_the_block_it_came_in(rng, dtype):
    """Integers at a coarse scale: many near-ties, which another order of additions would decide otherwise."""
    for d in (1, 2, 3, 5, 8, 20):
        x = (rng.integers(0, 5, size=(131, d)) * 0.1).astype(dtype)
        y = (rng.integers(0, 5, size=(50, d)) * 0.1).astype(dtype)
        origin = y.mean(axis=0, dtype=dtype)
        together, _ = _core.nearest(x, y, origin)
        alone = [_core.nearest(x[i : i + 1], y, origin)[0][0] for i in range(len(x))]
        np.testing.assert_array_equal(together, alone)
        np.testing.assert_array_equal(_core.nearest(x[::-1].copy(), y, origin)[0][::-1], together)


# --- count_within ------------------------------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("metric", METRICS)
def test_count_within_counts_what_pairwise_measures(rng, metric, dtype):
    for n_x, n_y, d in shapes(rng):
        x = rng.normal(size=(n_x, d)).astype(dtype)
        y = rng.normal(size=(n_y, d)).astype(dtype)
        distances = reference(x, y, metric)
        radius = dtype(np.median(distances))
        sure = np.abs(distances - radius) > 1e-4 * radius  # the reference cannot say which side of the edge
        count = _core.count_within(x, y, None, radius, metric)
        inside = (distances <= radius) & sure
        assert count.dtype == np.float64
        assert (count >= inside.sum(axis=1)).all()
        assert (count <= (inside | ~sure).sum(axis=1)).all()


@both_dtypes
def test_a_row_exactly_at_the_radius_is_within(dtype):
    axis = np.arange(6, dtype=dtype)
    x = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    for metric, radius in (("euclidean", 5), ("sqeuclidean", 25), ("manhattan", 3), ("chebyshev", 2)):
        expected = (reference(x, x, metric) <= radius).sum(axis=1)
        np.testing.assert_array_equal(_core.count_within(x, x, None, radius, metric), expected)


@both_dtypes
@pytest.mark.parametrize("metric", METRICS)
def test_weights_are_added_where_rows_are_counted(rng, metric, dtype):
    x = rng.integers(0, 4, size=(70, 3)).astype(dtype) + dtype(1)
    y = rng.integers(0, 4, size=(90, 3)).astype(dtype) + dtype(1)
    copies = rng.integers(0, 4, size=90)
    radius = dtype(0.125)
    np.testing.assert_array_equal(
        _core.count_within(x, y, copies.astype(dtype), radius, metric),
        _core.count_within(x, np.repeat(y, copies, axis=0), None, radius, metric),
    )
    np.testing.assert_array_equal(
        _core.count_within(x, y, np.ones(90, dtype), radius, metric),
        _core.count_within(x, y, None, radius, metric),
    )


# --- k_nearest ---------------------------------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("metric", METRICS)
def test_k_nearest_are_the_smallest_distances_in_order(rng, metric, dtype):
    for n_x, n_y, d in shapes(rng):
        x = rng.normal(size=(n_x, d)).astype(dtype)
        y = rng.normal(size=(n_y, d)).astype(dtype)
        k = int(rng.integers(1, n_y + 1))
        distances, indices = _core.k_nearest(x, y, k, metric)
        assert distances.shape == indices.shape == (n_x, k)
        assert indices.dtype == np.int32
        exact = reference(x, y, metric)
        np.testing.assert_allclose(
            distances,
            np.sort(exact, axis=1)[:, :k],
            **tolerance(metric, dtype, d),
            err_msg=f"{n_x} {n_y} {d}",
        )
        np.testing.assert_allclose(
            distances, np.take_along_axis(exact, indices, axis=1), **tolerance(metric, dtype, d)
        )
        assert (np.sort(indices, axis=1)[:, 1:] != np.sort(indices, axis=1)[:, :-1]).all()
        np.testing.assert_array_equal(
            distances, np.take_along_axis(_core.pairwise(x, y, metric), indices, axis=1)
        )


@both_dtypes
@pytest.mark.parametrize("metric", [m for m in METRICS if m != "cosine"])
def test_equally_near_rows_are_listed_by_index(rng, metric, dtype):
    x = rng.integers(0, 3, size=(60, 3)).astype(dtype)
    y = rng.integers(0, 3, size=(83, 3)).astype(dtype)
    for k in (1, 2, 17, 83):
        expected = np.argsort(reference(x, y, metric), axis=1, kind="stable")[:, :k]
        np.testing.assert_array_equal(_core.k_nearest(x, y, k, metric)[1], expected)


def test_ties_and_order_hold_across_chunks_of_rows(rng):
    """More rows than one packed chunk: 4096."""
    x = rng.integers(0, 20, size=(40, 2)).astype(float)
    y = rng.integers(0, 20, size=(9000, 2)).astype(float)
    exact = reference(x, y, "sqeuclidean")
    expected = np.argsort(exact, axis=1, kind="stable")[:, :60]
    np.testing.assert_array_equal(_core.k_nearest(x, y, 60, "euclidean")[1], expected)
    np.testing.assert_array_equal(_core.count_within(x, y, None, 3.0, "euclidean"), (exact <= 9).sum(axis=1))
    np.testing.assert_array_equal(_core.nearest(x, y)[0], np.argmin(exact, axis=1))


# --- all of them -------------------------------------------------------------------------------------------


def everything(x, y):
    weight = np.linspace(0, 1, len(y)).astype(x.dtype) ** 3
    return bits(
        *_core.nearest(x, y, y.mean(axis=0, dtype=x.dtype)),
        *(result for m in METRICS for result in _core.k_nearest(x, y, 5, m)),
        *(_core.count_within(x, y, weight, 1.5, m) for m in METRICS),
        *(_core.pairwise(x, y, m) for m in METRICS),
    )


@both_dtypes
@threads_and_blocks
def test_distances_have_the_same_bits_for_any_threads_and_blocks(rng, dtype, n_threads, block_length):
    x = (rng.integers(0, 4, size=(230, 5)) * 0.1).astype(dtype)
    y = (rng.integers(0, 4, size=(61, 5)) * 0.1).astype(dtype)
    with threads_and_block_length(1, 0):
        expected = everything(x, y)
    with threads_and_block_length(n_threads, block_length):
        assert everything(x, y) == expected


@both_dtypes
def test_hard_data_are_measured_like_any_other(hard_data, dtype):
    x = np.ascontiguousarray(hard_data, dtype=dtype)
    for metric in ("euclidean", "manhattan", "chebyshev"):
        # what a square loses below the smallest number of the type
        lost = np.sqrt(np.finfo(dtype).tiny) if metric == "euclidean" else 0
        np.testing.assert_allclose(
            _core.pairwise(x, x, metric),
            reference(x, x, metric),
            rtol=100 * np.finfo(dtype).eps,
            atol=10 * lost,
        )


@given(st.integers(0, 2**32 - 1))
def test_powers_of_two_scale_distances_exactly(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rng.integers(1, 40), rng.integers(1, 20)))
    y = rng.normal(size=(rng.integers(1, 40), x.shape[1]))
    for metric, factor in (
        ("euclidean", 4),
        ("sqeuclidean", 16),
        ("manhattan", 4),
        ("chebyshev", 4),
        ("cosine", 1),
    ):
        np.testing.assert_array_equal(
            _core.pairwise(4 * x, 4 * y, metric), factor * _core.pairwise(x, y, metric)
        )
    np.testing.assert_array_equal(_core.nearest(4 * x, 4 * y)[0], _core.nearest(x, y)[0])


GUARDED = """
    import ctypes, mmap, sys
    import numpy as np
    import shoal
    from shoal import _core

    page = mmap.PAGESIZE
    libc = ctypes.CDLL(None, use_errno=True)

    def at_the_end_of_readable_memory(values):
        size = -(-values.nbytes // page) * page
        memory = mmap.mmap(-1, size + page)
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        assert libc.mprotect(ctypes.c_void_p(address + size), ctypes.c_size_t(page), 0) == 0
        array = np.frombuffer(memory, dtype=values.dtype, count=values.size, offset=size - values.nbytes)
        array = array.reshape(values.shape)
        array[:] = values
        return array

    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        for d in (*range(1, 18), 31, 33, 65):
            for n in (1, 5, 16, 32, 33, 64):
                x = at_the_end_of_readable_memory(rng.normal(size=(n, d)).astype(dtype))
                y = at_the_end_of_readable_memory(rng.normal(size=(11, d)).astype(dtype))
                _core.nearest(x, y)
                for metric in ("euclidean", "cosine", "manhattan", "chebyshev"):
                    _core.pairwise(x, y, metric)
                    _core.k_nearest(x, y, 3, metric)
                _core.count_within(x, y, None, 1.0, "euclidean")
                k = min(n, 11)
                for algorithm in ("lloyd", "hamerly", "yinyang", "elkan"):
                    _core.kmeans_fit(x, None, y[:k], max_iter=3, tol=0.0, algorithm=algorithm)
                _core.kmeans_plusplus(x, None, n_clusters=k, n_draws=0, seed=1)
    print("done")
"""


@pytest.mark.skipif("not hasattr(__import__('os'), 'fork')", reason="guards memory with mprotect")
def test_kernels_read_nothing_past_the_end_of_the_data(run_python):
    assert run_python(GUARDED).strip() == "done"
