"""DBSCAN from its definition, with every distance and a search of the graph: slow, no formula of the core's."""

from __future__ import annotations

import numpy as np


def distances(X, metric="euclidean", p=2):
    """All distances in double, added up feature by feature."""
    X = np.asarray(X, dtype=np.float64)
    if metric == "cosine":
        norms = np.array([np.linalg.norm(row / (np.abs(row).max() or 1)) for row in X])
        unit = [row / (np.abs(row).max() or 1) / (norm or 1) for row, norm in zip(X, norms, strict=True)]
        out = np.array([[((a - b) ** 2).sum() / 2 for b in unit] for a in unit])
        zero = norms == 0
        out[zero[:, None] != zero[None]] = 1
        return out
    total = np.zeros((len(X), len(X)))
    for column in X.T:
        difference = np.abs(column[:, None] - column[None])
        if metric == "chebyshev":
            total = np.maximum(total, difference)
        else:
            total += difference ** {"euclidean": 2, "manhattan": 1, "minkowski": p}[metric]
    return total


def radius(eps, metric="euclidean", p=2):
    """`eps` in the unit of :func:`distances`."""
    return eps ** {"euclidean": 2, "minkowski": p}.get(metric, 1)


def dbscan(within, min_samples, weight=None):
    """(core samples, labels) from the matrix of who is within reach of whom."""
    n = len(within)
    weight = np.ones(n) if weight is None else weight
    core = within @ weight >= min_samples
    labels = np.full(n, -1)
    label = 0
    for first in range(n):
        if not core[first] or labels[first] != -1:
            continue
        reached = {first}
        front = [first]
        while front:
            at = front.pop()
            for other in np.flatnonzero(within[at] & core):
                if other not in reached:
                    reached.add(other)
                    front.append(other)
        members = sorted(reached)
        labels[members] = label
        border = within[members].any(axis=0) & ~core & (labels == -1)
        labels[border] = label
        label += 1
    return np.flatnonzero(core), labels
