"""Clustering at the speed of the hardware: exact, reproducible, scikit-learn compatible."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public name -> the module that defines it. A module is imported when one of its names is first used, so that
# `import shoal` costs no more than the kernels.
_PUBLIC = {
    "KMeans": "shoal.centroid.kmeans",
    "kmeans": "shoal.centroid.kmeans",
    "k_means": "shoal.centroid.kmeans",
    "kmeans_plusplus": "shoal.centroid.seeding",
    "MiniBatchKMeans": "shoal.centroid.minibatch",
    "BisectingKMeans": "shoal.centroid.bisecting",
    "bisecting_kmeans": "shoal.centroid.bisecting",
    "KDTree": "shoal.neighbors.kd_tree",
    "RTree": "shoal.neighbors.r_tree",
    "nearest_neighbors": "shoal.neighbors.nearest",
    "ApproximateIndex": "shoal.neighbors.approximate",
    "DBSCAN": "shoal.density.dbscan",
    "dbscan": "shoal.density.dbscan",
    "k_distances": "shoal.density.dbscan",
    "OPTICS": "shoal.density.optics",
    "optics": "shoal.density.optics",
    "compute_optics_graph": "shoal.density.optics",
    "cluster_optics_dbscan": "shoal.density.optics",
    "cluster_optics_xi": "shoal.density.optics",
    "HDBSCAN": "shoal.density.hdbscan",
    "hdbscan": "shoal.density.hdbscan",
    "GaussianMixture": "shoal.mixture.gaussian_mixture",
    "gaussian_mixture": "shoal.mixture.gaussian_mixture",
    "BayesianGaussianMixture": "shoal.mixture.bayesian_mixture",
    "select_gaussian_mixture": "shoal.mixture.selection",
    "AffinityPropagation": "shoal.exemplar.affinity_propagation",
    "affinity_propagation": "shoal.exemplar.affinity_propagation",
    "LocalGaussian": "shoal.mixture.local_gaussian",
    "local_gaussian": "shoal.mixture.local_gaussian",
    "Birch": "shoal.hierarchy.birch",
    "birch": "shoal.hierarchy.birch",
    "linkage": "shoal.hierarchy.linkage",
    "hac_dendrogram": "shoal.hierarchy.linkage",
    "AgglomerativeClustering": "shoal.hierarchy.agglomerative",
    "FeatureAgglomeration": "shoal.hierarchy.agglomerative",
    "ward_tree": "shoal.hierarchy.trees",
    "linkage_tree": "shoal.hierarchy.trees",
    "cut_tree": "shoal.hierarchy.dendrogram",
    "fcluster": "shoal.hierarchy.dendrogram",
    "cophenet": "shoal.hierarchy.dendrogram",
    "inconsistent": "shoal.hierarchy.dendrogram",
    "leaves_order": "shoal.hierarchy.dendrogram",
    "optimal_leaf_ordering": "shoal.hierarchy.dendrogram",
    "load_model": "shoal.base.model_file",
    "save_model": "shoal.base.model_file",
    "threads": "shoal.base.threads",
    "show_config": "shoal.base.config",
}
_ROOMS = (
    "base",
    "centroid",
    "density",
    "mixture",
    "exemplar",
    "hierarchy",
    "neighbors",
    "metrics",
    "datasets",
    "plotting",
    "report",
    "evaluation",
    "cli",
)

__all__ = ["__version__", *sorted(_PUBLIC), "metrics"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        value = getattr(importlib.import_module(_PUBLIC[name]), name)
        globals()[name] = value
        return value
    if name in _ROOMS:
        return importlib.import_module(f"shoal.{name}")
    raise AttributeError(f"module 'shoal' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})


if TYPE_CHECKING:
    from shoal.base.config import show_config as show_config
    from shoal.base.model_file import load_model as load_model
    from shoal.base.model_file import save_model as save_model
    from shoal.base.threads import threads as threads
    from shoal.centroid.bisecting import BisectingKMeans as BisectingKMeans
    from shoal.centroid.bisecting import bisecting_kmeans as bisecting_kmeans
    from shoal.centroid.kmeans import KMeans as KMeans
    from shoal.centroid.kmeans import k_means as k_means
    from shoal.centroid.kmeans import kmeans as kmeans
    from shoal.centroid.minibatch import MiniBatchKMeans as MiniBatchKMeans
    from shoal.centroid.seeding import kmeans_plusplus as kmeans_plusplus
    from shoal.density.dbscan import DBSCAN as DBSCAN
    from shoal.density.dbscan import dbscan as dbscan
    from shoal.density.dbscan import k_distances as k_distances
    from shoal.density.hdbscan import HDBSCAN as HDBSCAN
    from shoal.density.hdbscan import hdbscan as hdbscan
    from shoal.density.optics import OPTICS as OPTICS
    from shoal.density.optics import cluster_optics_dbscan as cluster_optics_dbscan
    from shoal.density.optics import cluster_optics_xi as cluster_optics_xi
    from shoal.density.optics import compute_optics_graph as compute_optics_graph
    from shoal.density.optics import optics as optics
    from shoal.exemplar.affinity_propagation import AffinityPropagation as AffinityPropagation
    from shoal.exemplar.affinity_propagation import affinity_propagation as affinity_propagation
    from shoal.hierarchy.agglomerative import AgglomerativeClustering as AgglomerativeClustering
    from shoal.hierarchy.agglomerative import FeatureAgglomeration as FeatureAgglomeration
    from shoal.hierarchy.birch import Birch as Birch
    from shoal.hierarchy.birch import birch as birch
    from shoal.hierarchy.dendrogram import cophenet as cophenet
    from shoal.hierarchy.dendrogram import cut_tree as cut_tree
    from shoal.hierarchy.dendrogram import fcluster as fcluster
    from shoal.hierarchy.dendrogram import inconsistent as inconsistent
    from shoal.hierarchy.dendrogram import leaves_order as leaves_order
    from shoal.hierarchy.dendrogram import optimal_leaf_ordering as optimal_leaf_ordering
    from shoal.hierarchy.linkage import hac_dendrogram as hac_dendrogram
    from shoal.hierarchy.linkage import linkage as linkage
    from shoal.hierarchy.trees import linkage_tree as linkage_tree
    from shoal.hierarchy.trees import ward_tree as ward_tree
    from shoal.mixture.bayesian_mixture import BayesianGaussianMixture as BayesianGaussianMixture
    from shoal.mixture.gaussian_mixture import GaussianMixture as GaussianMixture
    from shoal.mixture.gaussian_mixture import gaussian_mixture as gaussian_mixture
    from shoal.mixture.local_gaussian import LocalGaussian as LocalGaussian
    from shoal.mixture.local_gaussian import local_gaussian as local_gaussian
    from shoal.mixture.selection import select_gaussian_mixture as select_gaussian_mixture
    from shoal.neighbors.approximate import ApproximateIndex as ApproximateIndex
    from shoal.neighbors.kd_tree import KDTree as KDTree
    from shoal.neighbors.nearest import nearest_neighbors as nearest_neighbors
    from shoal.neighbors.r_tree import RTree as RTree
