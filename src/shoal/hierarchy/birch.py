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
    check_spread,
    check_verbose,
    shown,
)
from shoal.base.fitting import all_or_nothing, check_fitted
from shoal.base.progress import progress
from shoal.neighbors.kd_tree import KDTree

HEADS = ("agglomerative", "ward", "kmeans", "gaussian-mixture")
_BLOCK = 2**20  # values of X that are made dense at a time
_MOST_FEATURES = 64  # for which a search by differences, leaving out what is far away, pays
_STARTS = 10  # of k-means on subclusters, which are few


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
        Nodes, as they follow each other.
    subclusters : ndarray of shape (n_subclusters,), int64
        The entries of the leaves by their means, first feature first.
    """

    first: NDArray[np.int64]
    child: NDArray[np.int32]
    weight: NDArray[np.float64]
    sq_dev: NDArray[np.float64]
    mean: NDArray[np.float64]
    leaves: NDArray[np.int32]
    subclusters: NDArray[np.int64]


class Birch(ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, BaseEstimator):
    """Clusters data that come once, in one pass.

    Samples are summed up in subclusters of radius at most `threshold`, found through a tree [1]_; the subclusters are
    then clustered. A subcluster is kept as its weight, mean and sum of squared deviations [2]_, which loses no digits
    far from zero. Subclusters are scikit-learn's, up to rounding; they are numbered by their centres, first feature
    first, and not as the tree happened to grow.

    Parameters
    ----------
    threshold : float, default=0.5
        Largest radius of a subcluster: the root of the mean squared distance of its samples from their mean. 0 merges
        equal samples only, which makes sense together with a bound.
    branching_factor : int, default=50
        Children of a node, at most; at least 2.
    n_clusters : int, estimator or None, default=3
        How the subclusters are clustered: into so many clusters by `head`, by ``fit_predict`` of an estimator, or
        not at all.
    compute_labels : bool, default=True
        Whether ``fit`` and ``partial_fit`` label their samples.
    max_subclusters : int or None, default=None
        Where there are more, the threshold grows and the tree is built again from its subclusters.
    memory_limit : int or None, default=None
        The same for the bytes of the tree.
    head : {"agglomerative", "ward", "kmeans", "gaussian-mixture"}, default="agglomerative"
        What an integer `n_clusters` means: Ward's method on the centres of the subclusters, each counted once as in
        scikit-learn; Ward's method with their weights; k-means on the centres with their weights, the best of ten
        starts, where a sample has the label of the nearest mean; or a mixture of so many Gaussians with full
        covariances, fitted to the centres with their weights, the mean variance inside the subclusters added.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the heads that draw.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    subcluster_centers_ : ndarray of shape (n_subclusters, n_features)
        Means of the subclusters, in the dtype of the data: float32 if all data of ``fit``, ``partial_fit`` and
        ``merge`` were.
    subcluster_labels_ : ndarray of shape (n_subclusters,), int64
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        Only with ``head="kmeans"``, unless there are fewer subclusters than clusters: the means it has found.
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
    Ward's method takes O(n_subclusters²) time at worst, and no more memory than the subclusters.

    Attributes have scikit-learn's names. There is no ``dummy_leaf_``, the head of a list of leaves: the leaves are to
    be found from ``root_``.

    Tie rules: a sample goes to the first of the nearest children, and gets the label of the first of the nearest
    centres. A sample of weight w acts as w copies of it that go the same way; one of weight 0 is labelled but moves
    nothing.

    References
    ----------
    .. [1] T. Zhang, R. Ramakrishnan and M. Livny, "BIRCH: an efficient data clustering method for very large
       databases", SIGMOD 1996.
    .. [2] A. Lang and E. Schubert, "BETULA: fast clustering of large data with improved BIRCH CF-trees", Information
       Systems 108, 2022.

    Examples
    --------
    >>> import shoal
    >>> X = [[1, 0], [1, 0.3], [1, -0.3], [4, 0], [4, 0.3], [4, -0.3]]
    >>> model = shoal.Birch(n_clusters=None).fit(X)
    >>> model.predict(X)
    array([0, 0, 0, 1, 1, 1])
    >>> model.partial_fit([[9.0, 0.1]]).subcluster_weights_
    array([3., 3., 1.])
    """

    subcluster_centers_: NDArray[Any]
    _arrays: tuple[NDArray[Any], ...]  # of the tree
    _read_after_fit = ("branching_factor",)

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
            None only clusters the subclusters again, after a change of `n_clusters`, say; ``labels_`` goes.
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : Birch
        """
        if X is None:
            check_is_fitted(self)
            self._cluster(self._check_head())
            self._forget_labels()
            return self
        return self._grow(X, sample_weight, getattr(self, "_arrays", None))

    @all_or_nothing
    def merge(self, other: Birch) -> Birch:
        """Put the subclusters of another fitted tree into this one, under the larger threshold of the two.

        What was fitted on two parts of the data becomes one model of both. ``labels_`` goes, for it would be of one
        part only.

        Parameters
        ----------
        other : Birch
            Fitted on data with the same features (names too, where there are any); stays as it is.

        Returns
        -------
        self : Birch
        """
        check_fitted(self)
        if not isinstance(other, Birch):
            raise TypeError(f"other must be a Birch; got {shown(other)}")
        check_is_fitted(other)
        if other.n_features_in_ != self.n_features_in_:
            raise ValueError(
                f"other must have n_features_in_={self.n_features_in_} features; got {other.n_features_in_}"
            )
        self._check_names(other)
        head = self._check_head()
        options = self._check_tree(max(self.threshold_, other.threshold_))
        theirs = Tree(*other._arrays)
        leaves = theirs.subclusters
        n_subclusters = len(leaves) + len(self.subcluster_centers_)
        check_spread(
            theirs.mean, name="other", times=4 * n_subclusters, others=(self._tree().mean, np.zeros(1))
        )
        kernel: Any = _core.birch_merge
        *tree, threshold = kernel(
            self._arrays[:-1], theirs.mean[leaves], theirs.weight[leaves], theirs.sq_dev[leaves], **options
        )
        self._keep(Tree(*tree), threshold, other.subcluster_centers_.dtype)
        self._forget_labels()
        self._cluster(head)
        return self

    def _check_names(self, other: Birch) -> None:
        """As scikit-learn compares the names of X with those of the fit: refuse others, warn where one has none."""
        mine, theirs = (getattr(model, "feature_names_in_", None) for model in (self, other))
        if mine is not None and theirs is not None:
            if not np.array_equal(mine, theirs):
                raise ValueError(
                    f"other must have feature_names_in_={mine.tolist()}, in this order; got {theirs.tolist()}"
                )
        elif mine is not None:
            warnings.warn(
                "other does not have feature names, but Birch was fitted with feature names", stacklevel=4
            )
        elif theirs is not None:
            warnings.warn("other has feature names, but Birch was fitted without feature names", stacklevel=4)

    def _grow(self, X: Any, sample_weight: Any, tree: tuple[NDArray[Any], ...] | None) -> Birch:
        if tree is not None:
            check_fitted(self)  # its nodes have room for so many entries
        compute_labels = check_bool("compute_labels", self.compute_labels)
        verbose = check_verbose(self.verbose)
        head = self._check_head()
        X = check_data(self, X, reset=tree is None, accept_sparse=True)
        weight = check_sample_weight(sample_weight, X.shape[0], np.float64)
        # sums of squares of all rows, measured from the origin
        check_spread(X, times=4 * X.shape[0], others=(np.zeros(1),))
        options = self._check_tree(0.0 if tree is None else self.threshold_)
        rows = (X.data, X.indices, X.indptr, X.shape[1]) if sparse.issparse(X) else (X,)
        kernel: Any = _core.birch_fit
        wanted = compute_labels and not (isinstance(head, int) and self.head == "kmeans")
        with progress(verbose, type(self).__name__, "sample") as report:
            (*grown, threshold), subcluster = kernel(
                None if tree is None else tree[:-1],
                *rows,
                weight,
                subclusters=wanted,
                progress=report,
                **options,
            )
        self._keep(Tree(*grown), threshold, X.dtype, continued=tree is not None)
        self._cluster(head)
        self._forget_labels()
        if compute_labels:
            self.labels_ = self._label(X, subcluster if wanted else None)
        return self

    def _label(self, X: Any, subcluster: NDArray[np.int32] | None = None) -> NDArray[np.intp]:
        """Of the nearest mean, where the head has means; else of the nearest subcluster."""
        means = getattr(self, "cluster_centers_", None)
        if means is None:
            return self.subcluster_labels_[self._nearest(X, subcluster)]
        means = means.astype(np.float64)
        return _by_blocks(X, lambda block: _core.kmeans_assign(block, means))

    def _forget_labels(self) -> None:
        if hasattr(self, "labels_"):
            del self.labels_

    def _keep(self, tree: Tree, threshold: float, dtype: Any, *, continued: bool = True) -> None:
        """The tree; its centres in `dtype`, or in the one they had, where that is wider and the tree is `continued`."""
        self._arrays = tuple(tree)
        self.threshold_ = threshold
        if continued:
            dtype = np.result_type(dtype, self.subcluster_centers_.dtype)
        self.subcluster_centers_ = tree.mean[tree.subclusters].astype(dtype)

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
            "threshold": threshold,
            "branching_factor": branching_factor,
            "max_subclusters": max_subclusters,
            "max_nodes": max_nodes,
        }

    def _check_head(self) -> Any:
        """None, an estimator, or an int: what is to be done with the subclusters."""
        check_choice("head", self.head, HEADS)
        check_random_generator(self.random_state)
        is_class = isinstance(self.n_clusters, type)
        if self.n_clusters is None or (hasattr(self.n_clusters, "fit_predict") and not is_class):
            return self.n_clusters
        if isinstance(self.n_clusters, numbers.Integral):
            return check_int("n_clusters", self.n_clusters, 1)
        raise TypeError(
            "n_clusters must be an integer, an estimator with fit_predict"
            f"{' (an instance)' if is_class else ''}, or None; got {shown(self.n_clusters)}"
        )

    # --- subclusters ---------------------------------------------------------------------------------------

    @property
    def subcluster_weights_(self) -> NDArray[np.float64]:
        """Sum of the weights of each subcluster's samples, shape (n_subclusters,)."""
        return self._features("weight")

    @property
    def subcluster_sq_deviations_(self) -> NDArray[np.float64]:
        """Weighted sum of the squared distances of each subcluster's samples from their mean, (n_subclusters,)."""
        return self._features("sq_dev")

    def _features(self, name: str) -> NDArray[np.float64]:
        tree = self._tree()
        return getattr(tree, name)[tree.subclusters]

    def _tree(self) -> Tree:
        if not hasattr(self, "_arrays"):
            raise AttributeError(f"this {type(self).__name__} is not fitted yet")
        return Tree(*self._arrays)

    @property
    def root_(self) -> CFNode:
        """The root of the tree, to walk through: made anew, a change of it changes nothing."""
        return CFNode(self._tree(), 0)

    def _cluster(self, head: Any) -> None:
        """Labels of the subclusters, and the centres of clusters that have such."""
        self.__dict__.pop("cluster_centers_", None)
        centers, n = self.subcluster_centers_, len(self.subcluster_centers_)
        if n == 1 or head is None or (isinstance(head, int) and n < head):
            self.subcluster_labels_ = np.arange(n)
            if isinstance(head, int) and n < head:
                warnings.warn(
                    f"Number of subclusters found ({n}) by BIRCH is less than ({head}). Decrease the threshold.",
                    ConvergenceWarning,
                    stacklevel=5,
                )
            return
        if isinstance(head, int) and self.head == "kmeans":
            from shoal.centroid.kmeans import KMeans

            seed, weight = self.random_state, self.subcluster_weights_
            found = KMeans(head, n_init=_STARTS, random_state=seed).fit(centers, sample_weight=weight)
            self.cluster_centers_, labels = found.cluster_centers_, found.labels_
        else:
            labels = _cluster_into(self, head) if isinstance(head, int) else head.fit_predict(centers)
            if np.shape(labels) != (n,):
                raise ValueError(
                    f"n_clusters must be an estimator that labels each of the {n} subclusters; "
                    f"got labels of shape {np.shape(labels)} from {head!r}"
                )
        self.subcluster_labels_ = np.array(labels, dtype=np.intp)

    def _nearest(self, X: Any, subcluster: NDArray[np.int32] | None = None) -> NDArray[np.intp]:
        """The first of the nearest centres of each row; `subcluster` is what each row is part of, if that is known.

        Which search is used depends on the centres alone, so that each row has the same answer in any company.
        """
        tree = self._tree()
        centers = tree.mean[tree.subclusters]
        n, d = centers.shape
        if d > _MOST_FEATURES:
            return _by_blocks(X, lambda block: _core.kmeans_assign(block, centers))
        if subcluster is not None and n * n <= 400 * X.shape[0]:
            rows = (X.data, X.indices, X.indptr) if sparse.issparse(X) else (X,)
            kernel: Any = _core.birch_nearest
            return kernel(*rows, centers, subcluster).astype(np.intp)
        nearest = np.empty(X.shape[0], dtype=np.intp)
        rest = np.arange(X.shape[0])
        if subcluster is not None and not sparse.issparse(X):
            # A sample that is a subcluster alone has found its centre, if that is not to be mistaken for another.
            alone = (subcluster >= 0) & _apart(centers)[subcluster]
            alone[alone] = (X[alone] == centers[subcluster[alone]]).all(axis=1)
            nearest[alone] = subcluster[alone]
            rest = np.flatnonzero(~alone)
            X = X[rest]
        if rest.size:
            search = KDTree(centers)
            nearest[rest] = _by_blocks(X, lambda block: search.query(block, 1, return_distance=False)[:, 0])
        return nearest

    # --- what a fitted model does --------------------------------------------------------------------------

    def fit_predict(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> NDArray[np.intp]:
        """Fit and return the labels of X; parameters as in ``fit``."""
        self.fit(X, sample_weight=sample_weight)
        return self.labels_ if self.compute_labels else self.predict(X)

    def fit_transform(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> NDArray[Any]:
        """Fit and return the distances of X to the subclusters; parameters as in ``fit``."""
        return self.fit(X, sample_weight=sample_weight).transform(X)

    def predict(self, X: Any) -> NDArray[np.intp]:
        """The label of the subcluster with the nearest centre; with ``head="kmeans"`` that of the nearest mean.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        labels : ndarray of shape (n_samples,), int64
            A tie goes to the first of the nearest.
        """
        check_is_fitted(self)
        X = check_data(self, X, reset=False, accept_sparse=True)
        return self._label(X)

    def transform(self, X: Any) -> NDArray[Any]:
        """Distances of each sample to the centres of all subclusters.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        distances : ndarray of shape (n_samples, n_subclusters)
        """
        check_is_fitted(self)
        centers = self.subcluster_centers_
        X = _like(check_data(self, X, reset=False, accept_sparse=True), centers)
        if not sparse.issparse(X):
            return _core.pairwise(X, centers, "euclidean")
        out = np.empty((X.shape[0], len(centers)), dtype=centers.dtype)
        rows = max(1, _BLOCK // X.shape[1])
        for begin in range(0, X.shape[0], rows):
            out[begin : begin + rows] = _core.pairwise(
                X[begin : begin + rows].toarray(), centers, "euclidean"
            )
        return out

    @property
    def _n_features_out(self) -> int:
        return self.subcluster_centers_.shape[0]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


@dataclass(frozen=True)
class CFNode:
    """A node of the tree of a fitted :class:`Birch`, under scikit-learn's names.

    Attributes
    ----------
    is_leaf : bool
    subclusters_ : list of CFSubcluster
    centroids_ : ndarray of shape (n_children, n_features), float64
    """

    _tree: Tree
    _node: int

    @property
    def _entries(self) -> range:
        return range(int(self._tree.first[self._node]), int(self._tree.first[self._node + 1]))

    @property
    def is_leaf(self) -> bool:
        return len(self._entries) == 0 or self._tree.child[self._entries[0]] < 0

    @property
    def subclusters_(self) -> list[CFSubcluster]:
        return [CFSubcluster(self._tree, entry) for entry in self._entries]

    @property
    def centroids_(self) -> NDArray[np.float64]:
        return self._tree.mean[self._entries.start : self._entries.stop].copy()


@dataclass(frozen=True)
class CFSubcluster:
    """A feature in a node: what scikit-learn's names say of it, from weight, mean and squared deviations.

    Attributes
    ----------
    n_samples_ : float
        Sum of weights.
    centroid_, linear_sum_ : ndarray of shape (n_features,), float64
    child_ : CFNode or None
    radius : float
        Root of the mean squared distance of its samples from their mean, for subclusters of leaves.
    """

    _tree: Tree
    _entry: int

    @property
    def n_samples_(self) -> float:
        return float(self._tree.weight[self._entry])

    @property
    def centroid_(self) -> NDArray[np.float64]:
        return self._tree.mean[self._entry].copy()

    @property
    def linear_sum_(self) -> NDArray[np.float64]:
        return self._tree.mean[self._entry] * self.n_samples_

    @property
    def child_(self) -> CFNode | None:
        child = int(self._tree.child[self._entry])
        return CFNode(self._tree, child) if child >= 0 else None

    @property
    def radius(self) -> float:
        return float(np.sqrt(self._tree.sq_dev[self._entry] / self._tree.weight[self._entry]))


# --- heads -------------------------------------------------------------------------------------------------


def _cluster_into(model: Birch, n_clusters: int) -> NDArray[Any]:
    centers, weight = model.subcluster_centers_, model.subcluster_weights_
    if model.head == "gaussian-mixture":
        from shoal.mixture.gaussian_mixture import GaussianMixture

        inside = float(model.subcluster_sq_deviations_.sum() / (weight.sum() * centers.shape[1]))
        mixture = GaussianMixture(n_clusters, reg_covar=max(inside, 1e-6), random_state=model.random_state)
        return mixture.fit(centers, sample_weight=weight).predict(centers)
    from shoal.hierarchy.linkage import Job

    tree = Job.of(centers, "ward", "euclidean").run(weight if model.head == "ward" else None)
    return _cut(tree.matrix(), n_clusters)


def _cut(Z: NDArray[np.float64], n_clusters: int) -> NDArray[np.intp]:
    """Labels before the last ``n_clusters - 1`` merges, numbered by first appearance."""
    n = len(Z) + 1
    top = np.arange(2 * n - 1)
    for i in range(n - n_clusters - 1, -1, -1):  # a merge knows its own cluster before its parts ask for it
        top[Z[i, :2].astype(np.intp)] = top[n + i]
    _, first, label = np.unique(top[:n], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[label]


# --- rows --------------------------------------------------------------------------------------------------


def _like(X: Any, centers: NDArray[Any]) -> Any:
    if X.dtype == centers.dtype:
        return X
    with np.errstate(over="ignore"):  # what overflows is refused, with its place
        X = X.astype(centers.dtype)
    check_finite(X, "Birch")
    return X


def _by_blocks(X: Any, work: Any) -> NDArray[np.intp]:
    """``work`` done on blocks of rows, dense and in double."""
    if not sparse.issparse(X) and X.dtype == np.float64:
        return work(X).astype(np.intp, copy=False)
    out = np.empty(X.shape[0], dtype=np.intp)
    rows = max(1, _BLOCK // X.shape[1])
    for begin in range(0, X.shape[0], rows):
        block = X[begin : begin + rows]
        block = block.toarray() if sparse.issparse(block) else block
        out[begin : begin + rows] = work(block.astype(np.float64))
    return out


def _apart(centers: NDArray[Any]) -> NDArray[np.bool_]:
    """Centres whose first feature alone keeps them at a distance above zero from all others."""
    order = np.argsort(centers[:, 0], kind="stable")
    gap = np.diff(centers[order, 0])
    clear = np.concatenate([[True], gap * gap > 0, [True]])
    apart = np.empty(len(centers), dtype=bool)
    apart[order] = clear[:-1] & clear[1:]
    return apart


def birch(
    X: Any,
    n_clusters: Any = 3,
    *,
    threshold: float = 0.5,
    branching_factor: int = 50,
    sample_weight: ArrayLike | None = None,
    max_subclusters: int | None = None,
    memory_limit: int | None = None,
    head: str = "agglomerative",
    random_state: Any = None,
    verbose: int = 0,
) -> BirchResult:
    """BIRCH without an estimator; see :class:`Birch`.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    n_clusters, threshold, branching_factor
        As in :class:`Birch`.
    sample_weight : array-like of shape (n_samples,), default=None
    max_subclusters, memory_limit, head, random_state, verbose
        As in :class:`Birch`.

    Returns
    -------
    result : BirchResult
        ``labels``, ``subcluster_centers``, ``subcluster_labels``, ``subcluster_weights``, ``threshold``.

    Examples
    --------
    >>> import shoal
    >>> result = shoal.birch([[0.0], [0.1], [5.0], [5.1]], 2)
    >>> result.subcluster_weights
    array([2., 2.])
    >>> bool(result.labels[0] == result.labels[1] != result.labels[2])
    True
    """
    model = Birch(
        threshold=threshold,
        branching_factor=branching_factor,
        n_clusters=n_clusters,
        max_subclusters=max_subclusters,
        memory_limit=memory_limit,
        head=head,
        random_state=random_state,
        verbose=verbose,
    ).fit(X, sample_weight=sample_weight)
    return BirchResult(
        model.labels_,
        model.subcluster_centers_,
        model.subcluster_labels_,
        model.subcluster_weights_,
        model.threshold_,
    )
