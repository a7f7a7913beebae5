"""Internal scores: how compact and how separate the clusters of a labeling are, judged by the data alone.

Names, signatures and values are those of ``sklearn.metrics``, with more keywords:

``sample_weight``
    A sample of weight `w` stands for `w` copies of it: integer weights give exactly the score of the data
    with each row repeated. A weight of zero is no sample.
``noise``
    What to do with the label -1 of density-based clusterings: ``"cluster"`` (default) treats it as one more
    cluster, which is what scikit-learn's values are; ``"ignore"`` leaves those samples out; ``"error"``
    refuses them.
``verbose``
    1 shows a progress bar.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal import _core
from shoal.base.checks import (
    check_choice,
    check_int,
    check_labels,
    check_matrix,
    check_random_generator,
    check_spread,
    check_weight,
    shown,
)
from shoal.base.progress import progress
from shoal.metrics.labels import as_integers, noise_mask, refuse_noise_alone

# What a user may call a metric -> what the kernels call it.
METRICS = {
    "euclidean": "euclidean",
    "l2": "euclidean",
    "sqeuclidean": "sqeuclidean",
    "cosine": "cosine",
    "manhattan": "manhattan",
    "cityblock": "manhattan",
    "l1": "manhattan",
    "chebyshev": "chebyshev",
}


class _Clustering(NamedTuple):
    """Checked labels and weights of the rows of X."""

    cluster: NDArray[np.int32]  # in [0, n_clusters), or -1: takes no part
    n_clusters: int
    weight: NDArray[Any] | None  # in the dtype of X

    @property
    def taking_part(self) -> NDArray[np.bool_]:
        return np.asarray(self.cluster >= 0)


def _clustering(
    X: NDArray[Any], labels: ArrayLike, sample_weight: ArrayLike | None, noise: str
) -> _Clustering:
    array = check_labels(labels, "labels", X.shape[0])
    leave_out = noise_mask(array, "labels", noise)
    weight = check_weight(sample_weight, X)
    if weight is not None and not weight.all():
        leave_out = weight == 0 if leave_out is None else leave_out | (weight == 0)
    if leave_out is not None and leave_out.all():
        refuse_noise_alone("labels", X.shape[0], noise)
    return _coded(as_integers(array), leave_out, weight)


def _coded(
    labels: NDArray[Any], leave_out: NDArray[np.bool_] | None, weight: NDArray[Any] | None
) -> _Clustering:
    if leave_out is None:
        cluster, values = _core.encode_labels(labels)
    else:
        codes, values = _core.encode_labels(labels[~leave_out])
        cluster = np.full(labels.shape[0], -1, dtype=np.int32)
        cluster[~leave_out] = codes
    return _Clustering(cluster, len(values), weight)


def _check_n_clusters(clustering: _Clustering) -> None:
    """At least two clusters, and not every sample alone in its own."""
    n_samples = int(clustering.taking_part.sum())
    copies = clustering.weight is not None and bool((clustering.weight > 1).any())
    if clustering.n_clusters < 2 or (clustering.n_clusters >= n_samples and not copies):
        raise ValueError(
            f"labels must hold 2 to n_samples - 1 = {n_samples - 1} different labels; "
            f"got {clustering.n_clusters}"
        )


def _check_distances(X: Any) -> NDArray[Any]:
    X = check_matrix(X)
    if X.shape[0] != X.shape[1]:
        raise ValueError(f"X must be a square matrix with metric='precomputed'; got shape {X.shape}")
    diagonal = np.abs(X.diagonal())
    if (diagonal > 100 * np.finfo(X.dtype).eps).any():
        worst = int(np.argmax(diagonal))
        raise ValueError(
            f"X must have zeros on its diagonal with metric='precomputed' (np.fill_diagonal(X, 0)); "
            f"got {diagonal[worst]} at index {worst}"
        )
    if X.min() < 0:
        row, column = divmod(int(np.argmax(X.ravel() < 0)), X.shape[1])
        raise ValueError(
            f"Negative values in X at row {row}, column {column}: distances must be >= 0 with "
            f"metric='precomputed'; got {X[row, column]:g}"
        )
    return np.asarray(X)


def _check_metric(metric: Any, precomputed: bool) -> str:
    check_choice("metric", metric, [*METRICS, "precomputed"] if precomputed else METRICS)
    return METRICS.get(metric, "precomputed")


def _silhouettes(X: NDArray[Any], clustering: _Clustering, metric: str, verbose: int) -> NDArray[np.float64]:
    _check_n_clusters(clustering)
    with progress(verbose, "silhouette", "sample") as report:
        if metric == "precomputed":
            return _core.matrix_silhouette(
                X, clustering.weight, clustering.cluster, clustering.n_clusters, report
            )
        return _core.silhouette(
            X, clustering.weight, clustering.cluster, clustering.n_clusters, metric, report
        )


def _mean(values: NDArray[np.float64], clustering: _Clustering) -> float:
    part = clustering.taking_part
    weight = None if clustering.weight is None else clustering.weight[part].astype(np.float64)
    return float(np.average(values[part], weights=weight))


def silhouette_samples(
    X: ArrayLike,
    labels: ArrayLike,
    *,
    metric: str = "euclidean",
    sample_weight: ArrayLike | None = None,
    noise: str = "cluster",
    verbose: int = 0,
) -> NDArray[Any]:
    """Silhouette of each sample: how much nearer it is to its own cluster than to the nearest other.

    ``s = (b - a) / max(a, b)``, where `a` is the mean distance to the other samples of the own cluster and
    `b` the smallest mean distance to the samples of another.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features), or (n_samples, n_samples) with ``metric="precomputed"``
        Samples, or the distances between them. float32 is worked on as float32 with double sums.
    labels : array-like of shape (n_samples,)
        Cluster of each sample: integers, strings, ...
    metric : str, default="euclidean"
        ``"euclidean"`` (``"l2"``), ``"sqeuclidean"``, ``"cosine"``, ``"manhattan"`` (``"cityblock"``,
        ``"l1"``),
        ``"chebyshev"`` or ``"precomputed"``.
    sample_weight : array-like of shape (n_samples,), default=None
        Means are weighted. An integer w is w copies of the sample; in its own cluster a sample leaves out
        ``min(w, 1)`` of itself.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other; left out, its samples being NaN in the result; refused.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    silhouette : ndarray of shape (n_samples,), dtype of X
        In [-1, 1]. 0 for a sample alone in its cluster; NaN for samples that take no part (ignored noise,
        weight 0).

    Raises
    ------
    ValueError
        Fewer than 2 labels or as many as samples; an unknown metric; values that are not finite; a matrix of
        distances that is not square, whose diagonal is not 0 or that holds a negative value.

    Notes
    -----
    Time O(n_samples^2 n_features), each pair looked at once; O(n_samples n_clusters n_features) for
    sqeuclidean and cosine, which have a closed form. Memory: one more copy of X and O(n_samples); never n x
    n. Stops on Ctrl-C; the same bits for any number of threads.

    References
    ----------
    .. [1] P. J. Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster
       analysis", Journal of Computational and Applied Mathematics 20, 53-65, 1987.

    Examples
    --------
    >>> from shoal.metrics import silhouette_samples
    >>> X = [[0.0], [1.0], [10.0], [12.0]]
    >>> silhouette_samples(X, [0, 0, 1, 1]).round(4)
    array([0.9091, 0.9   , 0.7895, 0.8261])
    """
    name = _check_metric(metric, precomputed=True)
    data = _check_distances(X) if name == "precomputed" else check_matrix(X)
    check_spread(data, name)
    clustering = _clustering(data, labels, sample_weight, noise)
    return _silhouettes(data, clustering, name, verbose).astype(data.dtype, copy=False)


def silhouette_score(
    X: ArrayLike,
    labels: ArrayLike,
    *,
    metric: str = "euclidean",
    sample_size: int | None = None,
    random_state: Any = None,
    sample_weight: ArrayLike | None = None,
    noise: str = "cluster",
    verbose: int = 0,
) -> float:
    """Mean silhouette of the samples; see :func:`silhouette_samples`.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features), or (n_samples, n_samples) with ``metric="precomputed"``
        Samples, or the distances between them. float32 is worked on as float32 with double sums.
    labels : array-like of shape (n_samples,)
        Cluster of each sample: integers, strings, ...
    metric : str, default="euclidean"
        ``"euclidean"`` (``"l2"``), ``"sqeuclidean"``, ``"cosine"``, ``"manhattan"`` (``"cityblock"``,
        ``"l1"``),
        ``"chebyshev"`` or ``"precomputed"``.
    sample_size : int, default=None
        Score a random subset of so many samples, drawn without replacement from those that take part.
    random_state : int, RandomState, Generator or None, default=None
        Draws the subset; the same int gives scikit-learn's subset.
    sample_weight : array-like of shape (n_samples,), default=None
        The means, also the last one over samples, are weighted. An integer w is w copies of the sample.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other; left out; refused.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    silhouette : float
        In [-1, 1]; near 1 for compact and separate clusters, near 0 where they overlap.

    Raises
    ------
    ValueError
        Fewer than 2 labels or as many as samples (in the subset); an unknown metric; values that are not
        finite; a matrix of distances that is not square, whose diagonal is not 0 or that holds a negative value.

    Notes
    -----
    Time O(n_samples^2 n_features), each pair looked at once; O(n_samples n_clusters n_features) for
    sqeuclidean and cosine, which have a closed form. Memory: one more copy of X and O(n_samples); never n x
    n. Stops on Ctrl-C; the same bits for any number of threads.

    References
    ----------
    .. [1] P. J. Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster
       analysis", Journal of Computational and Applied Mathematics 20, 53-65, 1987.

    Examples
    --------
    >>> from shoal.metrics import silhouette_score
    >>> X = [[0.0], [1.0], [10.0], [12.0]]
    >>> round(silhouette_score(X, [0, 0, 1, 1]), 4)
    0.8562
    """
    name = _check_metric(metric, precomputed=True)
    data = _check_distances(X) if name == "precomputed" else check_matrix(X)
    check_spread(data, name)
    clustering = _clustering(data, labels, sample_weight, noise)
    if sample_size is not None:
        check_int("sample_size", sample_size, 1)
        members = np.flatnonzero(clustering.taking_part)
        subset = members[check_random_generator(random_state).permutation(members.size)[:sample_size]]
        data = data[np.ix_(subset, subset)] if name == "precomputed" else data[subset]
        weight = None if clustering.weight is None else clustering.weight[subset]
        clustering = _coded(clustering.cluster[subset], None, weight)
    return _mean(_silhouettes(data, clustering, name, verbose), clustering)


def _simplified(
    X: ArrayLike,
    labels: ArrayLike,
    metric: str,
    centers: ArrayLike | None,
    sample_weight: ArrayLike | None,
    noise: str,
    verbose: int,
) -> tuple[NDArray[Any], NDArray[np.float64], _Clustering]:
    name = _check_metric(metric, precomputed=False)
    data = check_matrix(X)
    check_spread(data, name)
    clustering = _clustering(data, labels, sample_weight, noise)
    if centers is None:
        _check_n_clusters(clustering)
        given = np.empty((0, data.shape[1]), dtype=data.dtype)
    else:
        given = check_matrix(centers, "centers").astype(data.dtype, copy=False)
        if given.shape[1] != data.shape[1] or given.shape[0] < 2:
            raise ValueError(
                f"centers must have shape (2 or more, n_features={data.shape[1]}); got {given.shape}"
            )
        clustering = _of_centers(check_labels(labels, "labels"), clustering, given.shape[0])
    with progress(verbose, "silhouette", "sample") as report:
        values = _core.simplified_silhouette(
            data, given, clustering.weight, clustering.cluster, clustering.n_clusters, name, report
        )
    return data, values, clustering


def _of_centers(labels: NDArray[Any], clustering: _Clustering, n_centers: int) -> _Clustering:
    """The clustering whose labels are rows of the centres."""
    part = clustering.taking_part
    index = as_integers(labels)
    whole = labels.dtype.kind in "iu" or (labels.dtype.kind == "f" and (labels == np.trunc(labels)).all())
    bad = part & ((index < 0) | (index >= n_centers)) if whole else np.ones_like(part)
    if bad.any():
        at = int(np.argmax(bad))
        raise ValueError(
            f"labels must be rows of centers, in [0, n_centers={n_centers}); got {shown(labels[at])} at index {at}"
        )
    cluster = np.where(part, index, -1).astype(np.int32)
    return _Clustering(cluster, n_centers, clustering.weight)


def simplified_silhouette_samples(
    X: ArrayLike,
    labels: ArrayLike,
    *,
    metric: str = "euclidean",
    centers: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    noise: str = "cluster",
    verbose: int = 0,
) -> NDArray[Any]:
    """Simplified silhouette of each sample: distances to centres stand for mean distances to samples.

    ``s = (b - a) / max(a, b)``, where `a` is the distance to the centre of the own cluster and `b` the
    distance to the nearest other centre.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Samples. float32 is worked on as float32 with double sums.
    labels : array-like of shape (n_samples,)
        Cluster of each sample; with `centers`, the row of its centre.
    metric : str, default="euclidean"
        ``"euclidean"`` (``"l2"``), ``"sqeuclidean"``, ``"cosine"``, ``"manhattan"`` (``"cityblock"``,
        ``"l1"``) or
        ``"chebyshev"``.
    centers : array-like of shape (n_clusters, n_features), default=None
        For example ``KMeans.cluster_centers_``. ``None`` takes the (weighted) mean of each cluster; for
        cosine, the mean of its normalised samples.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples in the means that make the centres. An integer w is w copies of the sample.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other (not with `centers`); left out, its samples being NaN in the
        result; refused.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    silhouette : ndarray of shape (n_samples,), dtype of X
        In [-1, 1]; not negative when each sample has the label of its nearest centre. 0 for a sample alone
        in its cluster; NaN for samples that take no part (ignored noise, weight 0).

    Raises
    ------
    ValueError
        Without `centers`, fewer than 2 labels or as many as samples; labels that are not rows of `centers`;
        an unknown metric; values that are not finite.

    Notes
    -----
    Time O(n_samples n_clusters n_features), memory O(n_samples + n_clusters n_features), for cosine one more
    copy of X. The same bits for any number of threads.

    References
    ----------
    .. [1] E. R. Hruschka, L. N. de Castro and R. J. G. B. Campello, "Evolutionary algorithms for clustering
       gene-expression data", ICDM, 403-406, 2004.
    .. [2] L. Vendramin, R. J. G. B. Campello and E. R. Hruschka, "Relative clustering validity criteria: a
       comparative overview", Statistical Analysis and Data Mining 3, 209-235, 2010.

    Examples
    --------
    >>> from shoal.metrics import simplified_silhouette_samples
    >>> X = [[0.0], [1.0], [10.0], [12.0]]
    >>> simplified_silhouette_samples(X, [0, 0, 1, 1]).round(4)
    array([0.9545, 0.95  , 0.8947, 0.913 ])
    """
    data, values, _ = _simplified(X, labels, metric, centers, sample_weight, noise, verbose)
    return values.astype(data.dtype, copy=False)


def simplified_silhouette_score(
    X: ArrayLike,
    labels: ArrayLike,
    *,
    metric: str = "euclidean",
    centers: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    noise: str = "cluster",
    verbose: int = 0,
) -> float:
    """Mean simplified silhouette of the samples; see :func:`simplified_silhouette_samples`.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Samples. float32 is worked on as float32 with double sums.
    labels : array-like of shape (n_samples,)
        Cluster of each sample; with `centers`, the row of its centre.
    metric : str, default="euclidean"
        ``"euclidean"`` (``"l2"``), ``"sqeuclidean"``, ``"cosine"``, ``"manhattan"`` (``"cityblock"``,
        ``"l1"``) or
        ``"chebyshev"``.
    centers : array-like of shape (n_clusters, n_features), default=None
        For example ``KMeans.cluster_centers_``. ``None`` takes the (weighted) mean of each cluster; for
        cosine, the mean of its normalised samples.
    sample_weight : array-like of shape (n_samples,), default=None
        The means, also the last one over samples, are weighted. An integer w is w copies of the sample.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other (not with `centers`); left out; refused.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    silhouette : float
        In [-1, 1].

    Raises
    ------
    ValueError
        Without `centers`, fewer than 2 labels or as many as samples; labels that are not rows of `centers`;
        an unknown metric; values that are not finite; no sample that takes part.

    Notes
    -----
    Time O(n_samples n_clusters n_features), memory O(n_samples + n_clusters n_features), for cosine one more
    copy of X. The same bits for any number of threads.

    References
    ----------
    .. [1] E. R. Hruschka, L. N. de Castro and R. J. G. B. Campello, "Evolutionary algorithms for clustering
       gene-expression data", ICDM, 403-406, 2004.

    Examples
    --------
    >>> from shoal.metrics import simplified_silhouette_score
    >>> X = [[0.0], [1.0], [10.0], [12.0]]
    >>> round(simplified_silhouette_score(X, [0, 0, 1, 1]), 4)
    0.9281
    """
    _, values, clustering = _simplified(X, labels, metric, centers, sample_weight, noise, verbose)
    return _mean(values, clustering)


def calinski_harabasz_score(
    X: ArrayLike, labels: ArrayLike, *, sample_weight: ArrayLike | None = None, noise: str = "cluster"
) -> float:
    """Calinski-Harabasz index: dispersion between clusters over dispersion within, per degree of freedom.

    ``(B / (k - 1)) / (W / (n - k))``, with `B` the sum over clusters of their size times the squared
    distance of their centroid to the mean, and `W` the sum over samples of the squared distance to their
    centroid.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Samples. Sums are double, also for float32.
    labels : array-like of shape (n_samples,)
        Cluster of each sample: integers, strings, ...
    sample_weight : array-like of shape (n_samples,), default=None
        `n` is then the sum of the weights, which must exceed the number of clusters. An integer w is w
        copies of the sample.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other; left out; refused.

    Returns
    -------
    score : float
        Larger is better; at least 0. 1 when every sample is at its centroid, as in scikit-learn.

    Raises
    ------
    ValueError
        Fewer than 2 labels or as many as samples; weights that sum to no more than the number of labels;
        values that are not finite.

    Notes
    -----
    Three passes over X: time O(n_samples n_features); memory O(n_clusters n_features) times at most 64
    partial sums, together no more than twice X. The same bits for any number of threads.

    References
    ----------
    .. [1] T. Calinski and J. Harabasz, "A dendrite method for cluster analysis", Communications in
       Statistics 3, 1-27, 1974.

    Examples
    --------
    >>> from shoal.metrics import calinski_harabasz_score
    >>> calinski_harabasz_score([[0.0], [1.0], [10.0], [12.0]], [0, 0, 1, 1])
    88.2
    """
    data = check_matrix(X)
    check_spread(data, dtype=np.float64)
    clustering = _clustering(data, labels, sample_weight, noise)
    _check_n_clusters(clustering)
    if clustering.weight is not None:
        total = float(clustering.weight[clustering.taking_part].sum(dtype=np.float64))
        if not total > clustering.n_clusters:
            raise ValueError(
                f"sample_weight must sum to more than n_labels={clustering.n_clusters}; got {total}"
            )
    return _core.calinski_harabasz(data, clustering.weight, clustering.cluster, clustering.n_clusters)


def davies_bouldin_score(
    X: ArrayLike, labels: ArrayLike, *, sample_weight: ArrayLike | None = None, noise: str = "cluster"
) -> float:
    """Davies-Bouldin index: the mean over clusters of their worst ratio of spread to separation.

    ``max over j of (S_i + S_j) / |c_i - c_j|``, with `S` the mean distance of a cluster's samples to its
    centroid `c`.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Samples. Sums are double, also for float32.
    labels : array-like of shape (n_samples,)
        Cluster of each sample: integers, strings, ...
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples in the means; any positive scale gives the same value.
    noise : {"cluster", "ignore", "error"}, default="cluster"
        The label -1: a cluster like any other; left out; refused.

    Returns
    -------
    score : float
        Smaller is better; at least 0. Two centroids in the same place, that is nearer to each other than
        1e-13 of the extent of their own clusters, are not compared; what lies elsewhere plays no part in it.

    Raises
    ------
    ValueError
        Fewer than 2 labels or as many as samples; values that are not finite.

    Notes
    -----
    Two passes over X and all pairs of centroids: time O(n_samples n_features + n_clusters^2 n_features);
    memory O(n_samples + n_clusters n_features) and blocks of 1 MB. One thread.

    References
    ----------
    .. [1] D. L. Davies and D. W. Bouldin, "A cluster separation measure", IEEE Trans. Pattern Analysis and
       Machine Intelligence 1, 224-227, 1979.

    Examples
    --------
    >>> from shoal.metrics import davies_bouldin_score
    >>> round(davies_bouldin_score([[0.0], [1.0], [10.0], [12.0]], [0, 0, 1, 1]), 4)
    0.1429
    """
    data = check_matrix(X)
    check_spread(data, dtype=np.float64)
    clustering = _clustering(data, labels, sample_weight, noise)
    _check_n_clusters(clustering)
    return _core.davies_bouldin(data, clustering.weight, clustering.cluster, clustering.n_clusters)
