"""External scores that count pairs of samples: together or apart in one labeling and in the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.metrics.contingency import Table, table_of_labels


def _pairs(table: Table) -> tuple[Any, Any, Any, Any]:
    """Ordered pairs of different samples: (apart in both, together in pred only, in true only, in both)."""
    together = np.dot(table.counts, table.counts)
    in_pred = _less(np.dot(table.column_total, table.column_total), together)
    in_true = _less(np.dot(table.row_total, table.row_total), together)
    apart = _less(table.total**2, together + in_pred + in_true)
    return apart, in_pred, in_true, _less(together, table.self_pairs)


def _less(whole: Any, part: Any) -> Any:
    """``whole - part``, where doubles that agree but for rounding are equal."""
    difference = whole - part
    exact = isinstance(difference, np.integer)
    return difference if exact or difference > 1e-14 * whole else np.float64(0.0)


def pair_confusion_matrix(
    labels_true: ArrayLike,
    labels_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    noise: str = "cluster",
) -> NDArray[Any]:
    """Count the pairs of samples by whether either labeling puts them together.

    Parameters
    ----------
    labels_true, labels_pred : array-like of shape (n_samples,)
        Two labelings.
    sample_weight : array-like of shape (n_samples,), default=None
        A pair of different samples counts the product of their weights, a sample of weight w > 1 also
        w * (w - 1) pairs with its own copies.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other; left out when either label is -1; refused.

    Returns
    -------
    C : ndarray of shape (2, 2), int64, or float64 with fractional weights
        ``C[i, j]`` ordered pairs are together in `labels_true` (i = 1) or not (i = 0), and together in
        `labels_pred` (j = 1) or not (j = 0).

    Raises
    ------
    ValueError
        Labels that are not 1D, differ in length, are missing or of mixed kinds; nothing but ignored noise.

    Notes
    -----
    O(n_samples) time and memory.

    References
    ----------
    .. [1] L. Hubert and P. Arabie, "Comparing partitions", Journal of Classification 2, 193-218, 1985.

    Examples
    --------
    >>> from shoal.metrics import pair_confusion_matrix
    >>> pair_confusion_matrix([0, 0, 1, 1], [0, 0, 1, 2])
    array([[8, 0],
           [2, 2]])
    """
    apart, in_pred, in_true, both = _pairs(table_of_labels(labels_true, labels_pred, sample_weight, noise))
    return np.array([[apart, in_pred], [in_true, both]])


def rand_score(
    labels_true: ArrayLike,
    labels_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    noise: str = "cluster",
) -> float:
    """Fraction of pairs of samples on which two labelings agree.

    Parameters
    ----------
    labels_true, labels_pred : array-like of shape (n_samples,)
        Two labelings.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples; an integer w is w copies.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other; left out when either label is -1; refused.

    Returns
    -------
    RI : float
        In [0, 1]; 1 for the same partition, and where there are no pairs.

    Raises
    ------
    ValueError
        Labels that are not 1D, differ in length, are missing or of mixed kinds; nothing but ignored noise.

    Notes
    -----
    O(n_samples) time and memory.

    References
    ----------
    .. [1] W. M. Rand, "Objective criteria for the evaluation of clustering methods", Journal of the American
       Statistical Association 66, 846-850, 1971.

    Examples
    --------
    >>> from shoal.metrics import rand_score
    >>> rand_score([0, 0, 1, 1], [1, 1, 0, 0])
    1.0
    >>> round(rand_score([0, 0, 1, 2], [0, 0, 1, 1]), 4)
    0.8333
    """
    apart, in_pred, in_true, both = _pairs(table_of_labels(labels_true, labels_pred, sample_weight, noise))
    agree, all_pairs = apart + both, apart + both + in_pred + in_true
    return 1.0 if in_pred + in_true == 0 else float(agree / all_pairs)


def adjusted_rand_score(
    labels_true: ArrayLike,
    labels_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    noise: str = "cluster",
) -> float:
    """Rand index adjusted for chance.

    Parameters
    ----------
    labels_true, labels_pred : array-like of shape (n_samples,)
        Two labelings.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples; an integer w is w copies.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other; left out when either label is -1; refused.

    Returns
    -------
    ARI : float
        In [-0.5, 1], with weights below 1 in (-1, 1]; 0 on average over random labelings of the same cluster sizes, 1
        for the same partition.

    Raises
    ------
    ValueError
        Labels that are not 1D, differ in length, are missing or of mixed kinds; nothing but ignored noise.

    Notes
    -----
    O(n_samples) time and memory.

    References
    ----------
    .. [1] L. Hubert and P. Arabie, "Comparing partitions", Journal of Classification 2, 193-218, 1985.

    Examples
    --------
    >>> from shoal.metrics import adjusted_rand_score
    >>> adjusted_rand_score([0, 0, 1, 1], [1, 1, 0, 0])
    1.0
    >>> round(adjusted_rand_score([0, 0, 1, 1], [0, 0, 1, 2]), 4)
    0.5714
    """
    return _adjusted_rand(_pairs(table_of_labels(labels_true, labels_pred, sample_weight, noise)))


def _adjusted_rand(pairs: tuple[Any, Any, Any, Any]) -> float:
    # Python's integers: the products of pair counts are beyond 64 bits.
    tn, fp, fn, tp = (value.item() for value in pairs)
    if fn == 0 and fp == 0:
        return 1.0
    return float(2 * (tp * tn - fn * fp) / ((tp + fn) * (fn + tn) + (tp + fp) * (fp + tn)))


def fowlkes_mallows_score(
    labels_true: ArrayLike,
    labels_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    noise: str = "cluster",
) -> float:
    """Geometric mean of the precision and recall of the pairs that are together.

    Parameters
    ----------
    labels_true, labels_pred : array-like of shape (n_samples,)
        Two labelings.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples; an integer w is w copies.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other; left out when either label is -1; refused.

    Returns
    -------
    FMI : float
        In [0, 1]; 1 for the same partition, 0 where no pair is together in both (also when there are no
        pairs).

    Raises
    ------
    ValueError
        Labels that are not 1D, differ in length, are missing or of mixed kinds; nothing but ignored noise.

    Notes
    -----
    O(n_samples) time and memory.

    References
    ----------
    .. [1] E. B. Fowlkes and C. L. Mallows, "A method for comparing two hierarchical clusterings", Journal of
       the American Statistical Association 78, 553-569, 1983.

    Examples
    --------
    >>> from shoal.metrics import fowlkes_mallows_score
    >>> fowlkes_mallows_score([0, 0, 1, 1], [1, 1, 0, 0])
    1.0
    >>> fowlkes_mallows_score([0, 0, 0, 0], [0, 1, 2, 3])
    0.0
    """
    _, in_pred, in_true, both = _pairs(table_of_labels(labels_true, labels_pred, sample_weight, noise))
    if both == 0:
        return 0.0
    return float(np.sqrt(both / (both + in_pred)) * np.sqrt(both / (both + in_true)))
