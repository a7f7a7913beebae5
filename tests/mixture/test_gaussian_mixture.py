"""GaussianMixture: EM against scikit-learn and a plain oracle, its promises, its starts, its criteria."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
from helpers import bits, both_dtypes, threads_and_block_length, threads_and_blocks
from hypothesis import given
from hypothesis import strategies as st
from oracles import mixture as oracle
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture as Reference

import shoal
from shoal import GaussianMixture, _core, gaussian_mixture

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

TYPES = ("full", "tied", "diag", "spherical")
all_types = pytest.mark.parametrize("covariance_type", TYPES)
ATTRIBUTES = ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_")


def blobs(rng, n=300, k=3, d=3, distance=4.0):
    centers = rng.normal(scale=distance, size=(k, d))
    labels = rng.integers(0, k, n)
    return centers[labels] + rng.normal(size=(n, d)) @ rng.normal(size=(d, d)), labels


def given_start(rng, X, covariance_type, k):
    d = X.shape[1]
    covariances = oracle.random_covariances(rng, covariance_type, k, d)
    factor = oracle.precisions_cholesky(covariances * X.var(), covariance_type)
    precisions = factor @ np.swapaxes(factor, -1, -2) if covariance_type in ("full", "tied") else factor**2
    return {
        "weights_init": rng.dirichlet(np.full(k, 5.0)),
        "means_init": X[rng.choice(len(X), k, replace=False)],
        "precisions_init": precisions,
        "covariance_type": covariance_type,
    }


# --- against scikit-learn and the oracle ---------------------------------------------------------------------------


@all_types
@pytest.mark.parametrize(("k", "d"), [(1, 1), (2, 2), (4, 5), (9, 3)])
def test_parameters_are_those_of_scikit_learn_from_the_same_start(rng, covariance_type, k, d):
    X, _ = blobs(rng, n=250, k=k, d=d)
    start = given_start(rng, X, covariance_type, k)
    start["reg_covar"] = 1e-3  # a component that closes in on few samples would make rounding count
    ours = GaussianMixture(k, tol=0, max_iter=40, **start).fit(X)
    theirs = Reference(k, tol=0, max_iter=40, **start).fit(X)
    for name in ATTRIBUTES:
        np.testing.assert_allclose(
            getattr(ours, name), getattr(theirs, name), rtol=1e-6, atol=1e-6, err_msg=name
        )
    np.testing.assert_allclose(ours.lower_bounds_, theirs.lower_bounds_, rtol=1e-9)
    assert ours.lower_bound_ == ours.lower_bounds_[-1]
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(ours.score_samples(X), theirs.score_samples(X), rtol=1e-6)
    for name in ("score", "bic", "aic"):
        assert getattr(ours, name)(X) == pytest.approx(getattr(theirs, name)(X), rel=1e-9)


@all_types
@pytest.mark.parametrize("init_params", ["random", "random_from_data"])
def test_random_starts_are_those_of_scikit_learn(rng, covariance_type, init_params):
    X, _ = blobs(rng)
    X -= X.mean(axis=0)  # about 0, where scikit-learn's tied start of single samples is taken too
    keys = {
        "covariance_type": covariance_type,
        "init_params": init_params,
        "random_state": 3,
        "tol": 0,
        "reg_covar": 0.1,  # a component on few samples would make rounding count
    }
    ours = GaussianMixture(3, max_iter=6, **keys).fit(X)
    theirs = Reference(3, max_iter=6, **keys).fit(X)
    for name in ATTRIBUTES:
        np.testing.assert_allclose(
            getattr(ours, name), getattr(theirs, name), rtol=1e-6, atol=1e-6, err_msg=name
        )


@all_types
def test_convergence_and_samples_are_those_of_scikit_learn(rng, covariance_type):
    X, _ = blobs(rng)
    start = given_start(rng, X, covariance_type, 3)
    start["reg_covar"] = 1e-3
    ours = GaussianMixture(3, random_state=5, max_iter=500, **start).fit(X)
    theirs = Reference(3, random_state=5, max_iter=500, **start).fit(X)
    assert (ours.converged_, ours.n_iter_) == (theirs.converged_, theirs.n_iter_)
    (drawn, component), (expected, expected_component) = ours.sample(50), theirs.sample(50)
    np.testing.assert_allclose(drawn, expected, atol=1e-6)
    np.testing.assert_array_equal(component, expected_component)


@all_types
def test_a_weighted_step_is_that_of_the_definition(rng, covariance_type):
    X, _ = blobs(rng, n=60, k=3, d=2)
    weight = rng.uniform(0, 2, 60)
    weight[:5] = 0
    start = given_start(rng, X, covariance_type, 3)
    model = GaussianMixture(3, max_iter=1, reg_covar=1e-3, **start).fit(X, sample_weight=weight)
    factor = oracle.precisions_cholesky(
        np.linalg.inv(start["precisions_init"])
        if covariance_type in ("full", "tied")
        else 1 / start["precisions_init"],
        covariance_type,
    )
    covariances = {
        "full": lambda: np.array([np.linalg.inv(p @ p.T) for p in factor]),
        "tied": lambda: np.linalg.inv(factor @ factor.T),
    }.get(covariance_type, lambda: 1 / factor**2)()
    weights, means, covariances, likelihood = oracle.em_step(
        X, weight, start["weights_init"], start["means_init"], covariances, covariance_type, 1e-3
    )
    np.testing.assert_allclose(model.weights_, weights, atol=1e-9)
    np.testing.assert_allclose(model.means_, means, atol=1e-9)
    np.testing.assert_allclose(model.covariances_, covariances, atol=1e-9)
    assert model.lower_bound_ == pytest.approx(likelihood, rel=1e-9)


# --- promises ------------------------------------------------------------------------------------------------------


@all_types
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(12, 60),
    k=st.integers(1, 4),
    d=st.integers(1, 4),
    weighted=st.booleans(),
    start=st.sampled_from(["random", "given", "kmeans"]),
)
def test_the_likelihood_never_falls(covariance_type, seed, n, k, d, weighted, start):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) + 3 * rng.integers(0, 2, size=(n, 1))
    weight = rng.uniform(0.1, 3, n) if weighted else None
    keys = given_start(rng, X, covariance_type, k) if start == "given" else {"init_params": start}
    keys["covariance_type"] = covariance_type
    model = GaussianMixture(k, tol=0, max_iter=25, reg_covar=0, random_state=seed % 2**31, **keys)
    try:
        model.fit(X, sample_weight=weight)
    except ValueError as error:  # the likelihood has no maximum: a component closes in on few samples
        if "singular" not in str(error):
            raise
        return
    rise = np.diff(model.lower_bounds_)
    # a covariance that is nearly singular has a likelihood with few digits
    scale = np.linalg.cond(model.covariances_).max() if covariance_type in ("full", "tied") else 1.0
    scale = max(scale, np.max(model.precisions_), 1.0)
    assert rise.min(initial=0.0) > -1e-12 * scale - 1e-10


@all_types
@both_dtypes
def test_integer_weights_are_copies(rng, covariance_type, dtype):
    X, _ = blobs(rng, n=150)
    X = X.astype(dtype)
    weight = rng.integers(0, 4, len(X))
    start = given_start(rng, X, covariance_type, 3)
    weighted = GaussianMixture(3, tol=0, max_iter=20, **start).fit(X, sample_weight=weight)
    copies = GaussianMixture(3, tol=0, max_iter=20, **start).fit(np.repeat(X, weight, axis=0))
    tolerance = 1e-9 if dtype == np.float64 else 2e-3
    for name in ("weights_", "means_", "covariances_"):
        np.testing.assert_allclose(
            getattr(weighted, name), getattr(copies, name), rtol=tolerance, atol=tolerance
        )
    for name in ("score", "bic", "aic", "icl"):
        ours = getattr(weighted, name)(X, sample_weight=weight)
        assert ours == pytest.approx(getattr(weighted, name)(np.repeat(X, weight, axis=0)), rel=1e-5)


@all_types
@pytest.mark.parametrize("init_params", ["kmeans", "random", "random_from_data", "k-means++"])
def test_unit_weights_change_nothing(rng, covariance_type, init_params):
    X, _ = blobs(rng)
    keys = {"covariance_type": covariance_type, "init_params": init_params, "max_iter": 5}
    if init_params == "random_from_data":  # draws by weight are other draws
        keys["means_init"] = X[:3]
    plain = GaussianMixture(3, random_state=1, **keys).fit(X)
    ones = GaussianMixture(3, random_state=1, **keys).fit(X, sample_weight=np.ones(len(X)))
    if init_params != "random_from_data":
        np.testing.assert_allclose(plain.means_, ones.means_, rtol=1e-9)


def test_the_scale_of_weights_does_not_matter(rng):
    X, _ = blobs(rng)
    weight = rng.uniform(0.5, 2, len(X))
    start = {"init_params": "from_labels", "labels_init": rng.integers(0, 3, len(X)), "max_iter": 5}
    a = GaussianMixture(3, **start).fit(X, sample_weight=weight)
    b = GaussianMixture(3, **start).fit(X, sample_weight=1e-18 * weight)
    np.testing.assert_allclose(a.covariances_, b.covariances_, rtol=1e-9, atol=1e-9)
    assert a.score(X, sample_weight=weight) == pytest.approx(b.score(X, sample_weight=1e-18 * weight))


@all_types
@both_dtypes
@threads_and_blocks
def test_threads_change_no_bit(rng, covariance_type, dtype, n_threads, block_length):
    X, _ = blobs(rng, n=600)
    X = X.astype(dtype)
    weight = rng.uniform(0, 2, len(X)).astype(dtype)

    def fit():
        model = GaussianMixture(3, covariance_type=covariance_type, random_state=0, max_iter=8)
        model.fit(X, sample_weight=weight)
        return bits(
            *(getattr(model, name) for name in (*ATTRIBUTES, "lower_bounds_")), model.predict_proba(X)
        )

    with threads_and_block_length(1, block_length):
        expected = fit()
    with threads_and_block_length(n_threads, block_length):
        assert fit() == expected


@all_types
def test_levels_and_blocks_agree_to_rounding(rng, covariance_type):
    X, _ = blobs(rng, n=400)
    start = given_start(rng, X, covariance_type, 3)
    before = _core.isa()
    fits = []
    try:
        for level in _core.isa_available():
            _core.set_isa(level)
            fits.append(GaussianMixture(3, tol=0, max_iter=10, **start).fit(X))
    finally:
        _core.set_isa(before)
    _core.force_block_length(7)
    fits.append(GaussianMixture(3, tol=0, max_iter=10, **start).fit(X))
    for fit in fits:
        np.testing.assert_allclose(fit.means_, fits[0].means_, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(fit.covariances_, fits[0].covariances_, rtol=1e-8, atol=1e-8)
        assert fit.predict(X).tolist() == fits[0].predict(X).tolist()


@all_types
def test_translation_and_scale(rng, covariance_type):
    X, _ = blobs(rng)
    X = np.round(X * 1024) / 1024
    labels = rng.integers(0, 3, len(X))
    model = {"covariance_type": covariance_type, "init_params": "from_labels", "reg_covar": 0, "max_iter": 10}
    plain = GaussianMixture(3, labels_init=labels, **model).fit(X)
    moved = GaussianMixture(3, labels_init=labels, **model).fit(4 * X + 4096)
    np.testing.assert_allclose(moved.means_, 4 * plain.means_ + 4096, rtol=1e-9)
    np.testing.assert_allclose(moved.covariances_, 16 * plain.covariances_, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(moved.predict(4 * X + 4096), plain.predict(X))


@all_types
@both_dtypes
def test_far_offsets_keep_their_digits(rng, covariance_type, dtype):
    """Covariances do not come from x^2 - mean^2 about 0, which has none left here."""
    X = np.round(rng.normal(size=(400, 2)) * 256) / 256 + 20 * rng.integers(0, 2, size=(400, 1))
    offset = 2.0**24 if dtype == np.float64 else 2.0**12
    labels = (X[:, 0] > 10).astype(int)
    keys = {"covariance_type": covariance_type, "init_params": "from_labels", "labels_init": labels}
    plain = GaussianMixture(2, **keys).fit(X)
    far = GaussianMixture(2, **keys).fit((X + offset).astype(dtype))
    assert far.means_.dtype == dtype
    np.testing.assert_allclose(far.covariances_, plain.covariances_, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(far.predict((X + offset).astype(dtype)), labels)


@all_types
def test_narrow_components_far_apart_in_float32(rng, covariance_type):
    """A thousand standard deviations apart: moments are taken about the means of the step before."""
    labels = rng.integers(0, 2, 2000)
    X = (np.array([[0.0, 0.0], [1000.0, 500.0]])[labels] + rng.normal(size=(2000, 2))).astype(np.float32)
    keys = {"covariance_type": covariance_type, "init_params": "from_labels", "labels_init": labels, "tol": 0}
    narrow = GaussianMixture(2, max_iter=5, **keys).fit(X)
    wide = GaussianMixture(2, max_iter=5, **keys).fit(X.astype(float))
    np.testing.assert_allclose(narrow.covariances_, wide.covariances_, rtol=2e-3, atol=2e-3)
    np.testing.assert_array_equal(narrow.predict(X), labels)


@all_types
def test_float32_stays_float32_and_finds_the_same(rng, covariance_type):
    X = 20 * np.eye(3)[rng.integers(0, 3, 500)] + rng.normal(size=(500, 3))
    narrow = GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(X.astype(np.float32))
    wide = GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(
        X.astype(np.float32).astype(float)
    )
    for name in ATTRIBUTES:
        assert getattr(narrow, name).dtype == np.float32
    assert (
        narrow.score_samples(X).dtype
        == narrow.predict_proba(X).dtype
        == narrow.sample(3)[0].dtype
        == np.float32
    )
    assert adjusted_rand_score(narrow.predict(X), wide.predict(X)) > 0.99
    assert narrow.score(X) == pytest.approx(wide.score(X), abs=1e-3)


# --- starts --------------------------------------------------------------------------------------------------------


def test_from_labels_starts_from_the_moments_of_the_labels(rng):
    X, truth = blobs(rng)
    names = np.array(["b", "a", "c"])[truth]
    model = GaussianMixture(3, init_params="from_labels", labels_init=names, max_iter=0, reg_covar=0).fit(X)
    for component, name in enumerate("abc"):
        own = X[names == name]
        np.testing.assert_allclose(model.means_[component], own.mean(axis=0))
        np.testing.assert_allclose(model.covariances_[component], np.cov(own.T, ddof=0), atol=1e-12)
        assert model.weights_[component] == pytest.approx(len(own) / len(X))


def test_from_labels_takes_y_and_leaves_noise_out(rng):
    X, truth = blobs(rng)
    labels = truth + 5
    labels[::7] = -1
    a = GaussianMixture(3, init_params="from_labels", max_iter=0).fit(X, labels)
    b = GaussianMixture(3, init_params="from_labels", max_iter=0, labels_init=truth[labels >= 0]).fit(
        X[labels >= 0]
    )
    np.testing.assert_allclose(a.means_, b.means_)
    np.testing.assert_allclose(a.weights_, b.weights_)


@pytest.mark.parametrize("labels", [None, [0, 1], [0, 1, 2, 2], [0, 0, -1, 0]])
def test_labels_that_make_no_start_are_refused(labels):
    X = [[0.0], [1.0], [2.0], [3.0]]
    with pytest.raises(ValueError, match="labels_init"):
        GaussianMixture(2, init_params="from_labels", labels_init=labels).fit(X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"weights_init": [0.5, 0.6]}, r"weights_init must be >= 0 and sum to 1; got a sum of 1.1"),
        ({"weights_init": [1.0]}, r"weights_init must have shape \(2,\); got \(1,\)"),
        ({"means_init": [[0.0, np.nan], [1.0, 1.0]]}, r"means_init contains NaN at row 0, column 1"),
        ({"means_init": [[0.0]]}, r"means_init must have shape \(2, 2\); got \(1, 1\)"),
        ({"precisions_init": np.zeros((2, 2, 2))}, "precisions_init must be positive definite"),
        ({"precisions_init": [[[1, 2], [0, 1]]] * 2}, "precisions_init must be symmetric"),
        (
            {"precisions_init": np.zeros((2, 2)), "covariance_type": "diag"},
            "precisions_init must be positive",
        ),
        ({"covariance_type": "banded"}, "covariance_type must be one of 'full', 'tied'"),
        ({"init_params": "best"}, "init_params must be one of 'kmeans'"),
        ({"n_components": 9}, r"n_components must be in \[1, n_samples=6\]; got 9"),
        ({"reg_covar": -1.0}, r"reg_covar must be in \[0, inf\)"),
        ({"tol": np.nan}, "tol must be in"),
        ({"max_iter": -1}, "max_iter must be in"),
        ({"n_init": 0}, "n_init must be in"),
    ],
)
def test_parameters_are_refused_by_name(parameters, message):
    X = np.arange(12.0).reshape(6, 2) ** 1.5
    with pytest.raises(ValueError, match=message):
        GaussianMixture(**{"n_components": 2, **parameters}).fit(X)


@pytest.mark.parametrize(
    ("covariance_type", "who"),
    [
        ("full", "component 1"),
        ("diag", "component 1"),
        ("spherical", "component 1"),
        ("tied", "the tied covariance"),
    ],
)
def test_a_singular_covariance_is_named(covariance_type, who):
    X = np.array(
        [[0.0, 0], [1, 0], [0, 1], [9, 9], [9, 9]]
        if covariance_type != "tied"
        else [[0.0, 0], [1, 1], [9, 9]]
    )
    labels = [0, 0, 0, 1, 1] if covariance_type != "tied" else [0, 0, 1]
    model = GaussianMixture(
        2, covariance_type=covariance_type, init_params="from_labels", labels_init=labels, reg_covar=0
    )
    with pytest.raises(
        ValueError, match=rf"{who} is singular: .*raise reg_covar=0, lower n_components=2 or scale X"
    ):
        model.fit(X)
    assert not hasattr(model, "means_")


def test_squares_that_overflow_are_refused():
    with pytest.raises(ValueError, match="squares and sums are finite"):
        GaussianMixture(1, init_params="random").fit(np.array([[0.0], [1e200], [-1e200]]))


def test_the_best_of_many_starts_is_kept(rng):
    X, _ = blobs(rng, k=5)
    keys = {"init_params": "random_from_data", "max_iter": 5}
    state = np.random.RandomState(0)
    singles = [GaussianMixture(5, random_state=state, **keys).fit(X).lower_bound_ for _ in range(4)]
    many = GaussianMixture(5, random_state=np.random.RandomState(0), n_init=4, **keys).fit(X)
    assert many.lower_bound_ == max(singles)


def test_warm_start_goes_on(rng):
    X, _ = blobs(rng)
    start = given_start(rng, X, "full", 3)
    whole = GaussianMixture(3, tol=0, max_iter=12, **start).fit(X)
    parts = GaussianMixture(3, tol=0, max_iter=6, warm_start=True, **start).fit(X).fit(X)
    np.testing.assert_array_equal(parts.means_, whole.means_)
    np.testing.assert_array_equal(parts.lower_bounds_, whole.lower_bounds_[6:])
    with pytest.raises(ValueError, match="warm_start must go on"):
        parts.set_params(n_components=2, means_init=None, weights_init=None, precisions_init=None).fit(X)


def test_no_convergence_warns_and_says_so(rng):
    X, _ = blobs(rng)
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        model = GaussianMixture(3, max_iter=2, tol=0).fit(X)
    assert not model.converged_
    assert model.n_iter_ == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = GaussianMixture(3, max_iter=500, random_state=0).fit(X)
    assert model.converged_
    assert model.n_iter_ == len(model.lower_bounds_)


def test_fit_predict_is_predict_and_the_largest_responsibility(rng):
    X, _ = blobs(rng)
    for dtype in (np.float32, np.float64):
        model = GaussianMixture(3, random_state=0)
        labels = model.fit_predict(X.astype(dtype))
        assert labels.dtype == np.int64
        np.testing.assert_array_equal(labels, model.predict(X.astype(dtype)))
        np.testing.assert_array_equal(labels, model.predict_proba(X.astype(dtype)).argmax(axis=1))


def test_progress_is_told(rng, capsys):
    X, _ = blobs(rng)
    GaussianMixture(3, verbose=1, random_state=0, max_iter=20).fit(X)
    assert "start 1 of 1" in capsys.readouterr().err


# --- criteria ------------------------------------------------------------------------------------------------------


def test_icl_is_the_bic_of_the_completed_data(rng):
    X, _ = blobs(rng, distance=1.0)
    model = GaussianMixture(3, random_state=0).fit(X)
    resp = model.predict_proba(X)
    assert model.icl(X) == pytest.approx(model.bic(X) - 2 * np.log(resp.max(axis=1)).sum())
    assert model.icl(X) >= model.bic(X)
    weight = rng.uniform(0, 2, len(X))
    expected = model.bic(X, sample_weight=weight) - 2 * (weight * np.log(resp.max(axis=1))).sum()
    assert model.icl(X, sample_weight=weight) == pytest.approx(expected)


@pytest.mark.parametrize("distance", [1e3, 1e4, 1e5])
@pytest.mark.parametrize("offset", [0.0, 1e5])
@pytest.mark.parametrize("max_iter", [0, 1, 3])
def test_a_tied_covariance_of_components_far_apart_keeps_its_digits_in_float32(
    rng, distance, offset, max_iter
):
    """Against the sums within the components, in float64, of the same numbers."""
    truth = rng.integers(0, 3, 1500)
    centers = distance * np.array([[0.0, 0.0], [1.0, 2.0], [-3.0, 1.0]]) + offset
    X = (centers[truth] + rng.normal(size=(1500, 2)) @ [[2.0, 1.0], [0.0, 1.5]]).astype(np.float32)
    within = [X[truth == c] - X[truth == c].mean(axis=0, dtype=np.float64) for c in range(3)]
    expected = sum(rows.T @ rows for rows in within) / 1500 + 1e-6 * np.eye(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = GaussianMixture(
            3, covariance_type="tied", init_params="from_labels", max_iter=max_iter, tol=0.0
        ).fit(X, truth)
    np.testing.assert_allclose(model.covariances_, expected, rtol=2e-5, atol=2e-5 * expected.max())
    np.testing.assert_array_equal(model.labels_, truth)


# --- streams -------------------------------------------------------------------------------------------------------


@all_types
def test_with_step_exponent_one_batches_weigh_alike(rng, covariance_type):
    """While responsibilities are certain, stepwise EM over all batches gives the moments of all samples."""
    truth = rng.integers(0, 2, 400)
    X = np.array([[0.0, 0.0], [100.0, 40.0]])[truth] + rng.normal(size=(400, 2))
    keys = {"covariance_type": covariance_type, "init_params": "from_labels", "step_exponent": 1.0}
    model = GaussianMixture(2, **keys)
    for i in range(0, 400, 100):
        model.partial_fit(X[i : i + 100], truth[i : i + 100])
    whole = GaussianMixture(2, covariance_type=covariance_type, init_params="from_labels").fit(X, truth)
    for name in ("weights_", "means_", "covariances_"):
        np.testing.assert_allclose(getattr(model, name), getattr(whole, name), rtol=1e-9, atol=1e-9)
    assert model.n_iter_ == len(model.lower_bounds_) == 4


@all_types
def test_step_sizes_are_as_documented(rng, covariance_type):
    truth = np.repeat([0, 1], 60)
    centers = np.array([[0.0, 0.0], [100.0, 40.0]])
    batches = [centers[truth] + rng.normal(size=(120, 2)) for _ in range(3)]
    model = GaussianMixture(2, covariance_type=covariance_type, init_params="from_labels", step_exponent=0.7)
    mean = 0.0
    for t, batch in enumerate(batches, start=1):
        model.partial_fit(batch, truth)
        mean = mean + t**-0.7 * (batch[:60].mean(axis=0) - mean)
    np.testing.assert_allclose(model.means_[0], mean, rtol=1e-9, atol=1e-9)


def test_a_stream_nears_the_fit_of_all(rng):
    X, _ = blobs(rng, n=6000, distance=6.0)
    whole = GaussianMixture(3, random_state=0).fit(X)
    model = GaussianMixture(3, random_state=0)
    for i in range(0, 6000, 300):
        model.partial_fit(X[i : i + 300])
    assert model.score(X) > whole.score(X) - 0.05


def test_a_fit_is_the_first_batch(rng):
    X, _ = blobs(rng)
    model = GaussianMixture(3, random_state=0, step_exponent=1.0).fit(X)
    before = copy.deepcopy(model)
    model.partial_fit(X)
    assert model.n_iter_ == 2
    np.testing.assert_allclose(model.means_, before.means_, atol=0.05)
    with pytest.raises(ValueError, match="step_exponent"):
        model.set_params(step_exponent=0.5).partial_fit(X)
    with pytest.raises(ValueError, match="n_components"):
        model.set_params(step_exponent=0.6, n_components=2).partial_fit(X)


@all_types
def test_a_stream_after_a_fit_counts_it_and_knows_its_reg_covar(rng, covariance_type):
    truth = rng.integers(0, 2, 400)
    X = np.array([[0.0, 0.0], [100.0, 40.0]])[truth] + rng.normal(size=(400, 2))
    keys = {"covariance_type": covariance_type, "init_params": "from_labels"}
    model = GaussianMixture(2, reg_covar=5.0, step_exponent=1.0, **keys).fit(X[:200], truth[:200])
    of_fit = model.lower_bound_
    model.set_params(reg_covar=1e-6).partial_fit(X[200:])
    assert model.n_iter_ == len(model.lower_bounds_) == 2
    assert model.lower_bounds_.tolist() == [of_fit, model.lower_bound_]
    whole = GaussianMixture(2, **keys).fit(X, truth)  # while responsibilities are certain
    np.testing.assert_allclose(model.covariances_, whole.covariances_, rtol=1e-9, atol=1e-9)
    model.set_params(reg_covar=2.0).partial_fit(X[:10])
    assert model.n_iter_ == len(model.lower_bounds_) == 3


# --- function ------------------------------------------------------------------------------------------------------


def test_the_function_is_the_estimator(rng):
    X, _ = blobs(rng)
    weight = rng.uniform(0.5, 1, len(X))
    result = gaussian_mixture(X, 3, sample_weight=weight, covariance_type="diag", random_state=0)
    model = GaussianMixture(3, covariance_type="diag", random_state=0).fit(X, sample_weight=weight)
    assert bits(result.means, result.covariances, result.weights) == bits(
        model.means_, model.covariances_, model.weights_
    )
    np.testing.assert_array_equal(result.labels, model.predict(X))
    assert (result.lower_bound, result.n_iter, result.converged) == (
        model.lower_bound_,
        model.n_iter_,
        model.converged_,
    )


def test_the_gaussian_oracle_knows_the_truth(rng):
    """Parameters of well separated Gaussians come back within sampling error."""
    centers = np.array([[0.0, 0.0], [12.0, 0.0], [0.0, 15.0]])
    labels = rng.integers(0, 3, 6000)
    roots = np.array([[[1.0, 0.0], [0.5, 1.0]], [[2.0, 0.0], [0.0, 0.5]], [[1.0, 0.0], [-0.8, 0.7]]])
    X = centers[labels] + np.einsum("nij,nj->ni", roots[labels], rng.normal(size=(6000, 2)))
    model = shoal.GaussianMixture(3, random_state=0).fit(X)
    order = [int(np.argmin(((model.means_ - c) ** 2).sum(axis=1))) for c in centers]
    np.testing.assert_allclose(model.means_[order], centers, atol=0.25)
    np.testing.assert_allclose(model.covariances_[order], roots @ np.swapaxes(roots, 1, 2), atol=0.5)
    assert adjusted_rand_score(labels, model.predict(X)) > 0.99


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_em_without_a_limit_ends_at_a_stationary_point(kind, rng):
    """Wu's theorem: no small change of the means or the covariances makes the data more likely."""
    X = np.concatenate([rng.normal(0, 1, (150, 2)), rng.normal(4, 1.5, (150, 2))])
    model = shoal.GaussianMixture(
        2, covariance_type=kind, reg_covar=0, tol=1e-13, max_iter=5000, random_state=0
    )
    model.fit(X)
    assert model.converged_
    best = model.score(X)
    h = 1e-4
    for c in range(2):
        for f in range(2):
            slope = []
            for sign in (1, -1):
                other = copy.deepcopy(model)
                other.means_[c, f] += sign * h
                slope.append(other.score(X))
            assert abs(slope[0] - slope[1]) / (2 * h) < 1e-4
            assert max(slope) < best
    for factor in (1 + h, 1 - h):
        other = copy.deepcopy(model)
        other.precisions_cholesky_ *= factor
        assert other.score(X) < best
