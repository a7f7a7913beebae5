"""Colours for clusters, and static figures with matplotlib (``pip install 'shoal[plot]'``).

Interactive figures are in the HTML report, :mod:`shoal.report`.
"""

from shoal.plotting.clusters import plot_clusters
from shoal.plotting.density import plot_k_distances, plot_reachability
from shoal.plotting.palette import NOISE, PALETTE, color_of

__all__ = ["NOISE", "PALETTE", "color_of", "plot_clusters", "plot_k_distances", "plot_reachability"]
