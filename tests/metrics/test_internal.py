"""Internal scores against their definitions, scikit-learn, and what must hold for any clustering."""

from __future__ import annotations

import inspect

import hard_data as hard_data_sets
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn.metrics
from helpers import interrupt_after
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles import internal as oracle

import shoal
from shoal import _core, metrics

METRICS = ("euclidean", "sqeuclidean", "cosine", "manhattan", "chebyshev")
SCORES = [
    metrics.silhouette_score,
    metrics.simplified_silhouette_score,
    metrics.calinski_harabasz_score,
    metrics.davies_bouldin_score,
]


def clustered(rng, n, d, k, spread=0.5):
    """n samples around k centres, each cluster present."""
    labels = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    return rng.normal(size=(k, d))[labels] + spread * rng.normal(size=(n, d)), labels


@st.composite
def clusterings(draw, min_samples=4):
    """Samples on a small lattice, hence with duplicates and ties, and labels with at least two clusters."""
    n = draw(st.integers(min_samples, 24))
    d = draw(st.integers(1, 5))
    X = draw(hnp.arrays(np.float64, (n, d), elements=st.integers(-4, 4).map(float)))
    labels = draw(hnp.arrays(np.int64, n, elements=st.integers(-1, 4)))
    labels[:3] = [0, 0, 1]
    return X, labels


# --- against the definitions -------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=60)
@given(data=clusterings())
def test_silhouettes_are_those_of_the_definition(metric, data):
    X, labels = data
    expected = oracle.silhouette(oracle.distances(X, X, metric), labels)
    np.testing.assert_allclose(metrics.silhouette_samples(X, labels, metric=metric), expected, atol=1e-12)
    score = metrics.silhouette_score(X, labels, metric=metric)
    assert score == pytest.approx(float(expected.mean()), abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("n", "d", "k"),
    [
        (150, 3, 4),  # symmetric: several pieces to a cluster
        (120, 20, 2),
        (90, 1, 30),  # one-sided: clusters smaller than a panel
        (70, 2, 69),
        (64, 17, 5),
    ],
)
def test_silhouettes_of_every_shape_are_those_of_the_definition(rng, metric, n, d, k):
    X, labels = clustered(rng, n, d, k)
    expected = oracle.silhouette(oracle.distances(X, X, metric), labels)
    np.testing.assert_allclose(metrics.silhouette_samples(X, labels, metric=metric), expected, atol=1e-12)
    single = metrics.silhouette_samples(X.astype(np.float32), labels, metric=metric)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, atol=5e-6)


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("n", "k"), [(97, 2), (96, 3), (50, 20), (33, 32)])
def test_silhouettes_in_many_pieces_are_those_of_the_definition(rng, metric, n, k):
    X, labels = clustered(rng, n, 3, k)
    weight = rng.integers(1, 4, n) / 2
    for w in (None, weight):
        expected = oracle.silhouette(oracle.distances(X, X, metric), labels, w)
        got = metrics.silhouette_samples(X, labels, metric=metric, sample_weight=w)
        np.testing.assert_allclose(got, expected, atol=1e-12)


@pytest.mark.usefixtures("short_blocks")
def test_one_cluster_may_be_most_of_the_data(rng):
    X = rng.normal(size=(120, 2))
    for position in (0, 60, 119):
        labels = np.where(np.abs(np.arange(120) - position) < 3, "few", "many")
        expected = oracle.silhouette(oracle.distances(X, X, "euclidean"), labels)
        np.testing.assert_allclose(metrics.silhouette_samples(X, labels), expected, atol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=60)
@given(data=clusterings())
def test_simplified_silhouettes_are_those_of_the_definition(metric, data):
    X, labels = data
    names, index = np.unique(labels, return_inverse=True)
    centers = oracle.centroids(X, labels, metric=metric)
    if metric == "cosine":
        centers[np.sqrt((centers**2).sum(axis=1)) < 1e-14] = 0  # directions that cancel
    expected = oracle.simplified_silhouette(X, index, centers, metric)
    got = metrics.simplified_silhouette_samples(X, labels, metric=metric)
    np.testing.assert_allclose(got, expected, atol=1e-12)
    given_centers = metrics.simplified_silhouette_samples(
        X, index, metric=metric, centers=centers.astype(float)
    )
    np.testing.assert_allclose(given_centers, expected, atol=1e-12)
    score = metrics.simplified_silhouette_score(X, names[index], metric=metric)
    assert score == pytest.approx(float(expected.mean()), abs=1e-12)


@settings(max_examples=60)
@given(data=clusterings())
def test_dispersion_scores_are_those_of_the_definition(data):
    X, labels = data
    expected = oracle.calinski_harabasz(X, labels)
    assert metrics.calinski_harabasz_score(X, labels) == pytest.approx(expected, rel=1e-11, abs=1e-11)
    expected = oracle.davies_bouldin(X, labels)
    assert metrics.davies_bouldin_score(X, labels) == pytest.approx(expected, rel=1e-11, abs=1e-11)


def test_worked_by_hand():
    X, labels = [[0.0], [1.0], [10.0], [12.0]], [0, 0, 1, 1]
    silhouettes = metrics.silhouette_samples(X, labels)
    np.testing.assert_allclose(silhouettes, [10 / 11, 9 / 10, 7.5 / 9.5, 9.5 / 11.5])
    simplified = metrics.simplified_silhouette_samples(X, labels)
    np.testing.assert_allclose(simplified, [10.5 / 11, 9.5 / 10, 8.5 / 9.5, 10.5 / 11.5])
    # centroids 0.5 and 11, mean 5.75: between 4 * 5.25^2, within 2 * 0.25 + 2 * 1
    assert metrics.calinski_harabasz_score(X, labels) == pytest.approx(4 * 5.25**2 / (2.5 / 2))
    assert metrics.davies_bouldin_score(X, labels) == pytest.approx((0.5 + 1) / 10.5)


# --- against scikit-learn ----------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
def test_silhouettes_are_scikit_learns(rng, metric):
    X, labels = clustered(rng, 700, 6, 9)
    expected = sklearn.metrics.silhouette_samples(X, labels, metric=metric)
    np.testing.assert_allclose(metrics.silhouette_samples(X, labels, metric=metric), expected, atol=1e-10)
    expected = sklearn.metrics.silhouette_score(X, labels, metric=metric, sample_size=300, random_state=7)
    got = metrics.silhouette_score(X, labels, metric=metric, sample_size=300, random_state=7)
    assert got == pytest.approx(expected, abs=1e-10)


def test_precomputed_silhouettes_are_scikit_learns(rng):
    X, labels = clustered(rng, 203, 4, 5)
    D = sklearn.metrics.pairwise_distances(X, metric="cityblock") * rng.random((203, 203))  # not symmetric
    for kind in (D, D.astype(np.float32), (100 * D).astype(int)):
        expected = sklearn.metrics.silhouette_samples(kind, labels, metric="precomputed")
        got = metrics.silhouette_samples(kind, labels, metric="precomputed")
        np.testing.assert_allclose(got, expected, atol=1e-10 if kind.dtype != np.float32 else 1e-6)
    options = {"metric": "precomputed", "sample_size": 50, "random_state": 3}
    expected = sklearn.metrics.silhouette_score(D, labels, **options)
    assert metrics.silhouette_score(D, labels, **options) == pytest.approx(expected, abs=1e-10)


def test_dispersion_scores_are_scikit_learns(rng):
    for n, d, k in ((500, 1, 3), (700, 6, 9), (300, 40, 2)):
        X, labels = clustered(rng, n, d, k)
        for score in (metrics.calinski_harabasz_score, metrics.davies_bouldin_score):
            expected = getattr(sklearn.metrics, score.__name__)(X, labels)
            assert score(X, labels) == pytest.approx(expected, rel=1e-10)
            assert score(X.astype(np.float32), labels) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("far", [1e5, 1e9, 1e14, 1e18])
def test_a_far_cluster_does_not_hide_the_others(dtype, far):
    near = [[0.0], [1.0], [3.0], [4.0]]
    for last in ([[far], [far + 1]], [[far], [3 * far]]):  # a tight cluster, and one as wide as it is far
        X, labels = np.array([*near, *last], dtype=dtype), [0, 0, 1, 1, 2, 2]
        # where the far samples are large, scikit-learn's |x|^2 - 2xy + |y|^2 keeps no digit of their spread
        expected = sklearn.metrics.davies_bouldin_score(X.astype(np.float64), labels)
        assert metrics.davies_bouldin_score(X, labels) == pytest.approx(
            expected, rel=1e-5 if far < 1e9 else 1e-7
        )
        expected = oracle.davies_bouldin(X, labels)
        assert metrics.davies_bouldin_score(X, labels) == pytest.approx(expected, rel=1e-12)
        assert metrics.davies_bouldin_score(X[::-1], labels[::-1]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_clusters_leave_davies_bouldin_as_scikit_learns(rng, dtype):
    X, labels = clustered(rng, 300, 4, 6)
    X[labels == 5] += 1e10
    X[labels == 4] *= 1e12
    X = X.astype(dtype)
    expected = sklearn.metrics.davies_bouldin_score(X.astype(np.float64), labels)
    assert metrics.davies_bouldin_score(X, labels) == pytest.approx(expected, rel=1e-10)


def test_centroids_in_one_place_are_not_compared_beside_a_far_one():
    X = np.array([[-1.0], [1.0], [-2.0], [2.0], [1e9], [1e9 + 1]])
    labels = [0, 0, 1, 1, 2, 2]
    assert metrics.davies_bouldin_score(X, labels) == pytest.approx((1.5 + 2.5 + 2.5) / 1e9 / 3, rel=1e-8)
    tenths = X[:4] / 10  # 0.1 is no double: centroids differ by rounding
    assert metrics.davies_bouldin_score(tenths, labels[:4]) == 0.0


def test_centroids_that_nearly_coincide_score_badly():
    X, labels = np.array([[-1.0], [1.0], [-2.0], [2.0 + 2**-30]]), [0, 0, 1, 1]
    assert metrics.davies_bouldin_score(X, labels) == pytest.approx(3 * 2**31, rel=1e-6)


DEGENERATE = {
    "all equal": (np.ones((6, 2)), [0, 0, 0, 1, 1, 1]),
    "duplicates in clusters": (np.repeat([[0.0], [3.0]], 3, axis=0), [0, 0, 0, 1, 1, 1]),
    "same centroids": ([[-1.0], [1.0], [-2.0], [2.0]], [0, 0, 1, 1]),
    "singletons and a pair": ([[0.0], [1.0], [5.0], [9.0]], [0, 0, 1, 2]),
    "one feature": ([[0.0], [0.5], [0.25], [4.0]], [0, 0, 0, 1]),
    "rows of zeros": ([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 2.0], [1.0, 1.0]], [0, 0, 1, 1, 1]),
}


@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_values_are_scikit_learns(case):
    X, labels = map(np.asarray, DEGENERATE[case])
    for metric in METRICS:
        expected = sklearn.metrics.silhouette_samples(X, labels, metric=metric)
        np.testing.assert_allclose(metrics.silhouette_samples(X, labels, metric=metric), expected, atol=1e-10)
    for score in (metrics.calinski_harabasz_score, metrics.davies_bouldin_score):
        assert score(X, labels) == pytest.approx(
            getattr(sklearn.metrics, score.__name__)(X, labels), abs=1e-10
        )


@pytest.mark.parametrize("score", SCORES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 1, 2, 3]])
def test_too_few_or_too_many_labels_are_refused(score, labels):
    X = [[0.0], [1.0], [2.0], [3.0]]
    reference = getattr(sklearn.metrics, score.__name__, sklearn.metrics.silhouette_score)
    with pytest.raises(ValueError, match="Number of labels"):
        reference(X, labels)
    with pytest.raises(
        ValueError, match=f"labels must hold 2 to n_samples - 1 = 3 .* got {len(set(labels))}"
    ):
        score(X, labels)


@pytest.mark.parametrize(
    "name", ["silhouette_score", "silhouette_samples", "calinski_harabasz_score", "davies_bouldin_score"]
)
def test_signatures_begin_as_scikit_learns(name):
    ours = list(inspect.signature(getattr(metrics, name)).parameters.values())
    theirs = [
        p
        for p in inspect.signature(getattr(sklearn.metrics, name)).parameters.values()
        if p.kind is not p.VAR_KEYWORD
    ]
    assert [(p.name, p.kind, p.default) for p in ours[: len(theirs)]] == [
        (p.name, p.kind, p.default) for p in theirs
    ]
    assert all(p.kind is p.KEYWORD_ONLY for p in ours[len(theirs) :])


# --- two ways, one answer ----------------------------------------------------------------------------------


def test_symmetric_and_one_sided_sums_agree(rng):
    X, labels = clustered(rng, 400, 5, 120)  # small clusters: one-sided by default
    one_sided = metrics.silhouette_samples(X, labels)
    _core.force_block_length(4)  # always symmetric
    try:
        symmetric = metrics.silhouette_samples(X, labels)
    finally:
        _core.force_block_length(0)
    np.testing.assert_allclose(one_sided, symmetric, atol=1e-13)


@pytest.mark.parametrize(
    ("metric", "offset", "atol"),
    # the oracle's own 1 - cos has an error of 1e-19 next to distances of 1e-12
    [("sqeuclidean", 0.0, 1e-10), ("sqeuclidean", 1e3, 1e-10), ("cosine", 0.0, 1e-10), ("cosine", 1.0, 1e-6)],
)
def test_closed_forms_do_not_cancel(rng, metric, offset, atol):
    # far from the origin, |x|^2 - 2 x.y + |y|^2 and 1 - x.y keep no digit of these distances
    X, labels = clustered(rng, 60, 3, 4, spread=1e-3)
    X = 1e-3 * X + offset
    expected = oracle.silhouette(oracle.distances(X, X, metric), labels)
    got = metrics.silhouette_samples(X, labels, metric=metric)
    np.testing.assert_allclose(got, expected, atol=atol)


def test_large_offsets_cost_only_the_digits_the_data_lost(rng):
    X, labels = clustered(rng, 300, 4, 5)
    moved = (X + 2.0**27) - 2.0**27  # what is left of the data at an offset of 1.3e8
    for score in SCORES:
        assert score(moved + 2.0**27, labels) == pytest.approx(score(moved, labels), rel=1e-9)


def test_precomputed_is_the_metric_it_holds(rng):
    X, labels = clustered(rng, 90, 3, 4)
    for metric in METRICS:
        D = np.array(oracle.distances(X, X, metric), dtype=float)
        np.fill_diagonal(D, 0)
        np.testing.assert_allclose(
            metrics.silhouette_samples(D, labels, metric="precomputed"),
            metrics.silhouette_samples(X, labels, metric=metric),
            atol=1e-12,
        )


@pytest.mark.parametrize(
    ("alias", "metric"), [("l2", "euclidean"), ("l1", "manhattan"), ("cityblock", "manhattan")]
)
def test_aliases_are_the_same_metric(rng, alias, metric):
    X, labels = clustered(rng, 50, 3, 4)
    for score in (metrics.silhouette_score, metrics.simplified_silhouette_score):
        assert score(X, labels, metric=alias) == score(X, labels, metric=metric)


# --- what must hold for any clustering ---------------------------------------------------------------------


@settings(max_examples=60)
@given(data=clusterings(), random=st.randoms(use_true_random=False))
def test_order_and_names_do_not_matter(data, random):
    X, labels = data
    order = np.array(random.sample(range(len(X)), len(X)))
    renamed = np.array(["zebra", "ant", "cat", "dog", "bee", "eel"])[labels + 1]
    for score in SCORES:
        expected = score(X, labels)
        assert score(X[order], labels[order]) == pytest.approx(expected, rel=1e-9, abs=1e-9)
        assert score(X, renamed) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=60)
@given(data=clusterings())
def test_scores_stay_in_their_ranges(data):
    X, labels = data
    for metric in METRICS:
        for samples in (metrics.silhouette_samples, metrics.simplified_silhouette_samples):
            s = samples(X, labels, metric=metric)
            assert s.shape == (len(X),)
            assert (np.abs(s) <= 1).all()
    assert metrics.calinski_harabasz_score(X, labels) >= 0
    assert metrics.davies_bouldin_score(X, labels) >= 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scaling_by_a_power_of_two_changes_no_bit(rng, dtype):
    X, labels = clustered(rng, 200, 5, 6)
    X = X.astype(dtype)
    for scale in (4.0, 2.0**-30):
        scaled = X * dtype(scale)
        for metric in METRICS:
            for score in (metrics.silhouette_score, metrics.simplified_silhouette_score):
                assert score(scaled, labels, metric=metric) == score(X, labels, metric=metric)
        assert metrics.calinski_harabasz_score(scaled, labels) == metrics.calinski_harabasz_score(X, labels)
        assert metrics.davies_bouldin_score(scaled, labels) == metrics.davies_bouldin_score(X, labels)


def test_cosine_does_not_see_the_lengths_of_rows(rng):
    X, labels = clustered(rng, 120, 4, 3)
    longer = X * rng.uniform(0.1, 10, size=(120, 1))
    for score in (metrics.silhouette_score, metrics.simplified_silhouette_score):
        assert score(longer, labels, metric="cosine") == pytest.approx(
            score(X, labels, metric="cosine"), abs=1e-12
        )


@settings(max_examples=40)
@given(data=clusterings())
def test_a_sample_at_its_nearest_centre_is_never_negative(data):
    X, _ = data
    centers = np.unique(X, axis=0)[:4]
    if len(centers) < 2:
        return
    nearest = ((X[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
    assert (metrics.simplified_silhouette_samples(X, nearest, centers=centers) >= 0).all()


def test_better_clusterings_score_better(rng):
    X, labels = clustered(rng, 400, 3, 4, spread=0.05)
    shuffled = rng.permutation(labels)
    for score in SCORES:
        sign = -1 if score is metrics.davies_bouldin_score else 1
        assert sign * score(X, labels) > sign * score(X, shuffled)


# --- weights -----------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(data=clusterings(), random=st.randoms(use_true_random=False))
def test_an_integer_weight_is_that_many_copies(data, random):
    X, labels = data
    weight = np.array([random.randint(0, 3) for _ in labels])
    weight[:3] = [1, 2, 1]
    copies, copied = np.repeat(X, weight, axis=0), np.repeat(labels, weight)
    part = weight > 0
    for metric in METRICS:
        for samples in (metrics.silhouette_samples, metrics.simplified_silhouette_samples):
            got = samples(X, labels, metric=metric, sample_weight=weight)
            expected = samples(copies, copied, metric=metric)
            np.testing.assert_allclose(np.repeat(got, weight), expected, atol=1e-9)
            assert np.isnan(got[~part]).all()
    for score in SCORES:
        expected = score(copies, copied)
        assert score(X, labels, sample_weight=weight) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    D = sklearn.metrics.pairwise_distances(X, metric="manhattan")
    np.testing.assert_allclose(
        metrics.silhouette_samples(D, labels, metric="precomputed", sample_weight=weight),
        metrics.silhouette_samples(X, labels, metric="manhattan", sample_weight=weight),
        atol=1e-12,
    )


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [3, 40])
def test_fractional_weights_are_those_of_the_definition(rng, metric, k):
    X, labels = clustered(rng, 100, 3, k)
    weight = rng.uniform(0.2, 3.0, 100)
    expected = oracle.silhouette(oracle.distances(X, X, metric), labels, weight)
    got = metrics.silhouette_samples(X, labels, metric=metric, sample_weight=weight)
    np.testing.assert_allclose(got, expected, atol=1e-11)
    score = metrics.silhouette_score(X, labels, metric=metric, sample_weight=weight)
    assert score == pytest.approx(float(np.average(expected, weights=weight)), abs=1e-11)
    centers = oracle.centroids(X, labels, weight, metric)
    expected = oracle.simplified_silhouette(X, labels, centers, metric, weight)
    got = metrics.simplified_silhouette_samples(X, labels, metric=metric, sample_weight=weight)
    np.testing.assert_allclose(got, expected, atol=1e-11)
    if metric == "euclidean":
        for score, reference in (
            (metrics.calinski_harabasz_score, oracle.calinski_harabasz),
            (metrics.davies_bouldin_score, oracle.davies_bouldin),
        ):
            assert score(X, labels, sample_weight=weight) == pytest.approx(
                reference(X, labels, weight), rel=1e-10
            )


def test_unit_weights_are_no_weights(rng):
    X, labels = clustered(rng, 300, 4, 5)
    for score in SCORES:
        assert score(X, labels, sample_weight=np.ones(300)) == pytest.approx(score(X, labels), rel=1e-14)


def test_every_sample_alone_is_a_clustering_when_one_is_there_twice():
    X, labels = [[0.0], [1.0], [5.0]], [0, 1, 2]
    s = metrics.silhouette_samples(X, labels, sample_weight=[2, 1, 1])
    np.testing.assert_array_equal(s, [1.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="labels must hold 2 to"):
        metrics.silhouette_samples(X, labels, sample_weight=[0.5, 1, 1])


# --- noise -------------------------------------------------------------------------------------------------


def test_ignored_noise_is_dropped(rng):
    X, labels = clustered(rng, 200, 4, 5)
    labels = labels - 1
    keep = labels != -1
    for metric in METRICS:
        for samples in (metrics.silhouette_samples, metrics.simplified_silhouette_samples):
            got = samples(X, labels, metric=metric, noise="ignore")
            assert np.isnan(got[~keep]).all()
            np.testing.assert_allclose(got[keep], samples(X[keep], labels[keep], metric=metric), atol=1e-12)
    for score in SCORES:
        assert score(X, labels, noise="ignore") == pytest.approx(score(X[keep], labels[keep]), rel=1e-12)
        assert score(X, labels, noise="cluster") == score(X, labels + 1)
        with pytest.raises(ValueError, match=r"labels must not contain the noise label -1 .*; got"):
            score(X, labels, noise="error")
    D = sklearn.metrics.pairwise_distances(X)
    got = metrics.silhouette_samples(D, labels, metric="precomputed", noise="ignore")
    np.testing.assert_allclose(got[keep], metrics.silhouette_samples(X[keep], labels[keep]), atol=1e-12)
    assert np.isnan(got[~keep]).all()
    subset = metrics.silhouette_score(X, labels, noise="ignore", sample_size=60, random_state=1)
    assert subset == metrics.silhouette_score(X[keep], labels[keep], sample_size=60, random_state=1)


# --- centres -----------------------------------------------------------------------------------------------


def test_a_centre_without_samples_still_counts():
    X, labels = [[0.0], [1.0], [10.0]], [0, 0, 2]
    centers = [[0.5], [2.0], [10.0]]
    got = metrics.simplified_silhouette_samples(X, labels, centers=centers)
    np.testing.assert_allclose(got, [(2 - 0.5) / 2, (1 - 0.5) / 1, 0.0])


def test_directions_that_cancel_make_no_centre():
    X = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, 2.0]]
    got = metrics.simplified_silhouette_samples(X, [0, 0, 1, 1], metric="cosine")
    np.testing.assert_allclose(got, [0.0, 0.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("labels", "centers", "message"),
    [
        (
            [0, 1, 2],
            [[0.0], [1.0]],
            r"labels must be rows of centers, in \[0, n_centers=2\); got 2 at index 2",
        ),
        ([0, 1, -1], [[0.0], [1.0]], r"labels must be rows of centers, .*; got -1 at index 2"),
        (["a", "b", "a"], [[0.0], [1.0]], r"labels must be rows of centers, .*; got 'a' at index 0"),
        ([0, 1, 1], [[0.0, 1.0], [1.0, 2.0]], r"centers must have shape .* n_features=1\); got \(2, 2\)"),
        ([0, 0, 0], [[0.0]], r"centers must have shape \(2 or more, n_features=1\); got \(1, 1\)"),
        ([0, 1, 1], [[0.0], [np.nan]], "Input centers contains NaN at row 1, column 0"),
    ],
)
def test_centres_that_do_not_fit_are_refused(labels, centers, message):
    with pytest.raises(ValueError, match=message):
        metrics.simplified_silhouette_score([[0.0], [1.0], [2.0]], labels, centers=centers)


def test_noise_alone_has_no_score():
    message = r"^labels must leave at least 1 sample with noise='ignore'; got noise .* in all n_samples=3$"
    X, noise = [[0.0], [1.0], [5.0]], [-1, -1, -1]
    for score in (*SCORES, metrics.silhouette_samples, metrics.simplified_silhouette_samples):
        with pytest.raises(ValueError, match=message):
            score(X, noise, noise="ignore")
        with pytest.raises(ValueError, match=message):
            score(X, [-1, -1, 0], noise="ignore", sample_weight=[1, 1, 0])
    with pytest.raises(ValueError, match=message):
        metrics.simplified_silhouette_score(X, noise, centers=[[0.0], [1.0]], noise="ignore")


# --- hard data ---------------------------------------------------------------------------------------------


def test_hard_data_score_as_defined(hard_data):
    X = np.concatenate([hard_data, hard_data])  # no sample is alone in its cluster
    labels = np.arange(len(X)) % len(hard_data) % 3
    if len(set(labels)) < 2:
        labels[len(hard_data) :] = 1
        X = np.concatenate([X, X])
        labels = np.concatenate([labels, labels])
    tiny = np.abs(X).max() < 1e-150  # its squares vanish: clusters are points in the same place
    for metric in METRICS:
        got = metrics.silhouette_samples(X, labels, metric=metric)
        assert np.isfinite(metrics.simplified_silhouette_samples(X, labels, metric=metric)).all()
        if tiny and "euclidean" in metric:
            assert (got == 0).all()
        else:
            expected = oracle.silhouette(oracle.distances(X, X, metric), labels)
            np.testing.assert_allclose(got, expected, atol=1e-10)
    dispersion = metrics.calinski_harabasz_score(X, labels)
    separation = metrics.davies_bouldin_score(X, labels)
    if tiny:
        assert (dispersion, separation) == (1.0, 0.0)
    else:
        assert dispersion == pytest.approx(oracle.calinski_harabasz(X, labels), rel=1e-9, abs=1e-9)
        assert separation == pytest.approx(oracle.davies_bouldin(X, labels), rel=1e-9, abs=1e-9)


REFUSED = hard_data_sets.refused()


@pytest.mark.parametrize("score", SCORES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", REFUSED)
def test_data_that_are_none_are_refused(score, name):
    X, message = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=message):
        score(X, [0, 0, 0, 0, 1, 1, 1, 1])


# --- input -------------------------------------------------------------------------------------------------


def test_data_of_any_kind_make_the_same_scores(rng):
    X, labels = clustered(rng, 80, 3, 4)
    X = np.round(X * 100)
    wide = np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)
    read_only = X.copy()
    read_only.flags.writeable = False
    kinds = {
        "list": X.tolist(),
        "int": X.astype(int),
        "fortran": np.asfortranarray(X),
        "strided": wide[::2, ::2],
        "read-only": read_only,
        "pandas": pd.DataFrame(X, columns=list("abc")),
        "polars": pl.DataFrame(X, schema=list("abc")),
    }
    for score in SCORES:
        expected = score(X, labels)
        for kind, data in kinds.items():
            assert score(data, labels) == expected, kind
        assert score(X, pd.Series(labels)) == expected
        assert score(X, labels.astype(str)) == pytest.approx(expected, rel=1e-12)
        assert score(X, labels[:, None]) == expected


@pytest.mark.parametrize("score", SCORES, ids=lambda f: f.__name__)
def test_parameters_are_checked(score):
    X, labels = [[0.0], [1.0], [10.0], [12.0]], [0, 0, 1, 1]
    with pytest.raises(ValueError, match="Input X contains NaN at row 1, column 0"):
        score([[0.0], [np.nan], [1.0], [2.0]], labels)
    with pytest.raises(ValueError, match="labels must have n_samples=4 entries; got 3"):
        score(X, [0, 0, 1])
    with pytest.raises(ValueError, match=r"labels must be 1D: shape is \(2, 2\)"):
        score(X, [[0, 1], [0, 1]])
    with pytest.raises(ValueError, match="noise must be one of 'cluster', 'ignore', 'error'; got 'skip'"):
        score(X, labels, noise="skip")
    with pytest.raises(ValueError, match=r"sample_weight must have shape \(n_samples=4,\)"):
        score(X, labels, sample_weight=[1, 2])
    with pytest.raises(ValueError, match=r"sample_weight at index 0: must be >= 0; got -1"):
        score(X, labels, sample_weight=[-1, 2, 1, 1])
    if "silhouette" in score.__name__:
        with pytest.raises(ValueError, match=r"metric must be one of .*; got 'hamming'"):
            score(X, labels, metric="hamming")
    else:
        assert "metric" not in inspect.signature(score).parameters


def test_parameters_of_one_score_are_checked():
    X, labels = [[0.0], [1.0], [10.0], [12.0]], [0, 0, 1, 1]
    with pytest.raises(ValueError, match=r"metric must be one of .*; got 'precomputed'"):
        metrics.simplified_silhouette_score(X, labels, metric="precomputed")
    with pytest.raises(ValueError, match=r"X must be a square matrix .*; got shape \(4, 1\)"):
        metrics.silhouette_score(X, labels, metric="precomputed")
    with pytest.raises(ValueError, match=r"X must have zeros on its diagonal .*; got 0.5 at index 2"):
        metrics.silhouette_score(np.diag([0, 0, 0.5, 0.1]), labels, metric="precomputed")
    with pytest.raises(ValueError, match="sample_size must be in"):
        metrics.silhouette_score(X, labels, sample_size=0)
    with pytest.raises(TypeError, match=r"sample_size must be an integer; got 2.5"):
        metrics.silhouette_score(X, labels, sample_size=2.5)
    with pytest.raises(ValueError, match=r"sample_weight must sum to more than n_labels=2; got 1.0"):
        metrics.calinski_harabasz_score(X, labels, sample_weight=[0.25] * 4)


@pytest.mark.parametrize("kind", [float, np.float32, int])
@pytest.mark.parametrize("score", [metrics.silhouette_score, metrics.silhouette_samples])
def test_negative_distances_are_refused(rng, score, kind):
    X, labels = clustered(rng, 30, 3, 4)
    D = (10 * sklearn.metrics.pairwise_distances(X)).astype(kind)
    D[7, 4] = -2
    with pytest.raises(ValueError, match="Negative values"):
        sklearn.metrics.silhouette_score(D, labels, metric="precomputed")
    with pytest.raises(
        ValueError, match=r"Negative values in X at row 7, column 4: distances must be >= 0 .*; got -2$"
    ):
        score(D, labels, metric="precomputed")


def test_a_generator_draws_the_sample(rng):
    X, labels = clustered(rng, 200, 3, 4)
    first = metrics.silhouette_score(X, labels, sample_size=50, random_state=np.random.default_rng(5))
    again = metrics.silhouette_score(X, labels, sample_size=50, random_state=np.random.default_rng(5))
    assert first == again
    everything = metrics.silhouette_score(X, labels, sample_size=10_000, random_state=0)
    assert everything == pytest.approx(metrics.silhouette_score(X, labels), abs=1e-12)


# --- threads, interrupts, progress -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("forced", [0, 4])
@pytest.mark.parametrize("k", [7, 300])
def test_threads_do_not_change_a_bit(rng, dtype, forced, k):
    X, labels = clustered(rng, 1500, 3, k)
    X = np.round(X * 4).astype(dtype)  # a lattice, full of ties
    weight = rng.random(1500)
    D = sklearn.metrics.pairwise_distances(X[:400], metric="manhattan").astype(dtype)
    _core.force_block_length(forced)
    try:
        runs = []
        for n_threads in (1, 2, 7):
            with shoal.threads(n_threads):
                scores = [score(X, labels, sample_weight=weight) for score in SCORES]
                scores += [metrics.silhouette_score(X, labels, metric=metric) for metric in METRICS]
                scores += [metrics.simplified_silhouette_score(X, labels, metric=m) for m in METRICS]
                scores.append(metrics.silhouette_score(D, labels[:400], metric="precomputed"))
                runs.append(scores)
    finally:
        _core.force_block_length(0)
    assert runs[0] == runs[1] == runs[2]


@pytest.mark.parametrize("k", [5, 30_000])
def test_control_c_stops_a_silhouette(rng, k):
    X = rng.normal(size=(60_000, 16))  # many seconds of work, symmetric or one-sided
    labels = np.arange(60_000) % k
    delay = interrupt_after(0.5, lambda: metrics.silhouette_score(X, labels))
    assert delay < 1.0  # 100 ms on a machine of one's own


def test_progress_reaches_its_end(rng, capsys):
    X, labels = clustered(rng, 500, 3, 5)
    cluster = labels.astype(np.int32)
    D = sklearn.metrics.pairwise_distances(X)
    for run in (
        lambda report: _core.silhouette(X, None, cluster, 5, "euclidean", report),
        lambda report: _core.silhouette(
            X, None, np.arange(500, dtype=np.int32) % 250, 250, "manhattan", report
        ),
        lambda report: _core.silhouette(X, None, cluster, 5, "cosine", report),
        lambda report: _core.matrix_silhouette(D, None, cluster, 5, report),
    ):
        calls = []
        run(lambda stage, done, total, calls=calls: calls.append((stage, done, total)))
        assert calls[-1][0] == "silhouette"
        assert calls[-1][1] == calls[-1][2]
        assert [c[1] for c in calls] == sorted(c[1] for c in calls)
    metrics.silhouette_score(X, labels, verbose=1)
    assert "silhouette" in capsys.readouterr().err
    metrics.silhouette_score(X, labels)
    assert capsys.readouterr().err == ""


def test_a_failing_progress_callback_is_the_callers_error(rng):
    X, labels = clustered(rng, 500, 3, 5)

    def fail(stage, done, total):
        raise RuntimeError("the bar broke")

    with pytest.raises(RuntimeError, match="the bar broke"):
        _core.silhouette(X, None, labels.astype(np.int32), 5, "euclidean", fail)
