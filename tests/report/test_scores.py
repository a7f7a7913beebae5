"""Scores of a clustering: the right values, on the right rows, with what was left out."""

import numpy as np
import pytest
import sklearn.metrics as oracle

from shoal.report import scores as module
from shoal.report.scores import compute_scores, stratified_sample

RNG = np.random.default_rng(11)
Y = np.repeat([0, 1, 2], [40, 30, 50])
X = RNG.normal(size=(120, 4)) + 4 * np.eye(3, 4)[Y]
LABELS = np.where(RNG.random(120) < 0.1, (Y + 1) % 3, Y)


def by_key(scores):
    return {score.key: score for score in scores.all}


def test_values_are_those_of_scikit_learn():
    found = by_key(compute_scores(X, LABELS, Y))
    for key in ("silhouette_score", "calinski_harabasz_score", "davies_bouldin_score"):
        np.testing.assert_allclose(found[key].value, getattr(oracle, key)(X, LABELS), rtol=1e-10)
    for key in (
        "adjusted_rand_score",
        "normalized_mutual_info_score",
        "adjusted_mutual_info_score",
        "homogeneity_score",
        "completeness_score",
        "v_measure_score",
        "fowlkes_mallows_score",
    ):
        np.testing.assert_allclose(found[key].value, getattr(oracle, key)(Y, LABELS), rtol=1e-9)
    assert not any(score.note for score in found.values())
    for score in found.values():
        assert score.low is None or score.low <= score.value
        assert score.high is None or score.value <= score.high


def test_the_silhouette_of_each_cluster_is_the_mean_over_its_rows():
    samples = oracle.silhouette_samples(X, LABELS)
    found = compute_scores(X, LABELS).silhouette_of
    for label in range(3):
        assert found[label] == pytest.approx(samples[label == LABELS].mean())


def test_there_are_no_external_scores_without_reference_labels():
    assert compute_scores(X, LABELS).external == []


def test_noise_is_left_out_of_internal_scores_and_counts_as_a_cluster_in_external_ones():
    labels = np.where(np.arange(120) % 10 == 0, -1, LABELS)
    kept = labels >= 0
    found = by_key(compute_scores(X, labels, Y))
    assert found["silhouette_score"].value == pytest.approx(oracle.silhouette_score(X[kept], labels[kept]))
    assert found["davies_bouldin_score"].value == pytest.approx(
        oracle.davies_bouldin_score(X[kept], labels[kept])
    )
    assert found["silhouette_score"].note == "12 noise rows left out"
    assert found["adjusted_rand_score"].value == pytest.approx(oracle.adjusted_rand_score(Y, labels))
    assert found["adjusted_rand_score"].note == "noise counts as one cluster"


def test_noise_in_the_reference_is_told():
    y = np.where(Y == 2, -1, Y)
    assert (
        by_key(compute_scores(X, LABELS, y))["v_measure_score"].note
        == "reference label -1 counts as one class"
    )


def test_reference_labels_may_be_words():
    words = np.array(["moss", "fern", "oak"], dtype=object)[Y]
    assert by_key(compute_scores(X, LABELS, words))["adjusted_rand_score"].value == pytest.approx(
        oracle.adjusted_rand_score(Y, LABELS)
    )


def test_the_silhouette_uses_the_metric_of_the_algorithm_and_says_so():
    found = by_key(compute_scores(X, LABELS, metric="cosine"))["silhouette_score"]
    assert found.value == pytest.approx(oracle.silhouette_score(X, LABELS, metric="cosine"))
    assert found.note == "cosine distance"


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        (np.zeros(5, dtype=int), "needs 2 to n - 1 clusters; there is 1"),
        (np.arange(5), "needs 2 to n - 1 clusters; there are 5"),
        (np.full(5, -1), "needs 2 to n - 1 clusters; there are 0; 5 noise rows left out"),
    ],
)
def test_where_no_score_is_defined_there_is_none_and_the_reason(labels, note):
    found = compute_scores(X[:5], labels)
    assert [score.value for score in found.internal] == [None, None, None]
    assert {score.note for score in found.internal} == {note}
    assert found.silhouette_of == {}


def test_a_large_silhouette_is_sampled_and_says_so(monkeypatch):
    monkeypatch.setattr(module, "SILHOUETTE_BUDGET", 1.0)  # the least the sample can be is 2000 rows
    y = np.repeat([0, 1, 2], [3000, 1000, 3])
    points = RNG.normal(size=(y.size, 2)) + 3 * np.eye(3, 2)[y]
    found = compute_scores(points, y)
    score = found.internal[0]
    assert score.note == "on a random sample of 2,002 rows"
    assert score.value == pytest.approx(oracle.silhouette_score(points, y), abs=0.01)
    assert set(found.silhouette_of) == {0, 1, 2}
    assert by_key(found)["calinski_harabasz_score"].value == pytest.approx(
        oracle.calinski_harabasz_score(points, y)
    )


def test_a_sample_keeps_proportions_and_the_small_clusters():
    labels = RNG.permutation(np.repeat([-1, 0, 1, 5], [100, 5000, 900, 7]))
    rows = stratified_sample(labels, 600, at_least=30)
    np.testing.assert_array_equal(rows, np.unique(rows))
    counts = dict(zip(*np.unique(labels[rows], return_counts=True), strict=True))
    assert counts == {-1: 30, 0: round(5000 * 600 / 6007), 1: round(900 * 600 / 6007), 5: 7}
    np.testing.assert_array_equal(rows, stratified_sample(labels, 600, at_least=30))


def test_distances_are_scored_as_distances(monkeypatch):
    D = oracle.pairwise_distances(X, metric="manhattan")
    labels = LABELS.copy()
    labels[::7] = -1
    kept = labels >= 0
    expected = oracle.silhouette_score(X[kept], labels[kept], metric="manhattan")
    found = by_key(compute_scores(D, labels, metric="precomputed"))
    assert found["silhouette_score"].value == pytest.approx(expected, rel=1e-12)
    for key in ("calinski_harabasz_score", "davies_bouldin_score"):
        assert found[key].value is None
        assert found[key].note == "needs points; there are distances; 18 noise rows left out"
    big = np.repeat(np.repeat(D, 25, axis=0), 25, axis=1)
    monkeypatch.setattr(module, "SILHOUETTE_BUDGET", 1.0)
    sampled = compute_scores(big, np.repeat(labels, 25), metric="precomputed").internal[0]
    assert sampled.note.startswith("on a random sample of 2,0")
    assert sampled.value == pytest.approx(expected, abs=0.05)


def test_similarities_have_no_internal_scores():
    for score in compute_scores(X @ X.T, LABELS, metric="similarities").internal:
        assert (score.value, score.note) == (None, "needs points or distances; there are similarities")
