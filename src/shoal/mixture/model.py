"""What Gaussian mixtures share, whether fitted by EM or by variational inference: the loop over steps, starts,
densities, labels, samples.

A step is one pass of the kernel over the data (``_core.mixture_step``), which takes responsibilities and moments
together; from the moments the class at hand makes new parameters, in float64.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.exceptions import ConvergenceWarning

from shoal import _core
from shoal.base.checks import (
    check_bool,
    check_choice,
    check_data,
    check_finite,
    check_int,
    check_labels,
    check_random_generator,
    check_real,
    check_verbose,
    check_weight,
)
from shoal.base.fitting import all_or_nothing, check_fitted
from shoal.base.progress import progress
from shoal.centroid.kmeans import KMeans
from shoal.centroid.seeding import kmeans_plusplus
from shoal.mixture.covariances import COVARIANCE_TYPES, precisions_of, shape_of

STARTS = ("kmeans", "k-means++", "random", "random_from_data")


class Moments(NamedTuple):
    """Weighted moments of the samples under responsibilities, float64; covariances are about the means and have
    nothing added."""

    weight: NDArray[np.float64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]
    log_likelihood: float
    entropy: float


@dataclass
class Data:
    """Checked data with what every step over them needs."""

    X: NDArray[Any]
    weight: NDArray[Any] | None
    covariance_type: str
    n_components: int
    scatter: tuple[float, NDArray[np.float64], NDArray[np.float64]] | None = None

    def __post_init__(self) -> None:
        if self.covariance_type == "tied":
            self.scatter = scatter_of(self.X, self.weight)

    @property
    def total_weight(self) -> float:
        return total_weight(self.X, self.weight)

    def step(
        self, means: NDArray[np.float64], factors: NDArray[np.float64], log_weight: NDArray[np.float64]
    ) -> Moments:
        """Moments under the responsibilities of these components."""
        return self._moments(
            _core.mixture_step(
                self.X, self.weight, self.covariance_type, means, factors.ravel(), log_weight, self.scatter
            )
        )

    def of_labels(self, labels: NDArray[np.int32]) -> Moments:
        """Moments of the samples of each label, -1 left out."""
        return self._moments(
            _core.mixture_moments(
                self.X, self.weight, labels, self.n_components, self.covariance_type, self.scatter
            )
        )

    def of_rows(self, rows: NDArray[np.intp]) -> Moments:
        """Moments of components that hold one row each, all of weight 1."""
        labels = np.full(self.X.shape[0], -1, dtype=np.int32)
        labels[rows] = np.arange(self.n_components)
        return self._moments(
            _core.mixture_moments(self.X, None, labels, self.n_components, self.covariance_type, self.scatter)
        )

    def of_resp(self, resp: NDArray[Any]) -> Moments:
        """Moments under given responsibilities."""
        return self._moments(
            _core.mixture_moments(self.X, self.weight, resp, self.covariance_type, self.scatter)
        )

    def _moments(self, run: Any) -> Moments:
        shape = shape_of(self.covariance_type, self.n_components, self.X.shape[1])
        return Moments(run.weight, run.means, run.covariances.reshape(shape), run.log_likelihood, run.entropy)


def scatter_of(
    X: NDArray[Any], weight: NDArray[Any] | None
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Total weight, mean and flat d x d second moments about the mean."""
    run = _core.mixture_scatter(X, weight)
    return run.weight, run.mean, run.second


def total_weight(X: NDArray[Any], weight: NDArray[Any] | None) -> float:
    return float(X.shape[0]) if weight is None else float(weight.sum(dtype=np.float64))


class MixtureModel(DensityMixin, BaseEstimator):
    """What a Gaussian mixture can do; see :class:`shoal.GaussianMixture`."""

    n_components: int
    covariance_type: str
    tol: float
    reg_covar: float
    max_iter: int
    n_init: int
    init_params: str
    random_state: Any
    warm_start: bool
    verbose: int
    verbose_interval: int
    _read_after_fit: tuple[str, ...] = ("covariance_type",)

    weights_: NDArray[Any]
    means_: NDArray[Any]
    covariances_: NDArray[Any]
    precisions_: NDArray[Any]
    precisions_cholesky_: NDArray[Any]
    converged_: bool
    n_iter_: int
    lower_bound_: float
    lower_bounds_: NDArray[np.float64]
    labels_: NDArray[np.int64]

    # --- what a class says of itself ---------------------------------------------------------------------------

    @abstractmethod
    def _check_own(self, data: Data, y: Any) -> Any:
        """What the class's own parameters come to, for the functions below."""

    @abstractmethod
    def _start(self, data: Data, own: Any, state: Any) -> Any:
        """Parameters before the first step."""

    @abstractmethod
    def _maximize(self, moments: Moments, own: Any) -> Any:
        """Parameters from moments."""

    @abstractmethod
    def _log_weight(self, parameters: Any) -> NDArray[np.float64]:
        """What is added to each component's Gaussian log density."""

    @abstractmethod
    def _bound(self, moments: Moments, parameters: Any, data: Data) -> float:
        """The lower bound: from the moments of a step and the parameters made from them."""

    @abstractmethod
    def _fitted(self) -> Any:
        """Parameters from the attributes of a fitted model."""

    @abstractmethod
    def _store(self, parameters: Any, dtype: Any, own: Any) -> None:
        """Attributes from parameters."""

    # --- fitting -------------------------------------------------------------------------------------------------

    @all_or_nothing
    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Any:
        """Fit the mixture, from `n_init` starts, and keep the fit with the largest lower bound.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            float32 stays float32, everything else becomes float64; C-contiguous data are not copied.
        y : array-like of shape (n_samples,), default=None
            Ignored but for ``init_params="from_labels"``, where it may give the labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all zero. A row of weight w counts as w copies of it.

        Returns
        -------
        self
        """
        data = self._data(check_data(self, X), sample_weight)
        max_iter = check_int("max_iter", self.max_iter, 0)
        tol = check_real("tol", self.tol, 0.0)
        n_init = check_int("n_init", self.n_init, 1)
        own = self._check_own(data, y)
        state = check_random_generator(self.random_state)
        goes_on = self.warm_start and hasattr(self, "converged_")
        if goes_on:
            check_fitted(self)
        if goes_on and self.means_.shape != (data.n_components, data.X.shape[1]):
            raise ValueError(
                f"warm_start must go on with the shape of the fit before, {self.means_.shape} means; "
                f"got {(data.n_components, data.X.shape[1])}"
            )
        best: Any = None
        with progress(check_verbose(self.verbose), type(self).__name__) as report:
            for start in range(1 if goes_on else n_init):
                title = f"start {start + 1} of {n_init}"
                parameters = self._fitted() if goes_on else self._start(data, own, state)
                bounds: list[float] = []
                bound, converged = self.lower_bound_ if goes_on else -np.inf, False
                for n_iter in range(1, max_iter + 1):
                    moments = data.step(parameters.means, parameters.factors, self._log_weight(parameters))
                    parameters = self._maximize(moments, own)
                    before, bound = bound, self._bound(moments, parameters, data)
                    bounds.append(bound)
                    converged = abs(bound - before) < tol
                    if report:
                        report(title, n_iter, n_iter if converged else max_iter)
                    if converged:
                        break
                if best is None or bound > best[1]:
                    best = (parameters, bound, converged, bounds)
        parameters, bound, converged, bounds = best
        if not converged and max_iter > 0:
            warnings.warn(
                f"{type(self).__name__} did not converge in max_iter={max_iter} steps; raise max_iter or tol, "
                "or try another start",
                ConvergenceWarning,
                stacklevel=3,
            )
        self._store(parameters, data.X.dtype, own)
        self.converged_, self.n_iter_ = converged, len(bounds)
        self.lower_bound_, self.lower_bounds_ = bound, np.array(bounds)
        self.labels_ = self._labels(data.X)
        return self

    @all_or_nothing
    def fit_predict(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> NDArray[np.int64]:
        """Fit and return ``labels_``; parameters as in ``fit``."""
        return self.fit(X, y, sample_weight=sample_weight).labels_

    def _data(self, X: NDArray[Any], sample_weight: ArrayLike | None) -> Data:
        """X with its weights and what the parameters all mixtures have say about it."""
        if X.shape[0] < 2:
            raise ValueError(f"X must have at least 2 samples; got n_samples={X.shape[0]}")
        weight = check_weight(sample_weight, X)
        covariance_type = check_choice("covariance_type", self.covariance_type, COVARIANCE_TYPES)
        n_components = check_int("n_components", self.n_components, 1, X.shape[0], "n_samples")
        check_real("reg_covar", self.reg_covar, 0.0)
        check_int("verbose_interval", self.verbose_interval, 1)
        check_bool("warm_start", self.warm_start)
        return Data(X, weight, covariance_type, n_components)

    def _start_moments(self, data: Data, state: Any, labels: NDArray[np.int32] | None = None) -> Moments:
        """Moments of the start that `init_params` names."""
        X, weight, k = data.X, data.weight, data.n_components
        if labels is not None:
            return data.of_labels(labels)
        if self.init_params == "kmeans":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # any partition is a start
                kmeans = KMeans(k, n_init=1, random_state=state).fit(X, sample_weight=weight)
            return data.of_labels(kmeans.labels_)
        if self.init_params == "k-means++":
            return data.of_rows(kmeans_plusplus(X, k, sample_weight=weight, random_state=state).indices)
        if self.init_params == "random_from_data":
            share = None
            if weight is not None:
                heavy = int((weight > 0).sum())
                if heavy < k:
                    raise ValueError(
                        f"n_components must be in [1, {heavy}], the samples of positive weight, for "
                        f"init_params='random_from_data'; got {k}"
                    )
                share = weight.astype(np.float64) / weight.sum(dtype=np.float64)
            return data.of_rows(state.choice(X.shape[0], size=k, replace=False, p=share))
        resp = state.uniform(size=(X.shape[0], k)).astype(X.dtype)
        resp /= resp.sum(axis=1)[:, None]
        return data.of_resp(resp)

    # --- a fitted model ------------------------------------------------------------------------------------------

    def predict(self, X: Any) -> NDArray[np.int64]:
        """The component of the largest responsibility.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        labels : ndarray of shape (n_samples,), int64
            A tie goes to the smaller label.
        """
        return self._labels(self._check_data(X))

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Responsibilities: each component's share in the density at each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        resp : ndarray of shape (n_samples, n_components)
            Rows sum to one.
        """
        X = self._check_data(X)
        return _core.mixture_matrix(X, *self._components(), resp=True)

    def score_samples(self, X: Any) -> NDArray[Any]:
        """Log density of the mixture at each sample, in nats.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
        """
        X = self._check_data(X)
        return _core.mixture_density(X, *self._components(), want_best=False).log_sum

    def score(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Mean log density of the samples, in nats.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None
            The mean is weighted.

        Returns
        -------
        score : float
        """
        X = self._check_data(X)
        weight = check_weight(sample_weight, X)
        log_density = _core.mixture_density(X, *self._components(), want_best=False).log_sum
        return weighted_sum(log_density, weight) / total_weight(X, weight)

    def sample(self, n_samples: int = 1) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Draw from the mixture; the numbers are those scikit-learn draws from the same parameters and seed.

        Parameters
        ----------
        n_samples : int, default=1

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Dtype of the means, in order of components.
        y : ndarray of shape (n_samples,), int64
            The component of each.
        """
        check_fitted(self)
        n_samples = check_int("n_samples", n_samples, 1)
        state = check_random_generator(self.random_state)
        k, d = self.means_.shape
        weights = self.weights_.astype(np.float64)
        counts = state.multinomial(n_samples, weights / weights.sum())
        means, covariances = self.means_.astype(np.float64), self.covariances_.astype(np.float64)
        rows = []
        for c in range(k):
            if self.covariance_type in ("full", "tied"):
                covariance = covariances[c] if self.covariance_type == "full" else covariances
                rows.append(state.multivariate_normal(means[c], covariance, int(counts[c])))
            else:
                rows.append(means[c] + state.standard_normal(size=(counts[c], d)) * np.sqrt(covariances[c]))
        return np.vstack(rows).astype(self.means_.dtype), np.repeat(np.arange(k, dtype=np.int64), counts)

    def _labels(self, X: NDArray[Any]) -> NDArray[np.int64]:
        return _core.mixture_labels(X, *self._components()).astype(np.int64)

    def _check_data(self, X: Any) -> NDArray[Any]:
        """X in the dtype of the model."""
        check_fitted(self)
        X = check_data(self, X, reset=False)
        if X.dtype != self.means_.dtype:
            with np.errstate(over="ignore"):  # what overflows is refused, with its place
                X = X.astype(self.means_.dtype)
            check_finite(X, type(self).__name__)
        return X

    def _components(self) -> tuple[str, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """The fitted components as the kernels take them."""
        parameters = self._fitted()
        return (
            self.covariance_type,
            parameters.means,
            parameters.factors.ravel(),
            self._log_weight(parameters),
        )

    def _store_gaussians(self, parameters: Any, dtype: Any) -> None:
        """What every mixture keeps of its components."""
        self.means_ = parameters.means.astype(dtype)
        self.covariances_ = parameters.covariances.astype(dtype)
        self.precisions_cholesky_ = parameters.factors.astype(dtype)
        self.precisions_ = precisions_of(parameters.factors, self.covariance_type).astype(dtype)


def weighted_sum(values: NDArray[Any], weight: NDArray[Any] | None) -> float:
    """The sum in float64, in the order of the samples' blocks: the same on any number of threads."""
    wide = values.astype(np.float64)
    if weight is not None:
        wide *= weight
    return float(wide.sum())


def check_start_labels(labels: Any, n_samples: int, n_components: int) -> NDArray[np.int32]:
    """Labels of a start as components 0, 1, ... in their order; negative numbers are samples of no component."""
    array = check_labels(labels, "labels_init", n_samples)
    outside = array < 0 if array.dtype.kind in "if" else np.zeros(n_samples, dtype=bool)
    names, place = np.unique(array[~outside], return_inverse=True)
    if names.size != n_components:
        raise ValueError(
            f"labels_init must hold n_components={n_components} different labels, negative ones not counted; "
            f"got {names.size}"
        )
    start = np.full(n_samples, -1, dtype=np.int32)
    start[~outside] = place
    return start
