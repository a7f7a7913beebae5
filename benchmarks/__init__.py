"""Measures shoal beside its peers, interleaved in one run: ``python -m benchmarks run --suite kmeans``."""
