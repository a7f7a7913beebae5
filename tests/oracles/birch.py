"""The CF-tree of BIRCH on lists of samples: a feature is the samples themselves, every number computed from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Feature:
    """Samples that went the same way; above the leaves with the node they went to."""

    def __init__(self, samples: list[int], child: list[Feature] | None = None) -> None:
        self.samples, self.child = samples, child


class CFTree:
    """Insertion and splits as Zhang, Ramakrishnan and Livny describe them, with the radius as threshold."""

    def __init__(self, X: NDArray[np.float64], threshold: float, branching_factor: int) -> None:
        self.X, self.threshold, self.branching_factor = X, threshold, branching_factor
        self.root: list[Feature] = []
        for i in range(len(X)):
            halves = self._insert(self.root, i)
            if halves:
                self.root = [Feature(self._all(half), half) for half in halves]

    def _center(self, feature: Feature) -> NDArray[np.float64]:
        return self.X[feature.samples].mean(axis=0)

    @staticmethod
    def _all(node: list[Feature]) -> list[int]:
        return [i for feature in node for i in feature.samples]

    def _insert(self, node: list[Feature], i: int) -> tuple[list[Feature], list[Feature]] | None:
        if not node:
            node.append(Feature([i]))
            return None
        distances = [float(((self._center(feature) - self.X[i]) ** 2).sum()) for feature in node]
        nearest = node[int(np.argmin(distances))]
        if nearest.child is not None:
            halves = self._insert(nearest.child, i)
            if halves is None:
                nearest.samples.append(i)
            else:
                at = node.index(nearest)
                node[at] = Feature(self._all(halves[0]), halves[0])
                node.append(Feature(self._all(halves[1]), halves[1]))
        else:
            both = self.X[[*nearest.samples, i]]
            radius = np.sqrt(((both - both.mean(axis=0)) ** 2).sum(axis=1).mean())
            if radius <= self.threshold:
                nearest.samples.append(i)
            else:
                node.append(Feature([i]))
        return self._split(node) if len(node) > self.branching_factor else None

    def _split(self, node: list[Feature]) -> tuple[list[Feature], list[Feature]]:
        centers = np.array([self._center(feature) for feature in node])
        distances = ((centers[:, None] - centers) ** 2).sum(axis=-1)
        a, b = np.unravel_index(int(distances.argmax()), distances.shape)
        left = distances[a] < distances[b]
        left[a] = True
        return (
            [feature for feature, here in zip(node, left, strict=True) if here],
            [feature for feature, here in zip(node, left, strict=True) if not here],
        )

    def subclusters(self) -> set[frozenset[int]]:
        """The samples of every leaf feature."""
        found, nodes = set(), [self.root]
        while nodes:
            for feature in nodes.pop():
                if feature.child is None:
                    found.add(frozenset(feature.samples))
                else:
                    nodes.append(feature.child)
        return found
