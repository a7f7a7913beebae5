"""A labelled cloud of points in two dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from shoal.base.checks import check_cluster_labels, check_matrix
from shoal.plotting.palette import PALETTE, color_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = "osD^v<>ph"


def plot_clusters(
    X: ArrayLike,
    labels: ArrayLike,
    *,
    centers: ArrayLike | None = None,
    ax: Axes | None = None,
    **scatter: Any,
) -> Axes:
    """Scatter two-dimensional points, one colour per cluster.

    Parameters
    ----------
    X : array-like of shape (n_samples, 2)
    labels : array-like of shape (n_samples,), int
        Negative labels are noise: small and grey, below the others.
    centers : array-like of shape (n_clusters, 2), default=None
        Drawn as crosses.
    ax : matplotlib Axes, default=None
        By default a new figure's.
    **scatter
        Passed to :meth:`matplotlib.axes.Axes.scatter`, such as ``s`` and ``alpha``.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        `X` or `centers` does not have two columns, or `labels` is not one per row.
    TypeError
        `labels` are not integers.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> from shoal.plotting import plot_clusters
    >>> ax = plot_clusters([[0, 0], [0, 1], [5, 5]], [0, 0, 1])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['0 (2)', '1 (1)']
    """
    import matplotlib.pyplot as plt

    points = check_matrix(X)
    clusters = check_cluster_labels(labels, points.shape[0])
    if points.shape[1] != 2:
        raise ValueError(f"X must have 2 columns; got {points.shape[1]}")
    if ax is None:
        _, ax = plt.subplots()
    style: dict[str, Any] = {"s": 12.0, "linewidths": 0.0, "alpha": 0.8, **scatter}
    for label in np.unique(clusters):
        mine = clusters == label
        name = f"noise ({mine.sum()})" if label < 0 else f"{label} ({mine.sum()})"
        marker = _MARKERS[max(label, 0) // len(PALETTE) % len(_MARKERS)]
        own: dict[str, Any] = {
            "color": color_of(label),
            "marker": marker,
            "label": name,
            "zorder": 1 if label < 0 else 2,
        }
        ax.scatter(points[mine, 0], points[mine, 1], **{**style, **own})
    if centers is not None:
        middle = check_matrix(centers, "centers")
        if middle.shape[1] != 2:
            raise ValueError(f"centers must have 2 columns; got {middle.shape[1]}")
        cross: dict[str, Any] = {"marker": "X", "s": 90, "color": "black", "edgecolors": "white"}
        ax.scatter(middle[:, 0], middle[:, 1], linewidths=1.2, zorder=3, **cross)
    ax.set_aspect("equal", adjustable="datalim")
    ax.legend(title="cluster (size)", frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax
