"""AgglomerativeClustering and FeatureAgglomeration: clusters by merging, with a graph of connections or without."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush, heappushpop
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, check_memory

from shoal import _core
from shoal.base.checks import (
    check_bool,
    check_choice,
    check_data,
    check_int,
    check_minkowski,
    check_not_negative,
    check_real,
    check_sample_weight,
    check_verbose,
    shown,
)
from shoal.base.fitting import all_or_nothing
from shoal.base.learnt import learnt_parameters
from shoal.base.progress import progress
from shoal.hierarchy.dendrogram import children_in, rising
from shoal.hierarchy.linkage import METHODS, METRICS, SCIPY_METRICS
from shoal.hierarchy.trees import LinkedTree, build_tree, distances_between


class Agglomeration(BaseEstimator):
    """What agglomeration of samples and of features share: parameters, the tree, its cut."""

    n_clusters: Any
    metric: Any
    memory: Any
    connectivity: Any
    compute_full_tree: Any
    linkage: Any
    distance_threshold: Any
    compute_distances: Any
    verbose: Any

    n_clusters_: int
    labels_: NDArray[np.intp]

    def _check(self, n: int, of: str) -> None:
        if (self.n_clusters is None) == (self.distance_threshold is None):
            raise ValueError(
                "Exactly one of n_clusters and distance_threshold has to be set, and the other needs to be None; "
                f"got n_clusters={self.n_clusters!r}, distance_threshold={self.distance_threshold!r}"
            )
        if self.n_clusters is not None:
            check_int("n_clusters", self.n_clusters, 1, n, of)
        else:
            check_real("distance_threshold", self.distance_threshold, 0)
        if self.compute_full_tree != "auto":
            check_bool("compute_full_tree", self.compute_full_tree)
        if self.distance_threshold is not None and not self.compute_full_tree:
            raise ValueError("compute_full_tree must be True or 'auto' with a distance_threshold; got False")
        check_bool("compute_distances", self.compute_distances)
        check_memory(self.memory)
        check_choice("linkage", self.linkage, METHODS)
        if not callable(self.metric):
            name = check_minkowski(self.metric, 2)[0]
            check_choice("metric", name, (*METRICS, "precomputed", "haversine", *SCIPY_METRICS))
        if self.linkage in ("ward", "centroid", "median") and self.metric not in ("euclidean", "l2"):
            raise ValueError(
                f"metric must be 'euclidean' (or 'l2') for linkage={self.linkage!r}; got {shown(self.metric)}"
            )

    def _fit_tree(self, X: NDArray[Any], weight: NDArray[np.float64] | None, report: Any) -> None:
        n = X.shape[0]
        connectivity = self.connectivity
        if connectivity is not None:
            if callable(connectivity):
                connectivity = connectivity(X)
            try:
                connectivity = check_array(
                    connectivity, accept_sparse=["csr", "coo", "lil"], input_name="connectivity"
                )
            except (TypeError, ValueError) as error:
                raise type(error)(
                    "connectivity must be a matrix, a callable that makes one, or None; "
                    f"got {shown(connectivity)}: {error}"
                ) from None
        stop = None
        if connectivity is not None:
            full = self.compute_full_tree
            if full == "auto":
                # stopping early gains something when there are many clusters
                full = self.distance_threshold is not None or self.n_clusters < max(100, 0.02 * n)
            stop = None if full else self.n_clusters
        # only what a cache can keep is handed on
        build = check_memory(self.memory).cache(build_tree, ignore=["report"])
        tree = LinkedTree(*build(X, self.linkage, self.metric, connectivity, stop, weight, report))
        children, heights = tree.children, tree.distances
        if self.linkage in (
            "centroid",
            "median",
        ):  # along a graph heights may fall too: there as scikit-learn does
            order, heights = rising(np.column_stack([children, heights]))
            children = np.column_stack(children_in(order, children))
        if self.distance_threshold is not None:
            count = int(np.count_nonzero(heights >= self.distance_threshold)) + 1
        else:
            count = int(self.n_clusters)
        labels = cut(children, n, count) if stop is None else _heads(tree.parents, n)
        self.children_, self.n_leaves_ = tree.children, tree.n_leaves
        self.n_connected_components_ = tree.n_connected_components
        self.n_clusters_, self.labels_ = count, labels
        self._heights = tree.distances if stop is None else None
        self.__dict__.pop("distances_", None)
        if self.distance_threshold is not None or self.compute_distances:
            self.distances_ = tree.distances


def cut(children: NDArray[np.intp], n_leaves: int, n_clusters: int) -> NDArray[np.intp]:
    """Labels after undoing the last merges, numbered as scikit-learn numbers them."""
    nodes = [-(n_leaves + len(children) - 1)] if len(children) else [0]
    for _ in range(n_clusters - 1):
        first, second = children[-nodes[0] - n_leaves]
        heappush(nodes, -int(first))
        heappushpop(nodes, -int(second))
    label = np.full(n_leaves + len(children), -1, dtype=np.int64)
    label[-np.array(nodes)] = np.arange(len(nodes))
    left, right = children.T.astype(np.int32)
    found: NDArray[np.intp] = _core.labels_below(left, right, n_leaves, label).view(np.intp)
    return found


def _heads(parents: Any, n: int) -> NDArray[np.intp]:
    """Labels from the nodes that have no parent, numbered in their order."""
    heads = parents.copy()
    while True:
        above = heads[heads]
        if (above == heads).all():
            break
        heads = above
    return np.unique(heads[:n], return_inverse=True)[1].astype(np.intp)


class AgglomerativeClustering(ClusterMixin, Agglomeration):
    """Clusters by merging the two nearest again and again.

    Parameters
    ----------
    n_clusters : int or None, default=2
        Number of clusters; None with `distance_threshold`.
    metric : str or callable, default="euclidean"
        "euclidean" ("l2"), "cosine", "manhattan" ("l1", "cityblock"), "chebyshev", "precomputed" (X is a symmetric
        matrix of distances), "haversine" (X is latitude and longitude in radians), another metric of
        :func:`scipy.spatial.distance.pdist`, or a callable that makes the matrix of distances from X. "euclidean" for
        ward. What "seuclidean" and "mahalanobis" learn, they learn from the samples of ``fit``.
    memory : str or object with the joblib.Memory interface, default=None
        Where to keep the tree, so that other cuts need no new one.
    connectivity : {array-like, sparse matrix} of shape (n_samples, n_samples) or callable, default=None
        Only samples with an entry, and clusters of such, may merge; a callable makes it from X. None: all may.
    compute_full_tree : "auto" or bool, default="auto"
        With `connectivity`: False stops the tree at `n_clusters`. "auto" does so for many clusters.
    linkage : {"ward", "complete", "average", "single"}, default="ward"
        The distance between clusters, as in :func:`shoal.linkage`. Without `connectivity` also "weighted",
        "centroid" and "median".
    distance_threshold : float, default=None
        Clusters at this distance or beyond are not merged, nor are those made of such.
    compute_distances : bool, default=False
        Keep ``distances_`` also without `distance_threshold`.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    n_clusters_ : int
    labels_ : ndarray of shape (n_samples,), int64
    n_leaves_ : int
        Samples in the tree: all of positive weight.
    n_connected_components_ : int
        Of the connectivity graph; 1 without one.
    children_ : ndarray of shape (n_merges, 2), int64
        Merge i joins these nodes into node ``n_leaves_ + i``; nodes below ``n_leaves_`` are samples.
    distances_ : ndarray of shape (n_merges,), float64
        Between the nodes of ``children_``; with `distance_threshold` or `compute_distances`.
    linkage_matrix_ : ndarray of shape (n_samples - 1, 4), float64
        The same tree as :func:`shoal.linkage` gives it, for :func:`shoal.cut_tree` and
        :func:`shoal.plotting.plot_dendrogram`; made when asked for, unless the tree ends early (`connectivity`).
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only when X has string column names.

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter in the message.
    MemoryError
        When distances must be kept and do not fit into memory.

    Notes
    -----
    Time, memory and ties: without `connectivity` see :func:`shoal.linkage`: single, and ward of few features, need no
    distances between all samples, complete and average 4 n_samples² bytes. With it see :func:`shoal.ward_tree`.
    Tree and labels are those of :class:`sklearn.cluster.AgglomerativeClustering`; "centroid" and "median", which it
    does not have, are cut as :func:`shoal.cut_tree` does.

    ``predict`` gives a new sample the label of the nearest fitted one, by `metric`; so the samples of ``fit`` keep
    their labels (except that of equal samples in different clusters the first one's is given).

    References
    ----------
    .. [1] J. H. Ward, "Hierarchical grouping to optimize an objective function", Journal of the American Statistical
       Association 58(301), 236-244, 1963.
    .. [2] G. N. Lance and W. T. Williams, "A general theory of classificatory sorting strategies", The Computer
       Journal 9(4), 373-380, 1967.

    Examples
    --------
    >>> import shoal
    >>> model = shoal.AgglomerativeClustering(2).fit([[0.0], [1.0], [5.0], [5.5]])
    >>> model.labels_
    array([0, 0, 1, 1])
    >>> model.predict([[2.0], [9.0]])
    array([0, 1])
    """

    _data: NDArray[Any] | None
    _rows: NDArray[np.intp] | None
    # what a model file must have
    _kept_by_fit = (
        "_heights",
        "_rows",
        "_weight",
        "_data",
        "_n_rows",
        "_fit_metric",
        "_learnt",
        "_fitted_labels",
    )

    def __init__(
        self,
        n_clusters: int | None = 2,
        *,
        metric: str | Callable[..., Any] = "euclidean",
        memory: Any = None,
        connectivity: Any = None,
        compute_full_tree: Any = "auto",
        linkage: str = "ward",
        distance_threshold: float | None = None,
        compute_distances: bool = False,
        verbose: int = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.metric = metric
        self.memory = memory
        self.connectivity = connectivity
        self.compute_full_tree = compute_full_tree
        self.linkage = linkage
        self.distance_threshold = distance_threshold
        self.compute_distances = compute_distances
        self.verbose = verbose

    @all_or_nothing
    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> AgglomerativeClustering:
        """Cluster the rows of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Or (n_samples, n_samples) distances when ``metric="precomputed"``.
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative, not all zero. A sample of weight w counts as w equal samples. One of weight 0 is not in the
            tree and gets the label that ``predict`` gives it.

        Returns
        -------
        self : AgglomerativeClustering
        """
        X = check_data(self, X)
        weight = check_sample_weight(sample_weight, X.shape[0], np.float64)
        rows = None if weight is None or weight.min() > 0 else np.flatnonzero(weight)
        pairwise = self.metric == "precomputed"
        if pairwise and X.shape[0] != X.shape[1]:
            raise ValueError(f"X must be square for metric='precomputed'; got shape {X.shape}")
        used, graph = X, self.connectivity
        if rows is not None and weight is not None:
            used, weight = X[rows], weight[rows]
            used = used[:, rows] if pairwise else used
            if graph is not None:
                raise ValueError("sample_weight must be > 0 with connectivity; got 0")
        if used.shape[0] < 2:
            raise ValueError(f"X must have at least 2 samples that count; got n_samples={used.shape[0]}")
        self._check(used.shape[0], "n_samples")
        with progress(check_verbose(self.verbose), "AgglomerativeClustering", "merge") as report:
            self._fit_tree(used, weight, report)
        self._rows, self._weight = rows, weight
        self._data = None if pairwise else np.array(used, order="C")
        self._n_rows, self._fit_metric = int(X.shape[0]), self.metric
        self._learnt = learnt_parameters(used, self.metric, weight)
        self._fitted_labels = self.labels_
        if rows is not None:
            labels = self._nearest_label(X)
            labels[rows] = self.labels_
            self.labels_ = labels
        return self

    @property
    def linkage_matrix_(self) -> NDArray[np.float64]:
        """The tree as SciPy's linkage matrix; AttributeError when it was not built to its top."""
        check_is_fitted(self)
        if self._heights is None:
            raise AttributeError("linkage_matrix_ needs the whole tree; fit with compute_full_tree=True")
        n = self.n_leaves_
        size = np.concatenate([np.ones(n) if self._weight is None else self._weight, np.zeros(n - 1)])
        for i, (left, right) in enumerate(self.children_.tolist()):
            size[n + i] = size[left] + size[right]
        return np.column_stack([np.sort(self.children_), self._heights, size[n:]])

    def fit_predict(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> NDArray[np.intp]:
        """``fit(X, sample_weight=sample_weight).labels_``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        labels : ndarray of shape (n_samples,), int64
        """
        return self.fit(X, sample_weight=sample_weight).labels_

    def predict(self, X: Any) -> NDArray[np.intp]:
        """The label of the nearest fitted sample.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
            Or (n_queries, n_samples) distances to the samples of ``fit`` when ``metric="precomputed"``.

        Returns
        -------
        labels : ndarray of shape (n_queries,), int64
            A tie goes to the first of equally near samples.
        """
        check_is_fitted(self)
        return self._nearest_label(check_data(self, X, reset=False))

    def _nearest_label(self, X: NDArray[Any]) -> NDArray[np.intp]:
        from shoal.neighbors.nearest import nearest_neighbors

        metric, p = (
            (self._fit_metric, 2.0) if callable(self._fit_metric) else check_minkowski(self._fit_metric, 2)
        )
        if self._data is None:
            check_not_negative(X)
            distances = X if self._rows is None else X[:, self._rows]
            nearest = np.argmin(distances, axis=1)
        elif metric in METRICS:
            rows, queries = self._data, X
            if rows.dtype != queries.dtype:
                rows, queries = rows.astype(np.float64), queries.astype(np.float64)
            nearest = nearest_neighbors(rows, 1, queries, metric=metric, p=p).indices[:, 0]
        else:
            if callable(metric):
                both = metric(np.concatenate([X, self._data]))
                distances = np.asarray(both)[: len(X), len(X) :]
            else:
                distances = distances_between(X, self._data, metric, self._learnt)
            nearest = np.argmin(distances, axis=1)
        return self._fitted_labels[nearest]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == "precomputed"
        return tags


class FeatureAgglomeration(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Agglomeration):
    """Merges features that say the same, and replaces each group by one.

    Parameters
    ----------
    n_clusters : int or None, default=2
        Number of groups of features; None with `distance_threshold`.
    metric, memory, connectivity, compute_full_tree, linkage
        As of :class:`AgglomerativeClustering`, for features in place of samples.
    pooling_func : callable, default=numpy.mean
        Makes one value of each row of a group: takes an array of shape (n_samples, n_members) and ``axis=1``.
    distance_threshold, compute_distances, verbose
        As of :class:`AgglomerativeClustering`.

    Attributes
    ----------
    n_clusters_ : int
    labels_ : ndarray of shape (n_features,), int64
        The group of each feature.
    n_leaves_ : int
    n_connected_components_ : int
    children_ : ndarray of shape (n_merges, 2), int64
    distances_ : ndarray of shape (n_merges,), float64
        With `distance_threshold` or `compute_distances`.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only when X has string column names.

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter in the message.

    Notes
    -----
    That of :class:`AgglomerativeClustering` on the transpose of X. Tree and groups are those of
    :class:`sklearn.cluster.FeatureAgglomeration`.

    Examples
    --------
    >>> import shoal
    >>> X = [[1.0, 1.1, 9.0], [2.0, 2.1, 7.0], [3.0, 3.1, 5.0]]
    >>> model = shoal.FeatureAgglomeration(2).fit(X)
    >>> model.labels_
    array([0, 0, 1])
    >>> model.transform(X)
    array([[1.05, 9.  ],
           [2.05, 7.  ],
           [3.05, 5.  ]])
    """

    def __init__(
        self,
        n_clusters: int | None = 2,
        *,
        metric: str | Callable[..., Any] = "euclidean",
        memory: Any = None,
        connectivity: Any = None,
        compute_full_tree: Any = "auto",
        linkage: str = "ward",
        pooling_func: Callable[..., Any] = np.mean,
        distance_threshold: float | None = None,
        compute_distances: bool = False,
        verbose: int = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.metric = metric
        self.memory = memory
        self.connectivity = connectivity
        self.compute_full_tree = compute_full_tree
        self.linkage = linkage
        self.pooling_func = pooling_func
        self.distance_threshold = distance_threshold
        self.compute_distances = compute_distances
        self.verbose = verbose

    @all_or_nothing
    def fit(self, X: Any, y: Any = None) -> FeatureAgglomeration:
        """Find groups of features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            At least two features.
        y : ignored

        Returns
        -------
        self : FeatureAgglomeration
        """
        X = check_data(self, X)
        if X.shape[1] < 2:
            raise ValueError(
                f"Found array X with {X.shape[1]} feature(s) (shape={X.shape}) while a minimum of 2 is required"
                " by FeatureAgglomeration."
            )
        self._check(X.shape[1], "n_features")
        if not callable(self.pooling_func):
            raise TypeError(f"pooling_func must be callable; got {shown(self.pooling_func)}")
        with progress(check_verbose(self.verbose), "FeatureAgglomeration", "merge") as report:
            self._fit_tree(np.ascontiguousarray(X.T), None, report)
        self._n_features_out = self.n_clusters_
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """One value for each group of features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        Y : ndarray of shape (n_samples, n_clusters)
            In the dtype of X where `pooling_func` keeps it.
        """
        check_is_fitted(self)
        X = check_data(self, X, reset=False)
        groups = [np.flatnonzero(self.labels_ == label) for label in range(self.n_clusters_)]
        return np.stack([self.pooling_func(X[:, group], axis=1) for group in groups], axis=1)

    def inverse_transform(self, X: Any) -> NDArray[Any]:
        """Every feature with the value of its group.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_clusters) or (n_clusters,)

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features) or (n_features,)
        """
        check_is_fitted(self)
        values = np.asarray(X)
        if values.shape[-1:] != (self.n_clusters_,):
            raise ValueError(f"X must have n_clusters={self.n_clusters_} columns; got shape {values.shape}")
        spread: NDArray[Any] = values[..., self.labels_]
        return spread
