"""A record as tables: in the terminal through Rich, and as Markdown for the documentation."""

from __future__ import annotations

import statistics
from collections.abc import Collection
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table as RichTable

from .record import Record, Result
from .suites import Suite

NONE = "-"
TEXT_COLUMNS = ("case", "data", "library", "best exact peer", "quality")


@dataclass(frozen=True)
class Cell:
    text: str
    style: str = ""  # of Rich: "red" is a row we lose


@dataclass(frozen=True)
class Table:
    title: str
    columns: list[str]
    rows: list[list[Cell]]
    notes: list[str]


def tables(record: Record, suites: dict[str, Suite], details: bool = False) -> list[Table]:
    """One table per suite of the record: a row per case, or per library with every number (`details`)."""
    named = list(dict.fromkeys(r.suite for r in record.results))
    make = detail_table if details else ratio_table
    return [make([r for r in record.results if r.suite == name], suites[name]) for name in named]


def ratio_table(results: list[Result], suite: Suite) -> Table:
    """Rows are case x dtype x threads; a ratio is a peer's least time over ours.

    Without our time, ratios are over the best exact peer's.
    """
    peers = _columns(results)
    rows, notes = [], _notes(results)
    for group in _groups(results):
        ours, best = _ours(group), _best(group)
        base = ours or best
        ratio = _cost(best) / _cost(ours) if ours and best else None
        uneven = _uneven_iterations(group) if suite.unit_of_work == "iteration" else ""
        if uneven:
            notes.append(uneven)
        rows.append(
            [
                *_head(group[0], star=bool(uneven)),
                Cell(_time(ours, suite)),
                Cell(f"{best.library} {_time(best, suite)}" if best else "none"),
                Cell(f"{ratio:.2f}x" if ratio else NONE, "red" if ratio and ratio < 1 else "bold"),
                *(_peer_cell(group, name, base, suite.measure) for name in peers),
                Cell(_quality(base, suite)),
                Cell(f"{_bytes(ours)}, {_bytes(best)}"),
            ]
        )
    columns = ["case", "data", "type", "threads", "shoal", "best exact peer", "ratio", *peers, "quality"]
    title = f"{suite.name}: {suite.about}"
    if found := ratios(results):
        mean = statistics.geometric_mean(found)
        title += f". Geometric mean {mean:.2f}x, behind in {sum(r < 1 for r in found)} of {len(found)} rows"
    return Table(title, [*columns, "peak: shoal, best"], rows, notes)


def detail_table(results: list[Result], suite: Suite) -> Table:
    """Every library on its own row: repeats, median, spread, processor use, quality and memory."""
    names = list(dict.fromkeys(key for r in results for key in r.quality))
    columns = ["case", "data", "type", "threads", "library", "minimum", "median", "spread", "calls"]
    columns += ["iterations", "cores", "busy", *names, "peak"]
    rows = []
    for r in results:
        if r.status == "not offered":
            continue
        cells = [*_head(r), Cell(r.library + ("" if r.exact else " ~"))]
        if r.minimum is None or r.median is None or r.spread is None:
            cells.append(Cell(r.status))
        else:
            used = sum(x.cpu_seconds for x in r.repeats) / max(1e-9, sum(x.seconds for x in r.repeats))
            busy = [x.busy for x in r.repeats if x.busy is not None]
            texts = [
                _seconds(r.minimum),
                _seconds(r.median),
                f"{r.spread:.0%}",
                str(len(r.repeats)),
                " to ".join(str(n) for n in dict.fromkeys((*r.iterations[:1], *r.iterations[-1:]))),
                f"{used:.2f}",
                f"{sum(busy) / len(busy):.1f}" if busy else "",
                *(f"{r.quality[key]:.8g}" if key in r.quality else "" for key in names),
                _bytes(r),
            ]
            cells += map(Cell, texts)
        rows.append(cells + [Cell("")] * (len(columns) - len(cells)))
    notes = ["cores: processor time over time; busy: cores that other work used just before the calls."]
    return Table(f"{suite.name}: {suite.about}", columns, rows, notes + _notes(results))


def to_rich(table: Table) -> RichTable:
    """The table for a terminal."""
    drawn = RichTable(title=table.title, title_justify="left", box=None, padding=(0, 1))
    for column in table.columns:
        drawn.add_column(column, justify="left" if column in TEXT_COLUMNS else "right", no_wrap=True)
    for row in table.rows:
        drawn.add_row(*(f"[{cell.style}]{cell.text}[/]" if cell.style else cell.text for cell in row))
    return drawn


def to_markdown(table: Table) -> str:
    """The table for a page; a row we lose has its ratio in bold."""
    lines = [f"### {table.title}", "", "| " + " | ".join(table.columns) + " |"]
    lines.append("|" + "".join(" --- |" if c in TEXT_COLUMNS else " ---: |" for c in table.columns))
    for row in table.rows:
        texts = (f"**{cell.text}**" if cell.style == "red" else cell.text for cell in row)
        lines.append("| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |")
    return "\n".join([*lines, "", *(f"- {note}" for note in table.notes)]).rstrip() + "\n"


def heading(record: Record) -> str:
    """Where the numbers come from."""
    machine, build = record.machine, record.shoal
    commit = record.commit[:12] if record.commit else "unknown commit"
    commit += " with changes" if record.changed else ""
    built = f"shoal {build['version']} {build['build_type']} {build['isa']}" if build else "no shoal"
    return (
        f"{record.date}, {commit}, {built}; {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB, {machine['os']}, Python {machine['python']}; "
        f"{record.command}"
    )


def show(record: Record, suites: dict[str, Suite], console: Console, details: bool = False) -> None:
    """Print the tables at their own width: a table cut to the window would hide figures."""
    console.print(heading(record), highlight=False, soft_wrap=True)
    for table in tables(record, suites, details):
        console.width = max(console.width, _width(table))
        console.print()
        console.print(to_rich(table))
        for note in table.notes:
            console.print(f"  {note}", highlight=False, markup=False, soft_wrap=True)


def markdown(record: Record, suites: dict[str, Suite], details: bool = False) -> str:
    """The tables for a page of the documentation."""
    return "\n".join([heading(record) + "\n", *(to_markdown(t) for t in tables(record, suites, details))])


def ratios(results: list[Result]) -> list[float]:
    """The best exact peer's time over ours, for each row that has both."""
    return [_cost(best) / _cost(ours) for ours, best in _pairs(results)]


def behind(results: list[Result]) -> list[tuple[Result, Result, float]]:
    """Rows in which the best exact peer is ahead: ours, the peer's, and the ratio."""
    rows = ((ours, best, _cost(best) / _cost(ours)) for ours, best in _pairs(results))
    return [row for row in rows if row[2] < 1]


def approximate_ahead(results: list[Result]) -> list[tuple[Result, Result, float]]:
    """Rows in which peers that sample or approximate are ahead: ours, the peer's, and the ratio; each such peer."""
    rows = []
    for group in _groups(results):
        if ours := _ours(group):
            loose = (r for r in group if r.role == "peer" and not r.exact and r.status == "measured")
            rows += [(ours, peer, _cost(peer) / _cost(ours)) for peer in loose]
    return [row for row in rows if row[2] < 1]


def without_time(results: list[Result]) -> dict[tuple[str, str], int]:
    """(library, why) -> in how many rows an exact peer was to be timed and gave no time."""
    count: dict[tuple[str, str], int] = {}
    for r in results:
        if r.role == "peer" and r.exact and r.status in ("absent", "failed", "left out", "out of time"):
            why = (r.library, f"{r.status}: {r.reason}")
            count[why] = count.get(why, 0) + 1
    return count


def _pairs(results: list[Result]) -> list[tuple[Result, Result]]:
    pairs = ((_ours(group), _best(group)) for group in _groups(results))
    return [(ours, best) for ours, best in pairs if ours and best]


def _width(table: Table) -> int:
    texts = [table.columns, *([cell.text for cell in row] for row in table.rows)]
    return sum(max(map(len, column)) + 2 for column in zip(*texts, strict=True))


def _groups(results: list[Result]) -> Collection[list[Result]]:
    grouped: dict[tuple[str, str, str, str, int], list[Result]] = {}
    for result in results:
        grouped.setdefault(result.key, []).append(result)
    return grouped.values()


def _columns(results: list[Result]) -> list[str]:
    """Libraries with something to say in this suite, in the order of the run; ours has its own column."""
    told = (r.library for r in results if r.role != "ours" and r.status != "not offered")
    return list(dict.fromkeys(told))


def _ours(group: list[Result]) -> Result | None:
    return next((r for r in group if r.role == "ours" and r.status == "measured"), None)


def _best(group: list[Result]) -> Result | None:
    """The fastest exact peer."""
    exact = [r for r in group if r.role == "peer" and r.exact and r.status == "measured"]
    return min(exact, key=_cost, default=None)


def _uneven_iterations(group: list[Result]) -> str:
    """A note when some stopped earlier than others."""
    counts = {r.library: r.iterations[0] for r in group if r.iterations}
    if len(set(counts.values())) < 2:
        return ""
    first, listed = group[0], ", ".join(f"{name} {count}" for name, count in counts.items())
    where = f"{first.case}, {first.data}, {first.dtype}, threads {first.threads}"
    return f"* {where}: iterations differ ({listed}); the ratios are per iteration."


def _notes(results: list[Result]) -> list[str]:
    """What a reader must know: differing work, missing libraries, failures."""
    notes = set()
    for r in results:
        if r.status == "absent":
            notes.add(f"{r.library} is absent: {r.reason}.")
        elif r.status in ("failed", "left out", "out of time"):
            notes.add(f"{r.library} {r.status} ({r.case}, {r.dtype}): {r.reason}")
        elif r.status == "measured" and not r.exact:
            notes.add(f"~ {r.library} is approximate: {r.note}.")
        elif r.status == "measured" and r.note:
            notes.add(f"{r.library}: {r.note}.")
    return sorted(notes)


def _head(result: Result, star: bool = False) -> list[Cell]:
    dtype = result.dtype.replace("float", "f").replace("int", "i")
    return [Cell(result.case + "*" * star), Cell(result.data), Cell(dtype), Cell(str(result.threads))]


def _peer_cell(group: list[Result], name: str, base: Result | None, measure: str) -> Cell:
    result = next((r for r in group if r.library == name), None)
    if result is None or result.status == "not offered":
        return Cell(NONE)
    if result.status != "measured" or base is None:
        return Cell(result.status)
    ratio = _cost(result) / _cost(base)
    lost = ratio < 1 and base.role == "ours" and result.role == "peer" and result.exact
    text = f"{ratio:.2f}x" + ("" if result.exact else "~") + _against(result, base, measure)
    return Cell(text, "red" if lost else "")


def _against(result: Result, base: Result, measure: str) -> str:
    """How its quality differs, when it does: a greater inertia is worse, a value should be equal."""
    mine, theirs = base.quality.get(measure), result.quality.get(measure)
    if mine is None or theirs is None:
        return ""
    if measure == "inertia" and mine > 0:
        percent = 100 * (theirs / mine - 1)
        return f" {percent:+.2f}%" if abs(percent) >= 0.005 else ""
    return f" {theirs - mine:+.1e}" if abs(theirs - mine) > 1e-6 * max(1.0, abs(mine)) else ""


def _quality(result: Result | None, suite: Suite) -> str:
    """The compared measure first; a share of one is not worth a word."""
    if result is None:
        return ""
    order = dict.fromkeys((suite.measure, *result.quality))
    listed = {key: result.quality[key] for key in order if key in result.quality}
    if listed.get("labels_nearest") == 1 and len(listed) > 1:
        del listed["labels_nearest"]
    return ", ".join(f"{key} {value:.6g}" for key, value in listed.items())


def _cost(result: Result) -> float:
    assert result.per_work is not None
    return result.per_work


def _time(result: Result | None, suite: Suite) -> str:
    if result is None or result.minimum is None:
        return NONE
    if suite.unit_of_work == "flop":
        return f"{_seconds(result.minimum)}, {1e-9 / _cost(result) / result.threads:.1f} GFLOP/s a core"
    return _seconds(result.minimum)


def _seconds(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def _bytes(result: Result | None) -> str:
    if result is None or result.peak_bytes is None:
        return NONE
    return f"{result.peak_bytes / 1e6:.0f} MB"
