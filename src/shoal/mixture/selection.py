"""Choosing the number of components and the kind of covariance by an information criterion."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning

from shoal.base.checks import check_choice, check_int, check_matrix, check_verbose, check_weight
from shoal.base.progress import progress
from shoal.mixture.covariances import COVARIANCE_TYPES
from shoal.mixture.gaussian_mixture import GaussianMixture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CRITERIA = ("bic", "aic", "icl")


class MixtureSelection(NamedTuple):
    """What :func:`select_gaussian_mixture` returns.

    Attributes
    ----------
    best : GaussianMixture
        The fitted mixture with the lowest criterion, the earliest of equals.
    criterion : str
    n_components : ndarray of shape (n_models,), int
        One entry per model: all numbers of components for the first covariance type, then the next.
    covariance_type : ndarray of shape (n_models,), str
    n_parameters : ndarray of shape (n_models,), int
        Free parameters.
    log_likelihood, bic, aic, icl : ndarray of shape (n_models,)
        Weighted sum of log densities, in nats, and the criteria; NaN where the fit failed.
    converged : ndarray of shape (n_models,), bool
    failure : tuple of str
        Why the fit failed, empty where it did not.
    """

    best: GaussianMixture
    criterion: str
    n_components: NDArray[np.int64]
    covariance_type: NDArray[np.str_]
    n_parameters: NDArray[np.int64]
    log_likelihood: NDArray[np.float64]
    bic: NDArray[np.float64]
    aic: NDArray[np.float64]
    icl: NDArray[np.float64]
    converged: NDArray[np.bool_]
    failure: tuple[str, ...]

    def table(self) -> str:
        """The models as text, the best one marked; NaN where a fit failed."""
        values = getattr(self, self.criterion)
        best = int(np.nanargmin(values))
        lines = [
            f"  {'covariance':<11}{'components':>10}{'parameters':>12}{'log-likelihood':>17}"
            f"{'BIC':>15}{'AIC':>15}{'ICL':>15}"
        ]
        for i in range(len(values)):
            lines.append(
                f"{'*' if i == best else ' '} {self.covariance_type[i]:<11}{self.n_components[i]:>10}"
                f"{self.n_parameters[i]:>12}{self.log_likelihood[i]:>17.2f}{self.bic[i]:>15.2f}"
                f"{self.aic[i]:>15.2f}{self.icl[i]:>15.2f}"
                + (f"  {self.failure[i]}" if self.failure[i] else "")
            )
        return "\n".join(lines)

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """The criterion against the number of components; see :func:`shoal.plotting.plot_mixture_selection`."""
        from shoal.plotting import plot_mixture_selection

        return plot_mixture_selection(self, ax=ax)


def select_gaussian_mixture(
    X: Any,
    n_components: Iterable[int] = range(1, 11),
    *,
    covariance_types: Iterable[str] = COVARIANCE_TYPES,
    criterion: str = "bic",
    sample_weight: ArrayLike | None = None,
    verbose: int = 0,
    **parameters: Any,
) -> MixtureSelection:
    """Fit a mixture for every number of components and covariance type; keep the best by a criterion.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    n_components : iterable of int, default=range(1, 11)
        Those above the number of samples are left out.
    covariance_types : iterable of {"full", "tied", "diag", "spherical"}, default=all four
    criterion : {"bic", "aic", "icl"}, default="bic"
        Lower is better; see :meth:`GaussianMixture.bic`, :meth:`GaussianMixture.aic` and :meth:`GaussianMixture.icl`.
    sample_weight : array-like of shape (n_samples,), default=None
        Counts: the criteria take their sum for the number of samples.
    verbose : int, default=0
        1 shows a progress bar over the models.
    **parameters
        Further parameters of :class:`GaussianMixture`, such as ``n_init`` and ``random_state``.

    Returns
    -------
    selection : MixtureSelection
        ``best``, the criteria of all models, ``table()`` and ``plot()``.

    Raises
    ------
    ValueError
        On bad data or parameters; when no fit succeeded, with the reason of the first.

    Warns
    -----
    ConvergenceWarning
        Once, when fits were ended by `max_iter`, with their number.

    Notes
    -----
    Time is that of the fits, memory that of one. A fit whose covariance becomes singular counts as failed and
    leaves NaN.

    Examples
    --------
    >>> import numpy as np, shoal
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(0, 1, (100, 2)), rng.normal(9, 1, (100, 2))])
    >>> selection = shoal.select_gaussian_mixture(X, range(1, 5), random_state=0)
    >>> selection.best.n_components, selection.best.covariance_type
    (2, 'spherical')
    >>> print(selection.table().splitlines()[0].split())
    ['covariance', 'components', 'parameters', 'log-likelihood', 'BIC', 'AIC', 'ICL']
    """
    check_choice("criterion", criterion, CRITERIA)
    types = [covariance_types] if isinstance(covariance_types, str) else list(covariance_types)
    for covariance_type in types:
        check_choice("covariance_types", covariance_type, COVARIANCE_TYPES)
    checked = check_matrix(X, min_samples=2)
    numbers = [check_int("n_components", number, 1) for number in n_components]
    numbers = [number for number in numbers if number <= checked.shape[0]]
    if not numbers or not types:
        raise ValueError(
            f"n_components and covariance_types must name a model for n_samples={checked.shape[0]}; "
            f"got {numbers} and {types}"
        )
    check_weight(sample_weight, checked)
    models = [(number, covariance_type) for covariance_type in types for number in numbers]
    rows, failures, converged = np.full((len(models), 4), np.nan), [""] * len(models), [False] * len(models)
    counts = np.zeros(len(models), dtype=np.int64)
    best: GaussianMixture | None = None
    lowest = np.inf
    with progress(check_verbose(verbose), "select_gaussian_mixture", "model") as report:
        for i, (number, covariance_type) in enumerate(models):
            model = GaussianMixture(number, covariance_type=covariance_type, **parameters)
            counts[i] = model._count(checked.shape[1])
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    model.fit(X, sample_weight=sample_weight)
            except ValueError as error:
                if "is singular" not in str(error):
                    raise
                failures[i] = str(error)
            else:
                rows[i] = model._criteria(X, sample_weight)
                converged[i] = model.converged_
                value = rows[i, 1 + CRITERIA.index(criterion)]
                if value < lowest or best is None:
                    best, lowest = model, value
            if report:
                report("models", i + 1, len(models))
    if best is None:
        raise ValueError(f"no mixture could be fitted: {failures[0]}")
    slow = len(models) - sum(converged) - sum(map(bool, failures))
    if slow:
        warnings.warn(
            f"{slow} of {len(models)} fits did not converge in max_iter={best.max_iter} steps; raise max_iter or tol",
            ConvergenceWarning,
            stacklevel=2,
        )
    log_likelihood, bic, aic, icl = rows.T.copy()
    return MixtureSelection(
        best,
        criterion,
        np.array([number for number, _ in models]),
        np.array([covariance_type for _, covariance_type in models]),
        counts,
        log_likelihood,
        bic,
        aic,
        icl,
        np.array(converged),
        tuple(failures),
    )
