"""The trees of density clustering: condensed tree, single linkage, spanning tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.base.checks import check_int, check_matrix
from shoal.plotting.palette import NOISE, color_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _axes(ax: Axes | None) -> Axes:
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots()
    return ax


def plot_condensed_tree(
    parent: ArrayLike,
    birth: ArrayLike,
    size: ArrayLike,
    cluster: ArrayLike,
    lambdas: ArrayLike,
    weight: ArrayLike,
    selected: ArrayLike,
    *,
    ax: Axes | None = None,
    max_lambda: float | None = None,
) -> Axes:
    """Draw a condensed tree as icicles: each as wide as its cluster is heavy, thinning where samples leave.

    Parameters
    ----------
    parent, birth, size : array-like of shape (n_tree_clusters,)
        Of each cluster: its parent (-1 for the root, which is the first), lambda at birth, weight at birth.
    cluster, lambdas, weight : array-like of shape (n_samples,)
        Of each sample: its last cluster, lambda of leaving it, weight.
    selected : array-like of shape (n_clusters,)
        The cluster in the tree of each label; drawn in the label's colour, all others grey.
    ax : matplotlib Axes, default=None
        By default a new figure's.
    max_lambda : float, default=None
        Where the picture ends; by default at the largest finite lambda of leaving a cluster, or twice the lambda
        by which 95 % of the weight have left where that is less.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import shoal
    >>> X = [[0.0], [1.0], [2.0], [7.0], [8.0], [9.5]]
    >>> ax = shoal.HDBSCAN(2, 1).fit(X).condensed_tree_.plot()
    >>> ax.get_ylabel()
    'lambda = 1 / distance'
    """
    from matplotlib.collections import PolyCollection

    tree = icicles(parent, birth, size, cluster, lambdas, weight, selected, max_lambda=max_lambda)
    axes = _axes(ax)
    colors = [color_of(ice.label) if ice.label >= 0 else NOISE for ice in tree.shapes]
    axes.add_collection(
        PolyCollection([ice.outline for ice in tree.shapes], facecolors=colors, edgecolors="none")
    )
    for x0, x1, y in tree.joins:
        axes.plot([x0, x1], [y, y], color=NOISE, linewidth=0.8, zorder=0)
    for ice in tree.shapes:
        if ice.chosen:
            axes.annotate(
                str(ice.label),
                (ice.middle, ice.end),
                xytext=(0, -3),
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize="small",
                fontweight="bold",
                color=color_of(ice.label),
            )
    axes.set_xlim(-tree.width / 2 * 1.02, tree.width / 2 * 1.02)
    axes.set_ylim(tree.top * 1.06, 0)
    axes.set_xticks([])
    axes.set_ylabel("lambda = 1 / distance")
    axes.set_xlabel("width: weight of the cluster")
    return axes


class Icicle(NamedTuple):
    """A cluster of a condensed tree as a shape in the plane of (weight, lambda)."""

    outline: NDArray[np.float64]  # (n_corners, 2)
    label: int  # of the clustering, -1 where no selected cluster is at or above it
    chosen: bool  # whether it is a selected cluster itself
    middle: float
    birth: float
    end: float
    size: float


class Icicles(NamedTuple):
    """A condensed tree, ready to draw: shapes, and (x from, x to, y) from the middle of each to its children's."""

    shapes: list[Icicle]
    joins: list[tuple[float, float, float]]
    width: float
    top: float


def icicles(
    parent: ArrayLike,
    birth: ArrayLike,
    size: ArrayLike,
    cluster: ArrayLike,
    lambdas: ArrayLike,
    weight: ArrayLike,
    selected: ArrayLike,
    *,
    max_lambda: float | None = None,
    most_clusters: int | None = None,
    most_steps: int | None = None,
) -> Icicles:
    """The shapes that :func:`plot_condensed_tree` draws, of the heaviest clusters and with so many steps at most."""
    parents, born = np.asarray(parent), np.asarray(birth, dtype=float)
    sizes, last = np.asarray(size, dtype=float), np.asarray(cluster)
    leaving, weights = np.asarray(lambdas, dtype=float), np.asarray(weight, dtype=float)
    top = max_lambda if max_lambda is not None else _top(leaving, weights)
    chosen = {int(c): label for label, c in enumerate(np.asarray(selected))}
    m = parents.size
    drawn = np.ones(m, dtype=bool)
    if most_clusters is not None and m > most_clusters:
        drawn[:] = False  # parents are no lighter than their children, and come before them
        drawn[np.argsort(-sizes, kind="stable")[:most_clusters]] = True
    order = np.argsort(last, kind="stable")
    bounds = np.searchsorted(last[order], np.arange(m + 1))
    children: list[list[int]] = [[] for _ in range(m)]
    for c in range(1, m):
        children[int(parents[c])].append(c)
    # the width under a cluster is shared by its children, each around its own middle
    middle, color = np.zeros(m), np.full(m, -1)
    shapes: list[Icicle] = []
    joins: list[tuple[float, float, float]] = []
    for c in range(m):
        color[c] = chosen[c] if c in chosen else (color[parents[c]] if c else -1)
        if not drawn[c]:
            continue
        mine = order[bounds[c] : bounds[c + 1]]
        mine = mine[np.argsort(leaving[mine], kind="stable")]
        death = max([leaving[mine].max() if mine.size else 0.0, *(born[k] for k in children[c])])
        end = min(death, top)
        if born[c] < top:
            steps, left = np.minimum(leaving[mine], top), sizes[c] - np.cumsum(weights[mine])
            if most_steps is not None and steps.size > most_steps:
                kept = np.linspace(0, steps.size - 1, most_steps).astype(int)
                steps, left = steps[kept], left[kept]
            y = np.concatenate([[born[c]], np.repeat(steps, 2), [end]])
            w = np.maximum(np.repeat(np.concatenate([[sizes[c]], left]), 2), 0.0)
            right, leftside = middle[c] + w / 2, middle[c] - w / 2
            outline = np.column_stack([np.r_[leftside, right[::-1]], np.r_[y, y[::-1]]])
            shapes.append(Icicle(outline, int(color[c]), c in chosen, middle[c], born[c], end, sizes[c]))
        total = sum(sizes[k] for k in children[c])
        spread = max(sizes[c], total)
        at = middle[c] - spread / 2
        for k in children[c]:
            share = spread * sizes[k] / total
            middle[k] = at + share / 2
            at += share
            if born[k] <= top and drawn[k]:
                joins.append((middle[c], middle[k], born[k]))
    return Icicles(shapes, joins, float(sizes[0]), float(top))


def _top(leaving: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    finite = np.isfinite(leaving)
    if not finite.any():
        return 1.0
    order = np.argsort(leaving[finite], kind="stable")
    share = np.cumsum(weight[finite][order])
    most = float(leaving[finite][order][-1])
    usual = float(leaving[finite][order][np.searchsorted(share, 0.95 * share[-1])])
    return min(most, 2 * usual) or 1.0


def plot_single_linkage(Z: ArrayLike, *, ax: Axes | None = None, max_leaves: int = 60) -> Axes:
    """Draw the upper part of a dendrogram of single linkage.

    Parameters
    ----------
    Z : array-like of shape (n_samples - 1, 4)
        SciPy's linkage matrix, distances ascending.
    ax : matplotlib Axes, default=None
        By default a new figure's.
    max_leaves : int, default=60
        The highest ``max_leaves - 1`` merges are drawn; a leaf stands for all that is below it. At least 2.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> from shoal.plotting import plot_single_linkage
    >>> ax = plot_single_linkage([[0, 1, 1.0, 2], [2, 3, 2.0, 3]])
    >>> ax.get_ylabel()
    'distance'
    """
    from matplotlib.collections import LineCollection

    merges = check_matrix(Z, "Z")
    if merges.shape[1] != 4:
        raise ValueError(f"Z must have 4 columns; got {merges.shape[1]}")
    shown = min(check_int("max_leaves", max_leaves, 2) - 1, len(merges))
    n = len(merges) + 1
    first = 2 * n - 1 - shown  # nodes below are leaves of the picture
    axes = _axes(ax)
    position: dict[int, float] = {}
    count = 0
    todo = [2 * n - 2]
    while todo:  # the leaves from left to right
        node = todo.pop()
        if node < first:
            position[node] = float(count)
            count += 1
        else:
            todo += [int(merges[node - n, 1]), int(merges[node - n, 0])]
    lines = []
    for node in range(first, 2 * n - 1):
        left, right, height = int(merges[node - n, 0]), int(merges[node - n, 1]), merges[node - n, 2]
        xl, xr = position[left], position[right]
        position[node] = (xl + xr) / 2
        low = [merges[child - n, 2] if child >= first else 0.0 for child in (left, right)]
        lines.append([(xl, low[0]), (xl, height), (xr, height), (xr, low[1])])
    axes.add_collection(LineCollection(lines, colors=color_of(0), linewidths=1.0))
    leaves = sorted((x, node) for node, x in position.items() if node < first)
    sizes = [1 if node < n else merges[node - n, 3] for _, node in leaves]
    axes.set_xticks([x for x, _ in leaves], [f"{size:g}" for size in sizes], rotation=90, fontsize="x-small")
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(0, float(merges[-1, 2]) * 1.05 or 1.0)
    axes.set_ylabel("distance")
    axes.set_xlabel("samples below each leaf")
    return axes


def plot_dendrogram(
    Z: ArrayLike,
    *,
    n_clusters: int | None = None,
    ax: Axes | None = None,
    max_leaves: int = 60,
    label: str = "distance",
) -> Axes:
    """Draw the upper part of a dendrogram, its clusters in colours.

    Parameters
    ----------
    Z : array-like of shape (n_samples - 1, 4)
        A linkage matrix, as of :func:`shoal.linkage`; heights may fall.
    n_clusters : int, default=None
        Colours the branches that are the clusters of :func:`shoal.cut_tree`, in its numbers, and marks the cut if
        heights ascend; None colours nothing.
    ax : matplotlib Axes, default=None
        By default a new figure's.
    max_leaves : int, default=60
        The last ``max_leaves - 1`` merges are drawn; a leaf stands for all that is below it. At least 2.
    label : str, default="distance"
        Of the axis of heights.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> import shoal
    >>> from shoal.plotting import plot_dendrogram
    >>> ax = plot_dendrogram(shoal.linkage([[0.0], [1.0], [5.0], [5.5]], "ward"), n_clusters=2)
    >>> len(ax.collections[0].get_segments())
    3
    """
    from matplotlib.collections import LineCollection

    from shoal.hierarchy.dendrogram import check_linkage, rising

    merges = check_linkage(Z)
    n = len(merges) + 1
    axes = plot_single_linkage(merges, ax=ax, max_leaves=max_leaves)
    axes.set_ylabel(label)
    top = float(merges[:, 2].max())
    axes.set_ylim(0, top * 1.05 or 1.0)
    if n_clusters is None:
        return axes
    count = check_int("n_clusters", n_clusters, 1, n, "n_samples")
    first = np.arange(2 * n - 1)  # the first sample below each node
    for i, (left, right) in enumerate(merges[:, :2].astype(int)):
        first[n + i] = min(first[left], first[right])
    done = rising(merges)[0][: n - count]
    alive = np.arange(2 * n - 1) < n
    alive[n + done] = True
    alive[merges[done, :2].astype(int)] = False
    roots = np.flatnonzero(alive)
    number = {int(node): k for k, node in enumerate(roots[np.argsort(first[roots])])}
    cluster = np.full(2 * n - 1, -1)
    for node in range(2 * n - 2, -1, -1):
        cluster[node] = number.get(node, cluster[node])
        if node >= n:
            cluster[merges[node - n, :2].astype(int)] = cluster[node]
    lines = axes.collections[0]
    drawn = np.arange(2 * n - 1 - len(lines.get_paths()), 2 * n - 1)
    if isinstance(lines, LineCollection):
        lines.set_color([color_of(cluster[node]) if cluster[node] >= 0 else NOISE for node in drawn])
    if 1 < count < n and (np.diff(merges[:, 2]) >= 0).all():
        between = (merges[n - count, 2] + merges[n - count - 1, 2]) / 2
        axes.axhline(between, color=NOISE, linewidth=0.8, linestyle="--", zorder=0)
    return axes


def plot_spanning_tree(
    X: ArrayLike,
    u: ArrayLike,
    v: ArrayLike,
    distance: ArrayLike,
    *,
    ax: Axes | None = None,
    **lines: Any,
) -> Axes:
    """Draw a spanning tree over two-dimensional points, longer edges paler.

    Parameters
    ----------
    X : array-like of shape (n_samples, 2)
    u, v : array-like of shape (n_edges,), int
        Rows of `X`.
    distance : array-like of shape (n_edges,)
    ax : matplotlib Axes, default=None
        By default a new figure's.
    **lines
        Passed to :class:`matplotlib.collections.LineCollection`, such as ``linewidths``.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> from shoal.plotting import plot_spanning_tree
    >>> ax = plot_spanning_tree([[0, 0], [1, 0], [1, 2]], [0, 1], [1, 2], [1.0, 2.0])
    >>> len(ax.collections)
    2
    """
    from matplotlib.collections import LineCollection

    points = check_matrix(X)
    if points.shape[1] != 2:
        raise ValueError(f"X must have 2 columns; got {points.shape[1]}")
    one, other = np.asarray(u), np.asarray(v)
    for name, rows in (("u", one), ("v", other)):
        if rows.dtype.kind not in "iu" or rows.shape != np.shape(distance) or rows.ndim != 1:
            raise ValueError(
                f"{name} must be row numbers, one per distance; got {rows.dtype} of shape {rows.shape}"
            )
        if rows.size and not (0 <= rows.min() <= rows.max() < len(points)):
            raise ValueError(
                f"{name} must be in [0, n_samples - 1={len(points) - 1}]; got {rows.min()} to {rows.max()}"
            )
    axes = _axes(ax)
    order = np.argsort(np.asarray(distance), kind="stable")[::-1]  # the short ones on top
    ends = np.stack([points[one[order]], points[other[order]]], axis=1)
    edges = LineCollection(list(ends), **{"cmap": "viridis", "linewidths": 1.0, **lines})
    edges.set_array(np.asarray(distance, dtype=float)[order])
    axes.add_collection(edges)
    axes.scatter(points[:, 0], points[:, 1], s=3, color="black", linewidths=0, alpha=0.5)
    axes.set_aspect("equal", adjustable="datalim")
    axes.autoscale_view()
    bar = axes.figure.colorbar(edges, ax=axes)
    bar.set_label("mutual reachability")
    return axes
