"""What in a table of scores is more than chance; SciPy does the distributions.

References
----------
.. [1] J. Demšar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 1-30, 2006.
.. [2] S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 6(2), 65-70, 1979.
.. [3] R. L. Iman and J. M. Davenport, "Approximations of the critical region of the Friedman statistic", Communications
   in Statistics A9(6), 571-595, 1980.
.. [4] E. D. Dolan and J. J. Moré, "Benchmarking optimization software with performance profiles", Mathematical
   Programming 91, 201-213, 2002.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Mean:
    """A mean and half the width of its confidence interval; the width is None for fewer than two values.

    Examples
    --------
    >>> from shoal.evaluation.statistics import mean_interval
    >>> m = mean_interval([1.0, 2.0, 3.0])
    >>> print(f"{m.value:.2f} ± {m.half_width:.3f}")
    2.00 ± 2.484
    """

    value: float
    half_width: float | None
    n: int


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> Mean:
    """Mean with Student's t interval, as for a sample of a normal distribution."""
    from scipy.stats import t

    x = np.asarray(values, dtype=float)
    if x.size < 2:
        return Mean(float(x.mean()), None, x.size)
    error = float(x.std(ddof=1)) / math.sqrt(x.size)
    return Mean(float(x.mean()), float(t.ppf((1 + confidence) / 2, x.size - 1)) * error, x.size)


def difference_test(ours: ArrayLike, theirs: ArrayLike, *, paired: bool, drawn: bool = False) -> float:
    """Two-sided P-value of equal means: Student's t of the differences where they are paired, else Welch's.

    Where nothing varies, values that agree to 1e-9 give 1 and others 0. One value of what is drawn at random (`drawn`)
    tells nothing of its spread: 1.

    Examples
    --------
    >>> from shoal.evaluation.statistics import difference_test
    >>> difference_test([0.5, 0.5], [0.5, 0.5], paired=False)
    1.0
    """
    from scipy.stats import ttest_1samp, ttest_ind

    a, b = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if drawn and min(a.size, b.size) < 2:
        return 1.0
    if paired and a.size == b.size:
        gap = a - b
        if np.ptp(gap) <= 1e-9 or gap.size < 2:
            return 1.0 if abs(gap.mean()) <= 1e-9 else 0.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return float(ttest_1samp(gap, 0).pvalue)
    if np.ptp(a) <= 1e-9 and np.ptp(b) <= 1e-9:
        return 1.0 if abs(a.mean() - b.mean()) <= 1e-9 else 0.0
    if min(a.size, b.size) < 2:
        return 1.0
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", RuntimeWarning
        )  # of values that nearly agree: their spread is rounding
        return float(ttest_ind(a, b, equal_var=False).pvalue)


def wilcoxon(ours: ArrayLike, theirs: ArrayLike) -> float:
    """Two-sided P-value of the signed-rank test over data sets; pairs without a difference are left out.

    1 where no pair differs. Differences below 1e-9 are none.

    Examples
    --------
    >>> from shoal.evaluation.statistics import wilcoxon
    >>> wilcoxon([1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 0, 0])
    0.03125
    """
    from scipy.stats import wilcoxon as test

    gap = np.asarray(ours, dtype=float) - np.asarray(theirs, dtype=float)
    gap = gap[np.abs(gap) > 1e-9]
    return float(test(gap).pvalue) if gap.size else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for the number of tests, by Holm's steps: the error of the whole family is controlled.

    Examples
    --------
    >>> from shoal.evaluation.statistics import holm
    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * (p.size - np.arange(p.size)))
    adjusted = np.empty(p.size)
    adjusted[order] = np.minimum(steps, 1)
    return [float(value) for value in adjusted]


@dataclass(frozen=True)
class Friedman:
    """Whether methods differ over data sets, and by how much ranks must.

    Parameters
    ----------
    ranks : ndarray of shape (n_methods,)
        Average ranks; 1 is best.
    chi2, p_chi2 : float
        Friedman's statistic, corrected for ties, and its P-value.
    f, p_f : float
        Iman and Davenport's, which is less conservative.
    critical_difference : float
        Of two average ranks, by Nemenyi.
    n_sets : int

    Examples
    --------
    >>> import numpy as np
    >>> from shoal.evaluation.statistics import friedman
    >>> friedman(np.array([[0.9, 0.8, 0.7], [0.6, 0.5, 0.4], [0.7, 0.9, 0.1]])).ranks.round(2).tolist()
    [1.33, 1.67, 3.0]
    """

    ranks: NDArray[np.float64]
    chi2: float
    p_chi2: float
    f: float
    p_f: float
    critical_difference: float
    n_sets: int


def friedman(scores: NDArray[Any], alpha: float = 0.05) -> Friedman:
    """Friedman's test of scores (n_sets, n_methods): higher is better, ties share ranks."""
    from scipy.stats import f as f_distribution
    from scipy.stats import friedmanchisquare, rankdata

    n, k = scores.shape
    if k < 3 or n < 2:
        raise ValueError(f"scores must have at least 2 sets and 3 methods; got {n} and {k}")
    rounded = np.round(scores, 9)  # differences of rounding are ties
    ranks = rankdata(-rounded, axis=1).mean(axis=0)
    if np.ptp(rounded, axis=1).max() == 0:
        return Friedman(ranks, 0.0, 1.0, 0.0, 1.0, critical_difference(k, n, alpha), n)
    chi2, p = friedmanchisquare(*rounded.T)
    rest = n * (k - 1) - chi2
    f = (n - 1) * chi2 / rest if rest > 0 else math.inf
    p_f = float(f_distribution.sf(f, k - 1, (k - 1) * (n - 1)))
    return Friedman(ranks, float(chi2), float(p), float(f), p_f, critical_difference(k, n, alpha), n)


def critical_difference(n_methods: int, n_sets: int, alpha: float = 0.05) -> float:
    """By how much two average ranks must differ, by Nemenyi's test at level `alpha`.

    Examples
    --------
    >>> from shoal.evaluation.statistics import critical_difference
    >>> print(f"{critical_difference(4, 14):.2f}")  # Demšar 2006, section 3.2.4: 1.25 from the rounded 2.569
    1.25
    """
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - alpha, n_methods, np.inf)) / math.sqrt(2)
    return q * math.sqrt(n_methods * (n_methods + 1) / (6 * n_sets))


def cliques(ranks: ArrayLike, difference: float) -> list[tuple[int, int]]:
    """Maximal groups of neighbours in the order of ranks that do not differ: (first, last) places in that order.

    Examples
    --------
    >>> from shoal.evaluation.statistics import cliques
    >>> cliques([1.0, 1.5, 2.6, 5.0], 1.2)
    [(0, 1), (1, 2)]
    """
    sorted_ranks = np.sort(np.asarray(ranks, dtype=float))
    groups: list[tuple[int, int]] = []
    for first in range(sorted_ranks.size):
        last = int(np.searchsorted(sorted_ranks, sorted_ranks[first] + difference, side="right")) - 1
        if last > first and (not groups or last > groups[-1][1]):
            groups.append((first, last))
    return groups


def performance_profile(costs: ArrayLike) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Dolan and Moré's profile of each solver: the share of problems it solves within a factor of the best.

    Parameters
    ----------
    costs : array-like of shape (n_problems, n_solvers)
        Positive; inf where a solver failed. Every problem counts in the share; one that nobody solves counts against
        all.

    Returns
    -------
    list of (factors, shares)
        For each solver the ascending factors (at least 1) where its share rises, and the share from there on.

    Examples
    --------
    >>> from shoal.evaluation.statistics import performance_profile
    >>> factors, shares = performance_profile([[1, 2], [3, 1.5], [1, float("inf")]])[0]
    >>> factors.tolist(), shares.round(2).tolist()
    ([1.0, 2.0], [0.67, 1.0])
    """
    values = np.asarray(costs, dtype=float)
    if not (values > 0).all():
        raise ValueError("costs must be positive")
    best = values.min(axis=1, keepdims=True)
    solved = np.isfinite(best[:, 0])
    ratios = values[solved] / best[solved]
    profiles = []
    for column in ratios.T:
        factors, counts = np.unique(column[np.isfinite(column)], return_counts=True)
        profiles.append((factors, np.cumsum(counts) / len(values)))
    return profiles
