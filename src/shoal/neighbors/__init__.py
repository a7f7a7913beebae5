"""Exact neighbours: the k-d tree, the packed R-tree."""
