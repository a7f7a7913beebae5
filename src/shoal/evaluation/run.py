"""From a plan to results: cell after cell, each kept as soon as it is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from shoal.base.machine import facts as machine_facts
from shoal.base.machine import now
from shoal.base.progress import progress
from shoal.evaluation import datasets, methods
from shoal.evaluation.datasets import SAME_POINTS, EvaluationSet, fingerprint
from shoal.evaluation.methods import Method
from shoal.evaluation.results import Cell, MethodFacts, Plan, Results, SetFacts

# Sets with more values than this run with fewer seeds.
LARGE = 20_000
LARGE_SEEDS = 3
# A fit may take a week; the system's own limits need some number.
MOST_SECONDS = 7 * 24 * 3600

CELLS = "cells.jsonl"
PLAN = "plan.json"
RESULTS = "results.json"
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def plan(
    sets: Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
    *,
    folders: Sequence[str | os.PathLike[str]] = (),
    seeds: int = 5,
    budget: float = 60.0,
    n_samples: int = 2000,
    quick: bool = False,
) -> Plan:
    """What an evaluation would run: every method of every installed library on every set, with every seed.

    A method that has no use for a seed runs once on a set whose points are given, and once per seed where each seed
    is a new sample. What is not run (quadratic methods on large sets, libraries that are not there) is in the plan
    with its reason.

    Parameters
    ----------
    sets : sequence of str, default=None
        Names or groups as in :func:`find_sets`; None means all that can be found.
    methods : sequence of str, default=None
        Names or families as in :func:`find_methods`; None means all.
    folders : sequence of path-like
        Where the user's data are.
    seeds : int, default=5
        Seeds 0, 1, ..., seeds - 1; at most 3 on sets with more than 20,000 values.
    budget : float, default=60
        Processor seconds that one fit may take.
    n_samples : int, default=2000
        Size of synthetic samples.
    quick : bool, default=False
        A reduced plan of about a minute: few methods, small sets, 3 seeds.

    Returns
    -------
    Plan

    Raises
    ------
    ValueError
        Unknown sets or methods, fewer than one seed, a budget that is not positive.
    FileNotFoundError
        A folder is not there.

    Examples
    --------
    >>> from shoal.evaluation import plan
    >>> made = plan(["iris", "moons"], ["dbscan"], seeds=3)
    >>> sorted({cell.seed for cell in made.cells if cell.set == "moons"})  # each seed is a new sample
    [0, 1, 2]
    >>> {cell.seed for cell in made.cells if cell.set == "iris"}
    {0}
    """
    if quick:
        sets = sets or datasets.QUICK
        methods = methods or _methods.QUICK
        seeds, n_samples, budget = min(seeds, 3), min(n_samples, 300), min(budget, 20.0)
    if seeds < 1:
        raise ValueError(f"seeds must be at least 1; got {seeds}")
    if not 0 < budget <= MOST_SECONDS:
        raise ValueError(f"budget must be above 0 and at most {MOST_SECONDS:,} seconds; got {budget:g}")
    if n_samples < 50:
        raise ValueError(f"n_samples must be at least 50; got {n_samples}")
    found = datasets.find_sets(sets, [Path(folder) for folder in folders], n_samples=n_samples)
    names = {entry.name for entry in found}
    left_out = [
        (copy, f"holds the same points as {original}")
        for copy, original in SAME_POINTS.items()
        if copy in names and original in names
    ]
    found = [entry for entry in found if entry.name not in dict(left_out)]
    chosen = _methods.find_methods(methods)
    libraries = _methods.installed()
    large = min(seeds, LARGE_SEEDS)
    made = Plan([], [_method_facts(method) for method in chosen], seeds, budget, left_out=left_out)
    for entry in found:
        sample = entry.load(0)
        n, d = sample.X.shape
        made.sets.append(
            SetFacts(
                entry.name,
                entry.group,
                n,
                d,
                entry.n_clusters,
                entry.scaling,
                entry.source,
                entry.licence,
                entry.drawn,
                fingerprint(sample),
                entry.bayes_error,
                entry.bayes_error_se,
            )
        )
        for method in chosen:
            made.cells += _cells_of(entry, method, n, d, large if n * d > LARGE else seeds, libraries)
    return made


_methods = methods  # the parameter of `plan` has the module's name


def _method_facts(method: Method) -> MethodFacts:
    return MethodFacts(
        method.name,
        method.title,
        method.family,
        method.rule,
        method.seeded,
        method.objective,
        list(method.builds),
    )


def _cells_of(
    entry: EvaluationSet, method: Method, n: int, d: int, seeds: int, installed: Sequence[str]
) -> list[Cell]:
    """The libraries in turn for each seed."""
    why = method.unfit(n, d)
    cells = []
    for seed in range(seeds if (method.seeded or entry.drawn) and not why else 1):
        for library in method.builds:
            reason = why or ("" if library in installed else f"{library} is not installed")
            cells.append(
                Cell(entry.name, method.name, library, seed, "skipped" if reason else "planned", reason)
            )
    return cells


def evaluate(
    plan: Plan,
    out: str | os.PathLike[str],
    *,
    folders: Sequence[str | os.PathLike[str]] = (),
    verbose: int = 0,
    after: Callable[[Cell, int], None] | None = None,
) -> Results:
    """Run a plan and keep every cell in `out` as it comes; what is there already is not run again.

    Parameters
    ----------
    plan : Plan
    out : path-like
        Folder for ``plan.json``, ``cells.jsonl`` (one line per cell) and at the end ``results.json``.
    folders : sequence of path-like
        As given to :func:`plan`.
    verbose : int, default=0
        1 shows a progress bar.
    after : callable, default=None
        ``after(cell, number)`` is told each cell as it is done, and how many then are.

    Returns
    -------
    Results

    Raises
    ------
    ValueError
        `out` holds results of another plan, of other versions, or the data have changed.
    OSError
        `out` cannot be written.

    Notes
    -----
    Each fit has a process of its own, a fork of one in which all libraries are imported, with one thread. A method that
    raises or dies is recorded as failed, one that uses up the budget as stopped; its later seeds are then skipped.
    Ctrl-C keeps what there is, and the same call goes on from there.

    Examples
    --------
    >>> import tempfile
    >>> from shoal.evaluation import evaluate, plan
    >>> made = plan(["iris"], ["ward"])
    >>> results = evaluate(made, tempfile.mkdtemp())
    >>> len({cell.partition for cell in results.of(status="measured")})  # one partition, whoever computes it
    1
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    worker = _Worker(sorted({cell.library for cell in plan.cells if cell.status == "planned"}))
    versions = _methods.versions()
    done: dict[tuple[str, str, str, int], Cell] = {}
    try:
        _same_plan(folder, plan, versions)
        done = _read_cells(folder / CELLS)
        sizes = {entry.name: entry for entry in plan.sets}
        sets = {
            entry.name: entry
            for entry in datasets.find_sets(
                list(sizes), [Path(f) for f in folders], n_samples=_n_samples(plan)
            )
        }
        left = [cell for cell in plan.cells if cell.key not in done]
        with (
            progress(verbose, "shoal", "fit") as bar,
            open(folder / CELLS, "a", encoding="utf-8") as log,
            tempfile.TemporaryDirectory() as arrays,
        ):
            loaded: tuple[str, int] | None = None
            gone: dict[tuple[str, str, str], str] = {}
            for known in done.values():
                if known.status in ("stopped", "failed"):
                    gone.setdefault(known.key[:3], f"seed {known.seed} {known.status}: {known.reason}")
            for number, cell in enumerate(left):
                if cell.status == "planned":
                    if cell.key[:3] in gone:
                        cell = replace(cell, status="skipped", reason=gone[cell.key[:3]])
                    else:
                        entry = sets[cell.set]
                        wanted = (cell.set, cell.seed if entry.drawn else 0)
                        if loaded != wanted:
                            _store(entry, wanted[1], sizes[cell.set], Path(arrays))
                            loaded = wanted
                        cell = worker.run(cell, entry.n_clusters, arrays, plan.budget)
                        if cell.status in ("stopped", "failed"):
                            gone[cell.key[:3]] = f"seed {cell.seed} {cell.status}: {cell.reason}"
                log.write(json.dumps(asdict(cell)) + "\n")
                log.flush()
                done[cell.key] = cell
                if after is not None:
                    after(cell, len(done))
                if bar is not None:
                    bar("evaluation", number + 1, len(left))
    finally:
        worker.close()
        results = _collect(plan, done, versions)
        if done:  # after Ctrl-C too
            results.write(folder / RESULTS)
    return results


def _n_samples(plan: Plan) -> int:
    """Size of the synthetic samples of a plan; any where it has none."""
    return next((entry.n_samples for entry in plan.sets if entry.group == "synthetic"), 1000)


def _collect(plan: Plan, done: dict[tuple[str, str, str, int], Cell], versions: dict[str, str]) -> Results:
    cells = [done[cell.key] for cell in plan.cells if cell.key in done]
    return Results(plan, cells, now(), machine_facts(), versions, len(cells) == len(plan.cells))


def _same_plan(folder: Path, plan: Plan, versions: dict[str, str]) -> None:
    """Note the plan in the folder, or make sure that it is the one noted there."""
    path = folder / PLAN
    mine = {**plan.facts(), "versions": versions}
    if not path.exists():
        path.write_text(json.dumps(mine, indent=1) + "\n", encoding="utf-8")
        return
    try:
        theirs = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError:
        raise ValueError(f"{path} is no plan of an evaluation; give another folder") from None
    for key, value in mine.items():
        if theirs.get(key) != value:
            raise ValueError(
                f"{folder} holds the results of another plan: its {key} {_difference(theirs.get(key), value)}; "
                "give another folder, or remove this one"
            )


def _difference(theirs: Any, ours: Any) -> str:
    """In what two entries of a plan differ."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        key = next(k for k in {**theirs, **ours} if theirs.get(k) != ours.get(k))
        return f"have {key} {theirs.get(key)}, not {ours.get(key)}"
    if isinstance(theirs, list) and isinstance(ours, list):
        for a, b in zip(theirs, ours, strict=False):
            if a != b and isinstance(a, dict) and isinstance(b, dict):
                if a.get("name") == b.get("name"):
                    return f"differ in {a['name']}"
                return f"have {a.get('name')} where this one has {b.get('name')}"
        return f"are {len(theirs)}, not {len(ours)}"
    return f"is {theirs}, not {ours}"


def _read_cells(path: Path) -> dict[tuple[str, str, str, int], Cell]:
    """The cells that are there; a last line that was cut short is dropped from the file."""
    done: dict[tuple[str, str, str, int], Cell] = {}
    if not path.exists():
        return done
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            cell = Cell(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{path} holds no result in line {number}; remove that line to run it again"
            ) from error
        done[cell.key] = cell
    return done


def _store(entry: EvaluationSet, seed: int, facts: SetFacts, folder: Path) -> None:
    """Put a sample where the worker reads it."""
    sample = entry.load(seed)
    if seed == 0 and fingerprint(sample) != facts.fingerprint:
        raise ValueError(f"the data of {entry.name} have changed since the plan was made")
    for old in folder.iterdir():
        old.unlink()
    np.save(folder / "X.npy", sample.X)
    for i, reference in enumerate(sample.references):
        np.save(folder / f"y{i}.npy", reference)


class _Worker:
    """The process that forks the cells; where that is not safe, a new process for each."""

    def __init__(self, libraries: Sequence[str]) -> None:
        self._forks = sys.platform.startswith("linux")
        self._libraries = libraries
        self._child: subprocess.Popen[str] | None = None

    def _start(self) -> subprocess.Popen[str]:
        environment = {**os.environ, **dict.fromkeys(_THREAD_VARIABLES, "1")}
        words = [
            sys.executable,
            "-m",
            "shoal.evaluation.worker",
            *self._libraries,
            *([] if self._forks else ["--once"]),
        ]
        return subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def run(self, cell: Cell, n_clusters: int, arrays: str, budget: float) -> Cell:
        if self._child is None:
            self._child = self._start()
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        request = {
            "method": cell.method,
            "library": cell.library,
            "seed": cell.seed,
            "n_clusters": n_clusters,
            "arrays": arrays,
            "budget": budget,
            "timeout": 60 * budget + 600,  # of wall time, for what sleeps instead of working
        }
        self._child.stdin.write(json.dumps(request) + "\n")
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        reply: dict[str, Any]
        if not line:
            reply = {"status": "failed", "reason": f"the process ended with code {self._child.wait()}"}
        else:
            reply = json.loads(line)
        if not line or not self._forks:
            self.close()
        return replace(cell, **reply)

    def close(self) -> None:
        """End the process, and with it the fit it may be at."""
        if self._child is None:
            return
        self._child.terminate()
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        self._child = None
