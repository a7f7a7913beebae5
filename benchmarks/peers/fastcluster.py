"""fastcluster: linkage by the chain of nearest neighbours, `linkage_vector` where it needs no matrix; and SciPy's."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..data import Arrays
from ..library import Answer, Job, Library, Offer

MOST = 20_000  # samples of which all distances are kept
VECTOR = ("single", "ward", "centroid", "median")


def linkage(module: str, vector: bool = False, most: int | None = MOST) -> Any:
    """The matrix of merges; what keeps all distances is not asked for more than `most` samples."""

    def make(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
        X, method = arrays["X"], params["method"]
        name = "linkage_vector" if vector and method in VECTOR else "linkage"
        call = getattr(import_module(module), name)
        if most is not None and name == "linkage" and len(X) > most:
            raise ValueError(f"{module} keeps all distances of {len(X)} samples")
        return Job(lambda seed: call(X, method), lambda Z: Answer({"value": Z[:, 2].mean()}))

    return make


LIBRARIES = (
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
