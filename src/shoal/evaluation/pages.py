"""The report of an evaluation: one HTML page, and the same as Markdown with figures beside it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from shoal.base.files import replacing
from shoal.evaluation import figures
from shoal.evaluation.results import Results
from shoal.evaluation.statistics import Mean
from shoal.evaluation.summary import LEVEL, OURS, SAME, Comparison, Row, compare, ranking, skipped
from shoal.report.markup import Markup, join, tag
from shoal.report.markup import table as html_table
from shoal.report.sections import card
from shoal.report.shell import document
from shoal.report.text import MINUS, format_seconds, plural

# A table of the report: heading, note, head, rows; cells are text, or (text, class).
Cell = Any
Table = tuple[str, str, list[str], list[list[Cell]]]


def report(
    results: Results, folder: str | os.PathLike[str], *, title: str = "", command: str = ""
) -> list[Path]:
    """Write ``report.html``, ``report.md`` and ``figures/*.png`` of an evaluation.

    Parameters
    ----------
    results : Results
    folder : path-like
        Made if it is not there; files of an earlier report are replaced.
    title : str
    command : str
        The command line, to be quoted.

    Returns
    -------
    list of Path
        The two pages, then the figures.

    Raises
    ------
    OSError
        A file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from shoal.evaluation import evaluate, plan, report
    >>> folder = tempfile.mkdtemp()
    >>> results = evaluate(plan(["iris", "wine"], ["ward"]), folder)
    >>> [path.name for path in report(results, folder)][:2]
    ['report.html', 'report.md']
    """
    import matplotlib.pyplot as plt

    place = Path(folder)
    (place / "figures").mkdir(parents=True, exist_ok=True)
    title = title or "Evaluation of shoal"
    drawn = figures.draw(results)
    written = []
    for name, (_, figure) in drawn.items():
        path = place / "figures" / f"{name}.png"
        with replacing(path) as beside:
            figures.png(figure, beside)
        written.append(path)
    pictures = {name: (caption, figures.svg(name, figure)) for name, (caption, figure) in drawn.items()}
    plt.close("all")
    pages = {
        "report.html": _html(results, pictures, title, command),
        "report.md": markdown(
            results, {name: caption for name, (caption, _) in drawn.items()}, title, command
        ),
    }
    for name, text in pages.items():
        with replacing(place / name) as beside:
            beside.write_text(text, encoding="utf-8")
    return [*(place / name for name in pages), *written]


# --- the tables, for both pages ----------------------------------------------------------------------------------


def main_table(results: Results) -> Table:
    """Each method beside each counterpart over all sets."""
    rows: list[list[Cell]] = []
    for c in compare(results):
        if not c.rows:
            rows.append([c.title, c.peer, _n_sets(c), *["-"] * 10])
            continue
        kind = {"better": "good", "below": "bad", "equal": ""}[c.verdict]
        rows.append(
            [
                c.title,
                c.peer,
                _n_sets(c),
                _two(c.means["ari"]),
                "-" if c.difference is None else _mean(c.difference),
                _two(c.means["nmi"]),
                _two(c.means["ami"]),
                f"{c.wins} / {c.ties} / {c.losses}",
                f"{c.same:.0%}",
                _p(c.p),
                (_p(c.p_holm), kind),
                _times(c.time_ratio),
                _times(c.memory_ratio),
            ]
        )
    head = [
        "Method", "Beside", "Sets", "ARI", "Difference", "NMI", "AMI", "+ / = / \N{MINUS SIGN}", "Same", "P", "P, Holm",
        "Time", "Memory",
    ]  # fmt: skip
    note = (
        "Means over the data sets where both have results (in brackets: + sets that only shoal "
        f"finished, {MINUS} those that only the counterpart did), shoal's first. "
        "Difference: mean of our ARI less theirs over the sets, ± half of Student's 95 % interval. "
        f"+ / = / \N{MINUS SIGN}: sets where our mean ARI is higher, equal within {SAME:g}, lower. Same: share of "
        "runs with the very same "
        "clusters. P: Wilcoxon's signed-rank test of the mean ARI over the sets, and adjusted for "
        "all rows by Holm's steps. "
        "Time and memory: geometric mean of the counterpart's over shoal's; above "
        "1\N{MULTIPLICATION SIGN} shoal needs less."
    )
    return "Each method beside its counterparts", note, head, rows


def _n_sets(c: Comparison) -> str:
    """Sets where both have results, and in brackets those of one alone."""
    alone = [f"{sign}{len(sets)}" for sign, sets in (("+", c.only_ours), (MINUS, c.only_theirs)) if sets]
    return f"{len(c.rows)}" + (f" ({', '.join(alone)})" if alone else "")


def internal_table(results: Results) -> Table:
    """Internal scores."""
    rows = []
    for c in compare(results):
        if c.rows:
            cells = [_two(c.means.get(s)) for s in ("silhouette", "davies_bouldin")]
            ch = c.means.get("calinski_harabasz")
            rows.append(
                [c.title, c.peer, cells[0], "-" if ch is None else f"{ch[0]:,.0f} | {ch[1]:,.0f}", cells[1]]
            )
    head = ["Method", "Beside", "Silhouette", "Calinski-Harabasz", "Davies-Bouldin"]
    note = "Means over the sets where both are defined, shoal's first. Davies-Bouldin: lower is better."
    return "Internal scores", note, head, rows


def below(results: Results) -> list[Row]:
    """Rows where shoal's ARI is below the counterpart's beyond noise, the largest difference first."""
    rows = [row for c in compare(results) for row in c.rows if row.verdict == "below"]
    return sorted(rows, key=lambda row: row.difference)


def verdict_table(results: Results, verdict: str) -> Table:
    """Rows that differ beyond noise in one direction."""
    titles = {m.name: m.title for m in results.plan.methods}
    rows = [row for c in compare(results) for row in c.rows if row.verdict == verdict]
    rows.sort(key=lambda row: -abs(row.difference))
    cells: list[list[Cell]] = [
        [titles[r.method], r.peer, r.set, _mean(r.ours), _mean(r.theirs), f"{r.difference:+.3f}".replace("-", MINUS),
         _p(r.p_holm), _gain(r)]
        for r in rows
    ]  # fmt: skip
    total = sum(len(c.rows) for c in compare(results))
    what = "below the counterpart" if verdict == "below" else "above the counterpart"
    note = (
        f"{len(rows)} of {total:,} rows. A row is here when mean ARI differs by more than {SAME:g} "
        "and the test (t of the "
        "paired differences where each seed is a new sample, else Welch's; exact where nothing "
        f"varies) stays below {LEVEL:g} "
        "after Holm's adjustment for all rows. Objective: how much better (+) or worse shoal is in "
        "what the algorithm itself "
        "optimises, relative."
    )
    head = ["Method", "Beside", "Data set", "shoal", "Counterpart", "Difference", "P, Holm", "Objective"]
    return f"Rows {what} beyond noise", note, head, cells


def slower_table(results: Results) -> Table:
    """Rows in which the counterpart is faster."""
    titles = {m.name: m.title for m in results.plan.methods}
    timed = [row for c in compare(results) for row in c.rows if row.seconds and min(row.seconds) > 0]
    rows = [(row.seconds[1] / row.seconds[0], row) for row in timed if row.seconds]
    slower = sorted(((ratio, row) for ratio, row in rows if ratio < 1), key=lambda one: one[0])
    cells: list[list[Cell]] = [
        [titles[r.method], r.peer, r.set, *(format_seconds(s) for s in r.seconds or ()), _times(ratio)]
        for ratio, r in slower
    ]  # fmt: skip
    note = (
        f"{len(slower)} of {len(rows):,} rows. A row is here when the counterpart's mean time over the seeds is "
        "less than shoal's. Ratio: the counterpart's over shoal's."
    )
    head = ["Method", "Beside", "Data set", "shoal", "Counterpart", "Ratio"]
    return "Rows in which the counterpart is faster", note, head, cells


def sets_table(results: Results) -> Table:
    """The data sets."""
    rows: list[list[Cell]] = []
    for s in results.plan.sets:
        bayes = ""
        if s.bayes_error is not None:
            bayes = f"{s.bayes_error:.4f}" + (f" ± {s.bayes_error_se:.1g}" if s.bayes_error_se else "")
        rows.append(
            [s.name, f"{s.n_samples:,}", f"{s.n_features:,}", str(s.n_clusters), s.scaling,
             "a new sample per seed" if s.drawn else "as given", s.source, s.licence, bayes]
        )  # fmt: skip
    note = (
        "Scaling: standard is mean 0 and deviation 1 per feature, pixels are brought to [0, 1]. "
        "Bayes error: the least share "
        "of wrong labels that is possible, ± its standard error where it is not exact."
    )
    if results.plan.left_out:
        note += " Left out: " + "; ".join(f"{name}, {why}" for name, why in results.plan.left_out) + "."
    head = [
        "Data set",
        "Samples",
        "Features",
        "Classes",
        "Scaling",
        "Points",
        "Source",
        "Licence",
        "Bayes error",
    ]
    return "Data sets", note, head, rows


def methods_table(results: Results) -> Table:
    """The methods and their settings."""
    rows: list[list[Cell]] = [
        [m.title, ", ".join(library for library in m.libraries if library != OURS) or "none", m.rule,
         "yes" if m.seeded else "no"]
        for m in results.plan.methods
    ]  # fmt: skip
    note = "k is the number of classes. All that is not named here is at each library's default."
    return "Methods", note, ["Method", "Beside", "Settings, the same for all", "Uses the seed"], rows


def skipped_table(results: Results) -> Table:
    """What has no numbers, and why."""
    titles = {m.name: m.title for m in results.plan.methods}
    rows: list[list[Cell]] = [
        [titles.get(method, method), library, reason, str(len(names)), ", ".join(names)]
        for method, library, reason, names in skipped(results)
    ]
    note = "Everything of the plan that has no numbers; later seeds of what was stopped or failed are not run either."
    return "Not run, stopped or failed", note, ["Method", "Library", "Reason", "Sets", "Which"], rows


def rank_words(results: Results) -> str:
    """What Friedman's test says of shoal's methods."""
    found = ranking(results)
    if found is None:
        return "Too few methods and data sets for ranks."
    t = found.test
    k, n = len(found.methods), t.n_sets
    words = (
        f"Friedman's test of {k} methods on {n} data sets: χ² = {t.chi2:.1f} with {k - 1} degrees of "
        f"freedom (P {_is(t.p_chi2)}), "
        f"Iman and Davenport's F = {t.f:.1f} with {k - 1} and {(k - 1) * (n - 1)} (P {_is(t.p_f)}). "
        "Critical difference "
        f"of two average ranks by Nemenyi at 5 %: {t.critical_difference:.2f}."
    )
    if found.left_out:
        words += f" Without {', '.join(found.left_out)}, without results on more than a quarter of the sets."
    return words


def lead_words(results: Results) -> str:
    """The first sentence."""
    measured = sum(cell.status == "measured" for cell in results.cells)
    runs = {
        status: sum(cell.status == status for cell in results.cells)
        for status in ("stopped", "failed", "skipped")
    }
    rest = ", ".join(f"{count:,} {status}" for status, count in runs.items() if count)
    words = (
        f"{plural(len(results.plan.methods), 'method')} on {plural(len(results.plan.sets), 'data set')}, "
        f"{plural(results.plan.seeds, 'seed')}: {measured:,} fits measured" + (f", {rest}." if rest else ".")
    )
    if not results.complete:
        words += " The plan is not finished: run the command again to go on."
    return words


def run_facts(results: Results, command: str) -> list[tuple[str, str]]:
    """How and where it was run."""
    machine = results.machine
    facts = [
        ("Finished", results.date),
        ("Versions", ", ".join(f"{name} {version}" for name, version in results.versions.items())),
        ("Processor", str(machine.get("cpu", "unknown")) + ", one thread"),
        ("System", f"{machine.get('os', 'unknown')}, Python {machine.get('python', 'unknown')}"),
        ("Budget", f"{results.plan.budget:g} s of processor time per fit"),
    ]
    return [("Command", command), *facts] if command else facts


def seconds_table(results: Results) -> Table:
    """ARI and time of every method and library on every set."""
    ari, times, memory = (results.means(score) for score in ("ari", "time", "memory"))
    values: dict[tuple[str, str, str], list[float]] = {}
    for cell in results.of(status="measured"):
        if cell.ari is not None:
            values.setdefault(cell.key[:3], []).append(cell.ari)
    titles = {m.name: m.title for m in results.plan.methods}
    from shoal.evaluation.statistics import mean_interval

    rows: list[list[Cell]] = []
    nmi, ami = results.means("nmi"), results.means("ami")
    for key in ari:
        name, method, library = key
        peak = memory.get(key)
        rows.append(
            [name, titles.get(method, method), library, _mean(mean_interval(values[key])), f"{nmi[key]:.3f}",
             f"{ami[key]:.3f}",
             format_seconds(times[key]), "-" if peak is None else f"{peak / 2**20:,.0f} MB"]
        )  # fmt: skip
    note = "Mean over the seeds ± half the 95 % interval; time of one fit with one thread, peak memory beyond the data."
    head = ["Data set", "Method", "Library", "ARI", "NMI", "AMI", "Time", "Memory"]
    return "Every data set", note, head, rows


# --- HTML ---------------------------------------------------------------------------------------------------------


def _html(results: Results, pictures: dict[str, tuple[str, Markup]], title: str, command: str) -> str:
    def part(key: str, table: Table) -> Markup:
        heading, note, head, rows = table
        if not rows:
            return card(heading, note=note, id_=key)
        numeric = [all(_numeric(row[j]) for row in rows) for j in range(len(head))]
        head_cells = [(name, "n" if n else None) for name, n in zip(head, numeric, strict=True)]
        body = [[_cell(value, n) for value, n in zip(row, numeric, strict=True)] for row in rows]
        return card(
            heading, html_table(head_cells, body, "whole" if len(rows) <= 40 else None), note=note, id_=key
        )

    def picture(name: str, heading: str) -> Markup:
        if name not in pictures:
            return Markup("")
        caption, drawing = pictures[name]
        return card(
            heading, tag("div", drawing, class_="figure", role="img", aria_label=caption), note=caption
        )

    facts = [
        item for name, value in run_facts(results, command) for item in (tag("dt", name), tag("dd", value))
    ]
    body = [
        tag("h1", title),
        tag("p", lead_words(results), class_="lead"),
        part("main", main_table(results)),
        picture("differences", "Quality beside the counterparts"),
        part("below", verdict_table(results, "below")),
        part("better", verdict_table(results, "better")),
        part("slower", slower_table(results)),
        picture("speedups", "Time beside the counterparts"),
        picture("profiles", "Performance profiles"),
        tag("div", id_="ranks"),
        card("Which method?", note=rank_words(results)),
        picture("ranks", "Critical differences"),
        picture("scores", "Every data set"),
        picture("overlap", "Beside the Bayes error"),
        part("internal", internal_table(results)),
        part("every", seconds_table(results)),
        part("skipped", skipped_table(results)),
        part("sets", sets_table(results)),
        part("methods", methods_table(results)),
        card("How it was run", tag("dl", *facts), id_="run"),
    ]
    links = [
        ("main", "Counterparts"), ("below", "Below"), ("ranks", "Methods"), ("every", "Every set"),
        ("skipped", "Not run"),
        ("sets", "Data"), ("run", "How it was run"),
    ]  # fmt: skip
    return document(title, links, [join(body, "\n")])


def _cell(value: Cell, numeric: bool) -> tuple[Any, str | None]:
    text, kind = value if isinstance(value, tuple) else (value, "")
    classes = " ".join(filter(None, ("n" if numeric else "", kind)))
    if isinstance(text, str) and len(text) <= 14:
        classes = f"{classes} word".strip()
    return text, classes or None


def _numeric(value: Cell) -> bool:
    text = value[0] if isinstance(value, tuple) else value
    return not text or text[0].isdigit() or text[0] in f"+<-{MINUS}"


# --- Markdown -----------------------------------------------------------------------------------------------------


def markdown(
    results: Results, captions: dict[str, str], title: str, command: str = "", figures: str = "figures"
) -> str:
    """The report as Markdown; figures are looked for in the folder `figures`."""

    def picture(name: str) -> Iterable[str]:
        if name in captions:
            yield f"![{captions[name]}]({figures}/{name}.png)\n\n*{captions[name]}*\n"

    parts = [
        f"# {title}\n",
        lead_words(results) + "\n",
        markdown_table(main_table(results)),
        *picture("differences"),
        markdown_table(verdict_table(results, "below")),
        markdown_table(verdict_table(results, "better")),
        markdown_table(slower_table(results)),
        *picture("speedups"),
        *picture("profiles"),
        f"## Which method?\n\n{rank_words(results)}\n",
        *picture("ranks"),
        *picture("scores"),
        *picture("overlap"),
        markdown_table(internal_table(results)),
        markdown_table(skipped_table(results)),
        markdown_table(sets_table(results)),
        markdown_table(methods_table(results)),
        "## How it was run\n\n"
        + "".join(f"- {name}: {value}\n" for name, value in run_facts(results, command)),
    ]
    return "\n".join(parts)


def markdown_table(table: Table, *, heading: bool = True) -> str:
    """One table as Markdown."""
    name, note, head, rows = table
    lines = [f"## {name}\n", note, ""] if heading else []
    if rows:
        aligned = [
            " ---: |" if all(map(_numeric, column)) else " --- |" for column in zip(*rows, strict=True)
        ]
        lines += [_line(head), "|" + "".join(aligned)]
        lines += [_line([cell[0] if isinstance(cell, tuple) else cell for cell in row]) for row in rows]
        lines.append("")
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


# --- numbers ------------------------------------------------------------------------------------------------------


def _two(pair: tuple[float, float] | None) -> str:
    return "-" if pair is None else f"{pair[0]:.3f} | {pair[1]:.3f}".replace("-", MINUS)


def _mean(mean: Mean) -> str:
    text = f"{mean.value:.3f}" + (f" ± {mean.half_width:.3f}" if mean.half_width is not None else "")
    return text.replace("-", MINUS)


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _is(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def _times(ratio: float | None) -> str:
    return (
        "-"
        if ratio is None
        else f"{ratio:.2f}\N{MULTIPLICATION SIGN}"
        if ratio < 10
        else f"{ratio:,.0f}\N{MULTIPLICATION SIGN}"
    )


def _gain(row: Row) -> str:
    if row.objective is None:
        return "none"
    return "equal" if abs(row.objective) < 1e-6 else f"{row.objective:+.2%}".replace("-", MINUS)
