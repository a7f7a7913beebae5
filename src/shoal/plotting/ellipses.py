"""Gaussian components over data, how their centroids came there, and how their number was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from shoal.base.checks import check_choice, check_matrix, check_real, shown
from shoal.plotting.palette import color_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_ellipses(
    means: ArrayLike,
    covariances: ArrayLike,
    *,
    covariance_type: str | None = None,
    mass: float = 0.95,
    features: tuple[int, int] = (0, 1),
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """The ellipses that hold a share of each Gaussian component, in two of the features.

    Parameters
    ----------
    means : array-like of shape (n_components, n_features)
    covariances : array-like of shape (n_components, n_features, n_features)
        Of the "full" type; (n_features, n_features) for one that all share, "tied"; (n_components, n_features) for
        variances, "diag"; (n_components,) for one variance each, "spherical".
    covariance_type : {"full", "tied", "diag", "spherical"}, default=None
        By default as the shape tells; needed where as many components as features leave "tied" or "diag".
    mass : float, default=0.95
        In (0, 1): the share of the component, as seen in these two features, inside its ellipse.
    features : (int, int), default=(0, 1)
        Which features are drawn; the others are integrated out.
    ax : matplotlib Axes, default=None
        By default a new figure's.
    **style
        Passed to :class:`matplotlib.patches.Ellipse`.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        Shapes that do not belong together, or features that are not there.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> from shoal.plotting import plot_ellipses
    >>> ax = plot_ellipses([[0.0, 0.0], [5.0, 0.0]], [[[1.0, 0.5], [0.5, 1.0]], [[1.0, 0.0], [0.0, 4.0]]])
    >>> len(ax.patches)
    2
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import Ellipse

    centers = check_matrix(means, "means")
    n, d = centers.shape
    given = np.asarray(covariances, dtype=float)
    shapes = {"full": (n, d, d), "tied": (d, d), "diag": (n, d), "spherical": (n,)}
    possible = [kind for kind, shape in shapes.items() if given.shape == shape]
    if covariance_type is not None:
        check_choice("covariance_type", covariance_type, tuple(shapes))
        possible = [kind for kind in possible if kind == covariance_type]
    if not possible:
        wanted = list(shapes.values()) if covariance_type is None else [shapes[covariance_type]]
        raise ValueError(f"covariances must have shape {' or '.join(map(str, wanted))}; got {given.shape}")
    if len(possible) > 1:
        raise ValueError(
            f"covariances of shape {given.shape} may be one that all share or variances; give covariance_type "
            "'tied' or 'diag'"
        )
    if not np.isfinite(given).all():
        raise ValueError("covariances must be finite")
    whole = possible[0] in ("full", "tied")
    full = np.broadcast_to(given, (n, d, d)) if whole else given.reshape(n, -1, 1) * np.eye(d)
    mass = check_real("mass", mass, 0, 1, open_low=True)
    if mass == 1:
        raise ValueError("mass must be in (0, 1); got 1")
    if len(features) != 2 or not all(0 <= f < d for f in features):
        raise ValueError(
            f"features must be two numbers in [0, n_features - 1={d - 1}]; got {shown(features)}"
        )
    if ax is None:
        _, ax = plt.subplots()
    pair = list(features)
    radius = np.sqrt(-2 * np.log1p(-mass))  # chi-square with two degrees of freedom
    for c in range(n):
        values, vectors = np.linalg.eigh(full[c][np.ix_(pair, pair)])
        width, height = 2 * radius * np.sqrt(np.maximum(values[::-1], 0))
        angle = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))
        own: dict[str, Any] = {"edgecolor": color_of(c), "facecolor": "none", "linewidth": 1.5, "zorder": 3}
        x, y = (float(value) for value in centers[c, pair])
        ax.add_patch(Ellipse((x, y), width, height, angle=angle, **{**own, **style}))
    ax.autoscale_view()
    return ax


def plot_centroid_paths(paths: ArrayLike, *, ax: Axes | None = None, **style: Any) -> Axes:
    """Where the seeds of :class:`shoal.LocalGaussian` went, in the plane.

    Parameters
    ----------
    paths : array-like of shape (n_steps, n_seeds, 2)
        ``centroid_paths_`` of a model with ``store_paths=True``. A seed that was deleted ends in a cross, one that
        stayed in a disc.
    ax : matplotlib Axes, default=None
    **style
        Passed to :meth:`matplotlib.axes.Axes.plot` for the lines.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        `paths` has another shape.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import shoal
    >>> from shoal.plotting import plot_centroid_paths
    >>> model = shoal.LocalGaussian(2.0, store_paths=True).fit([[0.0, 0.0], [0.5, 1.0], [3.0, 0.5], [9.0, 9.0]])
    >>> ax = plot_centroid_paths(model.centroid_paths_)
    """
    import matplotlib.pyplot as plt

    steps = np.asarray(paths, dtype=float)
    if steps.ndim != 3 or steps.shape[2] != 2:
        raise ValueError(f"paths must have shape (n_steps, n_seeds, 2); got {steps.shape}")
    if ax is None:
        _, ax = plt.subplots()
    there = ~np.isnan(steps[:, :, 0])
    last = there.sum(axis=0) - 1
    ends = steps[last, np.arange(steps.shape[1])]
    stayed = there[-1]
    ax.plot(steps[:, :, 0], steps[:, :, 1], **{"color": "0.35", "linewidth": 0.9, "zorder": 3, **style})
    ax.scatter(
        steps[0, :, 0],
        steps[0, :, 1],
        s=9,
        facecolors="white",
        edgecolors="0.35",
        linewidths=0.8,
        zorder=4,
        label="seed",
    )
    if (~stayed).any():
        ax.scatter(
            ends[~stayed, 0], ends[~stayed, 1], s=28, marker="x", color="#d1495b", zorder=5, label="deleted"
        )
    ax.scatter(
        ends[stayed, 0], ends[stayed, 1], s=60, color="black", edgecolors="white", zorder=6, label="centroid"
    )
    ax.legend(loc="best", fontsize="small")
    return ax


def plot_separation_path(path: ArrayLike, separation: float | None = None, *, ax: Axes | None = None) -> Axes:
    """Number of clusters over the separation: a plateau is a number that does not depend on it.

    Parameters
    ----------
    path : array-like of shape (n_separations, 2)
        ``separation_path_`` of :class:`shoal.LocalGaussian`.
    separation : float, default=None
        Marked with a line: ``separation_``.
    ax : matplotlib Axes, default=None

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        `path` has another shape, or a number in it or `separation` is not above 0.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> from shoal.plotting import plot_separation_path
    >>> ax = plot_separation_path([[16, 1], [8, 3], [4, 3], [2, 3], [1, 7]], 4.0)
    >>> ax.get_ylabel()
    'number of clusters'
    """
    import matplotlib.pyplot as plt

    steps = check_matrix(path, "path")
    if steps.shape[1] != 2:
        raise ValueError(f"path must have 2 columns; got {steps.shape[1]}")
    if not (steps > 0).all():
        raise ValueError(f"path must hold numbers above 0; got {steps.min():g}")
    if separation is not None:
        separation = check_real("separation", separation, 0, open_low=True)
    if ax is None:
        _, ax = plt.subplots()
    ax.step(steps[:, 0], steps[:, 1], where="mid", color="#2e5077", linewidth=1.5)
    ax.plot(steps[:, 0], steps[:, 1], "o", color="#2e5077", markersize=3.5)
    if separation is not None:
        there = float(steps[np.argmin(np.abs(np.log(steps[:, 0] / separation))), 1])
        ax.axvline(separation, color="#d1495b", linestyle="--", linewidth=1.2)
        ax.annotate(
            f"{separation:.3g}: {there:.0f}",
            (separation, there),
            xytext=(6, 8),
            textcoords="offset points",
            color="#d1495b",
        )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("separation")
    ax.set_ylabel("number of clusters")
    return ax
