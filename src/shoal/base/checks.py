"""The one place where user input is checked.

Every refusal is one sentence with the parameter, what was expected and what came:
``n_clusters must be in [1, n_samples=40]; got 50``. Kernels assume what these functions establish.
"""

from __future__ import annotations

import numbers
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.utils.validation import check_array, check_random_state, validate_data

REAL = (np.float64, np.float32)


def check_data(
    estimator: Any, X: Any, *, reset: bool = True, min_samples: int = 1, accept_sparse: bool = False
) -> Any:
    """X as a C-contiguous float32 or float64 matrix (or CSR), all values finite.

    float32 stays float32, everything else becomes float64. Feature names and ``n_features_in_`` are recorded
    on `estimator` when `reset`, compared when not. Data already in this form are borrowed, not copied.
    """
    X = validate_data(
        estimator,
        X,
        reset=reset,
        dtype=REAL,
        order="C",
        accept_sparse="csr" if accept_sparse else False,
        accept_large_sparse=False,
        ensure_all_finite=False,
        ensure_min_samples=min_samples,
    )
    check_finite(X, type(estimator).__name__)
    return X


def check_matrix(X: Any, name: str = "X", *, min_samples: int = 1, accept_sparse: bool = False) -> Any:
    """Like :func:`check_data`, for functions that have no estimator."""
    X = check_array(
        X,
        dtype=REAL,
        order="C",
        accept_sparse="csr" if accept_sparse else False,
        accept_large_sparse=False,
        ensure_all_finite=False,
        ensure_min_samples=min_samples,
        input_name=name,
    )
    check_finite(X, None, name)
    return X


def check_finite(X: Any, owner: str | None = None, name: str = "X") -> None:
    """Raise ValueError that names the first row and column of `X` holding NaN or infinity."""
    values = X.data if sparse.issparse(X) else X
    with np.errstate(all="ignore"):
        if np.isfinite(np.sum(values)):  # one fast pass; only a sum that overflows looks closer
            return
    bad = np.flatnonzero(~np.isfinite(values.ravel()))
    if bad.size == 0:
        return
    first = int(bad[0])
    if sparse.issparse(X):
        row = int(np.searchsorted(X.indptr, first, side="right")) - 1
        column = int(X.indices[first])
    elif X.ndim == 2:
        row, column = divmod(first, X.shape[1])
    else:
        row, column = first, -1
    what = "NaN" if np.isnan(values.ravel()[first]) else "infinity"
    where = f"row {row}, column {column}" if column >= 0 else f"index {row}"
    also = f" (and {bad.size - 1} more)" if bad.size > 1 else ""
    hint = f"; {owner} does not accept missing or infinite values" if owner else ""
    raise ValueError(f"Input {name} contains {what} at {where}{also}{hint}")


def check_weight(sample_weight: ArrayLike | None, X: Any) -> NDArray[Any] | None:
    """One finite non-negative weight per row of X in X's dtype, or None; not all zero."""
    if sample_weight is None:
        return None
    n_samples = X.shape[0]
    if isinstance(sample_weight, numbers.Number):
        sample_weight = np.full(n_samples, sample_weight, dtype=X.dtype)
    weight = check_array(
        sample_weight,
        dtype=X.dtype,
        order="C",
        ensure_2d=False,
        ensure_all_finite=False,
        input_name="sample_weight",
    )
    if weight.ndim != 1 or weight.shape[0] != n_samples:
        raise ValueError(f"sample_weight must have shape (n_samples={n_samples},); got {weight.shape}")
    check_finite(weight, name="sample_weight")
    if (weight < 0).any():
        row = int(np.argmax(weight < 0))
        raise ValueError(f"Negative values in sample_weight: must be >= 0; got {weight[row]!r} at index {row}")
    if not (weight > 0).any():
        raise ValueError("sample_weight must have a positive value; got all zero")
    return np.ascontiguousarray(weight)


def check_int(name: str, value: Any, low: int, high: int | None = None, high_name: str = "") -> int:
    """`value` as an int in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer; got {value!r}")
    value = int(value)
    if value < low or (high is not None and value > high):
        top = "inf" if high is None else f"{high_name}={high}" if high_name else str(high)
        raise ValueError(f"{name} must be in [{low}, {top}]; got {value}")
    return value


def check_real(
    name: str, value: Any, low: float = -np.inf, high: float = np.inf, *, open_low: bool = False
) -> float:
    """`value` as a finite float in [low, high], or in (low, high] when `open_low`; NaN is refused."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number; got {value!r}")
    number = float(value)
    if not (low <= number <= high) or (open_low and number == low):
        left = "(" if open_low or low == -np.inf else "["
        raise ValueError(f"{name} must be in {left}{low:g}, {high:g}]; got {value!r}")
    return number


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """`value` if it is one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {listed}; got {value!r}")
    return value


def check_bool(name: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False; got {value!r}")
    return bool(value)


def check_labels(labels: ArrayLike, name: str, n_samples: int | None = None) -> NDArray[Any]:
    """A one-dimensional label array (any dtype that sorts), of length `n_samples` when given."""
    array = np.asarray(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{name} must be 1D: shape is {array.shape!r}")
    if n_samples is not None and array.shape[0] != n_samples:
        raise ValueError(f"{name} must have n_samples={n_samples} entries; got {array.shape[0]}")
    return array


def draw_seed(random_state: Any) -> int:
    """A 64-bit seed for the kernels. An int gives the same seed each time; None a fresh one."""
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 2**63, dtype=np.int64))
    state = check_random_state(random_state)
    high, low = (int(v) for v in state.randint(0, 2**31 - 1, size=2))
    return high << 31 | low
