"""What every ``fit`` promises: all of its results, or the estimator as it was."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

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
            return fit(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return guarded  # type: ignore[return-value]
