"""Centroid-based clustering: k-means and its family."""
