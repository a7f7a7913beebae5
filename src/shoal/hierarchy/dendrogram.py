"""What is read off a linkage matrix: the order of its leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.hierarchy.linkage import check_condensed


def optimal_leaf_ordering(Z: ArrayLike, distances: ArrayLike) -> NDArray[np.float64]:
    """Z with the clusters of each merge swapped such that neighbouring leaves are near each other.

    Parameters
    ----------
    Z : array-like of shape (n_samples - 1, 4)
        A linkage matrix.
    distances : array-like of shape (n_samples * (n_samples - 1) / 2,) or (n_samples, n_samples)
        Between samples.

    Returns
    -------
    Z : ndarray of shape (n_samples - 1, 4)
        The sum of the distances between neighbouring leaves is the least that the tree allows.

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
    from scipy.cluster import hierarchy

    condensed, _ = check_condensed(distances)
    ordered: Any = hierarchy.optimal_leaf_ordering(
        np.asarray(Z, dtype=np.float64), condensed.astype(np.float64)
    )
    return ordered
