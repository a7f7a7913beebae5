"""Quality, computed the same way for every library: in float64, from what it returned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .data import Arrays

BLOCK = 1 << 22  # entries of a distance block


def nearest(X: NDArray[Any], centers: NDArray[Any]) -> NDArray[Any]:
    """Index of the nearest centre of each row."""
    C = centers.astype(np.float64)
    half_norms = np.einsum("ij,ij->i", C, C) / 2
    labels = np.empty(X.shape[0], dtype=np.intp)
    step = max(1, BLOCK // C.shape[0])
    for at in range(0, X.shape[0], step):
        block = X[at : at + step].astype(np.float64)
        labels[at : at + step] = np.argmin(half_norms - block @ C.T, axis=1)
    return labels


def sq_distances(X: NDArray[Any], centers: NDArray[Any], labels: NDArray[Any]) -> NDArray[Any]:
    """Squared distance of each row to the centre of its label, by differences (no cancellation)."""
    C = centers.astype(np.float64)
    out = np.empty(X.shape[0])
    step = max(1, BLOCK // X.shape[1])
    for at in range(0, X.shape[0], step):
        gap = X[at : at + step] - C[labels[at : at + step]]
        out[at : at + step] = np.einsum("ij,ij->i", gap, gap)
    return out


def of_clusters(arrays: Arrays, centers: NDArray[Any], labels: NDArray[Any] | None) -> dict[str, float]:
    """Inertia of the returned labels (of the nearest centres when a library returns none).

    ``labels_nearest`` is the share of rows whose label is a nearest centre, ties and rounding allowed. With
    reference labels ``y``, the adjusted Rand index and the normalised mutual information too.
    """
    X = arrays["X"]
    best = nearest(X, centers)
    least = sq_distances(X, centers, best)
    quality = {"inertia": float(least.sum())}
    if labels is not None:
        got = sq_distances(X, centers, labels)
        slack = 64 * np.finfo(X.dtype).eps * (np.einsum("ij,ij->i", X, X, dtype=np.float64) + least)
        quality = {"inertia": float(got.sum()), "labels_nearest": float(np.mean(got <= least + slack))}
    if "y" in arrays:
        from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

        found = best if labels is None else labels
        quality["ari"] = float(adjusted_rand_score(arrays["y"], found))
        quality["nmi"] = float(normalized_mutual_info_score(arrays["y"], found))
    return quality


def of(arrays: Arrays, answer: Arrays) -> dict[str, float]:
    """Quality of whatever came back: clusters (centres, perhaps labels), labels alone, or one number."""
    if "value" in answer:
        return {"value": float(answer["value"])}
    if "centers" in answer:
        return of_clusters(arrays, answer["centers"], answer.get("labels"))
    if "labels" in answer:  # an assignment to the centres that were given
        share = of_clusters(arrays, arrays["init"], answer["labels"])
        return {"labels_nearest": share["labels_nearest"]}
    return {}
