"""Affinity propagation and BIRCH: job makers for libraries with scikit-learn's names, and betula-cluster."""

from __future__ import annotations

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
        tasks={"birch-bounded": Offer(betula, note="subclusters of its own order and threshold")},
    ),
)
