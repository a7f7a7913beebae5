"""What tests of several rooms say in the same words."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

import shoal
from shoal import _core

# Settings a result must not depend on: more threads than processors, and blocks of 4 samples, so that little
# data make more blocks than threads.
threads_and_blocks = pytest.mark.parametrize(
    ("n_threads", "block_length"),
    [(2, 0), (7, 0), (2, 4), (7, 4)],
    ids=lambda value: str(value),
)
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])


@contextlib.contextmanager
def threads_and_block_length(n_threads: int, block_length: int) -> Iterator[None]:
    """Kernels started inside use `n_threads` threads and blocks of `block_length` samples (0: their own)."""
    _core.force_block_length(block_length)
    try:
        with shoal.threads(n_threads):
            yield
    finally:
        _core.force_block_length(0)


def same_partition(a: ArrayLike, b: ArrayLike) -> bool:
    """True when two labelings group the samples alike, whatever the labels are called."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    return canonical(a).tolist() == canonical(b).tolist()


def canonical(labels: ArrayLike) -> NDArray[np.intp]:
    """Labels renamed by first appearance."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def bits(*results: object) -> bytes:
    """Arrays and numbers as bytes, to compare results to the last bit."""
    return b"".join(np.asarray(result).tobytes() for result in results)


def interrupt_after(seconds: float, work: Callable[[], object]) -> float:
    """Raises what Ctrl-C raises in `work`; returns how long after the signal it came back.

    Seconds by the clock or of this process, whichever are fewer: waiting for a core of a busy machine does not count.
    """
    sent = []

    def send():
        sent.append((time.monotonic(), time.process_time()))
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(seconds, send)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            work()
        return min(time.monotonic() - sent[0][0], time.process_time() - sent[0][1])
    finally:
        timer.cancel()
        timer.join()
