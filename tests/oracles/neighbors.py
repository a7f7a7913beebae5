"""Neighbours by brute force: all reduced distances as sums over the features in order, then a stable sort."""

import numpy as np


def reduced(x, y, metric="euclidean", p=2.0):
    """What grows with the distance and needs no root, in the dtype of the data."""
    x, y = np.asarray(x), np.asarray(y)
    out = np.zeros((len(x), len(y)), dtype=x.dtype)
    with np.errstate(over="ignore", under="ignore"):
        for f in range(x.shape[1]):
            difference = np.abs(x[:, None, f] - y[None, :, f])
            if metric == "euclidean":
                out += difference * difference
            elif metric == "manhattan":
                out += difference
            elif metric == "chebyshev":
                out = np.maximum(out, difference)
            else:
                out += difference ** x.dtype.type(p)
    return out


def distance(reduced_distances, metric="euclidean", p=2.0):
    if metric == "euclidean":
        return np.sqrt(reduced_distances)
    if metric == "minkowski":
        return reduced_distances ** reduced_distances.dtype.type(1 / p)
    return reduced_distances


def k_nearest(x, y, k, metric="euclidean", p=2.0):
    """(distances, rows of y), nearest first, ties by row."""
    all_pairs = reduced(x, y, metric, p)
    rows = np.argsort(all_pairs, axis=1, kind="stable")[:, :k]
    return distance(np.take_along_axis(all_pairs, rows, axis=1), metric, p), rows
