"""Affinity propagation: exemplars by messages between samples."""

from __future__ import annotations

import os
import threading
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from shoal import _core
from shoal.base.checks import (
    check_bool,
    check_choice,
    check_data,
    check_finite,
    check_int,
    check_matrix,
    check_random_generator,
    check_real,
    check_verbose,
    shown,
)
from shoal.base.fitting import all_or_nothing, check_fitted
from shoal.base.memory import require_memory
from shoal.base.progress import progress

AFFINITIES = ("euclidean", "cosine", "precomputed")
_BLOCK = 2**18  # values worked on at a time where NumPy does the work


class AffinityPropagationResult(NamedTuple):
    """What :func:`affinity_propagation` returns.

    Attributes
    ----------
    cluster_centers_indices : ndarray of shape (n_clusters,), int64
        The exemplars, ascending.
    labels : ndarray of shape (n_samples,), int64
        Place of the own exemplar among them; -1 where there is none.
    """

    cluster_centers_indices: NDArray[np.intp]
    labels: NDArray[np.intp]


class AffinityPropagationRun(NamedTuple):
    """What :func:`affinity_propagation` returns with ``return_n_iter=True``.

    Attributes
    ----------
    cluster_centers_indices : ndarray of shape (n_clusters,), int64
    labels : ndarray of shape (n_samples,), int64
    n_iter : int
        Iterations run.
    """

    cluster_centers_indices: NDArray[np.intp]
    labels: NDArray[np.intp]
    n_iter: int


class AffinityPropagation(ClusterMixin, BaseEstimator):
    """Clusters around exemplars, as many as the preferences of the samples make.

    Every pair of samples exchanges two messages until they settle who stands for whom [1]_: a *responsibility* says
    how well the one serves as the exemplar of the other compared with its best rival, an *availability* how many
    others have found it so. float64 messages have the bits of scikit-learn's where the similarities have: the same
    exemplars, ties included.

    Parameters
    ----------
    damping : float, default=0.5
        In [0.5, 1): the share of its last value that a message keeps. Raise it where messages oscillate.
    max_iter : int, default=200
        Iterations, at most.
    convergence_iter : int, default=15
        Stop when no sample has become an exemplar, or ceased to be one, for so many iterations.
    copy : bool, default=True
        False lets ``affinity="precomputed"`` work in X itself, if X is a float32 or float64 array in C order.
    preference : float, array-like of shape (n_samples,) or None, default=None
        How well each sample serves as an exemplar at all, in the unit of the similarities: larger values make more
        clusters. None is the median of all similarities (of the stored ones off the diagonal for a sparse matrix).
    affinity : {"euclidean", "cosine", "precomputed"}, default="euclidean"
        The similarity: minus the squared Euclidean distance, minus the cosine distance, or X itself, a square matrix.
        A sparse X with "precomputed" is a graph of similarities: pairs that are not stored are never exemplar and
        member.
    verbose : int, default=0
        1 shows a progress bar.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the noise, at the last bits of the similarities, that decides ties.
    preference_quantile : float or None, default=None
        In [0, 1]: the preference is this quantile of the similarities of distinct samples [4]_. 0.5 makes a moderate
        number of clusters and 0 few. Instead of `preference`.
    dtype : {"float32", "float64"} or None, default=None
        Of similarities and messages; None keeps the type of X. "float32" takes half the memory and half the time.

    Attributes
    ----------
    cluster_centers_indices_ : ndarray of shape (n_clusters,), int64
        The exemplars, ascending. Empty when the messages found none.
    cluster_centers_ : {ndarray, sparse matrix} of shape (n_clusters, n_features)
        Copy of the exemplars, unless ``affinity="precomputed"``.
    labels_ : ndarray of shape (n_samples,), int64
        Exactly ``predict(X)``; -1 where there is no exemplar.
    affinity_matrix_ : {ndarray, sparse matrix} of shape (n_samples, n_samples)
        The similarities that were used: with preferences on the diagonal, and the noise that decides ties.
    n_iter_ : int
        Iterations run; 0 when all similarities are equal.
    converged_ : bool
        False when `max_iter` ended the run.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only when X has string column names.

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter, or the offending row and column, in the message.
    MemoryError
        Before anything is allocated, with the bytes needed, the bytes there and what to use instead.

    Warns
    -----
    ConvergenceWarning
        When `max_iter` ended the run, with or without exemplars.
    UserWarning
        When all similarities are equal and all preferences: then there is one cluster, or one for each sample where the
        preference is larger than the similarity, and no message.

    Notes
    -----
    O(n_samples²) time per iteration, bound by memory: one sweep reads similarities and responsibilities and writes
    the latter. Two matrices of n_samples² values, ``affinity_matrix_`` included, and of a third the part that is not
    the same in all rows: a few hundredths where clusters are many, all of it where one cluster holds most samples.
    Three are asked for before any is allocated (``copy=False``: two beside X). Sparse similarities: O(stored pairs)
    time per iteration, three values and two indices for each.

    An exemplar gives way to the member of its cluster that has the largest sum of similarities. A sample then belongs
    to the nearest exemplar, a tie going to the smaller label (scikit-learn leaves such ties to the noise), and an
    exemplar to itself, even where another has the same values; with "precomputed" to the one of largest similarity in
    ``affinity_matrix_``.

    There is no ``sample_weight``: a copy of a row is a candidate with a preference of its own, so that no weight does
    what repeating the row does. To let sample i count w_i times as a member only, multiply row i of a matrix of
    similarities by w_i and use ``affinity="precomputed"`` [3]_.

    References
    ----------
    .. [1] B. J. Frey and D. Dueck, "Clustering by passing messages between data points", Science 315, 2007.
    .. [2] I. E. Givoni and B. J. Frey, "A binary variable model for affinity propagation", Neural Computation 21(6),
       2009.
    .. [3] X. Zhang, C. Furtlehner and M. Sebag, "Data streaming with affinity propagation", ECML PKDD 2008.
    .. [4] U. Bodenhofer, A. Kothmeier and S. Hochreiter, "APCluster: an R package for affinity propagation
       clustering", Bioinformatics 27(17), 2011.

    Examples
    --------
    >>> import shoal
    >>> X = [[1, 2], [1, 4], [1, 0], [4, 2], [4, 4], [4, 0]]
    >>> model = shoal.AffinityPropagation(random_state=5).fit(X)
    >>> model.labels_
    array([0, 0, 0, 1, 1, 1])
    >>> model.cluster_centers_
    array([[1., 2.],
           [4., 2.]])
    >>> model.predict([[0, 0], [4, 4]])
    array([0, 1])
    """

    _read_after_fit = ("affinity",)

    def __init__(
        self,
        *,
        damping: float = 0.5,
        max_iter: int = 200,
        convergence_iter: int = 15,
        copy: bool = True,
        preference: Any = None,
        affinity: str = "euclidean",
        verbose: int = 0,
        random_state: Any = None,
        preference_quantile: float | None = None,
        dtype: Any = None,
    ) -> None:
        self.damping = damping
        self.max_iter = max_iter
        self.convergence_iter = convergence_iter
        self.copy = copy
        self.preference = preference
        self.affinity = affinity
        self.verbose = verbose
        self.random_state = random_state
        self.preference_quantile = preference_quantile
        self.dtype = dtype

    @all_or_nothing
    def fit(self, X: Any, y: Any = None) -> AffinityPropagation:
        """Find the exemplars among the rows of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Or (n_samples, n_samples) similarities when ``affinity="precomputed"``.
        y : ignored

        Returns
        -------
        self : AffinityPropagation
        """
        damping = check_real("damping", self.damping, 0.5, 1.0, open_high=True)
        limits: dict[str, Any] = {
            "damping": damping,
            "max_iter": check_int("max_iter", self.max_iter, 1),
            "convergence_iter": check_int("convergence_iter", self.convergence_iter, 1),
        }
        affinity = check_choice("affinity", self.affinity, AFFINITIES)
        copy = check_bool("copy", self.copy)
        verbose = check_verbose(self.verbose)
        dtype = _check_dtype(self.dtype)
        noise = check_random_generator(self.random_state)
        _check_preference_choice(self.preference, self.preference_quantile)
        data = check_data(self, X, accept_sparse=True)
        if dtype is None:
            dtype = data.dtype
        preference = _check_preference(self.preference, data.shape[0])

        with progress(verbose, type(self).__name__) as report:
            if affinity == "precomputed" and sparse.issparse(data):
                S, found = _fit_graph(
                    data, preference, self.preference_quantile, dtype, noise, limits, report
                )
            else:
                if affinity == "precomputed":
                    S = _own_matrix(data, X, copy, dtype)
                else:
                    S = _similarities(data, affinity, dtype)
                found = _fit_matrix(S, preference, self.preference_quantile, noise, limits, report)
        exemplars, labels, n_iter, converged = found
        _warn(len(exemplars), converged, limits["max_iter"])
        self.cluster_centers_indices_ = exemplars.view(np.intp)
        if affinity != "precomputed":
            self.cluster_centers_ = data[exemplars].copy()
            if n_iter > 0:
                labels = _nearest(data, self.cluster_centers_, affinity, dtype)
                labels[exemplars] = np.arange(len(exemplars))  # of equal exemplars, too, each its own
        self.labels_ = labels.astype(np.intp)
        self.affinity_matrix_ = S
        self.n_iter_ = n_iter
        self.converged_ = converged
        return self

    def fit_predict(self, X: Any, y: Any = None) -> NDArray[np.intp]:
        """``fit(X).labels_``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        labels : ndarray of shape (n_samples,), int64
        """
        return self.fit(X).labels_

    def predict(self, X: Any) -> NDArray[np.intp]:
        """The nearest exemplar of each sample, a tie going to the smaller label.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features)
            With ``affinity="precomputed"`` (n_queries, n_samples) similarities to the samples of ``fit``, dense.

        Returns
        -------
        labels : ndarray of shape (n_queries,), int64
            -1 for all, and a ConvergenceWarning, when ``fit`` found no exemplar.
        """
        check_fitted(self)
        affinity = check_choice("affinity", self.affinity, AFFINITIES)
        if affinity == "precomputed":
            X = check_matrix(X)
        X = check_data(self, X, reset=False, accept_sparse=affinity != "precomputed")
        if self.cluster_centers_indices_.size == 0:
            warnings.warn(
                "the fit found no exemplars, so that every sample is labelled -1",
                ConvergenceWarning,
                stacklevel=2,
            )
        elif affinity == "precomputed":
            return np.argmax(X[:, self.cluster_centers_indices_], axis=1)
        return _nearest(X, self.cluster_centers_, affinity, self.affinity_matrix_.dtype)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.affinity == "precomputed"
        tags.input_tags.sparse = True
        return tags


# --- parameters --------------------------------------------------------------------------------------------


def _check_dtype(dtype: Any) -> np.dtype[Any] | None:
    if dtype is None:
        return None
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = None
    if found not in (np.float32, np.float64):
        raise ValueError(f"dtype must be 'float32', 'float64' or None; got {shown(dtype)}")
    return found


def _check_preference_choice(preference: Any, quantile: Any) -> None:
    if quantile is None:
        return
    check_real("preference_quantile", quantile, 0.0, 1.0)
    if preference is not None:
        raise ValueError(
            "preference_quantile must be None when preference is given; "
            f"got preference={shown(preference)} and preference_quantile={shown(quantile)}"
        )


def _check_preference(preference: Any, n_samples: int) -> float | NDArray[Any] | None:
    """None, a number or one number per sample."""
    if preference is None:
        return None
    if np.ndim(preference) == 0:
        item = preference.item() if isinstance(preference, np.ndarray) else preference
        return check_real("preference", item)
    try:
        array = np.asarray(preference, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise type(error)(f"preference must be a number or an array of numbers: {error}") from None
    if array.shape != (n_samples,):
        raise ValueError(
            f"preference must be a number or have shape (n_samples={n_samples},); got {array.shape}"
        )
    check_finite(array, name="preference")
    return array


# --- similarities ------------------------------------------------------------------------------------------


def _require(n_samples: int, n_matrices: int, dtype: Any) -> None:
    require_memory(
        n_matrices * n_samples**2 * np.dtype(dtype).itemsize,
        f"affinity propagation of {n_samples} samples ({n_matrices} {np.dtype(dtype).name} matrices of "
        f"{n_samples} x {n_samples})",
        "fewer samples, dtype='float32', or sparse similarities with affinity='precomputed'",
    )


def _own_matrix(data: Any, X: Any, copy: bool, dtype: Any) -> NDArray[Any]:
    """Given similarities as a matrix to work in: X itself only if the user allows it."""
    if data.shape[0] != data.shape[1]:
        raise ValueError(f"The matrix of similarities must be a square array; got shape {data.shape}")
    fresh = not np.may_share_memory(data, X if isinstance(X, np.ndarray) else np.asarray(X))
    in_place = data.dtype == dtype and data.flags.writeable and (fresh or not copy)
    _require(data.shape[0], 2 if in_place else 3, dtype)
    return data if in_place else data.astype(dtype)


def _similarities(X: Any, affinity: str, dtype: Any) -> NDArray[Any]:
    """Minus squared Euclidean distances, or minus cosine distances."""
    _require(X.shape[0], 3, dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # refused before the messages
        if sparse.issparse(X):
            # scikit-learn's product of sparse matrices is the right tool here
            if affinity == "cosine":
                X = normalize(X)
            S = euclidean_distances(X, squared=True).astype(dtype, copy=False)
            if affinity == "cosine":
                zero = np.flatnonzero(np.diff(X.indptr) == 0)
                S /= 2
                S[zero] = S[:, zero] = 1  # rows of zeros: at distance 1 from others, 0 from each other
                S[np.ix_(zero, zero)] = 0
        else:
            rows = _in_dtype(X, None, affinity, dtype)
            if affinity == "euclidean" and dtype == np.float64 and not _far_off(rows):
                with _one_product, threadpool_limits(1):  # the same bits for any number of threads
                    S = euclidean_distances(rows, squared=True)
            else:
                S = _distances(rows, affinity)
    return np.negative(S)  # not in place: NumPy's arrays lie in huge pages where there are any


# The number of BLAS threads is one for the whole process: what one Python thread gives back would be another's.
_one_product = threading.Lock()


def _new_lock() -> None:
    global _one_product
    _one_product = threading.Lock()


if hasattr(os, "register_at_fork"):  # nobody holds it in a child
    os.register_at_fork(after_in_child=_new_lock)


def _far_off(X: NDArray[Any]) -> bool:
    """True when the data lie so far from zero that the matrix product of scikit-learn, whose bits are otherwise
    preferred to those of the sums of squared differences, would lose more than four digits."""
    return float((X.mean(axis=0) ** 2).sum()) > 1e4 * float(X.var(axis=0).sum())


def _in_dtype(X: Any, origin: Any, affinity: str, dtype: Any) -> NDArray[Any]:
    """Rows in the dtype of the work; what goes to float32 is shifted first, so that an offset costs no digits."""
    X = X.toarray() if sparse.issparse(X) else X
    if X.dtype == dtype:
        return X
    if dtype == np.float64 or affinity == "cosine":
        return X.astype(dtype)
    return (X - (X[0] if origin is None else origin)).astype(dtype)


def _distances(X: NDArray[Any], affinity: str, Y: NDArray[Any] | None = None) -> NDArray[Any]:
    return _core.pairwise(X, X if Y is None else Y, "cosine" if affinity == "cosine" else "sqeuclidean")


def _nearest(X: Any, centers: Any, affinity: str, dtype: Any) -> NDArray[np.intp]:
    labels = np.full(X.shape[0], -1, dtype=np.intp)
    if centers.shape[0] == 0:
        return labels
    wide = np.result_type(X.dtype, centers.dtype)
    work = dtype if wide == np.float64 else wide
    centers = centers.astype(wide)
    origin = centers[[0]].toarray()[0] if sparse.issparse(centers) else centers[0]
    references = _in_dtype(centers, origin, affinity, work)
    rows = max(1, _BLOCK // max(centers.shape))
    for begin in range(0, X.shape[0], rows):
        block = _in_dtype(X[begin : begin + rows].astype(wide, copy=False), origin, affinity, work)
        distances = _distances(np.ascontiguousarray(block), affinity, references)
        labels[begin : begin + rows] = np.argmin(distances, axis=1)
    return labels


# --- messages ----------------------------------------------------------------------------------------------


def _fit_matrix(
    S: NDArray[Any], preference: Any, quantile: Any, noise: Any, limits: dict[str, Any], report: Any
) -> Any:
    n = S.shape[0]
    if preference is None:
        preference = _median(S) if quantile is None else _quantile(S, quantile)
    preference = np.asarray(preference)
    _check_span(float(S.min()), float(S.max()), preference, n, S.dtype)
    if n == 1 or ((preference == preference.flat[0]).all() and _core.similarities_alike(S)):
        return _all_alike(n, bool(preference.flat[0] > S.flat[n - 1]))
    S.flat[:: n + 1] = preference
    rows = max(1, _BLOCK // n)
    for begin in range(0, n, rows):
        _add_noise(S[begin : begin + rows], noise)
    return _core.affinity_propagation(S, progress=report, **limits)


def _fit_graph(
    X: Any, preference: Any, quantile: Any, dtype: Any, noise: Any, limits: dict[str, Any], report: Any
) -> Any:
    if X.shape[0] != X.shape[1]:
        raise ValueError(f"The matrix of similarities must be a square array; got shape {X.shape}")
    n = X.shape[0]
    pairs = X.tocoo()
    off = pairs.row != pairs.col
    values = pairs.data[off].astype(dtype)
    if preference is None:
        preference = np.quantile(values, 0.5 if quantile is None else quantile) if values.size else 0.0
    preference = np.asarray(preference)
    _check_span(values.min(initial=0), values.max(initial=0), preference, n, dtype)
    alike = values.size == n * (n - 1) and bool((values == values[:1]).all() and np.ptp(preference) == 0)
    apart = bool(n > 1 and preference.flat[0] > values[0]) if alike else False
    each = np.arange(n)
    rows, columns = np.concatenate([pairs.row[off], each]), np.concatenate([pairs.col[off], each])
    values = np.concatenate([values, np.broadcast_to(preference, n).astype(dtype)])
    order = np.lexsort((columns, rows))
    start = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))])
    S = sparse.csr_matrix(
        (values[order], columns[order].astype(np.int32), start.astype(np.int32)), shape=(n, n)
    )
    if alike:
        return S, _all_alike(n, apart)
    _add_noise(S.data, noise)
    return S, _core.affinity_propagation_graph(S.data, S.indices, S.indptr, progress=report, **limits)


def _all_alike(n: int, apart: bool) -> tuple[NDArray[np.int64], NDArray[np.int64], int, bool]:
    """The answer where no message could tell samples apart: each by itself, or all together."""
    warnings.warn(
        "All samples have mutually equal similarities. Returning arbitrary cluster center(s).",
        UserWarning,
        stacklevel=5,
    )
    if apart:
        return np.arange(n), np.arange(n), 0, True
    return np.zeros(1, dtype=np.int64), np.zeros(n, dtype=np.int64), 0, True


def _add_noise(S: NDArray[Any], noise: Any) -> None:
    """scikit-learn's noise in its order of draws: it decides ties, and moves nothing else."""
    kind = np.finfo(S.dtype)
    S += (kind.eps * S + kind.tiny * 100) * noise.standard_normal(size=S.shape)


def _median(S: NDArray[Any]) -> Any:
    size = S.size
    low, high = _core.ranked_similarities(S, off_diagonal=False, rank=(size - 1) // 2)
    return S.dtype.type(low if size % 2 else (low + high) / 2)


def _quantile(S: NDArray[Any], quantile: float) -> float:
    n_pairs = S.size - S.shape[0]
    if n_pairs == 0:
        return 0.0
    at = quantile * (n_pairs - 1)
    rank = min(int(at), n_pairs - 1)
    low, high = _core.ranked_similarities(S, off_diagonal=True, rank=rank)
    return low + (high - low) * (at - rank)


def _check_span(low: float, high: float, preference: NDArray[Any], n_samples: int, dtype: Any) -> None:
    """Refuse similarities whose messages could leave the range of the dtype."""
    widest = max(abs(low), abs(high), float(np.abs(preference).max()))
    if widest * 16 < np.finfo(dtype).max / n_samples:
        return
    hint = "scale X or use float64" if dtype == np.float32 else "scale X"
    raise ValueError(f"X spreads too wide for {np.dtype(dtype).name}: messages overflow; {hint}")


def _warn(n_exemplars: int, converged: bool, max_iter: int) -> None:
    if converged:
        return
    end = "the clusters may be degenerate" if n_exemplars else "no sample is an exemplar: all labels are -1"
    warnings.warn(
        f"Affinity propagation did not converge in max_iter={max_iter} iterations, and {end}; "
        "raise max_iter or damping",
        ConvergenceWarning,
        stacklevel=4,
    )


def affinity_propagation(
    S: ArrayLike,
    *,
    preference: Any = None,
    convergence_iter: int = 15,
    max_iter: int = 200,
    damping: float = 0.5,
    copy: bool = True,
    verbose: int = 0,
    return_n_iter: bool = False,
    random_state: Any = None,
) -> AffinityPropagationResult | AffinityPropagationRun:
    """Affinity propagation of a matrix of similarities; see :class:`AffinityPropagation`.

    Parameters
    ----------
    S : {array-like, sparse matrix} of shape (n_samples, n_samples)
        ``S[i, k]`` says how well sample k serves as the exemplar of sample i.
    preference, convergence_iter, max_iter, damping, copy, verbose
        As in :class:`AffinityPropagation`.
    return_n_iter : bool, default=False
        Whether the result has ``n_iter`` too.
    random_state : int, RandomState, Generator or None, default=None

    Returns
    -------
    result : AffinityPropagationResult or AffinityPropagationRun
        ``cluster_centers_indices``, ``labels`` and, when asked for, ``n_iter``.

    Examples
    --------
    >>> import numpy as np
    >>> import shoal
    >>> x = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    >>> exemplars, labels = shoal.affinity_propagation(-(x[:, None] - x) ** 2, random_state=0)
    >>> exemplars
    array([1, 4])
    >>> labels
    array([0, 0, 0, 1, 1, 1])
    """
    check_bool("return_n_iter", return_n_iter)
    model = AffinityPropagation(
        damping=damping,
        max_iter=max_iter,
        convergence_iter=convergence_iter,
        copy=copy,
        preference=preference,
        affinity="precomputed",
        verbose=verbose,
        random_state=random_state,
    ).fit(S)
    if return_n_iter:
        return AffinityPropagationRun(model.cluster_centers_indices_, model.labels_, model.n_iter_)
    return AffinityPropagationResult(model.cluster_centers_indices_, model.labels_)
