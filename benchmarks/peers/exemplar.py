"""Affinity propagation and BIRCH: job makers for libraries with scikit-learn's names, and betula-cluster."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from ..data import Arrays
from ..library import Answer, Job, Library, Offer


def affinity_propagation(module: str, **fixed: Any) -> Any:
    """A fit that runs all its iterations. The quality is minus the mean squared distance to the own exemplar."""

    def make(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
        import warnings

        X, estimator = arrays["X"], import_module(module).AffinityPropagation

        def call(seed: int) -> Any:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return estimator(random_state=seed, **params, **fixed).fit(X)

        def read(model: Any) -> Answer:
            if not len(model.cluster_centers_):
                return Answer({"value": -np.inf})
            own = np.asarray(model.cluster_centers_, dtype=float)[model.labels_]
            return Answer({"value": -float(((X - own) ** 2).sum(axis=1).mean())})

        return Job(call, read)

    return make


def _nearest(X: Any, centers: Any) -> float:
    from sklearn.metrics import pairwise_distances_argmin_min

    distances = pairwise_distances_argmin_min(X, np.ascontiguousarray(centers))[1]
    return float((distances**2).mean())


def birch(module: str, **fixed: Any) -> Any:
    """A whole fit with labels."""

    def make(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
        X, estimator = arrays["X"], import_module(module).Birch
        options = {**params, **fixed}

        def call(seed: int) -> Any:
            return estimator(**options).fit(X)

        def read(model: Any) -> Answer:
            return Answer({"value": _nearest(X, model.subcluster_centers_)})

        return Job(call, read)

    return make


def stream(start: Callable[[int], Any], centers: str) -> Any:
    """Pieces by `partial_fit` without labels: the rows given, moved by a little for every piece."""

    def make(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
        X = arrays["X"]
        steps = np.random.default_rng(0).normal(scale=0.05, size=(params["n_pieces"], X.shape[1]))

        def call(seed: int) -> Any:
            model = start(params["max_subclusters"])
            for step in steps:
                model.partial_fit(X + step)
            return model

        return Job(call, lambda model: Answer({"value": _nearest(X, np.asarray(getattr(model, centers)))}))

    return make


def shoal_stream(most: int) -> Any:
    from shoal import Birch

    return Birch(threshold=0, max_subclusters=most, n_clusters=None, compute_labels=False)


def betula_stream(most: int) -> Any:
    from betula_cluster import Betula

    return Betula(n_clusters=30, method="kmeans", max_leaves=most, seed=0)


def betula(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    """k-means over the leaves of betula-cluster, with labels."""
    from betula_cluster import Betula

    X = np.ascontiguousarray(arrays["X"], dtype=np.float64)

    def call(seed: int) -> Any:
        model = Betula(
            n_clusters=params["n_clusters"], method="kmeans", max_leaves=params["max_subclusters"], seed=seed
        )
        model.fit_predict(X)
        return model

    def read(model: Any) -> Answer:
        centers = model.microcluster_centers_
        centers = np.asarray(centers() if callable(centers) else centers)
        return Answer({"value": _nearest(X, centers)})

    return Job(call, read)


LIBRARIES = (
    Library(
        "betula-cluster",
        module="betula_cluster",
        package="betula-cluster",
        tasks={
            "birch-bounded": Offer(betula, note="subclusters of its own order and threshold"),
            "birch-stream": Offer(stream(betula_stream, "microcluster_centers_")),
        },
    ),
)
