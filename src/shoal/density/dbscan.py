"""DBSCAN: clusters as connected regions of high density."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import check_is_fitted

from shoal import _core
from shoal.base.checks import (
    check_data,
    check_int,
    check_matrix,
    check_not_negative,
    check_real,
    check_sample_weight,
    check_spread,
    check_verbose,
)
from shoal.base.fitting import all_or_nothing
from shoal.base.progress import progress
from shoal.density.metric import Metric, check_metric, check_search, check_square, jobs, with_diagonal


class DBSCANResult(NamedTuple):
    """What :func:`dbscan` returns.

    Attributes
    ----------
    core_samples : ndarray of shape (n_core_samples,), int64
        Indices of the core samples, ascending.
    labels : ndarray of shape (n_samples,), int64
        Cluster of each sample, -1 for noise.
    """

    core_samples: NDArray[np.int64]
    labels: NDArray[np.intp]


class DBSCAN(ClusterMixin, BaseEstimator):
    """Density-based clustering of applications with noise.

    A sample is a *core* sample when at least `min_samples` samples, itself included, are within `eps` of it.
    Core samples within `eps` of each other are in the same cluster; a sample that is not core joins a cluster
    that has a core sample within `eps` of it, or is noise [1]_. The labels are scikit-learn's, border samples
    included, wherever rounding does not decide what is within `eps` (and see "cosine" in the Notes), in memory that
    does not grow with `eps`, and do not depend on the number of threads.

    Parameters
    ----------
    eps : float, default=0.5
        Largest distance at which two samples are neighbours, in the metric's unit; the distance itself
        counts as within. :func:`k_distances` helps to choose it.
    min_samples : int, default=5
        Neighbours, or sum of their weights, that make a core sample. The sample itself counts.
    metric : {"euclidean", "cosine", "manhattan", "chebyshev", "minkowski", "precomputed"}, default="euclidean"
        scikit-learn's other names "l2", "l1" and "cityblock" are known too. With "precomputed" X is a square
        matrix of distances, or a sparse one whose missing entries are out of reach.
    metric_params : dict or None, default=None
        ``{"p": ...}`` for "minkowski".
    algorithm : {"auto", "ball_tree", "kd_tree", "brute"}, default="auto"
        Accepted for compatibility; the result is the same for all, and so is the search.
    leaf_size : int, default=30
        Accepted for compatibility.
    p : float or None, default=None
        Power of "minkowski"; None means 2.
    n_jobs : int or None, default=None
        Threads. None uses as many as :func:`shoal.threads` says, -1 all processors.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    core_sample_indices_ : ndarray of shape (n_core_samples,), int64
        Indices of the core samples, ascending.
    components_ : {ndarray, sparse matrix} of shape (n_core_samples, n_features)
        Copy of the core samples, in the dtype of the data.
    labels_ : ndarray of shape (n_samples,), int64
        Clusters are numbered from 0 in the order of their first core sample; -1 is noise.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only when X has string column names.

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter, or the offending row and column, in the message.

    See Also
    --------
    k_distances : Helps to choose `eps`.
    OPTICS : Clusters at every density at once.

    Notes
    -----
    Samples are kept in a tree of boxes that goes no deeper where all samples are within `eps` of each other:
    there they are core without a distance. O(n · n_features · log n) time for the tree, and then what is left of
    O(n² · n_features) after pruning: little for few features or separate clusters, nearly all of it for many features
    without structure. Memory beyond X while fitting: 24 bytes per value and about 60 per sample; from ten features on
    up to 75 per sample more, or 5 per value and 210 per sample where samples have few neighbours and boxes keep
    nothing apart ("cosine": 8 more per value; sparse X: a dense copy), whatever `eps` is. For "precomputed", O(n²)
    time and 10 bytes per sample.

    Tie rule: a border sample within `eps` of core samples of several clusters belongs to the one with the
    smallest label. Distances are computed in double precision for float32 data too; every two samples
    are within `eps` of each other on all machines or on none. Distances given in float32 are compared with `eps`
    in float32, as in scikit-learn: 0.1 is within 0.1.

    For "cosine", rows of zeros are at distance 0 of each other and 1 of all others; in scikit-learn they are at
    distance 1 of each other too, so that they are noise there where they may be a cluster here.

    A sample of weight w counts as w samples. A negative weight, as in scikit-learn, can keep its neighbours from
    being core samples.

    ``predict`` gives a new sample the label of the nearest core sample (a tie going to the smaller index) if that is
    within `eps`, else -1. On the samples of ``fit`` it says what ``labels_`` says, but for border samples
    between two clusters: these have the smaller label in ``labels_``, not the nearer one.

    References
    ----------
    .. [1] M. Ester, H.-P. Kriegel, J. Sander and X. Xu, "A density-based algorithm for discovering clusters in
       large spatial databases with noise", KDD 1996.
    .. [2] J. Gan and Y. Tao, "DBSCAN revisited: mis-claim, un-fixability, and approximation", SIGMOD 2015.
    .. [3] E. Schubert et al., "DBSCAN revisited, revisited: why and how you should (still) use DBSCAN", ACM
       TODS 42(3), 2017.
    .. [4] Y. Wang, Y. Gu and J. Shun, "Theoretically-efficient and practical parallel DBSCAN", SIGMOD 2020.

    Examples
    --------
    >>> import shoal
    >>> X = [[1, 2], [2, 2], [2, 3], [8, 7], [8, 8], [25, 80]]
    >>> model = shoal.DBSCAN(eps=3, min_samples=2).fit(X)
    >>> model.labels_
    array([ 0,  0,  0,  1,  1, -1])
    >>> model.predict([[2, 4], [9, 9], [50, 50]])
    array([ 0,  1, -1])
    """

    def __init__(
        self,
        eps: float = 0.5,
        *,
        min_samples: int = 5,
        metric: str = "euclidean",
        metric_params: dict[str, Any] | None = None,
        algorithm: str = "auto",
        leaf_size: int = 30,
        p: float | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.eps = eps
        self.min_samples = min_samples
        self.metric = metric
        self.metric_params = metric_params
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.p = p
        self.n_jobs = n_jobs
        self.verbose = verbose

    @all_or_nothing
    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> DBSCAN:
        """Cluster the rows of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Or (n_samples, n_samples) distances when ``metric="precomputed"``.
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None
            May hold zeros and negative values, but not zeros alone.

        Returns
        -------
        self : DBSCAN
        """
        eps = check_real("eps", self.eps, 0, open_low=True)
        min_samples = check_int("min_samples", self.min_samples, 1)
        metric = check_metric(self.metric, self.p, self.metric_params)
        check_search(self.algorithm, self.leaf_size)
        verbose = check_verbose(self.verbose)
        X = check_data(self, X, accept_sparse=True)
        weight = check_sample_weight(sample_weight, X.shape[0], np.float64, signed=True)
        with np.errstate(over="ignore"):
            if np.isinf(np.float64(eps) ** metric.p) and np.isfinite(
                eps
            ):  # else what overflows is out of reach
                check_spread(X, metric.name, metric.p, dtype=np.float64)
        with jobs(self.n_jobs), progress(verbose, "DBSCAN", "leaf") as report:
            core, labels = _fit(X, weight, metric, eps, min_samples, report)
        self.core_sample_indices_ = core.view(np.intp)  # int64 under the name it is printed by
        self.components_ = X[core].copy()
        self.labels_ = labels.astype(np.intp)
        return self

    def fit_predict(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> NDArray[np.intp]:
        """``fit(X, sample_weight=sample_weight).labels_``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        labels : ndarray of shape (n_samples,), int64
        """
        return self.fit(X, sample_weight=sample_weight).labels_

    def predict(self, X: Any) -> NDArray[np.intp]:
        """The label of the nearest core sample, or -1 where none is within `eps`.

        A tie goes to the core sample of the smaller index. O(n_core · log n_core) to build a tree over the core
        samples, and 24 bytes for each of their values, in every call.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features)
            Or (n_queries, n_samples) distances to the samples of ``fit`` when ``metric="precomputed"``, dense.

        Returns
        -------
        labels : ndarray of shape (n_queries,), int64
        """
        check_is_fitted(self)
        eps = check_real("eps", self.eps, 0, open_low=True)
        metric = check_metric(self.metric, self.p, self.metric_params)
        X = check_data(self, X, reset=False, accept_sparse=metric.name != "precomputed")
        core_labels = self.labels_[self.core_sample_indices_]
        if core_labels.size == 0:
            return np.full(X.shape[0], -1, dtype=np.intp)
        if metric.name == "precomputed":
            return _predict_precomputed(X, self.core_sample_indices_, core_labels, eps)
        cores = self.components_
        dtype = np.result_type(X.dtype, cores.dtype)
        with jobs(self.n_jobs):
            labels = _core.dbscan_predict(
                _dense(cores, dtype),
                core_labels.astype(np.int32),
                _dense(X, dtype),
                metric=metric.name,
                eps=eps,
                p=metric.p,
            )
        return labels.astype(np.intp)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == "precomputed"
        tags.input_tags.sparse = True
        return tags


def _dense(X: Any, dtype: Any = None) -> NDArray[Any]:
    dense = X.toarray(order="C") if sparse.issparse(X) else X
    return dense if dtype is None else dense.astype(dtype, copy=False)


def _fit(X: Any, weight: Any, metric: Metric, eps: float, min_samples: int, report: Any) -> Any:
    if metric.name == "precomputed":
        eps = _in_type(eps, X)
    options = {"eps": eps, "min_samples": min_samples, "progress": report}
    if metric.name != "precomputed":
        return _core.dbscan(_dense(X), weight, metric=metric.name, p=metric.p, **options)
    check_square(X)
    if not sparse.issparse(X):
        return _core.dbscan_precomputed(X, weight, **options)
    values, columns, start = with_diagonal(X)
    return _core.dbscan_graph(values, columns, start, weight, **options)


def _in_type(eps: float, X: Any) -> float:
    """`eps` as a number of the type in which the distances are."""
    with np.errstate(over="ignore"):
        return float(X.dtype.type(eps))


def _predict_precomputed(X: Any, core: Any, core_labels: Any, eps: float) -> NDArray[np.intp]:
    check_not_negative(X)
    out = np.empty(X.shape[0], dtype=np.intp)
    eps = _in_type(eps, X)
    rows = max(1, 2**22 // core.size)
    for begin in range(0, X.shape[0], rows):
        distances = X[begin : begin + rows][:, core]
        nearest = np.argmin(distances, axis=1)
        within = distances[np.arange(len(distances)), nearest] <= eps
        out[begin : begin + rows] = np.where(within, core_labels[nearest], -1)
    return out


def dbscan(
    X: Any,
    eps: float = 0.5,
    *,
    min_samples: int = 5,
    metric: str = "minkowski",
    metric_params: dict[str, Any] | None = None,
    algorithm: str = "auto",
    leaf_size: int = 30,
    p: float | None = 2,
    sample_weight: ArrayLike | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> DBSCANResult:
    """DBSCAN without an estimator; see :class:`DBSCAN`.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Or (n_samples, n_samples) distances when ``metric="precomputed"``.
    eps, min_samples, metric, metric_params, algorithm, leaf_size, p
        As in :class:`DBSCAN`; the default metric is Euclidean here too.
    sample_weight : array-like of shape (n_samples,), default=None
    n_jobs, verbose
        As in :class:`DBSCAN`.

    Returns
    -------
    result : DBSCANResult
        ``core_samples``, ``labels``.

    Examples
    --------
    >>> import shoal
    >>> core_samples, labels = shoal.dbscan([[0.0], [0.5], [1.0], [8.0]], 0.6, min_samples=2)
    >>> core_samples
    array([0, 1, 2])
    >>> labels
    array([ 0,  0,  0, -1])
    """
    model = DBSCAN(
        eps,
        min_samples=min_samples,
        metric=metric,
        metric_params=metric_params,
        algorithm=algorithm,
        leaf_size=leaf_size,
        p=p,
        n_jobs=n_jobs,
        verbose=verbose,
    ).fit(X, sample_weight=sample_weight)
    return DBSCANResult(model.core_sample_indices_, model.labels_)


class KDistances(NamedTuple):
    """What :func:`k_distances` returns.

    Attributes
    ----------
    distances : ndarray of shape (n_samples,), float64
        Distance of each sample to its k-th nearest other sample, ascending.
    eps : float
        The distance at the knee of that curve: a first guess for ``eps`` with ``min_samples=k + 1``.
    """

    distances: NDArray[np.float64]
    eps: float


def k_distances(
    X: Any, k: int = 4, *, metric: str = "euclidean", p: float | None = None, n_jobs: int | None = None
) -> KDistances:
    """The sorted k-distance curve, and its knee: a first guess for the ``eps`` of :class:`DBSCAN`.

    With ``eps`` and ``min_samples=k + 1``, the core samples are those whose k-distance is at most `eps`. Samples in
    clusters have small k-distances and noise has large ones; where the curve turns upwards is the `eps` that parts
    them [1]_. The knee is the point farthest below the straight line from the first to the last. Look at
    the curve (:func:`shoal.plotting.plot_k_distances`): it may have several knees, or none.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    k : int, default=4
        In [1, n_samples - 1]; other samples, so ``min_samples`` less one.
    metric : {"euclidean", "cosine", "manhattan", "chebyshev", "minkowski"}, default="euclidean"
    p : float or None, default=None
        Power of "minkowski"; None means 2.
    n_jobs : int or None, default=None
        Threads, as in :class:`DBSCAN`.

    Returns
    -------
    result : KDistances
        ``distances``, ``eps``.

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter, or the offending row and column, in the message.

    Notes
    -----
    O(n_samples · log n_samples) searches for few features, O(n_samples² · n_features) at worst; 24 bytes of memory per
    value and 40 per sample. Distances are computed in double precision, and the square root is rounded up where
    needed for `eps` to reach as far as the distance says.

    References
    ----------
    .. [1] M. Ester, H.-P. Kriegel, J. Sander and X. Xu, "A density-based algorithm for discovering clusters in
       large spatial databases with noise", KDD 1996, section 4.2.
    .. [2] V. Satopää et al., "Finding a 'kneedle' in a haystack", ICDCS Workshops, 2011.

    Examples
    --------
    >>> import shoal
    >>> curve = shoal.k_distances([[0.0], [1.0], [2.0], [3.0], [50.0]], 1)
    >>> curve.distances
    array([ 1.,  1.,  1.,  1., 47.])
    >>> curve.eps
    1.0
    """
    X = check_matrix(X, min_samples=2)
    k = check_int("k", k, 1, X.shape[0] - 1, "n_samples - 1")
    known = check_metric(metric, p)
    if known.name == "precomputed":
        raise ValueError("metric must be computed from X; got 'precomputed'")
    check_spread(X, known.name, known.p, dtype=np.float64)
    with jobs(n_jobs):
        distances = np.sort(_core.core_distances(X, metric=known.name, p=known.p, k=k + 1, reaching=True))
    return KDistances(distances, float(distances[_knee(distances)]))


def _knee(ascending: NDArray[np.float64]) -> int:
    """The index farthest below the line from the first to the last value; a tie goes to the last."""
    with np.errstate(over="ignore"):
        height = ascending[-1] - ascending[0]
    if not 0 < height < np.inf:
        return len(ascending) - 1
    below = np.linspace(0, 1, len(ascending)) - (ascending - ascending[0]) / height
    return len(below) - 1 - int(np.argmax(below[::-1]))


__all__ = ["DBSCAN", "DBSCANResult", "KDistances", "dbscan", "k_distances"]
