"""From a plan to a record: every cell is there, kept at once, and the same whoever asks again."""

import json
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import sklearn.metrics as oracle

from shoal.evaluation import evaluate, find_methods, plan, read
from shoal.evaluation.datasets import find_sets
from shoal.evaluation.methods import METHODS, Facts, Method, installed
from shoal.evaluation.results import Plan, Results
from shoal.evaluation.worker import answer, partition_digest, run_cell, score

CHANGING = ("seconds", "cpu_seconds", "peak_bytes")


def lasting(results):
    return [
        {key: value for key, value in asdict(cell).items() if key not in CHANGING} for cell in results.cells
    ]


@pytest.fixture(scope="module")
def small():
    return plan(["iris", "overlap_05"], ["kmeans", "average"], seeds=2, n_samples=100)


@pytest.fixture(scope="module")
def whole(small, tmp_path_factory):
    return evaluate(small, tmp_path_factory.mktemp("whole"))


def test_libraries_take_turns_and_seeds_follow_the_data(small):
    cells = [cell for cell in small.cells if cell.library in ("shoal", "scikit-learn")]
    order = [(cell.set, cell.method, cell.seed, cell.library) for cell in cells]
    assert order[:4] == [
        ("iris", "kmeans", 0, "shoal"),
        ("iris", "kmeans", 0, "scikit-learn"),
        ("iris", "kmeans", 1, "shoal"),
        ("iris", "kmeans", 1, "scikit-learn"),
    ]
    # the points of iris are given and average linkage draws nothing: once is enough
    assert {seed for name, method, seed, _ in order if (name, method) == ("iris", "average")} == {0}
    assert {seed for name, method, seed, _ in order if (name, method) == ("overlap_05", "average")} == {0, 1}


def test_what_is_not_run_is_in_the_plan_with_its_reason(monkeypatch):
    made = plan(["digits"], ["local-gaussian", "affinity-propagation"], seeds=1)
    assert [(c.status, c.reason) for c in made.cells if c.method == "local-gaussian"] == [
        ("skipped", "not meant for more than 20 features")
    ]
    method = METHODS["ward"]
    assert "not run beyond 20,000 samples" in method.unfit(20_001, 2)
    assert method.unfit(20_000, 2) == ""
    monkeypatch.setattr("shoal.evaluation.methods.installed", lambda: ["shoal"])
    cells = plan(["iris"], ["kmeans"], seeds=1).cells
    assert [(c.library, c.reason) for c in cells] == [
        ("shoal", ""),
        ("scikit-learn", "scikit-learn is not installed"),
    ]


def test_copies_of_a_set_are_scored_once(tmp_path):
    (tmp_path / "suite").mkdir()
    iris = find_sets(["iris"])[0].load(0)
    np.savez(tmp_path / "suite" / "other_iris.npz", X=iris.X, y=iris.references[0])
    made = plan(["iris", "suite"], ["ward"], folders=[tmp_path])
    assert [entry.name for entry in made.sets] == ["iris"]
    assert made.left_out == [("other_iris", "holds the same points as iris")]


def test_every_cell_is_measured_and_linkage_gives_one_partition(whole, small):
    assert [cell.key for cell in whole.cells] == [cell.key for cell in small.cells]
    assert whole.complete
    for cell in whole.cells:
        if cell.library in installed():
            assert cell.status == "measured"
            assert cell.seconds > 0
            assert 0 <= cell.noise <= 1
    for name in ("iris", "overlap_05"):
        for seed in (0, 1):
            assert (
                len(
                    {
                        cell.partition
                        for cell in whole.of(set=name, method="average", seed=seed)
                        if cell.partition
                    }
                )
                <= 1
            )


def test_a_run_that_is_stopped_goes_on_and_ends_the_same(small, whole, tmp_path):
    def stop(cell, number):
        if number == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(small, tmp_path, after=stop)
    partial = read(tmp_path)
    assert not partial.complete
    assert len(partial.cells) == 5
    with open(tmp_path / "cells.jsonl", "a") as file:
        file.write('{"set": "iris", "meth')  # cut off in the middle of a line
    ran = []
    results = evaluate(small, tmp_path, after=lambda cell, number: ran.append(cell.key))
    assert len(ran) == len(small.cells) - 5
    assert lasting(results) == lasting(whole)
    assert [cell.seconds for cell in results.cells[:5]] == pytest.approx(
        [c.seconds for c in partial.cells], rel=1e-5
    )
    assert evaluate(small, tmp_path, after=lambda *_: pytest.fail("all is there")).complete


def test_another_plan_in_the_same_folder_is_refused(small, tmp_path):
    first = plan(["iris"], ["average"], seeds=1)
    evaluate(first, tmp_path)
    for other, what in [
        (plan(["iris"], ["average"], seeds=2), "its seeds is 1, not 2"),
        (plan(["iris"], ["ward"], seeds=1), "its methods have average where this one has ward"),
        (plan(["iris"], ["average"], seeds=1, budget=9), "its budget is 60.0, not 9"),
    ]:
        with pytest.raises(ValueError, match=f"results of another plan: {what}; give another folder"):
            evaluate(other, tmp_path)
    noted = json.loads((tmp_path / "plan.json").read_text())
    noted["versions"]["numpy"] = "0.1"
    (tmp_path / "plan.json").write_text(json.dumps(noted))
    with pytest.raises(ValueError, match=r"versions have numpy 0\.1"):
        evaluate(first, tmp_path)


def test_data_that_changed_since_the_plan_are_refused(tmp_path, rng):
    X, y = rng.normal(size=(20, 2)), np.arange(20) % 2
    np.savez(tmp_path / "own.npz", X=X, y=y)
    made = plan(["own"], ["average"], folders=[tmp_path])
    np.savez(tmp_path / "own.npz", X=X + 1, y=y)
    with pytest.raises(ValueError, match="the data of own have changed"):
        evaluate(made, tmp_path / "out", folders=[tmp_path])


def test_a_method_that_fails_is_recorded_and_the_others_run(tmp_path, rng):
    np.savez(tmp_path / "tiny.npz", X=rng.normal(size=(4, 2)), y=[0, 0, 1, 1])
    made = plan(["tiny"], ["hdbscan", "average"], folders=[tmp_path])  # 4 samples have no fifth neighbour
    results = evaluate(made, tmp_path / "out", folders=[tmp_path])
    ours = next(results.of(method="hdbscan", library="shoal"))
    assert (ours.status, ours.ari) == ("failed", None)
    assert ours.reason.startswith("ValueError: min_samples")
    assert next(results.of(method="average", library="shoal")).status == "measured"


@pytest.mark.skipif("sys.platform != 'linux'", reason="the limit is tested where cells are forks")
def test_a_fit_over_its_budget_is_stopped_and_its_other_seeds_skipped(tmp_path):
    made = plan(["overlap_20"], ["optics"], seeds=2, n_samples=3000, budget=0.2)
    results = evaluate(made, tmp_path)
    theirs = list(results.of(library="scikit-learn"))
    assert [(c.status, c.reason) for c in theirs] == [
        ("stopped", "more than 0.2 s of processor time"),
        ("skipped", "seed 0 stopped: more than 0.2 s of processor time"),
    ]
    assert [c.status for c in results.of(library="shoal")] == ["measured"] * 2


def test_an_error_is_a_reply_and_not_the_end():
    reply = answer(
        {
            "method": "kmeans",
            "library": "shoal",
            "seed": 0,
            "arrays": "/nowhere",
            "n_clusters": 2,
            "budget": 0,
        }
    )
    assert reply["status"] == "failed"
    assert reply["reason"].startswith("FileNotFoundError")


def test_scores_are_scikit_learns_without_reference_noise_and_of_the_best_reference(rng):
    X = rng.normal(size=(80, 2))
    labels = rng.integers(-1, 3, 80)
    good = np.where(rng.random(80) < 0.8, labels + 1, rng.integers(0, 4, 80))
    good[:7] = -1
    bad = rng.integers(0, 4, 80)
    found = score(X, labels, [bad, good])
    known = good >= 0
    assert found["ari"] == pytest.approx(oracle.adjusted_rand_score(good[known], labels[known]))
    assert found["nmi"] == pytest.approx(oracle.normalized_mutual_info_score(good[known], labels[known]))
    assert found["ami"] == pytest.approx(oracle.adjusted_mutual_info_score(good[known], labels[known]))
    kept = labels >= 0
    assert found["silhouette"] == pytest.approx(oracle.silhouette_score(X[kept], labels[kept]))
    assert found["calinski_harabasz"] == pytest.approx(oracle.calinski_harabasz_score(X[kept], labels[kept]))
    assert found["davies_bouldin"] == pytest.approx(oracle.davies_bouldin_score(X[kept], labels[kept]))
    assert found["n_found"] == 3
    assert found["noise"] == pytest.approx(np.mean(~kept))
    one = score(X, np.zeros(80, dtype=int), [good])
    assert (one["silhouette"], one["n_found"]) == (None, 1)


def test_digests_are_equal_for_equal_partitions_alone(rng):
    labels = rng.integers(-1, 4, 200)
    names = rng.permutation(10)
    renamed = np.where(labels < 0, -1, names[labels])
    assert partition_digest(labels) == partition_digest(renamed)
    moved = labels.copy()
    moved[0] = moved[0] + 1 if moved[0] < 3 else 0
    assert partition_digest(labels) != partition_digest(moved)


def test_settings_are_the_stated_rules(rng):
    X = rng.normal(size=(1000, 4))
    facts = Facts(X, 3)
    assert (facts.min_samples, facts.min_cluster_size) == (8, 5)
    assert (Facts(X[:, :1], 3).min_samples, Facts(rng.normal(size=(90_000, 1)), 3).min_cluster_size) == (
        5,
        100,
    )
    pairs = np.sort(np.linalg.norm(X[:, None] - X, axis=2), axis=1)
    assert np.isin(np.round(facts.eps, 9), np.round(pairs[:, facts.min_samples - 1], 9))
    model = METHODS["dbscan"].builds["shoal"](facts, 0)
    assert (model.eps, model.min_samples) == (facts.eps, 8)
    theirs = METHODS["dbscan"].builds["scikit-learn"](facts, 0)
    assert (theirs.eps, theirs.min_samples) == (facts.eps, 8)


def test_a_setting_that_takes_long_is_computed_once_for_all_processes(rng, tmp_path, monkeypatch):
    X = rng.normal(size=(60, 2))
    first = Facts(X, 2, tmp_path)
    found = (first.eps, first.threshold)
    assert found == (Facts(X, 2).eps, Facts(X, 2).threshold)
    monkeypatch.setattr("shoal.k_distances", None)
    monkeypatch.setattr("shoal.KMeans", None)
    again = Facts(X, 2, tmp_path)
    assert (again.eps, again.threshold) == found


def test_methods_are_found_by_name_and_family():
    assert [m.name for m in find_methods(["exemplar", "kmeans", "hdbscan"])] == [
        "affinity-propagation",
        "kmeans",
        "hdbscan",
    ]
    assert len(find_methods()) == len(METHODS)
    with pytest.raises(ValueError, match="got 'k-means', known are kmeans"):
        find_methods(["k-means"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, "seeds must be at least 1"),
        ({"budget": float("nan")}, "budget must be above 0"),
        ({"budget": float("inf")}, "budget must be above 0 and at most 604,800 seconds; got inf"),
        ({"n_samples": 9}, "n_samples"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        plan(["iris"], **options)


def test_a_record_survives_its_file(whole, tmp_path):
    whole.write(tmp_path / "results.json")
    again = read(tmp_path)
    assert again.plan.facts() == whole.plan.facts()
    assert lasting(again) == [
        {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in cell.items()}
        for cell in lasting(whole)
    ]
    assert again.versions == whole.versions
    assert str(tmp_path) not in (tmp_path / "results.json").read_text()


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 1}', '{"schema": 99}'])
def test_a_file_that_is_no_record_is_refused(tmp_path, text):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(ValueError, match=r"results\.json"):
        read(tmp_path)


def test_means_leave_out_what_was_not_measured():
    from shoal.evaluation.results import Cell

    cells = [
        Cell("a", "m", "l", 0, ari=0.5),
        Cell("a", "m", "l", 1, ari=0.7),
        Cell("a", "m", "l", 2, "failed"),
    ]
    results = Results(Plan([], [], 1, 1.0), cells)
    assert results.means("ari") == {("a", "m", "l"): pytest.approx(0.6)}
    quick, slow = (
        replace(cells[0], seconds=0.01, cpu_seconds=0.0),
        replace(cells[0], seconds=9.0, cpu_seconds=4.0),
    )
    assert (quick.time, slow.time) == (0.01, 4.0)


class _Keeper:
    """Keeps 64 MB of what it learnt."""

    def fit_predict(self, X):
        self.kept = np.ones(8 << 20)
        return np.arange(len(X)) % 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no mark of the resident size")
def test_the_peak_of_a_quick_fit_holds_all_it_keeps(tmp_path, rng, monkeypatch):
    fake = Method("keeper", "Keeper", "centroid", "", False, {"shoal": lambda facts, seed: _Keeper()})
    monkeypatch.setitem(METHODS, "keeper", fake)
    np.save(tmp_path / "X.npy", rng.normal(size=(40, 2)))
    np.save(tmp_path / "y0.npy", np.arange(40) % 2)
    request = {"method": "keeper", "library": "shoal", "seed": 0, "n_clusters": 2, "budget": 0}
    found = run_cell({**request, "arrays": str(tmp_path)})
    assert 60 << 20 < found["peak_bytes"] < 100 << 20


def test_a_line_that_is_no_result_is_named(whole, small, tmp_path):
    evaluate(small, tmp_path)
    lines = (tmp_path / "cells.jsonl").read_text().splitlines()
    for wrong in ("{", '{"seed": 0, "hue": 3}', "[]"):
        (tmp_path / "cells.jsonl").write_text("\n".join([*lines[:2], wrong, *lines[3:]]) + "\n")
        with pytest.raises(ValueError, match=r"cells.jsonl holds no result in line 3; remove that line"):
            evaluate(small, tmp_path)
    (tmp_path / "cells.jsonl").write_text("\n".join(lines[:2] + lines[3:]) + "\n")
    assert lasting(evaluate(small, tmp_path)) == lasting(whole)
