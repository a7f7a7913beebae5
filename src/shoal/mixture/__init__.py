"""Clusters as Gaussian components: mixtures, and local Gaussian clustering."""
