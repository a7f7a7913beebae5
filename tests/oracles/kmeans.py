"""k-means and its starts from the definitions: every distance computed, nothing kept from step to step.

Lloyd, "Least squares quantization in PCM" (1982); Arthur and Vassilvitskii, "k-means++" (2007); Dhillon and
Modha, "Concept decompositions for large sparse text data using clustering" (2001).
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Fit(NamedTuple):
    centers: NDArray[np.float64]
    labels: NDArray[np.intp]
    inertia: float
    n_iter: int
    converged: bool
    history: list[float]  # the objective after every half step: assignment, relocation, means


def sq_distances(X: ArrayLike, centers: ArrayLike) -> NDArray[np.float64]:
    """Squared distances, (n_samples, n_clusters), each a sum of squared differences."""
    X, centers = np.asarray(X, dtype=float), np.asarray(centers, dtype=float)
    return np.array([[np.sum((x - c) ** 2) for c in centers] for x in X]).reshape(len(X), len(centers))


def unit_rows(X: ArrayLike) -> NDArray[np.float64]:
    """Rows of length one; rows of zeros stay."""
    X = np.asarray(X, dtype=float)
    return np.array([x / np.linalg.norm(x) if x.any() else x for x in X])


def objective(X: ArrayLike, weight: NDArray[np.float64], centers: ArrayLike, labels: ArrayLike) -> float:
    """The weighted sum of squared distances of the samples to the centres they are labelled with."""
    X, centers = np.asarray(X, dtype=float), np.asarray(centers, dtype=float)
    return float(sum(w * np.sum((x - centers[j]) ** 2) for x, w, j in zip(X, weight, labels, strict=True)))


def lloyd(
    X: ArrayLike,
    start: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    max_iter: int = 300,
    tol: float = 0.0,
    spherical: bool = False,
) -> Fit:
    """Lloyd's algorithm, the nearest centre with the smaller number on a tie.

    After each assignment, clusters without weight, in ascending order, take the samples of positive weight
    that are farthest from their own centres (the smaller sample on a tie, none at distance 0). A cluster that
    is without weight even then stands on the mean of the heaviest. `tol` bounds the summed squared moves of
    the centres. `spherical` scales rows and centres to unit length; a mean of zero leaves its centre.
    """
    X = unit_rows(X) if spherical else np.asarray(X, dtype=float)
    centers = unit_rows(start) if spherical else np.array(start, dtype=float)
    weight = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=float)
    k = len(centers)
    labels = np.full(len(X), -1)
    history = []
    converged = False
    for n_iter in range(1, max_iter + 1):  # noqa: B007
        before = labels
        labels = nearest(X, centers)
        history.append(objective(X, weight, centers, labels))
        changed = bool((labels != before).any())
        labels, moved = relocate(X, weight, centers, labels)
        means = centers.copy()
        mass = [weight[labels == j].sum() for j in range(k)]
        for j in range(k):
            # a row without weight must not even change the order in which the others are added
            members = (labels == (j if mass[j] > 0 else int(np.argmax(mass)))) & (weight > 0)
            means[j] = np.average(X[members], axis=0, weights=weight[members])
        if spherical:
            means = np.array(
                [m / np.linalg.norm(m) if m.any() else c for m, c in zip(means, centers, strict=True)]
            )
        shift = float(np.sum((means - centers) ** 2))
        centers = means
        history.append(objective(X, weight, centers, labels))
        if not changed and not moved:
            converged = True
            break
        if shift <= tol:
            converged = True
            break
    labels = nearest(X, centers)
    return Fit(centers, labels, objective(X, weight, centers, labels), n_iter, converged, history)


def nearest(X: ArrayLike, centers: ArrayLike) -> NDArray[np.intp]:
    return np.argmin(sq_distances(X, centers), axis=1)


def relocate(
    X: NDArray[np.float64],
    weight: NDArray[np.float64],
    centers: NDArray[np.float64],
    labels: NDArray[np.intp],
) -> tuple[NDArray[np.intp], bool]:
    """Labels after clusters without weight have taken the samples farthest from their centres."""
    empty = [j for j in range(len(centers)) if weight[labels == j].sum() == 0]
    own = [np.sum((x - centers[j]) ** 2) if w > 0 else 0.0 for x, w, j in zip(X, weight, labels, strict=True)]
    farthest = sorted(range(len(X)), key=lambda i: (-own[i], i))
    labels = labels.copy()
    moved = False
    for j, i in zip(empty, farthest, strict=False):
        if own[i] > 0:
            labels[i] = j
            moved = True
    return labels, moved


def potential(X: ArrayLike, centers: ArrayLike, weight: ArrayLike | None = None) -> float:
    """The weighted sum of squared distances to the nearest of the centres."""
    sq = sq_distances(X, centers).min(axis=1)
    return float(np.dot(np.ones(len(sq)) if weight is None else np.asarray(weight, dtype=float), sq))


def next_seed_probabilities(
    X: ArrayLike, chosen: list[int], n_draws: int, weight: ArrayLike | None = None
) -> NDArray[np.float64]:
    """The probability of each row to be the next centre of greedy k-means++, by enumerating all draws.

    The first centre is a single draw by weight; each later one is the draw with the lowest potential, the
    earliest of equals.
    """
    X = np.asarray(X, dtype=float)
    weight = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=float)
    if not chosen:
        return weight / weight.sum()
    mass = weight * sq_distances(X, X[chosen]).min(axis=1)
    single = mass / mass.sum()
    after = [potential(X, X[[*chosen, i]], weight) for i in range(len(X))]
    probability = np.zeros(len(X))
    for draws in itertools.product(np.flatnonzero(single), repeat=n_draws):
        best = min(draws, key=lambda i: after[i])
        probability[best] += np.prod(single[list(draws)])
    return probability


def optimum(X: ArrayLike, n_clusters: int) -> float:
    """The least inertia of any partition into at most `n_clusters` parts, by trying them all."""
    X = np.asarray(X, dtype=float)
    best = np.inf
    for labels in itertools.product(range(n_clusters), repeat=len(X)):
        names = list(dict.fromkeys(labels))
        if names != sorted(names):  # the same partition under other names
            continue
        parts = [X[[i for i, j in enumerate(labels) if j == name]] for name in names]
        best = min(best, sum(float(((part - part.mean(axis=0)) ** 2).sum()) for part in parts))
    return best
