"""The contingency table of two labelings of the same samples, of which all external scores are functions.

The kernel counts it in O(n_samples). Two keywords are everywhere:

``sample_weight``
    A sample of weight `w` stands for `w` copies of it: integer weights give exactly the score of the data
    with each row repeated. Fractional weights are the same formulas on the weighted table; where pairs are
    counted, a sample makes no pair with itself, so that ``w * min(w, 1)`` is taken off its own square. A
    weight of zero is no sample.
``noise``
    What to do with the label -1 of density-based clusterings: ``"cluster"`` (default) treats it as one more
    cluster, which is what scikit-learn's values are; ``"ignore"`` leaves out the samples that are noise in
    either labeling, and refuses labelings of which that leaves nothing; ``"error"`` refuses them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from shoal import _core
from shoal.base.checks import check_bool, check_labels, check_real, check_sample_weight
from shoal.metrics.labels import as_integers, noise_mask, refuse_noise_alone, warn_if_continuous

# Up to this total the products of counts fit in 64 bits: tables are exact integers; beyond it they are
# doubles.
MAX_EXACT_TOTAL = 3_000_000_000


class Table(NamedTuple):
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


def table_of_labels(
    labels_true: ArrayLike, labels_pred: ArrayLike, sample_weight: ArrayLike | None, noise: str
) -> Table:
    first = check_labels(labels_true, "labels_true", column=False)
    second = check_labels(labels_pred, "labels_pred", first.shape[0], column=False)
    warn_if_continuous(first, "labels_true")
    warn_if_continuous(second, "labels_pred")
    weight = check_sample_weight(sample_weight, first.shape[0], np.float64)

    noisy = [noise_mask(first, "labels_true", noise), noise_mask(second, "labels_pred", noise)]
    table = table_of_codes(as_integers(first), as_integers(second), weight, noisy)
    if table.is_empty and first.size:
        refuse_noise_alone("labels_true and labels_pred", first.size, noise)
    return table


def table_of_codes(
    a: NDArray[Any],
    b: NDArray[Any],
    weight: NDArray[np.float64] | None,
    leave_out: list[NDArray[np.bool_] | None],
) -> Table:
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
    return Table(
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
        Labels that are not 1D, differ in length, are missing or of mixed kinds;
        nothing but ignored noise; ``eps`` with ``sparse=True``.

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
    table = table_of_labels(labels_true, labels_pred, sample_weight, noise)
    count = table.counts if dtype is None else table.counts.astype(dtype)
    shape = (table.row_total.size, table.column_total.size)
    matrix = csr_matrix((count, table.column, table.row_start), shape=shape)
    if check_bool("sparse", sparse):
        return matrix
    dense = matrix.toarray()
    return dense if eps is None else dense + eps


def table_of_matrix(contingency: Any) -> Table:
    """The table of a contingency matrix given by the user; rows and columns of zeros are dropped."""
    from scipy.sparse import csr_matrix

    matrix = csr_matrix(contingency, copy=True)
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
    return Table(
        row_start.astype(np.int64), column.astype(np.int32), count, row_total, column_total, count.sum()
    )
