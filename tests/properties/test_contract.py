"""What every estimator promises of any finite data: a refusal by name, or a finite answer that it stands by."""

from __future__ import annotations

import inspect
import pickle
import warnings

import numpy as np
import pytest
from helpers import bits
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

import shoal
from properties.strategies import EXTREME, HARD, examples, rows, weights

MODELS = {
    "KMeans": shoal.KMeans(3, random_state=0, n_init=2),
    "KMeans cosine": shoal.KMeans(3, random_state=0, metric="cosine", init="k-means||"),
    "MiniBatchKMeans": shoal.MiniBatchKMeans(3, random_state=0, batch_size=8),
    "BisectingKMeans": shoal.BisectingKMeans(3, random_state=0),
    "BisectingKMeans cosine": shoal.BisectingKMeans(3, random_state=0, metric="cosine"),
    "DBSCAN": shoal.DBSCAN(1.0, min_samples=2),
    "DBSCAN cosine": shoal.DBSCAN(0.1, min_samples=2, metric="cosine"),
    "DBSCAN minkowski": shoal.DBSCAN(1.0, min_samples=2, metric="minkowski", p=3),
    "OPTICS": shoal.OPTICS(min_samples=2),
    "HDBSCAN": shoal.HDBSCAN(2, 2),
    "HDBSCAN cosine": shoal.HDBSCAN(2, 2, metric="cosine"),
    "LocalGaussian": shoal.LocalGaussian(),
    "LocalGaussian 1": shoal.LocalGaussian(1.0, min_count=0),
    "GaussianMixture full": shoal.GaussianMixture(2, random_state=0, max_iter=5),
    "GaussianMixture tied": shoal.GaussianMixture(2, covariance_type="tied", random_state=0, max_iter=5),
    "GaussianMixture diag": shoal.GaussianMixture(2, covariance_type="diag", random_state=0, max_iter=5),
    "GaussianMixture spherical": shoal.GaussianMixture(
        2, covariance_type="spherical", random_state=0, max_iter=5, init_params="k-means++"
    ),
    "BayesianGaussianMixture": shoal.BayesianGaussianMixture(n_components=2, random_state=0, max_iter=5),
    "Birch": shoal.Birch(n_clusters=None),
    "Birch ward": shoal.Birch(threshold=0.1, n_clusters=2, head="ward", branching_factor=3),
    "AgglomerativeClustering": shoal.AgglomerativeClustering(2),
    "AgglomerativeClustering average": shoal.AgglomerativeClustering(
        2, linkage="average", metric="manhattan"
    ),
    "AffinityPropagation": shoal.AffinityPropagation(random_state=0, max_iter=50),
    "AffinityPropagation cosine": shoal.AffinityPropagation(random_state=0, max_iter=50, affinity="cosine"),
}
# labels of border samples, of equal samples that a cut parts, and of equal exemplars are not what predict says
UNLIKE = ("DBSCAN", "AgglomerativeClustering", "AffinityPropagation")
MAY_BE_INFINITE = ("reachability_", "core_distances_", "lower_bound_", "lower_bounds_")


def answers(model):
    """Fitted arrays of numbers."""
    return {
        name: np.asarray(value)
        for name, value in vars(model).items()
        if name.endswith("_") and not name.startswith("_") and isinstance(value, np.ndarray | float | int)
    }


def fit(model, X, weight):
    """The fitted copy, or None where the data are refused in a sentence."""
    model = clone(model)
    weighted = weight is not None and "sample_weight" in inspect.signature(model.fit).parameters
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, **({"sample_weight": weight} if weighted else {}))
    except ValueError as error:
        assert type(error) is ValueError  # noqa: PT017
        assert len(str(error)) > 20  # noqa: PT017
        assert not answers(model)
        return None
    return model


@pytest.mark.parametrize("name", MODELS)
@examples(25)
@given(data=st.data())
def test_any_finite_data_are_refused_by_name_or_have_a_finite_answer(name, data):
    X = data.draw(rows(HARD | EXTREME))
    model = fit(MODELS[name], X, data.draw(weights(len(X))))
    if model is None:
        return
    for attribute, value in answers(model).items():
        if attribute not in MAY_BE_INFINITE:
            assert np.isfinite(value).all(), attribute
        assert not np.isnan(value).any(), attribute
    assert model.labels_.shape == (len(X),)
    if hasattr(model, "predict") and not name.startswith(UNLIKE):
        np.testing.assert_array_equal(model.predict(X), model.labels_)
        again = pickle.loads(pickle.dumps(model))
        assert bits(again.predict(X)) == bits(model.predict(X))


@pytest.mark.parametrize("name", MODELS)
@examples(8)
@given(data=st.data())
def test_the_form_of_the_rows_changes_no_bit(name, data):
    X = data.draw(rows(HARD, least=3))
    weight = data.draw(weights(len(X)))
    expected = fit(MODELS[name], X, weight)
    strided = np.full((2 * len(X), X.shape[1] + 3), np.nan, X.dtype)
    strided[::2, 1:-2] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    backwards = X[::-1, ::-1].copy()[::-1, ::-1]
    for form in (
        np.asfortranarray(X),
        strided[::2, 1:-2],
        read_only,
        backwards,
        X.astype(X.dtype.newbyteorder()),
    ):
        model = fit(MODELS[name], form, weight)
        assert (model is None) == (expected is None)
        if model is not None:
            assert {k: bits(v) for k, v in answers(model).items()} == {
                k: bits(v) for k, v in answers(expected).items()
            }
