"""How the k-means family hands its samples to the kernels: dense or CSR, Euclidean or cosine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.extmath import row_norms

from shoal import _core

METRICS = ("euclidean", "cosine")


def kernel_rows(X: Any) -> tuple[Any, ...]:
    """The leading arguments of a kernel that takes rows: ``(X,)`` or ``(value, column, start, n_features)``."""
    if sparse.issparse(X):
        return X.data, X.indices, X.indptr, X.shape[1]
    return (X,)


def for_metric(X: Any, metric: str) -> Any:
    """X itself, or for cosine a copy with rows of unit length; rows of zeros stay zero, at distance 1 from all."""
    if metric == "euclidean":
        return X
    norms = row_norms(X)
    norms[norms == 0] = 1
    if sparse.issparse(X):
        scaled = X.copy()
        scaled.data /= np.repeat(norms, np.diff(X.indptr)).astype(X.dtype)
        return scaled
    return np.divide(X, norms[:, None], dtype=X.dtype)


def distances_to(X: Any, centers: NDArray[Any], metric: str) -> NDArray[Any]:
    """All distances of the rows of X to the centres, (n_samples, n_clusters), in the metric's unit."""
    if not sparse.issparse(X):
        return _core.pairwise(X, centers, metric)
    # scipy's product of a sparse and a dense matrix is the right tool here
    product = X @ centers.T
    if metric == "cosine":
        return 1 - product / np.outer(np.maximum(row_norms(X), np.finfo(X.dtype).tiny), row_norms(centers))
    product *= -2
    product += row_norms(X, squared=True)[:, None]
    product += row_norms(centers, squared=True)
    return np.sqrt(np.maximum(product, 0, out=product), out=product)
