"""quitefastmst: minimum spanning trees on a k-d tree; its threads are OpenMP's."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data import Arrays
from ..library import Answer, Job, Library, Offer


def _spanning_tree(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    import quitefastmst

    X = arrays["X"]
    others = params["min_samples"] - 1  # it does not count the point itself
    return Job(
        lambda seed: quitefastmst.mst_euclid(X, others if others > 1 else 0),
        lambda tree: Answer({"value": np.sum(tree[0], dtype=np.float64)}),
    )


LIBRARIES = (
    Library(
        "quitefastmst",
        module="quitefastmst",
        package="quitefastmst",
        tasks={
            "spanning-tree": Offer(_spanning_tree, note="M = min_samples - 1: the point itself not counted")
        },
    ),
)
