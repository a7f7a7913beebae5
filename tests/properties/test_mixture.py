"""Gaussian mixtures, variational ones, and local Gaussian clustering: what their pages claim."""

import numpy as np
import pytest
from helpers import bits, threads_and_block_length
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

import shoal
from properties.strategies import (
    EXACT,
    EXTREME,
    HARD,
    PLAIN,
    examples,
    permutation,
    rows,
    seeds,
    weighted_rows,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::UserWarning"
)
KIND = st.sampled_from(["full", "tied", "diag", "spherical"])
START = st.sampled_from(["kmeans", "k-means++", "random", "random_from_data"])


def size_of(X):
    return max(1e-300, float(np.abs(X).max()))


def singular(error):
    """The two refusals that depend on the data: a covariance without an inverse, too few samples with a weight."""
    return "covariance" in str(error) or "samples of positive weight" in str(error)


@examples(80)
@given(data=st.data(), kind=KIND, seed=seeds(), start=START)
def test_the_likelihood_never_falls(data, kind, seed, start):
    X, weight = data.draw(
        weighted_rows({"normal": PLAIN["normal"], "blobs": PLAIN["blobs"]}, least=8, features=3)
    )
    k = data.draw(st.integers(1, 4))
    options = {"covariance_type": kind, "reg_covar": 0, "random_state": seed, "init_params": start}
    model = shoal.GaussianMixture(k, tol=0, max_iter=20, **options)
    try:
        model.fit(X, sample_weight=weight)
    except ValueError as error:
        assert singular(error)  # noqa: PT017
        return
    bounds = np.array(model.lower_bounds_)
    # where a variance goes to 0 the density of float32 data is rounding
    rounding = (1e-9 if X.dtype == np.float64 else 1e-3) * (1 + np.abs(bounds[1:]))
    assert (np.diff(bounds) >= -rounding).all()


@examples(80)
@given(data=st.data(), kind=KIND, seed=seeds(), start=START)
def test_responsibilities_sum_to_one_and_the_largest_is_the_label(data, kind, seed, start):
    X, weight = data.draw(weighted_rows(HARD, least=2))
    k = data.draw(st.integers(1, min(4, len(X))))
    model = shoal.GaussianMixture(k, covariance_type=kind, random_state=seed, init_params=start, max_iter=10)
    try:
        model.fit(X, sample_weight=weight)
    except ValueError as error:
        assert singular(error)  # noqa: PT017
        return
    resp = model.predict_proba(X)
    assert resp.dtype == X.dtype
    rounding = 1e-12 if X.dtype == np.float64 else 1e-5
    np.testing.assert_allclose(resp.sum(axis=1), 1, atol=rounding)
    assert (resp >= 0).all()
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    assert (resp[np.arange(len(X)), model.labels_] >= resp.max(axis=1) - rounding).all()
    np.testing.assert_allclose(model.weights_.sum(), 1, atol=rounding)
    assert np.isfinite(model.means_).all()
    # means are convex combinations of samples
    low, high = X.min(axis=0), X.max(axis=0)
    slack = 1e-5 * size_of(X)
    assert ((model.means_ >= low - slack) & (model.means_ <= high + slack)).all()
    np.testing.assert_allclose(model.score(X), model.score_samples(X).mean(dtype=float), rtol=1e-5, atol=1e-5)


@examples(50)
@given(data=st.data(), kind=KIND, seed=seeds(), start=START)
def test_threads_change_no_bit_of_a_mixture(data, kind, seed, start):
    X, weight = data.draw(weighted_rows(HARD, least=2))
    k = data.draw(st.integers(1, min(4, len(X))))
    results = set()
    for n_threads in (1, 2, 7):
        with threads_and_block_length(n_threads, 4):
            model = shoal.GaussianMixture(
                k, covariance_type=kind, random_state=seed, init_params=start, max_iter=5
            )
            try:
                model.fit(X, sample_weight=weight)
                results.add(bits(model.labels_, model.means_, model.covariances_, model.lower_bound_))
            except ValueError as error:
                assert singular(error)  # noqa: PT017
                results.add(str(error))
    assert len(results) == 1


@examples(60)
@given(data=st.data(), kind=KIND, seed=seeds())
def test_a_step_from_given_labels_counts_weights_as_copies_in_any_order(data, kind, seed):
    X, weight = data.draw(weighted_rows(PLAIN, whole=True, least=2, dtypes=(np.float64,)))
    labels = np.random.default_rng(seed).integers(0, 2, size=len(X))
    assume(all((weight[labels == j] > 0).any() for j in range(2)))

    def fit(X, labels, weight=None):
        model = shoal.GaussianMixture(
            2, covariance_type=kind, reg_covar=1e-2, max_iter=1, init_params="from_labels", labels_init=labels
        )
        return model.fit(X, sample_weight=weight)

    one, copies = fit(X, labels, weight), fit(np.repeat(X, weight, axis=0), np.repeat(labels, weight))
    order = permutation(len(X), seed)
    other = fit(X[order], labels[order], weight[order])
    for same in (copies, other):
        np.testing.assert_allclose(one.means_, same.means_, rtol=1e-7, atol=1e-7 * size_of(X))
        np.testing.assert_allclose(
            one.covariances_, same.covariances_, rtol=1e-6, atol=1e-7 * size_of(X) ** 2
        )
        np.testing.assert_allclose(one.weights_, same.weights_, atol=1e-9)
        np.testing.assert_allclose(one.lower_bound_, same.lower_bound_, rtol=1e-7, atol=1e-7)


@examples(40)
@given(data=st.data(), kind=KIND)
def test_a_stream_may_come_row_by_row(data, kind):
    X, weight = data.draw(weighted_rows(PLAIN, least=4))
    model = shoal.GaussianMixture(2, covariance_type=kind, random_state=0, reg_covar=1e-3)
    for i in range(2, len(X)):
        try:
            model.partial_fit(X[i : i + 1] if i > 2 else X[:3])
        except ValueError as error:
            # what lies between the means is taken off the second moments: rounding of float32 may be left
            assert singular(error)  # noqa: PT017
            assert (kind, X.dtype) == ("tied", np.float32)
            return
    assert np.isfinite(model.means_).all()
    np.testing.assert_allclose(model.weights_.sum(), 1, atol=1e-5)
    assert weight is None or len(weight) == len(X)


@examples(40)
@given(data=st.data(), kind=KIND, seed=seeds())
def test_variational_responsibilities_sum_to_one_and_the_largest_is_the_label(data, kind, seed):
    X, weight = data.draw(weighted_rows(PLAIN, least=3))
    k = data.draw(st.integers(1, min(4, len(X))))
    model = shoal.BayesianGaussianMixture(
        n_components=k, covariance_type=kind, random_state=seed, max_iter=10
    )
    try:
        model.fit(X, sample_weight=weight)
    except ValueError as error:
        assert singular(error)  # noqa: PT017
        return
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(model.weights_.sum(), 1, atol=1e-5)


# --- local Gaussian ----------------------------------------------------------------------------------------


def local(X, separation, weight=None, **options):
    """A fit, or None where the separation is refused for what its page says."""
    try:
        return shoal.LocalGaussian(separation, **options).fit(X, sample_weight=weight)
    except ValueError as error:
        assert type(error) is ValueError  # noqa: PT017
        assert "separation" in str(error) or "squared distances overflow" in str(error)  # noqa: PT017
        return None


@st.composite
def local_data(draw, kinds=None, **options):
    X, weight = draw(weighted_rows(kinds or HARD, features=4, **options))
    width = float(np.ptp(X, axis=0).max())
    share = draw(st.sampled_from([0.02, 0.1, 0.3, 1.0, 2.0]))
    return X, weight, share * width if width > 0 else 1.0


@examples(80)
# a flat covariance lost its ridge in float32 before it was factored
@example(
    data=(np.array([[20.361595, 11.304], [-29.05292, -30.703735]], np.float32), None, 0.9882902526855469),
    count="auto",
    exact=True,
)
@given(data=local_data(), count=st.sampled_from(["auto", 0, 2]), exact=st.booleans())
def test_no_two_centres_are_closer_than_the_collision_distance(data, count, exact):
    X, weight, separation = data
    model = local(X, separation, weight, min_count=count, paper_exact=exact)
    if model is None:
        return
    centers = model.cluster_centers_.astype(float)
    assert np.isfinite(centers).all()
    assert np.isfinite(model.covariances_).all()
    if len(centers) > 1:
        rounding = 1e-9 if X.dtype == np.float64 else 1e-5
        assert pdist(centers).min() >= separation * (1 - rounding) - 1e-7 * size_of(X) * (
            X.dtype == np.float32
        )
    w = np.ones(len(X)) if weight is None else weight
    low, high = X[w > 0].min(axis=0), X[w > 0].max(axis=0)
    slack = 1e-6 * size_of(X)
    assert ((centers >= low - slack) & (centers <= high + slack)).all()
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    assert model.labels_.min() >= 0
    resp = model.predict_proba(X)
    np.testing.assert_allclose(resp.sum(axis=1), 1, atol=1e-5)
    p = model.p_values(X)
    assert ((p >= 0) & (p <= 1)).all()
    np.testing.assert_allclose(model.weights_.sum(), 1, atol=1e-5)


@examples(50)
@given(data=local_data(), scale=st.sampled_from([None, "range"]))
def test_threads_change_no_bit_of_local_gaussians(data, scale):
    X, weight, separation = data
    if scale:
        separation = 0.2
    results = []
    for n_threads in (1, 2, 7):
        with threads_and_block_length(n_threads, 4):
            model = local(X, separation, weight, min_count=0, scale=scale)
        results.append(
            None if model is None else bits(model.labels_, model.cluster_centers_, model.covariances_)
        )
    assert results[0] == results[1] == results[2]


@examples(50)
@given(data=local_data(EXACT, whole=True, dtypes=(np.float64,)), steps=st.integers(-3, 3))
def test_a_step_of_the_grid_and_a_power_of_two_move_the_answer_along(data, steps):
    X, weight, separation = data
    separation = 2.0 ** np.round(np.log2(separation))
    one = local(X, separation, weight, min_count=0)
    moved = local(X + steps * separation, separation, weight, min_count=0)
    scaled = local(4 * X, 4 * separation, weight, min_count=0)
    if one is None:
        assert moved is None
        return
    size = size_of(X) + 3 * separation
    np.testing.assert_allclose(
        one.cluster_centers_ + steps * separation, moved.cluster_centers_, atol=1e-6 * size
    )
    np.testing.assert_allclose(
        4 * one.cluster_centers_, scaled.cluster_centers_, rtol=1e-9, atol=1e-12 * size
    )


@examples(50)
# the square of their resolution is beyond float32, and beyond float64
@example(X=np.full((1, 1), 3.4e38, np.float32))
@example(X=np.full((1, 1), 1.7e308))
@given(X=rows(HARD | EXTREME, features=3))
def test_auto_finds_a_separation_or_says_why_not(X):
    model = local(X, "auto")
    if model is None:
        return
    assert model.separation_ > 0
    assert len(model.cluster_centers_) >= 1
    np.testing.assert_array_equal(model.predict(X), model.labels_)
