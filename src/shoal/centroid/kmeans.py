"""k-means: Lloyd's algorithm, exact and accelerated, Euclidean or spherical."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning

from shoal import _core
from shoal.base.checks import (
    check_bool,
    check_choice,
    check_data,
    check_data_extremes,
    check_finite,
    check_int,
    check_real,
    check_verbose,
    check_weight,
    draw_seed,
)
from shoal.base.fitting import all_or_nothing, check_fitted
from shoal.base.progress import progress
from shoal.centroid.rows import METRICS, check_range, distances_to, for_metric, on_rows
from shoal.centroid.seeding import check_init, n_restarts, restart_seed, starting_centers

ALGORITHMS = ("auto", "lloyd", "elkan", "hamerly", "yinyang")


class KMeansResult(NamedTuple):
    """What :func:`kmeans` returns.

    Attributes
    ----------
    centers : ndarray of shape (n_clusters, n_features)
    labels : ndarray of shape (n_samples,), int32
    inertia : float
        Weighted sum of squared distances to the own centres.
    n_iter : int
    converged : bool
        False when `max_iter` ended the run.
    """

    centers: NDArray[Any]
    labels: NDArray[np.int32]
    inertia: float
    n_iter: int
    converged: bool


class CentroidModel(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """What a model made of centres can do once it is fitted: predict, transform, score."""

    cluster_centers_: NDArray[Any]
    labels_: NDArray[np.int32]
    metric: str
    _read_after_fit = ("metric",)

    def fit_predict(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> NDArray[np.int32]:
        """Fit and return ``labels_``; parameters as in ``fit``."""
        return self.fit(X, sample_weight=sample_weight).labels_

    def fit_transform(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> NDArray[Any]:
        """Fit and return the distances of X to the centres; parameters as in ``fit``."""
        return self.fit(X, sample_weight=sample_weight).transform(X)

    def predict(self, X: Any) -> NDArray[np.int32]:
        """The nearest centre of each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        labels : ndarray of shape (n_samples,), int32
            On the data of ``fit`` these are exactly ``labels_``. A tie goes to the smaller label.

        Notes
        -----
        O(n_samples · n_clusters · n_features) time, O(n_clusters · n_features) memory (cosine: a scaled copy of X).
        """
        return self._nearest(self._check_rows(X))

    def transform(self, X: Any) -> NDArray[Any]:
        """Distances of each sample to all centres, in the metric's unit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters)
        """
        return distances_to(self._check_data(X), self.cluster_centers_, self.metric)

    def score(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Minus the inertia of X under the fitted centres (larger is better).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        score : float
            Minus the weighted sum of squared distances to the nearest centre.
        """
        rows = self._check_rows(X)
        weight = check_weight(sample_weight, rows)
        check_range(rows, weight, self._centers_like(rows))
        labels = self._nearest(rows)
        return -on_rows(_core.kmeans_inertia, rows, weight, self._centers_like(rows), labels)

    def _check_data(self, X: Any) -> Any:
        check_fitted(self)
        X = check_data(self, X, reset=False, accept_sparse=True)
        if X.dtype != self.cluster_centers_.dtype:
            with np.errstate(over="ignore"):  # what overflows is refused, with its place
                X = X.astype(self.cluster_centers_.dtype)
            check_finite(X, type(self).__name__)
        return X

    def _check_rows(self, X: Any) -> Any:
        return for_metric(self._check_data(X), self.metric)

    def _centers_like(self, rows: Any) -> NDArray[Any]:
        return np.ascontiguousarray(self.cluster_centers_, dtype=rows.dtype)

    def _nearest(self, rows: Any) -> NDArray[np.int32]:
        return on_rows(_core.kmeans_assign, rows, self._centers_like(rows))

    @property
    def _n_features_out(self) -> int:
        return self.cluster_centers_.shape[0]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class KMeans(CentroidModel):
    """k-means clustering.

    Finds `n_clusters` centres that minimise the weighted sum of squared distances of the samples to their nearest
    centre (the inertia), by Lloyd's algorithm from a careful start. All `algorithm` choices return the same bits;
    results do not depend on the number of threads.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters, at most the number of samples.
    init : {"k-means++", "k-means||", "random"}, callable or (n_clusters, n_features) array, default="k-means++"
        The start: greedy k-means++ [2]_; k-means|| [3]_, which needs few passes over large data; distinct random
        rows; ``init(X, n_clusters, random_state=...)`` returning centres; or the centres themselves.
    n_init : "auto" or int, default="auto"
        Number of starts; the run with the lowest inertia is kept, the earliest of equals. "auto" is 1 for
        k-means++, k-means|| and given centres, 10 for random and callables.
    max_iter : int, default=300
        Lloyd steps per start, at most.
    tol : float, default=1e-4
        Stop when the centres move, in total and squared, by no more than ``tol`` times the mean (weighted) feature
        variance. ``0`` runs until the labels stop changing.
    verbose : int, default=0
        1 shows a progress bar.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the starts. An int gives the same result every time, on any number of threads.
    copy_x : bool, default=True
        Accepted for compatibility; X is never modified.
    algorithm : {"auto", "lloyd", "elkan", "hamerly", "yinyang"}, default="auto"
        How samples find their nearest centres: every distance ("lloyd"), or leaving out those that the triangle
        inequality rules out, with one bound per sample and centre ("elkan" [4]_), per sample ("hamerly" [5]_) or
        per sample and group of centres ("yinyang" [6]_). "auto" starts with Lloyd and goes over to Yinyang bounds
        where a cost model says they pay. Sparse data always take "lloyd".
    metric : {"euclidean", "cosine"}, default="euclidean"
        "cosine" is spherical k-means [7]_: rows are scaled to unit length, and so are the centres.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        Dtype of the data; of unit length for cosine.
    labels_ : ndarray of shape (n_samples,), int32
        Exactly ``predict(X)``.
    inertia_ : float
        Weighted sum of squared distances of the samples to their centres (for cosine, of the scaled rows: twice
        the sum of cosine distances).
    n_iter_ : int
        Lloyd steps of the run that was kept.
    converged_ : bool
        False when `max_iter` ended it.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only when X has string column names.

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter, or the offending row and column, in the message.

    Warns
    -----
    ConvergenceWarning
        When `max_iter` ended the run, or when there are fewer distinct samples than clusters.

    Notes
    -----
    Time O(n_samples · n_clusters · n_features) per step at most. Memory beyond the data: 20 bytes per sample (28 in
    float64), up to 64 MiB of partial sums, and with Yinyang bounds ``n_samples · n_clusters / 16`` values (8 per group
    in float64), taken by "auto" only where that is at most 256 MiB or twice the size of the data; "elkan" keeps
    ``n_samples · n_clusters`` values. Few clusters in many features of 16 MiB and more (up to 10 in float32, 16 in
    float64) take 2 bytes per value of X. "cosine" adds a scaled copy of X. Seeding takes about 24
    bytes per sample, and rows of up to 16 features (float64: 8) once more.

    Labels are those of the nearest centres in exact arithmetic, however far some samples lie from the others (sparse
    rows: up to the rounding of products). A tie between centres goes to the smaller label. A cluster that loses all
    its samples takes the sample farthest from its own centre. A row of weight w acts as w copies of it, in seeding
    too (an empty cluster takes one row, with all its weight); rows of weight 0 are labelled but move nothing.

    References
    ----------
    .. [1] S. P. Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28(2), 129-137, 1982.
    .. [2] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
    .. [3] B. Bahmani et al., "Scalable k-means++", PVLDB 5(7), 2012.
    .. [4] C. Elkan, "Using the triangle inequality to accelerate k-means", ICML 2003.
    .. [5] G. Hamerly, "Making k-means even faster", SDM 2010.
    .. [6] Y. Ding et al., "Yinyang k-means", ICML 2015.
    .. [7] I. S. Dhillon and D. S. Modha, "Concept decompositions for large sparse text data using clustering",
       Machine Learning 42, 2001.

    Examples
    --------
    >>> import shoal
    >>> X = [[1.0, 2.0], [1.0, 4.0], [1.0, 0.0], [10.0, 2.0], [10.0, 4.0], [10.0, 0.0]]
    >>> model = shoal.KMeans(n_clusters=2, random_state=0).fit(X)
    >>> sorted(model.cluster_centers_.tolist())
    [[1.0, 2.0], [10.0, 2.0]]
    >>> bool((model.labels_ == model.predict(X)).all())
    True
    >>> model.inertia_
    16.0
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        n_init: Any = "auto",
        max_iter: int = 300,
        tol: float = 1e-4,
        verbose: int = 0,
        random_state: Any = None,
        copy_x: bool = True,
        algorithm: str = "auto",
        metric: str = "euclidean",
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
        self.algorithm = algorithm
        self.metric = metric

    @all_or_nothing
    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> KMeans:
        """Compute the clustering.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 stays float32, everything else becomes float64; C-contiguous data are not copied.
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all zero.

        Returns
        -------
        self : KMeans
        """
        X, extremes = check_data_extremes(self, X, accept_sparse=True)
        weight = check_weight(sample_weight, X)
        metric = check_choice("metric", self.metric, METRICS)
        n_clusters = check_int("n_clusters", self.n_clusters, 1, X.shape[0], "n_samples")
        max_iter = check_int("max_iter", self.max_iter, 1)
        tol = check_real("tol", self.tol, 0.0)
        algorithm = check_choice("algorithm", self.algorithm, ALGORITHMS)
        check_bool("copy_x", self.copy_x)
        verbose = check_verbose(self.verbose)
        init = check_init(self.init, n_clusters, X.shape[1], X.dtype)
        restarts = n_restarts(self.n_init, init)
        rows = for_metric(X, metric)
        known = extremes if rows is X else None
        check_range(rows, weight, extremes=known)
        moments = on_rows(_core.moments, rows, weight) if tol > 0 else None
        tol *= 0.0 if moments is None else moments.variance
        seed = draw_seed(self.random_state)

        best = None
        with progress(verbose, type(self).__name__) as report:
            for restart in range(restarts):
                start = starting_centers(
                    rows, weight, n_clusters, init, restart_seed(seed, restart), report, moments
                )
                start = for_metric(start, metric)
                if not isinstance(init, str):
                    check_range(rows, weight, start, known)
                run = on_rows(
                    _core.kmeans_fit,
                    rows,
                    weight,
                    start,
                    max_iter=max_iter,
                    tol=tol,
                    algorithm=algorithm,
                    spherical=metric == "cosine",
                    progress=report,
                )
                if best is None or run.inertia < best.inertia:
                    best = run
        assert best is not None
        warn_of(best, n_clusters, max_iter)
        self.cluster_centers_, self.labels_ = best.centers, best.labels
        self.inertia_, self.n_iter_, self.converged_ = best.inertia, best.n_iter, best.converged
        return self


def warn_of(run: Any, n_clusters: int, max_iter: int) -> None:
    """ConvergenceWarning for a run that did not converge or has empty clusters."""
    distinct = np.count_nonzero(np.bincount(run.labels, minlength=n_clusters))
    if distinct < n_clusters:
        warnings.warn(
            f"Number of distinct clusters ({distinct}) found smaller than n_clusters ({n_clusters}): "
            "X may have fewer distinct samples than that",
            ConvergenceWarning,
            stacklevel=3,
        )
    elif not run.converged:
        warnings.warn(
            f"k-means did not converge in max_iter={max_iter} steps; raise max_iter or tol",
            ConvergenceWarning,
            stacklevel=3,
        )


def kmeans(
    X: Any,
    n_clusters: int,
    *,
    sample_weight: ArrayLike | None = None,
    init: Any = "k-means++",
    n_init: Any = "auto",
    max_iter: int = 300,
    tol: float = 1e-4,
    verbose: int = 0,
    random_state: Any = None,
    algorithm: str = "auto",
    metric: str = "euclidean",
) -> KMeansResult:
    """k-means clustering as a function; parameters, errors, costs and references as in :class:`KMeans`.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    n_clusters : int
    sample_weight : array-like of shape (n_samples,), default=None
    init, n_init, max_iter, tol, verbose, random_state, algorithm, metric
        As in :class:`KMeans`.

    Returns
    -------
    result : KMeansResult
        ``centers``, ``labels``, ``inertia``, ``n_iter``, ``converged``.

    Examples
    --------
    >>> import shoal
    >>> result = shoal.kmeans([[0.0], [0.5], [8.0], [8.5]], 2, random_state=0)
    >>> result.inertia
    0.25
    """
    model = KMeans(
        n_clusters,
        init=init,
        n_init=n_init,
        max_iter=max_iter,
        tol=tol,
        verbose=verbose,
        random_state=random_state,
        algorithm=algorithm,
        metric=metric,
    ).fit(X, sample_weight=sample_weight)
    return KMeansResult(
        model.cluster_centers_, model.labels_, model.inertia_, model.n_iter_, model.converged_
    )


def k_means(
    X: Any,
    n_clusters: int,
    *,
    sample_weight: ArrayLike | None = None,
    init: Any = "k-means++",
    n_init: Any = "auto",
    max_iter: int = 300,
    verbose: int = 0,
    tol: float = 1e-4,
    random_state: Any = None,
    copy_x: bool = True,
    algorithm: str = "auto",
    return_n_iter: bool = False,
) -> tuple[Any, ...]:
    """k-means with the name, arguments and results of scikit-learn's function.

    Parameters
    ----------
    X, n_clusters, sample_weight, init, n_init, max_iter, verbose, tol, random_state, copy_x, algorithm
        As in :class:`KMeans`.
    return_n_iter : bool, default=False
        Return the number of steps too.

    Returns
    -------
    centroid : ndarray of shape (n_clusters, n_features)
    label : ndarray of shape (n_samples,), int32
    inertia : float
    best_n_iter : int
        Only when `return_n_iter`.

    Examples
    --------
    >>> import shoal
    >>> centroid, label, inertia = shoal.k_means([[0.0], [0.5], [8.0], [8.5]], 2, random_state=0)
    >>> inertia
    0.25
    """
    check_bool("copy_x", copy_x)
    result = kmeans(
        X,
        n_clusters,
        sample_weight=sample_weight,
        init=init,
        n_init=n_init,
        max_iter=max_iter,
        tol=tol,
        verbose=verbose,
        random_state=random_state,
        algorithm=algorithm,
    )
    return result[:4] if check_bool("return_n_iter", return_n_iter) else result[:3]
