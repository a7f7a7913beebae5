"""``shoal evaluate``: the whole evaluation, from data to report; a second call goes on where the first one stopped."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from shoal.cli.complaints import Complaint, complaints
from shoal.cli.terminal import console, print_files, working
from shoal.cli.work import check_writable


@dataclass(frozen=True)
class Evaluation:
    """What the command line asks for."""

    out: Path
    data: Sequence[str]
    sets: Sequence[str]
    methods: Sequence[str]
    seeds: int
    budget: float
    samples: int
    quick: bool
    quiet: bool
    command: str


def evaluate(job: Evaluation) -> None:
    """Plan, run, report."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise Complaint("the figures need matplotlib; pip install 'shoal[app,plot]'") from error
    from shoal.evaluation import evaluate as run
    from shoal.evaluation import plan, report
    from shoal.evaluation.results import Cell

    folders = _names(job.data)
    with complaints():
        check_writable(job.out / "results.json")
        with working("Reading the data", quiet=job.quiet):
            made = plan(
                _names(job.sets) or None,
                _names(job.methods) or None,
                folders=folders,
                seeds=job.seeds,
                budget=job.budget,
                n_samples=job.samples,
                quick=job.quick,
            )
    screen = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
        disable=job.quiet or not screen.is_terminal,
    )
    total = len(made.cells)
    with bar:
        task = bar.add_task("Evaluating", total=total)

        def after(cell: Cell, number: int) -> None:
            bar.update(task, completed=number, description=f"{cell.set}, {cell.method}")

        with complaints():
            try:
                results = run(made, job.out, folders=folders, after=after)
            except KeyboardInterrupt:
                bar.stop()
                if not job.quiet:
                    print(
                        f"shoal: what is done is in {job.out}; the same command goes on from there",
                        file=sys.stderr,
                    )
                raise
    with working("Writing", quiet=job.quiet), complaints():
        files = report(results, job.out, command=job.command)
    if job.quiet:
        return
    _print(results)
    print_files([("report", files[0]), ("text", files[1]), ("results", job.out / "results.json")])


def _names(entries: Sequence[str]) -> list[str]:
    """Names that were given one by one or with commas between them."""
    return [name.strip() for entry in entries for name in entry.split(",") if name.strip()]


def _print(results: object) -> None:
    from shoal.evaluation.pages import lead_words, main_table, verdict_table
    from shoal.evaluation.results import Results

    assert isinstance(results, Results)
    out = console()
    out.print(Text(lead_words(results)))
    out.print()
    _, _, head, rows = main_table(results)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    wins = "+ / = / \N{MINUS SIGN}"
    shown = [head.index(name) for name in ("Method", "Beside", "Sets", "ARI", wins, "Time")]
    for column in shown:
        heading = "ARI, shoal | theirs" if head[column] == "ARI" else head[column]
        table.add_column(heading, justify="left" if column < 2 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(row[column] for column in shown))
    out.print(table)
    below = len(verdict_table(results, "below")[3])
    out.print(f"\n[dim]Rows below the counterpart beyond noise: {below}. Time: theirs over ours.[/]\n")
