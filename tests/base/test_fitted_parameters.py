"""Parameters that give fitted results their meaning may not change between fit and use."""

import numpy as np
import pytest

import shoal

X = np.concatenate([np.random.default_rng(0).normal(size=(20, 3)) + 6 * i for i in range(3)])


@pytest.mark.parametrize(
    ("model", "changed", "uses"),
    [
        (shoal.KMeans(3, random_state=0), {"metric": "cosine"}, ["predict", "transform", "score"]),
        (shoal.BisectingKMeans(3, random_state=0), {"metric": "cosine"}, ["predict", "transform"]),
        (
            shoal.MiniBatchKMeans(3, random_state=0),
            {"metric": "cosine"},
            ["predict", "transform", "partial_fit"],
        ),
        (shoal.AffinityPropagation(), {"affinity": "precomputed"}, ["predict"]),
        (
            shoal.GaussianMixture(3, covariance_type="spherical", random_state=0),
            {"covariance_type": "full"},
            ["predict", "predict_proba", "score_samples", "score", "bic", "partial_fit"],
        ),
        (
            shoal.BayesianGaussianMixture(n_components=3, random_state=0),
            {"weight_concentration_prior_type": "dirichlet_distribution"},
            ["predict", "predict_proba"],
        ),
        (shoal.Birch(branching_factor=50), {"branching_factor": 2}, ["partial_fit"]),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else None,
)
def test_a_parameter_that_gives_results_their_meaning_must_stay(model, changed, uses):
    model.fit(X)
    before = model.get_params()
    expected = [getattr(model, use)(X) for use in uses if use != "partial_fit"]
    model.set_params(**changed)
    name, value = next(iter(changed.items()))
    for use in uses:
        with pytest.raises(ValueError, match=f"{name} must stay {before[name]!r}.* got {value!r}"):
            getattr(model, use)(X)
    model.set_params(**{name: before[name]})
    found = [getattr(model, use)(X) for use in uses if use != "partial_fit"]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    model.set_params(**changed)
    if name != "affinity":
        model.fit(X)  # a new fit is with the new value
        assert getattr(model, uses[0])(X) is not None


def test_a_warm_start_keeps_the_kind_of_covariance():
    model = shoal.GaussianMixture(2, warm_start=True, random_state=0).fit(X)
    with pytest.raises(ValueError, match="covariance_type must stay 'full'"):
        model.set_params(covariance_type="diag").fit(X)


def test_trees_of_birch_are_merged_into_nodes_of_their_own_size():
    model = shoal.Birch(threshold=0.1).fit(X).set_params(branching_factor=3)
    with pytest.raises(ValueError, match="branching_factor must stay 50"):
        model.merge(shoal.Birch(threshold=0.1).fit(X))


def test_a_saved_model_remembers_them(tmp_path):
    model = shoal.KMeans(3, random_state=0).fit(X)
    shoal.save_model(model, tmp_path / "model.shoal")
    read = shoal.load_model(tmp_path / "model.shoal").estimator
    np.testing.assert_array_equal(read.predict(X), model.labels_)
    with pytest.raises(ValueError, match="metric must stay"):
        read.set_params(metric="cosine").predict(X)
