"""Data that break careless kernels, for every room: small, float64, the same in every run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def finite() -> dict[str, NDArray[np.float64]]:
    """Data every estimator must handle."""
    grid = np.arange(6.0)
    rng = np.random.default_rng(7)
    return {
        "one sample": np.array([[1.5, -2.0]]),
        "one feature": np.array([[0.0], [1.0], [1.0], [5.0], [9.0], [9.5]]),
        "all equal": np.full((12, 3), 0.1),
        "duplicates": np.repeat(np.array([[0.0, 0.0], [3.0, 1.0], [7.0, -2.0]]), [5, 1, 4], axis=0),
        "collinear": np.arange(11.0)[:, None] * np.array([[0.1, 0.2, -0.3]]),
        "lattice": np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2),
        "more features than samples": rng.integers(-4, 5, size=(5, 70)).astype(float),
        "huge offset": np.array([[0.0], [1.0], [2.0], [100.0], [101.0]]) + np.full((1, 2), 1e8),
        "subnormal": np.array([[0.0], [5e-324], [1e-310], [2e-310], [1e-308]]),
    }


def refused() -> dict[str, tuple[object, str]]:
    """Data every estimator must refuse with a ValueError or TypeError, and what the message must say."""
    good = np.arange(24.0).reshape(8, 3)
    with_nan, with_inf = good.copy(), good.copy()
    with_nan[5, 1] = np.nan
    with_inf[2, 0] = -np.inf
    return {
        "NaN": (with_nan, r"Input X contains NaN at row 5, column 1"),
        "infinity": (with_inf, r"Input X contains infinity at row 2, column 0"),
        "complex": (good + 1j, r"Complex data not supported"),
        "text": ([["a", "b", "c"]] * 8, r"could not convert string to float: .*a"),
        "one dimension": (good[:, 0], r"Reshape your data"),
        "three dimensions": (good[:, :, None], r"2D|dim 3"),
        "no samples": (
            np.empty((0, 3)),
            r"0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1 is required",
        ),
        "no features": (
            np.empty((8, 0)),
            r"0 feature\(s\) \(shape=\(8, 0\)\) while a minimum of 1 is required",
        ),
        "ragged": ([[1.0, 2.0], [3.0]], r"inhomogeneous|rows of one length"),
    }
