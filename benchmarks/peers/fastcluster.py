"""fastcluster: linkage by the chain of nearest neighbours, `linkage_vector` where it needs no matrix; SciPy's; and
genieclust, as a black box."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..data import Arrays
from ..library import Answer, Job, LeftOut, Library, Offer

MOST = 20_000  # samples of which all distances are kept
VECTOR = ("single", "ward", "centroid", "median")


def linkage(module: str, vector: bool = False, most: int | None = MOST) -> Any:
    """The matrix of merges; what keeps all distances is not asked for more than `most` samples."""

    def make(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
        X, method = arrays["X"], params["method"]
        name = "linkage_vector" if vector and method in VECTOR else "linkage"
        call = getattr(import_module(module), name)
        if most is not None and name == "linkage" and len(X) > most:
            raise LeftOut(f"{module} keeps all distances of {len(X)} samples")
        return Job(lambda seed: call(X, method), lambda Z: Answer({"value": Z[:, 2].mean()}))

    return make


def genie(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    """Single linkage is Genie without its correction: the tree of its spanning tree."""
    from genieclust import Genie

    X = arrays["X"]
    if params["method"] != "single":
        raise LeftOut(f"genieclust has no {params['method']} linkage")
    return Job(
        lambda seed: Genie(n_clusters=1, gini_threshold=1.0).fit(X),
        lambda model: Answer({"value": model.distances_.mean()}),
    )


LIBRARIES = (
    Library(
        "genieclust",
        module="genieclust",
        package="genieclust",
        tasks={"linkage": Offer(genie, dtypes=("float64",), note="single linkage only")},
    ),
    Library(
        "fastcluster",
        module="fastcluster",
        package="fastcluster",
        tasks={"linkage": Offer(linkage("fastcluster", vector=True), dtypes=("float64",))},
    ),
    Library(
        "scipy linkage",
        module="scipy.cluster.hierarchy",
        package="scipy",
        tasks={"linkage": Offer(linkage("scipy.cluster.hierarchy"), dtypes=("float64",))},
    ),
)
