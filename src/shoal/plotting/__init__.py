"""Colours for clusters, and static figures with matplotlib (``pip install 'shoal[plot]'``).

Interactive figures are in the HTML report, :mod:`shoal.report`.
"""

from shoal.plotting.clusters import plot_clusters
from shoal.plotting.density import plot_k_distances, plot_reachability
from shoal.plotting.ellipses import plot_centroid_paths, plot_ellipses, plot_separation_path
from shoal.plotting.hierarchy import (
    plot_condensed_tree,
    plot_dendrogram,
    plot_single_linkage,
    plot_spanning_tree,
)
from shoal.plotting.mixture import plot_mixture_selection
from shoal.plotting.palette import NOISE, PALETTE, color_of

__all__ = [
    "NOISE",
    "PALETTE",
    "color_of",
    "plot_centroid_paths",
    "plot_clusters",
    "plot_condensed_tree",
    "plot_dendrogram",
    "plot_ellipses",
    "plot_k_distances",
    "plot_mixture_selection",
    "plot_reachability",
    "plot_separation_path",
    "plot_single_linkage",
    "plot_spanning_tree",
]
