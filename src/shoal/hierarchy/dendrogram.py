"""What is read off a linkage matrix: cuts, cophenetic distances, the order of the leaves."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal import _core
from shoal.base.checks import check_choice, check_int, check_matrix, check_real
from shoal.base.memory import require_memory
from shoal.hierarchy.linkage import check_condensed

CRITERIA = ("inconsistent", "distance", "maxclust", "monocrit", "maxclust_monocrit")


def cut_tree(
    Z: ArrayLike, n_clusters: int | ArrayLike | None = None, height: float | ArrayLike | None = None
) -> NDArray[np.int64]:
    """Clusters of samples after the first merges.

    Parameters
    ----------
    Z : array-like of shape (n_samples - 1, 4)
        A linkage matrix, as of :func:`shoal.linkage`.
    n_clusters : int or array-like of int, default=None
        Numbers of clusters, each in [1, n_samples].
    height : float or array-like of float, default=None
        Merges below this distance are done, unless one that they stand on is not. Neither this nor `n_clusters`: all
        cuts, from n_samples clusters to one.

    Returns
    -------
    labels : ndarray of shape (n_samples, n_cuts), int64
        A column for each cut; clusters are numbered by first appearance.

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter in the message.
    MemoryError
        When all cuts are asked for and do not fit into memory.

    Notes
    -----
    The labels of :func:`scipy.cluster.hierarchy.cut_tree`, in O(n_samples) for each cut (there O(n_samples²)). Equal
    heights are taken in the order of Z (there in another). Where heights fall (centroid, median), a merge has its turn
    by the largest height among itself and the merges below it, as in :func:`scipy.cluster.hierarchy.fcluster`: every
    cluster is a node of the tree, and there are as many as asked for. SciPy's `cut_tree` goes by heights alone, comes
    to some merges before their parts, and then may give fewer clusters.

    Examples
    --------
    >>> import shoal
    >>> Z = shoal.linkage([[0.0], [5.0], [1.0], [5.5]], "average")
    >>> shoal.cut_tree(Z, [2, 3]).T
    array([[0, 1, 0, 1],
           [0, 1, 2, 1]])
    >>> shoal.cut_tree(Z, height=0.8).ravel()
    array([0, 1, 2, 1])
    """
    tree = check_linkage(Z)
    n = len(tree) + 1
    if height is not None and n_clusters is not None:
        raise ValueError("height must be None when n_clusters is given; got both")
    order, heights = rising(tree)
    if height is not None:
        limits = [check_real("height", value) for value in np.ravel(np.asarray(height)).tolist()]
        merges = [int(np.searchsorted(np.sort(heights), limit)) for limit in limits]
    elif n_clusters is not None:
        counts = np.ravel(np.asarray(n_clusters)).tolist()
        merges = [n - check_int("n_clusters", count, 1, n, "n_samples") for count in counts]
    else:
        require_memory(8 * n * n, f"all cuts of {n} samples", "n_clusters or height")
        merges = list(range(n))
    left, right = children_in(order, tree)
    labels = np.empty((n, len(merges)), dtype=np.int64)
    for column, count in enumerate(merges):
        labels[:, column] = _core.labels_after(left, right, count)
    return labels


def fcluster(
    Z: ArrayLike,
    t: float,
    criterion: str = "inconsistent",
    depth: int = 2,
    R: ArrayLike | None = None,
    monocrit: ArrayLike | None = None,
) -> NDArray[np.int32]:
    """Flat clusters by a criterion, from 1; see :func:`scipy.cluster.hierarchy.fcluster`, which does the work.

    Parameters
    ----------
    Z : array-like of shape (n_samples - 1, 4)
        A linkage matrix.
    t : float
        For "distance" the largest cophenetic distance within a cluster, for "maxclust" the largest number of clusters,
        for "inconsistent" the largest coefficient.
    criterion : {"inconsistent", "distance", "maxclust", "monocrit", "maxclust_monocrit"}, default="inconsistent"
    depth : int, default=2
        Levels that the coefficient of "inconsistent" looks at.
    R, monocrit : array-like, default=None
        The matrix of :func:`inconsistent`; the statistic of each merge.

    Returns
    -------
    labels : ndarray of shape (n_samples,), int32

    Examples
    --------
    >>> import shoal
    >>> Z = shoal.linkage([[0.0], [5.0], [1.0], [5.5]], "average")
    >>> shoal.fcluster(Z, 2, "distance")
    array([2, 1, 2, 1], dtype=int32)
    """
    from scipy.cluster import hierarchy

    tree = check_linkage(Z)
    criterion = check_choice("criterion", criterion, CRITERIA)
    statistics: NDArray[np.float64] | None = None
    if R is not None:
        statistics = check_matrix(R, "R").astype(np.float64, copy=False)
        if statistics.shape != tree.shape:
            raise ValueError(f"R must have shape (n_samples - 1, 4)={tree.shape}; got {statistics.shape}")
    given: NDArray[np.float64] | None = None
    if monocrit is not None:
        given = np.ravel(check_matrix(np.reshape(monocrit, (1, -1)), "monocrit")).astype(np.float64)
        if given.size != len(tree):
            raise ValueError(f"monocrit must have n_samples - 1 = {len(tree)} values; got {given.size}")
    elif criterion.endswith("monocrit"):
        raise ValueError(f"monocrit must be given with criterion={criterion!r}; got None")
    depth = check_int("depth", depth, 1, 2**31 - 1)
    found: NDArray[np.int32] = hierarchy.fcluster(
        _of_samples(tree), check_real("t", t), criterion, depth, statistics, given
    )
    return found


class Cophenet(NamedTuple):
    """What :func:`cophenet` returns when it is given distances.

    Attributes
    ----------
    correlation : float
        The cophenetic correlation coefficient.
    distances : ndarray of shape (n_samples * (n_samples - 1) / 2,), float64
        In the tree, condensed.
    """

    correlation: float
    distances: NDArray[np.float64]


@overload
def cophenet(Z: ArrayLike, Y: None = None) -> NDArray[np.float64]: ...


@overload
def cophenet(Z: ArrayLike, Y: ArrayLike) -> Cophenet: ...


def cophenet(Z: ArrayLike, Y: ArrayLike | None = None) -> NDArray[np.float64] | Cophenet:
    """The height at which each two samples come together; see :func:`scipy.cluster.hierarchy.cophenet`.

    Parameters
    ----------
    Z : array-like of shape (n_samples - 1, 4)
        A linkage matrix.
    Y : array-like of shape (n_samples * (n_samples - 1) / 2,) or (n_samples, n_samples), default=None
        The distances that the tree was made of. With them their correlation with those in the tree is returned too:
        how well the tree keeps them.

    Returns
    -------
    distances : ndarray of shape (n_samples * (n_samples - 1) / 2,), float64
        Condensed; or, when `Y` is given, a named tuple of ``correlation`` and ``distances``. The correlation is NaN
        where all distances, or all heights, are equal.

    Raises
    ------
    ValueError, TypeError
        On bad data, with the parameter in the message.
    MemoryError
        When they do not fit into memory.

    Examples
    --------
    >>> import shoal
    >>> Y = [1.0, 5.0, 4.0]
    >>> Z = shoal.linkage(Y, "single")
    >>> shoal.cophenet(Z)
    array([1., 4., 4.])
    >>> round(shoal.cophenet(Z, Y).correlation, 3)
    0.971
    """
    from scipy.cluster import hierarchy

    tree = check_linkage(Z)
    n = len(tree) + 1
    given = None
    if Y is not None:
        given, n_samples = check_condensed(Y, "Y")
        if n_samples != n:
            raise ValueError(f"Y must be between n_samples={n} samples; got {n_samples}")
    n_arrays = 1 if given is None else 4
    require_memory(n_arrays * 4 * n * (n - 1), f"cophenetic distances of {n} samples", "fewer samples")
    found: NDArray[np.float64] = hierarchy.cophenet(_of_samples(tree))
    return found if given is None else Cophenet(_correlation(given, found), found)


def _of_samples(tree: NDArray[np.float64]) -> NDArray[np.float64]:
    """The tree with numbers of samples for sizes, as SciPy counts on, where sizes are weights."""
    n = len(tree) + 1
    counts = [1] * n
    for left, right in tree[:, :2].astype(np.int64).tolist():
        counts.append(counts[left] + counts[right])
    if np.array_equal(tree[:, 3], counts[n:]):
        return tree
    return np.column_stack([tree[:, :3], counts[n:]])


def _correlation(x: NDArray[Any], y: NDArray[np.float64]) -> float:
    apart = [values.astype(np.float64) for values in (x, y)]
    for values in apart:
        values -= values.mean()
        values /= np.abs(values).max() or 1.0  # squares neither overflow nor vanish
    both, one, other = (float((a * b).sum()) for a, b in (apart, apart[:1] * 2, apart[1:] * 2))
    return both / math.sqrt(one * other) if one > 0 and other > 0 else math.nan


def inconsistent(Z: ArrayLike, d: int = 2) -> NDArray[np.float64]:
    """How far each merge is above those below it; see :func:`scipy.cluster.hierarchy.inconsistent`.

    Parameters
    ----------
    Z : array-like of shape (n_samples - 1, 4)
        A linkage matrix.
    d : int, default=2
        Levels below a merge that count, at least 1.

    Returns
    -------
    R : ndarray of shape (n_samples - 1, 4), float64
        Mean and standard deviation of the heights, their number, and the coefficient.

    Examples
    --------
    >>> import shoal
    >>> shoal.inconsistent(shoal.linkage([[0.0], [1.0], [5.0]], "single")).round(3)
    array([[1.   , 0.   , 1.   , 0.   ],
           [2.5  , 2.121, 2.   , 0.707]])
    """
    from scipy.cluster import hierarchy

    found: NDArray[np.float64] = hierarchy.inconsistent(
        _of_samples(check_linkage(Z)), check_int("d", d, 1, 2**31 - 1)
    )
    return found


def leaves_order(Z: ArrayLike) -> NDArray[np.int32]:
    """The samples from left to right, as a dendrogram shows them.

    Parameters
    ----------
    Z : array-like of shape (n_samples - 1, 4)
        A linkage matrix; :func:`optimal_leaf_ordering` makes one whose neighbours are near each other.

    Returns
    -------
    samples : ndarray of shape (n_samples,), int32

    Examples
    --------
    >>> import shoal
    >>> shoal.leaves_order(shoal.linkage([[0.0], [5.0], [1.0], [5.5]], "average"))
    array([1, 3, 0, 2], dtype=int32)
    """
    from scipy.cluster import hierarchy

    found: NDArray[np.int32] = hierarchy.leaves_list(_of_samples(check_linkage(Z)))
    return found


def optimal_leaf_ordering(Z: ArrayLike, distances: ArrayLike) -> NDArray[np.float64]:
    """Z with the clusters of each merge swapped such that neighbouring leaves are near each other.

    Parameters
    ----------
    Z : array-like of shape (n_samples - 1, 4)
        A linkage matrix.
    distances : array-like of shape (n_samples * (n_samples - 1) / 2,) or (n_samples, n_samples)
        Between samples. Sums are kept in their type if it is float32, else in float64.

    Returns
    -------
    Z : ndarray of shape (n_samples - 1, 4), float64
        The sum of the distances between neighbouring leaves is the least that the tree allows.

    Raises
    ------
    ValueError, TypeError
        On bad data, with the parameter in the message.
    MemoryError
        When the table of all pairs of ends does not fit into memory.

    Notes
    -----
    The dynamic programme of [1]_ as products of matrices in the semiring (min, +). O(n_samples³) time, about
    n_samples³ / 24 additions when clusters of equal size merge, O(n_samples²) when samples join one by one; memory:
    one n_samples x n_samples matrix, of float32 if the distances are. The same result for any number of threads.

    The last merge keeps its clusters in place: its order read backwards is as good. Of other equal ways the first by
    the order in which Z has its leaves is taken.
    :func:`scipy.cluster.hierarchy.optimal_leaf_ordering` (1.17) turns the parts of a cluster as is best for the
    cluster alone, whatever its neighbours: its orders can be longer than those of this function, never shorter.

    References
    ----------
    .. [1] Z. Bar-Joseph, D. K. Gifford and T. S. Jaakkola, "Fast optimal leaf ordering for hierarchical clustering",
       Bioinformatics 17(Suppl. 1), 22-29, 2001.

    Examples
    --------
    >>> import shoal
    >>> Z = shoal.linkage([[0.0], [9.0], [1.0], [4.0]], "average")
    >>> shoal.optimal_leaf_ordering(Z, [9, 1, 4, 8, 5, 3])[:, :2]
    array([[2., 0.],
           [3., 4.],
           [1., 5.]])
    """
    tree = check_linkage(Z)
    condensed, n = check_condensed(distances, "distances")
    if n != len(tree) + 1:
        raise ValueError(f"distances must be between n_samples={len(tree) + 1} samples; got {n}")
    dtype = np.float32 if condensed.dtype == np.float32 else np.float64
    require_memory(
        n * n * np.dtype(dtype).itemsize,
        f"the optimal order of {n} leaves",
        "the order of Z as it is, or distances of float32",
    )
    left, right = (np.ascontiguousarray(tree[:, side], dtype=np.int32) for side in (0, 1))
    swapped = _core.order_leaves(left, right, np.ascontiguousarray(condensed, dtype=dtype)).astype(bool)
    ordered = tree.copy()
    ordered[swapped, 0], ordered[swapped, 1] = tree[swapped, 1], tree[swapped, 0]
    return ordered


def check_linkage(Z: Any) -> NDArray[np.float64]:
    """Z as a float64 matrix whose rows join clusters that are there."""
    tree = check_matrix(Z, "Z").astype(np.float64, copy=False)
    if tree.shape[1] != 4:
        raise ValueError(f"Z must have 4 columns; got {tree.shape[1]}")
    n = len(tree) + 1
    joined = tree[:, :2]
    if (joined != np.floor(joined)).any() or (joined < 0).any():
        raise ValueError("Z must hold the numbers of clusters in its first two columns")
    late = (joined >= n + np.arange(n - 1)[:, None]).any(axis=1)
    if late.any():
        row = int(np.argmax(late))
        raise ValueError(f"Z must join clusters that are there; got {joined[row].max():g} in row {row}")
    if np.unique(joined).size != joined.size:
        raise ValueError("Z must join every cluster once; got one that is joined twice")
    return tree


def rising(Z: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The merges in the order in which cuts do them, and for each the largest height of it and those below it.

    Where heights never fall these are the order and the heights of Z. Where they do (centroid, median), a merge has
    its turn after those below it all the same, so that the clusters after any number of merges are nodes of the tree.
    """
    n, heights = len(Z) + 1, Z[:, 2]
    if (np.diff(heights) >= 0).all():
        return np.arange(n - 1), heights
    top = [-np.inf] * n + heights.tolist()
    for i, (left, right) in enumerate(Z[:, :2].astype(np.intp).tolist()):
        top[n + i] = max(top[n + i], top[left], top[right])
    largest = np.array(top[n:])
    return np.argsort(largest, kind="stable"), largest


def children_in(order: NDArray[np.intp], Z: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """What the merges of Z join, done in another order."""
    n = len(Z) + 1
    number = np.arange(2 * n - 1, dtype=np.int32)  # of each node in that order
    number[n + order] = np.arange(n, 2 * n - 1)
    children = number[Z[order, :2].astype(np.intp)]
    return np.ascontiguousarray(children[:, 0]), np.ascontiguousarray(children[:, 1])
