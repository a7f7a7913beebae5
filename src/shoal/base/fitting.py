"""What every ``fit`` promises: all of its results, or the estimator as it was."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from sklearn.utils.validation import check_is_fitted

from shoal.base.checks import shown

Fit = TypeVar("Fit", bound=Callable[..., Any])


def all_or_nothing(fit: Fit) -> Fit:
    """A ``fit`` or ``partial_fit`` that is refused, fails or is interrupted leaves its estimator as it was.

    Not even ``n_features_in_`` changes, which checking the data sets. The method replaces attributes and
    never changes an array in place, so a shallow copy is enough to go back.
    """

    @wraps(fit)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = dict(vars(self))
        try:
            fitted = fit(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise
        names = getattr(self, "_read_after_fit", ())
        if names:
            self._fitted_with = {name: getattr(self, name) for name in names}
        return fitted

    return guarded  # type: ignore[return-value]


def check_fitted(estimator: Any) -> None:
    """Refuse an estimator that is not fitted, or of which a parameter that gives its results their meaning has changed.

    These parameters are named in the class's ``_read_after_fit``.
    """
    check_is_fitted(estimator)
    for name, value in getattr(estimator, "_fitted_with", {}).items():
        given = getattr(estimator, name)
        if given is not value and given != value:
            raise ValueError(
                f"{name} must stay {shown(value)}, with which the estimator was fitted; got {shown(given)}"
            )
