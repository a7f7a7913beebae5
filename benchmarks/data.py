"""Made data: fixed seeds, made outside the clock in float64 and cast, so both dtypes see the same points.

Every function returns the arrays a task needs by name: ``X``, ``init`` (a start), ``y`` (reference labels),
``labels``, ``a`` and ``b`` (label vectors).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, Any]  # name -> array

OVERLAP = 6.0  # typical distance between two blob centres, in standard deviations of a blob, for any d


def blobs(n_samples: int, n_features: int, n_clusters: int, seed: int = 0) -> Arrays:
    """Gaussian blobs that overlap: centres are normal, scaled so that two of them lie OVERLAP apart."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(n_clusters, n_features)) * (OVERLAP / np.sqrt(2 * n_features))
    y = rng.integers(n_clusters, size=n_samples)
    X = rng.normal(size=(n_samples, n_features))
    X += centers[y]
    return {"X": X, "labels": y, **_start(X, n_clusters, seed)}


def structureless(n_samples: int, n_features: int, n_clusters: int, seed: int = 0) -> Arrays:
    """Nothing to find: uniform in the unit cube for up to 8 features, standard normal beyond."""
    rng = np.random.default_rng(seed)
    shape = (n_samples, n_features)
    X = rng.random(shape) if n_features <= 8 else rng.normal(size=shape)
    return {"X": X, "labels": rng.integers(n_clusters, size=n_samples), **_start(X, n_clusters, seed)}


def normal(n_samples: int, n_features: int, seed: int = 0) -> Arrays:
    """One standard normal cloud."""
    return {"X": np.random.default_rng(seed).normal(size=(n_samples, n_features))}


def scattered(n_samples: int, n_features: int, n_clusters: int, seed: int = 0) -> Arrays:
    """Standard normal blobs whose centres are uniform in a cube of side 20: far apart for many features."""
    rng = np.random.default_rng(seed)
    y = rng.integers(n_clusters, size=n_samples)
    X = rng.uniform(-10, 10, size=(n_clusters, n_features))[y]
    X += rng.normal(size=(n_samples, n_features))
    return {"X": X, "y": y}


def gaussians(n_samples: int, n_features: int, n_clusters: int, seed: int = 0) -> Arrays:
    """Gaussians with random full covariances, largest standard deviation 1, no two centres closer than 8."""
    rng = np.random.default_rng(seed)
    side, centers = 16.0, np.empty((0, n_features))
    while len(centers) < n_clusters:
        new = rng.uniform(0, side, n_features)
        if len(centers) == 0 or np.linalg.norm(centers - new, axis=1).min() >= 8:
            centers = np.vstack([centers, new])
        side *= 1.01
    y = rng.integers(n_clusters, size=n_samples)
    X = rng.normal(size=(n_samples, n_features))
    for c in range(n_clusters):
        axes = np.linalg.qr(rng.normal(size=(n_features, n_features)))[0]
        X[y == c] = (X[y == c] * rng.uniform(1 / 3, 1, n_features)) @ axes.T + centers[c]
    return {"X": X, "labels": y}


def label_pairs(n_samples: int, n_labels: int, agreement: float, seed: int = 0) -> Arrays:
    """Two label vectors that agree in a share `agreement` of the samples and are independent in the rest."""
    rng = np.random.default_rng(seed)
    a = rng.integers(n_labels, size=n_samples)
    b = np.where(rng.random(n_samples) < agreement, a, rng.integers(n_labels, size=n_samples))
    return {"a": a, "b": b}


def from_npz(path: str, n_clusters: int, seed: int = 0) -> Arrays:
    """Rows ``X`` and reference labels ``y`` of a user's own file, as they stand."""
    with np.load(path) as file:
        X, y = file["X"], file["y"]
    return {"X": X, "y": y, **_start(X, n_clusters, seed)}


def cast(arrays: Arrays, dtype: str) -> Arrays:
    """The points in `dtype`, C-contiguous; label vectors as they are."""
    points = ("X", "init")
    return {
        name: np.ascontiguousarray(a, dtype=dtype) if name in points else np.ascontiguousarray(a)
        for name, a in arrays.items()
    }


def _start(X: NDArray[Any], n_clusters: int, seed: int) -> Arrays:
    """One start for all: distinct rows of X."""
    rows = np.random.default_rng([seed, 1]).choice(X.shape[0], n_clusters, replace=False)
    return {"init": X[rows]}
