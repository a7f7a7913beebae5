"""The one place where user input is checked.

Every refusal is one sentence with the parameter, what was expected and what came:
``n_clusters must be in [1, n_samples=40]; got 50``. Kernels assume what these functions establish.

scikit-learn and SciPy are imported by the functions that need them, so that scalar checks, and with them
:func:`shoal.threads` and :func:`shoal.show_config`, cost no second of start-up.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Collection
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal import _core

REAL = (np.float64, np.float32)
LARGEST_INT = 2**63 - 1  # that kernels take
LARGEST_REAL = float(np.finfo(np.float64).max)
Extremes: TypeAlias = tuple[
    float, float
]  # least and largest value: NaN where a value is, inf and -inf of none


def check_data(
    estimator: Any,
    X: Any,
    *,
    reset: bool = True,
    min_samples: int = 1,
    accept_sparse: bool = False,
    finite: bool = True,
) -> Any:
    """X as a C-contiguous float32 or float64 matrix (or CSR), all values finite (unless not `finite`).

    float32 stays float32, everything else becomes float64. Feature names and ``n_features_in_`` are recorded
    on `estimator` when `reset`, compared when not. Data already in this form are borrowed, not copied.
    """
    checked, columns = _as_data(estimator, X, reset, min_samples, accept_sparse)
    if finite:
        check_finite(checked, type(estimator).__name__, columns=columns)
    return checked


def check_data_extremes(estimator: Any, X: Any, *, accept_sparse: bool = False) -> tuple[Any, Extremes]:
    """:func:`check_data`, and the extremes of the (stored) values: what :func:`spread_fits` would look for again."""
    checked, columns = _as_data(estimator, X, True, 1, accept_sparse)
    return checked, check_finite(checked, type(estimator).__name__, columns=columns)


def _as_data(estimator: Any, X: Any, reset: bool, min_samples: int, accept_sparse: bool) -> tuple[Any, Any]:
    """What check_data does but for looking at the values; and the names of the columns, if X has any."""
    from sklearn.utils.validation import validate_data

    _check_kind(X, "X")
    X = _native(_well_formed(X, "X"))
    try:
        checked = validate_data(
            estimator,
            X,
            reset=reset,
            dtype=REAL,
            order="C",
            accept_sparse="csr" if accept_sparse else False,
            ensure_all_finite=False,
            ensure_min_samples=min_samples,
        )
    except (TypeError, ValueError) as error:
        _refuse(X, "X", error)
    return _canonical(checked, "X"), getattr(X, "columns", None)


def check_matrix(
    X: Any, name: str = "X", *, min_samples: int = 1, accept_sparse: bool = False, finite: bool = True
) -> Any:
    """Like :func:`check_data`, for functions that have no estimator; any values unless `finite`."""
    if _is_plain(X, min_samples):
        if finite:
            check_finite(X, None, name)
        return X
    from sklearn.utils.validation import check_array

    _check_kind(X, name)
    X = _native(_well_formed(X, name))
    try:
        checked = check_array(
            X,
            dtype=REAL,
            order="C",
            accept_sparse="csr" if accept_sparse else False,
            ensure_all_finite=False,
            ensure_min_samples=min_samples,
            input_name=name,
        )
    except (TypeError, ValueError) as error:
        _refuse(X, name, error)
    checked = _canonical(checked, name)
    if finite:
        check_finite(checked, None, name, columns=getattr(X, "columns", None))
    return checked


def _is_plain(X: Any, min_samples: int) -> bool:
    """Already a matrix as kernels take it; to ask scikit-learn would cost more than many a small call."""
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype in REAL
        and X.dtype.isnative
        and X.flags.c_contiguous
        and X.flags.aligned
        and min_samples <= X.shape[0] <= np.iinfo(np.int32).max
        and X.shape[1] > 0
    )


def _native(X: Any) -> Any:
    """Arrays as this machine has them: its byte order (to scikit-learn other float32 is none), and aligned."""
    if isinstance(X, np.ndarray) and not X.dtype.isnative:
        return X.astype(X.dtype.newbyteorder("="))
    if isinstance(X, np.ndarray) and not X.flags.aligned:
        return X.copy()
    return X


def _well_formed(X: Any, name: str) -> Any:
    """X, or if it is compressed and sparse the same arrays less room that is not used; indices lead to values."""
    if not _is_sparse(X) or X.format not in ("csr", "csc", "bsr"):
        return X
    try:
        X = type(X)((X.data, X.indices, X.indptr), shape=X.shape)  # the caller's own is not pruned
        X.check_format(full_check=True)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a well-formed sparse matrix: {error}") from None
    return X


def _canonical(X: Any, name: str) -> Any:
    """X itself, or if it is sparse what kernels take: columns ascending, none twice, 32-bit indices."""
    if X.shape[0] > np.iinfo(np.int32).max:  # samples have 32-bit numbers
        raise ValueError(f"{name} must have at most {np.iinfo(np.int32).max} rows; got {X.shape[0]}")
    if not _is_sparse(X):
        return X
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    if X.indices.dtype != np.int32 or X.indptr.dtype != np.int32:
        most = np.iinfo(np.int32).max
        if max(X.nnz, *X.shape) > most:
            raise ValueError(f"{name} must have at most {most} stored values, rows and columns; got {X.nnz}")
        X = type(X)((X.data, X.indices.astype(np.int32), X.indptr.astype(np.int32)), shape=X.shape)
    return X


def _check_kind(X: Any, name: str) -> None:
    """Refuse what NumPy would turn into numbers without a word: complex, dates, masked values."""
    columns = getattr(X, "columns", None)  # of a frame
    for column, dtype in enumerate([getattr(X, "dtype", None)] if columns is None else X.dtypes):
        kind = getattr(dtype, "kind", "")
        if kind == "c":
            raise ValueError(f"Complex data not supported: {name} must hold real numbers; got dtype {dtype}")
        if kind in ("m", "M") or getattr(dtype, "is_temporal", bool)():  # NumPy's and pandas'; polars'
            where = "" if columns is None else f" in column {column} ({shown(columns[column])})"
            raise TypeError(f"{_input(name)} must hold numbers; got dtype {dtype}{where}")
    if isinstance(X, np.ma.MaskedArray) and X.mask.any():
        raise ValueError(f"{_input(name)} must have no masked values; got {int(X.mask.sum())} of them")


def _refuse(X: Any, name: str, error: TypeError | ValueError) -> NoReturn:
    """Raise scikit-learn's refusal of `X` again, as one sentence that names the parameter and the cell."""
    message = str(error)
    if message.startswith("Complex data"):
        raise ValueError(f"Complex data not supported: {name} must hold real numbers") from None
    if message.startswith("Found array with"):
        found = f"Found array {name}" if _input(name) != name else f"Found in {name} an array"
        raise type(error)(message.replace("Found array", found, 1)) from None
    if "inhomogeneous shape" in message:
        raise ValueError(f"{name} must have rows of one length; got rows that differ in length") from None
    if _is_sparse(X) or not message.startswith(
        ("Expected 2D", "could not convert", "float()", "setting an array")
    ):
        raise error
    shape = np.shape(X)
    if len(shape) != 2:
        got = f"shape {shape}" if shape else repr(X)
        hint = (
            ". Reshape your data with reshape(-1, 1) if it is one feature, reshape(1, -1) if it is one sample"
        )
        raise ValueError(
            f"{name} must be a 2D array of shape (n_samples, n_features); got {got}"
            + (hint if len(shape) == 1 else "")
        ) from None
    for row, values in enumerate(np.asarray(X, dtype=object)):
        for column, value in enumerate(values):
            try:
                float(value)
            except (TypeError, ValueError) as reason:
                where = _where(row, column, getattr(X, "columns", None))
                raise type(error)(f"{_input(name)} must hold numbers: {reason}, at {where}") from None
    raise error


def _input(name: str) -> str:
    """How a sentence about values begins: with "Input X", or with "the result of init", which is no input."""
    return name if name.startswith("the ") else f"Input {name}"


def _where(row: int, column: int, columns: Any) -> str:
    title = "" if columns is None else f" ({shown(columns[column])})"
    return f"row {row}, column {column}{title}"


def _is_sparse(X: Any) -> bool:
    return hasattr(X, "tocsr")


def check_finite(X: Any, owner: str | None = None, name: str = "X", *, columns: Any = None) -> Extremes:
    """Raise ValueError that names the first row and column of `X` holding NaN or infinity.

    Returns the extremes of the (stored) values.
    """
    values = X.data if _is_sparse(X) else X
    low, high = _extremes(values)
    if values.size == 0 or (math.isfinite(low) and math.isfinite(high)):
        return low, high
    bad = np.flatnonzero(~np.isfinite(values.ravel()))
    first = int(bad[0])
    if _is_sparse(X):
        row = int(np.searchsorted(X.indptr, first, side="right")) - 1
        where = _where(row, int(X.indices[first]), columns)
    elif X.ndim == 2:
        where = _where(first // X.shape[1], first % X.shape[1], columns)
    else:
        where = f"index {first}"
    what = "NaN" if np.isnan(values.ravel()[first]) else "infinity"
    also = f" (and {bad.size - 1} more)" if bad.size > 1 else ""
    hint = f"; {owner} does not accept missing or infinite values" if owner else ""
    raise ValueError(f"{_input(name)} contains {what} at {where}{also}{hint}")


def _extremes(values: NDArray[Any]) -> Extremes:
    if values.dtype in REAL and values.flags.c_contiguous and values.flags.aligned:
        return _core.extremes(values.reshape(-1))
    if values.size == 0:
        return math.inf, -math.inf
    return float(values.min()), float(values.max())


def spread_fits(
    X: Any,
    metric: str = "euclidean",
    p: float = 2,
    *,
    dtype: Any = None,
    times: float = 4,
    total: float = 1,
    others: Collection[Any] = (),
    extremes: Extremes | None = None,
) -> bool:
    """Whether distances (their squares, or sums of p-th powers) between rows of X and `others` fit into `dtype`.

    There is room for `times` the largest of them, and in float64 for `total` times as much. `dtype` is X's own by
    default. One pass over the data at the speed of memory, none where the `extremes` of its values are known.
    """
    powers = {"euclidean": 2.0, "minkowski": float(p), "manhattan": 1.0, "chebyshev": 1.0}
    if metric not in powers:
        return True
    stored = X.data if _is_sparse(X) else X
    ends = [0.0] if _is_sparse(X) else []
    if stored.size:
        ends += _extremes(stored) if extremes is None else extremes
    for array in others:
        if array.size:
            ends += _extremes(array)
    half = max(ends, default=0.0) / 2 - min(ends, default=0.0) / 2  # the difference itself may overflow
    if not half > 0:
        return True
    summed = 1 if metric == "chebyshev" else X.shape[1]
    digits = powers[metric] * (math.log10(half) + math.log10(2)) + math.log10(times) + math.log10(summed)
    kind = np.dtype(X.dtype if dtype is None else dtype)
    return digits <= math.log10(float(np.finfo(kind).max)) and digits + math.log10(total) <= math.log10(
        LARGEST_REAL
    )


def check_spread(X: Any, metric: str = "euclidean", p: float = 2, *, name: str = "X", **room: Any) -> None:
    """Refuse rows that lie so far apart that distances overflow: see :func:`spread_fits`."""
    if spread_fits(X, metric, p, **room):
        return
    kind = np.dtype(room.get("dtype") or X.dtype)
    powers = {"euclidean": "squared distances", "minkowski": f"{float(p):g}-th powers of distances"}
    what = powers.get(metric, f"{metric} distances")
    hint = f"scale {name} or pass float64" if kind == X.dtype == np.float32 else f"scale {name}"
    raise ValueError(f"{name} spreads too wide for {kind}: {what} overflow; {hint}")


def check_not_negative(X: Any, name: str = "X") -> None:
    """Refuse distances below 0, dense or sparse."""
    values = (X.data if _is_sparse(X) else X).ravel()
    if not values.size or values.min() >= 0:
        return
    first = int(np.argmax(values < 0))
    if not values[first] < 0:
        return  # NaN, which is for others to judge
    if _is_sparse(X):
        row, column = int(np.searchsorted(X.indptr, first, side="right")) - 1, int(X.indices[first])
    else:
        row, column = divmod(first, X.shape[1])
    raise ValueError(
        f"Negative values in {name}: distances must be >= 0; got {values[first]:g} at row {row}, column {column}"
    )


def is_symmetric(X: NDArray[Any]) -> bool:
    """``numpy.allclose(X, X.T)`` of a square matrix, with temporaries of a block of rows."""
    rows = max(1, 2**18 // max(1, X.shape[0]))
    return all(
        np.allclose(X[begin : begin + rows], X[:, begin : begin + rows].T)
        for begin in range(0, X.shape[0], rows)
    )


def check_weight(sample_weight: ArrayLike | None, X: Any) -> NDArray[Any] | None:
    """One finite non-negative weight per row of X in X's dtype, or None; not all zero."""
    return check_sample_weight(sample_weight, X.shape[0], X.dtype)


def check_sample_weight(
    sample_weight: ArrayLike | None, n_samples: int, dtype: Any, *, signed: bool = False
) -> NDArray[Any] | None:
    """Like :func:`check_weight`, where there are samples but no X; when `signed`, values may be negative."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, numbers.Real):
        sample_weight = np.full(n_samples, sample_weight, dtype=dtype)
    _check_kind(sample_weight, "sample_weight")
    try:
        with np.errstate(over="ignore"):  # an overflow is refused below, with its place
            weight = np.require(sample_weight, dtype, ["C", "ALIGNED"])
    except (TypeError, ValueError) as error:
        raise type(error)(f"sample_weight must be an array of numbers: {error}") from None
    if weight.ndim != 1 or weight.shape[0] != n_samples:
        raise ValueError(f"sample_weight must have shape (n_samples={n_samples},); got {weight.shape}")
    check_finite(weight, name="sample_weight")
    if not signed and (weight < 0).any():
        row = int(np.argmax(weight < 0))
        raise ValueError(
            f"Negative values in sample_weight at index {row}: must be >= 0; got {weight[row]:g}"
        )
    if n_samples and not ((weight != 0) if signed else (weight > 0)).any():
        raise ValueError("sample_weight must have a positive value; got all zero")
    with np.errstate(over="ignore"):
        if not np.isfinite(weight.sum(dtype=np.float64)):
            raise ValueError("sample_weight must have a finite sum; got inf")
    return weight


def shown(value: Any) -> str:
    """`value` as a message shows it: a NumPy scalar as the number or text that it is."""
    return repr(value.item() if isinstance(value, np.generic) else value)


def check_int(name: str, value: Any, low: int, high: int | None = None, high_name: str = "") -> int:
    """`value` as an int in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer; got {shown(value)}")
    value = int(value)
    if value < low or value > (LARGEST_INT if high is None else high):
        top = "2**63)" if value > LARGEST_INT else "inf)"
        if high is not None:
            top = f"{high_name}={high}]" if high_name else f"{high}]"
        raise ValueError(f"{name} must be in [{low}, {top}; got {value}")
    return value


def check_real(
    name: str,
    value: Any,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """`value` as a finite float in [low, high], without `low` when `open_low`, without `high` when `open_high`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number; got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:  # an int beyond all floats
        number = math.inf if value > 0 else -math.inf  # type: ignore[operator]
    inside = low <= number <= high and np.isfinite(number)
    if not inside or (open_low and number == low) or (open_high and number == high):
        left = "(" if open_low or low == -np.inf else "["
        right = ")" if open_high or high == np.inf else "]"
        raise ValueError(f"{name} must be in {left}{low:g}, {high:g}{right}; got {value}")
    return number


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """`value` if it is one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {listed}; got {shown(value)}")
    return value


_METRIC_NAMES = {
    "l1": "manhattan",
    "cityblock": "manhattan",
    "l2": "euclidean",
    "infinity": "chebyshev",
    "p": "minkowski",
}


def check_minkowski(metric: str, p: Any) -> tuple[str, float]:
    """(metric, p) with one name for each: other names of `metric` are resolved, and so is minkowski with p = 1, 2 or
    infinity. A metric that is none of this family comes back as it is."""
    metric = _METRIC_NAMES.get(metric, metric) if isinstance(metric, str) else metric
    if not isinstance(metric, str) or metric != "minkowski":
        return metric, 2.0
    if isinstance(p, bool) or not isinstance(p, numbers.Real):
        raise TypeError(f"p must be a number; got {shown(p)}")
    exponent = float(p)
    if not (exponent >= 1):
        raise ValueError(f"p must be in [1, inf]; got {p}")
    return {1.0: "manhattan", 2.0: "euclidean", np.inf: "chebyshev"}.get(exponent, "minkowski"), exponent


def check_bool(name: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False; got {shown(value)}")
    return bool(value)


def check_verbose(value: Any) -> int:
    """`value` as an int >= 0; True and False count as 1 and 0."""
    return int(value) if isinstance(value, bool | np.bool_) else check_int("verbose", value, 0)


def check_labels(
    labels: ArrayLike, name: str, n_samples: int | None = None, *, column: bool = True
) -> NDArray[Any]:
    """A one-dimensional array of labels of one kind: numbers, strings, or others that sort.

    Of length `n_samples` when given; a single column counts as one-dimensional when `column`. Arrays of
    objects become arrays of numbers or strings where they hold nothing else. Missing and complex values are
    refused.
    """
    if np.ndim(labels) == 0:
        raise ValueError(f"{name} must be 1D: an array of labels; got {shown(labels)}")
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


def check_cluster_labels(labels: ArrayLike, n_samples: int) -> NDArray[Any]:
    """Labels of clusters, one integer per row: what has a place in a report and a colour in a figure."""
    found = check_labels(labels, "labels", n_samples)
    if found.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers; got {found.dtype}")
    return found


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
            raise ValueError(f"Input {name} contains a missing value at index {index}: {shown(value)}")
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


def check_random_generator(random_state: Any) -> Any:
    """`random_state` as something that draws: a Generator itself, else scikit-learn's RandomState for it."""
    from sklearn.utils.validation import check_random_state

    if isinstance(random_state, np.random.Generator):
        return random_state
    try:
        return check_random_state(random_state)
    except ValueError:
        raise ValueError(
            "random_state must be None, an int in [0, 2**32 - 1], a RandomState or a Generator; "
            f"got {shown(random_state)}"
        ) from None


def draw_seed(random_state: Any) -> int:
    """A 64-bit seed for the kernels. An int gives the same seed each time; None a fresh one."""
    state = check_random_generator(random_state)
    if isinstance(state, np.random.Generator):
        return int(state.integers(0, 2**63, dtype=np.int64))
    high, low = (int(v) for v in state.randint(0, 2**31 - 1, size=2))
    return high << 31 | low
