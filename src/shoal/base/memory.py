"""Refusing work that does not fit into memory, before it starts."""

from __future__ import annotations

import os

SMALL = 1 << 20  # bytes that are not worth asking for


def available_memory() -> int | None:
    """Bytes that can be had now, None where the system does not say."""
    try:
        with open("/proc/meminfo") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def require_memory(n_bytes: int, what: str, instead: str) -> None:
    """Raise MemoryError when `what` needs more than there is; `instead` says what to use.

    Examples
    --------
    >>> from shoal.base.memory import require_memory
    >>> require_memory(10**18, "the matrix of distances", "metric='euclidean'")
    Traceback (most recent call last):
    MemoryError: the matrix of distances needs 1000000000.0 GB, ... GB are available; use metric='euclidean'
    """
    if n_bytes < SMALL:
        return
    there = available_memory()
    if there is not None and n_bytes > there:
        raise MemoryError(
            f"{what} needs {n_bytes / 1e9:.1f} GB, {there / 1e9:.1f} GB are available; use {instead}"
        )
