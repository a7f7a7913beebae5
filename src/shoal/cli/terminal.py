"""What the commands print: Rich tables on standard output, a spinner on standard error while work goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shoal.plotting.palette import color_of
from shoal.report.clustering import Clustering
from shoal.report.text import format_score, format_seconds, plural

_BAR = 24


@cache
def console() -> Console:
    return Console(highlight=False, soft_wrap=False)


@contextmanager
def working(what: str, *, quiet: bool = False) -> Iterator[None]:
    """A spinner while the block runs, if somebody is watching."""
    watcher = Console(stderr=True)
    if quiet or not watcher.is_terminal:
        yield
        return
    with watcher.status(what):
        yield


def print_result(result: Clustering) -> None:
    """One clustering: what it is, its scores, its largest clusters."""
    out = console()
    n_samples, n_features = result.X.shape
    head = Text.assemble(
        (result.algorithm, "bold"),
        f" on {plural(n_samples, 'row')}, {plural(n_features, 'column')}: ",
        (plural(result.n_clusters, "cluster"), "bold"),
        f" in {format_seconds(result.seconds['fit'])}",
    )
    out.print(head)
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 3, 0, 0))
    for score in result.scores.all:
        table.add_row(score.name, Text(format_score(score), "bold", justify="right"), Text(score.note, "dim"))
    out.print()
    out.print(table)
    out.print()
    out.print(_sizes(result))


def _sizes(result: Clustering, most: int = 12) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    table.add_column("Cluster")
    table.add_column("Rows", justify="right")
    table.add_column("Share", justify="right")
    table.add_column("")
    largest = int(result.sizes.max())
    # label order when they all fit, the largest otherwise
    shown = (
        range(result.ids.size)
        if result.ids.size <= most
        else result.sizes.argsort(kind="stable")[::-1][:most]
    )
    for i in shown:
        label, size = int(result.ids[i]), int(result.sizes[i])
        bar = Text("█" * max(1, round(_BAR * size / largest)), color_of(label))
        table.add_row(
            "noise" if label < 0 else str(label), f"{size:,}", f"{size / result.labels.size:.1%}", bar
        )
    if result.ids.size > most:
        table.add_row(f"and {result.ids.size - most:,} more", "", "", "")
    return table


def print_scores(results: Sequence[Clustering]) -> None:
    """Several clusterings, one line each."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("Data", no_wrap=True)
    for heading in ("Size", "k", "Time"):
        table.add_column(heading, justify="right", no_wrap=True)
    shown = (
        "silhouette_score",
        "adjusted_rand_score",
        "normalized_mutual_info_score",
        "adjusted_mutual_info_score",
    )
    for score in results[0].scores.all:
        if score.key in shown:
            table.add_column(score.name, justify="right", no_wrap=True)
    for result in results:
        n_samples, n_features = result.X.shape
        scores = [format_score(score) for score in result.scores.all if score.key in shown]
        table.add_row(
            result.title,
            f"{n_samples:,} x {n_features}",
            str(result.n_clusters),
            format_seconds(result.seconds["fit"]),
            *scores,
        )
    console().print(table)


def print_notes(notes: Sequence[str]) -> None:
    for note in notes:
        console().print(Text.assemble(("note: ", "yellow"), note))


def print_files(files: Sequence[tuple[str, Path]]) -> None:
    """Where the results are; paths on lines of their own kind, to be copied whole."""
    out = console()
    for what, path in files:
        out.print(Text.assemble((f"{what:<8}", "bold"), (os.fspath(path), "cyan")), soft_wrap=True)
