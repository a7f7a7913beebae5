"""SuperKMeans at its defaults: it samples the points and prunes by probability, so it is not exact."""

from __future__ import annotations

from typing import Any

from ..data import Arrays
from ..library import Answer, Job, Library, Offer, assignment, imports

F32 = ("float32",)


def _fit(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    from superkmeans import SuperKMeans

    X, k = arrays["X"], params["n_clusters"]

    def call(seed: int) -> Any:
        model = SuperKMeans(k, X.shape[1], n_threads=threads, seed=seed)
        centers = model.train(X)
        return centers, model.assign(X, centers)

    return Job(call, lambda found: Answer({"centers": found[0], "labels": found[1].astype("int64")}))


def _assign(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    from superkmeans import SuperKMeans

    X, centers = arrays["X"], arrays["init"]
    model = SuperKMeans(centers.shape[0], X.shape[1], n_threads=threads)
    return Job(
        lambda seed: model.assign(X, centers),
        lambda labels: Answer({"labels": labels.astype("int64")}, work=assignment(arrays)),
    )


LIBRARIES = (
    Library(
        "superkmeans",
        module="superkmeans",
        package="superkmeans",
        tasks={
            "fit": Offer(_fit, exact=False, dtypes=F32, note="samples points, random start, 10 iterations"),
            "assign": Offer(_assign, dtypes=F32),
            "import": imports("import superkmeans"),
        },
    ),
)
