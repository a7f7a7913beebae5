"""``shoal fit``, ``predict``, ``demo`` and the small commands, on files."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import polars as pl
import pytest

import shoal as library
from shoal.cli import main
from shoal.cli.registry import ALGORITHMS
from shoal.datasets import load_iris

IRIS = load_iris()


def labels_of(path):
    return pl.read_csv(path)["cluster"].to_numpy()


def test_one_line_leaves_labels_a_model_and_a_report(shoal, folder):
    outcome = shoal("fit iris.csv -k 3 --label-column species")
    assert (outcome.code, outcome.err) == (0, "")
    assert sorted(path.name for path in (folder / "shoal-report").iterdir()) == [
        "labels.csv",
        "model.shoal",
        "report.html",
    ]
    expected = library.KMeans(n_clusters=3, random_state=0).fit(IRIS.X)
    frame = pl.read_csv("shoal-report/labels.csv")
    assert frame.columns == ["row", "cluster"]
    np.testing.assert_array_equal(frame["row"], np.arange(150))
    np.testing.assert_array_equal(frame["cluster"], expected.labels_)
    saved = library.load_model("shoal-report/model.shoal")
    np.testing.assert_array_equal(saved.estimator.cluster_centers_, expected.cluster_centers_)
    assert saved.feature_names == IRIS.feature_names
    assert saved.about["command"] == "shoal fit iris.csv -k 3 --label-column species"
    page = (folder / "shoal-report" / "report.html").read_text(encoding="utf-8")
    for fact in ("iris.csv", "versicolor", "n_clusters=3", "random_state=0", saved.about["command"]):
        assert fact in page
    assert "KMeans on 150 rows, 4 columns: 3 clusters" in outcome.out
    ari = library.metrics.adjusted_rand_score(IRIS.y, expected.labels_)
    assert re.search(rf"ARI +{ari:.3f}", outcome.out)
    assert "shoal-report/report.html" in outcome.out


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("fit iris.csv -k 3 --labels iris.csv", "--labels must be another file than FILE"),
        (
            "fit iris.csv -k 3 --labels out.csv --report ./out.csv",
            "--report must be another file than --labels",
        ),
        ("predict model.shoal iris.csv --labels iris.csv", "--labels must be another file than FILE"),
    ],
)
def test_nothing_is_written_over_what_is_read_or_written(shoal, folder, line, names):
    before = (folder / "iris.csv").read_bytes()
    outcome = shoal(line)
    assert outcome.code == 2
    assert names in " ".join(outcome.err.split())
    assert (folder / "iris.csv").read_bytes() == before


def test_a_table_without_rows_is_told_so(shoal, folder):
    shoal("fit iris.csv -k 3 --no-report --label-column species")
    names = ",".join(IRIS.feature_names)
    (folder / "head.csv").write_text(names + "\n")
    (folder / "hollow.csv").write_text(names + "\n" + ",".join(["1.0"] * 3) + ",\n")
    outcome = shoal("predict shoal-report/model.shoal head.csv")
    assert (outcome.code, "has no rows" in outcome.err) == (2, True)
    outcome = shoal("predict shoal-report/model.shoal hollow.csv")
    assert (outcome.code, "every cell is empty" in " ".join(outcome.err.split())) == (2, True)


OWN_OPTIONS = {
    "centroid": {"n_clusters": 4, "max_iter": 20, "tol": 0.001, "random_state": 7},
    "dbscan": {"eps": 0.7, "min_samples": 4, "metric": "manhattan"},
    "local-gaussian": {"separation": 1.1, "min_count": 3, "p_value": 0.01, "tol": 0.001},
    "optics": {"min_samples": 7, "xi": 0.1, "cluster_method": "xi"},
    "agglomerative": {"n_clusters": 4, "linkage": "average"},
    "birch": {"threshold": 0.3, "n_clusters": 4, "max_subclusters": 30, "head": "kmeans", "random_state": 5},
    "affinity-propagation": {"damping": 0.8, "preference": -40.0, "random_state": 3, "dtype": "float32"},
    "mixture": {"n_components": 4, "covariance_type": "tied", "tol": 0.01, "random_state": 7},
    "hdbscan": {"min_cluster_size": 12, "min_samples": 4, "cluster_selection_method": "leaf", "alpha": 1.5},
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_runs_with_its_own_options(shoal, name):
    own = OWN_OPTIONS.get(name) or OWN_OPTIONS[ALGORITHMS[name].family]
    options = " ".join(f"--{key.replace('_', '-')} {value}" for key, value in own.items())
    outcome = shoal(f"fit iris.csv -a {name} {options} --no-report")
    assert (outcome.code, outcome.err) == (0, "")
    model = library.load_model("shoal-report/model.shoal").estimator
    assert type(model) is ALGORITHMS[name].load()
    parameters = model.get_params()
    assert {key: parameters[key] for key in own} == own
    np.testing.assert_array_equal(labels_of("shoal-report/labels.csv"), model.labels_)


def test_options_reach_the_estimator_as_values_and_settings_win(shoal):
    init = [[5, 3, 1, 0], [6, 3, 5, 2]]
    line = "fit iris.csv -k 5 --n-init auto --kmeans-algorithm lloyd --no-report --set n_clusters=2 --set"
    outcome = shoal([*line.split(), f"init={init}"])
    assert (outcome.code, outcome.err) == (0, "")
    model = library.load_model("shoal-report/model.shoal").estimator
    assert (model.n_clusters, model.n_init, model.init, model.algorithm) == (2, "auto", init, "lloyd")


def test_runs_are_repeatable_unless_told_otherwise(shoal):
    runs = []
    for seed in ("", "", "--random-state none"):
        shoal(f"fit iris.csv -k 20 --no-report {seed}")
        runs.append(labels_of("shoal-report/labels.csv"))
    np.testing.assert_array_equal(runs[0], runs[1])
    assert library.load_model("shoal-report/model.shoal").estimator.random_state is None


@pytest.mark.parametrize("file", ["iris.csv", "iris.parquet", "iris.npz"])
def test_every_kind_of_file_gives_the_same_labels(shoal, file):
    assert shoal(f"fit {file} -k 3 --no-report --out here").code == 0
    expected = library.KMeans(n_clusters=3, random_state=0).fit(IRIS.X)
    np.testing.assert_array_equal(labels_of("here/labels.csv"), expected.labels_)


def test_an_archives_labels_are_scored_and_its_class_names_used(shoal, folder):
    outcome = shoal("fit iris.npz -k 3")
    assert "ARI" in outcome.out
    assert "versicolor" in (folder / "shoal-report" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("l.csv", pl.read_csv),
        ("l.tsv", lambda path: pl.read_csv(path, separator="\t")),
        ("l.parquet", pl.read_parquet),
        ("l.arrow", pl.read_ipc),
        ("l.feather", pl.read_ipc),
    ],
)
def test_labels_by_suffix_with_the_data_beside_them(shoal, name, read):
    assert shoal(f"fit iris.csv -k 3 --labels sub/{name} --with-data --no-report --no-model").code == 0
    frame = read(f"sub/{name}")
    assert frame.columns == ["row", "cluster", *IRIS.feature_names, "species"]
    np.testing.assert_array_equal(frame.select(IRIS.feature_names).to_numpy(), IRIS.X)


def test_labels_as_an_array(shoal, folder):
    assert shoal("fit iris.csv -k 3 --labels l.npy --no-report --no-model").code == 0
    labels = np.load("l.npy")
    assert labels.shape == (150,)
    np.testing.assert_array_equal(labels, library.KMeans(n_clusters=3, random_state=0).fit(IRIS.X).labels_)
    assert not (folder / "shoal-report").exists()


def test_our_columns_give_way_to_the_files(shoal, folder):
    (folder / "t.csv").write_text("row,cluster,a\n7,9,1.5\n8,9,2.5\n")
    assert shoal("fit t.csv -k 2 -c a --with-data --no-report").code == 0
    frame = pl.read_csv("shoal-report/labels.csv")
    assert frame.columns == ["shoal_row", "shoal_cluster", "row", "cluster", "a"]
    assert frame["row"].to_list() == [7, 8]


def test_our_columns_give_way_as_often_as_they_must(shoal, folder):
    (folder / "t.csv").write_text("row,shoal_row\n1,2\n3,4\n")
    assert shoal("fit t.csv -k 1 -q --no-report --with-data").code == 0
    columns = pl.read_csv("shoal-report/labels.csv").columns
    assert (len(set(columns)), columns[1:]) == (4, ["cluster", "row", "shoal_row"])


def test_lists_beside_the_labels_need_a_format_that_has_them(shoal, folder):
    pl.DataFrame({"a": [1.0, 2.0], "list": [[1], [2, 3]]}).write_parquet("t.parquet")
    outcome = shoal("fit t.parquet -k 2 -q --no-report --with-data")
    assert outcome.code == 2
    assert outcome.err == (
        "shoal: --with-data cannot write column 'list' of t.parquet to a text file, its type is List(Int64); "
        "let --labels end in .parquet\n"
    )
    assert shoal("fit t.parquet -k 2 -q --no-report --with-data --labels l.parquet").code == 0
    assert pl.read_parquet("l.parquet")["list"].to_list() == [[1], [2, 3]]
    for labels in ("-", "p.tsv"):
        told = shoal(f"predict shoal-report/model.shoal t.parquet --with-data --labels {labels}")
        assert (told.code, told.err.count("\n")) == (2, 1)


def test_predict_tells_how_the_file_was_read(shoal, folder):
    (folder / "t.csv").write_text("1,2\n3,4\n")
    shoal("fit t.csv -k 2 -q --no-report")
    assert "so columns are called x0 to x1" in shoal("predict shoal-report/model.shoal t.csv").out


def test_rows_with_empty_cells_are_left_out_on_request_and_it_is_told(shoal):
    outcome = shoal("fit holes.csv -k 2 --drop-missing --no-report")
    assert outcome.code == 0
    assert "1 row with empty cells left out" in outcome.out
    assert "left out because not numeric: kind" in outcome.out
    assert pl.read_csv("shoal-report/labels.csv")["row"].to_list() == [0, 2, 3]


@pytest.mark.parametrize("scale", ["standard", "minmax", "robust"])
def test_scaling_is_saved_with_the_model(shoal, scale):
    from sklearn import preprocessing

    assert shoal(f"fit iris.csv -k 3 --scale {scale}").code == 0
    scaler = {"standard": "StandardScaler", "minmax": "MinMaxScaler", "robust": "RobustScaler"}[scale]
    X = getattr(preprocessing, scaler)().fit_transform(IRIS.X)
    expected = library.KMeans(n_clusters=3, random_state=0).fit(X).labels_
    np.testing.assert_array_equal(labels_of("shoal-report/labels.csv"), expected)
    assert shoal("predict shoal-report/model.shoal iris.parquet --labels again.csv").code == 0
    np.testing.assert_array_equal(labels_of("again.csv"), expected)


def test_columns_are_chosen_by_name_even_with_a_comma_in_it(shoal, folder):
    (folder / "t.csv").write_text('"a,b",c,d\n1,2,3\n4,5,6\n')
    assert shoal(["fit", "t.csv", "-k", "2", "-c", "a,b", "--columns", "d, c", "--no-report"]).code == 0
    assert library.load_model("shoal-report/model.shoal").feature_names == ["a,b", "d", "c"]


def test_predict_finds_columns_by_name_and_ignores_others(shoal, folder):
    shoal("fit iris.csv -k 3 --no-report")
    expected = labels_of("shoal-report/labels.csv")
    frame = pl.read_csv("iris.csv")
    frame.select(["species", *reversed(IRIS.feature_names)]).write_parquet("new.parquet")
    outcome = shoal("predict shoal-report/model.shoal new.parquet")
    assert (outcome.code, outcome.err) == (0, "")
    assert "KMeans put 150 rows into 3 clusters" in outcome.out
    np.testing.assert_array_equal(labels_of("shoal-report/predictions.csv"), expected)


def test_predict_prints_labels_on_request(shoal, folder):
    shoal("fit iris.csv -k 3 --no-report")
    outcome = shoal("predict shoal-report/model.shoal iris.csv --labels -")
    assert outcome.out == (folder / "shoal-report" / "labels.csv").read_text()


def test_a_scaler_of_another_scikit_learn_is_a_note(shoal):
    shoal("fit iris.csv -k 3 --scale standard --no-report")
    with zipfile.ZipFile("shoal-report/model.shoal") as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    model = json.loads(contents["model.json"])
    model["scaler"]["state"]["_sklearn_version"] = "1.0.0"
    contents["model.json"] = json.dumps(model).encode()
    with zipfile.ZipFile("older.shoal", "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    outcome = shoal("predict older.shoal iris.csv")
    assert (outcome.code, outcome.err) == (0, "")
    assert re.search(r"note: .*StandardScaler from version 1\.0\.0", outcome.out)


def test_predict_refuses_empty_cells_until_told(shoal, folder):
    shoal("fit holes.csv -k 2 --drop-missing --no-report")
    outcome = shoal("predict shoal-report/model.shoal holes.csv")
    assert outcome.code == 2
    assert "empty cell at row 1 (line 3), column 'b'" in outcome.err
    outcome = shoal("predict shoal-report/model.shoal holes.csv --drop-missing --with-data")
    assert outcome.code == 0
    assert pl.read_csv("shoal-report/predictions.csv")["kind"].to_list() == ["x", "x", "z"]


def test_quiet_prints_nothing(shoal):
    assert shoal("fit iris.csv -k 3 -q").out == ""
    assert shoal("predict shoal-report/model.shoal iris.csv -q").out == ""


def test_threads_do_not_change_the_result(shoal):
    runs = []
    for n in (1, 2):
        assert shoal(f"fit iris.csv -k 5 --threads {n} --no-report").code == 0
        runs.append(labels_of("shoal-report/labels.csv"))
    np.testing.assert_array_equal(*runs)


def test_images_are_shown_on_request(shoal, folder):
    np.save("m.npy", np.random.default_rng(0).integers(0, 255, size=(30, 6)).astype(np.uint8))
    assert shoal("fit m.npy -k 3 --image-shape 2x3").code == 0
    assert (folder / "shoal-report" / "report.html").read_text(encoding="utf-8").count("<canvas") == 3


def test_a_warning_of_the_algorithm_becomes_a_note(shoal, folder):
    (folder / "twins.csv").write_text("a,b\n" + "1,1\n2,2\n" * 5)
    outcome = shoal("fit twins.csv -k 4 --out warned")
    assert (outcome.code, outcome.err) == (0, "")
    assert "note: " in outcome.out
    assert "distinct" in outcome.out


def test_the_demo_scores_two_data_sets_and_leaves_one_report(shoal, folder):
    outcome = shoal("demo")
    assert (outcome.code, outcome.err) == (0, "")
    page = (folder / "shoal-report" / "demo.html").read_text(encoding="utf-8")
    assert [path.name for path in (folder / "shoal-report").iterdir()] == ["demo.html"]
    for name in ("Iris flowers", "Handwritten digits"):
        assert name in outcome.out
        assert name in page
    model = library.KMeans(n_clusters=3, n_init=10, random_state=0).fit(IRIS.X)
    assert f"{library.metrics.adjusted_rand_score(IRIS.y, model.labels_):.3f}" in outcome.out
    assert "shoal-report/demo.html" in outcome.out


def test_the_small_commands(shoal):
    for line in ("--version", "--version fit"):
        assert shoal(line).out == f"shoal {library.__version__}\n"
    listed = shoal("algorithms").out
    for algorithm in ALGORITHMS.values():
        assert algorithm.name in listed
        assert f"shoal.{algorithm.class_name}" in listed
    info = shoal("info").out
    for fact in (library.__version__, "instruction set: ", "threads: ", f"numpy {np.__version__}", "polars "):
        assert fact in info


def test_help_is_complete(shoal):
    top = shoal("--help")
    assert top.code == 0
    assert shoal([]) == top  # nothing at all asks for help
    for command in ("fit", "predict", "demo", "algorithms", "info"):
        assert command in top.out
    fit = shoal("fit --help").out
    for words in (
        "--columns",
        "--scale",
        "--label-column",
        "--drop-missing",
        "Parameters of KMeans",
        "--n-clusters",
    ):
        assert words in fit
    assert "Parameters of MiniBatchKMeans" in shoal("fit -a minibatch-kmeans -h").out
    for command in ("predict", "demo", "algorithms", "info"):
        assert shoal(f"{command} --help").code == 0


@pytest.mark.parametrize("name", ALGORITHMS)
def test_no_option_is_cut_in_the_help_of_a_narrow_terminal(shoal, name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    narrow = shoal(f"fit -a {name} --help").out
    assert max(map(len, narrow.splitlines())) <= 80
    assert "…" not in narrow
    monkeypatch.setenv("COLUMNS", "200")
    wide = set(re.findall(r"(?<=│ )--[a-z-]+", shoal(f"fit -a {name} --help").out))
    first = {option[:31] for option in wide}  # what does not fit goes on in the next line
    assert first <= {option[:31] for option in re.findall(r"(?<=│ )--[a-z-]+", narrow)}


@pytest.mark.parametrize("head", ["height;width\n", ""])
def test_a_file_with_decimal_commas_is_fitted_and_predicted(shoal, folder, head):
    (folder / "comma.csv").write_text(head + "1,5;2\n1,25;3\n8,5;9\n9;9,5\n", encoding="utf-8")
    assert shoal("fit comma.csv -k 2 --decimal-comma --separator ;").code == 0
    labels = shoal("predict shoal-report/model.shoal comma.csv --decimal-comma --labels -").out
    clusters = [line.split(",")[1] for line in labels.split()[1:]]
    assert clusters[0] == clusters[1] != clusters[2] == clusters[3]


WRONG = [
    ("fit absent.csv", "absent.csv: no such file"),
    ("fit .", ". is a directory, not a file"),
    ("fit", "Missing argument 'FILE'"),
    ("fit iris.xlsx", "iris.xlsx: no such file"),
    ("fit text.csv", "text.csv has no numeric column; its columns are a (String), b (String)"),
    ("fit iris.npz --separator ,", "iris.npz is no text file: it has neither a separator nor decimal commas"),
    ("fit iris.csv --separator abc", "separator must be one character between cells, or 'tab'; got 'abc'"),
    (
        "fit iris.csv --decimal-comma --separator ,",
        "separator must be another character than the decimal comma",
    ),
    (
        "fit holes.csv -k 2",
        "holes.csv has an empty cell at row 1 (line 3), column 'b'; leave such rows out with --drop-missing",
    ),
    ("fit iris.csv -a dbscan -k 3", "dbscan has no option -k: it finds the number of clusters itself"),
    ("fit iris.csv --n-clustrs 3", "kmeans has no option --n-clustrs; did you mean --n-clusters"),
    ("fit infinite.csv -k 2", "infinite.csv holds infinity at row 1 (line 3), column 'a'"),
    ("fit iris.csv --columns petal", "iris.csv has no column 'petal'; "),
    (
        "fit iris.csv --columns species",
        "column 'species' of iris.csv is not numeric: row 0 (line 2) holds 'setosa'",
    ),
    ("fit iris.csv --columns ,", "columns must name at least one column; got none"),
    ("fit iris.csv --label-column kind", "iris.csv has no label column 'kind'; "),
    ("fit iris.csv --scale big", "--scale must be one of 'none', 'standard', 'minmax', 'robust'; got 'big'"),
    ("fit iris.csv -a kmean", "unknown algorithm 'kmean'; did you mean 'kmeans'?"),
    ("fit iris.csv -a zzz", "unknown algorithm 'zzz'; 'shoal algorithms' lists them"),
    ("fit iris.csv -k 200", "n_clusters must be in [1, n_samples=150]; got 200"),
    ("fit iris.csv -k 0", "n_clusters must be in [1, n_samples=150]; got 0"),
    ("fit iris.csv -k many", "n_clusters must be an integer; got 'many'"),
    ("fit iris.csv --tol -1", "tol must be in [0, inf"),
    ("fit iris.csv --init nowhere", "init must be one of "),
    ("fit iris.csv --kmeans-algorithm best", "algorithm must be one of "),
    ("fit iris.csv --n-cluster 3", "--n-cluster"),
    ("fit iris.csv -k", "-k"),
    ("fit iris.csv --set k", "--set must be name=value; got 'k'"),
    ("fit iris.csv --set clusters=3", "KMeans has no parameter 'clusters'; did you mean 'n_clusters'?"),
    ("fit iris.csv --threads 0", "--threads must be in [1, inf"),
    ("predict absent.shoal iris.csv --threads 0", "--threads must be in [1, inf"),
    ("fit iris.csv --threads two", "--threads"),
    (
        "fit iris.csv --labels l.xlsx",
        "--labels must end in one of .csv .tsv .parquet .arrow .feather .npy; got",
    ),
    ("fit iris.csv --labels l.npy --with-data", "--with-data needs a table: --labels must not end in .npy"),
    ("fit iris.csv --report iris.npz/r.html", "cannot write iris.npz/r.html: iris.npz is not a folder"),
    ("fit iris.csv --model .", "cannot write .: it is a directory"),
    ("fit iris.csv --image-shape 8", "--image-shape must be like 28x28, height and width; got '8'"),
    ("fit iris.csv --image-shape 8x8", "--image-shape must have 4 pixels, one per column; got 8x8"),
    ("predict absent.shoal iris.csv", "absent.shoal: no such file"),
    ("predict iris.csv iris.csv", "iris.csv is not a shoal model file"),
    ("predict iris.csv", "Missing argument 'FILE'"),
    ("demo --out iris.csv", "cannot write iris.csv/demo.html: iris.csv is not a folder"),
    ("fitt", "No such command 'fitt'"),
    ("--verison", "--verison"),
]


@pytest.mark.parametrize(("line", "message"), WRONG)
def test_wrong_input_is_one_line_and_exit_code_2(shoal, folder, line, message):
    before = sorted(os.listdir(folder))
    outcome = shoal(line)
    assert outcome.code == 2
    assert outcome.out == ""
    assert re.fullmatch(r"shoal: [^\n]+\n", outcome.err)
    assert message in outcome.err
    assert "Traceback" not in outcome.err
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert sorted(path.name for path in left) == before


def test_wrong_input_to_predict_names_what_is_missing(shoal, folder):
    shoal("fit iris.csv -k 3 -q --no-report")
    outcome = shoal("predict shoal-report/model.shoal holes.csv")
    assert outcome.code == 2
    assert outcome.err == (
        "shoal: holes.csv lacks 4 of the model's 4 columns, 'sepal length', 'sepal width', 'petal length', "
        "'petal width'; it has 'a', 'b', 'kind'\n"
    )


def test_a_model_without_names_says_how_to_save_it(shoal):
    library.save_model(library.KMeans(2).fit(IRIS.X), "plain.shoal")
    outcome = shoal("predict plain.shoal iris.csv")
    assert outcome.code == 2
    assert "has no column names, so columns cannot be matched; save it with feature_names" in outcome.err


def test_a_damaged_model_is_one_line(shoal, folder):
    shoal("fit iris.csv -k 3 -q --no-report")
    with zipfile.ZipFile("odd.shoal", "w") as archive:
        archive.writestr("model.json", json.dumps({"format": "other"}))
    assert shoal("predict odd.shoal iris.csv").err == "shoal: odd.shoal is not a shoal model file\n"


def test_a_full_disk_is_one_line(shoal, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "shoal-report/model.shoal")

    monkeypatch.setattr(library, "save_model", full, raising=False)
    outcome = shoal("fit iris.csv -k 3")
    assert outcome.code == 2
    assert outcome.err == "shoal: shoal-report/model.shoal: no space left on device\n"


def test_a_report_that_does_not_fit_on_the_disk_is_one_line(shoal, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "shoal-report/report.html")

    monkeypatch.setattr("shoal.cli.work.Report.write", full)
    outcome = shoal("fit iris.csv -k 3")
    assert (outcome.code, outcome.err) == (2, "shoal: shoal-report/report.html: no space left on device\n")


def test_a_folder_that_may_not_be_written_to_is_told_before_the_fit(shoal, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    monkeypatch.setattr(library.KMeans, "fit", None)  # not reached
    outcome = shoal("fit iris.csv -k 3")
    assert outcome.code == 2
    assert outcome.err == "shoal: cannot write shoal-report/labels.csv: permission denied\n"


def test_our_own_faults_are_shown_in_full(shoal, monkeypatch):
    def broken(*_, **__):
        raise ValueError("a bug")

    monkeypatch.setattr("shoal.cli.work.Report", broken)
    with pytest.raises(ValueError, match="a bug"):
        shoal("fit iris.csv -k 3")


def test_ctrl_c_is_one_line_and_leaves_no_output(shoal, folder, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(library.KMeans, "fit", interrupted)
    outcome = shoal("fit iris.csv -k 3")
    assert (outcome.code, outcome.out, outcome.err) == (130, "", "shoal: interrupted\n")
    assert list((folder / "shoal-report").iterdir()) == []


COMMAND = [sys.executable, "-m", "shoal"]


def environment(**more):
    """Ours, with the package under test found from any folder."""
    paths = [os.path.dirname(os.path.dirname(library.__file__)), *filter(None, sys.path)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, paths)), **more}


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_stops_a_running_fit(folder):
    rng = np.random.default_rng(0)
    np.save(folder / "large.npy", rng.random((100_000, 8), dtype=np.float32))
    line = "fit large.npy -k 3000 --max-iter 100000 --tol 0 --init random"
    process = subprocess.Popen(
        [*COMMAND, *line.split()],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (folder / "shoal-report").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)  # well inside the fit
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "shoal: interrupted\n")
    assert list((folder / "shoal-report").iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_an_output_that_cannot_be_printed_is_one_line(folder):
    for line in ("algorithms", "fit --help"):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [*COMMAND, *line.split()],
                cwd=folder,
                env=environment(),
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert (done.returncode, done.stderr) == (2, "shoal: no space left on device\n")


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_a_reader_that_leaves_early_is_no_error(folder):
    np.save(folder / "m.npy", np.arange(200_000.0))
    assert main(["fit", "m.npy", "-k", "2", "-q", "--no-report"]) == 0
    line = "predict shoal-report/model.shoal m.npy --labels -"
    process = subprocess.Popen(
        [*COMMAND, *line.split()],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"row,cluster\n"
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) in (0, 1)  # 0 where the pipe had taken everything before it was closed
    process.stderr.close()


def run_python(code, cwd):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment(), capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("missing", ["typer", "rich", "polars", "plotly"])
def test_without_the_extra_packages_it_says_what_to_install(folder, missing):
    done = run_python(
        f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
from shoal.cli import main
sys.exit(main(["fit", "iris.csv", "-k", "3"]))
""",
        folder,
    )
    assert done.returncode == 1
    assert done.stderr == f"shoal: the package {missing!r} is missing; pip install 'shoal[app]'\n"
    assert not (folder / "shoal-report").exists()


def test_a_wrong_instruction_set_is_one_line(folder):
    done = subprocess.run(
        [*COMMAND, "info"],
        cwd=folder,
        env=environment(SHOAL_ISA="v99"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert re.fullmatch(r"shoal: SHOAL_ISA must be one of .*; got 'v99'\n", done.stderr)


@pytest.mark.parametrize(
    ("line", "unwanted"),
    [
        ("--version", ("numpy", "typer", "sklearn", "polars", "plotly")),
        ("--help", ("numpy", "sklearn", "polars", "plotly")),
        ("predict --help", ("numpy", "sklearn", "polars", "plotly")),
        ("fit --help", ("polars", "plotly")),
    ],
)
def test_start_up_imports_only_what_it_needs(folder, line, unwanted):
    done = run_python(
        f"""
import sys
from shoal.cli import main
code = main({line.split()!r})
print("loaded:", *[name for name in {unwanted!r} if name in sys.modules])
sys.exit(code)
""",
        folder,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_density_clusters_of_a_file(shoal, folder):
    """A metric that the scores know by another name; noise in its own row; no predict where there is none."""
    X = np.concatenate(
        [np.random.default_rng(0).normal(size=(60, 2)) * 0.1 + c for c in (0, 5)] + [[[20, 20]]]
    )
    np.savetxt("x.csv", X, delimiter=",", header="a,b", comments="")
    for name, options in (
        ("dbscan", "--eps 0.5"),
        ("optics", "--min-samples 10 --cluster-method dbscan --eps 1"),
    ):
        outcome = shoal(f"fit x.csv -a {name} {options} --metric minkowski --out {name}")
        assert "on 121 rows, 2 columns: 2 clusters" in outcome.out
        assert "noise" in outcome.out
        assert (folder / name / "report.html").exists()
    assert shoal("predict dbscan/model.shoal x.csv --labels p.csv").code == 0
    np.testing.assert_array_equal(labels_of("p.csv"), labels_of("dbscan/labels.csv"))
    assert "has no predict" in shoal("predict optics/model.shoal x.csv").err
