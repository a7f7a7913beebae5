"""Runs the cases: a fresh worker per library, kept alive and triggered in turn, so that repeats interleave.

On a machine that others use too, a slow minute then falls on every library alike instead of on one.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from . import quality
from .data import Arrays, cast
from .library import LeftOut, Library
from .machine import ROOT, busy_seconds
from .record import Record, Repeat, Result
from .suites import Case, Suite

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Settings:
    threads: tuple[int, ...] = (1,)
    repeats: int = 5
    budget: float = 60.0  # seconds of timed calls per library and case; it then sits out further rounds
    timeout: float = 900.0  # seconds for one request; a library that takes longer has failed
    pause: float = 0.1  # seconds between calls, so that spinning threads of the last one come to rest
    patience: float = 0.0  # seconds to wait before a call for other work on the machine to pause


QUIET = 0.25  # cores; the counter ticks in hundredths of a second, so one tick in a pause is 0.1
NO_ANSWER = "no answer within"


class WorkerFailed(Exception):
    """A worker told of an error, died or did not answer in time."""


class Process:
    """A worker process and its requests."""

    def __init__(self, library: Library, threads: int, timeout: float) -> None:
        env = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads)), **library.env}
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        self._timeout = timeout
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the process)
        self._child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=env,
        )

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """The reply to one request; WorkerFailed with the reason when there is none."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        try:
            self._child.stdin.write(json.dumps({"do": do, **request}) + "\n")
            self._child.stdin.flush()
        except BrokenPipeError:
            raise WorkerFailed(self._last_words()) from None
        if not select.select([self._child.stdout], [], [], self._timeout)[0]:
            raise WorkerFailed(f"{NO_ANSWER} {self._timeout:g} s")
        line = self._child.stdout.readline()
        if not line:
            raise WorkerFailed(self._last_words())
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise WorkerFailed(reply["error"])
        return reply

    def close(self) -> None:
        self._child.kill()
        self._child.communicate()
        self._log.close()

    def _last_words(self) -> str:
        code = self._child.wait()
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        return f"worker ended with code {code}" + (f": {lines[-1]}" if lines else "")


def run(
    record: Record,
    suites: list[Suite],
    libraries: list[Library],
    settings: Settings,
    *,
    wanted: Callable[[Case, str], bool] = lambda case, dtype: True,
    done: Callable[[list[Result]], None] = lambda results: None,
) -> Record:
    """Measure all cases of `suites` for which ``wanted(case, dtype)`` holds, adding to `record`.

    ``done`` is told the results of each case as they come.
    """
    for suite in suites:
        for case in suite.cases():
            for dtype in case.dtypes:
                if not wanted(case, dtype):
                    continue
                arrays = cast(case.make(), dtype)
                for threads in settings.threads:
                    results = measure(record, case, dtype, arrays, threads, libraries, settings)
                    record.results.extend(results)
                    done(results)
    return record


def measure(
    record: Record,
    case: Case,
    dtype: str,
    arrays: Arrays,
    threads: int,
    libraries: list[Library],
    settings: Settings,
) -> list[Result]:
    """All libraries on one case, dtype and number of threads."""
    results: list[Result] = []
    running: list[tuple[Result, Process]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "arrays.npz") if arrays else ""
        if arrays:
            np.savez(path, **arrays)
        try:
            for library in libraries:
                if threads < library.min_threads:
                    continue
                result = _result(case, dtype, threads, library)
                results.append(result)
                if result.status != "measured":
                    continue
                process = Process(library, threads, settings.timeout)
                running.append((result, process))
                _begin(record, case, path, threads, library, result, process)
            _rounds(case, arrays, Path(folder), running, settings)
        finally:
            for _, process in running:
                process.close()
    for result in results:
        if result.status == "measured":
            result.summarise()
    return results


def _result(case: Case, dtype: str, threads: int, library: Library) -> Result:
    """An empty result that says whether there is something to measure."""
    offer = library.tasks.get(case.task)
    status, reason = "measured", ""
    if offer is None:
        status, reason = "not offered", f"{library.name} has no such function"
    elif dtype not in offer.dtypes:
        status, reason = "not offered", f"{library.name} takes {', '.join(offer.dtypes)} only"
    elif absent := library.absent():
        status, reason = "absent", absent
    return Result(
        suite=case.suite,
        case=case.name,
        data=case.kind,
        task=case.task,
        dtype=dtype,
        threads=threads,
        library=library.name,
        role=library.role,
        exact=offer is not None and offer.exact,
        note=offer.note if offer else "",
        status=status,
        reason=reason,
    )


def _fail(result: Result, error: WorkerFailed) -> None:
    reason = str(error)
    left_out = reason.removeprefix(f"{LeftOut.__name__}: ")
    result.status = (
        "left out" if left_out != reason else "out of time" if reason.startswith(NO_ANSWER) else "failed"
    )
    result.reason = left_out
    result.repeats.clear()


def _begin(
    record: Record, case: Case, path: str, threads: int, library: Library, result: Result, process: Process
) -> None:
    """Start a worker and let it make its untimed calls."""
    try:
        hello = process.ask(
            "start", library=library.name, task=case.task, arrays=path, params=case.params, threads=threads
        )
        entry = record.libraries.setdefault(library.name, {"version": hello["version"], "pools": {}})
        entry["pools"][str(threads)] = hello["pools"]
        result.peak_bytes = process.ask("warm", seed=case.seeds[0])["peak_bytes"]
    except WorkerFailed as error:
        _fail(result, error)


def _rounds(
    case: Case, arrays: Arrays, folder: Path, running: list[tuple[Result, Process]], settings: Settings
) -> None:
    """The timed calls: for each round and seed, every library in turn."""
    found: dict[str, list[dict[str, float]]] = {}
    spent: dict[str, float] = {}
    keep = folder / "answer.npz"
    for round_ in range(settings.repeats):
        # Judged once per round, so that every seed of a library has the same number of repeats.
        resting = {name for name, seconds in spent.items() if seconds > settings.budget}
        for seed in case.seeds:
            for result, process in running:
                name = result.library
                if result.status != "measured" or name in resting:
                    continue
                busy = _rest(settings)
                try:
                    reply = process.ask("time", seed=seed, keep=None if round_ else str(keep))
                except WorkerFailed as error:
                    _fail(result, error)
                    continue
                result.repeats.append(Repeat(round_, seed, busy=busy, **reply))
                spent[name] = spent.get(name, 0.0) + reply["seconds"]
                if not round_:
                    with np.load(keep) as answer:
                        found.setdefault(name, []).append(quality.of(arrays, dict(answer)))
    for result, _ in running:
        if result.status == "measured" and found[result.library]:
            seeds = found[result.library]
            result.quality = {key: fmean(q[key] for q in seeds) for key in seeds[0]}


def _rest(settings: Settings) -> float | None:
    """Pause between two calls, longer while others are at work; the cores busy in the last pause."""
    until = time.monotonic() + settings.patience
    while True:
        before = busy_seconds()
        start = time.monotonic()
        time.sleep(settings.pause)
        after = busy_seconds()
        if before is None or after is None:
            return None
        busy = round((after - before) / (time.monotonic() - start), 2)
        if busy < QUIET or time.monotonic() > until:
            return busy
