"""What distinguishes the clusters: per-feature statistics, and a picture of the points in two dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.report.clustering import Clustering
from shoal.report.scores import stratified_sample

# Points a scatter shows at most; more only slow the browser down.
MAX_POINTS = 20_000
# Values that principal components are computed from at most.
MAX_PCA_VALUES = 20_000_000


@dataclass(frozen=True)
class FeatureSummary:
    """Statistics per cluster and feature, in the units of the original data.

    Attributes
    ----------
    shown : ndarray of int
        Features in the summary, the most telling first: by the share of their variance that lies between
        clusters.
    mean, std, median : ndarray of shape (n_labels, n_shown)
    difference : ndarray of shape (n_labels, n_shown)
        (cluster mean - overall mean) / overall standard deviation; 0 for a constant feature.
    overall_mean, overall_std, overall_median : ndarray of shape (n_shown,)
    between : ndarray of shape (n_shown,)
        That share, in [0, 1].
    """

    shown: NDArray[np.intp]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    median: NDArray[np.float64]
    difference: NDArray[np.float64]
    overall_mean: NDArray[np.float64]
    overall_std: NDArray[np.float64]
    overall_median: NDArray[np.float64]
    between: NDArray[np.float64]


@dataclass(frozen=True)
class Projection:
    """The points in two dimensions.

    Attributes
    ----------
    rows : ndarray of int
        Which points are shown.
    points : ndarray of shape (n_shown, 2)
    centers : ndarray of shape (n_clusters, 2) or None
    axes : (str, str)
        Titles of the axes.
    note : str
        What the picture is, and what was left out.
    """

    rows: NDArray[np.intp]
    points: NDArray[np.float64]
    centers: NDArray[np.float64] | None
    axes: tuple[str, str]
    note: str


def means(
    X: NDArray[Any], labels: NDArray[Any], ids: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each feature in each cluster, (n_labels, n_features) in double."""
    mean = np.empty((ids.size, X.shape[1]))
    std = np.empty_like(mean)
    for row, part in zip(range(ids.size), _parts(X, labels), strict=True):
        mean[row] = part.mean(axis=0, dtype=np.float64)
        std[row] = part.std(axis=0, dtype=np.float64)
    return mean, std


def _parts(X: NDArray[Any], labels: NDArray[Any]) -> Any:
    """The rows of each cluster in turn, labels ascending."""
    order = np.argsort(labels, kind="stable")
    _, starts = np.unique(labels[order], return_index=True)
    for rows in np.split(order, starts[1:]):
        yield X[rows]


def summarize(result: Clustering, *, most: int = 40) -> FeatureSummary:
    """The `most` features in which the clusters differ most.

    O(n · d) time for means and deviations, O(n · most) for medians; extra memory is one cluster's rows.
    """
    X = result.X if result.original is None else result.original
    mean, std = means(X, result.labels, result.ids)
    weight = (result.sizes / result.sizes.sum())[:, None]
    overall_mean = (weight * mean).sum(axis=0)
    between = (weight * (mean - overall_mean) ** 2).sum(axis=0)
    variance = between + (weight * std**2).sum(axis=0)
    overall_std = np.sqrt(variance)
    # a spread within rounding of the mean is none
    constant = overall_std <= 1e-12 * np.abs(overall_mean)
    difference = (mean - overall_mean) / np.where(constant, 1, overall_std)
    difference[:, constant] = 0
    share = np.where(constant, 0, between / np.where(constant, 1, variance))

    shown = np.argsort(-share, kind="stable")[:most]
    median = np.stack([np.median(part, axis=0) for part in _parts(X[:, shown], result.labels)])
    return FeatureSummary(
        shown=shown,
        mean=mean[:, shown],
        std=std[:, shown],
        median=median.astype(np.float64),
        difference=difference[:, shown],
        overall_mean=overall_mean[shown],
        overall_std=overall_std[shown],
        overall_median=np.median(X[:, shown], axis=0).astype(np.float64),
        between=share[shown],
    )


def project(result: Clustering, *, most: int = MAX_POINTS) -> Projection:
    """The two features themselves when there are two; otherwise the first two principal components of what
    the algorithm saw.

    More than `most` points are sampled, each cluster in proportion (fixed seed). The components are
    those of a sample when `X` has more than 20 million values: at most 2e7 · d time, 0.5 GB of memory.
    """
    n_samples, n_features = result.X.shape
    if n_samples > most:
        rows = stratified_sample(result.labels, most, at_least=30)
        note = f"{rows.size:,} of {n_samples:,} rows are drawn, a random share of each cluster (at least 30)."
    else:
        rows, note = np.arange(n_samples), ""

    if n_features <= 2 and result.metric != "cosine":
        X = result.X if result.original is None else result.original
        points = X[rows].astype(np.float64)
        centers = _centers_in_units(result)
        names = result.feature_names
        if n_features == 1:
            spread = np.random.default_rng(0).uniform(-1, 1, rows.size)
            points = np.column_stack([points[:, 0], spread])
            centers = None if centers is None else np.column_stack([centers[:, 0], np.zeros(len(centers))])
            return Projection(
                rows,
                points,
                centers,
                (names[0], ""),
                _sentences("Height is random, to keep points apart.", note),
            )
        return Projection(rows, points, centers, (names[0], names[1]), _sentences("The two features.", note))

    mean, axes, shares, basis_note = _principal_axes(result.space)
    points = (result.space[rows].astype(np.float64) - mean) @ axes.T
    centers = None if result.centers is None else (result.centers.astype(np.float64) - mean) @ axes.T
    if result.metric == "cosine":
        basis_note = f" of the rows scaled to unit length{basis_note}"
    total = float(shares.sum())
    what = f"The first two principal components{basis_note}, which hold {total:.1%} of the variance"
    what += "; clusters that overlap here can be apart in the rest." if total < 0.9 else "."
    titles = (f"component 1 ({shares[0]:.1%} of variance)", f"component 2 ({shares[1]:.1%} of variance)")
    return Projection(rows, points, centers, titles, _sentences(what, note))


def _centers_in_units(result: Clustering) -> NDArray[np.float64] | None:
    """Centers in the units that the points are drawn in."""
    if result.centers is None or result.original is None:
        return None if result.centers is None else result.centers.astype(np.float64)
    # scaling is affine per feature, so the two ends of each feature's range determine it
    low, high = result.X.argmin(axis=0), result.X.argmax(axis=0)
    feature = np.arange(result.X.shape[1])
    x0, x1 = result.X[low, feature].astype(np.float64), result.X[high, feature].astype(np.float64)
    u0, u1 = result.original[low, feature], result.original[high, feature]
    slope = np.where(x1 > x0, (u1 - u0) / np.where(x1 > x0, x1 - x0, 1), 0)
    return u0 + (result.centers - x0) * slope


def _principal_axes(
    X: NDArray[Any],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], str]:
    """Mean, two axes, the share of variance along each, and a word on sampling."""
    from sklearn.decomposition import PCA

    note = ""
    most = max(2_000, MAX_PCA_VALUES // X.shape[1])
    if X.shape[0] > most:
        rows = np.sort(np.random.default_rng(0).choice(X.shape[0], most, replace=False))
        X, note = X[rows], f" (of a random sample of {most:,} rows)"
    mean = X.mean(axis=0, dtype=np.float64)
    centered = (X - mean).astype(X.dtype)  # before PCA, whose covariance loses the digits of a large offset
    if min(X.shape) < 2 or not centered.any():  # one row, or all rows equal: any axes do
        return mean, np.eye(2, X.shape[1]), np.zeros(2), note
    pca = PCA(n_components=2, random_state=0).fit(centered)
    return mean, pca.components_.astype(np.float64), pca.explained_variance_ratio_.astype(np.float64), note


def _sentences(*parts: str) -> str:
    return " ".join(part for part in parts if part)
