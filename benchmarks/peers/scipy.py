"""SciPy: ``kmeans2`` (no stopping rule, so no whole fit), ``vq``, and a silhouette by blocks of ``cdist``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data import Arrays
from ..library import Answer, Job, Library, Offer, assignment, imports

BLOCK = 256  # rows of distances at a time


def _lloyd(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    from scipy.cluster.vq import kmeans2

    X, init, max_iter = arrays["X"], arrays["init"], params["max_iter"]

    def read(result: Any) -> Answer:
        # Its labels belong to the centres before the last update, so they are left out.
        return Answer({"centers": result[0]}, n_iter=max_iter, work=float(max_iter))

    return Job(lambda seed: kmeans2(X, init, iter=max_iter, minit="matrix", missing="warn"), read)


def _assign(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    from scipy.cluster.vq import vq

    X, centers = arrays["X"], arrays["init"]
    return Job(
        lambda seed: vq(X, centers, check_finite=False),
        lambda found: Answer({"labels": found[0]}, work=assignment(arrays)),
    )


def _silhouette(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    """What one writes by hand: distances a block of rows at a time, summed per label by a product."""
    from scipy.spatial.distance import cdist

    X, labels = arrays["X"], arrays["labels"]

    def call(seed: int) -> float:
        sizes = np.bincount(labels)
        members = np.zeros((len(labels), len(sizes)))
        members[np.arange(len(labels)), labels] = 1.0
        total = 0.0
        for at in range(0, len(labels), BLOCK):
            own = labels[at : at + BLOCK]
            rows = np.arange(len(own))
            sums = cdist(X[at : at + BLOCK], X) @ members
            inside = sums[rows, own] / np.maximum(sizes[own] - 1, 1)
            means = sums / sizes
            means[rows, own] = np.inf
            outside = means.min(axis=1)
            width = (outside - inside) / np.maximum(outside, inside)
            total += width[sizes[own] > 1].sum()
        return total / len(labels)

    return Job(call, lambda value: Answer({"value": np.float64(value)}))


def _k_nearest(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    from scipy.spatial import cKDTree

    X, k = arrays["X"], params["k"]
    return Job(
        lambda seed: cKDTree(X).query(X, k, workers=threads),
        lambda found: Answer({"value": found[0].sum(dtype=np.float64)}),
    )


LIBRARIES = (
    Library(
        "scipy",
        module="scipy",
        package="scipy",
        tasks={
            "lloyd": Offer(_lloyd, note="kmeans2; one assignment fewer than the others"),
            "silhouette": Offer(_silhouette, note="cdist in blocks of rows"),
            "k-nearest": Offer(
                _k_nearest, note="cKDTree, built and asked for its own points; computes in float64"
            ),
            "assign": Offer(_assign, note="vq, finite check off"),
            "import": imports("import scipy"),
            "import-kmeans": imports("from scipy.cluster.vq import kmeans2"),
        },
    ),
)
