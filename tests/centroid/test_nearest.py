"""Labels are the nearest centres in exact arithmetic, whatever the scale and however far some samples are."""

from fractions import Fraction

import numpy as np
import pytest
from helpers import both_dtypes

import shoal
from shoal import _core

ALGORITHMS = ("lloyd", "hamerly", "yinyang", "elkan")


def nearest(X, centers):
    """By rational numbers: no rounding, the first of equals."""
    rows = [[Fraction(float(v)) for v in row] for row in X]
    centers = [[Fraction(float(v)) for v in row] for row in centers]
    return [
        min(
            range(len(centers)), key=lambda j: sum((a - b) ** 2 for a, b in zip(row, centers[j], strict=True))
        )
        for row in rows
    ]


def groups(rng, n, d, places, spread=1.0):
    return np.asarray(places)[rng.integers(0, len(places), n)][:, None] + spread * rng.normal(size=(n, d))


KINDS = {
    "ordinary": lambda rng, d: groups(rng, 120, d, [0, 4, 9]),
    "one far outlier": lambda rng, d: np.concatenate([groups(rng, 119, d, [0, 6]), np.full((1, d), 1e5)]),
    "outliers on both sides": lambda rng, d: np.concatenate(
        [groups(rng, 116, d, [0, 6]), np.array([[-3e7], [2e9], [5e4], [-8e5]]) * np.ones(d)]
    ),
    "two far pairs of groups": lambda rng, d: groups(rng, 120, d, [0, 6, 1e5, 1e5 + 6]),
    "groups at many scales": lambda rng, d: groups(rng, 120, d, [0, 1, 1e2, 1e4, 1e6], spread=0.1),
    "far from zero": lambda rng, d: groups(rng, 120, d, [1e6, 1e6 + 40]),
    "lattice": lambda rng, d: rng.integers(0, 4, size=(120, d)).astype(float),
    "lattice and outlier": lambda rng, d: np.concatenate(
        [rng.integers(0, 4, size=(119, d)).astype(float), np.full((1, d), 2.0**22)]
    ),
    "near duplicates": lambda rng, d: groups(rng, 120, d, [1.0, 1.0 + 1e-6, 3.0], spread=1e-8),
}


@both_dtypes
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n_features", "n_clusters"), [(1, 5), (3, 4), (40, 6), (70, 9)])
def test_labels_are_the_nearest_centers_in_exact_arithmetic(rng, kind, n_features, n_clusters, dtype):
    X = KINDS[kind](rng, n_features).astype(dtype)
    centers = expected = None
    for algorithm in ALGORITHMS:
        model = shoal.KMeans(n_clusters, algorithm=algorithm, random_state=0, max_iter=20).fit(X)
        if centers is None:
            centers, expected = model.cluster_centers_, nearest(X, model.cluster_centers_)
        np.testing.assert_array_equal(model.cluster_centers_, centers)
        np.testing.assert_array_equal(model.labels_, expected, err_msg=algorithm)
        np.testing.assert_array_equal(model.predict(X), expected)
        np.testing.assert_array_equal([model.predict(row[None])[0] for row in X[::17]], expected[::17])


@both_dtypes
@pytest.mark.parametrize("level", _core.isa_available())
@pytest.mark.parametrize("kind", ["one far outlier", "groups at many scales", "lattice and outlier"])
def test_labels_are_the_nearest_centers_at_every_level(rng, kind, level, dtype):
    before = _core.isa()
    try:
        _core.set_isa(level)
        for n_features in (2, 19):
            X = KINDS[kind](rng, n_features).astype(dtype)
            centers = X[rng.choice(len(X), 7, replace=False)]
            np.testing.assert_array_equal(_core.kmeans_assign(X, centers), nearest(X, centers))
    finally:
        _core.set_isa(before)


@both_dtypes
@pytest.mark.parametrize("far", [1e4, 3e4, 1e5, 1e7, 1e12])
def test_a_far_outlier_changes_no_other_label(rng, far, dtype):
    """Its centre is far away, too; scikit-learn's labels are the reference where it has the same centres."""
    near = groups(rng, 400, 2, [0, 6]).astype(dtype)
    X = np.concatenate([near, np.full((1, 2), far, dtype)])
    start = np.array([[0, 0], [6, 6], [far, far]], dtype)
    for algorithm in ALGORITHMS:
        alone = shoal.KMeans(2, init=start[:2], algorithm=algorithm).fit(near)
        model = shoal.KMeans(3, init=start, algorithm=algorithm).fit(X)
        np.testing.assert_array_equal(model.labels_, [*alone.labels_, 2])
        np.testing.assert_allclose(model.cluster_centers_[:2], alone.cluster_centers_, atol=1e-4)
