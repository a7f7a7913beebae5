"""Writes docs/paper.md: the text of paper.in with every number taken from the stored results.

python docs/paper/make.py
"""

import re
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent
sys.path.insert(0, str(DOCS.parent))  # for `benchmarks`

from benchmarks import publish  # noqa: E402
from benchmarks.suites import suites  # noqa: E402

from shoal.evaluation import compare, read  # noqa: E402
from shoal.evaluation.pages import lead_words, rank_words  # noqa: E402

PAGE = DOCS / "paper.md"


def page() -> str:
    """The whole page; a name in the text without a value, or a value without its name, is an error."""
    text = (HERE / "paper.in").read_text(encoding="utf-8")
    values = {**theory(), **quality(), **speed()}
    wanted = set(re.findall(r"\{\{(\w+)\}\}", text))
    if wanted != set(values):
        raise ValueError(f"paper.in and make.py differ in {sorted(wanted ^ set(values))}")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], text)


def theory() -> dict[str, str]:
    """Counted on the pages themselves."""
    pages = sorted((DOCS / "specification").glob("*.md"))
    counts = {}
    for path in pages:
        text = path.read_text(encoding="utf-8")
        title = re.search(r"^# (.+)$", text, re.MULTILINE)
        assert title is not None, path.name
        number = len(re.findall(r"^\*\*Theorem \d+", text, re.MULTILINE))
        if number:
            counts[f"[{title[1]}](specification/{path.name}#theorems)"] = number
    return {
        "n_pages": str(len(pages) - 1),  # without the index
        "n_theorems": str(sum(counts.values())),
        "theorems": ", ".join(f"{name} {number}" for name, number in counts.items()) + ".",
    }


def quality() -> dict[str, str]:
    """From the evaluation."""
    results = read(DOCS / "evaluation" / "results.json")
    comparisons = compare(results)
    rows = [row for comparison in comparisons for row in comparison.rows]
    verdicts = Counter(row.verdict for row in rows)
    titles = {comparison.method: comparison.title for comparison in comparisons}
    below = Counter(f"{titles[row.method]} beside {row.peer}" for row in rows if row.verdict == "below")
    speeds = [comparison.time_ratio for comparison in comparisons if comparison.time_ratio]
    table = [
        "| method | beside | sets | ARI | more / equal / less | same | time | memory |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in comparisons:
        ours, theirs = one.means["ari"]
        table.append(
            f"| {one.title} | {one.peer} | {len(one.rows)} | {ours:.3f} \\| {theirs:.3f} "
            f"| {one.wins} / {one.ties} / {one.losses} | {one.same:.0%} "
            f"| {times(one.time_ratio)} | {times(one.memory_ratio)} |"
        )
    machine = results.machine
    return {
        "n_sets": str(len(results.plan.sets)),
        "n_methods": str(len(results.plan.methods)),
        "n_fits": f"{sum(cell.status == 'measured' for cell in results.cells):,}",
        "n_rows": f"{len(rows):,}",
        "n_equal": f"{verdicts['equal']:,}",
        "n_better": str(verdicts["better"]),
        "n_below": str(verdicts["below"]),
        "share_equal": f"{verdicts['equal'] / len(rows):.0%}",
        "below_by": ", ".join(f"{number} of {name}" for name, number in below.most_common()) or "none",
        "least_speed": times(min(speeds)),
        "greatest_speed": times(max(speeds)),
        "lead": lead_words(results),
        "machine": f"{machine['cpu']}, {machine['cores']} cores",
        "ranks": rank_words(results),
        "quality_table": "\n".join(table),
    }


def speed() -> dict[str, str]:
    """From the newest benchmark record of each suite."""
    lines, lost = publish.summary(publish.records(), suites(mnist="mnist60k.npz"))
    behind = (
        "No exact peer is ahead in any row in which it gave a time."
        if not lost
        else "An exact peer is ahead in:\n\n" + "\n".join(lost)
    )
    table = "\n".join(line.replace("](#", "](benchmarks.md#") for line in lines)
    return {"speed_table": table, "behind": behind}


def times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1f}x" if ratio < 10 else f"{ratio:.0f}x"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
