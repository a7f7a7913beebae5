"""The numbers of the report, from the cells: each method beside each counterpart, set by set and over all sets."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shoal.evaluation.results import Cell, MethodFacts, Results
from shoal.evaluation.statistics import (
    Friedman,
    Mean,
    difference_test,
    friedman,
    holm,
    mean_interval,
    wilcoxon,
)

OURS = "shoal"
SAME = 1e-3  # scores that differ by no more are called equal
LEVEL = 0.05


@dataclass
class Row:
    """One method beside one counterpart on one data set.

    Parameters
    ----------
    set, method, peer : str
    ours, theirs : Mean
        ARI over the seeds, with half the 95 % interval.
    p : float
        Of equal mean ARI; 1 or 0 where nothing varies, 1 where one value is all there is of what is drawn.
    p_holm : float
        The same, adjusted for all rows of the evaluation.
    same : float
        Share of seeds with the very same partition.
    objective : float or None
        Relative difference of what the algorithm optimises, oriented so that above 0 ours is better.
    seconds : (float, float) or None
        Mean time of a fit, ours and theirs.

    Examples
    --------
    >>> from shoal.evaluation.statistics import Mean
    >>> from shoal.evaluation.summary import Row
    >>> Row("iris", "ward", "scikit-learn", Mean(0.73, None, 1), Mean(0.73, None, 1), 1.0, 1.0, 1.0, 0.0).verdict
    'equal'
    """

    set: str
    method: str
    peer: str
    ours: Mean
    theirs: Mean
    p: float
    p_holm: float
    same: float
    objective: float | None
    seconds: tuple[float, float] | None = None

    @property
    def difference(self) -> float:
        """ARI of ours less theirs."""
        return self.ours.value - self.theirs.value

    @property
    def verdict(self) -> str:
        """ "equal" (the same, or within noise), "better" or "below"."""
        if abs(self.difference) <= SAME or self.p_holm >= LEVEL:
            return "equal"
        return "better" if self.difference > 0 else "below"


@dataclass
class Comparison:
    """One method beside one counterpart over all data sets where both have results.

    Parameters
    ----------
    method, title, peer : str
    rows : list of Row
        One per set.
    means : dict of str to (float, float)
        Score -> mean over the sets, ours and theirs.
    difference : Mean or None
        ARI of ours less theirs: mean over the sets, with half the 95 % interval.
    wins, ties, losses : int
        Sets where our mean ARI is higher by more than 0.001, within it, lower.
    p, p_holm : float
        Wilcoxon's signed-rank test of the mean ARI over the sets, and adjusted for all comparisons.
    time_ratio, memory_ratio : float or None
        Geometric mean over the sets of theirs over ours; above 1 ours is less.
    only_ours, only_theirs : list of (str, str)
        Sets that the other did not finish, and why.

    Examples
    --------
    >>> from shoal.evaluation.results import Cell, MethodFacts, Plan, Results
    >>> from shoal.evaluation import compare
    >>> facts = MethodFacts("ward", "Ward", "hierarchy", "", False, "inertia", ["shoal", "scikit-learn"])
    >>> cells = [Cell("iris", "ward", library, 0, ari=0.73, seconds=s, cpu_seconds=s)
    ...          for library, s in (("shoal", 1.0), ("scikit-learn", 3.0))]
    >>> row = compare(Results(Plan([], [facts], 1, 60.0), cells))[0]
    >>> row.ties, round(row.time_ratio, 2)
    (1, 3.0)
    """

    method: str
    title: str
    peer: str
    rows: list[Row] = field(default_factory=list)
    means: dict[str, tuple[float, float]] = field(default_factory=dict)
    difference: Mean | None = None
    wins: int = 0
    ties: int = 0
    losses: int = 0
    p: float = 1.0
    p_holm: float = 1.0
    time_ratio: float | None = None
    memory_ratio: float | None = None
    only_ours: list[tuple[str, str]] = field(default_factory=list)
    only_theirs: list[tuple[str, str]] = field(default_factory=list)

    @property
    def same(self) -> float:
        """Share of runs that gave the very same partition."""
        n = [row.ours.n for row in self.rows]
        return float(np.average([row.same for row in self.rows], weights=n)) if n else math.nan

    @property
    def verdict(self) -> str:
        """ "equal", "better" or "below": the difference over all sets, if it is more than chance."""
        if self.p_holm >= LEVEL or not self.rows:
            return "equal"
        return "better" if self.means["ari"][0] > self.means["ari"][1] else "below"


def compare(results: Results) -> list[Comparison]:
    """Every method beside every counterpart.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of Comparison
        In the order of the plan. A counterpart without a set where both have results (not installed, say) has no
        `rows` and no `means`: `only_ours` and `only_theirs` tell why. It takes no part in Holm's adjustment.

    Examples
    --------
    >>> from shoal.evaluation import compare
    >>> from shoal.evaluation.results import Plan, Results
    >>> compare(Results(Plan([], [], 1, 60.0)))
    []
    """
    groups = _groups(results)
    drawn = {entry.name for entry in results.plan.sets if entry.drawn}
    order = [entry.name for entry in results.plan.sets]
    known = dict.fromkeys([*order, *(cell.set for cell in results.cells)])
    made = []
    for method in results.plan.methods:
        for peer in method.libraries:
            if peer == OURS:
                continue
            comparison = Comparison(method.name, method.title, peer)
            for name in known:
                ours, theirs = groups[name, method.name, OURS], groups[name, method.name, peer]
                mine, yours = _measured(ours), _measured(theirs)
                if mine and yours:
                    comparison.rows.append(_row(name, method, peer, mine, yours, name in drawn))
                elif mine and theirs:
                    comparison.only_ours.append((name, _why(theirs)))
                elif yours and ours:
                    comparison.only_theirs.append((name, _why(ours)))
            if comparison.rows or comparison.only_ours or comparison.only_theirs:
                _total(comparison, results, groups)
                made.append(comparison)
    rows = [row for comparison in made for row in comparison.rows]
    for row, adjusted in zip(rows, holm([row.p for row in rows]), strict=True):
        row.p_holm = adjusted
    tested = [comparison for comparison in made if comparison.rows]
    for comparison, adjusted in zip(tested, holm([c.p for c in tested]), strict=True):
        comparison.p_holm = adjusted
    return made


Groups = defaultdict[tuple[str, str, str], list[Cell]]


def _groups(results: Results) -> Groups:
    groups: Groups = defaultdict(list)
    for cell in results.cells:
        groups[cell.key[:3]].append(cell)
    return groups


def _measured(cells: list[Cell]) -> list[Cell]:
    """All seeds or none: a mean over the seeds that happened to be quick would be another number."""
    return cells if all(cell.status == "measured" and cell.ari is not None for cell in cells) else []


def _why(cells: list[Cell]) -> str:
    return next((cell.reason for cell in cells if cell.status != "measured"), "no result")


def _row(name: str, method: MethodFacts, peer: str, ours: list[Cell], theirs: list[Cell], drawn: bool) -> Row:
    a, b = [cell.ari or 0.0 for cell in ours], [cell.ari or 0.0 for cell in theirs]
    by_seed = {cell.seed: cell for cell in theirs}
    pairs = [(cell, by_seed[cell.seed]) for cell in ours if cell.seed in by_seed]
    same = [float(mine.partition == yours.partition) for mine, yours in pairs]
    gain = None
    goals = [
        (x.objective, y.objective) for x, y in pairs if x.objective is not None and y.objective is not None
    ]
    if method.objective != "none" and goals:
        mine, yours = (float(np.mean(side)) for side in zip(*goals, strict=True))
        sign = 1 if method.objective == "lower_bound" else -1
        gain = sign * (mine - yours) / max(abs(yours), 1e-300)
    p = difference_test(a, b, paired=drawn, drawn=drawn or method.seeded)
    spent = _mean(ours, "time"), _mean(theirs, "time")
    return Row(
        name, method.name, peer, mean_interval(a), mean_interval(b), p, p, float(np.mean(same or [0])), gain,
        None if spent[0] is None or spent[1] is None else (spent[0], spent[1]),
    )  # fmt: skip


def _total(comparison: Comparison, results: Results, groups: Groups) -> None:
    """Fill what is over all sets."""
    gaps = [row.difference for row in comparison.rows]
    comparison.difference = mean_interval(gaps) if gaps else None
    comparison.wins = sum(gap > SAME for gap in gaps)
    comparison.losses = sum(gap < -SAME for gap in gaps)
    comparison.ties = len(gaps) - comparison.wins - comparison.losses
    comparison.p = wilcoxon(
        [r.ours.value for r in comparison.rows], [r.theirs.value for r in comparison.rows]
    )
    values: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in comparison.rows:
        ours = groups[row.set, row.method, OURS]
        theirs = groups[row.set, row.method, comparison.peer]
        for score in (
            "ari",
            "nmi",
            "ami",
            "silhouette",
            "calinski_harabasz",
            "davies_bouldin",
            "time",
            "memory",
        ):
            x, y = _mean(ours, score), _mean(theirs, score)
            if x is not None and y is not None:
                values[score].append((x, y))
    for score, found in values.items():
        if score not in ("time", "memory"):
            comparison.means[score] = tuple(np.mean(found, axis=0).tolist())
    comparison.time_ratio = _ratio(values["time"])
    comparison.memory_ratio = _ratio(values["memory"])


def _mean(cells: list[Cell], score: str) -> float | None:
    found = [value for cell in cells if (value := getattr(cell, score)) is not None]
    return float(np.mean(found)) if found else None


def _ratio(pairs: list[tuple[float, float]]) -> float | None:
    """Geometric mean of theirs over ours."""
    logs = [math.log(theirs / ours) for ours, theirs in pairs if ours > 0 and theirs > 0]
    return math.exp(float(np.mean(logs))) if logs else None


@dataclass
class Ranking:
    """Our methods against each other over the data sets.

    Parameters
    ----------
    methods : list of str
        Titles, in the order of the plan.
    sets : list of str
    scores : ndarray of shape (n_sets, n_methods)
        Mean ARI.
    test : Friedman
    left_out : list of str
        Methods without a result on many sets.

    Examples
    --------
    >>> from shoal.evaluation.results import Plan, Results
    >>> from shoal.evaluation.summary import ranking
    >>> ranking(Results(Plan([], [], 1, 60.0))) is None
    True
    """

    methods: list[str]
    sets: list[str]
    scores: NDArray[np.float64]
    test: Friedman
    left_out: list[str]


def ranking(results: Results, score: str = "ari") -> Ranking | None:
    """Ranks of our methods on the sets where all of them have a result.

    A method that lacks a result on more than a quarter of the sets is left out, so that the others keep their sets;
    a result is one of all seeds. None where fewer than 3 methods or 3 sets remain.
    """
    groups = _groups(results)
    means = {key: mean for key, mean in results.means(score).items() if _measured(groups[key])}
    sets = [entry.name for entry in results.plan.sets]
    kept: list[MethodFacts] = []
    left_out: list[MethodFacts] = []
    for method in results.plan.methods:
        have = sum((name, method.name, OURS) in means for name in sets)
        (kept if have >= 0.75 * len(sets) else left_out).append(method)
    sets = [name for name in sets if all((name, method.name, OURS) in means for method in kept)]
    if len(kept) < 3 or len(sets) < 3:
        return None
    scores = np.array([[means[name, method.name, OURS] for method in kept] for name in sets])
    return Ranking([m.title for m in kept], sets, scores, friedman(scores), [m.title for m in left_out])


def costs(results: Results, score: str, libraries: tuple[str, ...]) -> NDArray[np.float64]:
    """Mean time or memory of each library, (n_problems, n_libraries): a problem is a method on a set that all have.

    inf where a library was stopped or failed; problems that were skipped for all are none. Zero counts as the least
    above it.
    """
    groups = _groups(results)
    rows = []
    for name in dict.fromkeys(cell.set for cell in results.cells):
        for method in results.plan.methods:
            if not set(libraries) <= set(method.libraries):
                continue
            row = []
            tried = 0
            for library in libraries:
                cells = groups[name, method.name, library]
                tried += any(cell.status != "skipped" for cell in cells)
                value = _mean(cells, score) if _measured(cells) and cells else None
                row.append(math.inf if value is None else value)
            if tried == len(libraries):
                rows.append(row)
    table = np.array(rows, dtype=float).reshape(-1, len(libraries))
    least = table[(table > 0) & np.isfinite(table)].min(initial=math.inf)
    return np.where(table > 0, table, least)


def skipped(results: Results) -> list[tuple[str, str, str, list[str]]]:
    """What has no numbers: (method, library, reason, sets)."""
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for cell in results.cells:
        if cell.status != "measured":
            reason = cell.reason if cell.status != "skipped" or not cell.reason.startswith("seed ") else ""
            if reason:
                names = found[cell.method, cell.library, reason]
                if cell.set not in names:
                    names.append(cell.set)
    return [(*key, names) for key, names in found.items()]
