"""Scores: ranges, symmetry, copies, noise, and the values of scikit-learn."""

import math

import numpy as np
import pytest
import sklearn.metrics
from helpers import bits, threads_and_block_length
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from properties.strategies import (
    FAR,
    HARD,
    PLAIN,
    examples,
    labelings,
    permutation,
    rows,
    seeds,
    whole_weights,
)
from shoal import metrics

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
PAIRS = ("rand_score", "adjusted_rand_score", "fowlkes_mallows_score")
INFORMATION = (
    "mutual_info_score",
    "normalized_mutual_info_score",
    "adjusted_mutual_info_score",
    "homogeneity_score",
    "completeness_score",
    "v_measure_score",
)
RANGES = {
    "rand_score": (0, 1),
    "adjusted_rand_score": (-0.5, 1),
    "fowlkes_mallows_score": (0, 1),
    "mutual_info_score": (0, np.inf),
    "normalized_mutual_info_score": (0, 1),
    "adjusted_mutual_info_score": (-np.inf, 1),
    "homogeneity_score": (0, 1),
    "completeness_score": (0, 1),
    "v_measure_score": (0, 1),
}
EXTERNAL = st.sampled_from(sorted(RANGES))


@examples(120)
@given(data=labelings(), name=EXTERNAL, seed=seeds())
def test_external_scores_keep_range_symmetry_names_order_copies_and_scikit_learns_values(data, name, seed):
    a, b, weight = data
    score = getattr(metrics, name)
    value = score(a, b, sample_weight=weight)
    low, high = RANGES[name]
    assert low <= value <= high
    if weight is None and len(a) > 1:
        np.testing.assert_allclose(value, getattr(sklearn.metrics, name)(a, b), rtol=1e-9, atol=1e-9)
    swapped = {"homogeneity_score": "completeness_score", "completeness_score": "homogeneity_score"}.get(
        name, name
    )
    np.testing.assert_allclose(
        getattr(metrics, swapped)(b, a, sample_weight=weight), value, rtol=1e-12, atol=1e-12
    )
    names = permutation(9, seed) * 7 - 3
    np.testing.assert_allclose(score(names[a + 1], b, sample_weight=weight), value, rtol=1e-12, atol=1e-12)
    order = permutation(len(a), seed)
    shuffled = None if weight is None else weight[order]
    np.testing.assert_allclose(
        score(a[order], b[order], sample_weight=shuffled), value, rtol=1e-12, atol=1e-12
    )
    if weight is not None:
        copies = score(np.repeat(a, weight), np.repeat(b, weight))
        np.testing.assert_allclose(value, copies, rtol=1e-12, atol=1e-12)
    if name not in ("fowlkes_mallows_score", "mutual_info_score"):
        assert score(a, a, sample_weight=weight) == 1
    kept = (a != -1) & (b != -1) & (True if weight is None else weight > 0)
    if kept.any():
        ignored = score(a, b, sample_weight=weight, noise="ignore")
        dropped = score(a[kept], b[kept], sample_weight=None if weight is None else weight[kept])
        np.testing.assert_allclose(ignored, dropped, rtol=1e-12, atol=1e-12)
    if (a == -1).any():
        with pytest.raises(ValueError, match="noise"):
            score(a, b, sample_weight=weight, noise="error")


@examples(60)
@given(data=labelings())
def test_tables_add_up(data):
    a, b, weight = data
    w = np.ones(len(a), dtype=int) if weight is None else weight
    table = metrics.contingency_matrix(a, b, sample_weight=weight)
    assert table.sum() == w.sum()
    pairs = metrics.pair_confusion_matrix(a, b, sample_weight=weight)
    assert pairs.sum() == w.sum() * (w.sum() - 1)
    assert (pairs >= 0).all()
    information = metrics.mutual_info_score(a, b, sample_weight=weight)
    entropies = [np.float64(metrics.entropy(np.repeat(labels, w))) for labels in (a, b)]
    assert information <= min(entropies) + 1e-12
    h, c, v = metrics.homogeneity_completeness_v_measure(a, b, sample_weight=weight)
    assert h == metrics.homogeneity_score(a, b, sample_weight=weight)
    np.testing.assert_allclose(
        v, metrics.normalized_mutual_info_score(a, b, sample_weight=weight), atol=1e-12
    )
    assert 0 <= c <= 1


@st.composite
def clusterings(draw, kinds=PLAIN, **options):
    """Data, labels with at least 2 and fewer than samples, and weights."""
    X = draw(rows(kinds, least=3, **options))
    labels = draw(hnp.arrays(np.int64, len(X), elements=st.integers(-1, 4)))
    assume(2 <= len(np.unique(labels)) < len(X))
    return X, labels


INTERNAL = {
    "silhouette_score": (-1, 1),
    "simplified_silhouette_score": (-1, 1),
    "calinski_harabasz_score": (0, np.inf),
    "davies_bouldin_score": (0, np.inf),
}
SCORE = st.sampled_from(sorted(INTERNAL))


@examples(120)
@given(data=clusterings(HARD), name=SCORE, seed=seeds())
def test_internal_scores_keep_range_order_names_scale_and_threads(data, name, seed):
    X, labels = data
    score = getattr(metrics, name)
    value = score(X, labels)
    low, high = INTERNAL[name]
    assert low <= value <= high
    tolerance = 1e-10 if X.dtype == np.float64 else 2e-4
    order = permutation(len(X), seed)
    far = float(np.abs(X).max()) / max(float(np.ptp(X, axis=0).max()), 1e-300) > 1e4
    many = float(np.abs(X).max()) > 1e5
    if not far and not many:
        np.testing.assert_allclose(score(X[order], labels[order]), value, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(
            score(X, permutation(6, seed)[labels + 1]), value, rtol=tolerance, atol=tolerance
        )
    assert bits(score(4 * X, labels)) == bits(value)
    for n_threads in (1, 2, 7):
        with threads_and_block_length(n_threads, 0):
            assert bits(score(X, labels)) == bits(value)


@examples(80)
@given(
    data=clusterings(PLAIN, dtypes=(np.float64,)),
    metric=st.sampled_from(["euclidean", "manhattan", "chebyshev", "cosine"]),
)
def test_internal_scores_are_scikit_learns(data, metric):
    X, labels = data
    if metric == "cosine":
        assume((np.abs(X).sum(axis=1) > 0).all())
    theirs = sklearn.metrics.silhouette_samples(X, labels, metric=metric)
    ours = metrics.silhouette_samples(X, labels, metric=metric)
    # where all distances are rounding scikit-learn divides rounding by rounding
    D = sklearn.metrics.pairwise_distances(X, metric=metric)
    if metric != "euclidean" and metric != "cosine":
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    elif D[D > 0].min(initial=1) > 1e-6:
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)
    if np.ptp(X, axis=0).max() > 0:
        ch = sklearn.metrics.calinski_harabasz_score(X, labels)
        if math.isfinite(ch) and ch < 1e9:
            np.testing.assert_allclose(metrics.calinski_harabasz_score(X, labels), ch, rtol=1e-7, atol=1e-10)
    centers = np.array([X[labels == label].mean(axis=0) for label in np.unique(labels)])
    apart = sklearn.metrics.pairwise_distances(centers)
    if apart[~np.eye(len(centers), dtype=bool)].min() > 1e-4:
        db = sklearn.metrics.davies_bouldin_score(X, labels)
        np.testing.assert_allclose(metrics.davies_bouldin_score(X, labels), db, rtol=1e-6)


@examples(80)
@given(data=st.data(), name=SCORE)
def test_a_whole_weight_is_as_many_copies_to_internal_scores(data, name):
    X, labels = data.draw(clusterings(PLAIN))
    weight = data.draw(whole_weights(len(X)))
    kept = np.unique(labels[weight > 0])
    assume(2 <= len(kept) < weight.sum())
    score = getattr(metrics, name)
    copies = score(np.repeat(X, weight, axis=0), np.repeat(labels, weight))
    tolerance = 1e-9 if X.dtype == np.float64 else 2e-4
    np.testing.assert_allclose(score(X, labels, sample_weight=weight), copies, rtol=tolerance, atol=tolerance)


@examples(60)
@given(
    data=clusterings(PLAIN | {"far": FAR["far lattice"]}),
    noise=st.sampled_from(["cluster", "penalty", "ignore"]),
)
def test_dbcv_is_within_its_range_and_the_mean_of_its_clusters(data, noise):
    X, labels = data
    assume(len(np.unique(labels[labels >= 0])) >= 2)
    value = (
        metrics.dbcv_score(X, labels) if noise == "cluster" else metrics.dbcv_score(X, labels, noise=noise)
    )
    assert -1 <= value <= 1
    for n_threads in (1, 7):
        with threads_and_block_length(n_threads, 4):
            again = (
                metrics.dbcv_score(X, labels)
                if noise == "cluster"
                else metrics.dbcv_score(X, labels, noise=noise)
            )
            assert bits(again) == bits(value)
