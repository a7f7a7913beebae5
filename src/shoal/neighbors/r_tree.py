"""The packed R-tree: axis-aligned boxes asked of points, with counts and sums."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal import _core
from shoal.base.checks import check_choice, check_finite, check_matrix
from shoal.neighbors.tree import Tree, pieces

CLOSED = ("both", "left")


class BoxSum(NamedTuple):
    """What :meth:`RTree.box_sum` returns.

    Attributes
    ----------
    weights : ndarray of shape (n_boxes,), float64
        Sum of `sample_weight` over the points in each box, or their number.
    sums : ndarray of shape (n_boxes, n_features), float64
        Sum of the points, each times its weight.
    """

    weights: NDArray[np.float64]
    sums: NDArray[np.float64]


class RTree(Tree):
    """A packed R-tree over the rows of X.

    Finds, counts and sums the points in axis-aligned boxes. All points are known when it is built, so leaves are
    full and boxes tight: points are put into tiles by selection, sort-tile-recursive [2]_ from the root down. A node
    that lies inside a box is counted and summed without a look at its points. It also answers whatever
    :class:`KDTree` answers; a k-d tree is the better one for nearest neighbours.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        float32 stays float32; everything else becomes float64.
    leaf_size : int or None, default=None
        Points per leaf, in [1, 64], rounded up to a multiple of 16. ``None`` takes what was fastest. Boxes and counts
        do not depend on it; sums may differ in the last bits.
    metric : {"euclidean", "manhattan", "chebyshev", "minkowski"}, default="euclidean"
        For the queries with a distance.
    p : float, default=2
        The exponent of "minkowski", at least 1; ``inf`` is "chebyshev".
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights that counts and sums use. ``None``: every sample counts one.

    Attributes
    ----------
    data : ndarray of shape (n_samples, n_features)
        What the tree was built on.
    n_samples, n_features : int
    metric : str
    leaf_size : int
        Points per leaf, as rounded.

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter, or the offending row and column, in the message. Queries with a
        distance refuse rows so far apart that its square (its p-th power) overflows; boxes take any values.

    Notes
    -----
    Building takes O(n_samples · log(n_samples)) time, and about 1.3 times the memory of X plus 12 bytes per sample and
    one float64 per feature for every leaf. A box is counted in O(n_samples ** (1 - 1 / n_features)) at worst, whatever
    the number of points in it. Results have the same bits for any number of threads. Fewer than 2**31 samples.

    Pickling keeps the data and the parameters; loading builds the tree again.

    References
    ----------
    .. [1] A. Guttman, "R-trees: a dynamic index structure for spatial searching", Proc. ACM SIGMOD, 47-57, 1984.
    .. [2] S. T. Leutenegger, M. A. Lopez and J. Edgington, "STR: a simple and efficient algorithm for R-tree packing",
       Proc. 13th Int. Conf. on Data Engineering, 497-506, 1997.

    Examples
    --------
    >>> import shoal
    >>> tree = shoal.RTree([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0], [5.0, 5.0]])
    >>> tree.box_count([[0.0, 0.0]], [[1.0, 2.0]])
    array([3.])
    >>> tree.box_count([[0.0, 0.0]], [[1.0, 2.0]], closed="left")
    array([1.])
    >>> tree.box_sum([[0.0, 0.0]], [[1.0, 2.0]]).sums
    array([[2., 2.]])
    >>> tree.query_box([[0.5, -1.0]], [[9.0, 9.0]])[0]
    array([1, 2, 3], dtype=int32)
    """

    _build = staticmethod(_core.r_tree)
    _of_distances = False  # boxes compare coordinates, which cannot overflow

    def query_box(self, low: ArrayLike, high: ArrayLike, closed: str = "both") -> NDArray[Any]:
        """The points in boxes.

        Parameters
        ----------
        low, high : array-like of shape (n_boxes, n_features)
            Corners of the boxes; infinite for no bound. A box with ``low > high`` in a feature is empty.
        closed : {"both", "left"}, default="both"
            ``low <= value <= high`` in every feature, or ``low <= value < high``: half-open boxes side by side share
            no point.

        Returns
        -------
        indices : ndarray of shape (n_boxes,), object
            For each box an int32 array of rows of the data, ascending.

        Examples
        --------
        >>> import shoal
        >>> shoal.RTree([[0.0], [1.0], [3.0]]).query_box([[0.0], [2.0]], [[1.0], [4.0]])
        array([array([0, 1], dtype=int32), array([2], dtype=int32)], dtype=object)
        """
        start, rows = self._index.within_boxes(*self._boxes(low, high, closed))
        return pieces(rows, start)

    def box_count(self, low: ArrayLike, high: ArrayLike, closed: str = "both") -> NDArray[np.float64]:
        """The weight of the points in boxes.

        Parameters
        ----------
        low, high : array-like of shape (n_boxes, n_features)
            As for :meth:`query_box`.
        closed : {"both", "left"}, default="both"

        Returns
        -------
        weights : ndarray of shape (n_boxes,), float64
            Sum of `sample_weight`, or the number of points.

        Examples
        --------
        >>> import shoal
        >>> shoal.RTree([[0.0], [1.0], [3.0]], sample_weight=[1, 2, 4]).box_count([[0.5]], [[3.0]])
        array([6.])
        """
        weights: NDArray[np.float64]
        weights, _ = self._index.box_weights(*self._boxes(low, high, closed), with_sums=False)
        return weights

    def box_sum(self, low: ArrayLike, high: ArrayLike, closed: str = "both") -> BoxSum:
        """The weight and the weighted sum of the points in boxes.

        Parameters
        ----------
        low, high : array-like of shape (n_boxes, n_features)
            As for :meth:`query_box`.
        closed : {"both", "left"}, default="both"

        Returns
        -------
        result : BoxSum
            ``weights`` of shape (n_boxes,) and ``sums`` of shape (n_boxes, n_features), float64. Their quotient is
            the mean of each box.

        Examples
        --------
        >>> import shoal
        >>> weights, sums = shoal.RTree([[0.0], [1.0], [3.0]]).box_sum([[0.5]], [[3.0]])
        >>> sums / weights[:, None]
        array([[2.]])
        """
        return BoxSum(*self._index.box_weights(*self._boxes(low, high, closed), with_sums=True))

    def _boxes(self, low: ArrayLike, high: ArrayLike, closed: str) -> tuple[NDArray[Any], NDArray[Any]]:
        check_choice("closed", closed, CLOSED)
        corners = [self._corner(low, "low"), self._corner(high, "high")]
        if len(corners[0]) != len(corners[1]):
            raise ValueError(f"high must have as many rows as low, {len(corners[0])}; got {len(corners[1])}")
        if closed == "left":
            # nothing lies between a number and the one just below it
            corners[1] = np.nextafter(corners[1], corners[1].dtype.type(-np.inf))
        return corners[0], corners[1]

    def _corner(self, corner: ArrayLike, name: str) -> NDArray[Any]:
        with np.errstate(over="ignore"):
            values = check_matrix(corner, name, finite=False).astype(self.data.dtype, copy=False)
        if np.isnan(values).any():
            check_finite(np.where(np.isinf(values), 0, values), name=name)
        if values.shape[1] != self.n_features:
            raise ValueError(f"{name} must have n_features={self.n_features} columns; got {values.shape[1]}")
        return np.ascontiguousarray(values)
