"""The report's page: complete, self-contained, and safe whatever the data say."""

import html
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

import shoal
from shoal.plotting.palette import color_of
from shoal.report import Clustering, Report, write_report
from shoal.report.figures import (
    condensed_figure,
    contingency_figure,
    dendrogram_figure,
    features_figure,
    scatter_figure,
    sizes_figure,
)
from shoal.report.summary import project, summarize

RNG = np.random.default_rng(2)
Y = np.repeat([0, 1, 2], 20)
X = RNG.normal(size=(60, 4)) + 6 * np.eye(3, 4)[Y]


class Page(HTMLParser):
    """What a browser would find: elements, their attributes, the text, and data of scripts."""

    VOID = ("meta", "link", "img", "br", "input")

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.scripts, self.open = [], [], {}, []
        self.feed(text)
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        tag, attributes = self.open[-1] if self.open else ("", {})
        if tag == "script":
            self.scripts[attributes.get("id", f"code {len(self.scripts)}")] = data
        elif tag != "style":
            self.text.append(data)

    def figures(self):
        return {key: json.loads(text) for key, text in self.scripts.items() if key.endswith("-data")}

    def words(self):
        return re.sub(r"\s+", " ", " ".join(self.text))


def clustering(**fields):
    given = {"labels": Y, "algorithm": "by hand", "title": "Three blobs", "y": Y, **fields}
    return Clustering(X, **given)


@pytest.fixture(scope="module")
def page():
    centers = np.array([X[k == Y].mean(axis=0) for k in range(3)])
    part = clustering(
        centers=centers,
        parameters={"n_clusters": 3, "tol": 1e-4},
        changed={"n_clusters"},
        feature_names=["width", "height", "depth", "mass"],
        y_name="species",
        class_names=["moss", "fern", "oak"],
        source="plants.csv",
        scaling="standard",
        results={"inertia_": 12.5},
        seconds={"read": 0.5, "fit": 0.002},
        notes=["one row was left out"],
    )
    return Page(Report([part], command="shoal fit plants.csv -k 3").html())


def test_it_says_what_was_run(page):
    words = page.words()
    facts = shoal.base.config.config()
    for fact in (
        "Three blobs",
        "by hand",
        "60 rows, 4 features",
        "3 clusters",
        "shoal fit plants.csv -k 3",
        "plants.csv: 60 rows, 4 features, float64",
        "width, height, depth, mass",
        "standard",
        "n_clusters=3",
        "tol=0.0001",
        "inertia_=12.5",
        "read 0.50 s, fit 2.0 ms",
        "one row was left out",
        f"shoal {facts['version']}",
        facts["isa"],
    ):
        assert fact in words, fact


def test_it_shows_every_score_with_its_range(page):
    words = page.words()
    for score in clustering().scores.all:
        assert score.name in words
        assert score.meaning in words
    assert "−1 to 1, higher is better" in words  # noqa: RUF001
    assert "from 0, lower is better" in words


def test_it_needs_no_network(page):
    for tag, attributes in page.elements:
        for name in ("src", "href", "data", "action"):
            assert attributes.get(name, "#").startswith("#"), (tag, attributes)
    policy = next(a["content"] for t, a in page.elements if t == "meta" and a.get("http-equiv"))
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert "http" not in policy
    # Plotly's own tool bar has a button that sends the data to a server; ours is listed button by button
    script = page.scripts["code 1"]
    assert "modeBarButtons:" in script
    assert "ToCloud" not in script
    assert 'plotlyServerURL: ""' in script


def test_every_figure_has_a_place_and_every_place_a_figure(page):
    places = [attributes["id"] for _, attributes in page.elements if attributes.get("class") == "plot"]
    assert sorted(f"{place}-data" for place in places) == sorted(page.figures())
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"][1:] for tag, attributes in page.elements if tag == "a"]
    assert set(links) <= set(ids)
    assert len(links) == 6


def test_text_from_the_data_is_never_markup():
    evil = "</script><script>alert(1)</script><b>"
    part = clustering(
        feature_names=[evil, "a & b", '"quoted"', "%{x}"],
        y=np.array([evil, "p", "q"], dtype=object)[Y],
        y_name=evil,
        title=evil,
        source=evil,
        notes=[evil],
        parameters={"init": evil},
    )
    text = Report([part], title=evil, command=evil).html()
    page = Page(text)
    assert not any(
        tag == "script" and not (attributes.keys() <= {"id", "type"}) for tag, attributes in page.elements
    )
    assert "alert(1)" in page.words()  # shown as text
    assert not any("alert" in script for key, script in page.scripts.items() if key.startswith("code"))
    labels = page.figures()["difference-0-data"]["layout"]["yaxis"]["ticktext"]
    assert all("<" not in label for label in labels)
    assert html.escape("a & b") in labels
    assert "%{x}" not in labels


def test_noise_is_named_when_one_hovers_over_many_points():
    labels = np.arange(2000) % 50 - 1
    part = Clustering(RNG.normal(size=(2000, 2)), labels, "many")
    texts = scatter_figure(part, project(part)).data[0].text
    assert texts[0] == "noise<br>row 0"
    assert texts[1] == "cluster 0<br>row 1"


def test_two_clusterings_stand_on_one_page():
    page = Page(Report([clustering(), clustering(title="Again", y=None)], title="Both").html())
    words = page.words()
    assert words.index("Both") < words.index("Three blobs") < words.index("Again")
    assert len(page.figures()) == 4 + 3
    assert [a["href"] for t, a in page.elements if t == "a"] == ["#part-0", "#part-1"]


def test_noise_and_undefined_scores_are_told():
    part = clustering(labels=np.where(Y == 0, 0, -1))
    words = Page(Report([part]).html()).words()
    assert "40 noise rows (66.7%)" in words
    assert "needs 2 to n - 1 clusters; there is 1; 40 noise rows left out" in words


def test_a_single_row_has_a_report():
    Page(Report([Clustering(X[:1], np.array([0]), "alone")]).html())


def test_images_are_shown_as_the_mean_of_each_cluster():
    part = clustering(image_shape=(2, 2))
    page = Page(Report([part]).html())
    pixels = [json.loads(a["data-pixels"]) for t, a in page.elements if t == "canvas"]
    means = np.array([X[k == Y].mean(axis=0) for k in range(3)])
    expected = np.rint(255 * (means - means.min()) / np.ptp(means))
    np.testing.assert_array_equal(pixels, expected)
    assert "difference-0-data" not in page.figures()


def test_write_report_takes_any_fitted_estimator(tmp_path):
    model = shoal.KMeans(3, random_state=0).fit(X)
    report = write_report(model, X, tmp_path / "kmeans.html", y=Y, title="Plain call")
    words = Page((tmp_path / "kmeans.html").read_text(encoding="utf-8")).words()
    assert "Plain call" in words
    assert report.parts[0].changed == {"n_clusters", "random_state"}
    assert report.parts[0].results["inertia_"] == model.inertia_
    foreign = GaussianMixture(3, random_state=0).fit(X)  # has no labels_
    part = write_report(foreign, X, tmp_path / "mixture.html").parts[0]
    np.testing.assert_array_equal(part.labels, foreign.predict(X))


def test_feature_names_come_from_a_frame(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    report = write_report(shoal.KMeans(3, random_state=0).fit(frame), frame, tmp_path / "r.html")
    assert report.parts[0].feature_names == list("abcd")


def test_a_report_is_whole_or_absent(tmp_path):
    with pytest.raises(ValueError, match="parts must hold at least one clustering"):
        Report([]).write(tmp_path / "r.html")
    with pytest.raises(OSError, match="no_folder"):
        Report([clustering()]).write(tmp_path / "no_folder" / "r.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("y", "class_names", "expected"),
    [
        ([0, 1, -1], ["moss", "fern"], ["noise", "moss", "fern"]),
        ([0, 7, -1], ["moss", "fern"], ["noise", "moss", "7"]),
        ([0, 1, -1], None, ["-1", "0", "1"]),
        ([0.5, 2.0, 2.0], None, ["0.5", "2"]),
        (["b", "a", "a"], ["moss", "fern"], ["a", "b"]),
    ],
)
def test_reference_classes_have_names(y, class_names, expected):
    names, codes = Clustering(X[:3], Y[:3], "by hand", y=np.array(y), class_names=class_names).classes
    assert names == expected
    np.testing.assert_array_equal(codes, np.unique(y, return_inverse=True)[1])


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"labels": Y[:5]}, ValueError, "labels must have n_samples=60 entries; got 5"),
        ({"labels": Y.astype(float)}, TypeError, "labels must be integers; got float64"),
        ({"feature_names": ["a"]}, ValueError, "feature_names must have n_features=4 names; got 1"),
        ({"original": X[:, :2]}, ValueError, r"original must have the shape of X, \(60, 4\); got \(60, 2\)"),
        ({"centers": X[:, :2]}, ValueError, "centers must have n_features=4 columns; got 2"),
        ({"y": Y[:5]}, ValueError, "y must have n_samples=60 entries; got 5"),
        ({"rows": Y[:5]}, ValueError, "rows must have n_samples=60 entries; got 5"),
        ({"image_shape": (3, 2)}, ValueError, "image_shape must have n_features=4 pixels; got 3 x 2"),
    ],
)
def test_parts_that_do_not_fit_together_are_named(fields, error, message):
    with pytest.raises(error, match=message):
        clustering(**fields)


def test_the_scatter_has_a_trace_per_cluster_and_draws_the_points_projected():
    part = clustering(centers=X[:3], rows=np.arange(60) + 100)
    projection = project(part)
    figure = scatter_figure(part, projection)
    assert [trace.name for trace in figure.data] == ["0  (20)", "1  (20)", "2  (20)", "centers"]
    drawn = np.concatenate([np.column_stack([trace.x, trace.y]) for trace in figure.data[:3]])
    np.testing.assert_array_equal(drawn, projection.points)
    assert figure.data[0].text[0] == "100"
    assert figure.data[0].type == "scatter"


def test_many_points_are_drawn_with_webgl_and_many_clusters_share_a_trace():
    points = RNG.normal(size=(2000, 2))
    part = Clustering(points, np.arange(2000) % 100, "many")
    figure = scatter_figure(part, project(part))
    assert [trace.type for trace in figure.data] == ["scattergl"]
    assert figure.data[0].text[5] == "cluster 5<br>row 5"
    assert len(sizes_figure(part).data[0].x) == 60
    Page(Report([part]).html())


def test_very_many_clusters_are_cut_to_the_largest_and_it_is_told():
    labels = np.concatenate([np.repeat(np.arange(5), 20), np.arange(5, 150)])
    points = RNG.normal(size=(labels.size, 3))
    page = Page(Report([Clustering(points, labels, "many")]).html())
    words = page.words()
    assert "The 60 largest; 90 more are not drawn." in words
    assert "The 100 largest of 150." in words
    assert "The 24 largest of 150 clusters." in words
    shown = page.figures()["sizes-0-data"]["data"][0]["x"]
    assert shown[:5] == ["0", "1", "2", "3", "4"]


def test_bars_are_the_sizes():
    bars = sizes_figure(clustering(labels=np.where(Y == 2, -1, Y), y=None)).data[0]
    assert list(bars.x) == ["noise", "0", "1"]
    assert list(bars.y) == [20, 20, 20]


def test_the_difference_heatmap_is_the_summary_turned_on_its_side():
    summary = summarize(clustering())
    heatmap = features_figure(clustering(), summary).data[0]
    np.testing.assert_array_equal(heatmap.z, summary.difference.T)
    assert heatmap.zmax == -heatmap.zmin


def test_the_contingency_puts_matches_on_the_diagonal_and_noise_last():
    labels = np.array([2, 0, 5])[Y]
    labels[::7] = -1
    figure, note = contingency_figure(clustering(labels=labels))
    counts = np.array([[cell[2] for cell in line] for line in figure.data[0].customdata])
    expected = np.array([[((k == Y) & (labels == c)).sum() for c in (2, 0, 5, -1)] for k in range(3)])
    np.testing.assert_array_equal(counts, expected)
    assert list(figure.layout.xaxis.ticktext) == ["2", "0", "5", "noise"]
    assert note == ""


def test_a_large_contingency_shows_the_largest_and_says_so():
    part = clustering(labels=np.arange(60) % 30, y=np.arange(60) % 50)
    figure, note = contingency_figure(part, most=10)
    assert np.asarray(figure.data[0].z).shape == (10, 10)
    assert note == "The 10 largest of 50 classes and the 10 largest of 30 clusters."


def drawn(figure, name):
    """The points of the trace of that name."""
    return next(trace for trace in figure.data if trace.name == name)


@pytest.mark.parametrize("method", ["ward", "single", "average"])
def test_the_dendrogram_cuts_between_the_merges_and_colours_its_clusters(method):
    rng = np.random.default_rng(5)
    rows = np.concatenate(
        [rng.normal(size=(70, 2)), rng.normal(size=(50, 2)) + 30, rng.normal(size=(80, 2)) - 30]
    )
    model = shoal.AgglomerativeClustering(3, linkage=method).fit(rows)
    part = Clustering.of(model, rows)
    figure, note = dendrogram_figure(part, most=20)
    assert "last 19 of 199 merges" in note
    heights = shoal.linkage(rows, method)[:, 2]
    cut = drawn(figure, "the cut")
    assert heights[-3] < cut.y[0] == cut.y[1] < heights[-2]
    np.testing.assert_allclose(np.sort(drawn(figure, "merges").y), heights[-19:])
    # each cluster's lines end where its own last merge is, but for the branch up to the next
    names = {trace.name for trace in figure.data}
    assert {"cluster 0", "cluster 1", "cluster 2", "above the cut", "merges", "the cut"} == names
    sizes = [int(text.split()[0]) for text in drawn(figure, "merges").text]
    assert max(sizes) == 200
    leaves = [int(text) for text in figure.layout.xaxis.ticktext]
    assert sum(leaves) == 200
    assert len(leaves) == 20


def test_leaves_of_each_cluster_have_its_rows_below_them():
    rng = np.random.default_rng(6)
    rows = np.concatenate(
        [rng.normal(size=(9, 2)), rng.normal(size=(5, 2)) + 30, rng.normal(size=(7, 2)) - 30]
    )
    part = Clustering.of(shoal.AgglomerativeClustering(3).fit(rows), rows)
    figure, note = dendrogram_figure(part)
    assert note.startswith("All merges.")
    for label, size in zip(part.ids, part.sizes, strict=True):
        lines = drawn(figure, f"cluster {label}")
        ends = {x for x, y in zip(lines.x, lines.y, strict=True) if y == 0}
        assert len(ends) == size
        assert max(ends) - min(ends) == size - 1, "its leaves stand side by side"


def test_heights_that_fall_have_no_cut_line_and_one_cluster_no_grey():
    rows = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.9]])
    part = Clustering.of(shoal.AgglomerativeClustering(2, linkage="centroid").fit(rows), rows)
    figure, note = dendrogram_figure(part)
    assert "cut" not in note
    assert "the cut" not in {trace.name for trace in figure.data}
    part = Clustering.of(shoal.AgglomerativeClustering(1).fit(rows), rows)
    assert {trace.name for trace in dendrogram_figure(part)[0].data} == {"cluster 0", "merges"}


def test_a_chain_of_many_clusters_is_drawn(tmp_path):
    rows = (np.arange(300.0) ** 2)[:, None]
    model = shoal.AgglomerativeClustering(120, linkage="single").fit(rows)
    page = Page(write_report(model, rows, tmp_path / "chain.html").html())
    assert "The last 99 of 299 merges" in page.words()


def test_the_tree_is_left_out_where_it_is_not_known():
    rows = np.arange(12.0)[:, None]
    graph = np.eye(12, k=1) + np.eye(12, k=-1)
    early = shoal.AgglomerativeClustering(9, connectivity=graph, compute_full_tree=False).fit(rows)
    assert Clustering.of(early, rows).dendrogram is None
    weighted = shoal.AgglomerativeClustering(2).fit(rows, sample_weight=[0.0] + [1.0] * 11)
    assert Clustering.of(weighted, rows).dendrogram is None
    with pytest.raises(ValueError, match=r"dendrogram must have shape \(n_samples - 1=59, 4\); got \(3, 4\)"):
        clustering(dendrogram=np.zeros((3, 4)))


def test_the_condensed_tree_shows_the_selected_clusters_in_their_colours(tmp_path):
    rng = np.random.default_rng(7)
    rows = np.concatenate([rng.normal(size=(60, 2)) + 12 * np.array(at) for at in ((0, 0), (1, 0), (0, 1))])
    model = shoal.HDBSCAN(10).fit(rows)
    figure, left_out = condensed_figure(Clustering.of(model, rows))
    assert left_out == ""
    fills = {trace.name: trace.fillcolor for trace in figure.data if trace.fill}
    assert {f"cluster {label}": color_of(label) for label in range(3)}.items() <= fills.items()
    assert list(drawn(figure, "labels").text) == ["0", "1", "2"]
    few, left_out = condensed_figure(Clustering.of(model, rows), most=2)
    assert left_out.strip().startswith("The 2 heaviest of")
    assert sum(trace.fill == "toself" for trace in few.data) == 2
    page = Page(write_report(model, rows, tmp_path / "tree.html").html())
    assert "condensed-0-data" in page.figures()


@pytest.mark.parametrize("names", [np.array(["a", "b"]), ("a", "b"), [1, 2]])
def test_feature_names_may_come_in_any_sequence(tmp_path, names):
    X = np.array([[0.0, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 8.0]])
    model = shoal.KMeans(2, random_state=0).fit(X)
    report = write_report(model, X, tmp_path / "r.html", feature_names=names)
    assert report.parts[0].feature_names == [str(name) for name in names]


def test_what_was_fitted_on_distances_or_similarities_has_a_report(tmp_path, rng):
    points = np.concatenate([rng.normal(c, 1, size=(30, 2)) for c in (0, 9)] + [[[50.0, 50.0]]])
    D = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    model = shoal.DBSCAN(eps=2.5, min_samples=3, metric="precomputed").fit(D)
    assert set(model.labels_) == {-1, 0, 1}
    report = write_report(model, D, tmp_path / "r.html")
    assert report.parts[0].scores.internal[0].value > 0.7
    model = shoal.AffinityPropagation(affinity="precomputed", random_state=0).fit(-(D**2))
    report = write_report(model, -(D**2), tmp_path / "r.html")
    assert [score.value for score in report.parts[0].scores.internal] == [None] * 3
