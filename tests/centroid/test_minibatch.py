"""Mini-batch k-means: what it promises beside the contract of every estimator."""

import numpy as np
import pytest
import sklearn.cluster
from helpers import bits, both_dtypes, same_partition, threads_and_block_length, threads_and_blocks
from oracles import kmeans as oracle

import shoal


def blobs(rng, n, d, k, spread=0.3):
    centers = rng.normal(size=(k, d)) * 5
    truth = rng.integers(0, k, size=n)
    return centers[truth] + rng.normal(size=(n, d)) * spread, truth


@both_dtypes
def test_labels_are_predictions_and_inertia_recomputes(rng, dtype):
    X = blobs(rng, 3000, 5, 8)[0].astype(dtype)
    model = shoal.MiniBatchKMeans(8, batch_size=100, random_state=0).fit(X)
    assert (model.labels_ == model.predict(X)).all()
    direct = ((X.astype(float) - model.cluster_centers_.astype(float)[model.labels_]) ** 2).sum()
    assert model.inertia_ == pytest.approx(direct, rel=1e-5)
    assert model.cluster_centers_.dtype == dtype


@threads_and_blocks
def test_the_same_bits_for_any_number_of_threads(rng, n_threads, block_length):
    X = rng.integers(0, 6, size=(700, 3)) * 0.1
    weight = rng.uniform(0, 2, size=700)
    options = {"n_clusters": 9, "batch_size": 64, "random_state": 1}
    with threads_and_block_length(1, block_length):
        one = shoal.MiniBatchKMeans(**options).fit(X, sample_weight=weight)
    with threads_and_block_length(n_threads, block_length):
        other = shoal.MiniBatchKMeans(**options).fit(X, sample_weight=weight)
    assert bits(one.cluster_centers_) == bits(other.cluster_centers_)
    assert bits(one.labels_) == bits(other.labels_)
    assert one.n_steps_ == other.n_steps_


def test_where_a_batch_is_all_the_data_a_weight_is_as_many_copies(rng):
    X, weight = rng.normal(size=(120, 3)), rng.integers(0, 4, size=120)
    model = shoal.MiniBatchKMeans(6, random_state=0, batch_size=1024)
    weighted = model.fit(X, sample_weight=weight).cluster_centers_.copy()
    copied = model.fit(np.repeat(X, weight, axis=0)).cluster_centers_
    np.testing.assert_allclose(weighted, copied, rtol=1e-9)


def test_separated_blobs_are_found_as_by_scikit_learn(rng):
    truth = rng.integers(0, 6, size=20_000)
    corners = np.array([[0, 0, 0, 0], [9, 0, 0, 0], [0, 9, 0, 0], [0, 0, 9, 0], [0, 0, 0, 9], [9, 9, 9, 9]])
    X = corners[truth] + rng.normal(size=(20_000, 4)) * 0.3
    start = X[[np.flatnonzero(truth == j)[0] for j in range(6)]]
    ours = shoal.MiniBatchKMeans(6, init=start, random_state=0).fit(X)
    theirs = sklearn.cluster.MiniBatchKMeans(6, init=start, n_init=1, random_state=0).fit(X)
    assert same_partition(ours.labels_, truth)
    assert ours.inertia_ <= 1.02 * theirs.inertia_


def test_a_stream_of_batches_comes_near_the_mean_of_each_cluster(rng):
    """With one centre a step is the running mean, whatever the batches."""
    X, weight = rng.normal(size=(1000, 3)) + 100, rng.uniform(0.5, 2, size=1000)
    model = shoal.MiniBatchKMeans(1, random_state=0, init=X[:1])
    for begin in range(0, 1000, 130):
        model.partial_fit(X[begin : begin + 130], sample_weight=weight[begin : begin + 130])
    np.testing.assert_allclose(model.cluster_centers_[0], np.average(X, axis=0, weights=weight), rtol=1e-10)


@pytest.mark.parametrize("shape", [(40, 2), (1500, 64), (1500, 300)])
def test_one_step_on_given_centres_is_sculleys(rng, shape):
    X = rng.normal(size=shape)
    start = X[:5].copy()
    model = shoal.MiniBatchKMeans(5, init=start, reassignment_ratio=0, random_state=0).partial_fit(X)
    labels = (
        oracle.nearest(X, start)
        if hasattr(oracle, "nearest")
        else ((X[:, None] - start) ** 2).sum(-1).argmin(1)
    )
    expected = np.array([X[labels == j].mean(axis=0) for j in range(5)])
    np.testing.assert_allclose(model.cluster_centers_, expected, rtol=1e-12, atol=1e-12)


def test_a_long_run_comes_near_a_stationary_point(rng):
    X = rng.normal(size=(400, 2)) + 2 * rng.integers(0, 3, 400)[:, None]
    options = {"max_no_improvement": None, "tol": 0, "reassignment_ratio": 0, "random_state": 3}
    starts = [X[rng.choice(400, 4, replace=False)] for _ in range(8)]

    def gradient(start, max_iter):
        model = shoal.MiniBatchKMeans(4, init=start, batch_size=20, max_iter=max_iter, **options).fit(X)
        members = [X[model.labels_ == j] for j in range(4)]
        steps = [
            len(own) * (c - own.mean(axis=0))
            for own, c in zip(members, model.cluster_centers_, strict=True)
            if len(own)
        ]
        return np.linalg.norm(steps) / len(X)

    short, long = (np.mean([gradient(start, n) for start in starts]) for n in (1, 1000))
    assert long < short / 2


def test_a_stream_refuses_what_does_not_fit_it(rng):
    X = rng.normal(size=(50, 3))
    with pytest.raises(ValueError, match="n_clusters"):
        shoal.MiniBatchKMeans(60).partial_fit(X)
    model = shoal.MiniBatchKMeans(4, random_state=0).partial_fit(X)
    before = model.cluster_centers_.copy()
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(X[:, :2])
    with pytest.raises(ValueError, match=r"^n_clusters must stay 4, with which .* fitted; got 5$"):
        model.set_params(n_clusters=5).partial_fit(X)
    assert bits(model.cluster_centers_) == bits(before)
    with pytest.raises(ValueError, match="batch_size"):
        shoal.MiniBatchKMeans(4, batch_size=0).fit(X)


def test_reassignment_beyond_all_counts_is_reassignment_of_all_but_the_largest(rng):
    X = rng.normal(size=(500, 2))
    options = {"n_clusters": 3, "batch_size": 64, "random_state": 0}
    much = shoal.MiniBatchKMeans(reassignment_ratio=2.0, **options).fit(X)
    all_of_them = shoal.MiniBatchKMeans(reassignment_ratio=1.0, **options).fit(X)
    np.testing.assert_array_equal(much.cluster_centers_, all_of_them.cluster_centers_)
    assert np.isfinite(much.cluster_centers_).all()


def test_the_smallest_weight_of_all_is_a_weight():
    model = shoal.MiniBatchKMeans(1, batch_size=2).fit([[0.0], [1.0], [2.0]], sample_weight=[0, 0, 5e-324])
    assert model.cluster_centers_.tolist() == [[2.0]]


@pytest.mark.parametrize("model", [shoal.MiniBatchKMeans, shoal.KMeans])
def test_rows_too_far_from_the_centres_are_refused(model):
    fitted = model(1, random_state=0).fit(np.zeros((4, 2), np.float32))
    far = np.full((4, 2), 1e25, np.float32)
    with pytest.raises(ValueError, match="too wide for float32"):
        fitted.score(far)
    if hasattr(fitted, "partial_fit"):
        with pytest.raises(ValueError, match="too wide for float32"):
            fitted.partial_fit(far)
