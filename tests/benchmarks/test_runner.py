"""The benchmark runner on tiny cases. Timings are never asserted."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rich", reason="the tables are drawn by rich (pip install 'shoal[app]')")
pytest.importorskip("typer", reason="the command line is typer's (pip install 'shoal[app]')")

from benchmarks import cli, data, publish, quality, table
from benchmarks.library import Answer, Job, Library, Offer
from benchmarks.memory import with_peak
from benchmarks.peers import LIBRARIES, by_name
from benchmarks.record import SCHEMA, Record, Repeat, Result, read
from benchmarks.runner import Settings, run
from benchmarks.suites import Case, Suite, choose, suites

ROOT = Path(__file__).resolve().parents[2]
TINY = partial(data.blobs, 300, 3, 4)


def tiny_suite(task="lloyd", params=None, dtypes=("float64",), seeds=(0,)):
    case = Case("tiny", "300 x 3, k 4", task, "blobs", TINY, params or {}, dtypes, seeds)
    unit = "iteration" if task == "lloyd" else "call"
    return Suite("tiny", "a tiny case", lambda: iter([case]), "inertia", unit)


def empty_record():
    machine = {"cpu": "any", "cores": 1, "memory_bytes": 2**30, "os": "any", "python": "3"}
    return Record("0" * 40, False, "2026-01-01T00:00:00+00:00", "python -m benchmarks", {}, machine, None, {})


def run_tiny(names, suite=None, **settings):
    lloyd = {"n_clusters": 4, "max_iter": 5}
    settings = {"threads": (1,), "repeats": 2, "pause": 0.0, **settings}
    return run(
        empty_record(),
        [suite or tiny_suite(params=lloyd)],
        [name if isinstance(name, Library) else by_name(name) for name in names],
        Settings(**settings),
    )


@pytest.fixture(scope="module")
def measured():
    return run_tiny(["shoal", "scikit-learn"])


def result(library, minimum, **changes):
    base = Result("tiny", "c", "blobs", "lloyd", "float64", 1, library, "peer", True, "", "measured")
    base.repeats = [Repeat(0, 0, minimum, minimum, 1.0, 1, None)]
    base.summarise()
    return replace(base, **changes)


class TestEndToEnd:
    def test_shoal_and_scikit_learn_are_measured(self, measured):
        assert [(r.library, r.status, r.reason) for r in measured.results] == [
            ("shoal", "measured", ""),
            ("scikit-learn", "measured", ""),
        ]

    def test_every_repeat_is_kept_with_its_seed_and_iterations(self, measured):
        for r in measured.results:
            assert [(x.round, x.seed) for x in r.repeats] == [(0, 0), (1, 0)]
            assert all(x.seconds > 0 and x.work == x.n_iter for x in r.repeats)
            assert r.minimum <= r.median

    def test_quality_is_equal_from_the_same_start(self, measured):
        ours, theirs = (r.quality for r in measured.results)
        assert ours["inertia"] == pytest.approx(theirs["inertia"], rel=1e-12)
        assert ours["labels_nearest"] == theirs["labels_nearest"] == 1.0

    def test_versions_and_thread_pools_carry_no_path(self, measured):
        entry = measured.libraries["scikit-learn"]
        assert entry["version"].count(".") >= 1
        assert all("/" not in pool for pool in entry["pools"]["1"])

    def test_the_command_line_writes_a_record_that_reads_back(self, tmp_path):
        out = tmp_path / "folder" / "record.json"
        command = ["run", "--suite", "import", "--case", "package", "--threads", "1", "--repeats", "1"]
        command += ["--libraries", "shoal,scikit-learn"]
        subprocess.run(
            [sys.executable, "-m", "benchmarks", *command, "--out", str(out)],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        record = read(out)
        assert {r.status for r in record.results} == {"measured"}
        assert record.command == "python -m benchmarks " + " ".join(command) + " --out record.json"
        assert str(tmp_path) not in out.read_text()
        assert record.shoal["version"]
        shown = table.markdown(record, suites())
        assert "| import the package |" in shown


class TestStatus:
    def test_a_library_that_is_not_installed_is_reported_absent(self):
        missing = Library("nowhere", "no_such_module", "nowhere", {"lloyd": Offer(lambda a, p, t: None)})
        record = run_tiny([missing])
        assert [(r.status, r.reason) for r in record.results] == [("absent", "nowhere is not installed")]

    def test_a_dtype_a_library_does_not_take_is_not_offered(self):
        record = run_tiny(["faiss"])
        assert record.results[0].status == "not offered"
        assert record.results[0].reason == "faiss takes float32 only"

    def test_a_call_that_raises_is_failed_with_its_message(self):
        record = run_tiny(["scikit-learn"], tiny_suite("fit", {"n_clusters": 0}))
        assert record.results[0].status == "failed"
        assert "n_clusters" in record.results[0].reason
        assert record.results[0].minimum is None

    def test_a_call_without_an_answer_in_time_is_out_of_time(self):
        record = run_tiny(["scikit-learn"], timeout=1e-3)
        assert record.results[0].status == "out of time"
        assert record.results[0].reason == "no answer within 0.001 s"

    def test_what_a_library_is_not_asked_for_is_left_out(self):
        pytest.importorskip("genieclust")
        linkage = tiny_suite("linkage", {"method": "weighted"})
        record = run_tiny(["genieclust"], linkage)
        assert (record.results[0].status, record.results[0].reason) == (
            "left out",
            "genieclust has no weighted linkage",
        )

    def test_a_library_over_its_budget_rests_after_one_whole_round(self):
        suite = tiny_suite("fit", {"n_clusters": 2}, seeds=(0, 1))
        record = run_tiny(["scikit-learn"], suite, repeats=3, budget=0.0)
        assert [(x.round, x.seed) for x in record.results[0].repeats] == [(0, 0), (0, 1)]

    def test_a_setting_for_several_threads_is_left_out_with_one(self):
        assert run_tiny(["scikit-learn blas1"], tiny_suite("fit", {"n_clusters": 2})).results == []


class TestRecord:
    def test_written_and_read_is_the_same(self, measured, tmp_path):
        measured.write(tmp_path / "r.json")
        assert read(tmp_path / "r.json") == measured

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda raw: raw.update(schema=SCHEMA + 1), "must be a record of schema"),
            (lambda raw: raw.update(host="x"), "unknown entry 'host'"),
            (lambda raw: raw.pop("commit"), "commit"),
            (lambda raw: raw["results"][0].update(extra=1), "result 0: unknown entry 'extra'"),
            (lambda raw: raw["results"][1]["repeats"][0].pop("seconds"), "result 1.*seconds"),
        ],
    )
    def test_another_shape_is_refused_by_name(self, measured, tmp_path, change, message):
        path = tmp_path / "r.json"
        measured.write(path)
        raw = json.loads(path.read_text())
        change(raw)
        path.write_text(json.dumps(raw))
        with pytest.raises(ValueError, match=message):
            read(path)

    def test_minimum_and_median_are_taken_per_seed_then_averaged(self):
        r = result("x", 1.0)
        r.repeats = [
            Repeat(round_, seed, seconds, 0.0, 2.0, 2, None)
            for round_, seed, seconds in [
                (0, 0, 1.0),
                (1, 0, 3.0),
                (2, 0, 2.0),
                (0, 1, 9.0),
                (1, 1, 8.0),
                (2, 1, 7.0),
            ]
        ]
        r.summarise()
        assert (r.minimum, r.median, r.per_work) == (4.0, 5.0, 2.0)
        assert r.spread == pytest.approx(((3 - 1) / 2 + (9 - 7) / 8) / 2)

    def test_processor_time_can_take_the_place_of_time(self):
        r = result("x", 1.0)
        r.repeats = [Repeat(0, 0, 5.0, 2.0, 1.0, None, None), Repeat(1, 0, 4.0, 3.0, 1.0, None, None)]
        r.use_processor_time()
        assert (r.minimum, r.per_work) == (2.0, 2.0)


class TestTable:
    def ratios(self, *results, unit="call"):
        suite = replace(tiny_suite(), unit_of_work=unit)
        made = table.ratio_table(list(results), suite)
        cells = [dict(zip(made.columns, row, strict=True)) for row in made.rows]
        return made, cells

    def test_the_best_exact_peer_is_never_an_approximate_one(self):
        _, (row,) = self.ratios(
            result("shoal", 1.0, role="ours"),
            result("fast", 0.5, exact=False, note="samples"),
            result("slow", 3.0),
            result("GEMM", 0.1, role="yardstick"),
        )
        assert row["best exact peer"].text == "slow 3 s"
        assert row["ratio"].text == "3.00x"
        assert row["fast"].text == "0.50x~"

    def test_a_losing_row_is_shown_and_marked(self):
        made, (row,) = self.ratios(result("shoal", 2.0, role="ours"), result("peer", 1.0))
        assert row["ratio"] == table.Cell("0.50x", "red")
        assert "behind in 1 of 1 rows" in made.title
        assert "**0.50x**" in table.to_markdown(made)

    def test_a_worse_inertia_stands_beside_the_ratio(self):
        _, (row,) = self.ratios(
            result("shoal", 1.0, role="ours", quality={"inertia": 100.0}),
            result("peer", 2.0, quality={"inertia": 101.0}),
        )
        assert row["peer"].text == "2.00x +1.00%"
        assert row["quality"].text == "inertia 100"

    def test_iterations_that_differ_are_told_and_normalised(self):
        ours, peer = result("shoal", 1.0, role="ours"), result("peer", 1.0)
        ours.repeats = [Repeat(0, 0, 1.0, 1.0, 10.0, 10, None)]
        peer.repeats = [Repeat(0, 0, 1.0, 1.0, 20.0, 20, None)]
        ours.summarise()
        peer.summarise()
        made, (row,) = self.ratios(ours, peer, unit="iteration")
        assert row["ratio"].text == "0.50x"
        assert row["case"].text == "c*"
        assert any("iterations differ (shoal 10, peer 20)" in note for note in made.notes)

    def test_without_shoal_ratios_are_over_the_best_peer(self):
        _, (row,) = self.ratios(result("a", 1.0), result("b", 4.0))
        assert (row["shoal"].text, row["ratio"].text, row["b"].text) == ("-", "-", "4.00x")

    def test_absent_and_failed_libraries_are_in_the_table_and_the_notes(self):
        made, (row,) = self.ratios(
            result("shoal", 1.0, role="ours"),
            result("a", 1.0, status="absent", reason="a is not installed"),
            result("b", 1.0, status="failed", reason="ValueError: no"),
        )
        assert (row["a"].text, row["b"].text) == ("absent", "failed")
        assert made.notes == ["a is absent: a is not installed.", "b failed (c, float64): ValueError: no"]

    def test_the_details_list_every_library(self, measured):
        made = table.detail_table(measured.results, tiny_suite())
        assert [row[4].text for row in made.rows] == ["shoal", "scikit-learn"]
        assert {len(row) for row in made.rows} == {len(made.columns)}

    def test_nothing_is_cut_in_a_narrow_window(self, measured):
        from rich.console import Console

        console = Console(width=40, record=True, file=io.StringIO())
        table.show(measured, {"tiny": tiny_suite()}, console)
        assert "…" not in console.export_text()


class TestQuality:
    def test_inertia_is_that_of_the_returned_labels(self):
        X = np.array([[0.0], [1.0], [10.0]])
        centers = np.array([[0.5], [10.0]])
        good = quality.of_clusters({"X": X}, centers, np.array([0, 0, 1]))
        assert good == {"inertia": 0.5, "labels_nearest": 1.0}
        bad = quality.of_clusters({"X": X}, centers, np.array([0, 1, 1]))
        assert bad["inertia"] == 0.25 + 81.0
        assert bad["labels_nearest"] == pytest.approx(2 / 3)

    def test_without_labels_the_nearest_centres_count(self):
        arrays = TINY()
        centers = arrays["init"]
        gaps = arrays["X"][:, None, :] - centers[None]
        expected = (gaps**2).sum(axis=2).min(axis=1).sum()
        assert quality.of_clusters(arrays, centers, None)["inertia"] == pytest.approx(expected, rel=1e-12)

    def test_reference_labels_add_ari_and_nmi(self):
        arrays = {"X": np.array([[0.0], [9.0]]), "y": np.array([1, 0])}
        got = quality.of_clusters(arrays, arrays["X"], np.array([0, 1]))
        assert (got["ari"], got["nmi"]) == (1.0, 1.0)


class TestSuites:
    def test_names_and_first_parts_of_names_choose(self):
        known = suites()
        assert [s.name for s in choose(["kmeans"], known)] == [
            "kmeans-lloyd",
            "kmeans-fit",
            "kmeans-plusplus",
        ]
        assert len(choose(["all"], known)) == len(known)
        with pytest.raises(ValueError, match=r"suite must be one of all, kmeans, .*; got 'mini'"):
            choose(["mini"], known)

    def test_every_task_is_offered_by_shoal_and_a_peer(self):
        tasks = {case.task for suite in suites("mnist.npz").values() for case in suite.cases()}
        for task in tasks:
            roles = {lib.role for lib in LIBRARIES if task in lib.tasks}
            assert {"ours", "peer"} <= roles, task

    def test_made_data_are_the_same_each_time_and_in_both_dtypes(self):
        one, two = TINY(), TINY()
        assert all(np.array_equal(one[name], two[name]) for name in one)
        single = data.cast(one, "float32")
        assert np.array_equal(single["X"], one["X"].astype(np.float32))
        assert single["labels"].dtype == one["labels"].dtype

    def test_mnist_comes_from_the_given_file(self, tmp_path):
        path = tmp_path / "digits.npz"
        np.savez(path, X=np.arange(400, dtype=np.uint8).reshape(200, 2), y=np.arange(200) % 10)
        first = next(iter(suites(str(path))["mnist"].cases()))
        assert first.make()["X"].shape == (200, 2)
        assert list(suites()["mnist"].cases()) == []


def test_peak_memory_counts_what_a_call_holds_at_most():
    size = 64 * 2**20
    kept, peak = with_peak(lambda: np.ones(size // 8)[:10].copy())
    if peak is None:
        pytest.skip("this system keeps no high-water mark of the resident size")
    assert kept.shape == (10,)
    assert size * 0.9 < peak < size * 1.5


def test_a_job_with_its_own_clock_is_believed():
    answer = Job(lambda seed: seed, lambda got: Answer(seconds=float(got))).read(3)
    assert answer.seconds == 3.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--suite", "nothing"], "suite must be one of"),
        (["--threads", "0"], "threads must be whole numbers from 1"),
        (["--libraries", "nobody"], "library must be one of"),
        (["--suite", "mnist"], "suite mnist needs --mnist FILE"),
        (["--suite", "import", "--case", "nothing"], "no case has that name"),
    ],
)
def test_bad_options_are_refused_in_one_sentence(tmp_path, arguments, message):
    from typer.testing import CliRunner

    done = CliRunner().invoke(cli.app, ["run", "--out", str(tmp_path / "r.json"), *arguments])
    assert done.exit_code == 2
    assert message in " ".join(done.output.replace("│", " ").split())


class TestPublish:
    def make(self, date, **minima):
        record = empty_record()
        record.date = date
        for name, seconds in minima.items():
            role = "ours" if name == "shoal" else "peer"
            record.results.append(result(name, seconds, role=role, exact=name != "sampler"))
        return record

    def test_a_suite_is_taken_from_its_newest_record(self):
        old, new = self.make("2026-01-01", shoal=1.0, peer=9.0), self.make("2026-01-02", shoal=1.0, peer=4.0)
        page = publish.page([old, new], {"tiny": tiny_suite()})
        assert "| 4.00x | 4.00x | 4.00x | none |" in page
        assert "9.00x" not in page

    def test_a_row_in_which_a_peer_is_ahead_is_told_first(self):
        page = publish.page([self.make("2026-01-01", shoal=2.0, peer=1.0)], {"tiny": tiny_suite()})
        assert "- tiny: c, blobs, float64, 1 thread: peer 0.50x" in page.split("(tiny)=")[0]
        assert "**0.50x**" in page.split("(tiny)=")[1]

    def test_a_library_that_samples_is_no_exact_peer(self):
        page = publish.page(
            [self.make("2026-01-01", shoal=2.0, sampler=1.0, peer=3.0)], {"tiny": tiny_suite()}
        )
        assert "## Rows in which an exact peer is ahead\n\nNone, of" in page
        assert "| 1.50x | 1.50x | 1.50x | none |" in page

    def test_an_approximate_peer_that_is_ahead_is_told_before_the_tables(self):
        ahead = publish.page(
            [self.make("2026-01-01", shoal=2.0, sampler=1.0, peer=3.0)], {"tiny": tiny_suite()}
        )
        assert "- tiny: c, blobs, float64, 1 thread: sampler 0.50x~ (" in ahead.split("(tiny)=")[0]
        behind = publish.page(
            [self.make("2026-01-01", shoal=2.0, sampler=4.0, peer=3.0)], {"tiny": tiny_suite()}
        )
        assert "## Rows in which an approximate peer is ahead\n\nNone.\n" in behind

    def test_a_peer_without_a_time_is_told_before_the_tables(self):
        record = self.make("2026-01-01", shoal=1.0, peer=3.0, other=5.0)
        record.results[-1].status, record.results[-1].reason = "failed", "no memory"
        page = publish.page([record], {"tiny": tiny_suite()})
        assert "- tiny: other in 1 row, failed: no memory\n" in page.split("(tiny)=")[0]

    def test_with_one_thread_time_is_processor_time(self):
        record = self.make("2026-01-01", shoal=1.0, peer=3.0)
        record.results[0].repeats[0].cpu_seconds = 0.5
        assert "| 6.00x | 6.00x |" in publish.page([record], {"tiny": tiny_suite()})

    def test_the_page_of_the_documentation_is_made_from_the_records(self):
        page = publish.page(publish.records(), suites(mnist="mnist60k.npz"))
        assert publish.PAGE.read_text() == page, "run: python -m benchmarks publish"

    def test_the_table_of_the_readme_is_made_from_the_records(self):
        text = publish.README.read_text()
        made = publish.readme(publish.records(), suites(mnist="mnist60k.npz"), text)
        assert text == made, "run: python -m benchmarks publish"

    def test_the_table_of_the_readme_tells_the_mean_and_the_least(self):
        record = self.make("2026-01-01", shoal=1.0, peer=4.0, sampler=0.1)
        text = publish.readme(
            [record], {"tiny": tiny_suite()}, "a\n<!-- speed -->\nold\n<!-- /speed -->\nb\n"
        )
        assert text.splitlines()[0] == "a"
        assert text.splitlines()[-1] == "b"
        assert "| [tiny](docs/benchmarks.md#tiny) | peer | 4.0x |  | 4.00x |" in text
        assert "old" not in text
