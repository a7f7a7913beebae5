"""Writes what docs/evaluation.md shows from results.json: its main table, the report beside this file, the figures.

python docs/evaluation/make.py [results.json]      a given record takes the place of the one here first
"""

import re
import sys
from pathlib import Path

import matplotlib.pyplot as plt

from shoal.evaluation import figures, read
from shoal.evaluation.pages import (
    lead_words,
    main_table,
    markdown,
    markdown_table,
    rank_words,
    slower_table,
    verdict_table,
)

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "evaluation.md"


def shown(results, captions):
    """The generated part of the page."""
    below = len(verdict_table(results, "below")[3])
    above = len(verdict_table(results, "better")[3])
    total = int(verdict_table(results, "below")[1].split(" of ")[1].split()[0].replace(",", ""))
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    _, note, _, _ = main_table(results)
    text = [
        lead_words(results)
        + (
            f" {len(results.plan.left_out)} more sets were left out, as the report says."
            if results.plan.left_out
            else ""
        ),
        f"{versions}; {results.machine['cpu']}, one thread. The [whole report](evaluation/report.md) "
        "has every table.",
        "",
        markdown_table(main_table(results), heading=False),
        note,
        "",
        f"Of {total:,} rows, a method beside a counterpart on one data set, shoal's ARI is below the "
        "counterpart's beyond noise in "
        f"{below} and above in {above}.",
        "",
        f"**{slower_table(results)[0]}.** {slower_table(results)[1]}",
        "",
        markdown_table(slower_table(results), heading=False),
    ]
    for name, caption in captions.items():
        if name == "ranks":
            text += [rank_words(results), ""]
        text += [f"![{caption}](evaluation/figures/{name}.png)", "", f"*{caption}*", ""]
    return "\n".join(text)


def page(results, captions):
    """docs/evaluation.md with its generated part made anew."""
    text = PAGE.read_text(encoding="utf-8")
    new = shown(results, captions)
    return re.sub(
        r"<!-- main -->.*?<!-- /main -->",
        lambda _: f"<!-- main -->\n{new}\n<!-- /main -->",
        text,
        flags=re.DOTALL,
    )


def main():
    if len(sys.argv) > 1:
        read(sys.argv[1]).write(HERE / "results.json")
    results = read(HERE / "results.json")
    drawn = figures.draw(results)
    (HERE / "figures").mkdir(exist_ok=True)
    for name, (_, figure) in drawn.items():
        figures.png(figure, HERE / "figures" / f"{name}.png", dpi=90)
    plt.close("all")
    captions = {name: caption for name, (caption, _) in drawn.items()}
    command = "shoal evaluate --data FOLDER --samples 1000 --budget 10 --seeds 5"
    (HERE / "report.md").write_text(
        markdown(results, captions, "Report of the evaluation", command), encoding="utf-8"
    )
    PAGE.write_text(page(results, captions), encoding="utf-8")


if __name__ == "__main__":
    main()
