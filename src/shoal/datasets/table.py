"""Files into matrices: one reader for every format, one place that says what is wrong with a table.

polars reads; this module decides what is a number, which columns are features, and names the row and the
column of whatever cannot be clustered. Rows are counted from 0, as everywhere in Python.
"""

from __future__ import annotations

import csv
import difflib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.datasets.embedded import read_npz

if TYPE_CHECKING:
    import polars as pl

# What people write where there is no value.
MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "?")


@dataclass(frozen=True)
class Selection:
    """The part of a table that is clustered.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), float32 or float64, C order
        float32 when every column fits in it without loss (float32, float16, integers of at most 16 bits,
        booleans).
    feature_names : list of str
    rows : ndarray of shape (n_samples,), int64
        Which row of the table each row of `X` is.
    y : ndarray of shape (n_samples,) or None
        The label column, as it stands in the file.
    left_out : list of str
        Columns that were passed over because they are not numeric.
    n_missing : int
        Rows left out for empty cells.

    Examples
    --------
    Made by :meth:`Table.select`:

    >>> import polars as pl
    >>> from shoal.datasets import Table
    >>> frame = pl.DataFrame({"height": [1.5, None], "kind": ["fern", "moss"]})
    >>> table = Table("plants", frame, ["height", "kind"])
    >>> part = table.select(drop_missing=True)
    >>> part.feature_names, part.left_out, part.n_missing
    (['height'], ['kind'], 1)
    """

    X: NDArray[Any]
    feature_names: list[str]
    rows: NDArray[np.int64]
    y: NDArray[Any] | None
    left_out: list[str]
    n_missing: int


@dataclass(frozen=True)
class Table:
    """A file's columns, as read by :func:`read_table`.

    Parameters
    ----------
    name : str
        The file's name, used in messages.
    frame : polars.DataFrame
        All columns.
    candidates : list of str
        Columns that may be features; those of ``X`` in a NumPy archive, all of them otherwise.
    label : str or None
        The column that holds reference labels by convention: ``y`` of a NumPy archive.
    class_names : list of str or None
        Names for integer labels, if the file gives them.
    notes : list of str
        What the reader had to assume.
    decimal_comma : bool
        Numbers in text have a decimal comma.
    line_of : callable or None
        The line of the file that holds row 0, 1, ..., or None where lines are not rows; for messages.
    repeated : frozenset of str
        Names that more than one column had in the file; asking for one of them is refused.

    Examples
    --------
    >>> import polars as pl
    >>> from shoal.datasets import Table
    >>> table = Table("plants", pl.DataFrame({"height": [1.5, 2.5]}), ["height"])
    >>> table.select().X.tolist()
    [[1.5], [2.5]]
    """

    name: str
    frame: pl.DataFrame
    candidates: list[str]
    label: str | None = None
    class_names: list[str] | None = None
    notes: list[str] = field(default_factory=list)
    decimal_comma: bool = False
    line_of: Callable[[int], int | None] | None = field(default=None, repr=False, compare=False)
    repeated: frozenset[str] = frozenset()

    def select(
        self,
        columns: Sequence[str] | None = None,
        *,
        label: str | None = None,
        drop_missing: bool = False,
    ) -> Selection:
        """The matrix of the chosen columns.

        Parameters
        ----------
        columns : sequence of str, default=None
            Feature columns, in this order. By default every numeric column but the label; boolean columns
            count as numbers only when they are named here.
        label : str, default=None
            Column with reference labels; it is never a feature.
        drop_missing : bool, default=False
            Leave out rows with an empty cell (or NaN) in a used column, instead of refusing them.

        Returns
        -------
        Selection

        Raises
        ------
        ValueError
            A column is not there, not numeric, empty in some row, or infinite; or nothing is left.

        Notes
        -----
        O(n_samples · n_features) time, and memory for `X` and one mask of its size.

        Examples
        --------
        >>> import os, tempfile
        >>> from shoal.datasets import read_table
        >>> path = os.path.join(tempfile.mkdtemp(), "plants.csv")
        >>> with open(path, "w") as file:
        ...     _ = file.write("height,kind\\n1.5,moss\\n,fern\\n2.5,fern\\n")
        >>> part = read_table(path).select(label="kind", drop_missing=True)
        >>> part.X.ravel().tolist(), part.rows.tolist(), part.y.tolist()
        ([1.5, 2.5], [0, 2], ['moss', 'fern'])
        """
        import polars as pl

        label = label if label is not None else self.label
        if label is not None:
            self._require([label], "label column")
            kind = self.frame[label].dtype
            if kind.is_nested() or kind == pl.Object:
                raise ValueError(
                    f"label column {label!r} of {self.name} must hold one value in each row; its type is {kind}"
                )
        features, left_out = self._features(columns, label)
        frame = self.frame.select(
            [*features, *([label] if label is not None and label not in features else [])]
        )
        rows = np.arange(frame.height, dtype=np.int64)

        empty = _empty_cells(frame)
        n_missing = 0
        if empty.any():
            if not drop_missing:
                raise ValueError(self._first_empty(frame.columns, empty))
            keep = ~empty.any(axis=1)
            n_missing = int(keep.size - keep.sum())
            rows, frame = rows[keep], frame[np.flatnonzero(keep)]
        if frame.height == 0:
            why = f"has an empty cell in each of its {n_missing} rows" if n_missing else "has no rows"
            raise ValueError(f"{self.name} {why}")

        X = _matrix(frame, features)
        if not np.isfinite(X).all():
            row, column = np.argwhere(~np.isfinite(X))[0]
            raise ValueError(
                f"{self.name} holds infinity at {self._place(int(rows[row]))}, column {features[column]!r}"
            )
        y = None if label is None else frame[label].to_numpy()
        return Selection(X, features, rows, y, left_out, n_missing)

    def matrix(self, feature_names: Sequence[str], *, drop_missing: bool = False) -> Selection:
        """The columns a model was fitted on, found by name, for new rows.

        Parameters
        ----------
        feature_names : sequence of str
            Columns of the model, in its order; other columns are ignored.
        drop_missing : bool, default=False
            As in :meth:`select`.

        Returns
        -------
        Selection
            Without labels.

        Raises
        ------
        ValueError
            As :meth:`select`; a missing column is named together with those the file has.
        """
        absent = [name for name in feature_names if name not in self.frame.columns]
        if absent:
            raise ValueError(
                f"{self.name} lacks {len(absent)} of the model's {len(feature_names)} columns, "
                f"{_listed(absent)}; it has {_listed(self.frame.columns)}"
            )
        return replace(self, label=None).select(list(feature_names), drop_missing=drop_missing)

    def _features(self, columns: Sequence[str] | None, label: str | None) -> tuple[list[str], list[str]]:
        if columns is not None:
            names = list(dict.fromkeys(columns))
            if not names:
                raise ValueError("columns must name at least one column; got none")
            self._require(names, "column")
            if label in names:
                raise ValueError(f"column {label!r} cannot be both a feature and the label column")
            for name in names:
                if not _is_number(self.frame[name].dtype, boolean=True):
                    raise ValueError(self._not_numeric(name))
            return names, []
        possible = [name for name in self.candidates if name != label]
        names = [name for name in possible if _is_number(self.frame[name].dtype)]
        if not names and self.frame.height == 0:
            raise ValueError(f"{self.name} has no rows")
        if not names:
            has_booleans = any(_is_number(self.frame[name].dtype, boolean=True) for name in possible)
            raise ValueError(
                f"{self.name} has no numeric column; its columns are {self._described(possible)}"
                + self._comma_hint(possible)
                + ("; booleans are numbers where --columns names them" if has_booleans else "")
            )
        return names, [name for name in possible if name not in names]

    def _require(self, names: Sequence[str], what: str) -> None:
        for name in names:
            if name not in self.frame.columns:
                close = difflib.get_close_matches(name, self.frame.columns, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"it has {_listed(self.frame.columns)}"
                raise ValueError(f"{self.name} has no {what} {name!r}; {hint}")
            if name in self.repeated:
                raise ValueError(f"{self.name} has more than one column {name!r}; give each its own name")

    def _not_numeric(self, name: str) -> str:
        import polars as pl

        column = self.frame[name]
        if column.is_empty():
            return f"{self.name} has no rows"
        if column.null_count() == len(column):
            return f"column {name!r} of {self.name} has no values: every cell is empty"
        if column.dtype != pl.String:
            return f"column {name!r} of {self.name} is not numeric; its type is {column.dtype}"
        bad = column.is_not_null() & _as_numbers(column.str.strip_chars(), self.decimal_comma).is_null()
        row = bad.arg_max() or 0
        return (
            f"column {name!r} of {self.name} is not numeric: {self._place(row)} holds {column[row]!r}"
            + self._comma_hint([name])
        )

    def _comma_hint(self, names: Sequence[str]) -> str:
        """What to do where every value of a text column would be a number if its comma were a point."""
        import polars as pl

        for name in [] if self.decimal_comma else names:
            column = self.frame[name]
            if column.dtype == pl.String and column.null_count() < len(column):
                number = _as_numbers(column.str.strip_chars(), decimal_comma=True)
                if number.null_count() == column.null_count():
                    return f"; if {column.drop_nulls()[0]} is a number, read it with --decimal-comma"
        return ""

    def _place(self, row: int) -> str:
        line = self.line_of(row) if self.line_of else None
        return f"row {row}" if line is None else f"row {row} (line {line})"

    def _described(self, names: Sequence[str]) -> str:
        return _listed([f"{name} ({self.frame[name].dtype})" for name in names], quote=False)

    def _first_empty(self, names: Sequence[str], empty: NDArray[np.bool_]) -> str:
        row, column = np.argwhere(empty)[0]
        n_cells, n_rows = int(empty.sum()), int(empty.any(axis=1).sum())
        more = "" if n_cells == 1 else f" ({n_cells} empty cells in {n_rows} rows)"
        return (
            f"{self.name} has an empty cell at {self._place(int(row))}, column {names[column]!r}{more}; "
            "leave such rows out with --drop-missing"
        )


def read_table(
    path: str | os.PathLike[str], *, separator: str | None = None, decimal_comma: bool = False
) -> Table:
    """Read CSV, TSV, Parquet, Arrow/Feather, NPY or NPZ into a :class:`Table`.

    Parameters
    ----------
    path : path-like
        The format follows the suffix: ``.csv .tsv .txt .parquet .pq .arrow .feather .ipc .npy .npz``.

        * CSV: the separator is the one of ``, ; tab |`` that occurs most in the first line; columns are called
          x0, x1, ... when the first line holds numbers only. Text columns whose every value is a number apart
          from spaces become numbers. ``NA N/A NaN NULL None ?`` and nothing are empty cells. A first column
          without a name that counts the rows, as pandas and R write it, is a feature only when it is named (``""``).
        * NPY: a matrix, columns x0, x1, ...; one dimension is one column.
        * NPZ: ``X`` (or the only two-dimensional array) gives the features; one-dimensional arrays of the same
          length become further columns, and ``y`` the label column.
    separator : str, default=None
        The character between the cells of a CSV file, or ``"tab"``; None finds it out as above.
    decimal_comma : bool, default=False
        In CSV files a comma is the decimal point: ``1,5`` is 1.5, and no separator.

    Returns
    -------
    Table

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError
        The file cannot be opened.
    ValueError
        The suffix is unknown or the contents are not what it promises; `separator` is no single character, or the
        comma with `decimal_comma`; either of the two for a file that is no text.

    Examples
    --------
    >>> import numpy as np, os, tempfile
    >>> from shoal.datasets import read_table
    >>> path = os.path.join(tempfile.mkdtemp(), "points.npy")
    >>> np.save(path, np.arange(6.0).reshape(3, 2))
    >>> table = read_table(path)
    >>> table.candidates, table.frame.shape
    (['x0', 'x1'], (3, 2))
    """
    import polars as pl

    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory, not a file")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if reader is None:
        kind = f"unknown file type {path.suffix!r}" if path.suffix else "no file type in its name"
        raise ValueError(f"{path}: {kind}; expected one of {' '.join(READERS)}")
    separator = _checked_separator(separator, decimal_comma)
    if reader is _read_csv:
        reader = partial(_read_csv, separator=separator, decimal_comma=decimal_comma)
    elif separator is not None or decimal_comma:
        raise ValueError(f"{path} is no text file: it has neither a separator nor decimal commas")
    try:
        return reader(path)
    except PermissionError as error:
        raise PermissionError(f"{path}: permission denied") from error
    except pl.exceptions.PolarsError as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"{path} cannot be read as {path.suffix[1:].upper()}: {first}") from error


def _checked_separator(separator: str | None, decimal_comma: bool) -> str | None:
    if separator is None:
        return None
    separator = {"tab": "\t", "\\t": "\t"}.get(separator, separator)
    if len(separator) != 1 or not separator.isascii() or separator.isalnum() or separator in '"\r\n':
        raise ValueError(f"separator must be one character between cells, or 'tab'; got {separator!r}")
    if decimal_comma and separator == ",":
        raise ValueError("separator must be another character than the decimal comma; got ','")
    return separator


def _seen_separator(first: str, decimal_comma: bool) -> str:
    """The separator of a file, by its first line."""
    seen = max(";\t|" if decimal_comma else ",;\t|", key=first.count)
    if seen == ",":  # as in 1,5;2,5
        for other in ";\t|":
            cells = first.split(other)
            if len(cells) > 1 and all("," in cell and _is_float(cell.replace(",", ".")) for cell in cells):
                return other
    return seen


def _read_csv(path: Path, *, separator: str | None = None, decimal_comma: bool = False) -> Table:
    import polars as pl

    with open(path, "rb") as file:
        head = file.readline()
    encoding = "utf8" if _is_utf8(head) else "latin-1"
    first = head.decode("utf-8-sig" if encoding == "utf8" else encoding)
    if not first.strip():
        raise ValueError(f"{path} is empty")
    if "\0" in first:
        raise ValueError(f"{path} is not a text file")
    if separator is None:
        separator = "\t" if path.suffix.lower() == ".tsv" else _seen_separator(first, decimal_comma)
    # a line of numbers with decimal commas is data, whether or not it is read so
    named = next(csv.reader([first], delimiter=separator))
    headless = all(
        _is_float(cell if separator == "," else cell.replace(",", ".")) for cell in first.split(separator)
    )
    read = partial(
        pl.read_csv,
        path,
        separator=separator,
        has_header=not headless,
        null_values=list(MISSING),
        decimal_comma=decimal_comma,
        infer_schema_length=None,  # a column is numeric only if every row says so
        glob=False,
    )
    notes = []
    try:
        try:
            frame = read(encoding=encoding)
        except pl.exceptions.ComputeError as error:
            if "utf-8" not in str(error):  # in a cell further down
                raise
            encoding = "latin-1"
            frame = read(encoding=encoding)
    except pl.exceptions.ComputeError as error:
        if "more fields" in str(error):
            _refuse_long_row(path, separator, encoding)
        raise
    if encoding != "utf8":
        notes.append("the file is not UTF-8 and was read as Latin-1")
    if headless:
        frame = frame.rename({name: f"x{j}" for j, name in enumerate(frame.columns)})
        notes.append(f"the first line holds numbers only, so columns are called x0 to x{frame.width - 1}")
    else:
        stripped = [name.strip() for name in frame.columns]
        if len(set(stripped)) == len(stripped):
            frame = frame.rename(dict(zip(frame.columns, stripped, strict=True)))
    counts = Counter(named) if not headless and len(named) == frame.width else {}
    repeated = frozenset(name for name, count in counts.items() if name.strip() and count > 1)
    for name in sorted(repeated):
        notes.append(f"{counts[name]} columns are called {name}: the later ones are {name}_duplicated_0, ...")
    frame = _numbers_from_text(frame, decimal_comma)
    candidates = frame.columns
    if not headless and not named[0].strip() and _counts_rows(frame.to_series(0)):
        candidates = candidates[1:]
        notes.append("the first column has no name and counts the rows: it is left out")
    line_of = partial(_line_of, path, 1 if headless else 2, frame.height)
    return Table(
        path.name,
        frame,
        candidates,
        notes=notes,
        decimal_comma=decimal_comma,
        line_of=line_of,
        repeated=repeated,
    )


def _counts_rows(column: pl.Series) -> bool:
    """Whether a column holds whole numbers that ascend, as the row names that pandas and R write."""
    if not _is_number(column.dtype) or column.null_count():
        return False
    values = column.to_numpy()
    return bool((values == np.floor(values)).all() and (np.diff(values) > 0).all())


def _line_of(path: Path, first: int, n_rows: int, row: int) -> int | None:
    """The line of a row, where the file has a line for each: none is blank, no cell has a line break."""
    n_lines, last = 0, b"\n"
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            n_lines += chunk.count(b"\n")
            last = chunk[-1:]
    n_lines += last != b"\n"
    return row + first if n_lines == n_rows + first - 1 else None


def _refuse_long_row(path: Path, separator: str, encoding: str) -> None:
    """Raise a ValueError that names the first line with more cells than the first, where one is found."""
    with open(path, encoding="utf-8-sig" if encoding == "utf8" else encoding, newline="") as file:
        rows = csv.reader(file, delimiter=separator)
        try:
            n_columns = len(next(rows))
            for row in rows:
                if len(row) > n_columns:
                    raise ValueError(
                        f"{path} must have as many cells in each line as in the first, {n_columns}; "
                        f"got {len(row)} in line {rows.line_num}"
                    )
        except csv.Error:
            return


def _as_numbers(text: pl.Series, decimal_comma: bool) -> pl.Series:
    """Text as float64, null where it is none; with a decimal comma, a point (between thousands?) makes it none."""
    import polars as pl

    if decimal_comma:
        text = text.set(text.str.contains(".", literal=True), None).str.replace(",", ".", literal=True)
    return text.cast(pl.Float64, strict=False)


def _numbers_from_text(frame: pl.DataFrame, decimal_comma: bool = False) -> pl.DataFrame:
    """Text columns that hold nothing but numbers, spaces around them aside, as float64."""
    import polars as pl

    changed = []
    for column in frame.iter_columns():
        if column.dtype != pl.String or column.null_count() == column.len():
            continue
        text = column.str.strip_chars()
        text = text.set(text.is_in(MISSING), None)
        number = _as_numbers(text, decimal_comma)
        if number.null_count() == text.null_count():
            changed.append(number)
    return frame.with_columns(changed)


def _read_parquet(path: Path) -> Table:
    import polars as pl

    frame = pl.read_parquet(path, glob=False)
    return Table(path.name, frame, frame.columns)


def _read_arrow(path: Path) -> Table:
    import polars as pl

    with open(path, "rb") as file:
        is_file = file.read(6) == b"ARROW1"
    frame = pl.read_ipc(path) if is_file else pl.read_ipc_stream(path)
    return Table(path.name, frame, frame.columns)


def _read_npy(path: Path) -> Table:
    with open(path, "rb") as file:
        magic = file.read(6)
    if magic[:2] == b"PK":
        raise ValueError(f"{path} is a NumPy archive; rename it to .npz")
    if magic != b"\x93NUMPY":
        raise ValueError(f"{path} cannot be read as NPY: it is no NumPy file")
    try:
        X = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} cannot be read as NPY: {error}") from error
    return _table_of_arrays(path, "the array", X, {})


def _read_npz(path: Path) -> Table:
    arrays = read_npz(path)
    matrices = [name for name, array in arrays.items() if array.ndim == 2]
    name = "X" if "X" in arrays else matrices[0] if len(matrices) == 1 else None
    if name is None:
        found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or "nothing"
        raise ValueError(f"{path} must hold a two-dimensional array X; it holds {found}")
    return _table_of_arrays(path, name, arrays.pop(name), arrays)


def _table_of_arrays(path: Path, name: str, X: NDArray[Any], others: dict[str, NDArray[Any]]) -> Table:
    import polars as pl

    X = X[:, None] if X.ndim == 1 else X
    if X.ndim != 2:
        raise ValueError(f"{path}: {name} must have one or two dimensions; got shape {X.shape}")
    if X.dtype.kind not in "fiub":
        raise ValueError(f"{path}: {name} must be numeric; its type is {X.dtype}")
    if X.shape[1] == 0:
        raise ValueError(f"{path}: {name} must have at least one column; got shape {X.shape}")
    if X.dtype.kind == "f" and X.dtype.itemsize not in (4, 8):
        X = X.astype(np.float32 if X.dtype.itemsize < 4 else np.float64)
    X = X.astype(X.dtype.newbyteorder("="), copy=False)
    y = others.get("y")
    if y is not None and y.shape != (X.shape[0],):
        raise ValueError(
            f"{path}: y must have shape ({X.shape[0]},), one label per row of {name}; got {y.shape}"
        )
    if y is not None and y.dtype.kind not in "fiubUS":
        raise ValueError(f"{path}: y must hold numbers or text; its type is {y.dtype}")
    features = [f"x{j}" for j in range(X.shape[1])]
    columns = {feature: X[:, j] for j, feature in enumerate(features)}
    for other, array in others.items():
        if array.shape == (X.shape[0],) and array.dtype.kind in "fiubUS" and other not in columns:
            columns[other] = (
                np.char.decode(array, "utf-8", "backslashreplace") if array.dtype.kind == "S" else array
            )
    names = others.get("class_names")
    return Table(
        path.name,
        pl.DataFrame({key: pl.Series(key, np.ascontiguousarray(value)) for key, value in columns.items()}),
        features,
        label="y" if "y" in columns else None,
        class_names=None if names is None else [str(value) for value in names],
    )


READERS: dict[str, Callable[[Path], Table]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".txt": _read_csv,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
    ".arrow": _read_arrow,
    ".feather": _read_arrow,
    ".ipc": _read_arrow,
    ".npy": _read_npy,
    ".npz": _read_npz,
}


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_float(text: str) -> bool:
    try:
        float(text.strip().strip('"'))
    except ValueError:
        return False
    return True


def _is_number(dtype: Any, *, boolean: bool = False) -> bool:
    import polars as pl

    return dtype.is_numeric() or (boolean and dtype == pl.Boolean)


def _empty_cells(frame: pl.DataFrame) -> NDArray[np.bool_]:
    """Which cells are null or NaN, (n_rows, n_columns)."""
    empty = np.zeros((frame.height, frame.width), dtype=bool)
    for j, column in enumerate(frame.iter_columns()):
        if column.null_count():
            empty[:, j] = column.is_null().to_numpy()
        if column.dtype.is_float():
            empty[:, j] |= column.is_nan().fill_null(True).to_numpy()
    return empty


def _matrix(frame: pl.DataFrame, features: Sequence[str]) -> NDArray[Any]:
    import polars as pl

    small = {pl.Float32, pl.Int8, pl.UInt8, pl.Int16, pl.UInt16, pl.Boolean}
    dtype = pl.Float32 if all(frame[name].dtype in small for name in features) else pl.Float64
    return np.ascontiguousarray(frame.select(pl.col(list(features)).cast(dtype)).to_numpy(order="c"))


def _listed(names: Sequence[str], most: int = 8, *, quote: bool = True) -> str:
    shown = ", ".join(repr(name) if quote else name for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
