"""``shoal evaluate``: one command from data to report, which goes on where it stopped."""

import json
import re

import pytest

from shoal.evaluation import read

QUICK = (
    "evaluate --quick --sets iris,overlap_10 --methods kmeans,average --seeds 2 --samples 100 --out result"
)


def test_the_quick_form_leaves_record_and_reports_and_goes_on(shoal, folder):
    first = shoal(QUICK)
    assert (first.code, first.err) == (0, "")
    assert "2 methods on 2 data sets, 2 seeds" in first.out
    assert "KMeans" in first.out
    assert re.search(r"KMeans +scikit-learn +2 +0\.\d{3} \| 0\.\d{3} +\d / \d / \d +[\d.]+×\s", first.out)  # noqa: RUF001
    for name in ("results.json", "report.html", "report.md", "cells.jsonl", "figures/differences.png"):
        assert (folder / "result" / name).exists()
    before = (folder / "result" / "cells.jsonl").read_text()
    assert shoal(QUICK + " -q").out == ""
    assert (folder / "result" / "cells.jsonl").read_text() == before  # nothing was left to run
    lines = before.splitlines(keepends=True)
    (folder / "result" / "cells.jsonl").write_text("".join(lines[:-3]))
    assert shoal(QUICK).code == 0
    assert read(folder / "result").complete
    assert len((folder / "result" / "cells.jsonl").read_text().splitlines()) == len(lines)
    refused = shoal(QUICK.replace("--seeds 2", "--seeds 1"))
    assert refused.code == 2
    assert refused.err.startswith("shoal: result holds the results of another plan: its seeds is 2, not 1;")
    assert refused.err.count("\n") == 1


def test_a_file_of_the_user_is_evaluated(shoal, folder):
    outcome = shoal("evaluate --data iris.npz --sets files --methods average --out own --quiet")
    assert outcome.err == "shoal: iris.npz must have another name: iris is a data set of shoal's own\n"
    (folder / "iris.npz").rename("mine.npz")
    outcome = shoal("evaluate --data mine.npz --sets files --methods average --out own --quiet")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    results = json.loads((folder / "own" / "results.json").read_text())
    assert [entry["name"] for entry in results["plan"]["sets"]] == ["mine"]
    assert results["plan"]["sets"][0]["source"] == "the user's file"
    assert results["plan"]["sets"][0]["n_clusters"] == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--sets nothing", "sets must be names of data sets; got 'nothing'"),
        ("--methods nothing", "methods must be names of methods or families; got 'nothing'"),
        ("--seeds 0", "seeds must be at least 1; got 0"),
        ("--budget 0 --sets iris", "budget must be above 0"),
        ("--data gone", "gone: no such file or folder"),
        ("--seeds many", "Invalid value for '--seeds'"),
        ("--sets iris --out iris.csv", "iris.csv"),
    ],
)
def test_what_cannot_be_is_one_line_and_code_2(shoal, options, message):
    outcome = shoal(f"evaluate {options}")
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
