"""What one would take instead of LocalGaussian: mean shift on bins, HDBSCAN, a mixture that knows how many components.

The quality is the adjusted Rand index with the components the data were made of.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from ..data import Arrays
from ..library import Answer, Job, LeftOut, Library, Offer


def labelling(make_model: Callable[[dict[str, Any]], Any], most: float = float("inf")) -> Any:
    """Job maker for an estimator with ``fit_predict``; `most` values are as many as it can be waited for."""

    def make(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
        X = arrays["X"]
        if X.size > most:
            raise LeftOut(f"takes minutes beyond {most:.0f} values; got {X.size}")

        def read(labels: Any) -> Answer:
            from sklearn.metrics import adjusted_rand_score

            return Answer({"value": adjusted_rand_score(arrays["labels"], labels)})

        return Job(lambda seed: make_model(params).fit_predict(X), read)

    return make


def local_gaussian(auto: bool = False) -> Any:
    def make(params: dict[str, Any]) -> Any:
        return import_module("shoal").LocalGaussian("auto" if auto else params["separation"])

    return labelling(make)


def _mean_shift(params: dict[str, Any]) -> Any:
    """Its ball of radius `bandwidth` is the counterpart of a box of side `separation`."""
    from sklearn.cluster import MeanShift

    return MeanShift(bandwidth=params["separation"] / 2, bin_seeding=True)


def _hdbscan(params: dict[str, Any]) -> Any:
    from sklearn.cluster import HDBSCAN

    return HDBSCAN(min_cluster_size=50, copy=False)


def _mixture(params: dict[str, Any]) -> Any:
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(params["n_clusters"], random_state=0)


def _library(
    name: str, make: Callable[[dict[str, Any]], Any], note: str, most: float = float("inf")
) -> Library:
    offer = Offer(labelling(make, most), dtypes=("float64",), note=note)
    return Library(name, module="sklearn", package="scikit-learn", tasks={"local-gaussian": offer})


LIBRARIES = (
    Library(
        "shoal auto",
        module="shoal",
        package="shoal",
        role="variant",
        tasks={"local-gaussian": Offer(local_gaussian(auto=True), note="separation found by itself")},
    ),
    _library("MeanShift", _mean_shift, "bin_seeding, bandwidth = separation / 2", 300_000),
    _library("sk HDBSCAN", _hdbscan, "min_cluster_size 50", 40_000),
    _library("GaussianMixture", _mixture, "number of components known"),
)
