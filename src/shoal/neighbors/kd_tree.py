"""The k-d tree: exact nearest neighbours and radius queries for small and middle numbers of features."""

from __future__ import annotations

from shoal import _core
from shoal.neighbors.tree import Tree


class KDTree(Tree):
    """A k-d tree over the rows of X.

    Finds exact nearest neighbours and the points within a radius, for small and middle numbers of features (up to
    about 20; beyond, most queries look at most points). Points are kept in the order of the tree, eight children to
    a node, so that one vector instruction measures one feature of all children, or of many points of a leaf.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        float32 stays float32; everything else becomes float64. Distances have this dtype.
    leaf_size : int or None, default=None
        Points per leaf, in [1, 64], rounded up to a multiple of 16. ``None`` takes what was fastest. It changes
        speed, never a result.
    metric : {"euclidean", "manhattan", "chebyshev", "minkowski"}, default="euclidean"
        Also under the names "l2", "l1", "cityblock", "infinity" and "p".
    p : float, default=2
        The exponent of "minkowski", at least 1; ``inf`` is "chebyshev".
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights that :meth:`radius_count` adds up. ``None``: every sample counts one.

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
        On bad data or parameters, with the parameter, or the offending row and column, in the message. Rows and
        queries so far apart that squares of distances (of "minkowski" p-th powers) overflow are refused.

    Notes
    -----
    Building takes O(n_samples · log(n_samples)) time and about 1.3 times the memory of X, plus 12 bytes per sample.
    A query takes O(k · log(n_samples)) while n_features is small against log2(n_samples). A result does not depend on
    the number of threads, on the instruction set or on `leaf_size`: distances are sums over the features in order,
    and a box is left out only if no point in it, at its distance as computed, could enter. Fewer than 2**31 samples.

    Pickling keeps the data and the parameters; loading builds the tree again.

    References
    ----------
    .. [1] J. L. Bentley, "Multidimensional binary search trees used for associative searching", Communications of
       the ACM 18(9), 509-517, 1975.
    .. [2] J. H. Friedman, J. L. Bentley and R. A. Finkel, "An algorithm for finding best matches in logarithmic
       expected time", ACM Transactions on Mathematical Software 3(3), 209-226, 1977.

    Examples
    --------
    >>> import numpy as np
    >>> import shoal
    >>> tree = shoal.KDTree(np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0], [5.0, 6.0]]))
    >>> distances, indices = tree.query([[0.0, 1.0], [5.0, 5.0]], k=2)
    >>> distances.round(3)
    array([[1.   , 1.414],
           [0.   , 1.   ]])
    >>> indices
    array([[0, 1],
           [2, 3]], dtype=int32)
    >>> tree.radius_count([[0.0, 0.0], [9.0, 9.0]], r=1.0)
    array([2., 0.])
    """

    _build = staticmethod(_core.kd_tree)
