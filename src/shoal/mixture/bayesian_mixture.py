"""Gaussian mixtures fitted by variational inference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, digamma, gammaln

from shoal.base.checks import check_choice, check_real
from shoal.mixture.covariances import add_to_diagonal, factors_of, given_array
from shoal.mixture.model import STARTS, Data, MixtureModel, Moments, scatter_of

PRIOR_TYPES = ("dirichlet_process", "dirichlet_distribution")


@dataclass
class Posterior:
    """The variational posterior in float64: Dirichlet or stick-breaking weights, Gauss-Wishart components."""

    concentration: NDArray[np.float64]
    mean_precision: NDArray[np.float64]
    means: NDArray[np.float64]
    degrees_of_freedom: NDArray[np.float64]  # (n_components,), or () for tied
    covariances: NDArray[np.float64]
    factors: NDArray[np.float64]


@dataclass
class _Priors:
    concentration: float
    mean_precision: float
    mean: NDArray[np.float64]
    degrees_of_freedom: float
    covariance: NDArray[np.float64]


class BayesianGaussianMixture(MixtureModel):
    """Gaussian mixture by variational inference: components that the data do not need lose their weight.

    Approximates the posterior of weights, means and covariances by a factorised one [1]_, with a Dirichlet prior or
    a truncated Dirichlet process [2]_ on the weights. Parameters, attributes and results are scikit-learn's;
    ``sample_weight`` and ``labels_`` are additions.

    Parameters
    ----------
    n_components : int, default=1
        Number of components at most; those that are not needed end with a weight near 0.
    covariance_type : {"full", "tied", "diag", "spherical"}, default="full"
        As in :class:`GaussianMixture`.
    tol : float, default=1e-3
        Stop when the lower bound changes by less than this from one step to the next.
    reg_covar : float, default=1e-6
        Added to all variances.
    max_iter : int, default=100
        Steps per start, at most. 0 keeps the start.
    n_init : int, default=1
        Number of starts; the fit with the largest lower bound is kept, the earliest of equals.
    init_params : {"kmeans", "k-means++", "random", "random_from_data"}, default="kmeans"
        As in :class:`GaussianMixture`.
    weight_concentration_prior_type : {"dirichlet_process", "dirichlet_distribution"}, default="dirichlet_process"
        Prior of the weights: a Dirichlet process, truncated to `n_components`, or a Dirichlet distribution.
    weight_concentration_prior : float, default=None
        Concentration of the prior of the weights; the smaller, the fewer components. None is ``1 / n_components``.
    mean_precision_prior : float, default=None
        How many samples the prior of the means is worth. None is 1.
    mean_prior : array-like of shape (n_features,), default=None
        Centre of the prior of the means. None is the weighted mean of X.
    degrees_of_freedom_prior : float, default=None
        Of the Wishart prior of the precisions, above ``n_features - 1``. None is `n_features`.
    covariance_prior : float or array-like, default=None
        Scale of the prior of the covariances: shape (n_features, n_features) for full and tied, (n_features,) for
        diag, a number for spherical. None is the (weighted) covariance of X.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the starts and of :meth:`sample`.
    warm_start : bool, default=False
        Start from the last fit.
    verbose : int, default=0
        1 shows a progress bar.
    verbose_interval : int, default=10
        Accepted for compatibility; the bar keeps its own time.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
        Expected weights; sum to one. All parameters have the dtype of the data.
    means_ : ndarray of shape (n_components, n_features)
    covariances_, precisions_, precisions_cholesky_ : ndarray
        As in :class:`GaussianMixture`.
    converged_ : bool
        False when `max_iter` ended the fit.
    n_iter_ : int
        Steps of the fit that was kept.
    lower_bound_ : float
        Lower bound of the evidence after the last step, in nats, up to terms that do not change.
    lower_bounds_ : ndarray of shape (n_iter_,), float64
        That of every step.
    labels_ : ndarray of shape (n_samples,), int64
        Exactly ``predict(X)``.
    weight_concentration_ : ndarray of shape (n_components,) or (2, n_components)
        Dirichlet parameters, or the two rows of beta parameters of the Dirichlet process.
    mean_precision_ : ndarray of shape (n_components,)
    degrees_of_freedom_ : ndarray of shape (n_components,), or float for tied
    weight_concentration_prior_, mean_precision_prior_, degrees_of_freedom_prior_ : float
    mean_prior_ : ndarray of shape (n_features,)
    covariance_prior_ : ndarray, or float for spherical
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
        When `max_iter` ended the fit.

    Notes
    -----
    Costs as in :class:`GaussianMixture`. Sample weights act as counts: a row of weight w is w copies of it, so the
    scale of the weights matters beside the priors.

    References
    ----------
    .. [1] H. Attias, "A variational Bayesian framework for graphical models", NIPS 12, 209-215, 2000; C. M. Bishop,
       "Pattern Recognition and Machine Learning", section 10.2, 2006.
    .. [2] D. M. Blei and M. I. Jordan, "Variational inference for Dirichlet process mixtures", Bayesian Analysis
       1(1), 121-144, 2006.

    Examples
    --------
    >>> import numpy as np, shoal
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(0, 1, (100, 2)), rng.normal(9, 1, (100, 2))])
    >>> model = shoal.BayesianGaussianMixture(n_components=5, random_state=0, max_iter=1000).fit(X)
    >>> int((model.weights_ > 0.05).sum())
    2
    """

    _read_after_fit = ("covariance_type", "weight_concentration_prior_type")

    def __init__(
        self,
        *,
        n_components: int = 1,
        covariance_type: str = "full",
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        max_iter: int = 100,
        n_init: int = 1,
        init_params: str = "kmeans",
        weight_concentration_prior_type: str = "dirichlet_process",
        weight_concentration_prior: float | None = None,
        mean_precision_prior: float | None = None,
        mean_prior: Any = None,
        degrees_of_freedom_prior: float | None = None,
        covariance_prior: Any = None,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weight_concentration_prior_type = weight_concentration_prior_type
        self.weight_concentration_prior = weight_concentration_prior
        self.mean_precision_prior = mean_precision_prior
        self.mean_prior = mean_prior
        self.degrees_of_freedom_prior = degrees_of_freedom_prior
        self.covariance_prior = covariance_prior
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval

    def _check_own(self, data: Data, y: Any) -> _Priors:
        k, d = data.n_components, data.X.shape[1]
        check_choice("init_params", self.init_params, STARTS)
        check_choice("weight_concentration_prior_type", self.weight_concentration_prior_type, PRIOR_TYPES)
        concentration = 1.0 / k
        if self.weight_concentration_prior is not None:
            concentration = check_real(
                "weight_concentration_prior", self.weight_concentration_prior, 0.0, open_low=True
            )
        mean_precision = 1.0
        if self.mean_precision_prior is not None:
            mean_precision = check_real("mean_precision_prior", self.mean_precision_prior, 0.0, open_low=True)
        degrees = float(d)
        if self.degrees_of_freedom_prior is not None:
            degrees = check_real(
                "degrees_of_freedom_prior", self.degrees_of_freedom_prior, d - 1.0, open_low=True
            )
        weight, mean, second = data.scatter or scatter_of(data.X, data.weight)
        if self.mean_prior is not None:
            mean = given_array(self.mean_prior, "mean_prior", (d,))
        return _Priors(
            concentration,
            mean_precision,
            mean,
            degrees,
            self._covariance_prior(data.covariance_type, weight, second.reshape(d, d)),
        )

    def _covariance_prior(
        self, covariance_type: str, weight: float, second: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The prior given, checked, or the covariance of the data."""
        d = second.shape[0]
        given = self.covariance_prior
        if given is None:
            # weights are counts; where they sum to one or less, there is none to take off
            covariance = second / (weight - 1 if weight > 1 else weight)
            return {
                "full": covariance,
                "tied": covariance,
                "diag": np.diagonal(covariance),
                "spherical": np.asarray(np.diagonal(covariance).mean()),
            }[covariance_type]
        if covariance_type == "spherical":
            return np.asarray(check_real("covariance_prior", given, 0.0, open_low=True))
        why = f" for covariance_type={covariance_type!r}"
        if covariance_type == "diag":
            prior = given_array(given, "covariance_prior", (d,), why)
            if not (prior > 0).all():
                raise ValueError(f"covariance_prior must be positive; got {prior.min():g}")
            return prior
        prior = given_array(given, "covariance_prior", (d, d), why)
        if not (np.allclose(prior, prior.T) and (np.linalg.eigvalsh(prior) > 0).all()):
            raise ValueError(
                "covariance_prior must be a symmetric, positive definite matrix; got one that is not"
            )
        return prior

    def _start(self, data: Data, own: _Priors, state: Any) -> Posterior:
        return self._maximize(self._start_moments(data, state), own)

    def _maximize(self, moments: Moments, own: _Priors) -> Posterior:
        """The update of all factors but the responsibilities: Bishop (10.58) to (10.63); covariances are those of
        the expected precisions."""
        weight, means = moments.weight, moments.means
        k, d = means.shape
        scatter = add_to_diagonal(moments.covariances, self.covariance_type, self.reg_covar)
        if self.weight_concentration_prior_type == "dirichlet_process":
            later = np.append(
                np.cumsum(weight[::-1])[-2::-1], 0.0
            )  # the weight of all components after this one
            concentration = np.stack([1.0 + weight, own.concentration + later])
        else:
            concentration = own.concentration + weight
        mean_precision = own.mean_precision + weight
        posterior_means = (own.mean_precision * own.mean + weight[:, None] * means) / mean_precision[:, None]
        apart = means - own.mean
        shrink = own.mean_precision / mean_precision
        degrees = own.degrees_of_freedom + weight
        if self.covariance_type == "full":
            outer = apart[:, :, None] * apart[:, None, :]
            covariances = own.covariance + weight[:, None, None] * (scatter + shrink[:, None, None] * outer)
            covariances /= degrees[:, None, None]
        elif self.covariance_type == "tied":
            degrees = np.asarray(own.degrees_of_freedom + weight.sum() / k)
            covariances = own.covariance + (weight.sum() * scatter + (weight * shrink * apart.T) @ apart) / k
            covariances /= degrees
        elif self.covariance_type == "diag":
            covariances = own.covariance + weight[:, None] * (scatter + shrink[:, None] * apart**2)
            covariances /= degrees[:, None]
        else:
            covariances = (own.covariance + weight * (scatter + shrink * (apart**2).mean(axis=1))) / degrees
        factors = factors_of(covariances, self.covariance_type, k, d, self.reg_covar)
        return Posterior(concentration, mean_precision, posterior_means, degrees, covariances, factors)

    def _log_weight(self, parameters: Posterior) -> NDArray[np.float64]:
        """E log weight, and what the expected Gaussian log density has beside that of the expected precision."""
        d = parameters.means.shape[1]
        degrees = parameters.degrees_of_freedom
        if self.weight_concentration_prior_type == "dirichlet_process":
            a, b = parameters.concentration
            both = digamma(a + b)
            log_weight = digamma(a) - both + np.append(0.0, np.cumsum(digamma(b) - both)[:-1])
        else:
            log_weight = digamma(parameters.concentration) - digamma(parameters.concentration.sum())
        log_lambda = d * np.log(2.0) + digamma(0.5 * (degrees - np.arange(d)[:, None])).sum(axis=0)
        return log_weight + 0.5 * (log_lambda - d * np.log(degrees) - d / parameters.mean_precision)

    def _bound(self, moments: Moments, parameters: Posterior, data: Data) -> float:
        """Bishop (10.70) up to constants; the terms that depend on the data are in the entropy and the norms."""
        k, d = parameters.means.shape
        degrees = parameters.degrees_of_freedom
        factors = parameters.factors
        if self.covariance_type in ("full", "tied"):
            log_det = np.log(np.diagonal(factors, axis1=-2, axis2=-1)).sum(axis=-1)
        elif self.covariance_type == "diag":
            log_det = np.log(factors).sum(axis=1)
        else:
            log_det = d * np.log(factors)
        log_det = log_det - 0.5 * d * np.log(degrees)
        log_wishart = -(
            degrees * log_det
            + degrees * d * 0.5 * np.log(2.0)
            + gammaln(0.5 * (degrees - np.arange(d)[:, None])).sum(axis=0)
        )
        wishart = k * float(log_wishart.sum()) if self.covariance_type == "tied" else float(log_wishart.sum())
        if self.weight_concentration_prior_type == "dirichlet_process":
            norm = -float(betaln(*parameters.concentration).sum())
        else:
            norm = float(gammaln(parameters.concentration.sum()) - gammaln(parameters.concentration).sum())
        return moments.entropy - wishart - norm - 0.5 * d * float(np.log(parameters.mean_precision).sum())

    def _fitted(self) -> Posterior:
        return Posterior(
            self.weight_concentration_.astype(np.float64),
            self.mean_precision_.astype(np.float64),
            self.means_.astype(np.float64),
            np.asarray(self.degrees_of_freedom_, dtype=np.float64),
            self.covariances_.astype(np.float64),
            self.precisions_cholesky_.astype(np.float64),
        )

    def _store(self, parameters: Posterior, dtype: Any, own: _Priors) -> None:
        concentration = parameters.concentration
        if self.weight_concentration_prior_type == "dirichlet_process":
            a, b = concentration
            weights = a / (a + b) * np.append(1.0, np.cumprod((b / (a + b))[:-1]))
        else:
            weights = concentration
        self.weights_ = (weights / weights.sum()).astype(dtype)
        self.weight_concentration_ = concentration.astype(dtype)
        self.mean_precision_ = parameters.mean_precision.astype(dtype)
        degrees = parameters.degrees_of_freedom
        self.degrees_of_freedom_ = degrees.astype(dtype) if degrees.ndim else float(degrees)
        self._store_gaussians(parameters, dtype)
        self.weight_concentration_prior_ = own.concentration
        self.mean_precision_prior_ = own.mean_precision
        self.degrees_of_freedom_prior_ = own.degrees_of_freedom
        self.mean_prior_ = own.mean.astype(dtype)
        prior = own.covariance
        self.covariance_prior_ = prior.astype(dtype) if prior.ndim else float(prior)
