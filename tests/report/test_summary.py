"""What distinguishes clusters, and points in two dimensions."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from shoal.report import Clustering
from shoal.report import summary as module
from shoal.report.summary import project, summarize

RNG = np.random.default_rng(5)
LABELS = RNG.permutation(np.repeat([-1, 0, 1, 2], [9, 40, 30, 21]))
X = RNG.normal(size=(100, 5)) * [1, 2, 3, 4, 5] + 3 * LABELS[:, None] * [0, 1, 0, -2, 0.5]


def clustering(points=X, labels=LABELS, **fields):
    return Clustering(points, labels, "by hand", **fields)


def test_statistics_are_numpys_on_the_rows_of_each_cluster():
    found = summarize(clustering())
    for row, label in enumerate([-1, 0, 1, 2]):
        mine = X[label == LABELS][:, found.shown]
        np.testing.assert_allclose(found.mean[row], mine.mean(axis=0))
        np.testing.assert_allclose(found.std[row], mine.std(axis=0))
        np.testing.assert_allclose(found.median[row], np.median(mine, axis=0))
        expected = (mine.mean(axis=0) - X.mean(axis=0)[found.shown]) / X.std(axis=0)[found.shown]
        np.testing.assert_allclose(found.difference[row], expected)
    np.testing.assert_allclose(found.overall_mean, X.mean(axis=0)[found.shown])
    np.testing.assert_allclose(found.overall_std, X.std(axis=0)[found.shown])
    np.testing.assert_allclose(found.overall_median, np.median(X, axis=0)[found.shown])


def test_features_come_by_the_share_of_variance_between_clusters():
    found = summarize(clustering())
    within = np.array(
        [
            sum(((X[k == LABELS, j] - X[k == LABELS, j].mean()) ** 2).sum() for k in (-1, 0, 1, 2))
            for j in range(5)
        ]
    )
    share = 1 - within / ((X - X.mean(axis=0)) ** 2).sum(axis=0)
    np.testing.assert_allclose(found.between, np.sort(share)[::-1])
    np.testing.assert_array_equal(found.shown, np.argsort(-share))


def test_only_the_most_telling_features_are_kept():
    np.testing.assert_array_equal(summarize(clustering(), most=2).shown, summarize(clustering()).shown[:2])


@pytest.mark.parametrize("value", [0.0, 7.25, 1e9])
def test_a_constant_feature_differs_nowhere_and_comes_last(value):
    points = np.column_stack([np.full(100, value), X])
    found = summarize(clustering(points))
    assert found.shown[-1] == 0
    assert found.between[-1] == 0
    assert not found.difference[:, -1].any()


def test_float32_sums_are_double():
    points = np.float32(1e4) + RNG.random((100, 1), dtype=np.float32)
    found = summarize(clustering(points))
    np.testing.assert_allclose(found.overall_std, points.astype(np.float64).std(axis=0), rtol=1e-9)


def test_summaries_are_in_the_units_of_the_original():
    scaled = clustering(StandardScaler().fit_transform(X), original=X)
    np.testing.assert_allclose(summarize(scaled).mean, summarize(clustering()).mean)


@pytest.mark.parametrize("scaler", [None, StandardScaler(), MinMaxScaler(), RobustScaler()])
def test_two_features_are_shown_as_they_are_with_centers_in_their_units(scaler):
    points = X[:, :2] * [1, 1000] + [0, 5e5]
    seen = points if scaler is None else scaler.fit_transform(points)
    centers = np.array([seen[k == LABELS].mean(axis=0) for k in range(3)])
    found = project(
        clustering(
            seen,
            original=None if scaler is None else points,
            centers=centers,
            feature_names=["width", "price"],
        )
    )
    np.testing.assert_array_equal(found.points, points)
    expected = centers if scaler is None else scaler.inverse_transform(centers)
    np.testing.assert_allclose(found.centers, expected, rtol=1e-9)
    assert found.axes == ("width", "price")
    assert found.note == "The two features."


def test_more_features_are_projected_on_principal_components_and_the_share_is_stated():
    centers = np.array([X[k == LABELS].mean(axis=0) for k in range(3)])
    found = project(clustering(centers=centers))
    pca = PCA(2).fit(X)
    np.testing.assert_allclose(np.abs(found.points), np.abs(pca.transform(X)), atol=1e-9)
    np.testing.assert_allclose(np.abs(found.centers), np.abs(pca.transform(centers)), atol=1e-9)
    one, two = pca.explained_variance_ratio_
    assert found.axes == (f"component 1 ({one:.1%} of variance)", f"component 2 ({two:.1%} of variance)")
    assert f"hold {one + two:.1%} of the variance" in found.note


def test_components_of_large_data_come_from_a_sample_and_it_is_stated(monkeypatch):
    monkeypatch.setattr(module, "MAX_PCA_VALUES", 1)  # the least the sample can be is 2000 rows
    points = RNG.normal(size=(5000, 3)) * [5, 2, 0.1]
    found = project(clustering(points, np.zeros(5000, dtype=int)))
    assert "principal components (of a random sample of 2,000 rows)" in found.note
    assert np.abs(np.corrcoef(found.points[:, 0], points[:, 0])[0, 1]) > 0.999


def test_a_huge_offset_does_not_spoil_the_components():
    shares = [project(clustering(X + offset)).axes for offset in (0, 1e8)]
    assert shares[0] == shares[1]


def test_under_the_cosine_metric_rows_are_shown_with_unit_length():
    points = X[:, :2]
    result = clustering(points, metric="cosine")
    np.testing.assert_allclose(np.linalg.norm(result.space, axis=1), 1)
    found = project(result)
    assert found.axes[0].startswith("component 1")
    assert "principal components of the rows scaled to unit length, which hold" in found.note


def test_many_points_are_sampled_and_it_is_stated():
    points, labels = RNG.normal(size=(3000, 2)), np.repeat([0, 1], [2990, 10])
    found = project(clustering(points, labels), most=1000)
    assert found.rows.size == len(found.points) == 997 + 10
    assert (labels[found.rows] == 1).sum() == 10
    np.testing.assert_array_equal(found.points, points[found.rows])
    assert "1,007 of 3,000 rows are drawn, a random share of each cluster (at least 30)." in found.note


def test_one_feature_is_spread_at_random_and_it_is_stated():
    found = project(clustering(X[:, :1], centers=np.array([[1.0], [2.0], [3.0]]), feature_names=["age"]))
    np.testing.assert_array_equal(found.points[:, 0], X[:, 0])
    assert found.centers.tolist() == [[1, 0], [2, 0], [3, 0]]
    assert found.axes == ("age", "")
    assert "Height is random" in found.note


@pytest.mark.parametrize("points", [np.ones((1, 3)), np.full((5, 3), 2.0)])
def test_one_row_or_equal_rows_still_have_a_picture(points):
    found = project(clustering(points, np.zeros(len(points), dtype=int)))
    np.testing.assert_array_equal(found.points, np.zeros((len(points), 2)))
