"""Trees of merges as scikit-learn gives them: ward_tree, linkage_tree, with or without a graph of connections."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse import csgraph

from shoal import _core
from shoal.base.checks import check_bool, check_choice, check_finite, check_int, check_matrix, check_minkowski
from shoal.base.learnt import learnt_parameters
from shoal.base.memory import require_memory
from shoal.base.progress import Report
from shoal.hierarchy.linkage import METHODS, METRICS, SCIPY_METRICS, Job, check_positive_weight, check_range

# Metrics for which scikit-learn takes single linkage through SciPy, which puts the smaller cluster first.
_SORTED = ("precomputed", "cosine", "correlation", "sqeuclidean", "yule", "jensenshannon")


# What SciPy calls the metrics that are sums of differences: scikit-learn's way to the Euclidean one, by products, has
# few digits far from zero.
OF_DIFFERENCES = {"euclidean": "euclidean", "manhattan": "cityblock", "chebyshev": "chebyshev"}


class LinkedTree(NamedTuple):
    """Merges: row i of `children` joins two nodes into node n_leaves + i."""

    children: NDArray[np.intp]
    n_connected_components: int
    n_leaves: int
    parents: NDArray[np.intp] | None
    distances: NDArray[np.float64]

    def answer(self, return_distance: bool) -> Any:
        return tuple(self) if return_distance else tuple(self)[:-1]


def ward_tree(
    X: ArrayLike,
    *,
    connectivity: Any = None,
    n_clusters: int | None = None,
    return_distance: bool = False,
) -> Any:
    """Ward's tree, of all samples or along a graph.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    connectivity : {array-like, sparse matrix} of shape (n_samples, n_samples), default=None
        Samples i and j may merge where the entry i, j or j, i is not zero. None: all may.
    n_clusters : int, default=None
        With `connectivity`: stop at so many clusters.
    return_distance : bool, default=False

    Returns
    -------
    children : ndarray of shape (n_merges, 2), int64
        Merge i joins these nodes into node ``n_samples + i``.
    n_connected_components : int
        Of the graph.
    n_leaves : int
    parents : ndarray of shape (n_nodes,), int64, or None
        With `connectivity`: the node that each node merged into, itself where it did not.
    distances : ndarray of shape (n_merges,), float64
        Only if `return_distance`.

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter in the message.

    Notes
    -----
    Without connectivity see :func:`shoal.linkage`. With it: O((n + m) log(n + m) + m d) for m edges, which grow as
    clusters merge, and O(n d + m) memory; children, heights and ties are those of
    :func:`sklearn.cluster.ward_tree`.

    Examples
    --------
    >>> import shoal
    >>> children, n_components, n_leaves, parents = shoal.ward_tree([[0.0], [1.0], [5.0], [5.5]])
    >>> children
    array([[2, 3],
           [0, 1],
           [4, 5]])
    """
    data = _matrix(X)
    connectivity = _check_graph(connectivity)
    stop = _check_stop(n_clusters, connectivity, data.shape[0])
    tree = build_tree(data, "ward", "euclidean", connectivity, stop)
    return tree.answer(check_bool("return_distance", return_distance))


def linkage_tree(
    X: ArrayLike,
    connectivity: Any = None,
    n_clusters: int | None = None,
    linkage: str = "complete",
    affinity: str | Callable[..., Any] = "euclidean",
    return_distance: bool = False,
) -> Any:
    """The tree of complete, average or single linkage, of all samples or along a graph.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features) or (n_samples, n_samples)
        Rows, or distances when ``affinity="precomputed"``.
    connectivity, n_clusters
        As for :func:`ward_tree`.
    linkage : {"complete", "average", "single"}, default="complete"
        "weighted", "ward", "centroid" and "median" too without `connectivity`.
    affinity : str or callable, default="euclidean"
        The metric. A callable makes the matrix of distances from `X`.
    return_distance : bool, default=False
        As for :func:`ward_tree`.

    Returns
    -------
    children, n_connected_components, n_leaves, parents[, distances]
        As of :func:`ward_tree`.

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter in the message.

    Notes
    -----
    With connectivity O(m log m) for m edges, which grow as clusters merge: where only one of two merging clusters has
    an edge to a third, its distance is that edge's. Results and ties are those of
    :func:`sklearn.cluster.linkage_tree`.

    Examples
    --------
    >>> import shoal
    >>> *_, distances = shoal.linkage_tree([[0.0], [1.0], [5.0], [5.5]], return_distance=True)
    >>> distances
    array([0.5, 1. , 5.5])
    """
    data = _matrix(X)
    check_choice("linkage", linkage, METHODS)
    connectivity = _check_graph(connectivity)
    stop = _check_stop(n_clusters, connectivity, data.shape[0])
    tree = build_tree(data, linkage, affinity, connectivity, stop)
    return tree.answer(check_bool("return_distance", return_distance))


def _check_graph(connectivity: Any) -> Any:
    return None if connectivity is None else check_matrix(connectivity, "connectivity", accept_sparse=True)


def build_tree(
    X: NDArray[Any],
    method: str,
    metric: Any,
    connectivity: Any,
    n_clusters: int | None,
    sample_weight: NDArray[np.float64] | None = None,
    report: Report | None = None,
) -> LinkedTree:
    """The tree of checked data; with `connectivity` it ends at `n_clusters`."""
    n = X.shape[0]
    weight = check_positive_weight(sample_weight, n)
    if metric == "cosine" and not X.any(axis=1).all():
        raise ValueError("Cosine affinity cannot be used when X contains zero vectors")
    if metric == "haversine" and X.shape[1] != 2:
        raise ValueError(
            "X must have 2 features, latitude and longitude in radians, for metric='haversine'; "
            f"got {X.shape[1]}"
        )
    if connectivity is not None:
        return _along_graph(X, method, metric, connectivity, n_clusters, weight, report)
    if callable(metric):
        X, metric = check_matrix(metric(X), "distances"), "precomputed"
    ordered = method != "single" or metric in _SORTED
    if metric == "haversine":
        require_memory(8 * n * n, "the matrix of all distances for metric='haversine'", "connectivity")
        X, metric = distances_between(X, X, metric, {}), "precomputed"
    tree = Job.of(X, method, metric).learn(weight).run(weight, ordered=ordered, report=report)
    children = np.column_stack([tree.left, tree.right]).astype(np.intp)
    return LinkedTree(children, 1, n, None, tree.height)


def _along_graph(
    X: NDArray[Any],
    method: str,
    metric: Any,
    connectivity: Any,
    n_clusters: int | None,
    weight: NDArray[np.float64] | None,
    report: Report | None,
) -> LinkedTree:
    check_choice("linkage", method, ("ward", "complete", "average", "single"))
    n = X.shape[0]
    metric = metric if callable(metric) else check_minkowski(metric, 2)[0]
    if not callable(metric) and metric in METRICS:
        check_range(X, metric)
    learnt = learnt_parameters(X, metric, weight)
    graph, n_components = connected_graph(X, connectivity, metric, learnt)
    stop = 1 if n_clusters is None else n_clusters
    arguments = (weight, graph.indptr.astype(np.int32), graph.indices.astype(np.int32))
    if method == "ward":
        rows = X.astype(np.float64, copy=False)
        first, second, height = _core.graph_ward(rows, *arguments, n_clusters=stop, progress=report)
        height = np.sqrt(2.0 * height)
    else:
        distances = _edge_distances(X, graph, metric, learnt)
        if method == "single":
            return _single_along_graph(graph, distances, n_components, weight, n, n_clusters)
        first, second, height = _core.graph_linkage(
            distances, *arguments, complete=method == "complete", n_clusters=stop, progress=report
        )
    children = np.column_stack([second, first]).astype(np.intp)
    parents = np.arange(2 * n - stop, dtype=np.intp)
    parents[first] = parents[second] = np.arange(n, 2 * n - stop)
    return LinkedTree(children, n_components, n, parents, height)


def _single_along_graph(
    graph: Any, distances: NDArray[np.float64], n_components: int, weight: Any, n: int, n_clusters: int | None
) -> LinkedTree:
    # an edge of length 0 is an edge all the same
    least = np.finfo(np.float64).eps
    lengths = sparse.csr_array((np.where(distances == 0, least, distances), graph.indices, graph.indptr))
    lengths.resize((n, n))
    edges = csgraph.minimum_spanning_tree(lengths).tocoo()
    order = np.argsort(edges.data, kind="stable")
    u, v = edges.row[order].astype(np.int32), edges.col[order].astype(np.int32)
    height = edges.data[order].astype(np.float64)
    height[height == least] = 0.0
    left, right, _ = _core.single_linkage(u, v, weight)
    n_nodes = 2 * n - (1 if n_clusters is None else n_clusters)
    parents = np.arange(n_nodes, dtype=np.intp)
    for child in (left, right):
        into = np.arange(n, 2 * n - 1)
        known = (child < n_nodes) & (into < n_nodes)
        parents[child[known]] = into[known]
    children = np.column_stack([left, right]).astype(np.intp)
    return LinkedTree(children, n_components, n, parents, height)


def connected_graph(
    X: NDArray[Any], connectivity: Any, metric: Any, learnt: dict[str, Any]
) -> tuple[Any, int]:
    """The graph as a symmetric CSR matrix without a diagonal, in one piece; and of how many it was.

    Each two pieces are joined by the first of the shortest edges between them, with a warning.
    """
    n = X.shape[0]
    if connectivity.shape != (n, n):
        raise ValueError(
            f"connectivity must have shape (n_samples, n_samples)={(n, n)}; got {connectivity.shape}"
        )
    graph = sparse.csr_array(connectivity) != 0  # which edges there are: sums of values may wrap or cancel
    graph = sparse.csr_array(graph + graph.T)
    graph.eliminate_zeros()
    count, labels = csgraph.connected_components(graph, directed=False)
    rows, columns = graph.nonzero()
    if count > 1:
        warnings.warn(
            f"the number of connected components of the connectivity matrix is {count} > 1. Completing it to "
            "avoid stopping the tree early.",
            stacklevel=2,
        )
        more = _shortest_between(X, labels, count, metric, learnt)
        rows, columns = np.r_[rows, more[0], more[1]], np.r_[columns, more[1], more[0]]
    apart = rows != columns
    ones = np.ones(apart.sum(), dtype=np.int8)
    graph = sparse.csr_array((ones, (rows[apart], columns[apart])), shape=(n, n))
    graph.sum_duplicates()
    return graph, int(count)


def _shortest_between(X: Any, labels: Any, count: int, metric: Any, learnt: Any) -> tuple[Any, Any]:
    from sklearn.metrics import pairwise_distances

    rows, columns = [], []
    for i in range(count):
        one = np.flatnonzero(labels == i)
        for j in range(i):
            other = np.flatnonzero(labels == j)
            least, pair = np.inf, (one[0], other[0])
            step = max(1, 2**22 // other.size)
            for at in range(0, one.size, step):
                part = one[at : at + step]
                if metric == "precomputed":
                    distances = X[np.ix_(part, other)]
                else:
                    distances = distances_between(X[part], X[other], metric, learnt)
                a, b = np.unravel_index(distances.argmin(), distances.shape)
                if metric == "euclidean":
                    # of equally short edges the one scikit-learn takes
                    theirs = np.unravel_index(pairwise_distances(X[part], X[other]).argmin(), distances.shape)
                    if distances[theirs] == distances[a, b]:
                        a, b = theirs
                if distances[a, b] < least:
                    least, pair = distances[a, b], (part[a], other[b])
            rows.append(pair[0])
            columns.append(pair[1])
    return np.array(rows), np.array(columns)


def _edge_distances(X: NDArray[Any], graph: Any, metric: Any, learnt: Any) -> NDArray[np.float64]:
    from sklearn.metrics.pairwise import PAIRED_DISTANCES, paired_distances

    rows = np.repeat(np.arange(X.shape[0]), np.diff(graph.indptr))
    if metric == "precomputed":
        return X[rows, graph.indices].astype(np.float64)
    found = np.empty(rows.size)
    if not callable(metric) and metric not in PAIRED_DISTANCES:
        for i, (start, end) in enumerate(pairwise(graph.indptr)):
            start += np.searchsorted(
                graph.indices[start:end], i
            )  # each pair once: back it may round otherwise
            if start < end:
                near = X[graph.indices[start:end]]
                found[start:end] = distances_between(X[i : i + 1], near, metric, learnt)[0]
        back = np.lexsort((rows, graph.indices))
        found = np.where(rows < graph.indices, found, found[back])
        check_finite(found, name="distances")
        return found
    step = max(1, 2**22 // max(1, X.shape[1]))
    for at in range(0, rows.size, step):
        part = slice(at, at + step)
        one, other = X[rows[part]], X[graph.indices[part]]
        if not callable(metric):  # differences of float32 overflow, and their squares do
            one, other = one.astype(np.float64, copy=False), other.astype(np.float64, copy=False)
        found[part] = paired_distances(one, other, metric=metric)
    return found


def distances_between(X: NDArray[Any], Y: NDArray[Any], metric: Any, learnt: dict[str, Any]) -> NDArray[Any]:
    """From each row of X to each of Y in float64, by SciPy where the metric is SciPy's, as without a graph."""
    from scipy.spatial.distance import cdist

    if not callable(metric) and (metric in SCIPY_METRICS or metric in OF_DIFFERENCES):
        found: NDArray[Any] = cdist(X, Y, OF_DIFFERENCES.get(metric, metric), **learnt)
        return found
    if metric == "cosine":
        from sklearn.preprocessing import normalize

        X, Y = (normalize(rows.astype(np.float64, copy=False)) for rows in (X, Y))
        return cdist(X, Y, "sqeuclidean") / 2
    from sklearn.metrics import pairwise_distances

    return pairwise_distances(X, Y, metric=metric)


def _matrix(X: Any) -> NDArray[Any]:
    if np.ndim(X) == 1:
        X = np.reshape(X, (-1, 1))
    data: NDArray[Any] = check_matrix(X)
    if data.shape[0] < 2:
        raise ValueError(f"X must have at least 2 samples; got n_samples={data.shape[0]}")
    return data


def _check_stop(n_clusters: Any, connectivity: Any, n_samples: int) -> int | None:
    if n_clusters is None:
        return None
    count = check_int("n_clusters", n_clusters, 1, n_samples, "n_samples")
    if connectivity is None:
        warnings.warn(
            "Partial build of the tree is implemented only for structured clustering (i.e. with explicit "
            "connectivity). The algorithm will build the full tree and only retain the lower branches required "
            "for the specified number of clusters",
            stacklevel=3,
        )
        return None
    return count
