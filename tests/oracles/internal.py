"""Internal scores from their definitions: whole distance matrices and loops over samples and clusters."""

from __future__ import annotations

import numpy as np

# Extended precision leaves this much of what is 0 in exact arithmetic, for data of ordinary size.
ROUNDING = 1e-17


def distances(X, Y, metric):
    """All pairs, from their differences; cosine is 1 for a row of zeros."""
    X, Y = np.asarray(X, dtype=np.longdouble), np.asarray(Y, dtype=np.longdouble)
    if metric == "cosine":
        norms = np.sqrt((X**2).sum(axis=1))[:, None] * np.sqrt((Y**2).sum(axis=1))
        D = 1 - (X[:, None] * Y).sum(axis=2) / np.where(norms > 0, norms, 1)
        return np.where(D > ROUNDING, D, 0)
    difference = np.abs(X[:, None] - Y)
    if metric == "euclidean":
        return np.sqrt((difference**2).sum(axis=2))
    if metric == "sqeuclidean":
        return (difference**2).sum(axis=2)
    return difference.sum(axis=2) if metric == "manhattan" else difference.max(axis=2)


def silhouette(D, labels, weight=None):
    """Rousseeuw 1987 for w copies of each sample; a sample leaves out min(w, 1) of itself."""
    labels = np.asarray(labels)
    n = len(labels)
    weight = np.ones(n) if weight is None else np.asarray(weight, dtype=float)
    D = np.array(D, dtype=np.longdouble)
    np.fill_diagonal(D, 0)
    s = np.zeros(n, dtype=np.longdouble)
    for i in range(n):
        own = labels == labels[i]
        left = weight[own].sum() - min(weight[i], 1.0)
        if left <= 0:
            continue
        a = (weight[own] * D[i, own]).sum() / left
        b = min(
            (weight[labels == c] * D[i, labels == c]).sum() / weight[labels == c].sum()
            for c in set(labels.tolist()) - {labels[i].item()}
        )
        s[i] = (b - a) / max(a, b) if max(a, b) > 0 else 0
    return s


def normalized(X):
    X = np.asarray(X, dtype=np.longdouble)
    norms = np.sqrt((X**2).sum(axis=1, keepdims=True))
    return X / np.where(norms > 0, norms, 1)


def centroids(X, labels, weight=None, metric="euclidean"):
    X = normalized(X) if metric == "cosine" else np.asarray(X, dtype=np.longdouble)
    labels = np.asarray(labels)
    weight = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=float)
    return np.array(
        [
            np.average(X[labels == c], axis=0, weights=weight[labels == c])
            for c in sorted(set(labels.tolist()))
        ]
    )


def simplified_silhouette(X, labels, centers, metric, weight=None):
    """Distances to centres; labels are rows of them."""
    labels = np.asarray(labels)
    weight = np.ones(len(labels)) if weight is None else np.asarray(weight, dtype=float)
    D = distances(X, centers, metric)
    s = np.zeros(len(labels), dtype=np.longdouble)
    for i, own in enumerate(labels):
        a, b = D[i, own], np.delete(D[i], own).min()
        alone = weight[labels == own].sum() - min(weight[i], 1.0) <= 0
        s[i] = 0 if alone or max(a, b) < ROUNDING else (b - a) / max(a, b)
    return s


def calinski_harabasz(X, labels, weight=None):
    X = np.asarray(X, dtype=np.longdouble)
    labels = np.asarray(labels)
    weight = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=float)
    mean = np.average(X, axis=0, weights=weight)
    between = within = np.longdouble(0)
    names = sorted(set(labels.tolist()))
    for c, center in zip(names, centroids(X, labels, weight), strict=True):
        between += weight[labels == c].sum() * ((center - mean) ** 2).sum()
        within += (weight[labels == c][:, None] * (X[labels == c] - center) ** 2).sum()
    if within == 0:
        return 1.0
    return float((between / (len(names) - 1)) / (within / (weight.sum() - len(names))))


def davies_bouldin(X, labels, weight=None):
    X = np.asarray(X, dtype=np.longdouble)
    labels = np.asarray(labels)
    weight = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=float)
    names = sorted(set(labels.tolist()))
    centers = centroids(X, labels, weight)
    spread = [
        np.average(np.sqrt(((X[labels == c] - center) ** 2).sum(axis=1)), weights=weight[labels == c])
        for c, center in zip(names, centers, strict=True)
    ]
    worst = []
    for i in range(len(names)):
        gaps = [np.sqrt(((centers[i] - centers[j]) ** 2).sum()) for j in range(len(names))]
        worst.append(
            max(
                [(spread[i] + spread[j]) / gap for j, gap in enumerate(gaps) if gap > ROUNDING],
                default=0.0,
            )
        )
    return float(np.mean(worst))
