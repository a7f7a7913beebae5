"""FAISS on all points (its default samples 256 per cluster): float32 only, centres but no labels."""

from __future__ import annotations

from typing import Any

from ..data import Arrays
from ..library import Answer, Job, Library, Offer, assignment, imports

F32 = ("float32",)


def _start(threads: int) -> None:
    import faiss

    faiss.omp_set_num_threads(threads)


def _kmeans(arrays: Arrays, n_clusters: int, **settings: Any) -> Any:
    import faiss

    n, d = arrays["X"].shape
    return faiss.Kmeans(d, n_clusters, max_points_per_centroid=n, min_points_per_centroid=1, **settings)


def _lloyd(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    X, init = arrays["X"], arrays["init"]

    def call(seed: int) -> Any:
        model = _kmeans(arrays, params["n_clusters"], niter=params["max_iter"], seed=seed + 1)
        model.train(X, init_centroids=init)
        return model

    return Job(call, _read_lloyd)


def _read_lloyd(model: Any) -> Answer:
    done = len(model.obj)
    return Answer({"centers": model.centroids}, n_iter=done, work=float(done))


def _fit(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    """k-means++ and iterations until the inertia falls by less than a relative 1e-5 (at most 300)."""
    import faiss

    X = arrays["X"]

    def call(seed: int) -> Any:
        model = _kmeans(
            arrays,
            params["n_clusters"],
            niter=300,
            early_stop_threshold=1e-5,
            init_method=faiss.ClusteringInitMethod_KMEANS_PLUS_PLUS,
            seed=seed + 1,
        )
        model.train(X)
        return model

    return Job(call, lambda model: Answer({"centers": model.centroids}, n_iter=len(model.obj)))


def _plusplus(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    """Zero iterations: nothing but the seeding and the check for NaN."""
    import faiss

    X = arrays["X"]

    def call(seed: int) -> Any:
        model = _kmeans(
            arrays,
            params["n_clusters"],
            niter=0,
            init_method=faiss.ClusteringInitMethod_KMEANS_PLUS_PLUS,
            seed=seed + 1,
        )
        model.train(X)
        return model

    return Job(call, lambda model: Answer({"centers": model.centroids}))


def _assign(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    import faiss

    X, centers = arrays["X"], arrays["init"]
    index = faiss.IndexFlatL2(X.shape[1])
    index.add(centers)
    return Job(
        lambda seed: index.search(X, 1),
        lambda found: Answer({"labels": found[1].ravel()}, work=assignment(arrays)),
    )


LIBRARIES = (
    Library(
        "faiss",
        module="faiss",
        package="faiss-cpu",
        start=_start,
        tasks={
            "lloyd": Offer(_lloyd, dtypes=F32, note="no labels: one assignment fewer than the others"),
            "fit": Offer(
                _fit, dtypes=F32, note="one candidate per seed; stops at a relative gain of 1e-5; no labels"
            ),
            "plusplus": Offer(
                _plusplus, exact=False, dtypes=F32, note="one candidate per seed: cheaper, worse inertia"
            ),
            "plusplus-single": Offer(_plusplus, dtypes=F32),
            "assign": Offer(_assign, dtypes=F32, note="IndexFlatL2.search(X, 1)"),
            "import": imports("import faiss"),
        },
    ),
)
