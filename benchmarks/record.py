"""The record of a run: what is written to the results file, and the numbers derived from it."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

SCHEMA = 1


@dataclass
class Repeat:
    """One timed call."""

    round: int
    seed: int
    seconds: float
    cpu_seconds: float  # of all threads
    work: float  # iterations, floating-point operations, or 1
    n_iter: int | None
    busy: float | None  # cores that other work used just before; None where the system does not tell


@dataclass
class Result:
    """One library on one case, dtype and number of threads; or why there is no time."""

    suite: str
    case: str
    data: str
    task: str
    dtype: str
    threads: int
    library: str
    role: str  # ours, variant, peer or yardstick
    exact: bool
    note: str
    status: str  # "measured", "absent" (not installed), "not offered", "left out", "out of time" or "failed"
    reason: str = ""
    peak_bytes: int | None = None
    repeats: list[Repeat] = field(default_factory=list)
    quality: dict[str, float] = field(default_factory=dict)  # mean over the seeds
    minimum: float | None = None  # seconds; each of these three is taken per seed, then the mean over seeds
    median: float | None = None
    spread: float | None = None  # (largest - smallest) / median
    per_work: float | None = None  # as minimum, of seconds / work

    def summarise(self) -> None:
        """Fill the derived numbers from the repeats."""
        by_seed: dict[int, list[Repeat]] = {}
        for repeat in self.repeats:
            by_seed.setdefault(repeat.seed, []).append(repeat)
        groups = [[r.seconds for r in group] for group in by_seed.values()]
        self.minimum = statistics.fmean(min(g) for g in groups)
        self.median = statistics.fmean(statistics.median(g) for g in groups)
        self.spread = statistics.fmean((max(g) - min(g)) / statistics.median(g) for g in groups)
        self.per_work = statistics.fmean(min(r.seconds / r.work for r in g) for g in by_seed.values())

    def use_processor_time(self) -> None:
        """Put processor time in the place of time: with one thread, what a quiet machine would show."""
        for repeat in self.repeats:
            repeat.seconds = repeat.cpu_seconds
        if self.repeats:
            self.summarise()

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """What a row of the table stands for."""
        return self.suite, self.case, self.data, self.dtype, self.threads

    @property
    def iterations(self) -> list[int]:
        return sorted({r.n_iter for r in self.repeats if r.n_iter is not None})


@dataclass
class Record:
    """One run of the benchmarks."""

    commit: str | None
    changed: bool | None  # tracked files differed from the commit
    date: str
    command: str
    settings: dict[str, Any]
    machine: dict[str, Any]
    shoal: dict[str, Any] | None
    libraries: dict[str, dict[str, Any]]  # version, and pools by number of threads
    results: list[Result] = field(default_factory=list)
    schema: int = SCHEMA

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def read(path: Path) -> Record:
    """A record from its file; a file of another shape is refused with the entry named."""
    raw = json.loads(path.read_text())
    if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
        raise ValueError(f"{path.name} must be a record of schema {SCHEMA}")
    results = raw.pop("results", [])
    record: Record = _build(Record, raw, path.name)
    for number, entry in enumerate(results):
        where = f"{path.name}, result {number}"
        repeats = entry.pop("repeats", [])
        result: Result = _build(Result, entry, where)
        result.repeats = [_build(Repeat, repeat, where) for repeat in repeats]
        record.results.append(result)
    return record


def _build(kind: type[Any], entry: dict[str, Any], where: str) -> Any:
    known = {f.name for f in fields(kind)}
    unknown = sorted(set(entry) - known)
    if unknown:
        raise ValueError(f"{where}: unknown entry {unknown[0]!r}")
    try:
        return kind(**entry)
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from None
