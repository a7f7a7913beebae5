"""What the runner knows of a library: its name, how to start it, and the tasks it offers."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from .data import Arrays

FLOATS = ("float32", "float64")


class LeftOut(Exception):
    """A case that a library is not asked for: it has no such method, or would take all memory or the whole day."""


@dataclass
class Answer:
    """What came back from one call, in the same words for every library; read after the clock has stopped."""

    arrays: Arrays = field(default_factory=dict)  # centers, labels or value
    n_iter: int | None = None
    work: float = 1.0  # iterations or floating-point operations done; ratios are of time per work
    seconds: float | None = None  # when the call has its own clock
    cpu_seconds: float | None = None
    peak_bytes: int | None = None  # when the call measures its own memory


@dataclass(frozen=True)
class Job:
    """`call` runs under the clock with a seed; `read` turns its result into an Answer outside the clock."""

    call: Callable[[int], Any]
    read: Callable[[Any], Answer]


@dataclass(frozen=True)
class Offer:
    """A task a library can do. `make` prepares a job from arrays, parameters and the number of threads."""

    make: Callable[[Arrays, dict[str, Any], int], Job]
    exact: bool = True
    dtypes: tuple[str, ...] = FLOATS
    note: str = ""


@dataclass(frozen=True)
class Library:
    name: str  # the column title
    module: str  # present when this can be found
    package: str  # whose version is recorded
    tasks: dict[str, Offer]
    role: str = "peer"  # or "ours", "variant" (ours, another setting), "yardstick" (compared, never a peer)
    start: Callable[[int], None] = lambda threads: None  # sets the library's own thread control
    env: dict[str, str] = field(default_factory=dict)  # on top of the thread variables
    min_threads: int = 1  # a setting that only differs with several threads
    default: bool = True  # False: measured only when named

    def absent(self) -> str:
        """Why it cannot be measured here, or nothing."""
        return "" if importlib.util.find_spec(self.module) else f"{self.package} is not installed"

    def version(self) -> str:
        try:
            return metadata.version(self.package)
        except metadata.PackageNotFoundError:  # in a source tree that is not installed
            return str(getattr(importlib.import_module(self.module), "__version__", "unknown"))


def imports(statement: str) -> Offer:
    """The cost of an import statement in a fresh interpreter in which numpy is loaded already."""
    code = (
        "import json, time, numpy\n"
        "def rss(): return int(open('/proc/self/statm').read().split()[1])\n"
        "try: before = rss()\n"
        "except OSError: before = None\n"
        "cpu, start = time.process_time(), time.perf_counter()\n"
        f"{statement}\n"
        "seconds, cpu = time.perf_counter() - start, time.process_time() - cpu\n"
        "import resource\n"
        "grown = None if before is None else (rss() - before) * resource.getpagesize()\n"
        "print(json.dumps([seconds, cpu, grown]))"
    )

    def call(seed: int) -> Any:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        if done.returncode:
            raise ImportError(done.stderr.strip().splitlines()[-1])
        return json.loads(done.stdout.splitlines()[-1])

    def read(result: Any) -> Answer:
        return Answer(seconds=result[0], cpu_seconds=result[1], peak_bytes=result[2])

    return Offer(lambda arrays, params, threads: Job(call, read), dtypes=("none",))


def assignment(arrays: Arrays) -> float:
    """Floating-point operations of an exact assignment: a multiply and an add per feature of each pair."""
    (n, d), k = arrays["X"].shape, arrays["init"].shape[0]
    return 2.0 * n * d * k
