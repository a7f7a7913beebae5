"""Threads: how many a kernel uses.

OpenMP's own controls work (``OMP_NUM_THREADS``, ``threadpoolctl``, joblib); a container's processor quota is
respected; :func:`threads` sets the number for a block of code. Results never depend on it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from shoal import _core
from shoal.base.checks import check_int

_CGROUP_QUOTA = "/sys/fs/cgroup/cpu.max"


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Use at most `n` threads in kernels started from this Python thread inside the block.

    Parameters
    ----------
    n : int
        Number of threads, at least 1.

    Examples
    --------
    >>> import shoal
    >>> with shoal.threads(1):
    ...     model = shoal.KMeans(2, random_state=0).fit([[0.0], [0.1], [5.0], [5.1]])
    >>> sorted(model.cluster_centers_.ravel().round(2).tolist())
    [0.05, 5.05]
    """
    previous = _core.set_thread_limit(check_int("n", n, 1, 2**31 - 1))
    try:
        yield
    finally:
        _core.set_thread_limit(previous)


def quota_processors() -> int:
    """Processors this process may use: affinity and, on Linux, the container's quota."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not on this platform
        count = os.cpu_count() or 1
    try:
        with open(_CGROUP_QUOTA) as file:
            quota, period = file.read().split()
        if quota != "max":
            count = min(count, max(1, -(-int(quota) // int(period))))
    except (OSError, ValueError):
        pass
    return max(1, count)
