"""BayesianGaussianMixture against scikit-learn, its bound, its weights, its priors."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import bits, both_dtypes, threads_and_block_length, threads_and_blocks
from hypothesis import given
from hypothesis import strategies as st
from sklearn.mixture import BayesianGaussianMixture as Reference

from shoal import BayesianGaussianMixture

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

all_types = pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
both_priors = pytest.mark.parametrize("prior_type", ["dirichlet_process", "dirichlet_distribution"])
ATTRIBUTES = (
    "weights_",
    "means_",
    "covariances_",
    "precisions_",
    "precisions_cholesky_",
    "weight_concentration_",
    "mean_precision_",
    "degrees_of_freedom_",
    "weight_concentration_prior_",
    "mean_precision_prior_",
    "mean_prior_",
    "degrees_of_freedom_prior_",
    "covariance_prior_",
)


def blobs(rng, n=300, d=3):
    centers = rng.normal(scale=5.0, size=(3, d))
    return centers[rng.integers(0, 3, n)] + rng.normal(size=(n, d)) @ (
        rng.normal(size=(d, d)) + 2 * np.eye(d)
    )


@all_types
@both_priors
@pytest.mark.parametrize("d", [1, 4])
def test_everything_is_scikit_learns_from_the_same_start(rng, covariance_type, prior_type, d):
    X = blobs(rng, d=d)
    keys = {
        "n_components": 5,
        "covariance_type": covariance_type,
        "weight_concentration_prior_type": prior_type,
        "init_params": "random",
        "random_state": 4,
        "tol": 0,
        "max_iter": 25,
    }
    ours, theirs = BayesianGaussianMixture(**keys).fit(X), Reference(**keys).fit(X)
    for name in ATTRIBUTES:
        np.testing.assert_allclose(
            getattr(ours, name), getattr(theirs, name), rtol=1e-6, atol=1e-6, err_msg=name
        )
    np.testing.assert_allclose(ours.lower_bounds_, np.ravel(theirs.lower_bounds_), rtol=1e-8)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(ours.score_samples(X), theirs.score_samples(X), rtol=1e-6)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(ours.sample(20)[0], theirs.sample(20)[0], atol=1e-5)


@all_types
@both_priors
def test_given_priors_are_used_as_scikit_learn_uses_them(rng, covariance_type, prior_type):
    X = blobs(rng, d=2)
    keys = {
        "n_components": 3,
        "covariance_type": covariance_type,
        "weight_concentration_prior_type": prior_type,
        "weight_concentration_prior": 0.7,
        "mean_precision_prior": 2.5,
        "mean_prior": [1.0, -1.0],
        "degrees_of_freedom_prior": 3.5,
        "covariance_prior": {
            "full": [[2.0, 0.5], [0.5, 1.0]],
            "tied": [[2.0, 0.5], [0.5, 1.0]],
            "diag": [2.0, 1.0],
            "spherical": 1.5,
        }[covariance_type],
        "init_params": "random",
        "random_state": 4,
        "tol": 0,
        "max_iter": 10,
    }
    ours, theirs = BayesianGaussianMixture(**keys).fit(X), Reference(**keys).fit(X)
    for name in ATTRIBUTES:
        np.testing.assert_allclose(
            getattr(ours, name), getattr(theirs, name), rtol=1e-6, atol=1e-6, err_msg=name
        )


@all_types
@both_priors
@given(seed=st.integers(0, 2**31 - 1), n=st.integers(12, 60), k=st.integers(1, 4), d=st.integers(1, 3))
def test_the_bound_never_falls_without_regularisation(covariance_type, prior_type, seed, n, k, d):
    """For full covariances; of the others the bound leaves terms out, as scikit-learn's does."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) + 4 * rng.integers(0, 2, size=(n, 1))
    model = BayesianGaussianMixture(
        n_components=k,
        covariance_type=covariance_type,
        weight_concentration_prior_type=prior_type,
        reg_covar=0,
        tol=0,
        max_iter=30,
        init_params="random",
        random_state=seed,
    ).fit(X)
    if covariance_type == "full":
        bounds = model.lower_bounds_
        assert np.diff(bounds).min(initial=0.0) > -1e-9 * np.abs(bounds).max()
    assert np.isfinite(model.lower_bounds_).all()


@all_types
@both_priors
def test_integer_weights_are_copies(rng, covariance_type, prior_type):
    X = blobs(rng, n=200)
    weight = rng.integers(0, 4, len(X))
    keys = {
        "n_components": 4,
        "covariance_type": covariance_type,
        "weight_concentration_prior_type": prior_type,
        "random_state": 0,
        "tol": 0,
        "max_iter": 20,
    }
    # one start for both: from the means of given groups
    weighted = BayesianGaussianMixture(**keys)
    copies = BayesianGaussianMixture(**keys)
    for model, data, w in ((weighted, X, weight), (copies, np.repeat(X, weight, axis=0), None)):
        model.fit(data, sample_weight=w)
        # go on from the same posterior
        model.set_params(warm_start=True)
    for name in ("weight_concentration_", "mean_precision_", "means_", "degrees_of_freedom_", "covariances_"):
        setattr(copies, name, getattr(weighted, name))
    copies.precisions_cholesky_ = weighted.precisions_cholesky_
    weighted.fit(X, sample_weight=weight)
    copies.fit(np.repeat(X, weight, axis=0))
    for name in ATTRIBUTES:
        np.testing.assert_allclose(
            getattr(weighted, name), getattr(copies, name), rtol=1e-8, atol=1e-8, err_msg=name
        )
    np.testing.assert_allclose(weighted.lower_bounds_, copies.lower_bounds_, rtol=1e-9)


@both_dtypes
@threads_and_blocks
def test_threads_change_no_bit(rng, dtype, n_threads, block_length):
    X = blobs(rng, n=600).astype(dtype)

    def fit():
        model = BayesianGaussianMixture(n_components=4, random_state=0, max_iter=8).fit(X)
        return bits(*(getattr(model, name) for name in (*ATTRIBUTES, "lower_bounds_")))

    with threads_and_block_length(1, block_length):
        expected = fit()
    with threads_and_block_length(n_threads, block_length):
        assert fit() == expected


@both_priors
def test_components_that_are_not_needed_lose_their_weight(rng, prior_type):
    X = np.array([[0.0, 0.0], [12.0, 0.0], [0.0, 12.0]])[rng.integers(0, 3, 900)] + rng.normal(size=(900, 2))
    model = BayesianGaussianMixture(
        n_components=8,
        weight_concentration_prior_type=prior_type,
        weight_concentration_prior=1e-3,
        max_iter=2000,
        random_state=0,
    ).fit(X)
    assert (model.weights_ > 0.05).sum() == 3
    assert model.weights_[model.weights_ <= 0.05].sum() < 0.05


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"weight_concentration_prior": 0.0}, r"weight_concentration_prior must be in \(0, inf\); got 0.0"),
        ({"mean_precision_prior": -1.0}, r"mean_precision_prior must be in \(0, inf\)"),
        ({"degrees_of_freedom_prior": 1.0}, r"degrees_of_freedom_prior must be in \(1, inf\); got 1.0"),
        ({"mean_prior": [0.0]}, r"mean_prior must have shape \(2,\); got \(1,\)"),
        (
            {"covariance_prior": np.eye(3)},
            r"covariance_prior must have shape \(2, 2\) for covariance_type='full'",
        ),
        (
            {"covariance_prior": [[1.0, 2.0], [2.0, 1.0]]},
            "covariance_prior must be a symmetric, positive definite",
        ),
        (
            {"covariance_prior": [1.0, 0.0], "covariance_type": "diag"},
            "covariance_prior must be positive; got 0",
        ),
        (
            {"covariance_prior": -1.0, "covariance_type": "spherical"},
            r"covariance_prior must be in \(0, inf\)",
        ),
        ({"weight_concentration_prior_type": "flat"}, "weight_concentration_prior_type must be one of"),
        ({"init_params": "from_labels"}, "init_params must be one of"),
    ],
)
def test_parameters_are_refused_by_name(parameters, message):
    with pytest.raises(ValueError, match=message):
        BayesianGaussianMixture(n_components=2, **parameters).fit(np.arange(12.0).reshape(6, 2) ** 1.5)
