"""Density-based validity of a clustering: the score for clusters of any shape, with noise."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal import _core
from shoal.base.checks import (
    check_choice,
    check_labels,
    check_matrix,
    check_minkowski,
    check_real,
    check_spread,
    check_verbose,
)
from shoal.base.progress import progress
from shoal.metrics.labels import as_integers, noise_mask

METRICS = ("euclidean", "cosine", "manhattan", "chebyshev", "minkowski")


class DensityValidity(NamedTuple):
    """What :func:`dbcv_clusters` returns: one value per label, in ascending order of the labels.

    Attributes
    ----------
    labels : ndarray of shape (n_clusters,)
        The noise label is not among them.
    sizes : ndarray of shape (n_clusters,), int64
    sparseness : ndarray of shape (n_clusters,)
        Largest internal edge of the cluster's spanning tree.
    separation : ndarray of shape (n_clusters,)
        Least mutual reachability to an internal sample of another cluster; inf where there is none.
    validity : ndarray of shape (n_clusters,)
        In [-1, 1].
    """

    labels: NDArray[Any]
    sizes: NDArray[np.int64]
    sparseness: NDArray[np.float64]
    separation: NDArray[np.float64]
    validity: NDArray[np.float64]


def dbcv_score(
    X: ArrayLike,
    labels: ArrayLike,
    *,
    metric: str = "euclidean",
    p: float = 2,
    dimension: float | None = None,
    noise: str = "penalty",
    verbose: int = 0,
) -> float:
    """Density-based clustering validation (DBCV): are clusters dense within and sparse between?

    The mean over clusters, weighted by their sizes, of (separation - sparseness) / max(separation, sparseness);
    see :func:`dbcv_clusters` for the two. Unlike the silhouette it does not ask for round clusters.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    labels : array-like of shape (n_samples,)
        Cluster of each sample: integers, strings, ...
    metric : str, default="euclidean"
        "euclidean", "cosine", "manhattan", "chebyshev" or "minkowski", with their other names.
    p : float, default=2
        The power of "minkowski", at least 1.
    dimension : float, default=None
        The dimension in which density is meant; None is n_features. With many features that hold few dimensions, the
        latter.
    noise : {"penalty", "ignore", "cluster", "error"}, default="penalty"
        The label -1: samples that are in no cluster but count in the mean, with validity 0, as in the paper; left
        out; a cluster like any other; refused.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    score : float
        In [-1, 1], larger is better.

    Raises
    ------
    ValueError
        Fewer than 2 clusters; values that are not finite; an unknown metric.

    Notes
    -----
    Time O(n_k² · n_features) for a cluster of n_k samples and at most as much for every two clusters that are near
    each other; memory O(n_samples · n_features). A cluster of one sample has validity 0. A sample with a copy in its
    cluster is infinitely dense (``hdbscan.validity`` leaves out zero distances; without copies the values are the
    same). Where several spanning trees are minimal, which core distances make common, the paper does not say which
    is meant, and the score may depend on it: here it is the first by the order of rows. The same bits for any number
    of threads.

    References
    ----------
    .. [1] D. Moulavi, P. A. Jaskowiak, R. J. G. B. Campello, A. Zimek and J. Sander, "Density-based clustering
       validation", SDM 2014.

    Examples
    --------
    >>> from shoal.metrics import dbcv_score
    >>> X = [[0.0], [0.1], [0.2], [0.3], [5.0], [5.1], [5.2], [5.3], [9.0]]
    >>> round(dbcv_score(X, [0, 0, 0, 0, 1, 1, 1, 1, -1]), 3)
    0.867
    >>> round(dbcv_score(X, [0, 1, 0, 1, 1, 0, 1, 0, -1]), 3)
    -0.786
    """
    found, n_samples = _validity(X, labels, metric, p, dimension, noise, verbose)
    return float((found.sizes * found.validity).sum() / n_samples)


def dbcv_clusters(
    X: ArrayLike,
    labels: ArrayLike,
    *,
    metric: str = "euclidean",
    p: float = 2,
    dimension: float | None = None,
    noise: str = "penalty",
    verbose: int = 0,
) -> DensityValidity:
    """Sparseness, separation and validity of each cluster, of which :func:`dbcv_score` is the mean.

    In each cluster the core distance of a sample is the generalised mean of its distances to all others, with the
    power -dimension; the spanning tree of max(core, core, distance) has internal samples, those with more than one
    edge, and internal edges between them (where there are none: all). Sparseness is the largest internal edge,
    separation the least such value between internal samples of this and of another cluster.

    Parameters
    ----------
    X, labels, metric, p, dimension, noise, verbose
        As in :func:`dbcv_score`.

    Returns
    -------
    result : DensityValidity
        ``labels``, ``sizes``, ``sparseness``, ``separation``, ``validity``.

    Raises
    ------
    ValueError
        As :func:`dbcv_score`.

    Examples
    --------
    >>> from shoal.metrics import dbcv_clusters
    >>> dbcv_clusters([[0.0], [1.0], [2.0], [8.0], [9.0], [10.0]], list("aaabbb")).separation.round(3)
    array([8., 8.])
    """
    return _validity(X, labels, metric, p, dimension, noise, verbose)[0]


def _validity(
    X: ArrayLike, labels: ArrayLike, metric: str, p: float, dimension: float | None, noise: str, verbose: int
) -> tuple[DensityValidity, int]:
    data = check_matrix(X)
    names = check_labels(labels, "labels", data.shape[0])
    check_choice("noise", noise, ("penalty", "ignore", "cluster", "error"))
    left_out = noise_mask(names, "labels", "ignore" if noise == "penalty" else noise)
    kept = np.ones(data.shape[0], dtype=bool) if left_out is None else ~left_out
    name, power = check_minkowski(metric, p)
    check_choice("metric", name, METRICS)
    check_spread(data, name, power)
    wide = float(data.shape[1]) if dimension is None else check_real("dimension", dimension, 0, open_low=True)
    codes, _ = _core.encode_labels(as_integers(names[kept]))
    sizes = np.bincount(codes) if codes.size else np.zeros(0, dtype=np.int64)
    if sizes.size < 2:
        why = "" if sizes.size else f": all n_samples={data.shape[0]} are noise"
        raise ValueError(f"labels must hold at least 2 clusters; got {sizes.size}{why}")
    cluster = np.full(data.shape[0], -1, dtype=np.int32)
    cluster[kept] = codes
    with progress(check_verbose(verbose), "DBCV", "cluster") as report:
        sparseness, separation, validity = _core.density_validity(
            data, cluster, sizes.size, dimension=wide, metric=name, p=power, progress=report
        )
    found = DensityValidity(np.unique(names[kept]), sizes, sparseness, separation, validity)
    return found, int(kept.sum()) if noise == "ignore" else data.shape[0]
