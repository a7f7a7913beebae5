"""Mini-batches of sparse rows."""

import numpy as np
import pytest
from scipy import sparse

import shoal


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_batches_smaller_than_the_data_are_read_row_by_row(rng, metric):
    X = rng.normal(size=(300, 40)) * (
        rng.random((300, 40)) < 0.6
    )  # so many that none are orthogonal: no ties
    # a centre that starts again may fall on a row that is another's only sample: which is nearer, rounding decides
    options = {
        "n_clusters": 5,
        "batch_size": 16,
        "metric": metric,
        "random_state": 0,
        "reassignment_ratio": 0,
    }
    sparse_model = shoal.MiniBatchKMeans(**options).fit(sparse.csr_array(X))
    dense_model = shoal.MiniBatchKMeans(**options).fit(X)
    assert sparse_model.n_steps_ == dense_model.n_steps_
    np.testing.assert_allclose(
        sparse_model.cluster_centers_, dense_model.cluster_centers_, rtol=1e-6, atol=1e-9
    )
    assert (sparse_model.labels_ == sparse_model.predict(sparse.csr_array(X))).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_features", [64, 300])
def test_batches_of_many_blocks_in_many_features_are_read_row_by_row(rng, n_features, dtype):
    """A block of a batch is written just before it is labelled: nothing may have been read ahead of that."""
    places = 3 * rng.normal(size=(8, n_features))
    X = (places[rng.integers(0, 8, 5000)] + rng.normal(size=(5000, n_features))).astype(dtype)
    options = {"n_clusters": 8, "batch_size": 1024, "random_state": 0, "reassignment_ratio": 0, "init": X[:8]}
    stored = shoal.MiniBatchKMeans(**options).fit(sparse.csr_array(X))
    for threads in (1, 2, 7):
        with shoal.threads(threads):
            dense = shoal.MiniBatchKMeans(**options).fit(X)
        assert dense.n_steps_ == stored.n_steps_
        np.testing.assert_allclose(dense.cluster_centers_, stored.cluster_centers_, rtol=1e-3, atol=1e-3)
