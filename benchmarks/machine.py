"""Where and on what a record was made. No host names, no paths."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def foundation(name: str) -> Any:
    """A module of ``shoal.base`` that imports nothing of shoal, by its path: a peer's process never loads shoal."""
    spec = spec_from_file_location(f"benchmarks.base_{name}", ROOT / "src" / "shoal" / "base" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_machine = foundation("machine")
facts, now = _machine.facts, _machine.now


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


def _git(*words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True
    ).stdout.strip()
