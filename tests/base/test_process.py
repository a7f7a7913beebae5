"""A kernel is a good citizen of its process: Ctrl-C ends it, a fork does not hang it."""

import os
from functools import partial

import numpy as np
import pytest
from helpers import interrupt_after

import shoal
from shoal import _core

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")


@pytest.mark.parametrize("n_threads", [1, 2])
def test_ctrl_c_ends_a_kernel_within_100_ms(rng, n_threads):
    x = rng.normal(size=(60_000, 64))
    latency = np.inf
    for _ in range(5):  # the best of a few: a busy machine may delay the signal itself
        with shoal.threads(n_threads):  # the work takes seconds when it is let
            work = partial(_core.count_within, x, x, None, 1.0, "manhattan")
            latency = min(latency, interrupt_after(0.15, work))
        if latency < 0.1:
            break
    assert latency < 0.1
    np.testing.assert_array_equal(_core.count_within(x[:9], x[:9], None, 0.0, "euclidean"), np.ones(9))


WORK = """
    import numpy as np
    import shoal
    from shoal import _core

    x = np.arange(3000.0).reshape(-1, 2) % 17

    def work(n=4):
        _core.force_block_length(4)
        with shoal.threads(n):
            return _core.count_within(x, x, None, 2.0, "euclidean")

    expected = work()  # the parent's OpenMP threads exist from here on
"""


@needs_fork
def test_a_forked_child_works_serially_instead_of_hanging(run_python):
    run_python(
        WORK
        + """
    import os, signal, sys

    child = os.fork()
    if child == 0:
        signal.alarm(60)  # a hang ends the child
        ok = _core.n_threads() == 1 and (work() == expected).all()
        os._exit(0 if ok else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, status
    assert (work() == expected).all()
    if _core.has_openmp():
        with shoal.threads(4):
            assert _core.n_threads() == 4  # the parent keeps its threads
    """
    )


@needs_fork
def test_a_forked_pool_of_workers_gives_the_same_answers(run_python):
    run_python(
        WORK
        + """
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(2) as pool:
        for result in pool.map_async(work, [1, 2, 3, 4]).get(timeout=60):
            assert (result == expected).all()
    """
    )


@needs_fork
def test_a_child_forked_before_any_kernel_ran_works_too(run_python):
    run_python(
        WORK.replace("expected = work()", "")
        + """
    import os, signal

    child = os.fork()
    if child == 0:
        signal.alarm(60)
        os._exit(0 if work().min() >= 1 else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, status
    """
    )
