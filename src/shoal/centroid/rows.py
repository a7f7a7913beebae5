"""How the k-means family hands its samples to the kernels: dense or CSR, Euclidean or cosine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.extmath import row_norms

from shoal import _core
from shoal.base.checks import Extremes, check_spread

METRICS = ("euclidean", "cosine")


def on_rows(kernel: Callable[..., Any], X: Any, *arguments: Any, **options: Any) -> Any:
    """Calls a kernel that takes rows: dense as one matrix, CSR as ``value, column, start, n_features``."""
    if sparse.issparse(X):
        return kernel(X.data, X.indices, X.indptr, X.shape[1], *arguments, **options)
    return kernel(X, *arguments, **options)


def for_metric(X: Any, metric: str) -> Any:
    """X itself, or for cosine a copy with rows of unit length; rows of zeros stay zero, at distance 1 from all."""
    if metric == "euclidean":
        return X
    scaled = on_rows(_core.unit_rows, X)
    return type(X)((scaled, X.indices, X.indptr), shape=X.shape) if sparse.issparse(X) else scaled


def check_range(
    X: Any,
    weight: NDArray[Any] | None = None,
    centers: NDArray[Any] | None = None,
    extremes: Extremes | None = None,
) -> None:
    """Refuse rows and centres whose squared distances, or their weighted sum, could overflow.

    Where the extremes of the values of X are known they are not looked for again.
    """
    total = X.shape[0] if weight is None else max(1.0, float(weight.sum(dtype=np.float64)))
    check_spread(X, total=total, others=() if centers is None else (centers,), extremes=extremes)


def distances_to(X: Any, centers: NDArray[Any], metric: str) -> NDArray[Any]:
    """All distances of the rows of X to the centres, (n_samples, n_clusters), in the metric's unit."""
    if not sparse.issparse(X):
        return _core.pairwise(X, centers, metric)
    # scipy's product of a sparse and a dense matrix is the right tool here; in double, because it cancels
    if metric == "cosine":
        X, centers = for_metric(X, metric), for_metric(centers, metric)
        distances = 1 - X.astype(np.float64) @ centers.T.astype(np.float64)
        np.maximum(distances, 0, out=distances)  # a cosine may be rounded beyond 1
        distances[np.ix_(row_norms(X) == 0, row_norms(centers) == 0)] = 0  # rows of zeros among themselves
    else:
        rows, columns = X.astype(np.float64), centers.astype(np.float64)
        distances = rows @ columns.T
        distances *= -2
        distances += row_norms(rows, squared=True)[:, None]
        distances += row_norms(columns, squared=True)
        np.sqrt(np.maximum(distances, 0, out=distances), out=distances)
    return distances.astype(X.dtype, copy=False)
