"""What every estimator of the library promises: scikit-learn's contract, without exemptions, and ours.

A new estimator joins by one line in ``ESTIMATORS``.
"""

from __future__ import annotations

import copy
import importlib.util
import inspect
import os
import pickle
import signal
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import hard_data
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn.cluster
import sklearn.mixture
from helpers import threads_and_block_length, threads_and_blocks
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

import shoal


@dataclass
class Case:
    """An estimator that fits DATA, and the parameters with which a fit of long_work takes seconds."""

    model: Any
    slow: dict[str, Any] = field(default_factory=dict)
    signed_weights: bool = False  # negative weights have a meaning
    infinite: tuple[str, ...] = ()  # attributes in which inf has a meaning
    least: int = 1  # samples
    wide: tuple[str, ...] = ()  # attributes that are float64 for any data
    parts_equal_rows: bool = False  # as scikit-learn's does, for as many clusters as are asked for
    long: int | None = None  # rows of long_work that are enough, where all would not fit into memory

    @property
    def takes_nan(self) -> bool:
        return get_tags(self.model).input_tags.allow_nan

    def __str__(self) -> str:
        return repr(self.model)

    @property
    def weighted(self) -> bool:
        return "sample_weight" in inspect.signature(self.model.fit).parameters

    @property
    def sparse(self) -> bool:
        return get_tags(self.model).input_tags.sparse


LLOYD = {"n_clusters": 400, "tol": 0, "max_iter": 10_000}
STEPS = {"n_clusters": 400, "max_iter": 10_000, "max_no_improvement": None, "batch_size": 4096}
SPLITS = {"n_clusters": 20_000, "tol": 0, "n_init": 20, "max_iter": 10_000}
EM = {"n_components": 60, "init_params": "random", "tol": 0, "max_iter": 10_000}
BOUNDS = ("lower_bounds_",)
SUMS = {"threshold": 4.0, "n_clusters": None, "max_subclusters": None}
MESSAGES = {"max_iter": 10_000, "convergence_iter": 10_000}
REACH = ("reachability_", "core_distances_")
ESTIMATORS = [
    Case(shoal.KMeans(3, random_state=0), slow=LLOYD),
    Case(shoal.KMeans(3, random_state=0, init="k-means||"), slow=LLOYD),
    Case(shoal.KMeans(3, random_state=0, init="random", n_init=2, algorithm="elkan"), slow=LLOYD),
    Case(shoal.KMeans(3, random_state=0, metric="cosine", algorithm="hamerly"), slow=LLOYD),
    Case(shoal.MiniBatchKMeans(3, random_state=0), slow=STEPS),
    Case(shoal.MiniBatchKMeans(3, random_state=0, init="random", metric="cosine"), slow=STEPS),
    Case(shoal.BisectingKMeans(3, random_state=0), slow=SPLITS),
    Case(
        shoal.BisectingKMeans(
            3, random_state=0, init="k-means++", metric="cosine", bisecting_strategy="largest_cluster"
        ),
        slow=SPLITS,
    ),
    Case(shoal.DBSCAN(1.5), slow={"eps": 4.0, "min_samples": 1000}, signed_weights=True),
    Case(
        shoal.DBSCAN(0.02, metric="cosine"),
        slow={"eps": 0.4, "min_samples": 1000},
        signed_weights=True,
    ),
    Case(shoal.OPTICS(), least=2, infinite=REACH, wide=REACH),
    Case(
        shoal.OPTICS(max_eps=2.5, cluster_method="dbscan", eps=2),
        least=2,
        slow={"max_eps": 6.0},
        infinite=REACH,
        wide=REACH,
    ),
    Case(shoal.HDBSCAN(4), least=4),
    Case(
        shoal.HDBSCAN(
            12, 4, metric="cosine", cluster_selection_method="leaf", cluster_selection_epsilon=0.01
        ),
        least=4,
    ),
    Case(shoal.LocalGaussian(), slow={"min_count": 0, "separation": 1.0}),
    Case(
        shoal.LocalGaussian(min_count=0.5, scale="range", p_value=0.01, ratio=0.9, tol=1e-3),
        slow={"min_count": 0, "separation": 0.125},
    ),
    Case(shoal.HDBSCAN(6, 3, metric="manhattan", allow_single_cluster=True, max_cluster_size=30), least=3),
    Case(shoal.GaussianMixture(3, random_state=0), least=2, slow=EM, wide=BOUNDS),
    Case(
        shoal.GaussianMixture(3, covariance_type="tied", random_state=0, n_init=2),
        least=2,
        slow=EM,
        wide=BOUNDS,
    ),
    Case(
        shoal.GaussianMixture(3, covariance_type="diag", init_params="k-means++", random_state=0),
        least=2,
        slow=EM,
        wide=BOUNDS,
    ),
    Case(
        shoal.GaussianMixture(2, covariance_type="spherical", random_state=0), least=2, slow=EM, wide=BOUNDS
    ),
    Case(shoal.Birch(), slow=SUMS),
    Case(shoal.Birch(threshold=0, max_subclusters=20, head="kmeans", random_state=0), slow=SUMS),
    Case(shoal.BayesianGaussianMixture(n_components=3, random_state=0), least=2, slow=EM, wide=BOUNDS),
    Case(
        shoal.BayesianGaussianMixture(
            n_components=3,
            covariance_type="tied",
            weight_concentration_prior_type="dirichlet_distribution",
            random_state=0,
        ),
        least=2,
        slow=EM,
        wide=BOUNDS,
    ),
    Case(
        shoal.BayesianGaussianMixture(n_components=2, covariance_type="diag", random_state=0),
        least=2,
        slow=EM,
        wide=BOUNDS,
    ),
    Case(shoal.AgglomerativeClustering(3), least=3, parts_equal_rows=True),
    Case(
        shoal.AgglomerativeClustering(3, linkage="average", metric="manhattan", compute_distances=True),
        least=3,
        parts_equal_rows=True,
        wide=("distances_",),
        long=9000,
    ),
    Case(shoal.AgglomerativeClustering(3, linkage="single"), least=3, parts_equal_rows=True),
    Case(shoal.AffinityPropagation(random_state=0), slow=MESSAGES, long=2000),
    Case(
        shoal.AffinityPropagation(random_state=0, damping=0.9, max_iter=400, dtype="float32"),
        slow=MESSAGES,
        long=2000,
    ),
]

every = pytest.mark.parametrize("case", ESTIMATORS, ids=str)
weighted = pytest.mark.parametrize("case", [case for case in ESTIMATORS if case.weighted], ids=str)
predicting = pytest.mark.parametrize("case", [c for c in ESTIMATORS if hasattr(c.model, "predict")], ids=str)

# Three groups of whole numbers: any form of the data holds them exactly.
_RNG = np.random.default_rng(0)
DATA = np.repeat([[1, 2, 40], [30, 5, 3], [4, 50, 9]], [14, 13, 13], axis=0) + _RNG.integers(
    0, 4, size=(40, 3)
)
DATA = np.ascontiguousarray(DATA[_RNG.permutation(40)], dtype=float)
NAMES = ["length", "width", "height"]


def fitted(model):
    """The attributes a fit has set."""
    state = {name: value for name, value in vars(model).items() if name.endswith("_") and name[0] != "_"}
    return {name: value.toarray() if sparse.issparse(value) else value for name, value in state.items()}


def assert_same_fit(a, b, *, but=()):
    a, b = fitted(a), fitted(b)
    assert a.keys() - set(but) == b.keys() - set(but)
    for name in a.keys() - set(but):
        np.testing.assert_array_equal(a[name], b[name], err_msg=name, strict=True)


def fit(case, X=DATA, **arguments):
    return clone(case.model).fit(X, **arguments)


# --- scikit-learn's contract -------------------------------------------------------------------------------


# of features: tests/hierarchy has the rest of their contract
OTHERS = [shoal.FeatureAgglomeration(2), shoal.FeatureAgglomeration(2, linkage="average", metric="cosine")]


@parametrize_with_checks([*(case.model for case in ESTIMATORS), *OTHERS])
def test_the_checks_of_scikit_learn_pass_without_exemptions(estimator, check):
    check(estimator)


def test_every_public_estimator_is_in_the_contract():
    public = set()
    for name, module in shoal._PUBLIC.items():
        if importlib.util.find_spec(module) is not None:
            value = getattr(shoal, name)
            if inspect.isclass(value) and issubclass(value, BaseEstimator):
                public.add(value)
    assert public == {type(case.model) for case in ESTIMATORS} | {type(model) for model in OTHERS}


# --- copies ------------------------------------------------------------------------------------------------

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {protocol}": lambda model, protocol=protocol: pickle.loads(pickle.dumps(model, protocol))
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    },
}


@every
@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_the_same_model(case, how):
    model = fit(case)
    other = COPIES[how](model)
    assert_same_fit(other, model)
    assert repr(other) == repr(model)
    for method in ("predict", "transform"):
        if hasattr(model, method):
            np.testing.assert_array_equal(getattr(other, method)(DATA), getattr(model, method)(DATA))


@every
def test_a_clone_is_unfitted_and_fits_alike(case):
    model = fit(case)
    other = clone(model)
    assert fitted(other) == {}
    assert_same_fit(other.fit(DATA), model)


# --- data in any form --------------------------------------------------------------------------------------


def strided(X):
    wide = np.full((2 * len(X), 2 * X.shape[1]), -1.0)
    wide[::2, ::2] = X
    return wide[::2, ::2]


def read_only(X):
    X = X.copy()
    X.setflags(write=False)
    return X


FORMS = {
    "read-only": read_only,
    "Fortran order": np.asfortranarray,
    "every second row and column": strided,
    "negative strides": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "transposed": lambda X: X.T.copy().T,
    "list": lambda X: X.tolist(),
    "tuple of arrays": tuple,
    "int8": lambda X: X.astype(np.int8),
    "int64": lambda X: X.astype(np.int64),
    "uint16": lambda X: X.astype(np.uint16),
    "float16": lambda X: X.astype(np.float16),
    "long double": lambda X: X.astype(np.longdouble),
    "big endian": lambda X: X.astype(">f8"),
    "objects": lambda X: X.astype(object),
    "subclass": lambda X: X.view(np.recarray),
    "pandas": lambda X: pd.DataFrame(X, columns=NAMES),
    "pandas of integers": lambda X: pd.DataFrame(X.astype(int), columns=NAMES),
    "pandas nullable": lambda X: pd.DataFrame(X, columns=NAMES).astype("Float64"),
    "polars": lambda X: pl.DataFrame(X, schema=NAMES),
    "polars of integers": lambda X: pl.DataFrame(X.astype(int), schema=NAMES),
}


@every
@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_the_data_changes_nothing(case, form):
    X = FORMS[form](DATA)
    model = fit(case, X)
    assert_same_fit(model, fit(case), but={"feature_names_in_"})
    if isinstance(X, pd.DataFrame | pl.DataFrame):
        assert model.feature_names_in_.tolist() == NAMES
    else:
        assert not hasattr(model, "feature_names_in_")
    for method in ("predict", "transform"):
        if hasattr(model, method):
            np.testing.assert_array_equal(getattr(model, method)(X), getattr(fit(case), method)(DATA))


@every
def test_mapped_files_are_data(case, tmp_path):
    DATA.tofile(tmp_path / "data")
    X = np.memmap(tmp_path / "data", dtype=float, mode="r", shape=DATA.shape)
    assert_same_fit(fit(case, X), fit(case))


@pytest.mark.parametrize("case", [case for case in ESTIMATORS if case.sparse], ids=str)
def test_sparse_data_of_any_format_are_data(case):
    expected = fit(case, sparse.csr_array(DATA))
    for form in (sparse.csr_matrix, sparse.csc_array, sparse.coo_array, sparse.lil_array, sparse.dok_array):
        assert_same_fit(fit(case, form(DATA)), expected)


@every
def test_float32_stays_float32(case):
    model = fit(case, DATA.astype(np.float32))
    double = fit(case)
    for name, value in fitted(model).items():
        expected = np.asarray(getattr(double, name)).dtype
        if isinstance(value, np.ndarray) and expected == np.float64:
            assert value.dtype == (np.float64 if name in case.wide else np.float32), name
    if hasattr(model, "transform"):
        assert model.transform(DATA.astype(np.float32)).dtype == np.float32


@every
def test_fitted_attributes_are_plain(case):
    for name, value in fitted(fit(case)).items():
        assert isinstance(value, np.ndarray | float | int | bool), name
        if isinstance(value, np.ndarray):
            assert type(value) is np.ndarray
            assert value.flags.c_contiguous
            assert value.flags.writeable


@every
def test_data_and_weights_stay_the_callers(case):
    X, weight = DATA.copy(), np.arange(1.0, 41.0)
    model = fit(case, X, **({"sample_weight": weight} if case.weighted else {}))
    for value in fitted(model).values():
        if isinstance(value, np.ndarray):
            assert not np.shares_memory(value, X)
            value[...] = 0
    np.testing.assert_array_equal(X, DATA)
    np.testing.assert_array_equal(weight, np.arange(1.0, 41.0))


@every
def test_hard_data_are_fitted(case, hard_data):
    """Finite results, for as many clusters as there are samples if need be."""
    model = clone(case.model)
    if isinstance(model, shoal.OPTICS):
        model.set_params(min_samples=min(model.min_samples, max(2, len(hard_data))))
    if len(hard_data) < case.least:
        with pytest.raises(ValueError, match=rf"got (n_samples=)?{len(hard_data)}"):
            model.fit(hard_data)
        return
    if hasattr(model, "n_clusters"):
        model.set_params(n_clusters=min(model.n_clusters, len(hard_data)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of too few distinct samples, which has its own tests
        model.fit(hard_data)
    for name, value in fitted(model).items():
        assert np.isfinite(value).all() or name in case.infinite, name
    assert model.labels_.shape == (len(hard_data),)
    if (
        case.parts_equal_rows
        and (cdist(hard_data, hard_data) == 0)[np.not_equal.outer(model.labels_, model.labels_)].any()
    ):
        return  # no function of a row can tell them apart
    if hasattr(model, "predict"):
        np.testing.assert_array_equal(model.predict(hard_data), model.labels_)


# --- results -----------------------------------------------------------------------------------------------


@every
def test_labels_have_scikit_learns_type_and_fit_returns_the_estimator(case):
    model = clone(case.model)
    assert model.fit(DATA) is model
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        home = sklearn.mixture if hasattr(sklearn.mixture, type(model).__name__) else sklearn.cluster
        named = getattr(home, type(model).__name__, sklearn.cluster.MeanShift)  # or one much like it
        theirs = named().fit_predict(DATA.repeat(3, axis=0))
    assert model.labels_.dtype == theirs.dtype
    np.testing.assert_array_equal(clone(case.model).fit_predict(DATA), model.labels_)


@predicting
def test_labels_are_what_predict_says(case):
    model = fit(case)
    labels = model.labels_.copy()
    if isinstance(model, shoal.AffinityPropagation):  # equal exemplars: each is its own
        for exemplar in model.cluster_centers_indices_:
            labels[exemplar] = (model.cluster_centers_ == DATA[exemplar]).all(axis=1).argmax()
    np.testing.assert_array_equal(model.predict(DATA), labels)
    assert model.predict(DATA).dtype == model.labels_.dtype
    alone = [model.predict(DATA[i : i + 1])[0] for i in range(len(DATA))]
    np.testing.assert_array_equal(alone, labels)


@every
def test_a_seed_gives_the_same_bits_each_time(case):
    assert_same_fit(fit(case), fit(case))
    model = fit(case)
    assert_same_fit(copy.copy(model).fit(DATA), model)  # fitted again


@every
@threads_and_blocks
def test_threads_change_no_bit(case, rng, n_threads, block_length):
    X = rng.integers(0, 4, size=(300, 3)) * 0.1 + 0.1
    with threads_and_block_length(1, block_length):
        expected = fit(case, X)
    with threads_and_block_length(n_threads, block_length):
        assert_same_fit(fit(case, X), expected)


@every
def test_many_python_threads_may_fit_at_once(case, rng):
    X = rng.normal(size=(500, 3)) + 1
    expected = fit(case, X)
    with ThreadPoolExecutor(4) as pool:
        for model in pool.map(lambda _: fit(case, X), range(12)):
            assert_same_fit(model, expected)


@weighted
def test_weights_come_in_any_form(case):
    weight = np.arange(1, 41)
    expected = fit(case, sample_weight=weight.astype(float))
    for form in (
        weight,
        weight.tolist(),
        weight.astype(np.float32),
        pd.Series(weight),
        strided(weight[:, None])[:, 0],
    ):
        assert_same_fit(fit(case, sample_weight=form), expected)
    assert_same_fit(fit(case, sample_weight=1), fit(case))
    assert_same_fit(fit(case, sample_weight=None), fit(case))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_a_forked_child_fits_alike(run_python):
    names = {type(case.model).__name__ for case in ESTIMATORS}
    run_python(
        f"""
        import os, signal
        import numpy as np
        from shoal import {", ".join(names)}

        X = np.arange(3000.0).reshape(-1, 3) % 17 + 1
        models = {[case.model for case in ESTIMATORS]!r}
        labels = [model.fit(X).labels_ for model in models]  # the parent's threads exist from here on
        for model, expected in zip(models, labels):
            child = os.fork()
            if child == 0:
                signal.alarm(60)  # a hang ends the child
                os._exit(0 if (model.fit(X).labels_ == expected).all() else 1)
            _, status = os.waitpid(child, 0)
            assert os.waitstatus_to_exitcode(status) == 0, (model, status)
        """
    )


@every
def test_progress_is_shown_when_asked_for(case, capfd):
    silent = fit(case)
    assert capfd.readouterr() == ("", "")
    for verbose in (1, True):
        told = clone(case.model).set_params(verbose=verbose).fit(DATA)
        out, err = capfd.readouterr()
        assert out == ""
        assert type(case.model).__name__ in err
        assert_same_fit(told, silent)


# --- refusals ----------------------------------------------------------------------------------------------


def assert_unchanged(model, before):
    """Not one attribute is new, gone, or another object."""
    now = vars(model)
    assert now.keys() == before.keys()
    for name, value in before.items():
        assert now[name] is value, name


def refuse(case, error, message, X=DATA, params=None, **arguments):
    """A fit is refused with `message`, and leaves an unfitted and a fitted estimator as they were."""
    for model in (clone(case.model), fit(case)):
        model.set_params(**(params or {}))
        before = dict(vars(model))
        held = {name: np.array(value, copy=True) for name, value in fitted(model).items()}
        with pytest.raises(error, match=message):
            model.fit(X, **arguments)
        assert_unchanged(model, before)
        for name, value in held.items():
            np.testing.assert_array_equal(getattr(model, name), value)


@every
@pytest.mark.parametrize("kind", hard_data.refused())
def test_bad_data_are_refused_by_name_and_nothing_changes(case, kind):
    X, message = hard_data.refused()[kind]
    if case.takes_nan and kind in ("NaN", "infinity"):
        return  # its own tests say what becomes of them
    refuse(case, (ValueError, TypeError), message, X)


@every
def test_bad_cells_of_a_frame_are_named_by_column(case):
    frame = pd.DataFrame(DATA, columns=NAMES)
    frame.loc[7, "width"] = np.nan
    if not case.takes_nan:
        refuse(case, ValueError, r"contains NaN at row 7, column 1 \('width'\)", frame)
    words = pd.DataFrame(DATA, columns=NAMES).astype(object)
    words.loc[3, "height"] = "tall"
    refuse(case, ValueError, r"'tall', at row 3, column 2 \('height'\)", words)


WEIGHTS = {
    "negative": (
        np.r_[np.ones(39), -1],
        r"Negative values in sample_weight at index 39: must be >= 0; got -1",
    ),
    "NaN": (np.r_[np.nan, np.ones(39)], r"Input sample_weight contains NaN at index 0"),
    "infinity": (np.r_[np.ones(5), np.inf, np.ones(34)], r"Input sample_weight contains infinity at index 5"),
    "all zero": (np.zeros(40), r"sample_weight must have a positive value; got all zero"),
    "too short": (np.ones(39), r"sample_weight must have shape \(n_samples=40,\); got \(39,\)"),
    "a matrix": (np.ones((40, 1)), r"sample_weight must have shape \(n_samples=40,\); got \(40, 1\)"),
    "words": (["a"] * 40, r"sample_weight must be an array of numbers"),
    "complex": (np.ones(40) * 1j, r"Complex data not supported: sample_weight must hold real numbers"),
    "an infinite sum": (np.full(40, 1e308), r"sample_weight must have a finite sum; got inf"),
}


@weighted
@pytest.mark.parametrize("kind", WEIGHTS)
def test_bad_weights_are_refused_by_name_and_nothing_changes(case, kind):
    weight, message = WEIGHTS[kind]
    if case.signed_weights and kind == "negative":
        fit(case, sample_weight=weight)
        return
    refuse(case, ValueError, message, sample_weight=weight)


@every
def test_bad_parameters_are_refused_by_name_and_nothing_changes(case):
    """Every parameter, given an object that means nothing, is named in the refusal."""

    class Nonsense:
        def __repr__(self):
            return "nonsense"

        def __eq__(self, other):
            return isinstance(other, Nonsense)

        __hash__ = None

    for name in case.model.get_params():
        refuse(case, (TypeError, ValueError), rf"{name}.*nonsense", DATA[:, :2], params={name: Nonsense()})


@every
def test_too_few_samples_are_refused(case):
    if hasattr(case.model, "n_clusters") and not isinstance(
        case.model, shoal.Birch
    ):  # it warns, more may come
        refuse(case, ValueError, r"n_clusters must be in \[1, n_samples=2\]; got 3", DATA[:2])


@predicting
def test_predict_wants_a_fit_and_the_features_of_the_fit(case):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        clone(case.model).predict(DATA)
    model = fit(case)
    with pytest.raises(ValueError, match=r"X has 2 features, but \w+ is expecting 3 features"):
        model.predict(DATA[:, :2])
    if not case.takes_nan:
        with pytest.raises(ValueError, match="contains NaN at row 0, column 2"):
            model.predict([[1.0, 2.0, np.nan]])
    frame = pd.DataFrame(DATA, columns=NAMES)
    model = fit(case, frame)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[NAMES[::-1]])


# --- interrupts --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long_work():
    return np.random.default_rng(0).normal(size=(100_000, 24))


def seconds_until_interrupted(fit, after):
    """How long after Ctrl-C, pressed `after` seconds into the fit, it raises KeyboardInterrupt."""

    def handler(*_):
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, handler)
    due = time.perf_counter() + after
    signal.setitimer(signal.ITIMER_REAL, after)
    try:
        with pytest.raises(KeyboardInterrupt):
            fit()
        return time.perf_counter() - due
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@every
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this platform has no timer signals")
@pytest.mark.parametrize("after", [0.02, 0.3])
def test_ctrl_c_ends_a_fit_within_100_ms_and_nothing_changes(case, long_work, after):
    """Early, while starts are drawn, and later. The best of a few: a busy machine may be slow to deliver."""
    latency = np.inf
    for attempt in range(6):
        model = fit(case) if attempt % 2 else clone(case.model)
        model.set_params(**case.slow)
        before = dict(vars(model))
        work = long_work[: case.long]
        latency = min(
            latency, seconds_until_interrupted(lambda model=model, work=work: model.fit(work), after)
        )
        assert_unchanged(model, before)
        if attempt and latency < 0.1:
            break
    assert latency < 0.1
    model.set_params(**case.model.get_params())
    assert_same_fit(model.fit(DATA), fit(case))  # and it fits as if nothing had been
