"""One process for one library, one case and one number of threads; it stays alive and runs when told.

The runner sets the thread variables before this process starts. Requests and replies are lines of JSON on the
standard streams; whatever a library prints goes to standard error instead.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .data import Arrays
from .library import Job
from .memory import with_peak
from .peers import by_name


class Worker:
    """Holds the job and its data between requests."""

    def __init__(self) -> None:
        self.job: Job | None = None
        self.first_use: Job | None = None

    def start(
        self, library: str, task: str, arrays: str, params: dict[str, Any], threads: int
    ) -> dict[str, Any]:
        """Load data and library; make the job, and a small one of the same kind for the first use."""
        chosen = by_name(library)
        given = {}
        if arrays:
            with np.load(arrays) as file:
                given = {name: file[name] for name in file.files}
        chosen.start(threads)
        make = chosen.tasks[task].make
        self.job = make(given, params, threads)
        self.first_use = make(_head(given), params, threads) if given else None
        return {"version": chosen.version(), "pools": _pools()}

    def warm(self, seed: int) -> dict[str, Any]:
        """A small call that loads what is loaded late, then a whole one with its peak memory; untimed."""
        assert self.job is not None
        job = self.job
        if self.first_use is not None:
            self.first_use.read(self.first_use.call(seed))
        self.first_use = None
        result, peak = with_peak(lambda: job.call(seed))
        answer = job.read(result)
        return {"peak_bytes": answer.peak_bytes if answer.peak_bytes is not None else peak}

    def time(self, seed: int, keep: str | None) -> dict[str, Any]:
        """One call under the clock; its answer is written to the file `keep`."""
        assert self.job is not None
        gc.collect()
        gc.disable()
        cpu = time.process_time()
        clock = time.perf_counter()
        result = self.job.call(seed)
        seconds = time.perf_counter() - clock
        cpu = time.process_time() - cpu
        gc.enable()
        answer = self.job.read(result)
        if keep:
            arrays: Arrays = {name: np.asarray(a) for name, a in answer.arrays.items()}
            np.savez(keep, **arrays)
        return {
            "seconds": seconds if answer.seconds is None else answer.seconds,
            "cpu_seconds": cpu if answer.cpu_seconds is None else answer.cpu_seconds,
            "work": answer.work,
            "n_iter": answer.n_iter,
        }


def _head(arrays: Arrays) -> Arrays:
    """The first rows of everything that has a row per sample, enough to run the same code."""
    n = max(len(a) for a in arrays.values())
    rows = min(n, max(2000, 10 * len(arrays.get("init", ()))))  # some libraries sample, and need k of them
    return {name: a[:rows] if len(a) == n else a for name, a in arrays.items()}


def _pools() -> list[str]:
    """The BLAS and OpenMP libraries of this process with their threads; no paths."""
    from threadpoolctl import threadpool_info

    return sorted(
        " ".join(str(pool[key]) for key in ("internal_api", "version", "architecture") if pool.get(key))
        + f", {pool['num_threads']} threads"
        for pool in threadpool_info()
    )


def serve() -> None:
    """Answer requests until standard input ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    worker = Worker()
    requests: dict[str, Callable[..., dict[str, Any]]] = {
        "start": worker.start,
        "warm": worker.warm,
        "time": worker.time,
    }
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = requests[request.pop("do")](**request)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    serve()
