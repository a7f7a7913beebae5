"""HDBSCAN: clusters of any density, from the hierarchy of all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClusterMixin

from shoal import _core
from shoal.base.checks import (
    check_bool,
    check_choice,
    check_data,
    check_int,
    check_not_negative,
    check_real,
    check_sample_weight,
    check_verbose,
    shown,
)
from shoal.base.fitting import all_or_nothing, check_fitted
from shoal.base.memory import require_memory
from shoal.base.progress import progress
from shoal.density.condensed_tree import CondensedTree, MinimumSpanningTree, SingleLinkageTree
from shoal.density.metric import Metric, check_search, jobs
from shoal.density.reachability import (
    Chosen,
    Linkage,
    Settings,
    Tree,
    attach,
    check_any_metric,
    check_complete,
    check_distances,
    check_min_samples,
    in_range,
    labels_of,
    learn,
    leaving,
    medoid,
    nearest_distance,
    parting_lambdas,
    row_kinds,
    single_linkage,
    spanning_tree,
    take_rows,
)

NOISE, INFINITE, MISSING = -1, -2, -3
SELECTIONS = ("eom", "leaf")
CENTERS = ("centroid", "medoid", "both")


class HDBSCANResult(NamedTuple):
    """What :func:`hdbscan` returns.

    Attributes
    ----------
    labels : ndarray of shape (n_samples,), int64
        Cluster of each sample, -1 for noise.
    probabilities : ndarray of shape (n_samples,)
    persistence : ndarray of shape (n_clusters,)
    """

    labels: NDArray[np.intp]
    probabilities: NDArray[Any]
    persistence: NDArray[Any]


class SweepResult(NamedTuple):
    """One setting of :meth:`HDBSCAN.sweep`.

    Attributes
    ----------
    min_cluster_size, min_samples : int
    n_clusters : int
    labels : ndarray of shape (n_samples,), int64
    probabilities : ndarray of shape (n_samples,)
    persistence : ndarray of shape (n_clusters,)
    """

    min_cluster_size: int
    min_samples: int
    n_clusters: int
    labels: NDArray[np.intp]
    probabilities: NDArray[Any]
    persistence: NDArray[Any]


class HDBSCAN(ClusterMixin, BaseEstimator):
    """Hierarchical density-based clustering.

    Every distance gives a clustering: the groups of dense samples that are connected by steps no longer than it.
    From the largest distance to the smallest these groups split and lose samples; HDBSCAN selects those that last.

    Parameters
    ----------
    min_cluster_size : int, default=5
        Groups of fewer samples are no clusters. At least 2.
    min_samples : int, default=None
        The core distance of a sample is the distance to its `min_samples`-th nearest, counting itself. None is
        `min_cluster_size`.
    cluster_selection_epsilon : float, default=0.0
        Clusters that split off at a smaller distance are merged again [3]_.
    max_cluster_size : int, default=None
        Larger clusters are not selected by "eom" (but `cluster_selection_epsilon` may merge to more).
    metric : str or callable, default="euclidean"
        "euclidean", "cosine", "manhattan", "chebyshev", "minkowski" (``metric_params={"p": 3}``), "precomputed"
        (a symmetric matrix of distances, dense, or sparse without the large ones), or whatever else
        :func:`sklearn.metrics.pairwise_distances` takes, for which it makes the matrix of all distances. Of a sparse
        matrix only what is stored counts, as in scikit-learn: without zeros on its diagonal samples do not count
        themselves.
    metric_params : dict, default=None
        Further arguments of the metric; ``max_distance`` for a sparse matrix replaces infinite reachabilities. What
        "seuclidean" (``V``) and "mahalanobis" (``VI``) are not given they learn from the samples of ``fit``.
    alpha : float, default=1.0
        Distances between samples are divided by it, core distances are not.
    algorithm : {"auto", "brute", "kd_tree", "ball_tree"}, default="auto"
        How the spanning tree is found; the result is the same. "brute" goes over tiles of distances, leaving out
        blocks that are too far apart; the others search a k-d tree. "auto" takes the tree for few features.
    leaf_size : int, default=40
        Accepted for compatibility.
    n_jobs : int, default=None
        At most so many threads; None is what :func:`shoal.threads` says, -1 all processors.
    cluster_selection_method : {"eom", "leaf"}, default="eom"
        "eom" selects the clusters of the largest total stability (excess of mass), "leaf" those that do not split.
    allow_single_cluster : bool, default=False
        Whether the group of all samples may be selected by "eom".
    store_centers : {"centroid", "medoid", "both"}, default=None
        Which centres of clusters to compute.
    copy : bool, default=True
        Accepted for compatibility; X is never modified.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), int64
        -1 is noise, -2 a sample with an infinite value, -3 one with a missing value.
    probabilities_ : ndarray of shape (n_samples,)
        How long a sample stays in its cluster, relative to the cluster's last: in [0, 1], 0 for noise, NaN for
        samples with missing values. In the dtype of the data.
    cluster_persistence_ : ndarray of shape (n_clusters,)
        Stability of each cluster, as a part of the most that one of its size could have.
    centroids_ : ndarray of shape (n_clusters, n_features)
        Means weighted by ``probabilities_``; with ``store_centers`` "centroid" or "both".
    medoids_ : ndarray of shape (n_clusters, n_features)
        The sample of least mean distance to its cluster, weighted so; with ``store_centers`` "medoid" or "both".
    outlier_scores_ : ndarray of shape (n_samples,)
        GLOSH [2]_, in [0, 1]: how much less dense a sample is than the densest of the cluster it leaves last; 1 (to
        rounding) far from all, or where those are equal samples. Computed when first asked for.
    exemplars_ : list of ndarray of shape (n_exemplars, n_features)
        For every cluster the samples that stay in its leaves to the end.
    minimum_spanning_tree_ : MinimumSpanningTree
    single_linkage_tree_ : SingleLinkageTree
    condensed_tree_ : CondensedTree
        Of :mod:`shoal.density.condensed_tree`: with ``to_numpy``, ``to_pandas``, ``to_networkx`` and ``plot``.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only when X has string column names.

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter in the message.
    MemoryError
        When a metric needs all distances and they do not fit into memory.

    Notes
    -----
    The mutual reachability of samples i and j is max(core_i, core_j, d(i, j) / alpha). Its minimum spanning tree is
    exact. With few features, time is O(n_samples · log n_samples) in practice, by Borůvka's algorithm on a k-d tree;
    with many, O(n_samples² · n_features) at most, at the rate of the distance tile, less where the data have
    groups. Memory: two copies of X in float64 and about 200 bytes per sample. Distances are computed in double
    precision for float32 data too.

    Tie rule: a group falls apart at a distance into all groups that are connected below it, at once, as in the
    paper. So the clusters depend neither on the order of the rows nor on the spanning tree, and a sample of weight w
    is the same as w samples. scikit-learn and hdbscan break such ties in an arbitrary order: a sample that leaves at
    the very distance at which two clusters part (as a sample whose core distance joins them does) is noise here, and
    there a member of one or the other with the order of the rows. Where core distances tie, and by that edges do,
    even the number of clusters may so differ from scikit-learn's. Clusters are numbered as in scikit-learn.

    ``predict`` attaches a new sample to the fitted one of least mutual reachability; it leaves the hierarchy
    where it would if the others stayed as they are. A fitted sample is attached to itself, so that ``predict`` agrees
    with ``labels_``.

    References
    ----------
    .. [1] R. J. G. B. Campello, D. Moulavi and J. Sander, "Density-based clustering based on hierarchical density
       estimates", PAKDD 2013.
    .. [2] R. J. G. B. Campello, D. Moulavi, A. Zimek and J. Sander, "Hierarchical density estimates for data
       clustering, visualization, and outlier detection", ACM TKDD 10(1), 2015.
    .. [3] C. Malzer and M. Baum, "A hybrid approach to hierarchical density-based cluster selection", MFI 2020.

    Examples
    --------
    >>> import numpy as np
    >>> import shoal
    >>> X = np.concatenate([np.linspace(0, 1, 8), np.linspace(5, 6, 6), [40.0]])[:, None]
    >>> model = shoal.HDBSCAN(min_cluster_size=4).fit(X)
    >>> model.labels_
    array([ 0,  0,  0,  0,  0,  0,  0,  0,  1,  1,  1,  1,  1,  1, -1])
    >>> model.predict([[0.5], [5.5], [20.0]])
    array([ 0,  1, -1])
    """

    _read_after_fit = ("metric", "alpha")
    _data: NDArray[Any] | None
    _rows: NDArray[np.intp] | None
    _weight: NDArray[np.float64] | None
    _light: NDArray[np.intp] | None  # rows of weight 0
    _light_data: NDArray[Any] | None
    _light_at: tuple[Any, Any] | None
    _linkage: Any
    _tree: Any
    _chosen: Any
    _learnt: dict[str, Any]
    _scores: NDArray[np.float64] | None
    # what a model file must have
    _kept_by_fit = (
        "_data",
        "_rows",
        "_weight",
        "_n_rows",
        "_linkage",
        "_tree",
        "_chosen",
        "_learnt",
        "_fit_min_samples",
        "_stability",
        "_scores",
        "_light",
        "_light_data",
        "_light_at",
    )

    def __init__(
        self,
        min_cluster_size: int = 5,
        min_samples: int | None = None,
        cluster_selection_epsilon: float = 0.0,
        max_cluster_size: int | None = None,
        metric: Any = "euclidean",
        metric_params: dict[str, Any] | None = None,
        alpha: float = 1.0,
        algorithm: str = "auto",
        leaf_size: int = 40,
        n_jobs: int | None = None,
        cluster_selection_method: str = "eom",
        allow_single_cluster: bool = False,
        store_centers: str | None = None,
        copy: Any = True,
        *,
        verbose: int = 0,
    ) -> None:
        self.min_cluster_size = min_cluster_size
        self.min_samples = min_samples
        self.cluster_selection_epsilon = cluster_selection_epsilon
        self.max_cluster_size = max_cluster_size
        self.metric = metric
        self.metric_params = metric_params
        self.alpha = alpha
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.n_jobs = n_jobs
        self.cluster_selection_method = cluster_selection_method
        self.allow_single_cluster = allow_single_cluster
        self.store_centers = store_centers
        self.copy = copy
        self.verbose = verbose

    # --- fit -------------------------------------------------------------------------------------------------

    @all_or_nothing
    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> HDBSCAN:
        """Cluster the rows of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Or (n_samples, n_samples) distances when ``metric="precomputed"``. Rows with missing or infinite values
            are left out and labelled -3 and -2; distances may be infinite, not missing.
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative, not all zero. A sample of weight w counts as w samples, in core distances and in
            `min_cluster_size`. One of weight 0 changes nothing and gets the label ``predict`` gives it.

        Returns
        -------
        self : HDBSCAN
        """
        settings = self._settings()
        verbose = check_verbose(self.verbose)
        X = self._check_X(X, settings.metric, reset=True)
        weight = check_sample_weight(sample_weight, X.shape[0], np.float64)
        if X.shape[0] == 1:
            raise ValueError("X must have at least 2 samples; got n_samples=1")
        kind = row_kinds(X, settings.metric)
        used = kind == 0 if weight is None else (kind == 0) & (weight > 0)
        rows = None if used.all() else np.flatnonzero(used)
        data = in_range(take_rows(X, rows, settings.metric), settings.metric)
        weight = weight if weight is None or rows is None else weight[rows]
        check_min_samples(settings.min_samples, data.shape[0], weight)
        settings, self._learnt = learn(settings, data, weight)

        with jobs(self.n_jobs), progress(verbose, "HDBSCAN", "block") as report:
            edges = spanning_tree(data, weight, settings, settings.min_samples, report)
            linkage = single_linkage(edges, weight)
            tree = Tree(*_core.condense(*linkage, weight, min_cluster_size=settings.min_cluster_size))
            clusters = settings.select(tree, weight)
        self._data = None if settings.metric.name == "precomputed" else np.array(data, order="C")
        self._rows, self._weight, self._n_rows = rows, weight, int(X.shape[0])
        self._linkage, self._tree = tuple(linkage), tuple(tree)  # plain, for model files
        self._chosen = tuple(_chosen(clusters))
        self._fit_min_samples = settings.min_samples
        self._stability = clusters.stability
        self._scores = None
        labels, probabilities = clusters.labels, clusters.probabilities
        self._light = self._light_data = self._light_at = None
        if rows is not None:
            self._attach_light(X, kind, settings)
            labels, probabilities = self._spread(
                kind, labels, probabilities, self._light_at, self._condensed, self._selected
            )
        dtype = np.float32 if X.dtype == np.float32 else np.float64
        self.labels_ = labels.astype(np.intp, copy=False)
        self.probabilities_ = probabilities.astype(dtype, copy=False)
        self.cluster_persistence_ = clusters.persistence.astype(dtype, copy=False)
        for name in ("centroids_", "medoids_"):
            self.__dict__.pop(name, None)
        self._store_centers(data, clusters.labels, clusters.probabilities, weight, settings)
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

    def _settings(self) -> Settings:
        size = check_int("min_cluster_size", self.min_cluster_size, 2)
        samples = size if self.min_samples is None else check_int("min_samples", self.min_samples, 1)
        largest = (
            None if self.max_cluster_size is None else check_int("max_cluster_size", self.max_cluster_size, 1)
        )
        metric, params = check_any_metric(self.metric, self.metric_params)
        check_search(self.algorithm, self.leaf_size)
        if self.algorithm in ("kd_tree", "ball_tree") and metric.name in ("cosine", "precomputed"):
            raise ValueError(
                f"algorithm must be 'auto' or 'brute' for metric={metric.name!r}; got {shown(self.algorithm)}"
            )
        if self.store_centers is not None:
            check_choice("store_centers", self.store_centers, CENTERS)
            if metric.name == "precomputed":
                raise ValueError(
                    f"store_centers must be None for metric='precomputed'; got {shown(self.store_centers)}"
                )
        if self.copy != "warn":  # scikit-learn's default until its version 1.10
            check_bool("copy", self.copy)
        return Settings(
            size,
            samples,
            check_real("cluster_selection_epsilon", self.cluster_selection_epsilon, 0),
            largest,
            metric,
            self.metric,
            params,
            check_real("alpha", self.alpha, 0, open_low=True),
            self.algorithm,
            check_choice("cluster_selection_method", self.cluster_selection_method, SELECTIONS),
            check_bool("allow_single_cluster", self.allow_single_cluster),
        )

    def _fitted_settings(self) -> Settings:
        """The same with what the metric has learnt from the samples of ``fit``."""
        settings = self._settings()
        return settings._replace(params={**settings.params, **self._learnt})

    def _check_X(self, X: Any, metric: Metric, *, reset: bool) -> Any:
        precomputed = metric.name == "precomputed"
        X = check_data(self, X, reset=reset, accept_sparse=True, finite=False)
        if precomputed:
            if reset:
                check_distances(X)
            else:
                check_complete(X)
                check_not_negative(X)
            return X
        if sparse.issparse(X):
            require_memory(X.shape[0] * X.shape[1] * X.dtype.itemsize, "a dense copy of X", "fewer features")
            X = X.toarray(order="C")
        return X

    def _attach_light(self, X: Any, kind: Any, settings: Settings) -> None:
        """Where the rows of weight 0 hang; the rows too, since for another `min_samples` they hang elsewhere."""
        light = kind == 0
        light[self._rows] = False
        if not light.any():
            return
        self._light = np.flatnonzero(light)
        mine = X[self._light]
        if settings.metric.name == "precomputed":
            mine = mine[:, self._rows]
        else:
            self._light_data = mine
        self._light_at = self._attach(mine, settings)

    def _spread(
        self, kind: Any, labels: Any, probabilities: Any, light_at: Any, tree: Tree, chosen: Chosen
    ) -> tuple[Any, Any]:
        """Labels and probabilities of all rows from those of the rows that were used."""
        every = np.full(self._n_rows, NOISE, dtype=np.intp)
        each = np.zeros(self._n_rows)
        every[self._rows], each[self._rows] = labels, probabilities
        if light_at is not None:
            row, height = light_at
            every[self._light], each[self._light] = labels_of(*leaving(row, height, tree), chosen)
        every[kind == 1], every[kind == 2], each[kind == 2] = INFINITE, MISSING, np.nan
        return every, each

    def _store_centers(
        self, X: Any, labels: Any, probabilities: Any, weight: Any, settings: Settings
    ) -> None:
        if self.store_centers is None:
            return
        strength = probabilities if weight is None else probabilities * weight
        members = [np.flatnonzero(labels == label) for label in range(self.cluster_persistence_.size)]
        shape = (len(members), X.shape[1])
        if self.store_centers in ("centroid", "both"):
            means = [np.average(X[mine], weights=strength[mine], axis=0) for mine in members]
            self.centroids_ = np.array(means, dtype=X.dtype).reshape(shape)
        if self.store_centers in ("medoid", "both"):
            best = [mine[medoid(X[mine], strength[mine], settings)] for mine in members]
            self.medoids_ = X[np.array(best, dtype=np.intp)].reshape(shape)

    # --- new samples -----------------------------------------------------------------------------------------

    def predict(self, X: Any) -> NDArray[np.intp]:
        """The cluster each sample would be in, the hierarchy staying as it is.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features)
            Or (n_queries, n_samples) distances to the samples of ``fit`` when ``metric="precomputed"``.

        Returns
        -------
        labels : ndarray of shape (n_queries,), int64
            On the samples of ``fit``, ``labels_``.

        Notes
        -----
        The core distance of a new sample is the distance to its `min_samples`-th nearest fitted one. A tie goes to
        the nearer sample, then to the first. O(n_queries · n_samples · n_features) time at most.
        """
        return self._predict(X)[0]

    def approximate_predict(self, X: Any) -> tuple[NDArray[np.intp], NDArray[Any]]:
        """``predict``, and how strongly each sample belongs to its cluster.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features)

        Returns
        -------
        labels : ndarray of shape (n_queries,), int64
        probabilities : ndarray of shape (n_queries,)
            As ``probabilities_``.
        """
        return self._predict(X)

    def _predict(self, X: Any) -> tuple[NDArray[np.intp], NDArray[Any]]:
        check_fitted(self)
        settings = self._fitted_settings()
        X = self._check_X(X, settings.metric, reset=False)
        kind = row_kinds(X, settings.metric)
        labels = np.where(kind == 0, NOISE, np.where(kind == 1, INFINITE, MISSING)).astype(np.intp)
        probabilities = np.where(kind == 2, np.nan, 0.0)
        fine = np.flatnonzero(kind == 0)
        if fine.size:
            data = X if fine.size == X.shape[0] else X[fine]
            if settings.metric.name == "precomputed" and self._rows is not None:
                data = data[:, self._rows]
            with jobs(self.n_jobs):
                labels[fine], probabilities[fine] = labels_of(*self._join(data, settings), self._selected)
        return labels, probabilities.astype(self.probabilities_.dtype, copy=False)

    def _join(self, X: Any, settings: Settings) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """The last cluster of each new sample, and the lambda at which it leaves it."""
        return leaving(*self._attach(X, settings), self._condensed)

    def _attach(self, X: Any, settings: Settings) -> tuple[Any, Any]:
        return attach(X, self._data, self._links.core, self._weight, settings, self._fit_min_samples)

    def membership_vector(self, X: Any) -> NDArray[np.float64]:
        """How strongly each new sample belongs to each cluster.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features)

        Returns
        -------
        membership : ndarray of shape (n_queries, n_clusters)
            Non-negative, rows sum to at most 1: to the strength with which the sample belongs to any cluster. Rows
            with missing or infinite values, or so far away that distances overflow, are zero. For the samples of
            ``fit``, ``all_points_membership_vectors()``.

        Notes
        -----
        The product of two memberships, scaled: by 1 / the distance to the nearest exemplar of a cluster, and by
        softmax(exp(-lambda_max / lambda)), lambda being where the sample and the cluster part in the condensed
        tree; times how long the sample stays in its nearest cluster.
        """
        check_fitted(self)
        settings = self._fitted_settings()
        self._need_data("membership_vector")
        X = self._check_X(X, settings.metric, reset=False)
        fine = np.flatnonzero(row_kinds(X, settings.metric) == 0)
        membership = np.zeros((X.shape[0], self._selected.cluster.size))
        if fine.size and membership.size:
            cluster, lambdas = self._join(X[fine], settings)
            membership[fine] = self._memberships(X[fine], cluster, lambdas, settings)
        return membership

    def all_points_membership_vectors(self) -> NDArray[np.float64]:
        """How strongly each sample of ``fit`` belongs to each cluster; see :meth:`membership_vector`.

        Returns
        -------
        membership : ndarray of shape (n_samples, n_clusters)
            Zero for samples of weight 0 and for those with missing or infinite values.
        """
        check_fitted(self)
        settings = self._fitted_settings()
        self._need_data("all_points_membership_vectors")
        membership = np.zeros((self._n_rows, self._selected.cluster.size))
        if membership.size:
            rows = slice(None) if self._rows is None else self._rows
            membership[rows] = self._memberships(
                self._data, self._condensed.cluster, self._condensed.lambdas, settings
            )
        return membership

    def _memberships(self, X: Any, cluster: Any, lambdas: Any, settings: Settings) -> NDArray[np.float64]:
        parent, birth, *_ = self._condensed
        chosen, _, most, _ = self._selected
        heights = np.empty((X.shape[0], chosen.size))
        for j, selected in enumerate(chosen):
            parting = parting_lambdas(parent, birth, int(selected))[cluster]
            heights[:, j] = np.where(np.isnan(parting), lambdas, parting)
        distances = np.column_stack([nearest_distance(X, rows, settings) for rows in self.exemplars_])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            near = 1.0 / distances
            near[np.isinf(near).any(axis=1)] = np.isinf(near[np.isinf(near).any(axis=1)])
            near /= near.sum(axis=1, keepdims=True)
            ratio = (most[cluster][:, None] + 1e-8) / heights
            score = np.exp(-np.where(np.isnan(ratio), 1.0, ratio))
            both = near * np.exp(score)
            both /= both.sum(axis=1, keepdims=True)
            both[np.isinf(distances).all(axis=1)] = 0.0  # beyond the range of distances: of no cluster
            best = np.argmax(heights, axis=1)
            top = heights[np.arange(len(best)), best]
            longest = np.maximum(most[chosen[best]], lambdas)
            inside = np.where(top >= longest, 1.0, top / longest)
        return both * inside[:, None]

    @property
    def _links(self) -> Linkage:
        return Linkage(*self._linkage)

    @property
    def _condensed(self) -> Tree:
        return Tree(*self._tree)

    @property
    def _selected(self) -> Chosen:
        return Chosen(*self._chosen)

    # --- what else the hierarchy says ------------------------------------------------------------------------

    @property
    def outlier_scores_(self) -> NDArray[np.float64]:
        """GLOSH outlier scores, shape (n_samples,)."""
        check_fitted(self)
        if self._scores is None:
            scores = _core.outlier_scores(*self._condensed)
            if self._rows is not None:
                every = np.full(self._n_rows, np.nan)
                every[self._rows] = scores
                every[self.labels_ == INFINITE] = 1.0
                scores = every
            self._scores = scores
        return self._scores

    @property
    def exemplars_(self) -> list[NDArray[Any]]:
        """For every cluster the samples that stay in its leaves to the end."""
        check_fitted(self)
        if (data := self._data) is None:  # an attribute that is not there, for hasattr() and dir()
            raise AttributeError(
                "exemplars_ needs the samples; metric='precomputed' has only their distances"
            )
        return [data[rows] for rows in self._exemplar_rows()]

    def _exemplar_rows(self) -> list[NDArray[np.intp]]:
        parent, _, _, cluster, lambdas = self._condensed
        chosen, label_of, most, _ = self._selected
        leaf = np.ones(parent.size, dtype=bool)
        leaf[parent[1:]] = False
        last = np.flatnonzero(leaf[cluster] & (lambdas == most[cluster]) & (label_of[cluster] >= 0))
        order = np.argsort(label_of[cluster[last]], kind="stable")
        counts = np.bincount(label_of[cluster[last]], minlength=chosen.size)
        return np.split(last[order], np.cumsum(counts)[:-1]) if chosen.size else []

    @property
    def minimum_spanning_tree_(self) -> MinimumSpanningTree:
        """The spanning tree of mutual reachability."""
        check_fitted(self)
        u, v, height, *_ = self._links
        return MinimumSpanningTree(u, v, height, self._rows, self._data)

    @property
    def single_linkage_tree_(self) -> SingleLinkageTree:
        """The merges of that tree's edges, in SciPy's form."""
        check_fitted(self)
        _, _, height, left, right, size, _ = self._links
        return SingleLinkageTree(left, right, height, size, self._rows, self._weight)

    @property
    def condensed_tree_(self) -> CondensedTree:
        """The tree of clusters."""
        check_fitted(self)
        return CondensedTree(
            self._tree, self._weight, self._selected.cluster, self._stability, self._rows, self._n_rows
        )

    def dbscan_clustering(self, cut_distance: float, min_cluster_size: int = 5) -> NDArray[np.intp]:
        """The clusters at one distance: DBSCAN without border points.

        Parameters
        ----------
        cut_distance : float
            Samples are connected when their mutual reachability is smaller.
        min_cluster_size : int, default=5
            Smaller groups are noise.

        Returns
        -------
        labels : ndarray of shape (n_samples,), int64
            Numbered by first sample; -1, -2 and -3 as in ``labels_``, -1 for samples of weight 0.
        """
        check_fitted(self)
        cut = check_real("cut_distance", cut_distance, 0)
        size = check_int("min_cluster_size", min_cluster_size, 1)
        labels = _core.cut_linkage(*self._links, self._weight, cut=cut, min_cluster_size=size)
        if self._rows is None:
            return labels.astype(np.intp)
        every = np.where(self.labels_ <= INFINITE, self.labels_, NOISE)
        every[self._rows] = labels
        return every

    def sweep(
        self,
        min_cluster_size: int | Iterable[int] | None = None,
        min_samples: int | Iterable[int] | None = None,
    ) -> list[SweepResult]:
        """The clusters for many settings, from this fit.

        Parameters
        ----------
        min_cluster_size : int or iterable of int, default=None
            None is the estimator's.
        min_samples : int or iterable of int, default=None
            None is that of the fit.

        Returns
        -------
        results : list of SweepResult
            One for every pair, `min_samples` changing slowest: the labels that a fit with these parameters gives.

        Raises
        ------
        ValueError
            For another `min_samples` than the fitted one when ``metric="precomputed"``: distances are not kept.

        Notes
        -----
        O(n_samples) for each `min_cluster_size`; one spanning tree for each new `min_samples`.

        Examples
        --------
        >>> import numpy as np
        >>> import shoal
        >>> X = np.random.default_rng(0).normal(size=(300, 2))
        >>> X[:150] += 8
        >>> model = shoal.HDBSCAN().fit(X)
        >>> [(r.min_cluster_size, r.n_clusters) for r in model.sweep(min_cluster_size=[20, 40])]
        [(20, 2), (40, 2)]
        """
        check_fitted(self)
        settings = self._fitted_settings()
        sizes = _integers("min_cluster_size", min_cluster_size, settings.min_cluster_size, 2)
        samples = _integers("min_samples", min_samples, self._fit_min_samples, 1)
        results = []
        for value in samples:
            linkage, light_at = self._links, self._light_at
            if value != self._fit_min_samples:
                data = self._need_data("sweep over min_samples")
                check_min_samples(value, data.shape[0], self._weight)
                with jobs(self.n_jobs):
                    linkage = single_linkage(
                        spanning_tree(data, self._weight, settings, value, None), self._weight
                    )
                    if self._light_data is not None:
                        light_at = attach(self._light_data, data, linkage.core, self._weight, settings, value)
            for size in sizes:
                tree = Tree(*_core.condense(*linkage, self._weight, min_cluster_size=size))
                results.append(self._swept(size, value, tree, settings.select(tree, self._weight), light_at))
        return results

    def _swept(self, size: int, samples: int, tree: Tree, found: Any, light_at: Any) -> SweepResult:
        labels, probabilities = found.labels, found.probabilities
        if self._rows is not None:
            kind = np.where(self.labels_ == INFINITE, 1, np.where(self.labels_ == MISSING, 2, 0))
            labels, probabilities = self._spread(kind, labels, probabilities, light_at, tree, _chosen(found))
        dtype = self.probabilities_.dtype
        return SweepResult(
            size,
            samples,
            found.persistence.size,
            labels.astype(np.intp, copy=False),
            probabilities.astype(dtype, copy=False),
            found.persistence.astype(dtype, copy=False),
        )

    def _need_data(self, what: str) -> NDArray[Any]:
        if self._data is None:
            raise ValueError(f"{what} needs the samples; metric='precomputed' has only their distances")
        return self._data

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == "precomputed"
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self.metric != "precomputed"
        return tags


def _chosen(found: Any) -> Chosen:
    return Chosen(found.cluster, found.label_of, found.max_lambda, found.single_lambda)


def _integers(name: str, values: Any, default: int, low: int) -> list[int]:
    if values is None:
        return [default]
    if isinstance(values, Iterable) and not isinstance(values, str):
        return [check_int(name, value, low) for value in values]
    return [check_int(name, values, low)]


def hdbscan(
    X: Any,
    min_cluster_size: int = 5,
    *,
    min_samples: int | None = None,
    cluster_selection_epsilon: float = 0.0,
    max_cluster_size: int | None = None,
    metric: Any = "euclidean",
    metric_params: dict[str, Any] | None = None,
    alpha: float = 1.0,
    algorithm: str = "auto",
    cluster_selection_method: str = "eom",
    allow_single_cluster: bool = False,
    sample_weight: ArrayLike | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> HDBSCANResult:
    """HDBSCAN without an estimator; see :class:`HDBSCAN`.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Or (n_samples, n_samples) distances when ``metric="precomputed"``.
    min_cluster_size, min_samples, cluster_selection_epsilon, max_cluster_size, metric, metric_params
        As in :class:`HDBSCAN`.
    alpha, algorithm, cluster_selection_method, allow_single_cluster
        As in :class:`HDBSCAN`.
    sample_weight : array-like of shape (n_samples,), default=None
    n_jobs, verbose
        As in :class:`HDBSCAN`.

    Returns
    -------
    result : HDBSCANResult
        ``labels``, ``probabilities``, ``persistence``.

    Examples
    --------
    >>> import shoal
    >>> X = [[0.0], [0.1], [0.2], [5.0], [5.1], [5.2], [40.0]]
    >>> labels, probabilities, persistence = shoal.hdbscan(X, 3, min_samples=2)
    >>> labels
    array([ 0,  0,  0,  1,  1,  1, -1])
    """
    model = HDBSCAN(
        min_cluster_size,
        min_samples,
        cluster_selection_epsilon,
        max_cluster_size,
        metric,
        metric_params,
        alpha,
        algorithm,
        n_jobs=n_jobs,
        cluster_selection_method=cluster_selection_method,
        allow_single_cluster=allow_single_cluster,
        verbose=verbose,
    ).fit(X, sample_weight=sample_weight)
    return HDBSCANResult(model.labels_, model.probabilities_, model.cluster_persistence_)


__all__ = ["HDBSCAN", "HDBSCANResult", "SweepResult", "hdbscan"]
