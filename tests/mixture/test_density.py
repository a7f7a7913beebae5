"""Gaussian log densities of the kernel, against SciPy and plain NumPy, at every instruction-set level."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from helpers import bits, both_dtypes, threads_and_block_length, threads_and_blocks
from oracles import mixture as oracle
from scipy.special import logsumexp

from shoal import _core

TYPES = ("full", "tied", "diag", "spherical")
all_types = pytest.mark.parametrize("covariance_type", TYPES)


@pytest.fixture(params=_core.isa_available())
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    before = _core.isa()
    _core.set_isa(request.param)
    try:
        yield request.param
    finally:
        _core.set_isa(before)


def arguments(means, factor, weights):
    return np.ascontiguousarray(means), np.ravel(factor), np.log(weights)


def case(rng, covariance_type, n, k, d, dtype=np.float64, spread=3.0):
    X = rng.normal(scale=spread, size=(n, d)).astype(dtype)
    means, factor, weights = oracle.random_model(rng, covariance_type, k, d, spread)
    return X, means, factor, weights


@all_types
@both_dtypes
@pytest.mark.parametrize(
    ("n", "k", "d"), [(1, 1, 1), (3, 2, 1), (70, 5, 2), (37, 9, 7), (130, 17, 16), (65, 3, 35)]
)
def test_densities_are_those_of_the_formula(rng, level, covariance_type, dtype, n, k, d):
    X, means, factor, weights = case(rng, covariance_type, n, k, d, dtype)
    expected = oracle.weighted_log_density(X.astype(float), means, factor, weights, covariance_type)
    got = _core.mixture_matrix(X, covariance_type, *arguments(means, factor, weights), resp=False)
    assert got.dtype == dtype
    scale = np.abs(expected) + 10
    assert np.max(np.abs(got - expected) / scale) < (2e-5 if dtype == np.float32 else 1e-13)


@all_types
@both_dtypes
def test_best_second_and_sum_belong_to_the_matrix(rng, level, covariance_type, dtype):
    X, means, factor, weights = case(rng, covariance_type, 201, 6, 3, dtype)
    model = arguments(means, factor, weights)
    matrix = _core.mixture_matrix(X, covariance_type, *model, resp=False)
    run = _core.mixture_density(X, covariance_type, *model)
    ordered = np.sort(matrix, axis=1)
    assert run.labels.tolist() == matrix.argmax(axis=1).tolist()
    assert run.best.tolist() == ordered[:, -1].tolist()
    assert run.second.tolist() == ordered[:, -2].tolist()
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    np.testing.assert_allclose(run.log_sum, logsumexp(matrix.astype(float), axis=1), rtol=tolerance)
    resp = _core.mixture_matrix(X, covariance_type, *model, resp=True)
    np.testing.assert_allclose(resp.sum(axis=1), 1.0, rtol=tolerance)
    expected = np.exp(matrix.astype(float) - logsumexp(matrix.astype(float), axis=1)[:, None])
    np.testing.assert_allclose(resp, expected, rtol=50 * tolerance, atol=1e-37)


def test_the_second_of_one_component_is_minus_infinity(rng, level):
    X, means, factor, weights = case(rng, "full", 5, 1, 2)
    run = _core.mixture_density(X, "full", *arguments(means, factor, weights))
    assert np.isneginf(run.second).all()
    np.testing.assert_array_equal(run.best, run.log_sum)


def test_a_tie_goes_to_the_smaller_component(level):
    X = np.array([[0.0], [1.0], [-1.0]])
    run = _core.mixture_density(
        X, "diag", np.array([[1.0], [-1.0], [1.0]]), np.ones(3), np.log(np.full(3, 1 / 3))
    )
    assert run.labels.tolist() == [0, 0, 1]


def test_a_component_of_weight_zero_takes_no_sample(rng, level):
    X, means, factor, _ = case(rng, "full", 40, 3, 2)
    with np.errstate(divide="ignore"):
        model = arguments(means, factor, np.array([0.4, 0.0, 0.6]))
    resp = _core.mixture_matrix(X, "full", *model, resp=True)
    assert (resp[:, 1] == 0).all()
    np.testing.assert_allclose(resp.sum(axis=1), 1.0)
    assert 1 not in _core.mixture_labels(X, "full", *model)


@all_types
def test_samples_beyond_all_components_have_no_nan(level, covariance_type):
    """In float32 their squared distances are infinite."""
    X = np.full((3, 2), 1e30, dtype=np.float32)
    factor = {"full": np.eye(2)[None], "tied": np.eye(2), "diag": np.ones((1, 2)), "spherical": np.ones(1)}
    model = arguments(np.zeros((1, 2)), factor[covariance_type], np.ones(1))
    run = _core.mixture_density(X, covariance_type, *model)
    assert not np.isnan(run.log_sum).any()
    assert run.labels.tolist() == [0, 0, 0]
    assert not np.isnan(_core.mixture_matrix(X, covariance_type, *model, resp=True)).any()


@all_types
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_far_narrow_components_keep_their_digits_in_float32(rng, level, covariance_type, offset):
    """Means a thousand standard deviations apart: rounding relative to the distance would ruin the density."""
    means = np.array([[-512.0, 256.0], [512.0, -128.0]]) + offset
    factor = {
        "full": np.array([[[1.0, -0.5], [0.0, 1.0]]] * 2),
        "tied": np.array([[1.0, -0.5], [0.0, 1.0]]),
        "diag": np.ones((2, 2)),
        "spherical": np.ones(2),
    }[covariance_type]
    X = (means[rng.integers(0, 2, 100)] + rng.integers(-256, 257, size=(100, 2)) / 128).astype(np.float32)
    expected = oracle.weighted_log_density(X.astype(float), means, factor, np.full(2, 0.5), covariance_type)
    run = _core.mixture_density(X, covariance_type, *arguments(means, factor, np.full(2, 0.5)))
    np.testing.assert_allclose(
        run.best, expected.max(axis=1), atol=1e-3 if covariance_type == "tied" else 1e-4
    )


@all_types
@threads_and_blocks
def test_threads_and_blocks_change_no_bit(rng, covariance_type, n_threads, block_length):
    X, means, factor, weights = case(rng, covariance_type, 1500, 5, 3)
    model = arguments(means, factor, weights)

    def run():
        density = _core.mixture_density(X, covariance_type, *model)
        matrix = _core.mixture_matrix(X, covariance_type, *model, resp=True)
        return bits(density.labels, density.best, density.second, density.log_sum, matrix)

    with threads_and_block_length(1, 0):
        expected = run()
    with threads_and_block_length(n_threads, block_length):
        assert run() == expected


@all_types
def test_levels_agree(rng, covariance_type):
    X, means, factor, weights = case(rng, covariance_type, 300, 5, 6)
    before = _core.isa()
    results = []
    try:
        for name in _core.isa_available():
            _core.set_isa(name)
            results.append(_core.mixture_density(X, covariance_type, *arguments(means, factor, weights)))
    finally:
        _core.set_isa(before)
    for result in results[1:]:
        assert result.labels.tolist() == results[0].labels.tolist()
        np.testing.assert_allclose(result.log_sum, results[0].log_sum, rtol=1e-13)


def ulps(got, exact):
    """Error in units of the last place of the result; `exact` in a wider type."""
    return np.max(np.abs(got.astype(exact.dtype) - exact) / np.spacing(np.abs(got)).astype(exact.dtype))


@both_dtypes
def test_vector_exp_and_log(rng, level, dtype):
    wide = np.longdouble if dtype == np.float64 else np.float64
    if dtype == np.float64 and np.finfo(np.longdouble).nmant <= 52:
        pytest.skip("no wider type here to compare with")
    least = -708.0 if dtype == np.float64 else -87.0
    x = np.concatenate(
        [rng.uniform(least, 0, 20000), rng.uniform(-2, 2, 20001), [0.0, least, 1e-8, -1e-20]]
    ).astype(dtype)
    assert ulps(_core.vector_exp(x), np.exp(x.astype(wide))) < 1.5
    positive = np.concatenate(
        [np.exp(rng.uniform(least, -least, 20000)), rng.uniform(0.5, 2, 20001), [1.0]]
    ).astype(dtype)
    assert ulps(_core.vector_log(positive)[:-1], np.log(positive[:-1].astype(wide))) < 1
    assert _core.vector_log(np.ones(3, dtype))[0] == 0
    assert _core.vector_exp(np.array([0.0, -np.inf, 2 * least], dtype)).tolist() == [1.0, 0.0, 0.0]
