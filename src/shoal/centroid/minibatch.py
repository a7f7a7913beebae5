"""Mini-batch k-means: centres as running means of the samples that small random batches give them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal import _core
from shoal.base.checks import (
    check_bool,
    check_choice,
    check_data,
    check_data_extremes,
    check_int,
    check_real,
    check_verbose,
    check_weight,
    draw_seed,
)
from shoal.base.fitting import all_or_nothing
from shoal.base.progress import Report, progress
from shoal.centroid.kmeans import CentroidModel
from shoal.centroid.rows import METRICS, check_range, for_metric, on_rows
from shoal.centroid.seeding import check_init, n_restarts, restart_seed, starting_centers


class MiniBatchKMeans(CentroidModel):
    """Mini-batch k-means clustering: k-means for many samples, and for samples that arrive in pieces.

    Each step assigns a small random batch to the nearest centres and moves every centre to the mean of all
    samples it has been given so far [1]_. Close to the inertia of :class:`KMeans` at a fraction of its passes
    over the data. Results do not depend on the number of threads.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters, at most the number of samples.
    init : {"k-means++", "k-means||", "random"}, callable or (n_clusters, n_features) array, default="k-means++"
        The start, as in :class:`KMeans`, made from `init_size` rows.
    max_iter : int, default=100
        The steps together take at most ``max_iter * n_samples`` rows.
    batch_size : int, default=1024
        Rows per step, drawn with replacement, a row with probability proportional to its weight. From
        `n_samples` on, a step takes every row exactly once, with its weight.
    verbose : int, default=0
        1 shows a progress bar.
    compute_labels : bool, default=True
        Label all samples once the centres are found. Without, ``labels_`` does not exist and ``inertia_`` is
        estimated from the batches.
    random_state : int, RandomState, Generator or None, default=None
        Seed of starts and batches. An int gives the same result every time, on any number of threads.
    tol : float, default=0.0
        Stop when a step moves the centres, in total and squared, by no more than ``tol`` times the mean
        (weighted) feature variance. ``0`` leaves the decision to `max_no_improvement`.
    max_no_improvement : int or None, default=10
        Stop when the running average of the batch inertia has not fallen for so many steps in a row. None
        never stops for that.
    init_size : int, default=None
        Rows the start is made from, drawn as batches are; None means ``3 * batch_size``, or ``3 *
        n_clusters`` where that is less than `n_clusters`. From `n_samples` on, all rows are used.
    n_init : "auto" or int, default="auto"
        Number of starts, each from rows of its own; the one with the lowest inertia on another `init_size`
        rows is kept, the earliest of equals. "auto" is 1 for k-means++, k-means|| and given centres, 3 for
        random and callables. ``partial_fit`` makes one.
    reassignment_ratio : float, default=0.01
        A centre whose count is less than this share of the largest starts again from a row of the batch. 0
        never does.
    metric : {"euclidean", "cosine"}, default="euclidean"
        "cosine" is spherical k-means [2]_: rows are scaled to unit length, and so are the centres.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        Dtype of the data; of unit length for cosine.
    labels_ : ndarray of shape (n_samples,), int32
        Exactly ``predict(X)`` for the data of the last ``fit`` or ``partial_fit``. Only when
        `compute_labels`.
    inertia_ : float
        Weighted sum of squared distances of all samples to their centres, as in :class:`KMeans`. Without
        `compute_labels`: the running average of the batches times the sum of the weights (not set by
        ``partial_fit``).
    n_iter_ : int
        Rows taken by the steps, in units of `n_samples`, rounded up. Set by ``fit``.
    n_steps_ : int
        Batches taken.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only when X has string column names.

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter, or the offending row and column, in the message.

    Warns
    -----
    RuntimeWarning
        When `init_size` is less than `n_clusters`; three times `n_clusters` are taken.

    Notes
    -----
    Time O(batch_size · n_clusters · n_features) per step, and one pass of that kind over all samples for the
    labels. Memory beyond the data: one batch, 8 bytes per value of the centres, 4 bytes per sample for the
    labels and, with weights, 12 bytes per sample. "cosine" adds a scaled copy of X.

    A tie between centres goes to the smaller label. Centres are running means in double precision, so steps
    do not fade for float32 data however many samples they have taken. When steps take all rows (``batch_size
    >= n_samples``) a row of weight w acts as w copies of it, seeding included, as long as the copies fit into
    a batch too; otherwise it is drawn as often as its copies would be. ``partial_fit`` uses the weights of
    the batch as they are. Rows of weight 0 are labelled but move nothing.

    The centres of the last step are kept as they are: unlike in scikit-learn, a centre never starts again
    after the last step of ``fit``, where no sample could correct it.

    References
    ----------
    .. [1] D. Sculley, "Web-scale k-means clustering", WWW 2010.
    .. [2] S. Zhong, "Efficient online spherical k-means clustering", IJCNN 2005.
    .. [3] L. Bottou and Y. Bengio, "Convergence properties of the k-means algorithms", NIPS 1994.

    Examples
    --------
    >>> import shoal
    >>> X = [[1.0, 2.0], [1.0, 4.0], [1.0, 0.0], [10.0, 2.0], [10.0, 4.0], [10.0, 0.0]]
    >>> model = shoal.MiniBatchKMeans(n_clusters=2, random_state=0).fit(X)
    >>> sorted(model.cluster_centers_.round(1).tolist())
    [[1.0, 2.0], [10.0, 2.0]]

    Samples that arrive in pieces:

    >>> stream = shoal.MiniBatchKMeans(n_clusters=2, random_state=0)
    >>> for batch in (X[:4], X[4:]):
    ...     stream = stream.partial_fit(batch)
    >>> stream.n_steps_
    2
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        max_iter: int = 100,
        batch_size: int = 1024,
        verbose: int = 0,
        compute_labels: bool = True,
        random_state: Any = None,
        tol: float = 0.0,
        max_no_improvement: int | None = 10,
        init_size: int | None = None,
        n_init: Any = "auto",
        reassignment_ratio: float = 0.01,
        metric: str = "euclidean",
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.verbose = verbose
        self.compute_labels = compute_labels
        self.random_state = random_state
        self.tol = tol
        self.max_no_improvement = max_no_improvement
        self.init_size = init_size
        self.n_init = n_init
        self.reassignment_ratio = reassignment_ratio
        self.metric = metric

    @all_or_nothing
    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> MiniBatchKMeans:
        """Compute the centres by steps on random batches of X; what earlier fits found is forgotten.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 stays float32, everything else becomes float64; C-contiguous data are not copied.
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all zero.

        Returns
        -------
        self : MiniBatchKMeans
        """
        X, extremes = check_data_extremes(self, X, accept_sparse=True)
        weight = check_weight(sample_weight, X)
        self._check_parameters()
        n_samples = X.shape[0]
        n_clusters = check_int("n_clusters", self.n_clusters, 1, n_samples, "n_samples")
        init = check_init(self.init, n_clusters, X.shape[1], X.dtype)
        rows = for_metric(X, self.metric)
        check_range(rows, weight, extremes=extremes if rows is X else None)
        tol = self.tol * on_rows(_core.moments, rows, weight).variance if self.tol > 0 else 0.0
        batch_size = min(self.batch_size, n_samples)
        seed = draw_seed(self.random_state)

        with progress(check_verbose(self.verbose), type(self).__name__) as report:
            run = on_rows(
                _core.minibatch_fit,
                rows,
                weight,
                self._best_start(rows, weight, init, seed, report),
                batch_size=batch_size,
                max_steps=max(1, self.max_iter * n_samples // batch_size),
                tol=tol,
                max_no_improvement=-1 if self.max_no_improvement is None else self.max_no_improvement,
                reassignment_ratio=self.reassignment_ratio,
                spherical=self.metric == "cosine",
                seed=seed,
                progress=report,
            )
            self._take(run, seed)
            self.n_steps_ = run.n_steps
            self.n_iter_ = -(-run.n_steps * batch_size // n_samples)
            if not self._label(rows, weight):
                total = n_samples if weight is None else weight.sum(dtype=np.float64)
                self.inertia_ = float(run.mean_inertia * total)
        return self

    @all_or_nothing
    def partial_fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> MiniBatchKMeans:
        """One step on all rows of X, which is one batch of a stream. The first call makes the start from it.

        After ``fit``, the counts of the centres go on from there.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            In the first call at least `n_clusters` samples.
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all zero. A row of weight w counts as w copies of it.

        Returns
        -------
        self : MiniBatchKMeans
        """
        first = not hasattr(self, "cluster_centers_")
        X = check_data(self, X, accept_sparse=True) if first else self._check_data(X)
        weight = check_weight(sample_weight, X)
        self._check_parameters()
        rows = for_metric(X, self.metric)
        check_range(rows, weight, None if first else self.cluster_centers_)
        if first:
            n_clusters = check_int("n_clusters", self.n_clusters, 1)
            if X.shape[0] < n_clusters:
                raise ValueError(
                    f"the first batch of partial_fit must have at least n_clusters={n_clusters} samples, "
                    f"for the start is made from it; got n_samples={X.shape[0]}"
                )
            init = check_init(self.init, n_clusters, X.shape[1], X.dtype)
            seed = draw_seed(self.random_state)
            centers = self._start(rows, weight, init, seed, 0)
            means, counts = centers.astype(np.float64), np.zeros(n_clusters)
            seen, step = 0.0, 0
        else:
            centers, means, counts = self.cluster_centers_, self._means, self._counts
            if check_int("n_clusters", self.n_clusters, 1) != len(centers):
                raise ValueError(
                    f"n_clusters must stay {len(centers)}, with which the estimator was fitted; "
                    f"got {self.n_clusters}"
                )
            seen, step, seed = self._seen, self.n_steps_, self._seed
        run = on_rows(
            _core.minibatch_step,
            rows,
            weight,
            centers,
            means,
            counts,
            seen=seen,
            step=step,
            reassignment_ratio=self.reassignment_ratio,
            spherical=self.metric == "cosine",
            seed=seed,
        )
        self._take(run, seed)
        self.n_steps_ = step + 1
        self._label(rows, weight)
        return self

    def fit_predict(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> NDArray[np.int32]:
        """Fit and return the labels of X, with or without `compute_labels`; parameters as in ``fit``."""
        self.fit(X, sample_weight=sample_weight)
        return self.labels_ if self.compute_labels else self.predict(X)

    def _check_parameters(self) -> None:
        """Refuse what no data could make right."""
        check_choice("metric", self.metric, METRICS)
        check_int("batch_size", self.batch_size, 1)
        check_int("max_iter", self.max_iter, 1)
        check_real("tol", self.tol, 0.0)
        check_real("reassignment_ratio", self.reassignment_ratio, 0.0)
        check_bool("compute_labels", self.compute_labels)
        check_verbose(self.verbose)
        for name in ("max_no_improvement", "init_size"):
            if getattr(self, name) is not None:
                check_int(name, getattr(self, name), 0 if name == "max_no_improvement" else 1)

    def _best_start(
        self, rows: Any, weight: NDArray[Any] | None, init: Any, seed: int, report: Report | None
    ) -> NDArray[Any]:
        """Of `n_init` starts the one with the lowest inertia on rows drawn for that."""
        restarts = n_restarts(self.n_init, init, when_random=3)
        if restarts == 1:
            return self._start(rows, weight, init, seed, 0, report)
        judged, judged_weight = self._sample(rows, weight, seed, "validation", 0)
        best, least = None, np.inf
        for restart in range(restarts):
            start = self._start(rows, weight, init, seed, restart, report)
            labels = on_rows(_core.kmeans_assign, judged, start)
            inertia = on_rows(_core.kmeans_inertia, judged, judged_weight, start, labels)
            if best is None or inertia < least:
                best, least = start, inertia
        assert best is not None
        return best

    def _start(
        self,
        rows: Any,
        weight: NDArray[Any] | None,
        init: Any,
        seed: int,
        restart: int,
        report: Report | None = None,
    ) -> NDArray[Any]:
        if isinstance(init, str) or callable(init):
            rows, weight = self._sample(rows, weight, seed, "start", restart)
        n_clusters = int(self.n_clusters)
        start = starting_centers(rows, weight, n_clusters, init, restart_seed(seed, restart), report)
        start = for_metric(start, self.metric)
        if not isinstance(init, str):
            check_range(rows, weight, start)
        return start

    def _sample(
        self, rows: Any, weight: NDArray[Any] | None, seed: int, purpose: str, number: int
    ) -> tuple[Any, NDArray[Any] | None]:
        """`init_size` rows drawn by weight, which then count alike; or all, with their weights, if that is more."""
        n_samples, n_clusters = rows.shape[0], int(self.n_clusters)
        if self.init_size is None:
            size = 3 * min(self.batch_size, n_samples)
        else:
            size = self.init_size
            if size < n_clusters:
                warnings.warn(
                    f"init_size={size} should be at least n_clusters={n_clusters}; "
                    f"taking 3 * n_clusters={3 * n_clusters}",
                    RuntimeWarning,
                    stacklevel=5,
                )
        if size < n_clusters:
            size = 3 * n_clusters
        if size >= n_samples:
            return rows, weight
        drawn = _core.minibatch_rows(n_samples, weight, count=size, seed=seed, purpose=purpose, number=number)
        return rows[drawn], None

    def _take(self, run: Any, seed: int) -> None:
        self.cluster_centers_, self._means, self._counts = run.centers, run.means, run.counts
        self._seen, self._seed = run.seen, seed

    def _label(self, rows: Any, weight: NDArray[Any] | None) -> bool:
        """Set ``labels_`` and ``inertia_`` for these rows if that is wanted."""
        for name in ("labels_", "inertia_"):
            self.__dict__.pop(name, None)
        if not self.compute_labels:
            return False
        self.labels_ = self._nearest(rows)
        self.inertia_ = on_rows(_core.kmeans_inertia, rows, weight, self.cluster_centers_, self.labels_)
        return True


__all__ = ["MiniBatchKMeans"]
