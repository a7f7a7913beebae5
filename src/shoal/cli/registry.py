"""The algorithms that the command line knows: the one list. Importing it imports no algorithm."""

from __future__ import annotations

import difflib
import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Algorithm:
    """A name on the command line and the estimator behind it.

    Attributes
    ----------
    name : str
    target : str
        ``module:Class``.
    family : str
    summary : str
        One line.
    """

    name: str
    target: str
    family: str
    summary: str

    @property
    def class_name(self) -> str:
        return self.target.partition(":")[2]

    def load(self) -> type[Any]:
        """The estimator's class."""
        module, _, name = self.target.partition(":")
        return getattr(importlib.import_module(module), name)


ALGORITHMS = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm(
            "kmeans", "shoal.centroid.kmeans:KMeans", "centroid", "k compact clusters around their means"
        ),
        Algorithm(
            "minibatch-kmeans",
            "shoal.centroid.minibatch:MiniBatchKMeans",
            "centroid",
            "k-means from small random batches: for very many rows, slightly less exact",
        ),
        Algorithm(
            "bisecting-kmeans",
            "shoal.centroid.bisecting:BisectingKMeans",
            "centroid",
            "splits clusters in two until there are k: fast for large k, and a hierarchy",
        ),
        Algorithm(
            "agglomerative",
            "shoal.hierarchy.agglomerative:AgglomerativeClustering",
            "hierarchy",
            "merges the two nearest clusters until there are k: ward, average, complete or single linkage",
        ),
        Algorithm(
            "hdbscan",
            "shoal.density.hdbscan:HDBSCAN",
            "density",
            "clusters of any shape and density, and noise: no number of clusters to choose",
        ),
        Algorithm(
            "dbscan",
            "shoal.density.dbscan:DBSCAN",
            "density",
            "connected dense regions of any shape, and noise: needs a radius eps",
        ),
        Algorithm(
            "optics",
            "shoal.density.optics:OPTICS",
            "density",
            "dense regions at every density at once: no radius needed",
        ),
        Algorithm(
            "birch",
            "shoal.hierarchy.birch:Birch",
            "hierarchy",
            "sums up data that come once in a tree, then clusters the sums: any number of rows in bounded memory",
        ),
        Algorithm(
            "gaussian-mixture",
            "shoal.mixture.gaussian_mixture:GaussianMixture",
            "mixture",
            "k ellipsoids that may overlap: every row belongs to each with a probability",
        ),
        Algorithm(
            "bayesian-gaussian-mixture",
            "shoal.mixture.bayesian_mixture:BayesianGaussianMixture",
            "mixture",
            "ellipsoids that may overlap, of which those the data do not need lose their weight",
        ),
        Algorithm(
            "affinity-propagation",
            "shoal.exemplar.affinity_propagation:AffinityPropagation",
            "exemplar",
            "clusters around samples that stand for others: no number of clusters to choose, O(n²) memory",
        ),
        Algorithm(
            "local-gaussian",
            "shoal.mixture.local_gaussian:LocalGaussian",
            "mixture",
            "Gaussian clusters and their number from how far apart they are: very fast for few columns",
        ),
    )
}


def find(name: str) -> Algorithm:
    """The algorithm called `name`: ``minibatch-kmeans``, ``minibatch_kmeans`` and ``MiniBatchKMeans`` are the
    same.

    Raises
    ------
    ValueError
        There is none; the nearest name is suggested.

    Examples
    --------
    >>> from shoal.cli.registry import find
    >>> find("MiniBatchKMeans").name
    'minibatch-kmeans'
    """
    wanted = name.lower().replace("_", "-")
    for algorithm in ALGORITHMS.values():
        if wanted in (algorithm.name, algorithm.class_name.lower()):
            return algorithm
    close = difflib.get_close_matches(wanted, ALGORITHMS, n=1)
    hint = f"did you mean {close[0]!r}?" if close else "'shoal algorithms' lists them"
    raise ValueError(f"unknown algorithm {name!r}; {hint}")
