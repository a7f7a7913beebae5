"""BIRCH: a tree of clustering features in one pass, numerically stable, in bounded memory if wanted."""

from __future__ import annotations

import numbers
import warnings
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from shoal import _core
from shoal.base.checks import (
    check_bool,
    check_choice,
    check_data,
    check_finite,
    check_int,
    check_random_generator,
    check_real,
    check_sample_weight,
    check_verbose,
)
from shoal.base.fitting import all_or_nothing
from shoal.base.memory import require_memory
from shoal.base.progress import progress
from shoal.neighbors.kd_tree import KDTree

HEADS = ("agglomerative", "kmeans")
_BLOCK = 2**20  # values of X that are made dense at a time


class BirchResult(NamedTuple):
    """What :func:`birch` returns.

    Attributes
    ----------
    labels : ndarray of shape (n_samples,), int64
    subcluster_centers : ndarray of shape (n_subclusters, n_features)
    subcluster_labels : ndarray of shape (n_subclusters,), int64
    subcluster_weights : ndarray of shape (n_subclusters,), float64
    threshold : float
        The threshold at the end; larger than asked for where a bound made the tree grow coarser.
    """

    labels: NDArray[np.intp]
    subcluster_centers: NDArray[Any]
    subcluster_labels: NDArray[np.intp]
    subcluster_weights: NDArray[np.float64]
    threshold: float


class Tree(NamedTuple):
    """A tree of features in flat arrays, level by level, the root first: all that a fit keeps, to be continued later.

    Attributes
    ----------
    first : ndarray of shape (n_nodes + 1,), int64
        Node i has the entries ``first[i]`` to ``first[i + 1]``.
    child : ndarray of shape (n_entries,), int32
        A node, -1 in leaves.
    weight, sq_dev : ndarray of shape (n_entries,), float64
        Sum of weights; sum of squared deviations from the mean (0 above the leaves).
    mean : ndarray of shape (n_entries, n_features), float64
    leaves : ndarray of shape (n_leaves,), int32
        Nodes, in the order of the subclusters.
    """

    first: NDArray[np.int64]
    child: NDArray[np.int32]
    weight: NDArray[np.float64]
    sq_dev: NDArray[np.float64]
    mean: NDArray[np.float64]
    leaves: NDArray[np.int32]

    def subclusters(self) -> NDArray[np.int64]:
        """The entries of the leaves, in order."""
        begin, end = self.first[self.leaves], self.first[self.leaves + 1]
        length = end - begin
        shift = np.cumsum(length) - length
        return np.arange(int(length.sum())) + np.repeat(begin - shift, length)


class Birch(ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, BaseEstimator):
    """Clusters data that come once, in one pass.

    Samples are summed up in subclusters of radius at most `threshold`, found through a tree [1]_; the subclusters are
    then clustered. A subcluster is kept as its weight, mean and sum of squared deviations [2]_, which loses no digits
    far from zero. Subclusters are scikit-learn's, up to rounding and to their order.

    Parameters
    ----------
    threshold : float, default=0.5
        Largest radius of a subcluster: the root of the mean squared distance of its samples from their mean. 0 merges
        equal samples only, which makes sense together with a bound.
    branching_factor : int, default=50
        Children of a node, at most; at least 2.
    n_clusters : int, estimator or None, default=3
        How the subclusters are clustered: into so many clusters by `head`, by ``fit_predict`` of an estimator, or not at
        all.
    compute_labels : bool, default=True
        Whether ``fit`` and ``partial_fit`` label their samples.
    max_subclusters : int or None, default=None
        Where there are more, the threshold grows and the tree is built again from its subclusters.
    memory_limit : int or None, default=None
        The same for the bytes of the tree.
    head : {"agglomerative", "kmeans"}, default="agglomerative"
        What an integer `n_clusters` means: Ward's method on the centres of the subclusters, each counted once as in
        scikit-learn, or k-means on the centres with their weights.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the heads that draw.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    subcluster_centers_ : ndarray of shape (n_subclusters, n_features)
        Means of the subclusters, in the dtype of the data.
    subcluster_labels_ : ndarray of shape (n_subclusters,), int64
    labels_ : ndarray of shape (n_samples,), int64
        Exactly ``predict(X)`` of the last data, unless ``compute_labels=False``.
    threshold_ : float
        The threshold of the tree: `threshold`, or more where a bound was met.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only when X has string column names.

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter, or the offending row and column, in the message.
    MemoryError
        When ``head="agglomerative"`` would need more than there is for the distances between subclusters.

    Warns
    -----
    ConvergenceWarning
        When there are fewer subclusters than clusters: then each is a cluster.

    See Also
    --------
    MiniBatchKMeans : Centres from a stream, when their number is known.

    Notes
    -----
    O(n_features · branching_factor · log(n_subclusters)) time per sample, on one thread, in the order of the samples,
    on which the subclusters depend. Memory for the tree alone: about 12 bytes per feature and subcluster, whatever the
    number of samples; ``memory_limit`` bounds it, and twice that is needed while ``partial_fit`` continues a tree.
    The labels take one search for the nearest centre per sample, on all threads.
    ``head="agglomerative"`` takes O(n_subclusters²) time and memory.

    Tie rules: a sample goes to the first of the nearest children, and gets the label of the first of the nearest
    centres. A sample of weight w acts as w copies of it that follow each other, up to rounding; one of weight 0 is
    labelled but moves nothing.

    References
    ----------
    .. [1] T. Zhang, R. Ramakrishnan and M. Livny, "BIRCH: an efficient data clustering method for very large
       databases", SIGMOD 1996.
    .. [2] A. Lang and E. Schubert, "BETULA: fast clustering of large data with improved BIRCH CF-trees", Information
       Systems 108, 2022.

    Examples
    --------
    >>> import shoal
    >>> X = [[0, 1], [0.3, 1], [-0.3, 1], [0, -1], [0.3, -1], [-0.3, -1]]
    >>> model = shoal.Birch(n_clusters=None).fit(X)
    >>> model.predict(X)
    array([0, 0, 0, 1, 1, 1])
    >>> model.partial_fit([[0.1, 9.0]]).subcluster_weights_
    array([3., 3., 1.])
    """

    _tree: Tree

    def __init__(
        self,
        *,
        threshold: float = 0.5,
        branching_factor: int = 50,
        n_clusters: Any = 3,
        compute_labels: bool = True,
        max_subclusters: int | None = None,
        memory_limit: int | None = None,
        head: str = "agglomerative",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.threshold = threshold
        self.branching_factor = branching_factor
        self.n_clusters = n_clusters
        self.compute_labels = compute_labels
        self.max_subclusters = max_subclusters
        self.memory_limit = memory_limit
        self.head = head
        self.random_state = random_state
        self.verbose = verbose

    # --- fitting -------------------------------------------------------------------------------------------

    @all_or_nothing
    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Birch:
        """Build a tree for X and cluster its subclusters.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all zero.

        Returns
        -------
        self : Birch
        """
        return self._grow(X, sample_weight, None)

    @all_or_nothing
    def partial_fit(self, X: Any = None, y: Any = None, sample_weight: ArrayLike | None = None) -> Birch:
        """Put more samples into the tree and cluster its subclusters again.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            None only clusters the subclusters again, after a change of `n_clusters`, say.
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : Birch
        """
        if X is None:
            check_is_fitted(self)
            self._cluster(self._check_head())
            return self
        return self._grow(X, sample_weight, getattr(self, "_tree", None))

    @all_or_nothing
    def merge(self, other: Birch) -> Birch:
        """Put the subclusters of another fitted tree into this one, under the larger threshold of the two.

        What was fitted on two parts of the data becomes one model of both. ``labels_`` goes, for it would be of one
        part only.

        Parameters
        ----------
        other : Birch
            Fitted on data with the same features; stays as it is.

        Returns
        -------
        self : Birch
        """
        check_is_fitted(self)
        if not isinstance(other, Birch):
            raise TypeError(f"other must be a Birch; got {other!r}")
        check_is_fitted(other)
        if other.n_features_in_ != self.n_features_in_:
            raise ValueError(
                f"other must have n_features_in_={self.n_features_in_} features; got {other.n_features_in_}"
            )
        head = self._check_head()
        options = self._check_tree(max(self.threshold_, other.threshold_))
        theirs = other._tree.subclusters()
        *tree, sq_threshold = _core.birch_merge(
            tuple(self._tree),
            other._tree.mean[theirs],
            other._tree.weight[theirs],
            other._tree.sq_dev[theirs],
            **options,
        )
        self._keep(Tree(*tree), sq_threshold, options, self.subcluster_centers_.dtype)
        vars(self).pop("labels_", None)
        self._cluster(head)
        return self

    def _grow(self, X: Any, sample_weight: Any, tree: Tree | None) -> Birch:
        compute_labels = check_bool("compute_labels", self.compute_labels)
        verbose = check_verbose(self.verbose)
        head = self._check_head()
        X = check_data(self, X, reset=tree is None, accept_sparse=True)
        weight = check_sample_weight(sample_weight, X.shape[0], np.float64)
        check_range(X)
        options = self._check_tree(0.0 if tree is None else self.threshold_)
        rows = (X.data, X.indices, X.indptr, X.shape[1]) if sparse.issparse(X) else (X,)
        given = None if tree is None else tuple(tree)
        with progress(verbose, type(self).__name__, "sample") as report:
            (*grown, sq_threshold), subcluster = _core.birch_fit(
                given, *rows, weight, subclusters=compute_labels, progress=report, **options
            )
        self._keep(Tree(*grown), sq_threshold, options, X.dtype)
        self._cluster(head)
        vars(self).pop("labels_", None)
        if compute_labels:
            self.labels_ = self.subcluster_labels_[self._nearest(X, subcluster)]
        return self

    def _keep(self, tree: Tree, sq_threshold: float, options: dict[str, Any], dtype: Any) -> None:
        self._tree = tree
        unchanged = sq_threshold == options["sq_threshold"]
        self.threshold_ = options["threshold"] if unchanged else float(np.sqrt(sq_threshold))
        self.subcluster_centers_ = tree.mean[tree.subclusters()].astype(dtype)
        check_finite(self.subcluster_centers_, name="subcluster_centers_")

    # --- parameters ----------------------------------------------------------------------------------------

    def _check_tree(self, grown: float) -> dict[str, Any]:
        """What the kernel wants to know; the threshold is not below `grown`."""
        threshold = max(check_real("threshold", self.threshold, 0.0), grown)
        branching_factor = check_int("branching_factor", self.branching_factor, 2)
        max_subclusters, max_nodes = 0, 0
        if self.max_subclusters is not None:
            max_subclusters = check_int("max_subclusters", self.max_subclusters, 1)
        if self.memory_limit is not None:
            node = _core.birch_node_bytes(self.n_features_in_, branching_factor)
            max_nodes = check_int("memory_limit", self.memory_limit, 4 * node) // node
        return {
            "sq_threshold": threshold * threshold,
            "branching_factor": branching_factor,
            "max_subclusters": max_subclusters,
            "max_nodes": max_nodes,
        }
