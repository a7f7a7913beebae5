"""What density clustering has to show: k-distance curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from shoal.base.checks import check_real
from shoal.plotting.palette import NOISE, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_k_distances(
    distances: ArrayLike, eps: float | None = None, *, ax: Axes | None = None, **line: Any
) -> Axes:
    """The sorted k-distance curve, with a line at `eps` and the share of samples below it.

    Parameters
    ----------
    distances : array-like of shape (n_samples,)
        ``distances`` of :func:`shoal.k_distances`; sorted here if it is not.
    eps : float, default=None
        Marked when given.
    ax : matplotlib Axes, default=None
        By default a new figure's.
    **line
        Passed to :meth:`matplotlib.axes.Axes.plot`.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        `distances` is empty or has more than one dimension.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import shoal
    >>> from shoal.plotting import plot_k_distances
    >>> ax = plot_k_distances(*shoal.k_distances([[0.0], [1.0], [2.0], [3.0], [50.0]], 1))
    >>> ax.get_legend().get_texts()[0].get_text()
    'eps = 1: 80 % of samples at or below'
    """
    import matplotlib.pyplot as plt

    values = np.asarray(distances, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"distances must be 1D and not empty; got shape {values.shape}")
    values = np.sort(values)
    if ax is None:
        _, ax = plt.subplots()
    ax.plot(np.arange(1, values.size + 1), values, **{"color": PALETTE[0], **line})
    if eps is not None:
        eps = check_real("eps", eps, 0)
        share = 100 * np.searchsorted(values, eps, side="right") / values.size
        ax.axhline(
            eps,
            color=NOISE,
            linestyle="--",
            linewidth=1,
            label=f"eps = {eps:.4g}: {share:.3g} % of samples at or below",
        )
        ax.legend(frameon=False)
    ax.set_xlabel("samples, by distance")
    ax.set_ylabel("distance to the k-th nearest")
    ax.spines[["top", "right"]].set_visible(False)
    return ax
