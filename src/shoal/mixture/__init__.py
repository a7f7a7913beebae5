"""Clusters as Gaussians: mixture models fitted by EM, and local Gaussian clustering."""
