"""The record of an evaluation: what was planned, what came out, and one file that holds both."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from shoal.base.files import replacing

SCHEMA = 1


@dataclass
class SetFacts:
    """What the record says of a data set.

    Examples
    --------
    >>> from shoal.evaluation.results import SetFacts
    >>> SetFacts("iris", "real", 150, 4, 3, "none", "UCI", "CC BY 4.0", False, "0123").n_samples
    150
    """

    name: str
    group: str
    n_samples: int
    n_features: int
    n_clusters: int
    scaling: str
    source: str
    licence: str
    drawn: bool
    fingerprint: str
    bayes_error: float | None = None
    bayes_error_se: float = 0.0


@dataclass
class MethodFacts:
    """What the record says of a method.

    Examples
    --------
    >>> from shoal.evaluation.results import MethodFacts
    >>> MethodFacts("kmeans", "KMeans", "centroid", "n_clusters = k", True, "inertia", ["shoal"]).title
    'KMeans'
    """

    name: str
    title: str
    family: str
    rule: str
    seeded: bool
    objective: str
    libraries: list[str]


@dataclass
class Cell:
    """One method of one library on one data set with one seed.

    Parameters
    ----------
    set, method, library : str
    seed : int
    status : {"measured", "skipped", "stopped", "failed"}
    reason : str
        Why there are no numbers.
    note : str
        Such as that it did not converge.
    seconds, cpu_seconds : float or None
        Of one fit: wall time and processor time.
    peak_bytes : int or None
        By which the resident size grew during the fit.
    ari, nmi, ami : float or None
    error : float or None
        Share of samples outside the best match of clusters with classes.
    silhouette, calinski_harabasz, davies_bouldin : float or None
        None where they are not defined, such as for one cluster.
    objective : float or None
        What the algorithm optimises: inertia of the partition, or the lower bound of the likelihood.
    n_found : int or None
        Clusters found.
    noise : float or None
        Share of samples labelled noise.
    partition : str
        Digest of the partition: equal digests mean equal clusters.

    Examples
    --------
    >>> from shoal.evaluation.results import Cell
    >>> Cell("iris", "kmeans", "shoal", 0, "skipped", "no reason").ari is None
    True
    """

    set: str
    method: str
    library: str
    seed: int
    status: str = "measured"
    reason: str = ""
    note: str = ""
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_bytes: int | None = None
    ari: float | None = None
    nmi: float | None = None
    ami: float | None = None
    error: float | None = None
    silhouette: float | None = None
    calinski_harabasz: float | None = None
    davies_bouldin: float | None = None
    objective: float | None = None
    n_found: int | None = None
    noise: float | None = None
    partition: str = ""

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What the cell stands for."""
        return self.set, self.method, self.library, self.seed

    @property
    def time(self) -> float | None:
        """Seconds of one fit: processor time, but the least wall time below 0.1 s, where its counter is too coarse."""
        return self.cpu_seconds if self.cpu_seconds is not None and self.cpu_seconds >= 0.1 else self.seconds

    @property
    def memory(self) -> int | None:
        """Peak memory in bytes; below 1 MB, the grain of the system's counter with shared pages, it counts as 1 MB."""
        return None if self.peak_bytes is None else max(self.peak_bytes, 1 << 20)


@dataclass
class Plan:
    """All that is to be run, in order; made by :func:`shoal.evaluation.plan`.

    Parameters
    ----------
    sets : list of SetFacts
    methods : list of MethodFacts
    seeds : int
    budget : float
        Processor seconds that one fit may take.
    cells : list of Cell
        Those to be run have the status "planned", others say why they are not.
    left_out : list of (str, str)
        Data sets that were left out whole, and why.

    Examples
    --------
    >>> from shoal.evaluation import plan
    >>> made = plan(["iris"], ["kmeans"], seeds=2)
    >>> [(cell.library, cell.seed) for cell in made.cells if cell.library != "other"][:4]
    [('shoal', 0), ('scikit-learn', 0), ('shoal', 1), ('scikit-learn', 1)]
    """

    sets: list[SetFacts]
    methods: list[MethodFacts]
    seeds: int
    budget: float
    cells: list[Cell] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def facts(self) -> dict[str, Any]:
        """What makes two plans the same."""
        kept = asdict(self)
        del kept["cells"]
        facts: dict[str, Any] = json.loads(json.dumps(kept))  # as read from a file: tuples become lists
        return facts


@dataclass
class Results:
    """A plan and what came of it.

    Parameters
    ----------
    plan : Plan
    cells : list of Cell
        In the order of the plan.
    date : str
    machine : dict
    versions : dict of str to str
        Of the libraries.
    complete : bool
        Whether every cell of the plan is there.

    Examples
    --------
    >>> from shoal.evaluation.results import Cell, Plan, Results
    >>> results = Results(Plan([], [], 1, 0), [Cell("iris", "kmeans", "shoal", 0, ari=0.73)])
    >>> [cell.ari for cell in results.of(method="kmeans")]
    [0.73]
    """

    plan: Plan
    cells: list[Cell] = field(default_factory=list)
    date: str = ""
    machine: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    complete: bool = True

    def of(self, **wanted: Any) -> Iterator[Cell]:
        """Cells whose attributes have these values.

        Parameters
        ----------
        **wanted
            Such as ``set="iris"``, ``method="kmeans"``, ``library="shoal"``, ``status="measured"``.

        Yields
        ------
        Cell
        """
        for cell in self.cells:
            if all(getattr(cell, name) == value for name, value in wanted.items()):
                yield cell

    def means(self, score: str) -> dict[tuple[str, str, str], float]:
        """Mean over the seeds of a score, by (set, method, library); cells without a value take no part.

        Parameters
        ----------
        score : str
            A numeric attribute of :class:`Cell`.

        Returns
        -------
        dict
        """
        values: dict[tuple[str, str, str], list[float]] = {}
        for cell in self.of(status="measured"):
            value = getattr(cell, score)
            if value is not None:
                values.setdefault(cell.key[:3], []).append(float(value))
        return {key: sum(found) / len(found) for key, found in values.items()}

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the record as JSON: cells as rows of a table, floats with six digits.

        Parameters
        ----------
        path : path-like
        """
        columns = [f.name for f in fields(Cell)]
        rows = [[_short(getattr(cell, name)) for name in columns] for cell in self.cells]
        head = {
            "schema": SCHEMA,
            "date": self.date,
            "complete": self.complete,
            "machine": self.machine,
            "versions": self.versions,
            "plan": self.plan.facts(),
            "columns": columns,
        }
        text = json.dumps(head, indent=1, ensure_ascii=False)[:-2]
        lines = ",\n".join("  " + json.dumps(row, separators=(",", ":"), ensure_ascii=False) for row in rows)
        with replacing(path) as beside:
            beside.write_text(f'{text},\n "cells": [\n{lines}\n ]\n}}\n', encoding="utf-8")


def read(path: str | os.PathLike[str]) -> Results:
    """A record from its file, ``results.json``, or from the folder that holds it.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Results

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is no record of an evaluation.

    Examples
    --------
    >>> import os, tempfile
    >>> from shoal.evaluation import read
    >>> from shoal.evaluation.results import Cell, Plan, Results
    >>> path = os.path.join(tempfile.mkdtemp(), "results.json")
    >>> Results(Plan([], [], 1, 0.0), [Cell("iris", "kmeans", "shoal", 0, ari=2 / 3)]).write(path)
    >>> read(path).cells[0].ari
    0.666667
    """
    path = Path(path)
    if path.is_dir():
        path = path / "results.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path.name} is no JSON: {error}") from None
    if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
        raise ValueError(f"{path.name} must be a record of an evaluation, schema {SCHEMA}")
    try:
        plan = raw["plan"]
        made = Plan(
            [SetFacts(**entry) for entry in plan["sets"]],
            [MethodFacts(**entry) for entry in plan["methods"]],
            plan["seeds"],
            plan["budget"],
            left_out=[(name, why) for name, why in plan["left_out"]],
        )
        cells = [Cell(**dict(zip(raw["columns"], row, strict=True))) for row in raw["cells"]]
        return Results(made, cells, raw["date"], raw["machine"], raw["versions"], raw["complete"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path.name} is not a whole record of an evaluation: {error}") from None


def _short(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


Progress = Callable[[int, int, str], None]
