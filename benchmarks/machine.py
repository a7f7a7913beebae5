"""Where and on what a record was made. No host names, no paths."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from glob import glob
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


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


def commit() -> dict[str, Any]:
    """Commit of the source tree and whether tracked files differ from it."""
    try:
        head = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "changed": None}
    return {"commit": head, "changed": bool(changed)}


def shoal_build() -> dict[str, Any] | None:
    """What shoal says of its build, asked in a fresh process; None where it is not installed."""
    code = "import json; from shoal.base.config import config; print(json.dumps(config()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        return None
    import json

    told: dict[str, Any] = json.loads(done.stdout)
    return told


def busy_seconds() -> float | None:
    """Time that all cores together have worked (or were taken by the host) since the start of the machine."""
    try:
        with open("/proc/stat") as file:
            user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _git(*words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True
    ).stdout.strip()


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
