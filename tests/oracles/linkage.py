"""Linkage from its definitions: distances between clusters from their members, the nearest pair by looking at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

METHODS = ("single", "complete", "average", "weighted", "ward", "centroid", "median")


def rows_distance(x, y, metric="euclidean", p=2.0):
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if metric == "cosine":
        lengths = np.linalg.norm(x), np.linalg.norm(y)
        if 0 in lengths:
            return 0.0 if lengths == (0, 0) else 1.0
        return 1 - float(np.dot(x / lengths[0], y / lengths[1]))
    apart = np.abs(x - y)
    power = {"euclidean": 2.0, "manhattan": 1.0, "chebyshev": np.inf, "minkowski": p}[metric]
    return float(apart.max()) if power == np.inf else float((apart**power).sum() ** (1 / power))


def all_distances(X, metric="euclidean", p=2.0) -> NDArray[np.float64]:
    return np.array([[rows_distance(x, y, metric, p) for y in X] for x in X])


class Clusters:
    """Nodes of a tree and how far they are from each other, by definition."""

    def __init__(self, X, method, weight=None, D=None):
        self.X = None if X is None else np.asarray(X, dtype=np.float64)
        self.D = all_distances(X) if D is None else D
        n = len(self.D)
        self.method = method
        self.weight = np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64)
        self.members = {i: [i] for i in range(n)}
        self.parts: dict[int, tuple[int, int]] = {}
        self.next = n

    def join(self, a, b):
        node = self.next
        self.members[node] = self.members[a] + self.members[b]
        self.parts[node] = (a, b)
        self.next += 1
        return node

    def size(self, a):
        return self.weight[self.members[a]].sum()

    def mean(self, a):
        return np.average(self.X[self.members[a]], axis=0, weights=self.weight[self.members[a]])

    def middle(self, a):
        if a not in self.parts:
            return self.X[a]
        return (self.middle(self.parts[a][0]) + self.middle(self.parts[a][1])) / 2

    def spread(self, rows):
        points, weight = self.X[rows], self.weight[rows]
        return float(weight @ ((points - np.average(points, axis=0, weights=weight)) ** 2).sum(axis=1))

    def distance(self, a, b):
        one, other = self.members[a], self.members[b]
        block = self.D[np.ix_(one, other)]
        if self.method == "single":
            return block.min()
        if self.method == "complete":
            return block.max()
        if self.method == "average":
            pairs = np.outer(self.weight[one], self.weight[other])
            return (block * pairs).sum() / pairs.sum()
        if self.method == "weighted":
            for x, y in ((a, b), (b, a)):
                if x in self.parts:
                    return sum(self.distance(part, y) for part in self.parts[x]) / 2
            return self.D[a, b]
        if self.method == "ward":
            gain = self.spread(one + other) - self.spread(one) - self.spread(other)
            return np.sqrt(2 * max(gain, 0.0))
        at = self.mean if self.method == "centroid" else self.middle
        return float(np.linalg.norm(at(a) - at(b)))


def complaint(Z, clusters: Clusters, tol=1e-9) -> str:
    """What is wrong with Z, or nothing: heights are distances, and in their order no pair was nearer."""
    n = len(clusters.D)
    living = set(range(n))
    if Z.shape != (n - 1, 4):
        return f"shape {Z.shape}"
    for i, (left, right, height, size) in enumerate(Z):
        a, b = int(left), int(right)
        if not (a < b and {a, b} <= living):
            return f"row {i} joins {a} and {b}"
        scale = tol * (1 + abs(height))
        if abs(clusters.distance(a, b) - height) > scale:
            return f"row {i} has height {height}; {clusters.distance(a, b)} by definition"
        nearest = min(clusters.distance(x, y) for x in living for y in living if x < y)
        if nearest < height - scale:
            return f"row {i} has height {height}; a pair is at {nearest}"
        living -= {a, b}
        living.add(clusters.join(a, b))
        if not np.isclose(size, clusters.size(n + i)):
            return f"row {i} has size {size}"
    return ""
