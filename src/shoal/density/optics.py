"""OPTICS: the order in which density reaches the samples, and clusters from it."""

from __future__ import annotations

import numbers
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import check_memory

from shoal import _core
from shoal.base.checks import (
    check_bool,
    check_choice,
    check_data,
    check_int,
    check_matrix,
    check_real,
    check_spread,
    check_verbose,
)
from shoal.base.fitting import all_or_nothing
from shoal.base.progress import progress
from shoal.density.metric import Metric, check_metric, check_search, check_square, jobs, with_diagonal

CLUSTER_METHODS = ("xi", "dbscan")


class OPTICSGraph(NamedTuple):
    """What :func:`compute_optics_graph` returns.

    Attributes
    ----------
    ordering : ndarray of shape (n_samples,), int64
        Samples in the order they were visited.
    core_distances : ndarray of shape (n_samples,)
        By sample, like the rest: distance to the `min_samples`-th nearest sample, itself the first; inf beyond
        `max_eps`.
    reachability : ndarray of shape (n_samples,)
        Distance at which the sample was reached; inf for the first of every component.
    predecessor : ndarray of shape (n_samples,), int64
        The sample it was reached from, or -1.
    """

    ordering: NDArray[np.int64]
    core_distances: NDArray[Any]
    reachability: NDArray[Any]
    predecessor: NDArray[np.int64]


class OPTICSResult(NamedTuple):
    """What :func:`optics` returns.

    Attributes
    ----------
    labels : ndarray of shape (n_samples,), int64
        Cluster of each sample, -1 for noise.
    ordering, core_distances, reachability, predecessor
        As in :class:`OPTICSGraph`.
    cluster_hierarchy : ndarray of shape (n_clusters, 2), int64, or None
        First and last place in the ordering of every cluster; None unless ``cluster_method="xi"``.
    """

    labels: NDArray[np.intp]
    ordering: NDArray[np.int64]
    core_distances: NDArray[Any]
    reachability: NDArray[Any]
    predecessor: NDArray[np.int64]
    cluster_hierarchy: NDArray[np.int64] | None


class OPTICS(ClusterMixin, BaseEstimator):
    """Ordering points to identify the clustering structure.

    Visits the samples from dense to sparse surroundings: always the one that is nearest, in *reachability*, to
    those already visited [1]_. In that order the reachabilities draw a plot whose valleys are clusters, at
    every density at once; clusters are then taken from it where its slopes are steep ("xi") or by a
    horizontal cut, which gives those of DBSCAN ("dbscan"). Ordering, reachabilities, predecessors
    and clusters are scikit-learn's.

    Parameters
    ----------
    min_samples : int > 1 or float in [0, 1], default=5
        Samples in a neighbourhood that make a core sample, the sample itself counted; a float is a fraction
        of the number of samples, at least 2.
    max_eps : float, default=inf
        Largest distance at which two samples are neighbours. A finite value makes large data quick.
    metric : {"euclidean", "cosine", "manhattan", "chebyshev", "minkowski", "precomputed"}, default="minkowski"
        scikit-learn's other names "l2", "l1" and "cityblock" are known too. With "precomputed" X is a square
        matrix of distances, or a sparse one whose missing entries are out of reach.
    p : float, default=2
        Power of "minkowski".
    metric_params : dict or None, default=None
        ``{"p": ...}`` for "minkowski".
    cluster_method : {"xi", "dbscan"}, default="xi"
        How clusters are taken from the plot.
    eps : float or None, default=None
        The cut of "dbscan", at most `max_eps`; None cuts at `max_eps`.
    xi : float in [0, 1], default=0.05
        A point of the plot is steep when it and the next differ by a factor of at least ``1 - xi``.
    predecessor_correction : bool, default=True
        Clusters of "xi" end where they were reached from inside [2]_.
    min_cluster_size : int > 1, float in (0, 1] or None, default=None
        Smallest cluster of "xi"; None is `min_samples`.
    algorithm : {"auto", "ball_tree", "kd_tree", "brute"}, default="auto"
        "brute" runs over all unvisited samples at every step, "kd_tree" and "ball_tree" search a tree of
        boxes; "auto" takes what is quicker. The result is the same.
    leaf_size : int, default=30
        Accepted for compatibility.
    memory : str, joblib.Memory or None, default=None
        Where to keep the ordering, so that a fit with other parameters of the extraction need not find it
        again.
    n_jobs : int or None, default=None
        Threads. None uses as many as :func:`shoal.threads` says, -1 all processors.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), int64
        -1 is noise. For "xi" the labels are those of the smallest clusters of the hierarchy.
    reachability_ : ndarray of shape (n_samples,), float64
        By sample; ``reachability_[ordering_]`` is the plot. inf where a sample was reached from none.
    ordering_ : ndarray of shape (n_samples,), int64
    core_distances_ : ndarray of shape (n_samples,), float64
        By sample; inf for samples that are not core within `max_eps`.
    predecessor_ : ndarray of shape (n_samples,), int64
        By sample; -1 for samples reached from none.
    cluster_hierarchy_ : ndarray of shape (n_clusters, 2), int64
        First and last place in the ordering of every cluster, smaller ones before those that hold them.
        Only for "xi".
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only when X has string column names.

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter, or the offending row and column, in the message.

    Warns
    -----
    UserWarning
        When no sample reaches another within `max_eps`.

    See Also
    --------
    shoal.plotting.plot_reachability : The plot, coloured by cluster.

    Notes
    -----
    Without a radius O(n² · n_features) time and 24 bytes of memory per value and about 80 per sample; with a small
    `max_eps` O(n · log n) searches for few features. Neighbours are never stored.

    Tie rule: of samples with equal reachability the one with the smaller index is next; a sample keeps the
    predecessor that reached it first at its reachability. Distances are computed in double precision, for
    float32 data too, and rounded to 15 decimals as scikit-learn does; the attributes are doubles as well, so that the
    functions that cut them give the labels of ``fit``.

    References
    ----------
    .. [1] M. Ankerst, M. M. Breunig, H.-P. Kriegel and J. Sander, "OPTICS: ordering points to identify the
       clustering structure", SIGMOD 1999.
    .. [2] E. Schubert and M. Gertz, "Improving the cluster structure extracted from OPTICS plots", LWDA 2018.

    Examples
    --------
    >>> import shoal
    >>> X = [[1, 2], [2, 5], [3, 6], [8, 7], [8, 8], [7, 3]]
    >>> model = shoal.OPTICS(min_samples=2).fit(X)
    >>> model.labels_
    array([0, 0, 0, 1, 1, 1])
    >>> model.reachability_[model.ordering_].round(2)
    array([ inf, 3.16, 1.41, 5.  , 4.12, 1.  ])
    """

    def __init__(
        self,
        *,
        min_samples: float = 5,
        max_eps: float = np.inf,
        metric: str = "minkowski",
        p: float = 2,
        metric_params: dict[str, Any] | None = None,
        cluster_method: str = "xi",
        eps: float | None = None,
        xi: float = 0.05,
        predecessor_correction: bool = True,
        min_cluster_size: float | None = None,
        algorithm: str = "auto",
        leaf_size: int = 30,
        memory: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.max_eps = max_eps
        self.min_samples = min_samples
        self.min_cluster_size = min_cluster_size
        self.algorithm = algorithm
        self.metric = metric
        self.metric_params = metric_params
        self.p = p
        self.leaf_size = leaf_size
        self.cluster_method = cluster_method
        self.eps = eps
        self.xi = xi
        self.predecessor_correction = predecessor_correction
        self.memory = memory
        self.n_jobs = n_jobs
        self.verbose = verbose

    @all_or_nothing
    def fit(self, X: Any, y: Any = None) -> OPTICS:
        """Order the rows of X and take clusters from the order.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Or (n_samples, n_samples) distances when ``metric="precomputed"``.
        y : ignored

        Returns
        -------
        self : OPTICS
        """
        max_eps = _check_radius("max_eps", self.max_eps)
        eps = max_eps if self.eps is None else _check_radius("eps", self.eps)
        if eps > max_eps:
            raise ValueError(f"eps must be in [0, max_eps={max_eps:g}]; got {eps:g}")
        metric = check_metric(self.metric, self.p, self.metric_params)
        check_choice("cluster_method", self.cluster_method, CLUSTER_METHODS)
        xi = check_real("xi", self.xi, 0, 1)
        correct = check_bool("predecessor_correction", self.predecessor_correction)
        check_search(self.algorithm, self.leaf_size)
        verbose = check_verbose(self.verbose)
        memory = check_memory(self.memory)
        X = check_data(self, X, accept_sparse=True)
        check_spread(X, metric.name, metric.p, dtype=np.float64)
        min_samples = _check_size("min_samples", self.min_samples, X.shape[0])
        min_cluster_size = _check_size("min_cluster_size", self.min_cluster_size, X.shape[0], min_samples)

        with jobs(self.n_jobs):
            graph = OPTICSGraph(
                *memory.cache(_graph, ignore=["verbose"])(
                    X, min_samples, max_eps, (metric.name, metric.p), self.algorithm, verbose=verbose
                )
            )
        hierarchy = None
        if self.cluster_method == "xi":
            labels, hierarchy = _xi(
                graph.reachability,
                graph.predecessor,
                graph.ordering,
                min_samples,
                min_cluster_size,
                xi,
                correct,
            )
        else:
            labels = _cut(graph.reachability, graph.core_distances, graph.ordering, eps)
        self.ordering_ = graph.ordering
        self.core_distances_ = graph.core_distances
        self.reachability_ = graph.reachability
        self.predecessor_ = graph.predecessor
        self.labels_ = labels
        if hierarchy is not None:
            self.cluster_hierarchy_ = hierarchy
        elif hasattr(self, "cluster_hierarchy_"):
            del self.cluster_hierarchy_
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == "precomputed"
        tags.input_tags.sparse = True
        return tags


def optics(
    X: Any,
    *,
    min_samples: float = 5,
    max_eps: float = np.inf,
    metric: str = "minkowski",
    p: float = 2,
    metric_params: dict[str, Any] | None = None,
    cluster_method: str = "xi",
    eps: float | None = None,
    xi: float = 0.05,
    predecessor_correction: bool = True,
    min_cluster_size: float | None = None,
    algorithm: str = "auto",
    leaf_size: int = 30,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> OPTICSResult:
    """OPTICS without an estimator; see :class:`OPTICS`.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Or (n_samples, n_samples) distances when ``metric="precomputed"``.
    min_samples, max_eps, metric, p, metric_params, cluster_method, eps, xi, predecessor_correction
        As in :class:`OPTICS`.
    min_cluster_size, algorithm, leaf_size, n_jobs, verbose
        As in :class:`OPTICS`.

    Returns
    -------
    result : OPTICSResult
        ``labels``, ``ordering``, ``core_distances``, ``reachability``, ``predecessor``, ``cluster_hierarchy``.

    Examples
    --------
    >>> import shoal
    >>> result = shoal.optics([[0.0], [1.0], [2.0], [9.0], [10.0], [11.0]], min_samples=2)
    >>> result.labels
    array([0, 0, 0, 1, 1, 1])
    >>> result.reachability
    array([inf,  1.,  1.,  7.,  1.,  1.])
    """
    model = OPTICS(
        min_samples=min_samples,
        max_eps=max_eps,
        metric=metric,
        p=p,
        metric_params=metric_params,
        cluster_method=cluster_method,
        eps=eps,
        xi=xi,
        predecessor_correction=predecessor_correction,
        min_cluster_size=min_cluster_size,
        algorithm=algorithm,
        leaf_size=leaf_size,
        n_jobs=n_jobs,
        verbose=verbose,
    ).fit(X)
    return OPTICSResult(
        model.labels_,
        model.ordering_,
        model.core_distances_,
        model.reachability_,
        model.predecessor_,
        getattr(model, "cluster_hierarchy_", None),
    )


def compute_optics_graph(
    X: Any,
    *,
    min_samples: float,
    max_eps: float,
    metric: str,
    p: float | None,
    metric_params: dict[str, Any] | None,
    algorithm: str,
    leaf_size: int,
    n_jobs: int | None,
) -> OPTICSGraph:
    """The ordering of :class:`OPTICS`, without clusters; scikit-learn's signature.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Or (n_samples, n_samples) distances when ``metric="precomputed"``.
    min_samples, max_eps, metric, p, metric_params, algorithm, leaf_size, n_jobs
        As in :class:`OPTICS`.

    Returns
    -------
    graph : OPTICSGraph
        ``ordering``, ``core_distances``, ``reachability``, ``predecessor``; in double precision whatever X is.

    Examples
    --------
    >>> import numpy as np, shoal
    >>> graph = shoal.compute_optics_graph(
    ...     [[1, 2], [2, 5], [3, 6], [8, 7], [8, 8], [7, 3]], min_samples=2, max_eps=np.inf, metric="minkowski",
    ...     p=2, metric_params=None, algorithm="auto", leaf_size=30, n_jobs=None)
    >>> graph.ordering
    array([0, 1, 2, 5, 3, 4])
    >>> graph.predecessor
    array([-1,  0,  1,  5,  3,  2])
    """
    max_eps = _check_radius("max_eps", max_eps)
    known = check_metric(metric, p, metric_params)
    check_search(algorithm, leaf_size)
    X = check_matrix(X, accept_sparse=True)
    check_spread(X, known.name, known.p, dtype=np.float64)
    min_samples = _check_size("min_samples", min_samples, X.shape[0])
    with jobs(n_jobs):
        return OPTICSGraph(*_graph(X, min_samples, max_eps, (known.name, known.p), algorithm))


def cluster_optics_dbscan(
    *, reachability: ArrayLike, core_distances: ArrayLike, ordering: ArrayLike, eps: float
) -> NDArray[np.intp]:
    """The clusters of DBSCAN at `eps`, from the ordering of OPTICS.

    Core samples have the clusters that :class:`DBSCAN` gives them with the same `eps` and `min_samples` (numbered by
    their place in the ordering), when `eps` is at most the ``max_eps`` of the ordering. A border sample that comes in
    the ordering before the core samples around it is noise here.

    Parameters
    ----------
    reachability, core_distances : array-like of shape (n_samples,)
    ordering : array-like of shape (n_samples,), int
    eps : float
        In [0, inf].

    Returns
    -------
    labels : ndarray of shape (n_samples,), int64

    Examples
    --------
    >>> import shoal
    >>> result = shoal.optics([[0.0], [1.0], [2.0], [9.0], [10.0], [30.0]], min_samples=2)
    >>> shoal.cluster_optics_dbscan(reachability=result.reachability, core_distances=result.core_distances,
    ...                             ordering=result.ordering, eps=1.5)
    array([ 0,  0,  0,  1,  1, -1])
    """
    order, reach, core = _check_plot(ordering, reachability=reachability, core_distances=core_distances)
    return _cut(reach, core, order, _check_radius("eps", eps))


def cluster_optics_xi(
    *,
    reachability: ArrayLike,
    predecessor: ArrayLike,
    ordering: ArrayLike,
    min_samples: float,
    min_cluster_size: float | None = None,
    xi: float = 0.05,
    predecessor_correction: bool = True,
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Clusters where the reachability plot is steep.

    Parameters
    ----------
    reachability : array-like of shape (n_samples,)
    predecessor, ordering : array-like of shape (n_samples,), int
    min_samples : int > 1 or float in [0, 1]
        Steep areas hold no more than this many points in a row that are not steep.
    min_cluster_size, xi, predecessor_correction
        As in :class:`OPTICS`.

    Returns
    -------
    labels : ndarray of shape (n_samples,), int64
        Of the smallest clusters; -1 outside of all.
    clusters : ndarray of shape (n_clusters, 2), int64
        First and last place in the ordering, smaller clusters before those that hold them.

    Examples
    --------
    >>> import shoal
    >>> result = shoal.optics([[1, 2], [2, 5], [3, 6], [8, 7], [8, 8], [7, 3]], min_samples=2)
    >>> labels, clusters = shoal.cluster_optics_xi(reachability=result.reachability,
    ...     predecessor=result.predecessor, ordering=result.ordering, min_samples=2)
    >>> clusters
    array([[0, 2],
           [3, 5],
           [0, 5]])
    """
    order, reach, before = _check_plot(ordering, reachability=reachability, predecessor=predecessor)
    n = len(order)
    if ((before < -1) | (before >= n)).any():
        raise ValueError(
            f"predecessor must be in [-1, n_samples - 1={n - 1}]; got {before.min()}..{before.max()}"
        )
    min_samples = _check_size("min_samples", min_samples, n)
    return _xi(
        reach,
        before,
        order,
        min_samples,
        _check_size("min_cluster_size", min_cluster_size, n, min_samples),
        check_real("xi", xi, 0, 1),
        check_bool("predecessor_correction", predecessor_correction),
    )


# --- checks --------------------------------------------------------------------------------------------------


def _check_radius(name: str, value: Any) -> float:
    """`value` as a float in [0, inf], inf among them."""
    if isinstance(value, numbers.Real) and not isinstance(value, bool) and value == np.inf:
        return float(value)
    return check_real(name, value, 0)


def _check_size(name: str, value: Any, n_samples: int, default: int | None = None) -> int:
    """A number of samples in [2, n_samples]; a fraction of them is rounded down, to 2 at least."""
    if value is None and default is not None:
        return default
    if n_samples < 2:
        raise ValueError(f"{name} must be in [2, n_samples]; got n_samples={n_samples}")
    if isinstance(value, numbers.Integral) or not isinstance(value, numbers.Real):
        return check_int(name, value, 2, n_samples, "n_samples")
    return max(2, int(check_real(name, value, 0, 1, open_low=default is not None) * n_samples))


def _check_plot(ordering: ArrayLike, **by_sample: ArrayLike) -> list[NDArray[Any]]:
    """The ordering as int64 and what goes with it: float64, predecessors int64; all of one length."""
    order = np.ascontiguousarray(ordering)
    if order.ndim != 1 or order.dtype.kind not in "iu":
        raise ValueError(f"ordering must be a 1D array of integers; got {order.dtype} of shape {order.shape}")
    order = order.astype(np.int64, copy=False)
    n = len(order)
    if not np.array_equal(np.sort(order), np.arange(n)):
        raise ValueError(f"ordering must hold every index in [0, n_samples - 1={n - 1}] once")
    out = [order]
    for name, values in by_sample.items():
        dtype = np.int64 if name == "predecessor" else np.float64
        array = np.ascontiguousarray(np.asarray(values), dtype=dtype)
        if array.shape != (n,):
            raise ValueError(f"{name} must have shape (n_samples={n},); got {array.shape}")
        if dtype is np.float64 and np.isnan(array).any():
            raise ValueError(f"Input {name} contains NaN at index {int(np.argmax(np.isnan(array)))}")
        out.append(array)
    return out


# --- the steps -----------------------------------------------------------------------------------------------


def _graph(
    X: Any, min_samples: int, max_eps: float, metric: tuple[str, float], algorithm: str, verbose: int = 0
) -> tuple[NDArray[Any], ...]:
    name, p = Metric(*metric)
    options: dict[str, Any] = {"min_samples": min_samples, "max_eps": max_eps}
    with progress(verbose, "OPTICS", "sample") as report:
        if name != "precomputed":
            dense = X.toarray(order="C") if sparse.issparse(X) else X
            search = {"auto": "automatic", "brute": "rows"}.get(algorithm, "tree")
            found = _core.optics(dense, metric=name, p=p, search=search, progress=report, **options)
        else:
            check_square(X)
            if sparse.issparse(X):
                found = _core.optics_graph(*_check_graph(X, min_samples), progress=report, **options)
            else:
                found = _core.optics_precomputed(X, progress=report, **options)
    ordering, core_distances, reachability, predecessor = found
    if np.isinf(reachability).all():
        warnings.warn(
            f"All reachability values are inf: no sample is within max_eps={max_eps:g} of a core sample; "
            "all are noise. Set a larger max_eps",
            UserWarning,
            stacklevel=2,
        )
    # int64 under the name it is printed by
    return ordering.view(np.intp), core_distances, reachability, predecessor.view(np.intp)


def _check_graph(X: Any, min_samples: int) -> tuple[NDArray[Any], ...]:
    values, columns, start = with_diagonal(X)
    stored = np.diff(start)
    if stored.min() < min_samples:
        row = int(np.argmin(stored))
        raise ValueError(
            f"X must store min_samples={min_samples} distances or more in every row, the diagonal among them; "
            f"got {stored[row]} at row {row}"
        )
    return values, columns, start


def _xi(
    reachability: NDArray[Any],
    predecessor: NDArray[np.int64],
    ordering: NDArray[np.int64],
    min_samples: int,
    min_cluster_size: int,
    xi: float,
    correct: bool,
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    labels, clusters = _core.xi_clusters(
        reachability[ordering].astype(np.float64, copy=False),
        predecessor[ordering],
        ordering,
        xi=xi,
        min_samples=min_samples,
        min_cluster_size=min_cluster_size,
        predecessor_correction=correct,
    )
    return labels.astype(np.intp), clusters.view(np.intp)


def _cut(
    reachability: NDArray[Any], core_distances: NDArray[Any], ordering: NDArray[np.int64], eps: float
) -> NDArray[np.intp]:
    """A core sample that nothing reached within `eps` starts a cluster; others that nothing reached are noise."""
    far = reachability > eps
    core = core_distances <= eps
    labels = np.empty(len(ordering), dtype=np.intp)
    labels[ordering] = np.cumsum((far & core)[ordering]) - 1
    labels[far & ~core] = -1
    return labels


__all__ = [
    "OPTICS",
    "OPTICSGraph",
    "OPTICSResult",
    "cluster_optics_dbscan",
    "cluster_optics_xi",
    "compute_optics_graph",
    "optics",
]
