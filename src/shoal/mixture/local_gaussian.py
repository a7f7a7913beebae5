"""Local Gaussian clustering: Gaussian clusters whose number follows from how far apart they are."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, chdtri
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from shoal import _core
from shoal.base.checks import (
    check_bool,
    check_choice,
    check_data,
    check_int,
    check_random_generator,
    check_real,
    check_spread,
    check_verbose,
    check_weight,
    shown,
)
from shoal.base.fitting import all_or_nothing
from shoal.base.progress import progress
from shoal.mixture.separation import SMALLEST, choose_separation, extent, find_centroids, resolution

# How far the local points of a cluster may reach towards another centroid; in the paper's equations as written.
REACH = 0.6
REACH_OF_PAPER = 1.2
SOFTENING_OF_PAPER = 1e-6
# With softening="auto" a point at this quantile of a Gaussian has half weight.
HALF_WEIGHT_AT = 0.9
SCALES = ("std", "range")
# Points per leaf of the tree: what was fastest for a whole fit.
LEAF_SIZE = 48


class LocalGaussianResult(NamedTuple):
    """What :func:`local_gaussian` returns.

    Attributes
    ----------
    centers : ndarray of shape (n_clusters, n_features)
    covariances : ndarray of shape (n_clusters, n_features, n_features)
    weights : ndarray of shape (n_clusters,)
        Share of each cluster.
    labels : ndarray of shape (n_samples,), int64
        -1 for samples that a cut-off dropped.
    separation : float
        The separation used.
    n_iter : int
    converged : bool
    """

    centers: NDArray[Any]
    covariances: NDArray[Any]
    weights: NDArray[Any]
    labels: NDArray[np.intp]
    separation: float
    n_iter: int
    converged: bool


class LocalGaussian(ClusterMixin, BaseEstimator):
    """Local Gaussian clustering: finds Gaussian clusters and their number, given how far apart they are.

    Centroids start in every occupied box of a grid of side `separation`, and climb: each moves to the mean of the
    points in the box around it until it rests. Of two that come closer than the collision distance the one with fewer
    points is deleted, so that at the end there is one centroid per dense region. Each cluster's covariance comes from
    the points around its centroid alone, and every sample goes to the Gaussian under which it is most likely [1]_. The
    cost is that of a few box sums on an R-tree, not of passes over the data. For few features: up to about 12.

    Parameters
    ----------
    separation : float or "auto", default="auto"
        Side of the boxes, in the unit of X (after `scale`): a little less than half the smallest distance between
        true centres. Too large merges clusters; much too small splits them. "auto" runs a ladder of separations on one
        tree and takes the middle of the longest plateau of the number of clusters.
    min_count : "auto" or float, default="auto"
        Seeds with fewer points (less weight) in their box are dropped, and centroids that end so. "auto" drops seeds
        below the median box, and at the end centroids with less than a tenth of the median count of the large ones
        (those with a tenth of the largest count): background noise.
    softening : "auto" or float, default="auto"
        In (0, 1): a point has half weight in its cluster's covariance where its likelihood, relative to that of
        the centroid, is this. "auto" is the likelihood at the 90 % quantile of a Gaussian. (1e-6 of the
        likelihood normalised over the local points when `paper_exact`.)
    tol : float, default=1e-4
        A centroid rests when a step is shorter than `tol` separations; a covariance when no entry changes by more than
        `tol` times the largest.
    max_iter : int, default=300
        Steps of centroids, and of covariances, at most.
    collision_distance : float or None, default=None
        Smallest distance between two centroids; None means `separation`.
    scale : {"std", "range"} or None, default=None
        Divide each feature by its standard deviation or its range first. Everything but `separation` and
        `collision_distance` is given and returned in the unit of X.
    p_value : float, default=0
        In [0, 1): a sample whose P-value under its own cluster is below this is labelled -1.
    trim : float, default=0
        In [0, 1): this share of each cluster's samples, those of the lowest P-values, is labelled -1.
    ratio : float, default=1
        In (0, 1]: a sample whose second largest density is more than `ratio` times the largest is labelled -1.
    reg_covar : float, default=1e-6
        Added to the variances, in units of the squared separation (of the squared range of X if that is less): bounds
        the axes of clusters from below.
    paper_exact : bool, default=False
        Take the covariances by the equations (4) to (8) of the paper as written: biased towards zero. To
        reproduce it.
    store_paths : bool, default=False
        Keep where every seed went, in ``centroid_paths_``.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters_, n_features)
        By falling `counts_`. No two are closer than the collision distance (after `scale`).
    covariances_ : ndarray of shape (n_clusters_, n_features, n_features)
    precisions_cholesky_ : ndarray of shape (n_clusters_, n_features, n_features)
        Upper triangular ``P`` with ``P @ P.T`` the inverse covariance, as in scikit-learn.
    weights_ : ndarray of shape (n_clusters_,)
        Share of each cluster in the (weighted) samples, no cut-off applied.
    counts_ : ndarray of shape (n_clusters_,)
        Number (weight) of points in the box of side `separation_` around each centroid.
    labels_ : ndarray of shape (n_samples,), int64
        Exactly ``predict(X)``: -1 for what a cut-off dropped.
    n_clusters_ : int
    n_seeds_ : int
        Boxes that a centroid started from.
    n_iter_ : int
        Steps of the centroid that took longest.
    converged_ : bool
        Whether all centroids and covariances came to rest.
    separation_ : float
        The separation used.
    separation_path_ : ndarray of shape (n_separations, 2)
        Separations tried, falling, and the number of clusters of each.
    centroid_paths_ : ndarray of shape (1 + n_iter_, n_seeds_, n_features)
        Only when `store_paths`: where each seed was after every step; NaN once it is deleted.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only when X has string column names.

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter, or the offending row and column, in the message.

    Warns
    -----
    ConvergenceWarning
        When `max_iter` ended the steps of centroids or covariances.

    See Also
    --------
    GaussianMixture : Clusters that overlap; needs their number.
    HDBSCAN : Clusters of any shape, without a distance to choose.

    Notes
    -----
    Time: O(n log n) for the tree, O(n_seeds) box sums per step, O(n · n_features²) for a few passes over the local
    points, O(n · n_clusters · n_features²) to label. "auto" adds seeds and steps for some thirty separations. Memory
    beyond X: the tree (1.3 times X and 12 bytes per sample), the local points of one cluster per thread in float64, and
    12 bytes per sample for the labels.

    A sample between two clusters of equal density belongs to the one with the smaller label. Of two colliding
    centroids with equal counts the one whose seed had the smaller count, then the later place in the grid, goes. A
    sample of weight w acts as w copies of it, to the precision of `tol`; `trim` counts samples, not weights. When all
    samples are equal, "auto" takes a separation of 1.

    The covariances are fixed points of a weighted average that is divided by what a Gaussian would give, so that a
    Gaussian's own covariance is the answer, and look no further than 0.6 of the way to any other centroid.

    References
    ----------
    .. [1] Y.-Y. Tai, "An efficient clustering algorithm from the measure of local Gaussian distribution", 2017.
    .. [2] R. A. Maronna, "Robust M-estimators of multivariate location and scatter", Annals of Statistics 4(1), 1976.

    Examples
    --------
    >>> import numpy as np, shoal
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(center, 1, (500, 2)) for center in ([0, 0], [8, 0], [0, 8])])
    >>> model = shoal.LocalGaussian(separation=3.5).fit(X)
    >>> model.n_clusters_
    3
    >>> np.sort(model.cluster_centers_.round().astype(int), axis=0).tolist()
    [[0, 0], [0, 0], [8, 8]]
    >>> shoal.LocalGaussian().fit(X).n_clusters_
    3
    >>> int((model.predict(X, p_value=0.05) == -1).sum()) < 150
    True
    """

    def __init__(
        self,
        separation: float | str = "auto",
        *,
        min_count: float | str = "auto",
        softening: float | str = "auto",
        tol: float = 1e-4,
        max_iter: int = 300,
        collision_distance: float | None = None,
        scale: str | None = None,
        p_value: float = 0.0,
        trim: float = 0.0,
        ratio: float = 1.0,
        reg_covar: float = 1e-6,
        paper_exact: bool = False,
        store_paths: bool = False,
        verbose: int = 0,
    ) -> None:
        self.separation = separation
        self.min_count = min_count
        self.softening = softening
        self.tol = tol
        self.max_iter = max_iter
        self.collision_distance = collision_distance
        self.scale = scale
        self.p_value = p_value
        self.trim = trim
        self.ratio = ratio
        self.reg_covar = reg_covar
        self.paper_exact = paper_exact
        self.store_paths = store_paths
        self.verbose = verbose

    @all_or_nothing
    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> LocalGaussian:
        """Find the clusters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            float32 stays float32, everything else becomes float64; C-contiguous data are not copied.
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all zero.

        Returns
        -------
        self : LocalGaussian
        """
        X = check_data(self, X)
        weight = check_weight(sample_weight, X)
        given = (
            None if _is_auto("separation", self.separation) else _check_length("separation", self.separation)
        )
        min_count = (
            None if _is_auto("min_count", self.min_count) else check_real("min_count", self.min_count, 0)
        )
        paper_exact = check_bool("paper_exact", self.paper_exact)
        softening = self._softening(X.shape[1], paper_exact)
        tol = check_real("tol", self.tol, 0)
        max_iter = check_int("max_iter", self.max_iter, 1)
        collision = self.collision_distance
        collision = None if collision is None else check_real("collision_distance", collision, 0)
        scale = None if self.scale is None else check_choice("scale", self.scale, SCALES)
        cuts = self._cuts(None, None, None)
        ridge = check_real("reg_covar", self.reg_covar, 0, open_low=True)
        store_paths = check_bool("store_paths", self.store_paths)
        verbose = check_verbose(self.verbose)
        check_spread(X, times=16)
        unit = _unit_of(X, weight, scale)
        with np.errstate(over="ignore"):
            rows = X if unit is None else np.ascontiguousarray(X / unit, dtype=X.dtype)
        steps: dict[str, Any] = {
            "min_count": min_count,
            "collision": collision,
            "tol": tol,
            "max_iter": max_iter,
        }

        with progress(verbose, type(self).__name__) as report:
            tree = _core.r_tree(*_weighing(rows, weight), leaf_size=LEAF_SIZE, metric="euclidean", p=2.0)
            _check_resolution(tree, given, ridge)
            if given is None:
                separation, path = choose_separation(tree, **steps, report=report)
            else:
                separation = given
            found = find_centroids(tree, separation, **steps, keep_paths=store_paths, report=report)
            assert found is not None
            if given is not None:
                path = np.array([[separation, len(found.centers)]])
            covariances, _, _, _, settled = _core.local_covariances(
                tree,
                found.centers,
                softening=softening,
                reach=REACH_OF_PAPER if paper_exact else REACH,
                ridge=_ridge(ridge, separation, extent(tree), X.dtype),
                tol=tol,
                max_iter=max_iter,
                paper_exact=paper_exact,
            )
        del tree
        _warn_of(found.converged, settled, max_iter)
        covariances = _in_unit(covariances, None if unit is None else np.outer(unit, unit), np.float64)
        factors = _precisions_cholesky(covariances).astype(X.dtype)
        self.cluster_centers_ = _in_unit(found.centers, unit, X.dtype)
        self.covariances_ = covariances.astype(X.dtype)
        self.precisions_cholesky_ = factors
        self.counts_ = found.counts.astype(X.dtype)
        self.n_clusters_ = len(found.centers)
        self.n_seeds_, self.n_iter_ = found.n_seeds, found.n_iter
        self.converged_ = found.converged and settled
        self.separation_ = separation
        self.separation_path_ = path.astype(X.dtype)
        if store_paths:
            self.centroid_paths_ = _in_unit(found.paths, unit, X.dtype)
        elif hasattr(self, "centroid_paths_"):
            del self.centroid_paths_
        own, self.labels_ = self._labels(X, cuts)
        shares = np.bincount(own, weight, minlength=self.n_clusters_)
        self.weights_ = (shares / shares.sum()).astype(X.dtype)
        return self

    def fit_predict(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> NDArray[np.intp]:
        """``fit(X, sample_weight=sample_weight).labels_``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        labels : ndarray of shape (n_samples,), int64
        """
        return self.fit(X, sample_weight=sample_weight).labels_

    def predict(
        self, X: Any, *, p_value: float | None = None, trim: float | None = None, ratio: float | None = None
    ) -> NDArray[np.intp]:
        """The cluster under which each sample is most likely, or -1 where a cut-off drops it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        p_value : float, default=None
            In [0, 1). None takes the estimator's parameter, 0 drops none; see the class.
        trim : float, default=None
            In [0, 1); of each cluster's samples in this X. Of equal P-values the later samples go first.
        ratio : float, default=None
            In (0, 1]; 1 drops none.

        Returns
        -------
        labels : ndarray of shape (n_samples,), int64
            With no arguments, on the data of ``fit``, exactly ``labels_``. A tie goes to the smaller label.

        Notes
        -----
        O(n_samples · n_clusters · n_features²) time; 12 bytes of memory per sample, 24 with `trim`.
        """
        return self._labels(self._check(X), self._cuts(p_value, trim, ratio))[1]

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Each cluster's density as a share of all clusters' densities.

        Clusters count alike whatever their size, as in ``predict``, whose choice is the largest.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        proba : ndarray of shape (n_samples, n_clusters_)
            Rows sum to 1.
        """
        return self._matrix(self._check(X), np.zeros(self.n_clusters_), resp=True)

    def score_samples(self, X: Any) -> NDArray[Any]:
        """Log density of each sample under the mixture of the clusters with `weights_`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            In nats.
        """
        X = self._check(X)
        with np.errstate(divide="ignore"):  # a cluster that won no sample
            shares = np.log(self.weights_.astype(np.float64))
        return self._density(X, np.maximum(shares, -1e30), best=False).log_sum

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of :meth:`score_samples`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        score : float
        """
        return float(np.mean(self.score_samples(X), dtype=np.float64))

    def mahalanobis(self, X: Any) -> NDArray[Any]:
        """Mahalanobis distance of each sample to each cluster.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters_)
        """
        return np.sqrt(self._sq_mahalanobis(self._check(X)))

    def p_values(self, X: Any) -> NDArray[Any]:
        """Probability that a sample of a cluster lies as far from its centroid or farther.

        The tail of the chi-square distribution with n_features degrees of freedom at the squared Mahalanobis distance.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        p_values : ndarray of shape (n_samples, n_clusters_)
        """
        X = self._check(X)
        return chdtrc(self.n_features_in_, self._sq_mahalanobis(X)).astype(X.dtype, copy=False)

    def sample(self, n_samples: int = 1, random_state: Any = None) -> tuple[NDArray[Any], NDArray[np.intp]]:
        """Draws samples from the mixture of the clusters with `weights_`.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState, Generator or None, default=None

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Cluster by cluster.
        labels : ndarray of shape (n_samples,), int64
        """
        check_is_fitted(self)
        n_samples = check_int("n_samples", n_samples, 1)
        generator = check_random_generator(random_state)
        shares = self.weights_.astype(np.float64)
        counts = generator.multinomial(n_samples, shares / shares.sum())
        labels = np.repeat(np.arange(self.n_clusters_), counts)
        dtype = self.cluster_centers_.dtype
        # P' y = z for a standard normal z has the covariance (P P')^-1
        normal = generator.normal(size=(n_samples, self.n_features_in_))
        X = np.empty_like(normal)
        for c, rows in _slices(counts):
            factor = self.precisions_cholesky_[c].astype(np.float64)
            X[rows] = np.linalg.solve(factor.T, normal[rows].T).T + self.cluster_centers_[c]
        return X.astype(dtype), labels

    def to_gaussian_mixture(
        self, X: Any = None, sample_weight: ArrayLike | None = None, **params: Any
    ) -> Any:
        """The clusters as a :class:`GaussianMixture`: as they are, or as the start of EM on data.

        EM moves the means and covariances to a maximum of the likelihood, in which clusters that overlap share their
        samples: the step to take after local clustering when clusters touch.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), default=None
            Data to run EM on, starting from these clusters. None: nothing is fitted further.
        sample_weight : array-like of shape (n_samples,), default=None
        **params
            Parameters of :class:`GaussianMixture`, such as ``max_iter``. The number of components and the start are
            given; ``covariance_type`` is "full".

        Returns
        -------
        mixture : GaussianMixture
            Fitted.

        Examples
        --------
        >>> import numpy as np, shoal
        >>> rng = np.random.default_rng(0)
        >>> X = np.concatenate([rng.normal(center, 1, (300, 1)) for center in (0, 4)])
        >>> model = shoal.LocalGaussian(1.8).fit(X)
        >>> mixture = model.to_gaussian_mixture(X)
        >>> bool(mixture.score(X) >= model.score(X))
        True
        """
        import shoal

        check_is_fitted(self)
        factors = self.precisions_cholesky_
        precisions = factors @ factors.transpose(0, 2, 1)
        # a cluster that won no sample would be a component of weight 0, from which EM cannot come back
        shares = np.maximum(self.weights_.astype(np.float64), 1e-10)
        shares = (shares / shares.sum()).astype(factors.dtype)
        mixture = shoal.GaussianMixture(
            self.n_clusters_,
            covariance_type="full",
            weights_init=shares,
            means_init=self.cluster_centers_.copy(),
            precisions_init=precisions,
            **params,
        )
        if X is not None:
            return mixture.fit(X) if sample_weight is None else mixture.fit(X, sample_weight=sample_weight)
        mixture.weights_, mixture.means_ = shares, self.cluster_centers_.copy()
        mixture.covariances_, mixture.precisions_ = self.covariances_.copy(), precisions
        mixture.precisions_cholesky_ = factors.copy()
        mixture.converged_, mixture.n_iter_ = self.converged_, 0
        mixture.lower_bound_ = -np.inf  # of no data
        mixture.n_features_in_ = self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            mixture.feature_names_in_ = self.feature_names_in_.copy()
        return mixture

    # --- what parameters mean --------------------------------------------------------------------------------------

    def _softening(self, n_features: int, paper_exact: bool) -> float:
        if not _is_auto("softening", self.softening):
            value = check_real("softening", self.softening, 0, 1, open_low=True)
            if value == 1:
                raise ValueError("softening must be in (0, 1); got 1")
            return value
        if paper_exact:
            return SOFTENING_OF_PAPER
        return float(max(np.exp(-chdtri(n_features, 1 - HALF_WEIGHT_AT) / 2), 1e-300))

    def _cuts(
        self, p_value: float | None, trim: float | None, ratio: float | None
    ) -> tuple[float, float, float]:
        """The cut-offs in force: arguments, else the estimator's parameters."""
        p_value = _check_share("p_value", self.p_value if p_value is None else p_value)
        trim = _check_share("trim", self.trim if trim is None else trim)
        return p_value, trim, check_real("ratio", self.ratio if ratio is None else ratio, 0, 1, open_low=True)

    def _check(self, X: Any) -> NDArray[Any]:
        check_is_fitted(self)
        checked: NDArray[Any] = check_data(self, X, reset=False)
        return checked

    # --- densities -------------------------------------------------------------------------------------------------

    def _components(self, log_shares: NDArray[np.float64]) -> tuple[Any, ...]:
        return (
            "full",
            self.cluster_centers_.astype(np.float64),
            self.precisions_cholesky_.astype(np.float64).ravel(),
            log_shares,
        )

    def _density(self, X: NDArray[Any], log_shares: NDArray[np.float64], *, best: bool) -> Any:
        components = self._components(log_shares)
        return _core.mixture_density(X, *components, want_log_sum=not best, want_best=best)

    def _matrix(self, X: NDArray[Any], log_shares: NDArray[np.float64], *, resp: bool) -> NDArray[Any]:
        matrix: NDArray[Any] = _core.mixture_matrix(X, *self._components(log_shares), resp=resp)
        return matrix

    def _log_norms(self) -> NDArray[np.float64]:
        """Log of each cluster's density at its centroid."""
        diagonals = self.precisions_cholesky_.diagonal(axis1=1, axis2=2).astype(np.float64)
        norms: NDArray[np.float64] = np.log(diagonals).sum(axis=1) - self.n_features_in_ / 2 * np.log(
            2 * np.pi
        )
        return norms

    def _sq_mahalanobis(self, X: NDArray[Any]) -> NDArray[Any]:
        squares = self._matrix(X, -self._log_norms(), resp=False)  # what is left is -m^2 / 2
        squares *= -2
        return np.maximum(squares, 0, out=squares)

    def _labels(
        self, X: NDArray[Any], cuts: tuple[float, float, float]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Labels without and with the cut-offs."""
        p_value, trim, ratio = cuts
        if p_value == 0 and trim == 0 and ratio == 1:
            own = _core.mixture_labels(X, *self._components(np.zeros(self.n_clusters_))).astype(np.intp)
            return own, own
        found = self._density(X, np.zeros(self.n_clusters_), best=True)
        own = found.labels.astype(np.intp)
        squares = np.maximum(2 * (self._log_norms()[own] - found.best), 0)
        keep = np.ones(len(own), dtype=bool)
        if p_value > 0:
            keep &= chdtrc(self.n_features_in_, squares) >= p_value
        if ratio < 1:
            keep &= found.second.astype(np.float64) - found.best <= np.log(ratio)
        if trim > 0:
            order = np.lexsort(
                (-np.arange(len(own)), -squares, own)
            )  # by cluster, farthest first, later first
            counts = np.bincount(own, minlength=self.n_clusters_)
            for _, rows in _slices(counts):
                keep[order[rows][: int(np.floor(trim * (rows.stop - rows.start) + 1e-9))]] = False
        return own, np.where(keep, own, -1)


def _is_auto(name: str, value: Any) -> bool:
    if isinstance(value, str):
        if value != "auto":
            raise ValueError(f"{name} must be a number or 'auto'; got {shown(value)}")
        return True
    return False


def _check_length(name: str, value: Any) -> float:
    return check_real(name, value, 0, open_low=True)


def _check_share(name: str, value: Any) -> float:
    share = check_real(name, value, 0, 1)
    if share == 1:
        raise ValueError(f"{name} must be in [0, 1); got {value}")
    return share


def _check_resolution(tree: Any, separation: float | None, ridge: float) -> None:
    """Raise ValueError for boxes too small to tell neighbouring numbers apart, or their squares from 0."""
    if separation is None:
        return
    tiny = float(np.finfo(np.float32 if isinstance(tree, _core.RTreeF32) else np.float64).tiny)
    least = max(resolution(tree), (tiny / min(ridge, 1)) ** 0.5)
    if not separation >= least:
        raise ValueError(f"separation must be at least {least:.3g}, the resolution of X; got {separation:g}")


def _least_positive(separation: float, width: float) -> float:
    return min(separation, width) if width > 0 else separation


def _ridge(share: float, separation: float, width: float, dtype: Any) -> float:
    """What is added to every variance."""
    with np.errstate(over="ignore"):
        ridge = float(share * np.square(np.float64(_least_positive(separation, width))))
    if not ridge <= float(np.finfo(dtype).max):
        raise ValueError(
            f"separation={separation:g} is too large for {dtype} where all samples are equal: variances are a "
            "share of its square, which overflows; scale X"
        )
    return ridge


def _weighing(rows: NDArray[Any], weight: NDArray[Any] | None) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Rows and weights without the rows that weigh nothing."""
    if weight is None or weight.min() > 0:
        return rows, weight
    keep = weight > 0
    return np.ascontiguousarray(rows[keep]), weight[keep]


def _unit_of(X: NDArray[Any], weight: NDArray[Any] | None, scale: str | None) -> NDArray[np.float64] | None:
    """What each feature is divided by; 1 for a constant one."""
    if scale is None:
        return None
    if scale == "range":
        rows, _ = _weighing(X, weight)
        unit = rows.max(axis=0).astype(np.float64) - rows.min(axis=0).astype(np.float64)
    else:
        weight = None if weight is None else weight.astype(np.float64)  # sums of float32 would be float32
        mean = X.mean(axis=0, dtype=np.float64) if weight is None else np.average(X, axis=0, weights=weight)
        unit = np.sqrt(np.average(np.square(X - mean, dtype=np.float64), axis=0, weights=weight))
    return np.where(unit > SMALLEST[X.dtype.itemsize], unit, 1.0)


def _in_unit(values: NDArray[np.float64], unit: NDArray[np.float64] | None, dtype: Any) -> NDArray[Any]:
    return (values if unit is None else values * unit).astype(dtype)


def _precisions_cholesky(covariances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Upper triangular P with P P' = inverse(S) for every S, in double: in float32 a flat S would lose its ridge."""
    try:
        lower = np.linalg.cholesky(covariances)
    except np.linalg.LinAlgError:
        raise ValueError(
            "reg_covar is too small: a cluster so much longer than the separation has a covariance that is "
            "singular in double precision; raise reg_covar or separation"
        ) from None
    inverse = np.linalg.solve(lower, np.broadcast_to(np.eye(lower.shape[1]), lower.shape))
    return np.ascontiguousarray(np.triu(inverse.transpose(0, 2, 1)))


def _slices(counts: NDArray[Any]) -> list[tuple[int, slice]]:
    """(c, slice of the c-th of groups side by side) for groups with members."""
    ends = np.cumsum(counts)
    return [
        (c, slice(int(end - n), int(end))) for c, (n, end) in enumerate(zip(counts, ends, strict=True)) if n
    ]


def _warn_of(rest: bool, settled: bool, max_iter: int) -> None:
    if not rest or not settled:
        what = "centroids" if not rest else "covariances"
        warnings.warn(
            f"local Gaussian clustering: {what} did not come to rest in max_iter={max_iter} steps; raise max_iter or "
            "tol",
            ConvergenceWarning,
            stacklevel=3,
        )


def local_gaussian(
    X: Any,
    separation: float | str = "auto",
    *,
    sample_weight: ArrayLike | None = None,
    min_count: float | str = "auto",
    softening: float | str = "auto",
    tol: float = 1e-4,
    max_iter: int = 300,
    collision_distance: float | None = None,
    scale: str | None = None,
    p_value: float = 0.0,
    trim: float = 0.0,
    ratio: float = 1.0,
    reg_covar: float = 1e-6,
    paper_exact: bool = False,
    verbose: int = 0,
) -> LocalGaussianResult:
    """Local Gaussian clustering as a function; parameters, errors, costs and references as in :class:`LocalGaussian`.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    separation : float or "auto", default="auto"
    sample_weight : array-like of shape (n_samples,), default=None
    min_count, softening, tol, max_iter, collision_distance, scale : optional
    p_value, trim, ratio, reg_covar, paper_exact, verbose
        As in :class:`LocalGaussian`.

    Returns
    -------
    result : LocalGaussianResult
        ``centers``, ``covariances``, ``weights``, ``labels``, ``separation``, ``n_iter``, ``converged``.

    Examples
    --------
    >>> import shoal
    >>> X = [[0.0], [0.5], [1.0], [8.0], [8.5], [9.0]]
    >>> shoal.local_gaussian(X, 2.0).labels
    array([0, 0, 0, 1, 1, 1])
    """
    model = LocalGaussian(
        separation,
        min_count=min_count,
        softening=softening,
        tol=tol,
        max_iter=max_iter,
        collision_distance=collision_distance,
        scale=scale,
        p_value=p_value,
        trim=trim,
        ratio=ratio,
        reg_covar=reg_covar,
        paper_exact=paper_exact,
        verbose=verbose,
    ).fit(X, sample_weight=sample_weight)
    return LocalGaussianResult(
        model.cluster_centers_,
        model.covariances_,
        model.weights_,
        model.labels_,
        model.separation_,
        model.n_iter_,
        model.converged_,
    )
