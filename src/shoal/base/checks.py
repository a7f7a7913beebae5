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
    return check_sample_weight(sample_weight, X.shape[0], X.dtype)


def check_sample_weight(sample_weight: ArrayLike | None, n_samples: int, dtype: Any) -> NDArray[Any] | None:
    """Like :func:`check_weight`, where there are samples but no X."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, numbers.Number):
        sample_weight = np.full(n_samples, sample_weight, dtype=dtype)
    weight = check_array(
        sample_weight,
        dtype=dtype,
        order="C",
        ensure_2d=False,
        ensure_all_finite=False,
        ensure_min_samples=0,
        input_name="sample_weight",
    )
    if weight.ndim != 1 or weight.shape[0] != n_samples:
        raise ValueError(f"sample_weight must have shape (n_samples={n_samples},); got {weight.shape}")
    check_finite(weight, name="sample_weight")
    if (weight < 0).any():
        row = int(np.argmax(weight < 0))
        raise ValueError(
            f"Negative values in sample_weight: must be >= 0; got {weight[row]!r} at index {row}"
        )
    if n_samples and not (weight > 0).any():
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


def check_labels(
    labels: ArrayLike, name: str, n_samples: int | None = None, *, column: bool = True
) -> NDArray[Any]:
    """A one-dimensional array of labels of one kind: numbers, strings, or others that sort.

    Of length `n_samples` when given; a single column counts as one-dimensional when `column`. Arrays of
    objects become arrays of numbers or strings where they hold nothing else. Missing and complex values are
    refused.
    """
    if np.ndim(labels) == 0:
        raise ValueError(f"{name} must be 1D: an array of labels; got {labels!r}")
    array = np.asarray(labels)
    if column and array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{name} must be 1D: shape is {array.shape!r}")
    if n_samples is not None and array.shape[0] != n_samples:
        raise ValueError(f"{name} must have n_samples={n_samples} entries; got {array.shape[0]}")
    if array.dtype.kind in "OT":
        array = _labels_of_objects(array, name)
    if array.dtype.kind in "cV":
        raise ValueError(f"{name} must be numbers or strings; got dtype {array.dtype}")
    if array.dtype.kind == "f":
        check_finite(array, name=name)
    if array.dtype.kind in "mM" and np.isnat(array).any():
        raise ValueError(f"Input {name} contains NaT at index {int(np.argmax(np.isnat(array)))}")
    return array


def _labels_of_objects(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Labels held as Python objects, as numbers or strings; others as their ranks."""
    objects = array.tolist()
    kinds = set(map(type, objects))
    if not objects:
        return np.empty(0, dtype=np.int64)
    if all(issubclass(kind, str) for kind in kinds):
        return np.array(objects, dtype=np.str_)
    if all(issubclass(kind, numbers.Real) for kind in kinds):
        plain = np.array(objects)
        if plain.dtype.kind != "O":  # no integer beyond 64 bits
            return plain
    for index, value in enumerate(objects):
        if _is_missing(value):
            raise ValueError(f"Input {name} contains a missing value at index {index}: {value!r}")
    try:
        return np.unique(array, return_inverse=True)[1]
    except TypeError:
        found = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(
            f"{name} must hold labels of one kind, all numbers or all strings; got {found}"
        ) from None


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):  # pandas.NA compares as NA, which has no truth value
        return True


def draw_seed(random_state: Any) -> int:
    """A 64-bit seed for the kernels. An int gives the same seed each time; None a fresh one."""
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 2**63, dtype=np.int64))
    state = check_random_state(random_state)
    high, low = (int(v) for v in state.randint(0, 2**31 - 1, size=2))
    return high << 31 | low
