"""The numbers of the report are those of the cells, and both pages hold them."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
import scipy.stats
from PIL import Image

from shoal.evaluation import compare, report
from shoal.evaluation.pages import (
    below,
    main_table,
    markdown_table,
    skipped_table,
    slower_table,
    verdict_table,
)
from shoal.evaluation.results import Cell, MethodFacts, Plan, Results, SetFacts
from shoal.evaluation.summary import costs, ranking

SETS = [f"set{i}" for i in range(6)]
METHODS = ["kmeans", "ward", "single"]
PEER = "scikit-learn"


def cell(name, method, library, seed, ari, seconds=1.0, **more):
    fields = {"nmi": ari, "ami": ari / 2, "error": 1 - ari, "silhouette": 0.5, "davies_bouldin": 1.0,
              "calinski_harabasz": 100.0, "peak_bytes": 2 << 20, "n_found": 3, "noise": 0.0,
              "partition": f"{ari:.6f}", "seconds": seconds, "cpu_seconds": seconds}  # fmt: skip
    return Cell(name, method, library, seed, ari=ari, **{**fields, **more})


@pytest.fixture
def results():
    """Shoal four times as fast; equal but for k-means, which is far below on set0 and far above on set1."""
    rng = np.random.default_rng(0)
    facts = [SetFacts(n, "real", 100, 2, 3, "none", "a source", "a licence", False, "0", 0.1 if n == "set5" else None)
             for n in SETS]  # fmt: skip
    methods = [
        MethodFacts(m, m.title(), "some", "k given", m == "kmeans", "inertia", ["shoal", PEER])
        for m in METHODS
    ]
    cells = []
    for i, name in enumerate(SETS):
        for j, method in enumerate(METHODS):
            for seed in range(5 if method == "kmeans" else 1):
                ari = 0.9 - 0.1 * j - 0.01 * i
                gap = {"set0": -0.2, "set1": 0.2}.get(name, 0.0) if method == "kmeans" else 0.0
                spread = 0.004 * rng.normal(size=2) if method == "kmeans" else (0.0, 0.0)
                cells.append(cell(name, method, "shoal", seed, ari + gap + spread[0], objective=10.0))
                cells.append(
                    cell(name, method, PEER, seed, ari + spread[1], 4.0, objective=11.0, peak_bytes=6 << 20)
                )
    cells[-1] = Cell("set5", "single", PEER, 0, "stopped", "more than 60 s of processor time")
    machine = {"cpu": "a processor", "os": "an os", "python": "3"}
    return Results(Plan(facts, methods, 5, 60.0), cells, "2026-01-01", machine, {"shoal": "0.1"})


def test_rows_are_judged_by_more_than_their_difference(results):
    by_name = {(c.method, row.set): row for c in compare(results) for row in c.rows}
    assert by_name["kmeans", "set0"].verdict == "below"
    assert by_name["kmeans", "set1"].verdict == "better"
    assert {
        row.verdict for (method, name), row in by_name.items() if method != "kmeans" or name > "set1"
    } == {"equal"}
    assert [row.set for row in below(results)] == ["set0"]
    assert by_name["kmeans", "set0"].objective == pytest.approx(1 / 11)  # an inertia of 10 where theirs is 11
    for row in by_name.values():
        assert row.p_holm >= row.p


def test_a_difference_without_spread_counts_as_it_is():
    facts = [MethodFacts("ward", "Ward", "hierarchy", "", False, "inertia", ["shoal", PEER])]
    cells = [cell("a", "ward", "shoal", 0, 0.5), cell("a", "ward", PEER, 0, 0.6)]
    assert compare(Results(Plan([], facts, 1, 60.0), cells))[0].rows[0].verdict == "below"


@pytest.mark.parametrize(("seeded", "drawn"), [(True, False), (False, True)])
def test_one_seed_of_what_is_drawn_proves_nothing(seeded, drawn):
    sets = [SetFacts("a", "synthetic", 100, 2, 3, "none", "a source", "a licence", drawn, "0")]
    facts = [MethodFacts("kmeans", "KMeans", "centroid", "", seeded, "inertia", ["shoal", PEER])]
    cells = [cell("a", "kmeans", "shoal", 0, 0.5), cell("a", "kmeans", PEER, 0, 0.6)]
    row = compare(Results(Plan(sets, facts, 1, 60.0), cells))[0].rows[0]
    assert (row.p, row.verdict) == (1.0, "equal")


def test_a_counterpart_that_was_not_run_does_not_weaken_the_others(results):
    before = {c.method: c.p_holm for c in compare(results)}
    absent = MethodFacts("birch", "Birch", "hierarchy", "", False, "none", ["shoal", PEER])
    results.plan.methods.append(absent)
    for name in SETS:
        results.cells += [cell(name, "birch", "shoal", 0, 0.5)]
        results.cells += [Cell(name, "birch", PEER, 0, "skipped", f"{PEER} is not installed")]
    after = {c.method: c.p_holm for c in compare(results)}
    assert after == {**before, "birch": 1.0}


def test_what_only_the_counterpart_finished_is_told(results):
    for one in results.of(method="ward", library="shoal"):
        one.status, one.reason = "failed", "no"
    for one in results.of(method="kmeans", library="shoal", set="set2"):
        one.status, one.reason = "failed", "no"
    ward = compare(results)[1]
    assert ward.rows == []
    assert ward.only_theirs == [(name, "no") for name in SETS]
    assert [row[2] for row in main_table(results)[3]] == [
        "5 (\N{MINUS SIGN}1)",
        "0 (\N{MINUS SIGN}6)",
        "5 (+1)",
    ]


def test_totals_are_those_of_the_cells(results):
    kmeans, ward, single = compare(results)
    assert (kmeans.wins, kmeans.losses, kmeans.wins + kmeans.ties + kmeans.losses) == (
        sum(r.difference > 1e-3 for r in kmeans.rows), sum(r.difference < -1e-3 for r in kmeans.rows), 6)  # fmt: skip
    assert (ward.wins, ward.ties, ward.losses, ward.same, ward.verdict) == (0, 6, 0, 1.0, "equal")
    assert ward.time_ratio == pytest.approx(4)
    assert ward.memory_ratio == pytest.approx(3)
    expected = np.mean([0.8 - 0.01 * i for i in range(6)])
    assert ward.means["ari"] == pytest.approx((expected, expected))
    assert len(single.rows) == 5
    assert single.only_ours == [("set5", "more than 60 s of processor time")]


def test_the_mean_difference_has_students_interval_over_the_sets(results):
    for c, row in zip(compare(results), main_table(results)[3], strict=True):
        gaps = np.array([r.difference for r in c.rows])
        half = scipy.stats.t.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / np.sqrt(len(gaps))
        assert c.difference.value == pytest.approx(gaps.mean())
        assert c.difference.half_width == pytest.approx(half)
        assert row[4] == f"{gaps.mean():.3f} ± {half:.3f}".replace("-", "\N{MINUS SIGN}")


def test_rows_in_which_the_counterpart_is_faster_are_listed_the_slowest_first(results):
    assert slower_table(results)[3] == []
    assert slower_table(results)[1].startswith("0 of 17 rows.")
    for one in results.cells:
        if one.library == "shoal" and (one.set, one.method) in (("set2", "ward"), ("set3", "kmeans")):
            one.seconds = one.cpu_seconds = {"ward": 5.0, "kmeans": 16.0}[one.method]
    assert [(row[2], float(row[5][:-1])) for row in slower_table(results)[3]] == [
        ("set3", 0.25),
        ("set2", 0.8),
    ]


def test_seeds_that_were_not_all_measured_are_no_mean(results):
    results.cells[0].status = "failed"
    kmeans = compare(results)[0]
    assert "set0" not in [row.set for row in kmeans.rows]


def test_costs_of_what_was_stopped_are_infinite(results):
    table = costs(results, "time", ("shoal", PEER))
    assert table.shape == (18, 2)
    np.testing.assert_array_equal(table[:-1], np.tile([1.0, 4.0], (17, 1)))
    assert table[-1].tolist() == [1.0, np.inf]


def test_ranks_are_of_sets_where_all_have_results(results):
    next(results.of(set="set0", method="single", library="shoal")).status = "skipped"
    found = ranking(results)
    assert (found.methods, found.sets, found.left_out) == (["Kmeans", "Ward", "Single"], SETS[1:], [])
    assert found.test.ranks.tolist() == [1, 2, 3]  # on every set k-means, ward, single, as the data were made
    next(results.of(set="set5", method="kmeans", library="shoal", seed=1)).status = "failed"  # of five seeds
    assert ranking(results).sets == SETS[1:5]
    next(results.of(set="set1", method="single", library="shoal")).status = "skipped"
    assert (
        ranking(results) is None
    )  # single has less than three quarters of the sets, and two methods are too few


def test_both_pages_hold_the_numbers_and_the_figures(results, tmp_path):
    written = report(results, tmp_path, title="A <b>title</b>", command="shoal evaluate")
    html, text = written[0].read_text(), written[1].read_text()
    for page in (html.replace("&#x27;", "'"), text.replace("\\|", "|")):
        for part in ("0.775 | 0.775", "4.00\N{MULTIPLICATION SIGN}", "3.00\N{MULTIPLICATION SIGN}"):
            assert part in page
        for part in (
            "more than 60 s of processor time",
            "a licence",
            "a processor",
            "shoal evaluate",
            "k given",
        ):
            assert part in page
        assert "Friedman's test of 3 methods on 6 data sets" in page
    assert "<b>title" not in html
    assert str(tmp_path) not in html + text
    drawings = re.findall(r"<svg xmlns.*?</svg>|<svg [^>]*xmlns.*?</svg>", html, re.DOTALL)
    assert len(drawings) == 6
    ids = []
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        ids += [element.get("id") for element in root.iter() if element.get("id")]
        assert "currentColor" in drawing
    assert len(set(ids)) == len(ids)
    for name in re.findall(r"\]\((figures/.*?\.png)\)", text):
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) > 150
    assert len(written) == 2 + 6


def test_any_name_of_a_set_is_shown_as_it_is(results, tmp_path):
    name = "in_$_and_$ <b>|x"
    results.plan.sets[0].name = name
    for one in results.of(set="set0"):
        one.set = name
    report(results, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert name not in page
    assert "in_$_and_$ &lt;b&gt;|x" in page
    assert "in_$_and_$ <b>\\|x" in (tmp_path / "report.md").read_text()


def test_tables_have_a_cell_for_every_heading(results):
    for table in (main_table(results), verdict_table(results, "below"), skipped_table(results)):
        _, _, head, rows = table
        assert rows
        assert {len(row) for row in rows} == {len(head)}
        lines = [line for line in markdown_table(table).splitlines() if line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {len(head) + 1}


def test_a_report_of_one_set_and_of_nothing_measured(results, tmp_path):
    results.cells = [c for c in results.cells if c.set == "set5"]
    results.plan.sets = results.plan.sets[-1:]
    assert "Too few methods and data sets for ranks." in report(results, tmp_path)[1].read_text()
    results.cells = [
        Cell("set5", m, library, 0, "skipped", "no reason") for m in METHODS for library in ("shoal", PEER)
    ]
    assert "no reason" in report(results, tmp_path)[1].read_text()


def test_the_docs_show_the_record_they_name():
    import importlib.util
    from pathlib import Path

    from shoal.evaluation import figures, read

    docs = Path(__file__).parents[2] / "docs" / "evaluation"
    spec = importlib.util.spec_from_file_location("make", docs / "make.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    results = read(docs)
    captions = {name: caption for name, (caption, _) in figures.draw(results).items()}
    assert make.page(results, captions) == make.PAGE.read_text(encoding="utf-8")
    assert (docs / "results.json").stat().st_size < 2e6
