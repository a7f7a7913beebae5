"""What mixtures have to show: the criterion of every model tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.plotting.palette import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from shoal.mixture.selection import MixtureSelection

_MARKERS = "osD^"


def plot_mixture_selection(selection: MixtureSelection, *, ax: Axes | None = None, **line: Any) -> Axes:
    """The criterion against the number of components, one line per covariance type, the best model marked.

    Parameters
    ----------
    selection : MixtureSelection
        What :func:`shoal.select_gaussian_mixture` returns.
    ax : matplotlib Axes, default=None
        By default a new figure's.
    **line
        Passed to :meth:`matplotlib.axes.Axes.plot`.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import numpy as np, shoal
    >>> from shoal.plotting import plot_mixture_selection
    >>> X = np.random.default_rng(0).normal(size=(60, 2))
    >>> ax = plot_mixture_selection(shoal.select_gaussian_mixture(X, [1, 2], random_state=0, max_iter=500))
    >>> ax.get_ylabel()
    'BIC (lower is better)'
    """
    import matplotlib.pyplot as plt

    if ax is None:
        ax = plt.subplots(layout="constrained")[1]
    values = getattr(selection, selection.criterion)
    for i, covariance_type in enumerate(dict.fromkeys(selection.covariance_type.tolist())):
        own = selection.covariance_type == covariance_type
        order = np.argsort(selection.n_components[own])
        style = {"marker": _MARKERS[i % 4], "color": PALETTE[i], "label": covariance_type, **line}
        ax.plot(selection.n_components[own][order], values[own][order], **style)
    best = int(np.nanargmin(values))
    ax.plot(
        selection.n_components[best],
        values[best],
        linestyle="none",
        marker="o",
        markersize=15,
        markerfacecolor="none",
        markeredgecolor="black",
        label=f"best: {selection.n_components[best]}, {selection.covariance_type[best]}",
    )
    ax.set_xticks(np.unique(selection.n_components))
    ax.set_xlabel("number of components")
    ax.set_ylabel(f"{selection.criterion.upper()} (lower is better)")
    ax.legend()
    return ax
