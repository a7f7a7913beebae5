"""Clusters around exemplars: samples that stand for others."""
