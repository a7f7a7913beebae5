"""What density clustering has to show: k-distance curves and reachability plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from shoal.base.checks import check_cluster_labels, check_real
from shoal.plotting.palette import NOISE, PALETTE, color_of

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
        `distances` is empty, has more than one dimension or holds NaN.

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
    if np.isnan(values).any():
        raise ValueError(f"distances must be numbers; got nan at {int(np.argmax(np.isnan(values)))}")
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


def plot_reachability(
    reachability: ArrayLike,
    ordering: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    hierarchy: ArrayLike | None = None,
    eps: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The reachability plot of OPTICS: valleys are clusters.

    One bar per sample in the order of the visit, as high as its reachability; where it is inf, up to the top.

    Parameters
    ----------
    reachability : array-like of shape (n_samples,)
        By sample: ``reachability_`` of :class:`shoal.OPTICS`.
    ordering : array-like of shape (n_samples,), int
        ``ordering_``.
    labels : array-like of shape (n_samples,), int, default=None
        Colours the bars by cluster; negative labels are noise, in grey.
    hierarchy : array-like of shape (n_clusters, 2), int, default=None
        ``cluster_hierarchy_``: drawn as lines below the plot, larger clusters lower.
    eps : float, default=None
        Draws a horizontal line: the cut of DBSCAN at this radius.
    ax : matplotlib Axes, default=None
        By default a new figure's.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        The arrays do not have one length, or `ordering` is no order of the samples.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import shoal
    >>> from shoal.plotting import plot_reachability
    >>> model = shoal.OPTICS(min_samples=2).fit([[0.0], [1.0], [2.0], [9.0], [10.0], [11.0]])
    >>> ax = plot_reachability(model.reachability_, model.ordering_, model.labels_)
    >>> ax.get_ylabel()
    'reachability'
    """
    import matplotlib.pyplot as plt

    order = np.asarray(ordering)
    values = np.asarray(reachability, dtype=np.float64)
    if values.ndim != 1 or values.shape != order.shape:
        raise ValueError(
            f"reachability and ordering must be 1D of one length; got shapes {values.shape} and {order.shape}"
        )
    if order.dtype.kind not in "iu" or not np.array_equal(np.sort(order), np.arange(order.size)):
        raise ValueError(f"ordering must hold each of the samples 0 to {order.size - 1} once")
    clusters = None if labels is None else check_cluster_labels(labels, values.size)[order]
    plot = values[order]
    finite = plot[np.isfinite(plot)]
    top = 1.1 * finite.max() if finite.size and finite.max() > 0 else 1.0
    if ax is None:
        _, ax = plt.subplots(figsize=(8, 3.5))
    height = np.minimum(plot, top)
    places = np.arange(values.size)
    if clusters is None:
        ax.fill_between(places, height, step="mid", color=PALETTE[0], linewidth=0)
    else:
        for label in np.unique(clusters):
            mine = np.where(clusters == label, height, 0.0)
            ax.fill_between(places, mine, step="mid", color=color_of(label), linewidth=0)
    bottom = 0.0
    if hierarchy is not None:
        bottom = _draw_hierarchy(ax, np.asarray(hierarchy).reshape(-1, 2), top)
    if eps is not None:
        ax.axhline(check_real("eps", eps, 0), color=NOISE, linestyle="--", linewidth=1)
    ax.set_xlim(-0.5, values.size - 0.5)
    ax.set_ylim(bottom, top)
    ax.set_yticks([tick for tick in ax.get_yticks() if 0 <= tick <= top])
    ax.set_xlabel("samples, in the order of the visit")
    ax.set_ylabel("reachability")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _draw_hierarchy(ax: Axes, hierarchy: Any, top: float) -> float:
    """Lines below zero, a cluster one level below those inside it; returns the lowest."""
    levels: list[int] = []
    for i, (start, end) in enumerate(hierarchy):
        inside = [levels[j] for j in range(i) if start <= hierarchy[j][0] and hierarchy[j][1] <= end]
        levels.append(1 + max(inside, default=0))
    step = 0.35 * top / max(6, *levels) if levels else 0.0
    for (start, end), level in zip(hierarchy, levels, strict=True):
        ax.plot([start, end], [-level * step] * 2, color="#555555", linewidth=1.5)
    return -(max(levels, default=0) + 1) * step
