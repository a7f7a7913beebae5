"""Centroids at one separation, and the separation at which their number is most stable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal import _core
from shoal.base.progress import Report

# The ladder of separations: its ratio, and where it ends.
RATIO = 2**-0.25
MOST_STEPS = 120
MOST_SEEDS = 20_000
MOST_SWEEPS = 100
# It ends early, too, after GROWING growing numbers of clusters, to MANY times that of a plateau of LONG steps.
GROWING, MANY, LONG = 3, 8, 6
# Or when a plateau has so many steps, a factor of 16: what lies further down is another question.
ENOUGH = 16
# Numbers of clusters up to this ratio are one plateau.
ALIKE = 1.06
# Centroids with less than this share of the median count of the large ones are noise; so large is what has this
# share of the largest.
SMALL = 0.1
# So many standard deviations are no chance.
CHANCE = 10
# So many boxes with hardly more than one point each are a mistake in the unit, not a clustering.
MOST_SINGLES = 10_000
SINGLES = 0.9  # boxes per sample
# Ranges below this count as none: squares of what is much smaller are 0. By bytes of a value.
SMALLEST = {4: 1e-12, 8: 1e-140}


@dataclass
class Centroids:
    """Where the centroids of one separation came to rest, by falling count."""

    centers: NDArray[np.float64]  # (n_clusters, n_features)
    counts: NDArray[np.float64]  # (n_clusters,)
    n_boxes: int
    n_seeds: int
    n_iter: int
    converged: bool
    paths: NDArray[np.float64]  # (n_iter + 1, n_seeds, n_features), or empty


def find_centroids(
    tree: Any,
    separation: float,
    *,
    min_count: float | None,
    collision: float | None,
    tol: float,
    max_iter: int,
    keep_paths: bool = False,
    most_boxes: float = np.inf,
    most_seeds: float = np.inf,
    report: Report | None = None,
) -> Centroids | None:
    """Seeds on the grid, moved until they rest; `min_count` None is "auto", `collision` None is the separation.

    None when more than `most_boxes` boxes hold points, more than `most_seeds` are seeds, or, when these are limited,
    none is.
    """
    seeds, counts = _core.grid_seeds(tree, side=separation)
    n_boxes = len(counts)
    if min_count is None:
        least = least_of(counts)
        keep = counts >= np.clip(np.median(counts), least / 16, least / 4)
    else:
        keep = counts >= min_count
    if n_boxes > most_boxes or keep.sum() > most_seeds or (most_boxes < np.inf and not keep.any()):
        return None
    if not keep.any():
        raise ValueError(
            f"min_count must be at most {counts[0]:g}, the largest count of a box of side separation={separation:g}; "
            f"got {min_count:g}"
        )
    if n_boxes > max(MOST_SINGLES, SINGLES * tree.nodes.n_samples) and min_count is None:
        raise ValueError(
            f"separation={separation:g} is too small: {tree.nodes.n_samples} samples are in {n_boxes} boxes, nearly "
            "each in one of its own; raise separation, or pass min_count to keep the boxes with more samples"
        )
    centers, _, _, n_iter, converged, paths = _core.shift_centroids(
        tree,
        np.ascontiguousarray(seeds[keep]),
        side=separation,
        collision=separation if collision is None else collision,
        tol=tol * separation,
        max_iter=max_iter,
        keep_paths=keep_paths,
        progress=report,
    )
    final = box_counts(tree, centers, separation)
    order = np.argsort(-final, kind="stable")
    if min_count is None:
        order = order[
            (final[order] >= least_of(final)) | _stands_alone(tree, centers, final, separation)[order]
        ]
    else:
        order = order[final[order] >= min(min_count, final.max())]
    return Centroids(centers[order], final[order], n_boxes, int(keep.sum()), n_iter, converged, paths)


def least_of(counts: NDArray[np.float64]) -> float:
    """A tenth of the median count of the large ones, which are those with a tenth of the largest."""
    return float(SMALL * np.median(counts[counts >= SMALL * counts.max()]))


def _stands_alone(
    tree: Any, centers: NDArray[np.float64], counts: NDArray[np.float64], side: float
) -> NDArray[np.bool_]:
    """Centroids of small clusters, however small beside others: far more points than in the space around them.

    The box is compared with the 3^d - 1 boxes around it. A uniform background is at most (3^d - 1) / (2^d - 1) times
    as dense as its surroundings, in its corners; twice that, and many standard deviations of chance, is no background.
    """
    d = centers.shape[1]
    around = 3.0**d - 1
    expected = np.maximum(box_counts(tree, centers, 3 * side) - counts, 0) / around
    dense = counts >= 2 * around / (2.0**d - 1) * expected
    alone: NDArray[np.bool_] = dense & (counts - expected >= CHANCE * np.sqrt(expected + 1))
    return alone


def _dtype_of(tree: Any) -> np.dtype[Any]:
    return np.dtype(np.float32 if isinstance(tree, _core.RTreeF32) else np.float64)


def box_counts(tree: Any, centers: NDArray[np.float64], side: float) -> NDArray[np.float64]:
    """The weight of the points in boxes around centroids."""
    dtype = _dtype_of(tree)
    low = np.ascontiguousarray(centers - side / 2, dtype=dtype)
    high = np.ascontiguousarray(centers + side / 2, dtype=dtype)
    counts: NDArray[np.float64] = tree.box_weights(low, high, with_sums=False)[0]
    return counts


def resolution(tree: Any) -> float:
    """A few units in the last place of the largest value: boxes of less may miss the very points they are around."""
    low, high = bounds(tree)
    return 16 * float(np.finfo(_dtype_of(tree)).eps) * float(max(np.abs(low).max(), np.abs(high).max()))


def extent(tree: Any) -> float:
    """The largest range of a feature; 0 where it is so small that squares vanish."""
    low, high = bounds(tree)
    widest = float((high - low).max())
    return widest if widest > max(resolution(tree), SMALLEST[_dtype_of(tree).itemsize]) else 0.0


def bounds(tree: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Smallest and largest value of each feature."""
    low, high = _core.tree_bounds(tree)
    return low, high


def choose_separation(
    tree: Any,
    *,
    min_count: float | None,
    collision: float | None,
    tol: float,
    max_iter: int,
    report: Report | None = None,
) -> tuple[float, NDArray[np.float64]]:
    """The separation in the middle of the longest plateau of the number of clusters, and the ladder.

    The ladder falls by a constant ratio from the largest range of a feature. It ends where boxes hold too few points
    to tell clusters from chance, or where there are too many to go on.

    Returns
    -------
    separation : float
    path : ndarray of shape (n_steps, 2)
        Separation, number of clusters.
    """
    widest = extent(tree)
    most_boxes = max(_core.count_distinct(tree) / 3, 8)
    if widest == 0:
        one = max(1.0, 4 * resolution(tree))
        return one, np.array([[one, 1.0]])
    path: list[tuple[float, float]] = []
    separation = widest * 1.000001  # one box
    for step in range(MOST_STEPS):
        found = find_centroids(
            tree,
            separation,
            min_count=min_count,
            collision=collision,
            tol=tol,
            max_iter=min(max_iter, MOST_SWEEPS),
            most_boxes=most_boxes if path else np.inf,
            most_seeds=MOST_SEEDS,
        )
        if found is None:
            break
        path.append((separation, len(found.centers)))
        if report is not None:
            report("separations", step + 1, MOST_STEPS)
        separation *= RATIO
        first, last = longest_plateau(_counted(np.array(path)))
        if separation <= resolution(tree) or last - first >= ENOUGH or _falls_apart([n for _, n in path]):
            break
    ladder = np.array(path)
    return middle_of_longest_plateau(ladder), ladder


def _falls_apart(n_clusters: list[float]) -> bool:
    """Whether numbers grow without an end in sight: at every one of the last steps, to many times that of a long
    plateau of more than one cluster."""
    counts = np.array(n_clusters)
    first, last = longest_plateau(np.where(counts == 1, np.nan, counts))
    recent = counts[-1 - GROWING :]
    return bool(
        last - first >= LONG
        and len(recent) > GROWING
        and (np.diff(recent) > 0).all()
        and recent[-1] >= MANY * counts[first]
    )


def _counted(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """The numbers of clusters; NaN for separations above half the largest."""
    return np.where(path[:, 0] > path[0, 0] / 2, np.nan, path[:, 1])


def longest_plateau(n_clusters: NDArray[np.float64]) -> tuple[int, int]:
    """[first, last) of the longest run of numbers within `ALIKE` of each other, the first of equals; NaN is in none."""
    best = (0, 0)
    first = 0
    for last in range(1, len(n_clusters) + 1):
        if np.isnan(n_clusters[last - 1]):
            first = last
            continue
        while n_clusters[first:last].max() > ALIKE * n_clusters[first:last].min():
            first += 1
        if last - first > best[1] - best[0]:
            best = (first, last)
    return best


def middle_of_longest_plateau(path: NDArray[np.float64]) -> float:
    """The geometric middle of the longest run of equal numbers of clusters; of equals the one of larger separations.

    Numbers within 6 % of each other count as equal. Separations above half the largest, the range of the data, do not
    count: there is little room for more than one cluster.

    Parameters
    ----------
    path : ndarray of shape (n_steps, 2)
        Falling separations by a constant ratio, numbers of clusters.

    Examples
    --------
    >>> import numpy as np
    >>> from shoal.mixture.separation import middle_of_longest_plateau
    >>> middle_of_longest_plateau(np.array([[16, 1], [8, 3], [4, 3], [2, 3], [1, 7]]))
    4.0
    """
    counted = _counted(path)
    first, last = longest_plateau(counted if not np.isnan(counted).all() else path[:, 1])
    return float(path[(first + last - 1) // 2, 0])
