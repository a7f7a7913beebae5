"""Data whose squared distances overflow are refused in words, wherever distances are measured."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

import shoal
from shoal import metrics
from shoal.base.checks import check_finite, spread_fits

X = np.concatenate([np.random.default_rng(0).normal(size=(12, 3)) + 9 * i for i in range(3)])
LABELS = np.repeat([0, 1, 2], 12)

MEASURES = {
    "DBSCAN": lambda X: shoal.DBSCAN(4e160, min_samples=3).fit(X),
    "OPTICS": lambda X: shoal.OPTICS().fit(X),
    "optics": lambda X: shoal.optics(X),
    "HDBSCAN": lambda X: shoal.HDBSCAN().fit(X),
    "k_distances": lambda X: shoal.k_distances(X, 3),
    "nearest_neighbors": lambda X: shoal.nearest_neighbors(X, 2),
    "silhouette_score": lambda X: metrics.silhouette_score(X, LABELS),
    "silhouette_samples": lambda X: metrics.silhouette_samples(X, LABELS),
    "calinski_harabasz_score": lambda X: metrics.calinski_harabasz_score(X, LABELS),
    "davies_bouldin_score": lambda X: metrics.davies_bouldin_score(X, LABELS),
    "dbcv_score": lambda X: metrics.dbcv_score(X, LABELS),
    "linkage": shoal.linkage,
    "KMeans": lambda X: shoal.KMeans(3).fit(X),
}


@pytest.mark.parametrize("name", MEASURES)
def test_what_overflows_is_refused(name):
    MEASURES[name](X)
    with pytest.raises(ValueError, match=r"(?i)spreads? too wide|overflow"):
        MEASURES[name](X * 1e160)


def test_float32_has_less_room():
    wide = (X * 1e18).astype(np.float32)
    with pytest.raises(
        ValueError,
        match="X spreads too wide for float32: squared distances overflow; scale X or pass float64",
    ):
        shoal.nearest_neighbors(wide, 2)
    assert shoal.nearest_neighbors(wide.astype(np.float64), 2).distances.max() < 1e20
    far = np.array([[0.0], [100.0]], dtype=np.float32)
    with pytest.raises(ValueError, match="20-th powers of distances overflow"):
        shoal.nearest_neighbors(far, 2, metric="minkowski", p=20)


@pytest.mark.parametrize("metric", ["manhattan", "chebyshev"])
def test_sums_of_differences_overflow_too(metric):
    """HDBSCAN goes over to doubles, OPTICS measures in them; where these have no room either it is said."""
    wide = (X / np.abs(X).max() * 3.3e38).astype(np.float32)
    with pytest.raises(ValueError, match=f"X spreads too wide for float32: {metric} distances overflow"):
        shoal.nearest_neighbors(wide, 2, metric=metric)
    with pytest.raises(
        ValueError, match=f"queries spreads too wide for float32: {metric} distances overflow"
    ):
        shoal.nearest_neighbors(wide[:5] * 1e-9, 2, queries=wide, metric=metric)
    for model in (shoal.HDBSCAN(metric=metric), shoal.OPTICS(metric=metric, xi=0.3)):
        assert metrics.adjusted_rand_score(model.fit_predict(wide), LABELS) == 1
        with pytest.raises(ValueError, match=f"X spreads too wide for float64: {metric} distances overflow"):
            model.fit(X / np.abs(X).max() * 1.7e308)


def test_a_far_sample_is_out_of_reach_of_a_radius_that_does_not_overflow():
    far = np.concatenate([X, [[1e200, 0, 0]]])
    labels = shoal.DBSCAN(4, min_samples=3).fit(far).labels_
    assert labels[-1] == -1
    np.testing.assert_array_equal(labels[:-1], shoal.DBSCAN(4, min_samples=3).fit(X).labels_)


@pytest.mark.parametrize("scale", [1.0, 1e150, 1e160])
@pytest.mark.parametrize("sparse", [False, True])
def test_extremes_that_are_known_say_the_same(scale, sparse):
    data = csr_matrix(X * scale + 1) if sparse else X * scale
    assert spread_fits(data, extremes=check_finite(data)) == spread_fits(data) == (scale < 1e160)
    assert not spread_fits(data, extremes=check_finite(data), others=(np.full(3, 1e160),))
