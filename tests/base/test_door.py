"""The door between Python and the kernels: what goes wrong on one side arrives on the other as it should."""

import threading

import numpy as np
import pytest
from helpers import interrupt_after
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import shoal
from shoal import _core

X = np.arange(60.0).reshape(-1, 2) % 7


def fit(progress=None, x=X, **changed):
    options = {"max_iter": 50, "tol": 0.0, "algorithm": "lloyd", **changed}
    return _core.kmeans_fit(x, None, np.ascontiguousarray(x[:3]), **options, progress=progress)


def test_progress_is_told_stage_done_and_total_on_the_calling_thread():
    told = []
    fit(lambda *said: told.append((threading.get_ident(), *said)))
    assert told
    for thread, stage, done, total in told:
        assert thread == threading.get_ident()
        assert stage
        assert 0 <= done <= total


def test_an_error_in_the_progress_callback_ends_the_kernel_and_arrives_as_itself():
    class Stop(Exception):
        pass

    def stop(stage, done, total):
        raise Stop("enough")

    with pytest.raises(Stop, match="enough"):
        fit(stop)
    assert fit().n_iter >= 1  # the next call works


def test_an_unknown_choice_is_a_value_error():
    with pytest.raises(ValueError, match="algorithm 'fast'"):
        fit(algorithm="fast")
    with pytest.raises(ValueError, match="metric 'hamming'"):
        _core.pairwise(X, X, "hamming")


@pytest.mark.parametrize(
    "x",
    [X.astype(object), X[0], X.tolist(), None],
    ids=["objects", "vector", "list", "None"],
)
def test_an_array_of_another_kind_is_a_type_error_and_is_not_converted_in_silence(x):
    with pytest.raises(TypeError, match="incompatible function arguments"):
        _core.pairwise(x, X, "euclidean")


def test_a_result_too_large_for_memory_is_a_memory_error():
    rows = np.zeros((2**24, 0))
    with pytest.raises(MemoryError):
        _core.pairwise(rows, rows, "euclidean")  # 2 PiB


@pytest.fixture(scope="module")
def long_work():
    """Data on which any estimator takes seconds."""
    return np.random.default_rng(0).normal(size=(200_000, 24))


@pytest.mark.parametrize(
    "model",
    [
        shoal.KMeans(500, tol=0, random_state=0),
        shoal.KMeans(500, tol=0, random_state=0, init="random"),
        shoal.KMeans(500, tol=0, random_state=0, init="random", metric="cosine", algorithm="lloyd"),
        shoal.MiniBatchKMeans(500, max_iter=10_000, max_no_improvement=None, random_state=0),
        shoal.BisectingKMeans(5000, n_init=5, random_state=0),
    ],
    ids=repr,
)
def test_ctrl_c_ends_a_fit_within_100_ms_and_leaves_the_estimator_as_it_was(model, long_work):
    fit = clone(model).fit
    latency = min(interrupt_after(0.25, lambda: fit(long_work)) for _ in range(3))
    assert latency < 0.1
    unfitted = fit.__self__
    assert vars(unfitted) == vars(clone(model))
    with pytest.raises(NotFittedError):
        unfitted.predict(X)

    fitted = clone(model).set_params(n_clusters=3).fit(X)
    before = dict(vars(fitted.set_params(n_clusters=model.n_clusters)))
    interrupt_after(0.25, lambda: fitted.fit(long_work))
    assert vars(fitted).keys() == before.keys()
    assert all(vars(fitted)[name] is value for name, value in before.items())


def test_ctrl_c_ends_the_prediction_of_dbscan_within_100_ms(long_work):
    """A new sample is compared with many of 200 000 core samples: some of them take longer than that."""
    model = shoal.DBSCAN(eps=100.0).fit(long_work)
    queries = np.ones_like(long_work)  # after a second the tree of the core samples is made
    assert min(interrupt_after(1.0, lambda: model.predict(queries)) for _ in range(3)) < 0.1


def test_a_refused_fit_leaves_the_estimator_as_it_was():
    model = shoal.KMeans(3, random_state=0)
    with pytest.raises(ValueError, match="contains NaN"):
        model.fit([[np.nan], [1.0], [2.0]])
    assert not hasattr(model, "n_features_in_")
    before = dict(vars(model.fit(X)))
    with pytest.raises(ValueError, match="n_clusters must be in"):
        model.fit([[1.0, 2.0, 3.0]])
    assert all(vars(model)[name] is value for name, value in before.items())
