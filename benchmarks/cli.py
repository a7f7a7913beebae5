"""The command line: run, show, list."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from . import machine, publish, table
from .library import Library
from .peers import LIBRARIES, by_name
from .record import Record, Result, read
from .runner import Settings
from .runner import run as run_suites
from .suites import Case, Suite, choose, suites

app = typer.Typer(
    help="Measure shoal beside its peers, interleaved in one run.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

PATH_OPTIONS = ("--out", "--mnist")


@app.command()
def run(
    out: Annotated[Path, typer.Option(help="Results file (JSON); written after every case.")],
    suite: Annotated[
        str, typer.Option(help="Suites, comma-separated; kmeans is all of k-means, or all.")
    ] = "all",
    threads: Annotated[str, typer.Option(help="Numbers of threads, comma-separated.")] = "1,2",
    repeats: Annotated[int, typer.Option(min=1, help="Timed calls per library, case and seed.")] = 5,
    libraries: Annotated[
        str, typer.Option(help="Libraries, comma-separated; all but variants when empty.")
    ] = "",
    case: Annotated[str, typer.Option(help="Only cases whose name contains this.")] = "",
    data: Annotated[str, typer.Option(help="Only this kind of data, such as blobs.")] = "",
    dtype: Annotated[str, typer.Option(help="Only this dtype.")] = "",
    mnist: Annotated[Path | None, typer.Option(help="npz file with X (60000, 784) and y.")] = None,
    budget: Annotated[float, typer.Option(help="Seconds of timed calls per library and case.")] = 60.0,
    timeout: Annotated[float, typer.Option(help="Seconds after which a call has failed.")] = 900.0,
    patience: Annotated[float, typer.Option(help="Seconds to wait per call for other work to pause.")] = 0.0,
) -> None:
    """Measure and write a record; the table follows."""
    if mnist is not None and not mnist.is_file():
        raise typer.BadParameter(f"--mnist must be a file; got {mnist}")
    known = suites(str(mnist) if mnist else None)
    try:
        chosen = choose([name.strip() for name in suite.split(",")], known)
        settings = Settings(_numbers(threads), repeats, budget, timeout, patience=patience)
        named = _libraries(libraries)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    missing = [s for s in chosen if s.needs and mnist is None]
    if missing and suite != "all":
        raise typer.BadParameter(f"suite {missing[0].name} needs {missing[0].needs}")

    console = Console(stderr=True)
    record = Record(
        **machine.commit(),
        date=machine.now(),
        command=_command(sys.argv[1:]),
        settings=asdict(settings),
        machine=machine.facts(),
        shoal=machine.shoal_build(),
        libraries={},
    )

    def wanted(c: Case, kind: str) -> bool:
        return case in c.name and data in ("", c.kind) and dtype in ("", kind)

    def done(results: list[Result]) -> None:
        record.write(out)
        console.print(_line(results), highlight=False, soft_wrap=True)

    try:
        run_suites(record, chosen, named, settings, wanted=wanted, done=done)
    except KeyboardInterrupt:
        console.print(f"Stopped; {len(record.results)} results are in {out}.")
        raise typer.Exit(130) from None
    if not record.results:
        raise typer.BadParameter("no case has that name, data and dtype")
    table.show(record, known, Console())


@app.command()
def show(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A record written by run.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="Write Markdown instead.")] = False,
    details: Annotated[bool, typer.Option("--details", help="A row per library with every number.")] = False,
    cpu: Annotated[bool, typer.Option("--cpu", help="Processor time; rows of one thread only.")] = False,
    suite: Annotated[str, typer.Option(help="Only these suites, comma-separated.")] = "all",
) -> None:
    """Show a record as tables."""
    known = suites()
    try:
        record = read(file)
        kept = {s.name for s in choose(suite.split(","), known)}
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    record.results = [r for r in record.results if r.suite in kept]
    if cpu:
        record.results = [r for r in record.results if r.threads == 1]
        for result in record.results:
            result.use_processor_time()
    if markdown:
        print(table.markdown(record, known, details))
    else:
        table.show(record, known, Console(), details)


@app.command("publish")
def publish_(
    out: Annotated[Path, typer.Option(help="The page.")] = publish.PAGE,
    folder: Annotated[Path, typer.Option(help="Where the records are.")] = publish.RESULTS,
) -> None:
    """Write the page of the documentation, and the README's table, from the newest record of each suite."""
    try:
        stored = publish.records(folder)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if not stored:
        raise typer.BadParameter(f"--folder must hold records; got {folder}")
    known = suites(mnist="mnist60k.npz")
    out.write_text(publish.page(stored, known))
    if out == publish.PAGE:
        publish.README.write_text(publish.readme(stored, known, publish.README.read_text()))
    print(f"{out.name}: {len(stored)} records")


@app.command("list")
def list_() -> None:
    """List the suites with their cases, and the libraries with their versions."""
    console = Console(highlight=False)
    for suite in suites().values():
        console.print(
            f"[bold]{suite.name}[/]: {suite.about}" + (f" (needs {suite.needs})" if suite.needs else "")
        )
        console.print(
            *(f"  {line}" for line in _case_lines(suite)), sep="\n", end="\n" if suite.needs == "" else ""
        )
    console.print("\n[bold]libraries[/]")
    for library in LIBRARIES:
        told = library.absent() or f"{library.package} {library.version()}"
        when = "" if library.default else ", only when named"
        console.print(f"  {library.name} ({library.role}{when}): {told}; {', '.join(library.tasks)}")


def _case_lines(suite: Suite) -> list[str]:
    lines: dict[str, list[str]] = {}
    for case in suite.cases():
        lines.setdefault(f"{case.name} [{', '.join(case.dtypes)}]", []).append(case.kind)
    return [f"{name}: {', '.join(kinds)}".replace("[", "\\[") for name, kinds in lines.items()]


def _numbers(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 1:
        raise ValueError(f"threads must be whole numbers from 1, comma-separated; got {text!r}")
    return numbers


def _libraries(names: str) -> list[Library]:
    if not names:
        return [library for library in LIBRARIES if library.default]
    return [by_name(name.strip()) for name in names.split(",")]


def _command(words: list[str]) -> str:
    """The command as typed, files by their names alone."""
    kept, bare = [], False
    for word in words:
        option, equals, value = word.partition("=")
        if option in PATH_OPTIONS and equals:
            word = f"{option}={Path(value).name}"
        elif bare:
            word = Path(word).name
        bare = word in PATH_OPTIONS
        kept.append(f'"{word}"' if " " in word else word)
    return " ".join(["python -m benchmarks", *kept])


def _line(results: list[Result]) -> str:
    """One line per case while it runs."""
    if not results:
        return ""
    first = results[0]
    told = [
        f"{r.library} {r.minimum:.4g} s" if r.minimum is not None else f"{r.library} {r.status}"
        for r in results
        if r.status != "not offered"
    ]
    where = f"{first.case}, {first.data}, {first.dtype}, {first.threads} threads"
    return f"{first.suite}: {where}: " + " | ".join(told)


def main() -> None:
    app(prog_name="python -m benchmarks")
