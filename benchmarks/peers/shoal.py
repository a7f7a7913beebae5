"""shoal: the same jobs as scikit-learn's, the names being the same; and its k-means algorithms one by one."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..data import Arrays
from ..library import Answer, Job, Library, Offer, assignment, imports
from .hdbscan import hdbscan
from .scikit_learn import clusterer, lloyd, metrics, plusplus


def _assign(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    """The fused distance and argmin alone, with the data centred as `predict` centres them."""
    core = import_module("shoal._core")
    X, centers = arrays["X"], arrays["init"]
    origin = X.mean(axis=0)
    return Job(
        lambda seed: core.nearest(X, centers, origin),
        lambda found: Answer({"labels": found[0]}, work=assignment(arrays)),
    )


def _variant(algorithm: str) -> Library:
    return Library(
        f"shoal {algorithm}",
        module="shoal",
        package="shoal",
        role="variant",
        default=False,
        tasks={
            "lloyd": Offer(lloyd("shoal", algorithm=algorithm)),
            "fit": Offer(clusterer("shoal", "KMeans", algorithm=algorithm)),
        },
    )


LIBRARIES = (
    Library(
        "shoal",
        module="shoal",
        package="shoal",
        role="ours",
        tasks={
            "lloyd": Offer(lloyd("shoal")),
            "fit": Offer(clusterer("shoal", "KMeans")),
            "plusplus": Offer(plusplus("shoal")),
            "plusplus-single": Offer(plusplus("shoal")),
            "minibatch": Offer(clusterer("shoal", "MiniBatchKMeans")),
            "bisecting": Offer(clusterer("shoal", "BisectingKMeans")),
            **metrics("shoal.metrics"),
            "assign": Offer(_assign),
            "hdbscan": Offer(hdbscan("shoal")),
            "import": imports("import shoal"),
            "import-kmeans": imports("from shoal import KMeans"),
        },
    ),
    *(_variant(algorithm) for algorithm in ("lloyd", "hamerly", "yinyang", "elkan")),
)
