"""Exact nearest neighbours by whichever way is faster: the k-d tree, or the tiles that compute all distances."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal import _core
from shoal.base.checks import check_choice, check_int, check_matrix, check_minkowski, check_spread
from shoal.neighbors.kd_tree import KDTree
from shoal.neighbors.tree import matching_queries

METRICS = ("euclidean", "manhattan", "chebyshev", "minkowski", "cosine")
METHODS = ("auto", "kd-tree", "brute")
# Measured on 5,000 and 30,000 points without structure, where the tree is at its worst: level at 12 features, at
# 15 the tiles are ahead by a third; on clustered data the tree is ahead by far at any of these.
MOST_TREE_FEATURES = 15


class Neighbors(NamedTuple):
    """What :func:`nearest_neighbors` returns.

    Attributes
    ----------
    distances : ndarray of shape (n_queries, k)
        Nearest first, in the dtype of X.
    indices : ndarray of shape (n_queries, k), int32
        Rows of X. Of rows equally far the smaller comes first.
    """

    distances: NDArray[Any]
    indices: NDArray[np.int32]


def nearest_neighbors(
    X: ArrayLike,
    k: int,
    queries: ArrayLike | None = None,
    metric: str = "euclidean",
    p: float = 2,
    method: str = "auto",
) -> Neighbors:
    """The k nearest rows of X, exactly, for each query.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        float32 stays float32; everything else becomes float64.
    k : int
        Number of neighbours, in [1, n_samples].
    queries : array-like of shape (n_queries, n_features) or None, default=None
        ``None`` asks for the rows of X: each is then among its own neighbours.
    metric : {"euclidean", "manhattan", "chebyshev", "minkowski", "cosine"}, default="euclidean"
    p : float, default=2
        The exponent of "minkowski", at least 1.
    method : {"auto", "kd-tree", "brute"}, default="auto"
        "kd-tree" builds a :class:`KDTree`; "brute" computes all distances in tiles and keeps none. "auto" takes the
        tree for up to 15 features and for "minkowski", the tiles for more features and for "cosine".

    Returns
    -------
    result : Neighbors
        ``distances`` and ``indices``, each of shape (n_queries, k).

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter, or the offending row and column, in the message.

    Notes
    -----
    Time O(n_queries · log(n_samples)) by the tree while features are few, O(n_queries · n_samples · n_features) by the
    tiles. Memory beyond the result: about 1.3 times that of X for the tree; a few rows for the tiles, and a scaled copy
    for "cosine". Distances are sums of differences either way, without cancellation; those of the two methods may
    differ in the last bit, since the tiles use fused multiply-adds where the processor has them.

    Examples
    --------
    >>> import shoal
    >>> distances, indices = shoal.nearest_neighbors([[0.0], [1.0], [3.0]], k=2)
    >>> indices
    array([[0, 1],
           [1, 0],
           [2, 1]], dtype=int32)
    >>> distances
    array([[0., 1.],
           [0., 1.],
           [0., 2.]])
    """
    data = check_matrix(X)
    k = check_int("k", k, 1, len(data), "n_samples")
    metric, p = check_minkowski(metric, p)
    check_choice("metric", metric, METRICS)
    check_spread(data, metric, p)
    asked = None
    if queries is not None:
        asked = matching_queries(queries, data, "queries")
        check_spread(asked, metric, p, name="queries", others=(data,))
    if check_choice("method", method, METHODS) == "auto":
        tree = metric == "minkowski" or (metric != "cosine" and data.shape[1] <= MOST_TREE_FEATURES)
        method = "kd-tree" if tree else "brute"
    if method == "kd-tree":
        if metric == "cosine":
            raise ValueError("method must be 'auto' or 'brute' for metric='cosine'; got 'kd-tree'")
        return Neighbors(*KDTree(data, metric=metric, p=p).query(asked, k=k))
    if metric == "minkowski":
        raise ValueError(
            f"method must be 'auto' or 'kd-tree' for metric='minkowski' with p={p:g}; got 'brute'"
        )
    return Neighbors(*_core.k_nearest(data if asked is None else asked, data, k, metric))
