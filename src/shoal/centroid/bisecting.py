"""Bisecting k-means: a tree of 2-means splits."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from shoal import _core
from shoal.base.checks import (
    check_bool,
    check_choice,
    check_data_extremes,
    check_int,
    check_real,
    check_verbose,
    check_weight,
    draw_seed,
)
from shoal.base.fitting import all_or_nothing
from shoal.base.progress import progress
from shoal.centroid.kmeans import CentroidModel
from shoal.centroid.rows import METRICS, check_range, for_metric, on_rows
from shoal.centroid.seeding import check_centers

INITS = ("k-means++", "random")
ALGORITHMS = ("lloyd", "elkan")
STRATEGIES = ("biggest_inertia", "largest_cluster")


class BisectingKMeansResult(NamedTuple):
    """What :func:`bisecting_kmeans` returns.

    Attributes
    ----------
    centers : ndarray of shape (n_clusters, n_features)
    labels : ndarray of shape (n_samples,), int32
    inertia : float
        Weighted sum of squared distances to the own centres.
    """

    centers: NDArray[Any]
    labels: NDArray[np.int32]
    inertia: float


class BisectingKMeans(CentroidModel):
    """Bisecting k-means clustering.

    Starts with one cluster and splits one cluster in two by 2-means until there are `n_clusters` [1]_. The
    splits make a binary tree whose leaves are the clusters; neighbouring labels are related. No split raises
    the inertia. Results do not depend on the number of threads.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters, at most the number of samples.
    init : {"random", "k-means++"} or callable, default="random"
        The start of each 2-means, from the members of the cluster that is split: two distinct members drawn
        by weight; greedy k-means++; or ``init(X_members, 2, random_state=...)`` returning two centres. The
        first two are refined for clusters of 4096 distinct members or more: 2-means runs on a random part of
        them first, of 1024 or more, then on parts four times as large [3]_.
    n_init : int, default=1
        Starts per split; the 2-means with the lowest inertia is kept, the earliest of those equal to within
        1e-6.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the starts. An int gives the same result every time, on any number of threads.
    max_iter : int, default=300
        Lloyd steps per 2-means, at most.
    verbose : int, default=0
        1 shows a progress bar.
    tol : float, default=1e-4
        A 2-means stops when its centres move, in total and squared, by no more than ``tol`` times the mean
        (weighted) feature variance of the members, as :class:`KMeans` does. ``0`` runs until no member
        changes sides.
    copy_x : bool, default=True
        Accepted for compatibility; X is never modified.
    algorithm : {"lloyd", "elkan"}, default="lloyd"
        Accepted for compatibility: with two centres a sample's side is a single product, and there is nothing
        to leave out.
    bisecting_strategy : {"biggest_inertia", "largest_cluster"}, default="biggest_inertia"
        Split the cluster with the largest inertia, or with the largest sum of weights. A tie goes to the
        smaller label.
    metric : {"euclidean", "cosine"}, default="euclidean"
        "cosine" splits by spherical 2-means: rows are scaled to unit length, and so are the centres.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        The leaves of the tree from left to right. Dtype of the data; of unit length for cosine.
    labels_ : ndarray of shape (n_samples,), int32
        Exactly ``predict(X)``.
    inertia_ : float
        Weighted sum of squared distances of the samples to the centres of their leaves (for cosine, of the
        scaled rows: twice the sum of cosine distances).
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
        When there are fewer distinct samples than clusters.

    Notes
    -----
    Time O(n_samples · n_features · log2(n_clusters)) times the Lloyd steps of a split for even splits,
    n_clusters in place of its logarithm at worst. Memory beyond the data: for dense data a copy of the
    cluster being split (the first time all of X), another of X when a row is shorter than 1 KiB, and 26 bytes
    per sample. "cosine" adds a scaled copy of X.

    ``predict`` takes a sample down the tree by the nearer of two centres at every node, a tie to the left,
    which is how ``fit`` parted its samples. That need not be the nearest of all centres: clusters are cells
    of a tree of hyperplanes. ``score`` uses these labels too, so that ``score(X)`` is exactly ``-inertia_``
    on the data of ``fit`` (scikit-learn's takes the nearest of all centres there).

    A row of weight w acts as w copies of it, and the order of the rows does not matter; rows of weight 0 are
    labelled but move nothing. A cluster whose members are all equal is passed over. When only such are left,
    the labels from there on are not used and their centres repeat the last one.

    References
    ----------
    .. [1] M. Steinbach, G. Karypis and V. Kumar, "A comparison of document clustering techniques", KDD
       Workshop on Text Mining, 2000.
    .. [2] S. M. Savaresi and D. L. Boley, "On the performance of bisecting k-means and PDDP", SDM 2001.
    .. [3] P. S. Bradley and U. M. Fayyad, "Refining initial points for k-means clustering", ICML 1998.

    Examples
    --------
    >>> import shoal
    >>> X = [[1, 1], [10, 1], [3, 1], [10, 0], [2, 1], [10, 2], [10, 8], [10, 9], [10, 10]]
    >>> model = shoal.BisectingKMeans(n_clusters=3, random_state=0).fit(X)
    >>> sorted(model.cluster_centers_.tolist())
    [[2.0, 1.0], [10.0, 1.0], [10.0, 9.0]]
    >>> bool((model.labels_ == model.predict(X)).all())
    True
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "random",
        n_init: int = 1,
        random_state: Any = None,
        max_iter: int = 300,
        verbose: int = 0,
        tol: float = 1e-4,
        copy_x: bool = True,
        algorithm: str = "lloyd",
        bisecting_strategy: str = "biggest_inertia",
        metric: str = "euclidean",
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.random_state = random_state
        self.max_iter = max_iter
        self.verbose = verbose
        self.tol = tol
        self.copy_x = copy_x
        self.algorithm = algorithm
        self.bisecting_strategy = bisecting_strategy
        self.metric = metric

    @all_or_nothing
    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> BisectingKMeans:
        """Compute the clustering.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 stays float32, everything else becomes float64.
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all zero.

        Returns
        -------
        self : BisectingKMeans
        """
        X, extremes = check_data_extremes(self, X, accept_sparse=True)
        weight = check_weight(sample_weight, X)
        metric = check_choice("metric", self.metric, METRICS)
        n_clusters = check_int("n_clusters", self.n_clusters, 1, X.shape[0], "n_samples")
        n_init = check_int("n_init", self.n_init, 1)
        max_iter = check_int("max_iter", self.max_iter, 1)
        tol = check_real("tol", self.tol, 0.0)
        init = self.init if callable(self.init) else check_choice("init", self.init, INITS)
        strategy = check_choice("bisecting_strategy", self.bisecting_strategy, STRATEGIES)
        check_choice("algorithm", self.algorithm, ALGORITHMS)
        check_bool("copy_x", self.copy_x)
        verbose = check_verbose(self.verbose)
        rows = for_metric(X, metric)
        check_range(rows, weight, extremes=extremes if rows is X else None)
        seed = draw_seed(self.random_state)

        with progress(verbose, type(self).__name__) as report:
            run = on_rows(
                _core.bisecting_fit,
                rows,
                weight,
                self._two_centers(rows, weight, init, seed) if callable(init) else None,
                n_clusters=n_clusters,
                n_init=n_init,
                max_iter=max_iter,
                tol=tol,
                by_inertia=strategy == "biggest_inertia",
                plusplus=init == "k-means++",
                spherical=metric == "cosine",
                seed=seed,
                progress=report,
            )
        if run.n_found < n_clusters:
            warnings.warn(
                f"Number of distinct clusters ({run.n_found}) found smaller than n_clusters ({n_clusters}): "
                "X may have fewer distinct samples than that",
                ConvergenceWarning,
                stacklevel=3,
            )
        self.cluster_centers_, self.labels_, self.inertia_ = run.centers, run.labels, run.inertia
        self._child, self._node_centers = run.child, run.node_centers
        return self

    def _two_centers(self, rows: Any, weight: NDArray[Any] | None, init: Any, seed: int) -> Any:
        """What the kernel calls for the two starting centres of some members."""
        random_state = check_random_state(seed % 2**32)

        def start(members: NDArray[np.int32]) -> NDArray[Any]:
            made = init(rows[members], 2, random_state=random_state)
            centers = check_centers(made, 2, rows.shape[1], rows.dtype, "the result of init")
            centers = for_metric(centers, self.metric)
            check_range(rows, weight, centers)
            return centers

        return start

    def _nearest(self, rows: Any) -> NDArray[np.int32]:
        return on_rows(_core.bisecting_assign, rows, self._child, self._node_centers)


def bisecting_kmeans(
    X: Any,
    n_clusters: int,
    *,
    sample_weight: ArrayLike | None = None,
    init: Any = "random",
    n_init: int = 1,
    random_state: Any = None,
    max_iter: int = 300,
    verbose: int = 0,
    tol: float = 1e-4,
    bisecting_strategy: str = "biggest_inertia",
    metric: str = "euclidean",
) -> BisectingKMeansResult:
    """Bisecting k-means as a function; parameters, errors and costs as in :class:`BisectingKMeans`.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    n_clusters : int
    sample_weight : array-like of shape (n_samples,), default=None
    init, n_init, random_state, max_iter, verbose, tol, bisecting_strategy, metric
        As in :class:`BisectingKMeans`.

    Returns
    -------
    result : BisectingKMeansResult
        ``centers``, ``labels``, ``inertia``.

    Examples
    --------
    >>> import shoal
    >>> result = shoal.bisecting_kmeans([[0.0], [0.5], [8.0], [8.5]], 2, random_state=0)
    >>> result.inertia
    0.25
    """
    model = BisectingKMeans(
        n_clusters,
        init=init,
        n_init=n_init,
        random_state=random_state,
        max_iter=max_iter,
        verbose=verbose,
        tol=tol,
        bisecting_strategy=bisecting_strategy,
        metric=metric,
    ).fit(X, sample_weight=sample_weight)
    return BisectingKMeansResult(model.cluster_centers_, model.labels_, model.inertia_)


__all__ = ["BisectingKMeans", "BisectingKMeansResult", "bisecting_kmeans"]
