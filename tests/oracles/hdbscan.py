"""HDBSCAN from its definition, slowly: every level of the hierarchy by connected components of a matrix.

Campello, Moulavi, Zimek, Sander: "Hierarchical density estimates for data clustering, visualization, and outlier
detection", ACM TKDD 10(1), 2015. There is no spanning tree and no dendrogram here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist


def mutual_reachability(X, min_samples, metric="euclidean", alpha=1.0, **options):
    X = np.asarray(X, dtype=float)
    D = cdist(X, X, metric, **options)
    np.fill_diagonal(D, 0)
    core = np.sort(D, axis=1)[:, min_samples - 1]
    return np.maximum(np.maximum(core[:, None], core), D / alpha), core


@dataclass
class Group:
    """A cluster of the hierarchy: who leaves it where, and what it splits into."""

    members: list
    birth: float
    parent: Group | None = None
    leave: dict = field(default_factory=dict)  # point -> lambda
    children: list = field(default_factory=list)

    @property
    def stability(self):
        own = sum(_minus(value, self.birth) for value in self.leave.values())
        return own + sum(_minus(child.birth, self.birth) * len(child.members) for child in self.children)

    @property
    def death(self):
        return max([*self.leave.values(), *(child.birth for child in self.children)])

    def below(self):
        found = []
        for child in self.children:
            found += [child, *child.below()]
        return found


def _minus(a, b):
    return 0.0 if a == b else a - b


def _lambda(distance):
    return 1 / distance if distance > 0 else np.inf


def hierarchy(reach, min_cluster_size):
    """The root of the tree of clusters."""
    root = Group(list(range(len(reach))), 0.0)
    todo = [(root, root.members)]
    while todo:
        group, members = todo.pop()
        inner = reach[np.ix_(members, members)]
        off = inner[~np.eye(len(members), dtype=bool)]
        # the smallest h such that steps of at most h connect the members
        heights = np.unique(off)
        low, high = 0, len(heights) - 1
        while low < high:
            middle = (low + high) // 2
            count, _ = connected_components(inner <= heights[middle], directed=False)
            low, high = (low, middle) if count == 1 else (middle + 1, high)
        height = heights[low]
        count, part = connected_components(
            (inner < height) & ~np.eye(len(members), dtype=bool), directed=False
        )
        parts = [[members[i] for i in np.flatnonzero(part == p)] for p in range(count)]
        large = [some for some in parts if len(some) >= min_cluster_size]
        for some in parts:
            if some in large:
                continue
            for point in some:
                group.leave[point] = _lambda(height)
        if len(large) == 1:
            todo.append((group, large[0]))
        elif large:
            for some in large:
                child = Group(some, _lambda(height), group)
                group.children.append(child)
                todo.append((child, some))
    return root


def excess_of_mass(group, allow_root=False, largest=np.inf):
    """(total stability, clusters) of the best selection at or below `group`."""
    found = [excess_of_mass(child, True, largest) for child in group.children]
    total = sum(value for value, _ in found)
    chosen = [one for _, some in found for one in some]
    if allow_root and not total > group.stability and len(group.members) <= largest:
        return group.stability, [group]
    return total, chosen


def leaves(root):
    return [group for group in root.below() if not group.children]


def merged(chosen, epsilon, allow_root=False):
    """Selected clusters born below the distance epsilon give way to the first ancestor born beyond it."""
    result = []
    for group in chosen:
        while group.birth > 0 and 1 / group.birth < epsilon:
            if group.parent.parent is None and not allow_root:
                break
            group = group.parent
            if group.birth == 0 or 1 / group.birth > epsilon:
                break
        if group not in result:
            result.append(group)
    return result


def labels_and_probabilities(root, chosen, epsilon=0.0):
    n = len(root.members)
    labels, probabilities = np.full(n, -1), np.zeros(n)
    for label, group in enumerate(chosen):
        threshold = 0.0
        if group is root:
            threshold = 1 / epsilon if epsilon else group.death
        for part in [group, *group.below()]:
            for point, value in part.leave.items():
                if value < threshold:
                    continue
                labels[point] = label
                probabilities[point] = (
                    1.0 if group.death == 0 or value >= group.death else value / group.death
                )
    return labels, probabilities


def glosh(root):
    scores = np.zeros(len(root.members))
    for group in [root, *root.below()]:
        top = max(part.death for part in [group, *group.below()])
        for point, value in group.leave.items():
            scores[point] = 0.0 if value == top else 1 - value / top
    return scores
