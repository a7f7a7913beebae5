"""DBCV from the paper, with matrices: Moulavi et al., "Density-based clustering validation", SDM 2014."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist


def dbcv(X, labels, metric="euclidean", dimension=None, **options):
    """The score, and sparseness, separation and validity of each cluster; label -1 is noise."""
    X, labels = np.asarray(X, dtype=float), np.asarray(labels)
    dimension = X.shape[1] if dimension is None else dimension
    D = cdist(X, X, metric, **options)
    names = [name for name in np.unique(labels) if name != -1]
    core, internal, sparseness = np.zeros(len(X)), [], []
    for name in names:
        mine = np.flatnonzero(labels == name)
        if len(mine) == 1:
            internal.append([])
            sparseness.append(0.0)
            continue
        for i in mine:
            others = [D[i, j] for j in mine if j != i]
            with np.errstate(divide="ignore"):
                core[i] = np.mean([(1 / np.float64(d)) ** dimension for d in others]) ** (-1 / dimension)
        reach = np.maximum(D[np.ix_(mine, mine)], np.maximum.outer(core[mine], core[mine]))
        tree = _kruskal(reach)
        degree = np.bincount(np.ravel([(u, v) for _, u, v in tree]), minlength=len(mine))
        edges = [weight for weight, u, v in tree if min(degree[u], degree[v]) > 1]
        sparseness.append(max(edges) if edges else max(tree)[0])
        internal.append(mine[degree > 1] if (degree > 1).any() else mine)
    separation, validity = [], []
    for a, inside in enumerate(internal):
        apart = [
            max(core[i], core[j], D[i, j])
            for b, other in enumerate(internal)
            if b != a
            for i in inside
            for j in other
        ]
        separation.append(min(apart) if apart else np.inf)
        if not apart:
            validity.append(0.0)
            continue
        larger = max(separation[-1], sparseness[a])
        validity.append((separation[-1] - sparseness[a]) / larger if larger > 0 else 0.0)
    sizes = [(labels == name).sum() for name in names]
    score = sum(size * value for size, value in zip(sizes, validity, strict=True)) / len(X)
    return score, np.array(sparseness), np.array(separation), np.array(validity)


def _kruskal(weights):
    """The spanning tree of the least edges, of equals the first by (weight, u, v)."""
    n = len(weights)
    group, tree = np.arange(n), []
    for weight, u, v in sorted((weights[i, j], i, j) for i in range(n) for j in range(i + 1, n)):
        if group[u] != group[v]:
            group[group == group[v]] = group[u]
            tree.append((weight, u, v))
    return tree
