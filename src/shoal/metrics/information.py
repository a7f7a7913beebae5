"""External scores from information theory: what one labeling tells of the other, in nats."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from shoal import _core
from shoal.base.checks import check_choice, check_labels, check_real, check_sample_weight, shown
from shoal.metrics.contingency import table_of_codes, table_of_labels, table_of_matrix
from shoal.metrics.labels import as_integers, noise_mask, refuse_noise_alone

AVERAGES = ("arithmetic", "geometric", "min", "max")


def entropy(labels: ArrayLike, *, sample_weight: ArrayLike | None = None, noise: str = "cluster") -> float:
    """Entropy of a labeling, in nats.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        A labeling.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other; left out; refused.

    Returns
    -------
    entropy : float
        In [0, log(n_clusters)]; 0 for a single cluster; 1 for no samples, as in scikit-learn.

    Raises
    ------
    ValueError
        Labels that are not 1D, missing or of mixed kinds; nothing but ignored noise.

    Notes
    -----
    O(n_samples) time and memory.

    Examples
    --------
    >>> from shoal.metrics import entropy
    >>> round(entropy([0, 0, 1, 1]), 4)
    0.6931
    """
    array = check_labels(labels, "labels", column=False)
    weight = check_sample_weight(sample_weight, array.shape[0], np.float64)
    codes = as_integers(array)
    table = table_of_codes(codes, np.zeros_like(codes), weight, [noise_mask(array, "labels", noise)])
    if table.is_empty and array.size:
        refuse_noise_alone("labels", array.size, noise)
    return 1.0 if table.is_empty else _core.entropy(table.row_total)


def mutual_info_score(
    labels_true: ArrayLike | None,
    labels_pred: ArrayLike | None,
    *,
    contingency: Any = None,
    sample_weight: ArrayLike | None = None,
    noise: str = "cluster",
) -> float:
    """Mutual information of two labelings, in nats.

    Parameters
    ----------
    labels_true, labels_pred : array-like of shape (n_samples,) or None
        Two labelings; not looked at when `contingency` is given.
    contingency : array-like or sparse matrix of shape (n_classes_true, n_classes_pred), default=None
        Their table, where it is known already. Cells may be fractional.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples; any positive scale gives the same value. Must be None with `contingency`.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other; left out when either label is -1; refused.

    Returns
    -------
    MI : float
        In [0, min(H(true), H(pred))]; exactly 0 when the table is what independence makes it.

    Raises
    ------
    ValueError
        Labels that are not 1D, differ in length, are missing or of mixed kinds;
        nothing but ignored noise; no samples; a table with
        negative cells or a zero sum.

    Notes
    -----
    O(n_samples) time and memory.

    References
    ----------
    .. [1] N. X. Vinh, J. Epps and J. Bailey, "Information theoretic measures for clusterings comparison:
       variants, properties, normalization and correction for chance", JMLR 11, 2837-2854, 2010.

    Examples
    --------
    >>> from shoal.metrics import mutual_info_score
    >>> round(mutual_info_score([0, 0, 1, 1], [1, 1, 0, 0]), 4)
    0.6931
    >>> mutual_info_score([0, 0, 1, 1], [0, 1, 0, 1])
    0.0
    """
    if contingency is not None:
        if sample_weight is not None:
            raise ValueError(
                "sample_weight must be None when contingency is given; the table is weighted already"
            )
        return table_of_matrix(contingency).mutual_information()
    if labels_true is None or labels_pred is None:
        name = "labels_true" if labels_true is None else "labels_pred"
        raise ValueError(f"{name} must be an array of labels when contingency is None; got None")
    table = table_of_labels(labels_true, labels_pred, sample_weight, noise)
    if table.is_empty:
        raise ValueError(
            "labels_true must have at least 1 sample: mutual information of no samples is undefined"
        )
    return table.mutual_information()


def _average(first: float, second: float, method: str) -> float:
    if method == "min":
        return min(first, second)
    if method == "max":
        return max(first, second)
    if method == "geometric":
        return float(np.sqrt(first * second))
    return (first + second) / 2


def normalized_mutual_info_score(
    labels_true: ArrayLike,
    labels_pred: ArrayLike,
    *,
    average_method: str = "arithmetic",
    sample_weight: ArrayLike | None = None,
    noise: str = "cluster",
) -> float:
    """Mutual information divided by an average of the two entropies.

    Parameters
    ----------
    labels_true, labels_pred : array-like of shape (n_samples,)
        Two labelings.
    average_method : {"arithmetic", "geometric", "min", "max"}, default="arithmetic"
        How the two entropies make the normalizer.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples; any positive scale gives the same value.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other; left out when either label is -1; refused.

    Returns
    -------
    NMI : float
        In [0, 1]; exactly 1 for the same partition, also for two single clusters and for no samples.

    Raises
    ------
    ValueError
        Labels that are not 1D, differ in length, are missing or of mixed kinds;
        nothing but ignored noise; an unknown `average_method`.

    Notes
    -----
    O(n_samples) time and memory. Not adjusted for chance: it grows with the number of clusters.

    References
    ----------
    .. [1] N. X. Vinh, J. Epps and J. Bailey, "Information theoretic measures for clusterings comparison:
       variants, properties, normalization and correction for chance", JMLR 11, 2837-2854, 2010.

    Examples
    --------
    >>> from shoal.metrics import normalized_mutual_info_score
    >>> normalized_mutual_info_score([0, 0, 1, 1], [1, 1, 0, 0])
    1.0
    >>> round(normalized_mutual_info_score([0, 0, 1, 1], [0, 0, 1, 2]), 4)
    0.8
    """
    check_choice("average_method", average_method, AVERAGES)
    table = table_of_labels(labels_true, labels_pred, sample_weight, noise)
    if table.is_match:
        return 1.0
    information = table.mutual_information()
    if information == 0.0:
        return 0.0
    normalizer = _average(_core.entropy(table.row_total), _core.entropy(table.column_total), average_method)
    return min(information / normalizer, 1.0)


def expected_mutual_information(contingency: Any, n_samples: int) -> float:
    """Mutual information expected of two random labelings with the totals of a contingency table, in nats.

    Parameters
    ----------
    contingency : array-like or sparse matrix of shape (n_classes_true, n_classes_pred)
        A table of whole numbers. Only its row and column totals matter.
    n_samples : int
        The sum of the table.

    Returns
    -------
    EMI : float
        0 when either labeling is a single cluster.

    Raises
    ------
    ValueError
        A table with negative or fractional cells, or `n_samples` that is not its sum, or above 3e9.

    Notes
    -----
    The permutation model: both labelings keep their cluster sizes. A cell is hypergeometric, and

    .. math:: E = \\sum_{ij} \\sum_m \\frac{m}{N} \\log\\frac{N m}{a_i b_j}
              \\frac{\\binom{b_j}{m} \\binom{N - b_j}{a_i - m}}{\\binom{N}{a_i}}.

    Pairs of equal totals are computed once, probabilities follow from the ratio of neighbours outwards from
    the mode, and the sum stops where they no longer matter: O(r c w) time, r and c being the numbers of
    distinct totals (at most ``sqrt(2 * n_samples)``) and w about 20 standard deviations of a cell.

    References
    ----------
    .. [1] N. X. Vinh, J. Epps and J. Bailey, "Information theoretic measures for clusterings comparison:
       variants, properties, normalization and correction for chance", JMLR 11, 2837-2854, 2010.

    Examples
    --------
    >>> from shoal.metrics import contingency_matrix, expected_mutual_information
    >>> table = contingency_matrix([0, 0, 1, 1], [0, 0, 1, 2])
    >>> round(expected_mutual_information(table, 4), 4)
    0.4621
    """
    table = table_of_matrix(contingency)
    if table.counts.dtype.kind != "i":
        raise ValueError("contingency must hold whole numbers with a sum of at most 3e9: cells count samples")
    if n_samples != table.total:
        raise ValueError(f"n_samples must be the sum of contingency={table.total}; got {shown(n_samples)}")
    return _core.expected_mutual_information(table.row_total, table.column_total)


def adjusted_mutual_info_score(
    labels_true: ArrayLike,
    labels_pred: ArrayLike,
    *,
    average_method: str = "arithmetic",
    sample_weight: ArrayLike | None = None,
    noise: str = "cluster",
) -> float:
    """Mutual information adjusted for chance.

    ``(MI - E[MI]) / (average(H(true), H(pred)) - E[MI])``, the expectation being over all labelings with the
    same cluster sizes.

    Parameters
    ----------
    labels_true, labels_pred : array-like of shape (n_samples,)
        Two labelings.
    average_method : {"arithmetic", "geometric", "min", "max"}, default="arithmetic"
        How the two entropies make the normalizer.
    sample_weight : array-like of shape (n_samples,), default=None
        Whole numbers: the expectation counts the ways to permute samples. Fractional weights are refused.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other; left out when either label is -1; refused.

    Returns
    -------
    AMI : float
        At most 1, which is the same partition; 0 on average over random labelings. Exactly 0 when one
        labeling is a single cluster, or every sample by itself, and the other is not (with ``"min"``, 1 in
        the latter case: 0 / 0, and MI is as large as it can be).

    Raises
    ------
    ValueError
        Labels that are not 1D, differ in length, are missing or of mixed kinds;
        nothing but ignored noise; an unknown `average_method`;
        weights that are not whole numbers, or sum to more than 3e9.

    Notes
    -----
    O(n_samples) time and memory for the table; see :func:`expected_mutual_information` for the expectation.

    References
    ----------
    .. [1] N. X. Vinh, J. Epps and J. Bailey, "Information theoretic measures for clusterings comparison:
       variants, properties, normalization and correction for chance", JMLR 11, 2837-2854, 2010.

    Examples
    --------
    >>> from shoal.metrics import adjusted_mutual_info_score
    >>> adjusted_mutual_info_score([0, 0, 1, 1], [1, 1, 0, 0])
    1.0
    >>> round(adjusted_mutual_info_score([0, 0, 1, 1], [0, 0, 1, 2]), 4)
    0.5714
    """
    check_choice("average_method", average_method, AVERAGES)
    table = table_of_labels(labels_true, labels_pred, sample_weight, noise)
    if table.counts.dtype.kind != "i":
        raise ValueError(
            "sample_weight must hold whole numbers that sum to at most 3e9, since the expectation of AMI "
            "counts samples; normalized_mutual_info_score takes any weights"
        )
    if table.is_match:
        return 1.0
    n_rows, n_columns, total = table.row_total.size, table.column_total.size, int(table.total)
    if n_rows == 1 or n_columns == 1:
        return 0.0
    if total in (n_rows, n_columns):  # every sample by itself: MI is the same for all permutations
        return 1.0 if average_method == "min" else 0.0
    information = table.mutual_information()
    expected = _core.expected_mutual_information(table.row_total, table.column_total)
    normalizer = _average(_core.entropy(table.row_total), _core.entropy(table.column_total), average_method)
    return (information - expected) / (normalizer - expected)


def homogeneity_completeness_v_measure(
    labels_true: ArrayLike,
    labels_pred: ArrayLike,
    *,
    beta: float = 1.0,
    sample_weight: ArrayLike | None = None,
    noise: str = "cluster",
) -> tuple[float, float, float]:
    """Homogeneity, completeness and V-measure of a clustering, given the true classes.

    Parameters
    ----------
    labels_true : array-like of shape (n_samples,)
        Classes.
    labels_pred : array-like of shape (n_samples,)
        Clusters.
    beta : float, default=1.0
        Weight of completeness over homogeneity in the V-measure: ``(1 + beta) h c / (beta h + c)``.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples; any positive scale gives the same values.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other; left out when either label is -1; refused.

    Returns
    -------
    homogeneity : float
        ``MI / H(true)``, in [0, 1]; exactly 1 when every cluster lies in one class.
    completeness : float
        ``MI / H(pred)``, in [0, 1]; exactly 1 when every class lies in one cluster.
    v_measure : float
        Their weighted harmonic mean, in [0, 1].

    Raises
    ------
    ValueError
        Labels that are not 1D, differ in length, are missing or of mixed kinds;
        nothing but ignored noise; a negative or infinite
        `beta`.

    Notes
    -----
    O(n_samples) time and memory. All three are 1 for no samples.

    References
    ----------
    .. [1] A. Rosenberg and J. Hirschberg, "V-measure: a conditional entropy-based external cluster evaluation
       measure", EMNLP-CoNLL, 410-420, 2007.

    Examples
    --------
    >>> from shoal.metrics import homogeneity_completeness_v_measure
    >>> h, c, v = homogeneity_completeness_v_measure([0, 0, 1, 1], [0, 0, 1, 2])
    >>> h, round(c, 4), round(v, 4)
    (1.0, 0.6667, 0.8)
    """
    beta = check_real("beta", beta, 0.0, np.finfo(np.float64).max)
    table = table_of_labels(labels_true, labels_pred, sample_weight, noise)
    # A cluster inside one class is a column with one cell; a class inside one cluster is such a row.
    pure = table.counts.size == table.column_total.size
    whole = table.counts.size == table.row_total.size
    information = 0.0 if pure and whole else table.mutual_information()
    homogeneity = 1.0 if pure else min(information / _core.entropy(table.row_total), 1.0)
    completeness = 1.0 if whole else min(information / _core.entropy(table.column_total), 1.0)
    if homogeneity == 0.0 or completeness == 0.0:
        return homogeneity, completeness, 0.0
    # the form that does not overflow for a large beta
    v_measure = (
        homogeneity * completeness / (homogeneity * (beta / (1 + beta)) + completeness * (1 / (1 + beta)))
    )
    return homogeneity, completeness, v_measure


def homogeneity_score(
    labels_true: ArrayLike,
    labels_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    noise: str = "cluster",
) -> float:
    """How far each cluster holds samples of one class only: ``MI / H(true)``.

    Parameters
    ----------
    labels_true : array-like of shape (n_samples,)
        Classes.
    labels_pred : array-like of shape (n_samples,)
        Clusters.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples; any positive scale gives the same value.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other; left out when either label is -1; refused.

    Returns
    -------
    homogeneity : float
        In [0, 1]; exactly 1 when every cluster lies in one class.

    Raises
    ------
    ValueError
        Labels that are not 1D, differ in length, are missing or of mixed kinds; nothing but ignored noise.

    Notes
    -----
    O(n_samples) time and memory. Homogeneity of (a, b) is completeness of (b, a).

    References
    ----------
    .. [1] A. Rosenberg and J. Hirschberg, "V-measure: a conditional entropy-based external cluster evaluation
       measure", EMNLP-CoNLL, 410-420, 2007.

    Examples
    --------
    >>> from shoal.metrics import homogeneity_score
    >>> homogeneity_score([0, 0, 1, 1], [0, 0, 1, 2])
    1.0
    """
    return homogeneity_completeness_v_measure(
        labels_true, labels_pred, sample_weight=sample_weight, noise=noise
    )[0]


def completeness_score(
    labels_true: ArrayLike,
    labels_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    noise: str = "cluster",
) -> float:
    """How far each class lies in one cluster only: ``MI / H(pred)``.

    Parameters
    ----------
    labels_true : array-like of shape (n_samples,)
        Classes.
    labels_pred : array-like of shape (n_samples,)
        Clusters.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples; any positive scale gives the same value.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other; left out when either label is -1; refused.

    Returns
    -------
    completeness : float
        In [0, 1]; exactly 1 when every class lies in one cluster.

    Raises
    ------
    ValueError
        Labels that are not 1D, differ in length, are missing or of mixed kinds; nothing but ignored noise.

    Notes
    -----
    O(n_samples) time and memory. Completeness of (a, b) is homogeneity of (b, a).

    References
    ----------
    .. [1] A. Rosenberg and J. Hirschberg, "V-measure: a conditional entropy-based external cluster evaluation
       measure", EMNLP-CoNLL, 410-420, 2007.

    Examples
    --------
    >>> from shoal.metrics import completeness_score
    >>> round(completeness_score([0, 0, 1, 1], [0, 0, 1, 2]), 4)
    0.6667
    """
    return homogeneity_completeness_v_measure(
        labels_true, labels_pred, sample_weight=sample_weight, noise=noise
    )[1]


def v_measure_score(
    labels_true: ArrayLike,
    labels_pred: ArrayLike,
    *,
    beta: float = 1.0,
    sample_weight: ArrayLike | None = None,
    noise: str = "cluster",
) -> float:
    """Harmonic mean of homogeneity and completeness.

    Parameters
    ----------
    labels_true : array-like of shape (n_samples,)
        Classes.
    labels_pred : array-like of shape (n_samples,)
        Clusters.
    beta : float, default=1.0
        Weight of completeness over homogeneity: ``(1 + beta) h c / (beta h + c)``.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples; any positive scale gives the same value.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other; left out when either label is -1; refused.

    Returns
    -------
    v_measure : float
        In [0, 1]; with ``beta=1`` it is NMI with the arithmetic mean, and symmetric.

    Raises
    ------
    ValueError
        Labels that are not 1D, differ in length, are missing or of mixed kinds;
        nothing but ignored noise; a negative or infinite
        `beta`.

    Notes
    -----
    O(n_samples) time and memory.

    References
    ----------
    .. [1] A. Rosenberg and J. Hirschberg, "V-measure: a conditional entropy-based external cluster evaluation
       measure", EMNLP-CoNLL, 410-420, 2007.

    Examples
    --------
    >>> from shoal.metrics import v_measure_score
    >>> round(v_measure_score([0, 0, 1, 1], [0, 0, 1, 2]), 4)
    0.8
    """
    return homogeneity_completeness_v_measure(
        labels_true, labels_pred, beta=beta, sample_weight=sample_weight, noise=noise
    )[2]
