"""How many threads a kernel uses, and that it changes nothing else."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import shoal
from shoal import _core
from shoal.base import threads as threads_module

needs_openmp = pytest.mark.skipif(not _core.has_openmp(), reason="a serial build has one thread")


def lattice(side):
    """Points full of ties."""
    axis = np.arange(float(side))
    return np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)


def some_kernels(x):
    """What several kernels say of x, as bytes."""
    y = np.ascontiguousarray(x[::3])
    weight = np.linspace(0, 1, len(y)) ** 3
    results = [
        *_core.nearest(x, y),
        *_core.k_nearest(x, y, 5, "manhattan"),
        _core.count_within(x, y, weight, 1.5, "euclidean"),
        _core.pairwise(x, y, "cosine"),
    ]
    return b"".join(result.tobytes() for result in results)


@needs_openmp
def test_a_limit_set_during_a_kernel_counts_from_the_next_one(rng):
    x = rng.normal(size=(20_000, 8))
    seen = []

    def progress(*args):
        _core.set_thread_limit(7)
        seen.append(_core.n_threads())

    options = {"max_iter": 6, "tol": 0.0, "algorithm": "hamerly"}
    with shoal.threads(1):
        expected = _core.kmeans_fit(x, None, x[:16].copy(), **options)
        found = _core.kmeans_fit(x, None, x[:16].copy(), progress=progress, **options)
        assert set(seen) == {1}
        assert _core.n_threads() == 7
    np.testing.assert_array_equal(found.labels, expected.labels)


@needs_openmp
def test_threads_nest_and_are_given_back():
    before = _core.n_threads()
    with shoal.threads(3):
        assert _core.n_threads() == 3
        with shoal.threads(1):
            assert _core.n_threads() == 1
        assert _core.n_threads() == 3
    assert _core.n_threads() == before


def test_threads_are_given_back_after_an_error():
    before = _core.thread_limit()
    with pytest.raises(ZeroDivisionError), shoal.threads(2):
        _ = 1 / 0
    assert _core.thread_limit() == before


@pytest.mark.parametrize(
    ("n", "error", "message"),
    [
        (0, ValueError, r"n must be in \[1, 2147483647\]; got 0"),
        (-2, ValueError, r"n must be in \[1, 2147483647\]; got -2"),
        (1.5, TypeError, "n must be an integer; got 1.5"),
        (None, TypeError, "n must be an integer; got None"),
    ],
)
def test_a_number_of_threads_is_a_positive_integer(n, error, message):
    with pytest.raises(error, match=message), shoal.threads(n):
        pass


def test_a_limit_belongs_to_the_python_thread_that_set_it():
    with shoal.threads(3), ThreadPoolExecutor(1) as pool:
        assert pool.submit(_core.thread_limit).result() == 0
        assert _core.thread_limit() == 3


@needs_openmp
def test_threadpoolctl_is_obeyed_and_our_own_limit_goes_first():
    with threadpool_limits(limits=1, user_api="openmp"):
        assert _core.n_threads() == 1
        with shoal.threads(2):
            assert _core.n_threads() == 2
        assert _core.n_threads() == 1


@needs_openmp
@pytest.mark.parametrize("n", [1, 3])
def test_omp_num_threads_is_obeyed(run_python, n):
    code = "from shoal import base, _core; print(_core.n_threads())"
    assert run_python(code, OMP_NUM_THREADS=str(n)).split() == [str(n)]


@needs_openmp
def test_without_a_word_from_the_user_threads_are_the_processors_this_process_may_use(run_python):
    code = "from shoal import base, _core; print(_core.n_threads(), base.threads.quota_processors())"
    used, allowed = run_python(code, OMP_NUM_THREADS=None).split()
    assert used == allowed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100000 100000\n", 1),
        ("150000 100000\n", 2),
        ("10000 100000\n", 1),
        ("max 100000\n", None),
        ("6400000 100000\n", None),
        ("nonsense\n", None),
        (None, None),
    ],
    ids=["one", "one and a half", "a tenth", "no quota", "more than there are", "unreadable", "no file"],
)
def test_a_container_quota_bounds_the_processors(text, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(threads_module.os, "sched_getaffinity", lambda _: range(8), raising=False)
    path = tmp_path / "cpu.max"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(threads_module, "_CGROUP_QUOTA", str(path))
    assert threads_module.quota_processors() == (8 if expected is None else expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_have_the_same_bits_for_1_2_and_7_threads(dtype, short_blocks):
    x = lattice(9).astype(dtype)
    with shoal.threads(1):
        expected = some_kernels(x)
    for n in (2, 7):
        for _ in range(3):
            with shoal.threads(n):
                assert some_kernels(x) == expected


def test_many_python_threads_may_call_kernels_at_once(short_blocks):
    x = lattice(7)
    expected = some_kernels(x)

    def call(n):
        with shoal.threads(n):
            return some_kernels(x)

    with ThreadPoolExecutor(4) as pool:
        assert all(result == expected for result in pool.map(call, [1, 2, 3, 4] * 8))


def test_kernels_let_other_python_threads_run(rng):
    x = rng.normal(size=(4000, 64))
    steps, stop = 0, threading.Event()

    def count():
        nonlocal steps
        while not stop.is_set():
            steps += 1
            time.sleep(0.001)

    counter = threading.Thread(target=count)
    with shoal.threads(1):
        counter.start()
        before = steps
        _core.count_within(x, x, None, 1.0, "manhattan")
        during = steps - before
        stop.set()
    counter.join()
    assert during >= 3
