"""Bisecting k-means: what it promises beside the contract of every estimator."""

import numpy as np
import pytest
import sklearn.cluster
from helpers import bits, both_dtypes, threads_and_block_length, threads_and_blocks
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning

import shoal

STRATEGIES = ["biggest_inertia", "largest_cluster"]


@both_dtypes
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_labels_are_predictions_and_inertia_recomputes(rng, dtype, strategy):
    X = rng.normal(size=(2000, 6)).astype(dtype)
    model = shoal.BisectingKMeans(13, random_state=0, bisecting_strategy=strategy).fit(X)
    assert (model.labels_ == model.predict(X)).all()
    assert set(model.labels_) == set(range(13))
    for row in range(0, 2000, 97):
        assert model.predict(X[row : row + 1])[0] == model.labels_[row]
    direct = ((X.astype(float) - model.cluster_centers_.astype(float)[model.labels_]) ** 2).sum()
    assert model.inertia_ == pytest.approx(direct, rel=1e-4 if dtype == np.float32 else 1e-10)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_more_cluster_splits_one_and_never_raises_the_inertia(rng, strategy):
    X = rng.normal(size=(600, 3))
    before = shoal.BisectingKMeans(1, random_state=3, bisecting_strategy=strategy).fit(X)
    for k in range(2, 12):
        after = shoal.BisectingKMeans(k, random_state=3, bisecting_strategy=strategy).fit(X)
        assert after.inertia_ <= before.inertia_ * (1 + 1e-12)
        parents = {(int(a), int(b)) for a, b in zip(after.labels_, before.labels_, strict=True)}
        assert len(parents) == k  # every cluster lies in one of those before
        before = after


@threads_and_blocks
def test_the_same_bits_for_any_number_of_threads(rng, n_threads, block_length):
    X = rng.integers(0, 6, size=(500, 3)) * 0.1
    weight = rng.uniform(0.1, 2, size=500)
    with threads_and_block_length(1, block_length):
        one = shoal.BisectingKMeans(9, random_state=1).fit(X, sample_weight=weight)
    with threads_and_block_length(n_threads, block_length):
        other = shoal.BisectingKMeans(9, random_state=1).fit(X, sample_weight=weight)
    assert bits(one.cluster_centers_) == bits(other.cluster_centers_)
    assert bits(one.labels_) == bits(other.labels_)


def test_it_is_as_good_as_scikit_learn(rng):
    """Inertia over several seeds: both draw their starts at random."""
    X = rng.normal(size=(16, 4))[rng.integers(0, 16, size=3000)] * 4 + rng.normal(size=(3000, 4))
    ours = [shoal.BisectingKMeans(16, random_state=s).fit(X).inertia_ for s in range(12)]
    theirs = [sklearn.cluster.BisectingKMeans(16, random_state=s).fit(X).inertia_ for s in range(12)]
    assert np.mean(ours) <= 1.05 * np.mean(theirs)


@both_dtypes
@pytest.mark.parametrize("n_init", [1, 2])
def test_refined_starts_see_weights_as_copies_and_not_the_order_of_rows(rng, dtype, n_init):
    """Of 9000 distinct rows the first parts have 562 and 2250 and every weight its copies."""
    X = (rng.normal(size=(8, 5))[rng.integers(0, 8, 9000)] * 20 + rng.normal(size=(9000, 5))).astype(dtype)
    weight = rng.integers(0, 4, size=9000)
    shuffled = rng.permutation(9000)
    copies = np.repeat(shuffled, weight[shuffled])
    weighted = shoal.BisectingKMeans(8, random_state=5, n_init=n_init).fit(X, sample_weight=weight)
    copied = shoal.BisectingKMeans(8, random_state=5, n_init=n_init).fit(X[copies])
    np.testing.assert_array_equal(weighted.labels_[copies], copied.labels_)
    np.testing.assert_allclose(weighted.cluster_centers_, copied.cluster_centers_, rtol=1e-4)


@pytest.mark.parametrize("n_features", [3, 300])
def test_the_same_bits_for_any_number_of_threads_on_large_leaves(rng, n_features):
    """Rows of 3 features are moved with the order, rows of 300 are gathered."""
    X = rng.normal(size=(20000 if n_features == 3 else 5000, n_features))
    models = []
    for n_threads in (1, 2, 7):
        with threads_and_block_length(n_threads, 0):
            models.append(shoal.BisectingKMeans(6, random_state=1).fit(X))
    for other in models[1:]:
        assert bits(models[0].cluster_centers_) == bits(other.cluster_centers_)
        assert bits(models[0].labels_) == bits(other.labels_)


def test_sparse_and_dense_rows_give_the_same_clusters_of_large_leaves(rng):
    stored = rng.random((9000, 6)) < 0.4
    X = rng.gamma(1.0, size=(9000, 6)) * stored + (rng.integers(0, 5, 9000) * 8.0)[:, None] * [
        1,
        0,
        1,
        0,
        0,
        1,
    ]
    dense = shoal.BisectingKMeans(5, random_state=2).fit(X)
    sparse = shoal.BisectingKMeans(5, random_state=2).fit(csr_matrix(X))
    np.testing.assert_array_equal(dense.labels_, sparse.labels_)
    np.testing.assert_allclose(dense.cluster_centers_, sparse.cluster_centers_, rtol=1e-9, atol=1e-12)


def test_equal_rows_cannot_be_split():
    X = np.repeat([[0.0, 1.0], [4.0, 4.0]], 5, axis=0)
    with pytest.warns(ConvergenceWarning):
        model = shoal.BisectingKMeans(4, random_state=0).fit(X)
    assert model.inertia_ == 0
    assert len(set(model.labels_)) == 2


def test_the_function_returns_what_the_estimator_holds(rng):
    X = rng.normal(size=(200, 3))
    result = shoal.bisecting_kmeans(X, 5, random_state=0)
    model = shoal.BisectingKMeans(5, random_state=0).fit(X)
    assert bits(result.centers) == bits(model.cluster_centers_)
    assert bits(result.labels) == bits(model.labels_)
    assert result.inertia == model.inertia_
