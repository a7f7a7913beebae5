"""Peak resident memory of one call in this process. Imports nothing of shoal: benchmarks load this file alone.

Linux keeps a high-water mark of the resident size and lets a process reset its own. Before the call, freed
heap is given back to the system (otherwise the call would reuse pages that already count) and the mark is
reset; the peak is the mark afterwards less the size before. Elsewhere there is no mark and the peak is None.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress
from typing import Any


def with_peak(call: Callable[[], Any]) -> tuple[Any, int | None]:
    """Result of `call` and the bytes by which the resident size grew at most, the result included."""
    gc.collect()
    with suppress(AttributeError, OSError):  # a C library without it
        ctypes.CDLL(None).malloc_trim(0)
    if not _reset_mark():
        return call(), None
    before = _status("VmRSS")
    result = call()
    return result, max(0, _status("VmHWM") - before)


def _reset_mark() -> bool:
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        return False
    return True


def _status(key: str) -> int:
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {key}")
