"""The four kinds of covariance: shapes, factors, inverses, and what a user may give as a start.

========== ======================================
kind       shape of covariances, precisions, factors
========== ======================================
full       (n_components, n_features, n_features)
tied       (n_features, n_features)
diag       (n_components, n_features)
spherical  (n_components,)
========== ======================================

A factor, scikit-learn's ``precisions_cholesky_``, is the upper triangular P with P P' the precision; for diag and
spherical the reciprocal standard deviations.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal import _core
from shoal.base.checks import check_matrix

COVARIANCE_TYPES = ("full", "tied", "diag", "spherical")


def shape_of(covariance_type: str, n_components: int, n_features: int) -> tuple[int, ...]:
    """The shape of covariances of this type."""
    return {
        "full": (n_components, n_features, n_features),
        "tied": (n_features, n_features),
        "diag": (n_components, n_features),
        "spherical": (n_components,),
    }[covariance_type]


def count_of(covariance_type: str, n_components: int, n_features: int) -> int:
    """Free parameters of covariances of this type."""
    triangle = n_features * (n_features + 1) // 2
    return {
        "full": n_components * triangle,
        "tied": triangle,
        "diag": n_components * n_features,
        "spherical": n_components,
    }[covariance_type]


def add_to_diagonal(
    covariances: NDArray[np.float64], covariance_type: str, value: float
) -> NDArray[np.float64]:
    """A copy with `value` added to all variances."""
    covariances = covariances.copy()
    if covariance_type in ("full", "tied"):
        diagonal = np.arange(covariances.shape[-1])
        covariances[..., diagonal, diagonal] += value
    else:
        covariances += value
    return covariances


def factors_of(
    covariances: NDArray[np.float64],
    covariance_type: str,
    n_components: int,
    n_features: int,
    reg_covar: float,
) -> NDArray[np.float64]:
    """``precisions_cholesky`` of covariances, or a ValueError that names the component that has none."""
    if not np.isfinite(covariances).all():
        raise ValueError("X must have values whose squares and sums are finite; got larger ones: scale X")
    run = _core.mixture_factors(covariance_type, n_components, n_features, covariances.ravel())
    if run.failed >= 0:
        whose = (
            "the tied covariance"
            if covariance_type == "tied"
            else f"the covariance of component {run.failed}"
        )
        raise ValueError(
            f"{whose} is singular: its samples are too few, or lie in fewer than n_features={n_features} "
            f"dimensions; raise reg_covar={reg_covar:g}, lower n_components={n_components} or scale X"
        )
    return run.factor.reshape(covariances.shape)


def precisions_of(factors: NDArray[Any], covariance_type: str) -> NDArray[Any]:
    """Inverse covariances from their factors, in the dtype of these."""
    if covariance_type in ("full", "tied"):
        return factors @ np.swapaxes(factors, -1, -2)
    return factors**2


def covariances_of(factors: NDArray[np.float64], covariance_type: str) -> NDArray[np.float64]:
    """Covariances from the factors of their inverses."""
    if covariance_type in ("full", "tied"):
        root = np.linalg.inv(factors)
        return np.swapaxes(root, -1, -2) @ root
    return 1 / factors**2


def factors_of_precisions(
    precisions: Any, covariance_type: str, n_components: int, n_features: int
) -> NDArray[np.float64]:
    """Factors of precisions that a user gives as ``precisions_init``; what is wrong with them is refused."""
    shape = shape_of(covariance_type, n_components, n_features)
    given = given_array(precisions, "precisions_init", shape, f" for covariance_type={covariance_type!r}")
    if covariance_type in ("diag", "spherical"):
        if not (given > 0).all():
            raise ValueError(f"precisions_init must be positive; got {given.min():g}")
        return np.sqrt(given)
    if not np.allclose(given, np.swapaxes(given, -1, -2)):
        raise ValueError("precisions_init must be symmetric matrices; got one that is not")
    try:
        # the lower root of the matrix turned by 180 degrees, turned back, is the upper root
        return np.ascontiguousarray(np.linalg.cholesky(given[..., ::-1, ::-1])[..., ::-1, ::-1])
    except np.linalg.LinAlgError:
        raise ValueError("precisions_init must be positive definite matrices; got one that is not") from None


def given_array(values: Any, name: str, shape: tuple[int, ...], why: str = "") -> NDArray[np.float64]:
    """What a user gives as a start: finite numbers of this shape."""
    array = np.asarray(values)
    if array.shape != shape:
        got = f"{array.shape}" if array.ndim else repr(values)
        raise ValueError(f"{name} must have shape {shape}{why}; got {got}")
    flat = check_matrix(array.reshape(shape[0], -1), name)
    return flat.reshape(shape).astype(np.float64)
