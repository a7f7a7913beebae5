"""How good a clustering is: by its own geometry, and against reference labels.

Rows labelled noise (-1) belong to no cluster; the internal scores leave them out and say so. The silhouette
needs all pairs, so beyond a size that costs about a second it is computed on a random sample, and says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Pairs times features that the silhouette may cost.
SILHOUETTE_BUDGET = 4e9
# The metric of an estimator that was given similarities, as affinity propagation may be.
SIMILARITIES = "similarities"


@dataclass(frozen=True)
class Score:
    """One number with what a reader needs to judge it.

    Parameters
    ----------
    key : str
        Name of the function in :mod:`shoal.metrics`.
    name : str
        Short name for a table.
    value : float or None
        None where the score is not defined.
    low, high : float or None
        Its range; None where it has no bound.
    higher_is_better : bool
    meaning : str
        One sentence.
    note : str
        What was left out or sampled, or why there is no value.

    Examples
    --------
    >>> import numpy as np
    >>> from shoal.report import Clustering
    >>> X = np.array([[0.0], [1.0], [8.0], [9.0]])
    >>> score = Clustering(X, np.array([0, 0, 1, 1]), "by hand").scores.internal[0]
    >>> score.name, score.low, score.high, round(score.value, 3)
    ('Silhouette', -1.0, 1.0, 0.875)
    """

    key: str
    name: str
    value: float | None
    low: float | None
    high: float | None
    higher_is_better: bool
    meaning: str
    note: str = ""


@dataclass(frozen=True)
class Scores:
    """All scores of one clustering.

    Parameters
    ----------
    internal, external : list of Score
        `external` is empty without reference labels.
    silhouette_of : dict of int to float
        Mean silhouette of each cluster, over the rows it was computed on.

    Examples
    --------
    >>> import numpy as np
    >>> from shoal.report import Clustering
    >>> X, y = np.array([[0.0], [1.0], [8.0], [9.0]]), np.array([0, 0, 1, 1])
    >>> scores = Clustering(X, y, "by hand", y=y).scores
    >>> len(scores.internal), [score.name for score in scores.external][:3]
    (3, ['ARI', 'NMI', 'AMI'])
    """

    internal: list[Score]
    external: list[Score]
    silhouette_of: dict[int, float] = field(default_factory=dict)

    @property
    def all(self) -> list[Score]:
        return [*self.internal, *self.external]


def compute_scores(
    X: NDArray[Any], labels: NDArray[Any], y: NDArray[Any] | None = None, *, metric: str = "euclidean"
) -> Scores:
    """Internal scores of (X, labels), external ones against `y` if it is given.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The points as the algorithm saw them.
    labels : ndarray of shape (n_samples,)
        -1 is noise.
    y : ndarray of shape (n_samples,), default=None
        Reference labels of any type.
    metric : str
        Distance of the silhouette. The other two are defined on squared Euclidean distances of points: there are
        none for "precomputed", where `X` holds distances, and none of the three for "similarities".

    Notes
    -----
    O(n · d) for Calinski-Harabasz and Davies-Bouldin, at most about 4e9 pair-features for the silhouette,
    O(n) for the external scores.
    """
    silhouette_of, internal = internal_scores(X, labels, metric)
    return Scores(internal, [] if y is None else _external(y, labels), silhouette_of)


def internal_scores(
    X: NDArray[Any], labels: NDArray[Any], metric: str = "euclidean", *, budget: float | None = None
) -> tuple[dict[int, float], list[Score]]:
    """Mean silhouette of each cluster; silhouette, Calinski-Harabasz and Davies-Bouldin, rows of noise left out.

    The silhouette is that of a sample of rows when all would cost more than `budget` pair-features (None:
    SILHOUETTE_BUDGET).
    """
    from shoal import metrics

    clustered = labels >= 0
    n_noise = int(labels.size - clustered.sum())
    without = f"{n_noise:,} noise rows left out" if n_noise else ""
    distances = metric == "precomputed"
    if n_noise:
        X, labels = X[np.ix_(clustered, clustered)] if distances else X[clustered], labels[clustered]
    ids, sizes = np.unique(labels, return_counts=True)

    why = ""
    if not 2 <= ids.size <= labels.size - 1:
        why = f"needs 2 to n - 1 clusters; there {'is' if ids.size == 1 else 'are'} {ids.size}"
    elif metric == SIMILARITIES:
        why = "needs points or distances; there are similarities"
    silhouette = calinski = davies = None
    silhouette_of: dict[int, float] = {}
    sampled = ""
    if not why:
        rows = _silhouette_rows(labels, 1 if distances else X.shape[1], budget or SILHOUETTE_BUDGET)
        if rows.size < labels.size:
            sampled = f"on a random sample of {rows.size:,} rows"
        part, of = X, labels
        if rows.size < labels.size:
            part, of = X[np.ix_(rows, rows)] if distances else X[rows], labels[rows]
        values = metrics.silhouette_samples(part, of, metric=metric)
        silhouette_of = {int(i): float(values[of == i].mean()) for i in ids}
        # each cluster weighs as much as it has rows, however many of them were sampled
        silhouette = float(np.average(list(silhouette_of.values()), weights=sizes))
        if not distances:
            calinski = float(metrics.calinski_harabasz_score(X, labels))
            davies = float(metrics.davies_bouldin_score(X, labels))
    no_points = why or ("needs points; there are distances" if distances else "")

    def note(*parts: str) -> str:
        return "; ".join(part for part in parts if part)

    return silhouette_of, [
        Score(
            "silhouette_score",
            "Silhouette",
            silhouette,
            -1.0,
            1.0,
            True,
            "How much nearer a row is to its own cluster than to the next one.",
            note(
                why,
                sampled,
                without,
                f"{metric} distance" if metric not in ("euclidean", SIMILARITIES) else "",
            ),
        ),
        Score(
            "calinski_harabasz_score",
            "Calinski-Harabasz",
            calinski,
            0.0,
            None,
            True,
            "Spread between clusters over spread within them; compare on the same data only.",
            note(no_points, without),
        ),
        Score(
            "davies_bouldin_score",
            "Davies-Bouldin",
            davies,
            0.0,
            None,
            False,
            "Mean overlap of each cluster with the one most like it.",
            note(no_points, without),
        ),
    ]


def _silhouette_rows(labels: NDArray[Any], n_features: int, budget: float) -> NDArray[np.intp]:
    """All rows, or a seeded sample of as many as the budget allows."""
    n = labels.size
    most = int(np.clip(math.sqrt(budget / n_features), 2_000, 20_000))
    if n <= most:
        return np.arange(n)
    # of a few rows in a small cluster all are kept: they decide how near every other row is to it
    at_least = int(np.clip(most // (2 * np.unique(labels).size), 2, 100))
    return stratified_sample(labels, most, at_least=at_least)


def stratified_sample(labels: NDArray[Any], size: int, *, at_least: int, seed: int = 0) -> NDArray[np.intp]:
    """Ascending row numbers, about `size` of them: each cluster in proportion, `at_least` if it has them."""
    order = np.argsort(labels, kind="stable")
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    share = np.rint(counts * (size / labels.size)).astype(np.int64)
    take = np.minimum(counts, np.maximum(share, at_least))
    rng = np.random.default_rng(seed)
    chosen = [
        order[start + rng.choice(count, number, replace=False)]
        for start, count, number in zip(starts, counts, take, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def _external(y: NDArray[Any], labels: NDArray[Any]) -> list[Score]:
    from shoal import metrics

    note = ""
    if (labels < 0).any():
        note = "noise counts as one cluster"
    if y.dtype.kind in "iuf" and (y < 0).any():
        note = "; ".join(part for part in (note, "reference label -1 counts as one class") if part)
    _, codes = np.unique(y, return_inverse=True)  # once, and not in each score
    known = [
        (
            "adjusted_rand_score",
            "ARI",
            -0.5,
            "Pairs of rows grouped alike, corrected for chance: 0 is random.",
        ),
        ("normalized_mutual_info_score", "NMI", 0.0, "Information shared by clusters and classes."),
        ("adjusted_mutual_info_score", "AMI", None, "Shared information, corrected for chance: 0 is random."),
        ("homogeneity_score", "Homogeneity", 0.0, "Each cluster holds rows of one class only."),
        ("completeness_score", "Completeness", 0.0, "Each class lies in one cluster only."),
        ("v_measure_score", "V-measure", 0.0, "Harmonic mean of homogeneity and completeness."),
        ("fowlkes_mallows_score", "Fowlkes-Mallows", 0.0, "Precision and recall of pairs, geometric mean."),
    ]
    return [
        Score(
            key, name, float(getattr(metrics, key)(codes.reshape(-1), labels)), low, 1.0, True, meaning, note
        )
        for key, name, low, meaning in known
    ]
