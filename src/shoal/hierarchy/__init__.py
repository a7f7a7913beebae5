"""Hierarchies of clusters: linkage, agglomerative clustering, trees of features."""
