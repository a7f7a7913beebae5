"""Approximate nearest neighbours for many features, with their recall; an optional extra, used only by name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal import _core
from shoal.base.checks import check_choice, check_int, check_matrix, check_random_generator, check_spread
from shoal.neighbors.nearest import Neighbors
from shoal.neighbors.tree import matching_queries

METRICS = ("euclidean", "cosine")


class ApproximateIndex:
    """An approximate index: most of the nearest neighbours, much faster when features are many.

    A navigable small-world graph [1]_ of the ``usearch`` library (``pip install 'shoal[ann]'``). Nothing in this
    library uses it unless it is asked for by name; what it misses is measured by :meth:`recall`.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        float32 stays float32; everything else becomes float64. The graph itself is float32.
    metric : {"euclidean", "cosine"}, default="euclidean"
    connectivity : int, default=16
        Links per sample: more find more and cost memory.
    expansion_add : int, default=128
        Candidates looked at when a sample is added.
    expansion_search : int, default=64
        Candidates looked at per query: more find more and take longer.

    Attributes
    ----------
    data : ndarray of shape (n_samples, n_features)
    n_samples, n_features : int
    metric : str

    Raises
    ------
    ImportError
        When usearch is not installed.
    ValueError, TypeError
        On bad data or parameters, with the parameter, or the offending row and column, in the message.

    Notes
    -----
    Time O(n_samples · log(n_samples)) distances to build, O(log(n_samples)) per query, in practice; memory a float32
    copy of X and about ``10 * connectivity`` bytes per sample. One thread, so that the same data give the same graph.
    Distances that are returned are computed again from the data, as sums of differences; only which rows are
    returned is approximate. Among those, rows equally far are in ascending order. A place for which no row was found
    holds -1 and an infinite distance.

    References
    ----------
    .. [1] Y. A. Malkov and D. A. Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical
       navigable small world graphs", IEEE TPAMI 42(4), 824-836, 2020.

    Examples
    --------
    >>> import numpy as np
    >>> import shoal
    >>> X = np.random.default_rng(0).normal(size=(500, 64))
    >>> index = shoal.ApproximateIndex(X)
    >>> distances, indices = index.query(X[:3], k=5)
    >>> indices[:, 0]
    array([0, 1, 2], dtype=int32)
    >>> index.recall(k=5, random_state=0) > 0.9
    True
    """

    def __init__(
        self,
        X: ArrayLike,
        metric: str = "euclidean",
        *,
        connectivity: int = 16,
        expansion_add: int = 128,
        expansion_search: int = 64,
    ) -> None:
        self.data: NDArray[Any] = check_matrix(X)
        check_spread(self.data, dtype=np.float32)
        self.n_samples, self.n_features = self.data.shape
        self.metric = check_choice("metric", metric, METRICS)
        connectivity = check_int("connectivity", connectivity, 2)
        expansion_add = check_int("expansion_add", expansion_add, 1)
        expansion_search = check_int("expansion_search", expansion_search, 1)
        try:
            from usearch.index import Index
        except ImportError as error:
            raise ImportError("ApproximateIndex needs usearch: pip install 'shoal[ann]'") from error
        self._options: dict[str, Any] = {
            "connectivity": connectivity,
            "expansion_add": expansion_add,
            "expansion_search": expansion_search,
        }
        self._graph: Any = Index(
            ndim=self.n_features,
            metric={"euclidean": "l2sq", "cosine": "cos"}[metric],
            dtype="f32",
            **self._options,
        )
        self._graph.add(np.arange(self.n_samples), self.data.astype(np.float32), threads=1)

    def query(self, X: ArrayLike, k: int = 1) -> Neighbors:
        """About the k nearest neighbours.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
        k : int, default=1
            Number of neighbours, in [1, n_samples].

        Returns
        -------
        result : Neighbors
            ``distances`` and ``indices``, each of shape (n_queries, k), nearest first.
        """
        k = check_int("k", k, 1, self.n_samples, "n_samples")
        return self._query(matching_queries(X, self.data, "X"), k)

    def recall(self, k: int = 10, n_queries: int = 1000, random_state: Any = None) -> float:
        """The share of the k nearest neighbours that are found, against all distances.

        Parameters
        ----------
        k : int, default=10
        n_queries : int, default=1000
            Rows of the data that are asked, drawn without replacement; at most all of them.
        random_state : int, RandomState, Generator or None, default=None
            Seed of the draw.

        Returns
        -------
        recall : float
            In [0, 1]. A row as near as the k-th nearest counts as found.
        """
        k = check_int("k", k, 1, self.n_samples, "n_samples")
        n_queries = min(check_int("n_queries", n_queries, 1), self.n_samples)
        rows = check_random_generator(random_state).choice(self.n_samples, size=n_queries, replace=False)
        queries = np.ascontiguousarray(self.data[rows])
        exact, _ = _core.k_nearest(queries, self.data, k, self.metric)
        found = self._query(queries, k).distances
        within = exact[:, -1:] * (1 + 64 * np.finfo(self.data.dtype).eps) + np.finfo(self.data.dtype).tiny
        return float((found <= within).mean())

    def __getstate__(self) -> dict[str, Any]:
        return {"X": self.data, "metric": self.metric, **self._options}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def _query(self, queries: NDArray[Any], k: int) -> Neighbors:
        matches = self._graph.search(queries.astype(np.float32), k, threads=1)
        keys = np.asarray(matches.keys).reshape(len(queries), -1)
        counts = np.asarray(matches.counts).reshape(len(queries)) if len(queries) > 1 else [keys.shape[1]]
        distances = np.full((len(queries), k), np.inf, dtype=self.data.dtype)
        indices = np.full((len(queries), k), -1, dtype=np.int32)
        for i, count in enumerate(counts):
            rows = np.sort(keys[i, : int(count)].astype(np.int32))
            exact = _core.pairwise(queries[i : i + 1], np.ascontiguousarray(self.data[rows]), self.metric)[0]
            order = np.argsort(exact, kind="stable")
            distances[i, : len(rows)] = exact[order]
            indices[i, : len(rows)] = rows[order]
        return Neighbors(distances, indices)
