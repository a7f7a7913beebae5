"""Gaussian mixtures in plain NumPy, one component and one sample at a time, from the textbook."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp
from scipy.stats import multivariate_normal


def random_covariances(rng, covariance_type, k, d):
    """Covariances in scikit-learn's shapes."""

    def matrix():
        a = rng.normal(size=(d, d + 2))
        return a @ a.T / d + 0.1 * np.eye(d)

    return {
        "full": lambda: np.array([matrix() for _ in range(k)]),
        "tied": matrix,
        "diag": lambda: rng.uniform(0.2, 3.0, size=(k, d)),
        "spherical": lambda: rng.uniform(0.2, 3.0, size=k),
    }[covariance_type]()


def precisions_cholesky(covariances, covariance_type):
    """Upper triangular P with P P' the inverse; reciprocal standard deviations for diag and spherical."""
    if covariance_type == "full":
        return np.array([np.linalg.inv(np.linalg.cholesky(c)).T for c in covariances])
    if covariance_type == "tied":
        return np.linalg.inv(np.linalg.cholesky(covariances)).T
    return 1 / np.sqrt(covariances)


def covariance_of(covariances, covariance_type, c, d):
    """The d x d covariance of component c."""
    return {
        "full": lambda: covariances[c],
        "tied": lambda: covariances,
        "diag": lambda: np.diag(covariances[c]),
        "spherical": lambda: covariances[c] * np.eye(d),
    }[covariance_type]()


def random_model(rng, covariance_type, k, d, spread):
    """Means, precisions_cholesky, weights."""
    covariances = random_covariances(rng, covariance_type, k, d)
    return (
        rng.normal(scale=spread, size=(k, d)),
        precisions_cholesky(covariances, covariance_type),
        rng.dirichlet(np.full(k, 5.0)),
    )


def weighted_log_density(X, means, factor, weights, covariance_type):
    """log (w_c N(x; m_c, S_c)) by SciPy's multivariate normal, S_c from the factor of its inverse."""
    n, d = X.shape
    out = np.empty((n, len(means)))
    for c in range(len(means)):
        p = covariance_of(factor, covariance_type, c, d)  # the same shapes
        covariance = np.linalg.inv(p @ p.T)
        out[:, c] = np.log(weights[c]) + multivariate_normal(
            means[c], (covariance + covariance.T) / 2
        ).logpdf(X)
    return out


def em_step(X, sample_weight, weights, means, covariances, covariance_type, reg_covar=0.0):
    """One EM step (Dempster, Laird, Rubin 1977) from its definition: new weights, means, covariances, and the mean log
    likelihood before it."""
    n, d = X.shape
    k = len(weights)
    w = np.ones(n) if sample_weight is None else sample_weight
    factor = precisions_cholesky(covariances, covariance_type)
    log = weighted_log_density(X, means, factor, weights, covariance_type)
    norm = logsumexp(log, axis=1)
    resp = np.exp(log - norm[:, None]) * w[:, None]
    count = resp.sum(axis=0)
    new_means = np.array([(resp[:, c, None] * X).sum(axis=0) / count[c] for c in range(k)])
    full = np.empty((k, d, d))
    for c in range(k):
        full[c] = (
            sum(resp[i, c] * np.outer(X[i] - new_means[c], X[i] - new_means[c]) for i in range(n)) / count[c]
        )
    new = {
        "full": lambda: full + reg_covar * np.eye(d),
        "tied": lambda: np.tensordot(count, full, 1) / count.sum() + reg_covar * np.eye(d),
        "diag": lambda: np.array([np.diag(c) for c in full]) + reg_covar,
        "spherical": lambda: np.array([np.trace(c) / d for c in full]) + reg_covar,
    }[covariance_type]()
    return count / w.sum(), new_means, new, float((w * norm).sum() / w.sum())
