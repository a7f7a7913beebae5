"""Metrics that learn something from the data: what they learn is learnt once, by ``fit``, and kept with the model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# the argument of SciPy and scikit-learn that says it
LEARNT = {"seuclidean": "V", "mahalanobis": "VI"}


def learnt_parameters(
    X: NDArray[Any], metric: Any, weight: NDArray[np.float64] | None = None
) -> dict[str, NDArray[Any]]:
    """What `metric` learns from the rows of X, as :func:`scipy.spatial.distance.pdist` does; nothing for most.

    "seuclidean" learns the variances of the features, "mahalanobis" the inverse of their covariance, both with
    n - 1 in the denominator. A row of weight w is w rows.
    """
    if not isinstance(metric, str) or metric not in LEARNT:
        return {}
    rows = X.astype(np.float64, copy=False)
    total = len(rows) if weight is None else float(weight.sum())
    if not total > 1:
        raise ValueError(f"sample_weight must have a sum > 1 for metric={metric!r}; got {total:g}")
    if metric == "seuclidean":
        if weight is None:
            variance = np.var(rows, axis=0, ddof=1)
        else:
            mean = np.average(rows, axis=0, weights=weight)
            variance = weight @ (rows - mean) ** 2 / (total - 1)
        if not (variance > 0).all():
            column = int(np.argmin(variance > 0))
            raise ValueError(
                f"X must vary in every feature for metric='seuclidean'; got one value only in column {column}"
            )
        return {"V": variance}
    if weight is None:
        covariance = np.atleast_2d(np.cov(rows.T))
    else:
        apart = rows - np.average(rows, axis=0, weights=weight)
        covariance = (weight * apart.T) @ apart / (total - 1)
    rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
    if rank < rows.shape[1]:
        raise ValueError(
            "X must have a covariance that can be inverted for metric='mahalanobis'; "
            f"got rank {rank} for n_features={rows.shape[1]}"
        )
    return {"VI": np.linalg.inv(covariance).T.copy()}
