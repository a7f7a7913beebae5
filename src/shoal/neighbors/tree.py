"""What the trees share: their data and parameters, k nearest, radius queries."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.base.checks import (
    check_bool,
    check_choice,
    check_finite,
    check_int,
    check_matrix,
    check_minkowski,
    check_spread,
    check_weight,
    shown,
)

METRICS = ("euclidean", "manhattan", "chebyshev", "minkowski")
MAX_LEAF_SIZE = 64
LEAF_MULTIPLE = 16


def matching_queries(queries: ArrayLike, data: NDArray[Any], name: str) -> NDArray[Any]:
    """Queries with the features and the dtype of the data."""
    checked = check_matrix(queries, name)
    if checked.shape[1] != data.shape[1]:
        raise ValueError(f"{name} must have n_features={data.shape[1]} columns; got {checked.shape[1]}")
    if checked.dtype != data.dtype:
        with np.errstate(over="ignore"):
            checked = checked.astype(data.dtype)
        check_finite(checked, name=name)
    return checked


class Tree:
    """Points in leaves of up to 64, eight children to a node; built by the subclass's `_build`."""

    _build: Callable[..., Any]
    _of_distances = True  # every query is: data for which these overflow are refused from the start

    def __init__(
        self,
        X: ArrayLike,
        leaf_size: int | None = None,
        metric: str = "euclidean",
        p: float = 2,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        self.data: NDArray[Any] = check_matrix(X)
        rounded = 0
        if leaf_size is not None:
            size = check_int("leaf_size", leaf_size, 1, MAX_LEAF_SIZE)
            rounded = -(-size // LEAF_MULTIPLE) * LEAF_MULTIPLE
        self.metric, self.p = check_minkowski(metric, p)
        check_choice("metric", self.metric, METRICS)
        if self._of_distances:
            check_spread(self.data, self.metric, self.p)
        self.sample_weight = check_weight(sample_weight, self.data)
        self._index = type(self)._build(
            self.data, self.sample_weight, leaf_size=rounded, metric=self.metric, p=self.p
        )
        self._tree = getattr(self._index, "nodes", self._index)
        self.n_samples: int = self._tree.n_samples
        self.n_features: int = self._tree.n_features
        self.leaf_size: int = self._tree.leaf_size

    def query(self, X: ArrayLike | None = None, k: int = 1, return_distance: bool = True) -> Any:
        """The k nearest neighbours.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features) or None, default=None
            Points to ask for. ``None`` asks for the tree's own points, in the order of the input, which is faster
            than passing them; a point is then among its own neighbours.
        k : int, default=1
            Number of neighbours, in [1, n_samples].
        return_distance : bool, default=True

        Returns
        -------
        distances : ndarray of shape (n_queries, k)
            Nearest first, in the dtype of the data. Only when `return_distance`.
        indices : ndarray of shape (n_queries, k), int32
            Rows of the data. Of points equally far the smaller row comes first.

        Examples
        --------
        >>> import shoal
        >>> shoal.KDTree([[0.0], [1.0], [3.0]]).query(k=2)[1]
        array([[0, 1],
               [1, 0],
               [2, 1]], dtype=int32)
        """
        k = check_int("k", k, 1, self.n_samples, "n_samples")
        queries = self._queries(X)
        distances, indices = self._tree.k_nearest(None if X is None else queries, k)
        return (distances, indices) if check_bool("return_distance", return_distance) else indices

    def query_radius(
        self,
        X: ArrayLike | None = None,
        r: ArrayLike = 1.0,
        return_distance: bool = False,
        count_only: bool = False,
        sort_results: bool = False,
    ) -> Any:
        """The points within a distance of `r`, those at exactly `r` among them.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features) or None, default=None
            Points to ask for; ``None`` asks for the tree's own.
        r : float or array-like of shape (n_queries,), default=1.0
            Radius, one for all or one for each; in the metric's unit.
        return_distance : bool, default=False
        count_only : bool, default=False
            Return the number of neighbours only. Weights do not matter here; see :meth:`radius_count`.
        sort_results : bool, default=False
            Nearest first, of points equally far the smaller row first; else ascending rows.

        Returns
        -------
        indices : ndarray of shape (n_queries,), object
            For each query an int32 array of rows of the data. With `count_only` an int64 array of counts.
        distances : ndarray of shape (n_queries,), object
            The distances in step with the indices. Only when `return_distance`.

        Notes
        -----
        Memory is that of the result, 4 bytes per neighbour, or 8 to 12 with distances.

        Examples
        --------
        >>> import shoal
        >>> indices, distances = shoal.KDTree([[0.0], [1.0], [3.0]]).query_radius([[2.5]], 1.5, return_distance=True)
        >>> indices[0], distances[0]
        (array([1, 2], dtype=int32), array([1.5, 0.5]))
        """
        with_distances = check_bool("return_distance", return_distance)
        count_only = check_bool("count_only", count_only)
        if count_only and with_distances:
            raise ValueError("return_distance must be False when count_only is True; got True")
        queries = self._queries(X)
        start, rows, distances = self._tree.within(
            queries,
            self._radius(r, len(queries)),
            with_distances=with_distances,
            sorted=check_bool("sort_results", sort_results),
            count_only=count_only,
        )
        if count_only:
            return np.diff(start)
        indices = pieces(rows, start)
        return (indices, pieces(distances, start)) if with_distances else indices

    def radius_count(self, X: ArrayLike | None = None, r: ArrayLike = 1.0) -> NDArray[np.float64]:
        """The weight of the points within a distance of `r`, those at exactly `r` among them.

        Nodes that lie inside as a whole are counted without a look at their points.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features) or None, default=None
            Points to ask for; ``None`` asks for the tree's own.
        r : float or array-like of shape (n_queries,), default=1.0
            Radius, one for all or one for each; in the metric's unit.

        Returns
        -------
        weights : ndarray of shape (n_queries,), float64
            Sum of `sample_weight`, or the number of points.

        Examples
        --------
        >>> import shoal
        >>> tree = shoal.KDTree([[0.0], [1.0], [3.0]], sample_weight=[0.5, 2.0, 1.0])
        >>> tree.radius_count([[0.0], [2.0]], r=[1.0, 0.5])
        array([2.5, 0. ])
        """
        queries = self._queries(X)
        weights: NDArray[np.float64] = self._tree.weights_within(queries, self._radius(r, len(queries)))
        return weights

    def _queries(self, X: ArrayLike | None) -> NDArray[Any]:
        """Points to ask for, the tree's own for None, at distances from the data that do not overflow."""
        queries = self.data if X is None else matching_queries(X, self.data, "X")
        if X is not None or not self._of_distances:
            check_spread(queries, self.metric, self.p, others=(self._ends,))
        return queries

    @cached_property
    def _ends(self) -> NDArray[Any]:
        """The least and the largest value of the data: queries are not to go over all of them."""
        return np.array([self.data.min(), self.data.max()])

    def _radius(self, r: ArrayLike, n_queries: int) -> NDArray[Any]:
        try:
            radius = np.asarray(r, dtype=self.data.dtype)
        except (TypeError, ValueError):
            raise TypeError(f"r must be a number or an array of numbers; got {shown(r)}") from None
        if radius.ndim == 0:
            radius = np.full(n_queries, radius)
        if radius.shape != (n_queries,):
            raise ValueError(
                f"r must be a number or have shape (n_queries={n_queries},); got shape {radius.shape}"
            )
        bad = ~(radius >= 0)
        if bad.any():
            row = int(np.argmax(bad))
            raise ValueError(f"r must be >= 0; got {radius[row]:g} at index {row}")
        return np.ascontiguousarray(radius)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "X": self.data,
            "leaf_size": self.leaf_size,
            "metric": self.metric,
            "p": self.p,
            "sample_weight": self.sample_weight,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __repr__(self) -> str:
        shape = f"n_samples={self.n_samples}, n_features={self.n_features}"
        return f"{type(self).__name__}({shape}, metric={self.metric!r})"


def pieces(values: NDArray[Any], start: NDArray[np.int64]) -> NDArray[Any]:
    """values[start[i]:start[i + 1]] for every i, as an array of arrays."""
    out = np.empty(len(start) - 1, dtype=object)
    for i in range(len(out)):
        out[i] = values[start[i] : start[i + 1]]
    return out
