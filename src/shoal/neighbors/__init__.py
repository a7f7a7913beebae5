"""Exact neighbours: the k-d tree."""
