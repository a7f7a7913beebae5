"""What a record says of the machine it was made on. No host names, no paths. Imports nothing of shoal."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from glob import glob
from pathlib import Path
from typing import Any


def facts() -> dict[str, Any]:
    """Processor, caches, memory, system and interpreter."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "caches": _caches(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
    }


def now() -> str:
    """The time in UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _caches() -> dict[str, str]:
    """Size of each cache of the first core, such as ``{"L1 Data": "32K"}``."""
    found = {}
    for entry in sorted(glob("/sys/devices/system/cpu/cpu0/cache/index*")):
        level, kind, size = ((Path(entry) / name).read_text().strip() for name in ("level", "type", "size"))
        found[f"L{level} {kind}"] = size
    return found
