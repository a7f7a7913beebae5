"""What ``shoal fit`` and ``shoal predict`` do, step by step."""

from __future__ import annotations

import contextlib
import inspect
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

import shoal
from shoal.base.checks import check_choice, check_int
from shoal.base.files import replacing
from shoal.cli.app import LABEL_FORMATS
from shoal.cli.complaints import complaints
from shoal.cli.options import DEFAULT_SEED, parse_settings
from shoal.cli.registry import Algorithm
from shoal.cli.terminal import console, print_files, print_notes, print_result, working
from shoal.datasets.table import Selection, Table, read_table
from shoal.report import Clustering, Report
from shoal.report.text import few, plural

# What `--scale` may be.
SCALES = ("none", "standard", "minmax", "robust")


@dataclass(frozen=True)
class Fit:
    """Everything that a ``shoal fit`` line says."""

    file: Path
    algorithm: Algorithm
    parameters: dict[str, Any]
    columns: list[str] | None
    label_column: str | None
    scale: str
    drop_missing: bool
    separator: str | None
    decimal_comma: bool
    settings: list[str]
    threads: int | None
    labels: Path
    with_data: bool
    model: Path | None
    report: Path | None
    title: str
    image_shape: str | None
    quiet: bool
    command: str


def fit(job: Fit) -> None:
    """Read, scale, fit, and write labels, model and report; unwritable places show before the fit."""
    clock = Clock()
    with complaints():
        estimator = make_estimator(job.algorithm, job.parameters, job.settings)
        check_choice("--scale", job.scale, SCALES)
        check_threads(job.threads)
        check_label_path(job.labels, with_data=job.with_data)
        image_shape = parse_image_shape(job.image_shape)
        check_distinct(
            {"FILE": job.file, "--labels": job.labels, "--model": job.model, "--report": job.report}
        )
    if job.report is not None:
        import plotly.graph_objects  # noqa: F401  # if it is missing, say so before the work

    with working(f"Reading {job.file}", quiet=job.quiet), complaints(), clock("read"):
        table = read_table(job.file, separator=job.separator, decimal_comma=job.decimal_comma)
        if job.with_data:
            check_can_hold(job.labels, table)
        data = table.select(
            split_columns(job.columns, table), label=job.label_column, drop_missing=job.drop_missing
        )
        if image_shape is not None and image_shape[0] * image_shape[1] != data.X.shape[1]:
            raise ValueError(
                f"--image-shape must have {data.X.shape[1]} pixels, one per column; got {job.image_shape}"
            )
    with complaints():
        for path in (job.labels, job.model, job.report):
            if path is not None:
                check_writable(path)
    notes = [*table.notes, *notes_on(data)]

    with working(f"Fitting {job.algorithm.class_name}", quiet=job.quiet), limited(job.threads):
        with clock("scale"):
            scaler = make_scaler(job.scale)
            X = data.X if scaler is None else scaler.fit_transform(data.X)
        with noted() as warned, complaints(), clock("fit"):
            estimator.fit(X)
        notes += warned

    with working("Writing", quiet=job.quiet), limited(job.threads):
        result = Clustering.of(
            estimator,
            X,
            feature_names=data.feature_names,
            original=None if scaler is None else data.X,
            y=data.y,
            y_name=job.label_column or table.label or "class",
            class_names=table.class_names,
            rows=data.rows,
            image_shape=image_shape,
            title=job.title or table.name,
            source=os.fspath(job.file),
            scaling=job.scale,
            seconds=clock.seconds,
            notes=notes,
        )
        files = [("labels", job.labels)]
        with complaints():
            write_labels(job.labels, data.rows, result.labels, table.frame if job.with_data else None)
            if job.model is not None:
                shoal.save_model(
                    estimator,
                    job.model,
                    scaler=scaler,
                    feature_names=data.feature_names,
                    about={
                        "command": job.command,
                        "source": os.fspath(job.file),
                        "n_samples": int(X.shape[0]),
                    },
                )
                files.append(("model", job.model))
        if job.report is not None or not job.quiet:
            with clock("score"):
                _ = result.scores
        if job.report is not None:
            page = Report([result], command=job.command)
            with writing():
                page.write(job.report)
            files.append(("report", job.report))

    if not job.quiet:
        print_result(result)
        console().print()
        print_notes(notes)
        print_files(files)


def predict(
    model_path: Path,
    file: Path,
    *,
    labels: str,
    with_data: bool,
    drop_missing: bool,
    separator: str | None,
    decimal_comma: bool,
    threads: int | None,
    quiet: bool,
) -> None:
    """Label new rows with a saved model; ``-`` prints the labels instead of a summary."""
    to_stdout = labels == "-"
    with complaints():
        check_threads(threads)
        if not to_stdout:
            check_label_path(Path(labels), with_data=with_data)
            check_distinct({"MODEL": model_path, "FILE": file, "--labels": Path(labels)})
    with noted() as notes, working(f"Reading {file}", quiet=quiet), complaints():
        model = shoal.load_model(model_path)
        table = read_table(file, separator=separator, decimal_comma=decimal_comma)
        if model.feature_names is None:
            raise ValueError(
                f"{model_path} has no column names, so columns cannot be matched; save it with feature_names"
            )
        if with_data:
            check_can_hold(Path("labels.csv" if to_stdout else labels), table)
        data = table.matrix(model.feature_names, drop_missing=drop_missing)
        if not to_stdout:
            check_writable(Path(labels))
    with working("Predicting", quiet=quiet), complaints(), limited(threads):
        found = model.predict(data.X)
    if to_stdout:
        sys.stdout.write(label_frame(data.rows, found, table.frame if with_data else None).write_csv())
        return
    with complaints():
        write_labels(Path(labels), data.rows, found, table.frame if with_data else None)
    if not quiet:
        name = type(model.estimator).__name__
        n_clusters = np.unique(found[found >= 0]).size
        console().print(
            f"[bold]{name}[/] put {plural(found.size, 'row')} into {plural(n_clusters, 'cluster')}"
        )
        print_notes([*table.notes, *notes_on(data), *notes])
        print_files([("labels", Path(labels))])


@contextlib.contextmanager
def noted() -> Iterator[list[str]]:
    """Warnings that the block gives, each as one line for the reader."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield notes
    notes += [" ".join(str(warning.message).split()) for warning in caught]


class Clock:
    """Wall time of named steps."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[step] = time.perf_counter() - start


@contextlib.contextmanager
def limited(n_threads: int | None) -> Iterator[None]:
    with shoal.threads(n_threads) if n_threads is not None else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Only what the file system says is the user's to put right."""
    try:
        yield
    except OSError:
        with complaints():
            raise


def make_estimator(algorithm: Algorithm, parameters: dict[str, Any], settings: Sequence[str]) -> Any:
    """The estimator with its options; `settings` win, and the seed is fixed unless one is given."""
    cls = algorithm.load()
    allowed = list(inspect.signature(cls).parameters)
    values = {**parameters, **parse_settings(settings, allowed, cls.__name__)}
    if "random_state" in allowed:
        values.setdefault("random_state", DEFAULT_SEED)
    return cls(**values)


def check_threads(n_threads: int | None) -> None:
    if n_threads is not None:
        check_int("--threads", n_threads, 1)


def make_scaler(kind: str) -> Any:
    """A scikit-learn scaler, or None."""
    if kind == "none":
        return None
    from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

    return {"standard": StandardScaler, "minmax": MinMaxScaler, "robust": RobustScaler}[kind]()


def split_columns(columns: Sequence[str] | None, table: Table) -> list[str] | None:
    """Column names from ``--columns a,b``; a name that itself has a comma is taken whole."""
    if columns is None:
        return None
    names = []
    for entry in columns:
        names += (
            [entry]
            if entry in table.frame.columns
            else [name.strip() for name in entry.split(",") if name.strip()]
        )
    return names


def parse_image_shape(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    height, _, width = text.lower().partition("x")
    if not (height.isdigit() and width.isdigit()):
        raise ValueError(f"--image-shape must be like 28x28, height and width; got {text!r}")
    return int(height), int(width)


def notes_on(data: Selection) -> list[str]:
    notes = []
    if data.left_out:
        names = [name or "(no name)" for name in data.left_out]
        notes.append(f"left out because not numeric: {few(names, 8)}")
    if data.n_missing:
        notes.append(f"{plural(data.n_missing, 'row')} with empty cells left out")
    return notes


def check_label_path(path: Path, *, with_data: bool) -> None:
    suffix = path.suffix.lower()
    if suffix not in LABEL_FORMATS:
        raise ValueError(f"--labels must end in one of {' '.join(LABEL_FORMATS)}; got {os.fspath(path)!r}")
    if with_data and suffix == ".npy":
        raise ValueError("--with-data needs a table: --labels must not end in .npy")


def check_can_hold(path: Path, table: Table) -> None:
    """A text file has one value in a cell: lists and the like beside the labels need another format."""
    if path.suffix.lower() not in (".csv", ".tsv"):
        return
    for name, kind in table.frame.schema.items():
        if kind.is_nested() or kind in (pl.Object, pl.Binary):
            raise ValueError(
                f"--with-data cannot write column {name!r} of {table.name} to a text file, its type is {kind}; "
                "let --labels end in .parquet"
            )


def check_distinct(files: dict[str, Path | None]) -> None:
    """Nothing is written over what is read, or over something else that is written."""
    taken: dict[str, str] = {}
    for name, path in files.items():
        if path is None:
            continue
        place = os.path.realpath(path)
        if place in taken and name.startswith("--"):  # what is read may be read twice
            raise ValueError(
                f"{name} must be another file than {taken[place]}; got {os.fspath(path)!r} for both"
            )
        taken[place] = name


def check_writable(path: Path) -> None:
    """Raise OSError unless a file can be made at `path`; its folder is made if need be."""
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a directory")
    if path.exists() and not path.is_file():  # a device or a pipe, which is written to as it is
        if not os.access(path, os.W_OK):
            raise PermissionError(f"cannot write {path}: permission denied")
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except (FileExistsError, NotADirectoryError) as error:
        raise NotADirectoryError(f"cannot write {path}: {path.parent} is not a folder") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OSError(f"cannot write {path}: {reason}") from error


def label_frame(rows: NDArray[Any], labels: NDArray[Any], data: pl.DataFrame | None) -> pl.DataFrame:
    """Columns ``row`` and ``cluster``, then those of the data; ours give way if the data use these names."""
    names = ["row", "cluster"]
    if data is not None:
        for i, name in enumerate(names):
            while names[i] in data.columns:
                names[i] = f"shoal_{names[i]}" if names[i] == name else f"{names[i]}_"
    frame = pl.DataFrame({names[0]: rows, names[1]: labels})
    return frame if data is None else pl.concat([frame, data[rows]], how="horizontal")


def write_labels(path: Path, rows: NDArray[Any], labels: NDArray[Any], data: pl.DataFrame | None) -> None:
    """Labels in the format of the suffix; NPY holds the labels alone."""
    suffix = path.suffix.lower()
    with replacing(path) as beside:
        if suffix == ".npy":
            with open(beside, "wb") as file:
                np.save(file, labels)
            return
        frame = label_frame(rows, labels, data)
        if suffix == ".csv":
            frame.write_csv(beside)
        elif suffix == ".tsv":
            frame.write_csv(beside, separator="\t")
        elif suffix == ".parquet":
            frame.write_parquet(beside)
        else:
            frame.write_ipc(beside)
