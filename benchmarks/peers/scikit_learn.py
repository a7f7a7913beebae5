"""scikit-learn. Its signatures are the common ones, so the same jobs drive shoal and scikit-learn-intelex."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from ..data import Arrays
from ..library import Answer, Job, LeftOut, Library, Offer, assignment, imports
from .exemplar import affinity_propagation, birch
from .hdbscan import hdbscan


def clusterer(module: str, name: str, **fixed: Any) -> Any:
    """Job maker for an estimator that takes ``n_clusters``."""

    def make(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
        estimator = getattr(import_module(module), name)
        X = arrays["X"]

        def call(seed: int) -> Any:
            return estimator(**fixed, **params, random_state=seed).fit(X)

        return Job(call, read_clusterer)

    return make


def read_clusterer(model: Any) -> Answer:
    arrays = {"centers": model.cluster_centers_, "labels": model.labels_}
    return Answer(arrays, n_iter=int(getattr(model, "n_iter_", 0)) or None)


def lloyd(module: str, **fixed: Any) -> Any:
    """Job maker for k-means iterations from the given start; the work is the iterations done."""

    def make(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
        fit = clusterer(module, "KMeans", init=arrays["init"], n_init=1, tol=0, **fixed)(
            arrays, params, threads
        )

        def read(model: Any) -> Answer:
            answer = read_clusterer(model)
            answer.work = float(model.n_iter_)
            return answer

        return Job(fit.call, read)

    return make


def plusplus(module: str) -> Any:
    """Job maker for ``kmeans_plusplus``."""

    def make(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
        seeding = import_module(module).kmeans_plusplus
        X = arrays["X"]

        def call(seed: int) -> Any:
            return seeding(
                X, params["n_clusters"], random_state=seed, n_local_trials=params["n_local_trials"]
            )

        return Job(call, lambda result: Answer({"centers": result[0]}))

    return make


def score(module: str, name: str, *inputs: str) -> Any:
    """Job maker for a metric of the named arrays."""

    def make(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
        metric = getattr(import_module(module), name)
        given = [arrays[key] for key in inputs]
        return Job(lambda seed: metric(*given), lambda value: Answer({"value": value}))

    return make


def metrics(module: str) -> dict[str, Offer]:
    return {
        "silhouette": Offer(score(module, "silhouette_score", "X", "labels")),
        "ami": Offer(score(module, "adjusted_mutual_info_score", "a", "b"), dtypes=("int64",)),
        "nmi": Offer(score(module, "normalized_mutual_info_score", "a", "b"), dtypes=("int64",)),
        "ari": Offer(score(module, "adjusted_rand_score", "a", "b"), dtypes=("int64",)),
    }


def dbscan(module: str, most: int | None = None, why: str = "") -> Any:
    """Job maker for DBSCAN, for at most `most` samples; the value is the number of core samples."""

    def make(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
        estimator = import_module(module).DBSCAN
        X = arrays["X"]
        if most is not None and len(X) > most:
            raise LeftOut(f"{why}: left out above {most} samples")
        return Job(
            lambda seed: estimator(**params, n_jobs=threads).fit(X),
            lambda model: Answer({"value": len(model.core_sample_indices_)}),
        )

    return make


def optics(module: str) -> Any:
    """Job maker for the ordering of OPTICS and its xi clusters; the value is the sum of the finite reachabilities."""

    def make(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
        estimator = import_module(module).OPTICS
        X = arrays["X"]

        def read(model: Any) -> Answer:
            reachability = model.reachability_.astype("float64")
            return Answer({"value": reachability[reachability < float("inf")].sum()})

        return Job(lambda seed: estimator(**params, n_jobs=threads).fit(X), read)

    return make


def em_start(arrays: Arrays, params: dict[str, Any]) -> dict[str, Any]:
    """Even weights, the given means, and the variances of the data, as the four kinds of covariance take them."""
    X, means = arrays["X"], arrays["init"]
    k, d = means.shape
    precision = 1 / X.var(axis=0, dtype="float64")
    precisions = {
        "full": np.broadcast_to(np.diag(precision), (k, d, d)),
        "tied": np.diag(precision),
        "diag": np.broadcast_to(precision, (k, d)),
        "spherical": np.full(k, precision.mean()),
    }[params["covariance_type"]].astype(X.dtype)
    return {"weights_init": np.full(k, 1 / k, X.dtype), "means_init": means, "precisions_init": precisions}


def em(module: str) -> Any:
    """Job maker for EM steps from one start; the work is the steps done, the value the mean log density."""

    def make(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
        estimator = import_module(module).GaussianMixture
        X, start = arrays["X"], em_start(arrays, params)

        def call(seed: int) -> Any:
            return estimator(len(arrays["init"]), tol=0, **params, **start).fit(X)

        return Job(
            call,
            lambda model: Answer({"value": model.lower_bound_}, n_iter=model.n_iter_, work=model.n_iter_),
        )

    return make


def _assign(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    from sklearn.metrics import pairwise_distances_argmin

    X, centers = arrays["X"], arrays["init"]
    return Job(
        lambda seed: pairwise_distances_argmin(X, centers),
        lambda labels: Answer({"labels": labels}, work=assignment(arrays)),
    )


SEEDING = {
    "plusplus": Offer(plusplus("sklearn.cluster")),
    "plusplus-single": Offer(plusplus("sklearn.cluster")),
}


def _k_nearest(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    from sklearn.neighbors import NearestNeighbors

    X, k = arrays["X"], params["k"]
    return Job(
        lambda seed: (
            NearestNeighbors(n_neighbors=k, algorithm="kd_tree", n_jobs=threads).fit(X).kneighbors(X)
        ),
        lambda found: Answer({"value": found[0].sum(dtype="float64")}),
    )


LIBRARIES = (
    Library(
        "scikit-learn",
        module="sklearn",
        package="scikit-learn",
        tasks={
            "lloyd": Offer(lloyd("sklearn.cluster")),
            "fit": Offer(clusterer("sklearn.cluster", "KMeans")),
            **SEEDING,
            "minibatch": Offer(clusterer("sklearn.cluster", "MiniBatchKMeans")),
            "dbscan": Offer(dbscan("sklearn.cluster", 200_000, "it stores all neighbourhoods")),
            "optics": Offer(optics("sklearn.cluster")),
            "bisecting": Offer(clusterer("sklearn.cluster", "BisectingKMeans")),
            **metrics("sklearn.metrics"),
            "k-nearest": Offer(
                _k_nearest, note="NearestNeighbors, kd_tree, built and asked for its own points"
            ),
            "assign": Offer(_assign, note="pairwise_distances_argmin"),
            "affinity-propagation": Offer(affinity_propagation("sklearn.cluster")),
            "birch": Offer(birch("sklearn.cluster")),
            "em": Offer(em("sklearn.mixture")),
            "hdbscan": Offer(hdbscan("sklearn.cluster", copy=False)),
            "import": imports("import sklearn"),
            "import-kmeans": imports("from sklearn.cluster import KMeans"),
        },
    ),
    Library(
        "scikit-learn elkan",
        module="sklearn",
        package="scikit-learn",
        tasks={
            "lloyd": Offer(lloyd("sklearn.cluster", algorithm="elkan")),
            "fit": Offer(clusterer("sklearn.cluster", "KMeans", algorithm="elkan")),
        },
    ),
    Library(
        # Its seeding calls BLAS on small blocks and loses many times over with several BLAS threads.
        "scikit-learn blas1",
        module="sklearn",
        package="scikit-learn",
        tasks={
            "fit": Offer(
                clusterer("sklearn.cluster", "KMeans"), note="OpenMP threads as given, one BLAS thread"
            ),
            **SEEDING,
            "minibatch": Offer(clusterer("sklearn.cluster", "MiniBatchKMeans")),
            "bisecting": Offer(clusterer("sklearn.cluster", "BisectingKMeans")),
            "silhouette": Offer(score("sklearn.metrics", "silhouette_score", "X", "labels")),
        },
        env={"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        min_threads=2,
    ),
)
