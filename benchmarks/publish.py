"""The published comparison: one page made from the stored records, the rows we lose first."""

from __future__ import annotations

import statistics
from pathlib import Path

from .record import Record, Result, read
from .suites import Suite
from .table import approximate_ahead, behind, ratio_table, ratios, to_markdown, without_time

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
README = Path(__file__).parents[1] / "README.md"
MARKS = ("<!-- speed -->\n", "<!-- /speed -->")  # around what the README shows

INTRODUCTION = """\
# Benchmarks

Algorithms beside their peers, made from the records in `benchmarks/results/` by `python -m benchmarks publish`;
nothing on this page is written by hand. [Performance](performance.md) tells where the time goes, and
`benchmarks/README.md` how a measurement is made and how to repeat one.

- A **ratio** is a peer's least time over ours: above 1 shoal is faster. Rows in which an exact peer is ahead are in
  bold. They are listed first, then those in which an approximate one is, then those in which a peer gave no time.
- The **best exact peer** is the fastest of those that compute the same thing and gave a time; `~` marks libraries that
  sample or approximate, which no figure of the first table counts.
- **Quality** stands beside time: percentages beside a ratio are the peer's inertia over ours.
- With one thread, time is processor time: waiting for a core of a machine that others use does not count. With several
  it is time by the clock.
"""


def records(folder: Path = RESULTS) -> list[Record]:
    """All stored records, the oldest first."""
    return sorted((read(path) for path in folder.glob("*.json")), key=lambda record: record.date)


def newest(stored: list[Record]) -> dict[str, Record]:
    """For each suite the newest record that has it, with that suite's results alone."""
    chosen: dict[str, Record] = {}
    for record in stored:
        for name in dict.fromkeys(result.suite for result in record.results):
            chosen[name] = record
    return chosen


def page(stored: list[Record], suites: dict[str, Suite]) -> str:
    """The page in Markdown."""
    chosen = newest(stored)
    results = _results(chosen, suites)
    table, lost = _summaries(results, suites)
    parts = [
        INTRODUCTION,
        "## In one table\n",
        *table,
        "",
        "Ratios of the best exact peer's time to ours.\n",
        "## Rows in which an exact peer is ahead\n",
        *(lost or ["None, of the rows in which an exact peer gave a time."]),
        "",
        "## Rows in which an approximate peer is ahead\n",
        *(_approximate(results) or ["None."]),
        "",
        "## Rows in which an exact peer gave no time\n",
        "Such a row is compared with the peers that did; without any it is in no figure above.\n",
        *(_without_time(results) or ["None."]),
        "",
        *(_section(chosen[name], suites[name], results[name]) for name in results),
    ]
    return "\n".join(parts).rstrip() + "\n"


def summary(stored: list[Record], suites: dict[str, Suite]) -> tuple[list[str], list[str]]:
    """One line per suite and number of threads, as a table; and the rows in which an exact peer is ahead, as a list."""
    return _summaries(_results(newest(stored), suites), suites)


def readme(stored: list[Record], suites: dict[str, Suite], text: str) -> str:
    """The README with its table of what is faster by how much, one line per suite."""
    before, _, rest = text.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    results = _results(newest(stored), suites)
    table = [
        "| suite | beside | 1 thread | 2 threads | least of all rows |",
        "| --- | --- | ---: | ---: | ---: |",
        *(line for name in results for line in _brief(suites[name], results[name])),
    ]
    return before + MARKS[0] + "\n".join(table) + "\n" + MARKS[1] + after


def _brief(suite: Suite, results: list[Result]) -> list[str]:
    found = {n: ratios([result for result in results if result.threads == n]) for n in (1, 2)}
    every = [ratio for some in found.values() for ratio in some]
    if not every:
        return []
    exact = [r.library for r in results if r.status == "measured" and r.role == "peer" and r.exact]
    # a library in another setting has its name and a word more
    peers = [
        name for name in dict.fromkeys(exact) if not any(name.startswith(f"{other} ") for other in exact)
    ]
    means = (f"{statistics.geometric_mean(some):.1f}x" if some else "" for some in found.values())
    link = f"[{suite.name}](docs/benchmarks.md#{suite.name})"
    return [f"| {link} | {', '.join(peers)} | {' | '.join(means)} | {min(every):.2f}x |"]


def _summaries(results: dict[str, list[Result]], suites: dict[str, Suite]) -> tuple[list[str], list[str]]:
    table = [
        "| suite | what | threads | rows | geometric mean | least | greatest | behind in |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(line for name in results for line in _summary(suites[name], results[name])),
    ]
    return table, [line for name in results for line in _lost(name, results[name])]


def _results(chosen: dict[str, Record], suites: dict[str, Suite]) -> dict[str, list[Result]]:
    return {name: _timed(chosen[name], name) for name in suites if name in chosen}


def _timed(record: Record, suite: str) -> list[Result]:
    results = [result for result in record.results if result.suite == suite]
    for result in results:
        if result.threads == 1:
            result.use_processor_time()
    return results


def _summary(suite: Suite, results: list[Result]) -> list[str]:
    lines = []
    for threads in sorted({result.threads for result in results}):
        found = ratios([result for result in results if result.threads == threads])
        if found:
            mean = statistics.geometric_mean(found)
            lost = sum(ratio < 1 for ratio in found)
            lines.append(
                f"| [{suite.name}](#{suite.name}) | {suite.about} | {threads} | {len(found)} | {mean:.2f}x "
                f"| {min(found):.2f}x | {max(found):.2f}x | {lost or 'none'} |"
            )
    return lines


def _lost(name: str, results: list[Result]) -> list[str]:
    return [_row(name, *row) for row in behind(results)]


def _approximate(results: dict[str, list[Result]]) -> list[str]:
    return [
        f"{_row(name, *row)}~ ({row[1].note})" for name in results for row in approximate_ahead(results[name])
    ]


def _row(name: str, ours: Result, peer: Result, ratio: float) -> str:
    threads = f"{ours.threads} thread{'s' * (ours.threads > 1)}"
    return f"- {name}: {ours.case}, {ours.data}, {ours.dtype}, {threads}: {peer.library} {ratio:.2f}x"


def _without_time(results: dict[str, list[Result]]) -> list[str]:
    lines = []
    for name, some in results.items():
        for (library, why), count in without_time(some).items():
            lines.append(f"- {name}: {library} in {count} row{'s' * (count > 1)}, {' '.join(why.split())}")
    return lines


def _section(record: Record, suite: Suite, results: list[Result]) -> str:
    machine, build = record.machine, record.shoal or {}
    commit = (record.commit or "unknown")[:12] + (" with changes" if record.changed else "")
    told = (
        f"*{record.date[:10]}, commit {commit}, instruction set {build.get('isa', '?')}; "
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB, {machine['os']}, "
        f"Python {machine['python']}; {_versions(record, results)}.*\n\n`{record.command}`\n"
    )
    table = to_markdown(ratio_table(results, suite)).split("\n", 1)[1]
    return f"({suite.name})=\n## {suite.name}\n\n{suite.about[0].upper()}{suite.about[1:]}.\n\n{told}{table}"


def _versions(record: Record, results: list[Result]) -> str:
    used = dict.fromkeys(r.library for r in results if r.status == "measured" and r.role != "ours")
    told = (f"{name} {record.libraries.get(name, {}).get('version', '?')}" for name in used)
    return ", ".join(told)
