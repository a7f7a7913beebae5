"""Gaussian mixtures fitted by expectation-maximization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal import _core
from shoal.base.checks import (
    check_choice,
    check_data,
    check_int,
    check_random_generator,
    check_real,
    check_weight,
)
from shoal.base.fitting import all_or_nothing
from shoal.mixture.covariances import (
    add_to_diagonal,
    count_of,
    covariances_of,
    factors_of,
    factors_of_precisions,
    given_array,
)
from shoal.mixture.model import (
    STARTS,
    Data,
    MixtureModel,
    Moments,
    check_start_labels,
    total_weight,
    weighted_sum,
)


class GaussianMixtureResult(NamedTuple):
    """What :func:`gaussian_mixture` returns.

    Attributes
    ----------
    labels : ndarray of shape (n_samples,), int64
    weights : ndarray of shape (n_components,)
    means : ndarray of shape (n_components, n_features)
    covariances : ndarray
        Shape by `covariance_type`, as in :class:`GaussianMixture`.
    lower_bound : float
        Mean log density of the samples before the last step, in nats.
    n_iter : int
    converged : bool
        False when `max_iter` ended the run.
    """

    labels: NDArray[np.int64]
    weights: NDArray[Any]
    means: NDArray[Any]
    covariances: NDArray[Any]
    lower_bound: float
    n_iter: int
    converged: bool


@dataclass
class Parameters:
    """A mixture in float64."""

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]
    factors: NDArray[np.float64]


@dataclass
class _Own:
    """The checked parameters that only this class has."""

    weights: NDArray[np.float64] | None
    means: NDArray[np.float64] | None
    factors: NDArray[np.float64] | None
    labels: NDArray[np.int32] | None


class GaussianMixture(MixtureModel):
    """Gaussian mixture fitted by expectation-maximization (EM).

    Maximises the weighted log-likelihood of the samples under a mixture of `n_components` Gaussians [1]_ [2]_. With
    ``reg_covar=0`` it never falls from one step to the next. Parameters, attributes and results are
    scikit-learn's; `labels_init`, `step_exponent`, ``sample_weight``, :meth:`icl`, :meth:`select` and
    :meth:`partial_fit` are additions.

    Parameters
    ----------
    n_components : int, default=1
        Number of components, at most the number of samples.
    covariance_type : {"full", "tied", "diag", "spherical"}, default="full"
        A covariance matrix per component, one for all, a diagonal one per component, or one variance per component.
    tol : float, default=1e-3
        Stop when the mean log density changes by less than this from one step to the next, in nats.
    reg_covar : float, default=1e-6
        Added to all variances.
    max_iter : int, default=100
        Steps per start, at most. 0 keeps the start.
    n_init : int, default=1
        Number of starts; the fit with the largest lower bound is kept, the earliest of equals.
    init_params : {"kmeans", "k-means++", "random", "random_from_data", "from_labels"}, default="kmeans"
        The start: clusters of :class:`shoal.KMeans`; single samples drawn by k-means++; random responsibilities
        (this one keeps n_samples x n_components values); single samples drawn at random, by weight; or the
        groups of given labels.
    weights_init : array-like of shape (n_components,), default=None
        Weights of the start, in place of those of `init_params`; they sum to one.
    means_init : array-like of shape (n_components, n_features), default=None
        Means of the start, in place of those of `init_params`.
    precisions_init : array-like, default=None
        Inverse covariances of the start, in place of those of `init_params`; the shape is that of ``precisions_``.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the starts and of :meth:`sample`. An int gives the same result every time, on any number of threads.
    warm_start : bool, default=False
        Start from the last fit.
    verbose : int, default=0
        1 shows a progress bar.
    verbose_interval : int, default=10
        Accepted for compatibility; the bar keeps its own time.
    labels_init : array-like of shape (n_samples,), default=None
        Labels for ``init_params="from_labels"``; when None, the `y` of :meth:`fit`. There must be `n_components`
        different ones, which become components in their order; samples with negative labels (noise) belong to none
        and take part from the first step on.
    step_exponent : float, default=0.6
        In :meth:`partial_fit`, batch t has step size ``t ** -step_exponent``. In (0.5, 1]; 1 weighs all
        batches alike, smaller values forget early ones sooner.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
        Sum to one. All parameters have the dtype of the data.
    means_ : ndarray of shape (n_components, n_features)
    covariances_ : ndarray
        Shape (n_components, n_features, n_features) for full, (n_features, n_features) for tied, (n_components,
        n_features) for diag, (n_components,) for spherical.
    precisions_ : ndarray
        Inverse covariances, same shape.
    precisions_cholesky_ : ndarray
        Upper triangular P with P P' the precision (diag and spherical: reciprocal standard deviations), same shape.
    converged_ : bool
        False when `max_iter` ended the fit.
    n_iter_ : int
        Steps of the fit that was kept; after :meth:`partial_fit`, the number of batches, of which a fit before them
        is the first.
    lower_bound_ : float
        Mean log density of the samples before the last step, in nats.
    lower_bounds_ : ndarray of shape (n_iter_,), float64
        That of every step.
    labels_ : ndarray of shape (n_samples,), int64
        Exactly ``predict(X)``; after :meth:`partial_fit`, those of the last batch.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only when X has string column names.

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter, or the offending row and column, in the message; when a
        covariance becomes singular, with the component.

    Warns
    -----
    ConvergenceWarning
        When `max_iter` ended the fit.

    Notes
    -----
    Time per step O(n_samples · n_components · n_features²) for full, O(n_samples · n_features · (n_features +
    n_components)) for tied, O(n_samples · n_components · n_features) for diag and spherical. Memory beyond the data:
    O(n_components · n_features²) numbers and a block of samples per thread; responsibilities are kept for one
    block at a time. Starts take 12 bytes per sample.

    A row of weight w acts as w copies of it; weights of 0 move nothing. float32 data are worked on in float32 and
    summed in float64; components narrower than 1e-4 of the distances between them need float64.

    A tie between components goes to the smaller label. For the single samples of "k-means++" and
    "random_from_data", the start of a tied covariance is taken about the mean of the data, so that it moves
    with them (scikit-learn takes it about 0).

    References
    ----------
    .. [1] A. P. Dempster, N. M. Laird and D. B. Rubin, "Maximum likelihood from incomplete data via the EM
       algorithm", J. R. Stat. Soc. B 39(1), 1-38, 1977.
    .. [2] G. McLachlan and D. Peel, "Finite Mixture Models", Wiley, 2000.
    .. [3] C. Biernacki, G. Celeux and G. Govaert, "Assessing a mixture model for clustering with the integrated
       completed likelihood", IEEE Trans. PAMI 22(7), 719-725, 2000.
    .. [4] O. Cappé and E. Moulines, "On-line expectation-maximization algorithm for latent data models",
       J. R. Stat. Soc. B 71(3), 593-613, 2009.

    Examples
    --------
    >>> import shoal
    >>> X = [[1.0, 2.0], [1.0, 4.0], [1.0, 0.0], [10.0, 2.0], [10.0, 4.0], [10.0, 0.0]]
    >>> model = shoal.GaussianMixture(n_components=2, random_state=0).fit(X)
    >>> sorted(model.means_.round(6).tolist())
    [[1.0, 2.0], [10.0, 2.0]]
    >>> model.weights_.round(6).tolist()
    [0.5, 0.5]
    >>> bool(model.predict([[0.0, 0.0]])[0] == model.predict([[1.0, 4.0]])[0])
    True
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        max_iter: int = 100,
        n_init: int = 1,
        init_params: str = "kmeans",
        weights_init: Any = None,
        means_init: Any = None,
        precisions_init: Any = None,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
        labels_init: Any = None,
        step_exponent: float = 0.6,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval
        self.labels_init = labels_init
        self.step_exponent = step_exponent

    @all_or_nothing
    def partial_fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> GaussianMixture:
        """One step of stepwise EM on a batch of a stream.

        With s the moments behind the parameters and s' those of batch t under the responsibilities of the
        current mixture, each scaled to total weight 1, the step is ``s + gamma (s' - s)`` with
        ``gamma = t ** -step_exponent``. The first batch is given one EM step from its start; a fit counts
        as the first batch. Moments have no `reg_covar` in them: that of the call is added to what they give.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            In the first call at least `n_components` samples and 2.
        y : array-like of shape (n_samples,), default=None
            As in :meth:`fit`; only the first call can use it.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights within the batch; batches weigh the same whatever their weights and sizes.

        Returns
        -------
        self : GaussianMixture
            ``lower_bounds_`` has the mean log density of each batch before its step, and ``lower_bound_`` the last
            of them; the entry of a fit is its ``lower_bound_``.
        """
        first = not hasattr(self, "means_")
        exponent = check_real("step_exponent", self.step_exponent, 0.5, 1.0, open_low=True)
        if first:
            data = self._data(check_data(self, X), sample_weight)
            own = self._check_own(data, y)
            parameters = self._start(data, own, check_random_generator(self.random_state))
        else:
            X = self._check_data(X)
            covariance_type = check_choice(
                "covariance_type", self.covariance_type, ("full", "tied", "diag", "spherical")
            )
            n_components = check_int("n_components", self.n_components, *self.means_.shape[:1] * 2)
            data = Data(X, check_weight(sample_weight, X), covariance_type, n_components)
            parameters = self._fitted()
        moments = data.step(parameters.means, parameters.factors, self._log_weight(parameters))
        bound = self._bound(moments, parameters, data)
        n_batches = 1
        bounds = np.array([bound])
        if not first:
            bounds = np.append(self.lower_bounds_ if hasattr(self, "_stream") else self.lower_bound_, bound)
            stream = getattr(self, "_stream", None)
            if stream is None or stream["means"].shape != self.means_.shape:
                stream = {
                    "n_batches": 1,
                    "weight": self.weights_.astype(np.float64),
                    "means": parameters.means,
                    "covariances": add_to_diagonal(
                        parameters.covariances,
                        self.covariance_type,
                        -getattr(self, "_reg_covar", self.reg_covar),
                    ),
                }
            n_batches = stream["n_batches"] + 1
            moments = _mix(stream, moments, n_batches**-exponent, self.covariance_type)
        weight = moments.weight / moments.weight.sum()
        stream = {
            "n_batches": n_batches,
            "weight": weight,
            "means": moments.means,
            "covariances": moments.covariances,
        }
        self._store(self._maximize(moments, None), data.X.dtype, None)
        self._stream = stream
        self.converged_, self.n_iter_, self.lower_bound_, self.lower_bounds_ = False, n_batches, bound, bounds
        self.labels_ = self._labels(data.X)
        return self

    def bic(self, X: Any, sample_weight: ArrayLike | None = None) -> float:
        """Bayesian information criterion (lower is better): ``-2 L + p log n``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        sample_weight : array-like of shape (n_samples,), default=None
            L is the weighted sum of log densities, n the sum of weights; p is the number of free parameters.

        Returns
        -------
        bic : float
        """
        return self._criteria(X, sample_weight)[1]

    def aic(self, X: Any, sample_weight: ArrayLike | None = None) -> float:
        """Akaike information criterion (lower is better): ``-2 L + 2 p``; terms as in :meth:`bic`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        aic : float
        """
        return self._criteria(X, sample_weight)[2]

    def icl(self, X: Any, sample_weight: ArrayLike | None = None) -> float:
        """Integrated completed likelihood (lower is better): the BIC of samples that say whose they are.

        ``bic - 2 sum w log r``, r the responsibility of the sample's most probable component. It is never below
        the BIC, and prefers components that do not overlap.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        icl : float
        """
        return self._criteria(X, sample_weight)[3]

    @classmethod
    def select(cls, X: Any, n_components: Any = range(1, 11), **parameters: Any) -> Any:
        """Fit a mixture for every number of components and covariance type and keep the best by a criterion.

        Shorthand for :func:`shoal.select_gaussian_mixture`, which has the parameters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        n_components : iterable of int, default=range(1, 11)
        **parameters
            As in :func:`shoal.select_gaussian_mixture`.

        Returns
        -------
        selection : MixtureSelection
        """
        from shoal.mixture.selection import select_gaussian_mixture

        return select_gaussian_mixture(X, n_components, **parameters)

    def _criteria(self, X: Any, sample_weight: ArrayLike | None) -> tuple[float, float, float, float]:
        """Weighted log-likelihood, BIC, AIC and ICL, in one pass."""
        X = self._check_data(X)
        weight = check_weight(sample_weight, X)
        run = _core.mixture_density(X, *self._components())
        log_likelihood = weighted_sum(run.log_sum, weight)
        log_resp = min(0.0, weighted_sum(run.best - run.log_sum, weight))  # rounding may take it above 0
        count = self._count(X.shape[1])
        bic = -2 * log_likelihood + count * float(np.log(total_weight(X, weight)))
        return log_likelihood, bic, -2 * log_likelihood + 2 * count, bic - 2 * log_resp

    def _count(self, n_features: int) -> int:
        """Free parameters."""
        k = int(self.n_components)
        return count_of(self.covariance_type, k, n_features) + k * n_features + k - 1

    def _check_own(self, data: Data, y: Any) -> _Own:
        k, d = data.n_components, data.X.shape[1]
        check_choice("init_params", self.init_params, (*STARTS, "from_labels"))
        check_real("step_exponent", self.step_exponent, 0.5, 1.0, open_low=True)
        weights = means = factors = labels = None
        if self.weights_init is not None:
            weights = given_array(self.weights_init, "weights_init", (k,))
            if not ((weights >= 0).all() and abs(weights.sum() - 1) < 1e-6):
                raise ValueError(
                    f"weights_init must be >= 0 and sum to 1; got a sum of {weights.sum():g} and a minimum of "
                    f"{weights.min():g}"
                )
        if self.means_init is not None:
            means = given_array(self.means_init, "means_init", (k, d))
        if self.precisions_init is not None:
            factors = factors_of_precisions(self.precisions_init, data.covariance_type, k, d)
        labels_wanted = self.init_params == "from_labels" and (
            weights is None or means is None or factors is None
        )
        given = y if self.labels_init is None and labels_wanted else self.labels_init
        if given is not None:
            labels = check_start_labels(given, data.X.shape[0], k)
        elif labels_wanted:
            raise ValueError(
                "init_params='from_labels' must come with labels_init, or labels as y; got neither"
            )
        return _Own(weights, means, factors, labels)

    def _start(self, data: Data, own: _Own, state: Any) -> Parameters:
        weights, means, factors = own.weights, own.means, own.factors
        covariances = None if factors is None else covariances_of(factors, data.covariance_type)
        if weights is None or means is None or factors is None:
            moments = self._start_moments(
                data, state, own.labels if self.init_params == "from_labels" else None
            )
            if covariances is None or factors is None:
                covariances = add_to_diagonal(moments.covariances, data.covariance_type, self.reg_covar)
                factors = factors_of(
                    covariances, data.covariance_type, data.n_components, data.X.shape[1], self.reg_covar
                )
            means = moments.means if means is None else means
            weights = moments.weight / moments.weight.sum() if weights is None else weights
        assert covariances is not None
        return Parameters(weights, means, covariances, factors)

    def _maximize(self, moments: Moments, own: Any) -> Parameters:
        k, d = moments.means.shape
        covariances = add_to_diagonal(moments.covariances, self.covariance_type, self.reg_covar)
        factors = factors_of(covariances, self.covariance_type, k, d, self.reg_covar)
        return Parameters(moments.weight / moments.weight.sum(), moments.means, covariances, factors)

    def _log_weight(self, parameters: Parameters) -> NDArray[np.float64]:
        with np.errstate(divide="ignore"):  # a component of weight 0 takes no sample
            return np.log(parameters.weights)

    def _bound(self, moments: Moments, parameters: Parameters, data: Data) -> float:
        return moments.log_likelihood / data.total_weight

    def _fitted(self) -> Parameters:
        return Parameters(
            self.weights_.astype(np.float64),
            self.means_.astype(np.float64),
            self.covariances_.astype(np.float64),
            self.precisions_cholesky_.astype(np.float64),
        )

    def _store(self, parameters: Parameters, dtype: Any, own: Any) -> None:
        self.weights_ = parameters.weights.astype(dtype)
        self._store_gaussians(parameters, dtype)
        self._reg_covar = float(self.reg_covar)  # what these covariances have in them
        if hasattr(self, "_stream"):
            del self._stream


def _mix(old: Any, new: Moments, step: float, covariance_type: str) -> Moments:
    """``(1 - step) old + step new`` of two sets of moments, each of total weight 1."""
    a = (1 - step) * old["weight"]
    b = step * new.weight / new.weight.sum()
    weight = a + b
    delta = new.means - old["means"]
    means = old["means"] + (b / weight)[:, None] * delta
    between = a * b / weight  # what the distance of two means adds to the second moments
    if covariance_type == "tied":
        covariances = (1 - step) * old["covariances"] + step * new.covariances + (between * delta.T) @ delta
        return new._replace(weight=weight, means=means, covariances=covariances)
    apart = {
        "full": lambda: delta[:, :, None] * delta[:, None, :],
        "diag": lambda: delta**2,
        "spherical": lambda: (delta**2).mean(axis=1),
    }[covariance_type]()

    def per_component(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return (values / weight).reshape((-1,) + (1,) * (apart.ndim - 1))

    covariances = (
        per_component(a) * old["covariances"]
        + per_component(b) * new.covariances
        + per_component(between) * apart
    )
    return new._replace(weight=weight, means=means, covariances=covariances)


def gaussian_mixture(
    X: Any,
    n_components: int,
    *,
    sample_weight: ArrayLike | None = None,
    covariance_type: str = "full",
    tol: float = 1e-3,
    reg_covar: float = 1e-6,
    max_iter: int = 100,
    n_init: int = 1,
    init_params: str = "kmeans",
    weights_init: Any = None,
    means_init: Any = None,
    precisions_init: Any = None,
    labels_init: Any = None,
    random_state: Any = None,
    verbose: int = 0,
) -> GaussianMixtureResult:
    """Gaussian mixture by EM as a function; parameters, errors, costs and references as in :class:`GaussianMixture`.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    n_components : int
    sample_weight : array-like of shape (n_samples,), default=None
    covariance_type, tol, reg_covar, max_iter, n_init, init_params, weights_init, means_init, precisions_init
        As in :class:`GaussianMixture`.
    labels_init, random_state, verbose
        As in :class:`GaussianMixture`.

    Returns
    -------
    result : GaussianMixtureResult
        ``labels``, ``weights``, ``means``, ``covariances``, ``lower_bound``, ``n_iter``, ``converged``.

    Examples
    --------
    >>> import shoal
    >>> X = [[1.0, 2.0], [1.0, 4.0], [1.0, 0.0], [10.0, 2.0], [10.0, 4.0], [10.0, 0.0]]
    >>> result = shoal.gaussian_mixture(X, 2, covariance_type="diag", random_state=0)
    >>> result.converged
    True
    >>> sorted(result.means.round(6).tolist())
    [[1.0, 2.0], [10.0, 2.0]]
    """
    model = GaussianMixture(
        n_components,
        covariance_type=covariance_type,
        tol=tol,
        reg_covar=reg_covar,
        max_iter=max_iter,
        n_init=n_init,
        init_params=init_params,
        weights_init=weights_init,
        means_init=means_init,
        precisions_init=precisions_init,
        labels_init=labels_init,
        random_state=random_state,
        verbose=verbose,
    )
    model.fit(X, sample_weight=sample_weight)
    return GaussianMixtureResult(
        model.labels_,
        model.weights_,
        model.means_,
        model.covariances_,
        model.lower_bound_,
        model.n_iter_,
        model.converged_,
    )
