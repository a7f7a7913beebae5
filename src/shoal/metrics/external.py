"""External scores: how well two labelings of the same samples agree.

All of them are functions of the contingency table of the two labelings, which the kernel counts in
O(n_samples); the names, signatures and values are those of ``sklearn.metrics``, with two more keywords
everywhere:

``sample_weight``
    A sample of weight `w` stands for `w` copies of it: integer weights give exactly the score of the data
    with each row repeated. Fractional weights are the same formulas on the weighted table; where pairs are
    counted, a sample makes no pair with itself, so that ``w * min(w, 1)`` is taken off its own square. A
    weight of zero is no sample.
``noise``
    What to do with the label -1 of density-based clusterings: ``"cluster"`` (default) treats it as one more
    cluster, which is what scikit-learn's values are; ``"ignore"`` leaves out the samples that are noise in
    either labeling; ``"error"`` refuses them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from shoal import _core
from shoal.base.checks import check_bool, check_choice, check_labels, check_real, check_sample_weight
from shoal.metrics.labels import as_integers, noise_mask, warn_if_continuous

AVERAGES = ("arithmetic", "geometric", "min", "max")

# Up to this total the products of counts fit in 64 bits: tables are exact integers; beyond it they are
# doubles.
MAX_EXACT_TOTAL = 3_000_000_000


class _Table(NamedTuple):
    """The non-empty cells of a contingency table, by row, then column; labels ascending."""

    row_start: NDArray[np.int64]
    column: NDArray[np.int32]
    counts: NDArray[Any]  # int64, or float64 with fractional weights
    row_total: NDArray[Any]
    column_total: NDArray[Any]
    # sum of w * min(w, 1) over the samples: what a pair count takes off, since no sample pairs with itself
    self_pairs: Any

    @property
    def is_empty(self) -> bool:
        return self.counts.size == 0

    @property
    def is_match(self) -> bool:
        """Each cluster of one labeling is a cluster of the other."""
        return self.counts.size == self.row_total.size == self.column_total.size

    @property
    def total(self) -> Any:
        return self.row_total.sum()

    def mutual_information(self) -> float:
        return _core.mutual_information(
            self.row_start, self.column, self.counts, self.row_total, self.column_total
        )


def _table(
    labels_true: ArrayLike, labels_pred: ArrayLike, sample_weight: ArrayLike | None, noise: str
) -> _Table:
    first = check_labels(labels_true, "labels_true", column=False)
    second = check_labels(labels_pred, "labels_pred", first.shape[0], column=False)
    warn_if_continuous(first, "labels_true")
    warn_if_continuous(second, "labels_pred")
    weight = check_sample_weight(sample_weight, first.shape[0], np.float64)

    noisy = [noise_mask(first, "labels_true", noise), noise_mask(second, "labels_pred", noise)]
    return _count(as_integers(first), as_integers(second), weight, noisy)


def _count(
    a: NDArray[Any],
    b: NDArray[Any],
    weight: NDArray[np.float64] | None,
    leave_out: list[NDArray[np.bool_] | None],
) -> _Table:
    if weight is not None and not weight.all():
        leave_out = [*leave_out, weight == 0]
    masks = [mask for mask in leave_out if mask is not None]
    if masks:
        keep = ~np.logical_or.reduce(masks)
        a, b = a[keep], b[keep]
        weight = weight[keep] if weight is not None else None
    if a.dtype != b.dtype:
        a, b = a.astype(np.int64), b.astype(np.int64)

    self_pairs: Any = a.size
    if weight is not None:
        if (weight == np.trunc(weight)).all() and weight.sum() <= MAX_EXACT_TOTAL:
            weight = weight.astype(np.int64)
            self_pairs = int(weight.sum())
        else:
            self_pairs = float((weight * np.minimum(weight, 1.0)).sum())
    row_start, column, counts, row_total, column_total = _core.contingency(a, b, weight)
    # 64-bit integers come back as NumPy's long long; here they go by their usual name
    plain = np.float64 if counts.dtype.kind == "f" else np.int64
    return _Table(
        row_start, column, counts.view(plain), row_total.view(plain), column_total.view(plain), self_pairs
    )


def contingency_matrix(
    labels_true: ArrayLike,
    labels_pred: ArrayLike,
    *,
    eps: float | None = None,
    sparse: bool = False,
    dtype: DTypeLike | None = None,
    sample_weight: ArrayLike | None = None,
    noise: str = "cluster",
) -> Any:
    """Count how many samples each pair of labels shares.

    Parameters
    ----------
    labels_true, labels_pred : array-like of shape (n_samples,)
        Two labelings: integers, strings, floats with whole values, booleans or dates.
    eps : float, default=None
        Added to every cell of a dense table; it is then float.
    sparse : bool, default=False
        Return a CSR matrix, in O(n_samples) memory.
    dtype : dtype, default=None
        Type of the cells. ``None`` is int64, or float64 when weights are fractional.
    sample_weight : array-like of shape (n_samples,), default=None
        Cells sum weights instead of counting samples.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other; left out when either label is -1; refused.

    Returns
    -------
    contingency : ndarray or CSR matrix of shape (n_classes_true, n_classes_pred)
        Rows and columns in ascending order of the labels.

    Raises
    ------
    ValueError
        Labels that are not 1D, differ in length, are missing or of mixed kinds; ``eps`` with ``sparse=True``.

    Notes
    -----
    O(n_samples + n_classes_true * n_classes_pred) time and memory; sparse, O(n_samples).

    Examples
    --------
    >>> from shoal.metrics import contingency_matrix
    >>> contingency_matrix([0, 0, 1, 1, 2, 2], [1, 0, 2, 1, 0, 2])
    array([[1, 1, 0],
           [0, 1, 1],
           [1, 0, 1]])
    """
    from scipy.sparse import csr_matrix

    if eps is not None:
        eps = check_real("eps", eps, 0.0)
        if check_bool("sparse", sparse):
            raise ValueError("eps must be None when sparse=True; got " + repr(eps))
    table = _table(labels_true, labels_pred, sample_weight, noise)
    count = table.counts if dtype is None else table.counts.astype(dtype)
    shape = (table.row_total.size, table.column_total.size)
    matrix = csr_matrix((count, table.column, table.row_start), shape=shape)
    if check_bool("sparse", sparse):
        return matrix
    dense = matrix.toarray()
    return dense if eps is None else dense + eps


def _pairs(table: _Table) -> tuple[Any, Any, Any, Any]:
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
        Labels that are not 1D, differ in length, are missing or of mixed kinds.

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
    apart, in_pred, in_true, both = _pairs(_table(labels_true, labels_pred, sample_weight, noise))
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
        Labels that are not 1D, differ in length, are missing or of mixed kinds.

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
    apart, in_pred, in_true, both = _pairs(_table(labels_true, labels_pred, sample_weight, noise))
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
        In [-0.5, 1]; 0 on average over random labelings of the same cluster sizes, 1 for the same partition.

    Raises
    ------
    ValueError
        Labels that are not 1D, differ in length, are missing or of mixed kinds.

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
    return _adjusted_rand(_pairs(_table(labels_true, labels_pred, sample_weight, noise)))


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
        Labels that are not 1D, differ in length, are missing or of mixed kinds.

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
    _, in_pred, in_true, both = _pairs(_table(labels_true, labels_pred, sample_weight, noise))
    if both == 0:
        return 0.0
    return float(np.sqrt(both / (both + in_pred)) * np.sqrt(both / (both + in_true)))


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
        Labels that are not 1D, missing or of mixed kinds.

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
    table = _count(codes, np.zeros_like(codes), weight, [noise_mask(array, "labels", noise)])
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
        Labels that are not 1D, differ in length, are missing or of mixed kinds; no samples; a table with
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
        return _table_of_matrix(contingency).mutual_information()
    if labels_true is None or labels_pred is None:
        name = "labels_true" if labels_true is None else "labels_pred"
        raise ValueError(f"{name} must be an array of labels when contingency is None; got None")
    table = _table(labels_true, labels_pred, sample_weight, noise)
    if table.is_empty:
        raise ValueError(
            "labels_true must have at least 1 sample: mutual information of no samples is undefined"
        )
    return table.mutual_information()


def _table_of_matrix(contingency: Any) -> _Table:
    """The table of a contingency matrix given by the user; rows and columns of zeros are dropped."""
    from scipy.sparse import csr_matrix

    matrix = csr_matrix(contingency)
    if matrix.dtype.kind not in "biuf":
        raise ValueError(f"contingency must hold numbers; got dtype {matrix.dtype}")
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    if not np.isfinite(matrix.data).all() or (matrix.data < 0).any():
        raise ValueError("contingency must hold finite cells >= 0")
    if matrix.nnz == 0:
        raise ValueError(f"contingency must have a positive cell; got all zero, shape {matrix.shape}")
    rows, row = np.unique(matrix.tocoo().row, return_inverse=True)
    columns, column = np.unique(matrix.indices, return_inverse=True)
    count = matrix.data.astype(np.float64)
    if (count == np.trunc(count)).all() and count.sum() <= MAX_EXACT_TOTAL:
        count = count.astype(np.int64)
    row_total = np.zeros(rows.size, dtype=count.dtype)
    column_total = np.zeros(columns.size, dtype=count.dtype)
    np.add.at(row_total, row, count)
    np.add.at(column_total, column, count)
    row_start = np.concatenate([[0], np.cumsum(np.bincount(row))])
    return _Table(
        row_start.astype(np.int64), column.astype(np.int32), count, row_total, column_total, count.sum()
    )


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
        Labels that are not 1D, differ in length, are missing or of mixed kinds; an unknown `average_method`.

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
    table = _table(labels_true, labels_pred, sample_weight, noise)
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
    table = _table_of_matrix(contingency)
    if table.counts.dtype.kind != "i":
        raise ValueError("contingency must hold whole numbers with a sum of at most 3e9: cells count samples")
    if n_samples != table.total:
        raise ValueError(f"n_samples must be the sum of contingency={table.total}; got {n_samples!r}")
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
        Labels that are not 1D, differ in length, are missing or of mixed kinds; an unknown `average_method`;
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
    table = _table(labels_true, labels_pred, sample_weight, noise)
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
        Labels that are not 1D, differ in length, are missing or of mixed kinds; a negative or infinite
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
    table = _table(labels_true, labels_pred, sample_weight, noise)
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
        Labels that are not 1D, differ in length, are missing or of mixed kinds.

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
        Labels that are not 1D, differ in length, are missing or of mixed kinds.

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
        Labels that are not 1D, differ in length, are missing or of mixed kinds; a negative or infinite
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
