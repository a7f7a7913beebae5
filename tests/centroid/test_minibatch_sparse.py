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
