"""Linkage: the hierarchy of merges, from single samples to one cluster."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from shoal import _core
from shoal.base.checks import (
    check_bool,
    check_choice,
    check_finite,
    check_matrix,
    check_minkowski,
    check_sample_weight,
    check_spread,
    check_verbose,
    is_symmetric,
    shown,
)
from shoal.base.learnt import learnt_parameters
from shoal.base.memory import require_memory
from shoal.base.progress import progress

METHODS = ("single", "complete", "average", "weighted", "ward", "centroid", "median")
GEOMETRIC = ("ward", "centroid", "median")  # of means of points: euclidean distances only
REDUCIBLE = ("complete", "average", "weighted")  # and all distances are kept
METRICS = ("euclidean", "cosine", "manhattan", "chebyshev", "minkowski")
SCIPY_METRICS = (
    "braycurtis",
    "canberra",
    "correlation",
    "dice",
    "hamming",
    "jaccard",
    "jensenshannon",
    "mahalanobis",
    "rogerstanimoto",
    "russellrao",
    "seuclidean",
    "sqeuclidean",
    "yule",
)

# Up to so many samples every method goes over all distances, in SciPy's very order, if only where merges tie.
MOST_BY_MATRIX = 2048
# With more features than this a look at a centroid costs more than Ward's distances in a triangle, while that is small:
# half a GiB for so many rows.
WARD_FEATURES, MOST_WARD_ROWS = 40, 11_585
# the most features for which the k-d tree was the faster way to the spanning tree
KD_FEATURES = {"euclidean": 14, "manhattan": 24, "chebyshev": 60, "minkowski": math.inf}


class Tree(NamedTuple):
    """Merges as the kernels give them: row i joins left and right into node n_samples + i."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    height: NDArray[np.float64]
    size: NDArray[np.float64]

    def matrix(self) -> NDArray[np.float64]:
        """SciPy's Z."""
        return np.column_stack([values.astype(np.float64, copy=False) for values in self])


def linkage(
    X: ArrayLike,
    method: str = "single",
    metric: str | Callable[..., float] = "euclidean",
    optimal_ordering: bool = False,
    *,
    p: float = 2,
    sample_weight: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
    verbose: int = 0,
) -> NDArray[np.float64]:
    """Merge the two nearest clusters, from single samples until one is left.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features), (n_samples * (n_samples - 1) / 2,) or (n_samples, n_samples)
        Rows; or distances, as SciPy's condensed vector; or, with ``metric="precomputed"``, as a symmetric matrix.
    method : str, default="single"
        The distance between two clusters:

        - "single": the smallest between their samples, "complete": the largest, "average": the mean;
        - "weighted": the mean of the distances to the two clusters that one of them was made of;
        - "ward": the root of twice what their union adds to the sum of squares;
        - "centroid": between their means, "median": between the middles of what they were made of.
    metric : str or callable, default="euclidean"
        "euclidean", "cosine", "manhattan", "chebyshev", "minkowski", "precomputed", or whatever else
        :func:`scipy.spatial.distance.pdist` takes. "ward", "centroid" and "median" take "euclidean" only, or
        distances, which should then be Euclidean.
    optimal_ordering : bool, default=False
        Swap the clusters of each merge such that neighbouring leaves are near each other; see
        :func:`shoal.optimal_leaf_ordering`.
    p : float, default=2
        The exponent of "minkowski", at least 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Positive. A sample of weight w counts as w equal samples: in the means of "average", "ward" and "centroid", in
        what "seuclidean" and "mahalanobis" learn from the rows, and in the last column of the result. Else the
        heights of the other methods do not depend on it.
    dtype : {None, "float32", "float64"}, default=None
        The type in which distances are kept, where they are: None is float64; float32 takes half the memory, and
        heights are right to about six digits.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    Z : ndarray of shape (n_samples - 1, 4), float64
        SciPy's linkage matrix: row i joins clusters ``Z[i, 0] < Z[i, 1]`` at distance ``Z[i, 2]`` into cluster
        ``n_samples + i``, of ``Z[i, 3]`` samples (of their weight, if there are weights). The functions of
        :mod:`scipy.cluster.hierarchy` take it. Heights ascend, except for "centroid" and "median".

    Raises
    ------
    ValueError, TypeError
        On bad data or parameters, with the parameter in the message.
    MemoryError
        When distances must be kept and do not fit into memory.

    Warns
    -----
    ClusterWarning
        When rows look like a matrix of distances: SciPy's warning, as there.

    Notes
    -----
    =====================  =======================================================  ==========================
    method                 time                                                     memory
    =====================  =======================================================  ==========================
    single                 about n log n for few features, n² d at most             a few copies of X
    ward                   about n log² n for few features, n² d at most            16 d + 60 bytes per sample; 41
                                                                                    features and more, to 11,585
                                                                                    rows: 4 n²
    centroid, median       n² d in practice, n³ d at worst                          16 d + 50 bytes per sample
    complete, average,     n² d for the distances, n² for the merges                4 n² bytes (dtype "float32":
    weighted                                                                        2 n²)
    given distances        n² (centroid, median: n³ at worst)                       a copy of them; single: none
    =====================  =======================================================  ==========================

    Tie rule. From given distances, and from up to 2048 rows, clusters, their order and every bit of the heights are
    those of :func:`scipy.cluster.hierarchy.linkage` (with SciPy's distances), also where distances tie; where no
    merges of "ward" tie, its heights are the same to 1e-10. From more rows the merges are the same to rounding;
    where distances tie, "complete", "average" and "weighted" merge with the cluster whose first sample comes first
    (last, once few pairs are each other's nearest), "ward" with the one whose last sample comes first (from 41
    features on, to 11,585 rows, as "average"), and "single" orders the edges of its tree by length and samples.
    "single", "ward", "centroid" and "median" of more rows do without the distances between all, but for those of
    "ward" just named. Results have the same bits for any number of threads.

    References
    ----------
    .. [1] G. N. Lance and W. T. Williams, "A general theory of classificatory sorting strategies", The Computer
       Journal 9(4), 373-380, 1967.
    .. [2] F. Murtagh, "A survey of recent advances in hierarchical clustering algorithms", The Computer Journal
       26(4), 354-359, 1983.
    .. [3] D. Müllner, "Modern hierarchical, agglomerative clustering algorithms", arXiv:1109.2378, 2011.

    Examples
    --------
    >>> import shoal
    >>> shoal.linkage([[0.0], [1.0], [5.0], [7.0]], "average")
    array([[0. , 1. , 1. , 2. ],
           [2. , 3. , 2. , 2. ],
           [4. , 5. , 5.5, 4. ]])
    """
    job = Job.of(X, method, metric, p, dtype)
    if job.metric != "precomputed" and _looks_like_distances(job.data):
        from scipy.cluster.hierarchy import ClusterWarning

        warnings.warn(
            "X is square, symmetric, non-negative and zero on its diagonal, and looks suspiciously like an "
            "uncondensed distance matrix: it is taken as rows; pass metric='precomputed' for distances",
            ClusterWarning,
            stacklevel=2,
        )
    ordering = check_bool("optimal_ordering", optimal_ordering)
    weight = check_positive_weight(sample_weight, job.n)
    job = job.learn(weight)
    with progress(check_verbose(verbose), "linkage", "merge") as report:
        Z = job.run(weight, report=report).matrix()
        if ordering:
            from shoal.hierarchy.dendrogram import optimal_leaf_ordering

            Z = optimal_leaf_ordering(Z, job.distances())
    return Z


hac_dendrogram = linkage


class Job(NamedTuple):
    """What to link, checked."""

    data: NDArray[Any]  # rows, float64; or a condensed vector
    n: int
    method: str
    metric: Any  # "precomputed" for a condensed vector
    p: float
    in_float32: bool
    learnt: dict[str, Any] = {}  # noqa: RUF012 - never written to

    @classmethod
    def of(cls, X: Any, method: str, metric: Any, p: float = 2, dtype: DTypeLike | None = None) -> Job:
        check_choice("method", method, METHODS)
        in_float32 = check_distance_dtype(dtype)
        metric, p = check_minkowski(metric, p)
        if not callable(metric) and metric not in METRICS and metric != "precomputed":
            check_choice("metric", metric, (*METRICS, "precomputed", *SCIPY_METRICS))
        if metric == "precomputed" or np.ndim(X) == 1:
            condensed, n = check_condensed(X)
            if method in GEOMETRIC:
                _check_squares(condensed, n, in_float32)
            return cls(condensed, n, method, "precomputed", p, in_float32)
        if method in GEOMETRIC and metric != "euclidean":
            raise ValueError(f"metric must be 'euclidean' for method={method!r}; got {shown(metric)}")
        data = check_matrix(X).astype(np.float64, copy=False)
        n = data.shape[0]
        if n < 2:
            raise ValueError(f"X must have at least 2 samples; got n_samples={n}")
        check_range(data, metric, p)
        if in_float32 and method in GEOMETRIC:
            check_range(data, metric, p, np.float32)
        return cls(data, n, method, metric, p, in_float32)

    def learn(self, weight: NDArray[np.float64] | None) -> Job:
        """The same with what the metric learns from the rows."""
        return self._replace(learnt=learnt_parameters(self.data, self.metric, weight))

    def run(self, weight: Any, *, report: Any = None, ordered: bool = True) -> Tree:
        """The tree; left < right everywhere if `ordered`, else as the spanning tree of "single" was found."""
        common = {"weight": weight, "ordered": ordered, "progress": report}
        metric = {"metric": self.metric, "p": self.p}
        if self.metric not in METRICS:
            n_bytes = 0 if self.method == "single" else self._triangle()
            if self.metric != "precomputed":
                n_bytes += self.n * (self.n - 1) // 2 * 8
            require_memory(
                n_bytes, f"{self.method} linkage of {self.n} samples, from all distances,", self._instead()
            )
            return Tree(
                *_core.linkage_condensed(
                    self.distances(), self.n, method=self.method, in_float32=self.in_float32, **common
                )
            )
        ward_triangle = (
            self.method == "ward"
            and MOST_BY_MATRIX < self.n <= MOST_WARD_ROWS
            and self.data.shape[1] > WARD_FEATURES
        )
        if self.n > MOST_BY_MATRIX and self.method in GEOMETRIC and not ward_triangle:
            return self._from_centroids(weight, report)
        # with more features, what all distances cost is soon less than looks at the centroids
        if self.method == "ward" and not ward_triangle and self.data.shape[1] <= 4 + self.n / 40:
            tree = self._from_centroids(weight, report, unless_tied=True)
            if len(tree.left):
                return tree
        if self.n > MOST_BY_MATRIX and self.method == "single":
            kd_tree = self.data.shape[1] <= KD_FEATURES.get(self.metric, 0)
            return Tree(*_core.linkage_single(self.data, kd_tree=kd_tree, **metric, **common))
        if self.method != "single":
            require_memory(
                self._triangle(),
                f"{self.method} linkage of {self.n} samples, from all distances,",
                self._instead(),
            )
        rounds = self.n > MOST_BY_MATRIX and (self.method in REDUCIBLE or ward_triangle)
        return Tree(
            *_core.linkage_matrix(
                self.data,
                method=self.method,
                in_float32=self.in_float32,
                fewest_pairs=1 / 16 if rounds else 0,
                **metric,
                **common,
            )
        )

    def _from_centroids(self, weight: Any, report: Any, *, unless_tied: bool = False) -> Tree:
        # where a search of the tree costs as much as a look at all, rounds must find many pairs to pay
        d = self.data.shape[1]
        fewest = 1.0 if self.n < (1000 if d <= 3 else 2048) else 1 / 64 if d <= 6 else 1 / 8
        return Tree(
            *_core.linkage_centroids(
                self.data,
                method=self.method,
                weight=weight,
                fewest_pairs=fewest,
                unless_tied=unless_tied,
                progress=report,
            )
        )

    def distances(self) -> NDArray[Any]:
        """All distances, condensed."""
        if self.metric == "precomputed":
            return self.data
        from scipy.spatial.distance import pdist

        require_memory(self.n * (self.n - 1) // 2 * 8, f"all distances of {self.n} samples", "fewer samples")
        names = {"manhattan": "cityblock"}
        options: dict[str, Any] = {"p": self.p} if self.metric == "minkowski" else self.learnt
        found = pdist(self.data, names.get(self.metric, self.metric), **options)
        if self.metric == "cosine":
            found = np.where(np.isnan(found), _zero_rows_apart(self.data), found)
        check_finite(found, name="distances")
        return found

    def _triangle(self) -> int:
        return self.n * (self.n - 1) // 2 * (4 if self.in_float32 else 8)

    def _instead(self) -> str:
        half = "" if self.in_float32 else "dtype='float32' for half of that, or "
        return f"{half}method='ward' or 'single' on rows, which keep no distances"


def check_distance_dtype(dtype: Any) -> bool:
    """True for float32, False for float64 and None."""
    try:
        kind = np.dtype(np.float64 if dtype is None else dtype)
    except TypeError:
        kind = None
    if kind not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f"dtype must be None, 'float32' or 'float64'; got {shown(dtype)}")
    return kind == np.dtype(np.float32)


def check_positive_weight(sample_weight: Any, n_samples: int) -> NDArray[np.float64] | None:
    weight = check_sample_weight(sample_weight, n_samples, np.float64)
    if weight is not None and weight.min() <= 0:
        raise ValueError(f"sample_weight must be > 0; got {weight.min():g} at index {int(np.argmin(weight))}")
    return weight


def check_condensed(X: Any, name: str = "X") -> tuple[NDArray[Any], int]:
    """Distances as SciPy's condensed vector, and the number of samples."""
    to_be_one = " for metric='precomputed'" if name == "X" else ""
    if np.ndim(X) == 1:
        row = check_matrix(np.asarray(X)[None, :], name)[0]
        n = (1 + math.isqrt(1 + 8 * row.size)) // 2
        if n * (n - 1) // 2 != row.size:
            raise ValueError(
                f"{name} must have n * (n - 1) / 2 entries if it is a condensed vector of distances; "
                f"got {row.size}"
            )
        condensed = row
        place: Callable[[int], str] = "index {0}".format
    else:
        square = check_matrix(X, name)
        n = square.shape[0]
        if square.shape[1] != n:
            raise ValueError(f"{name} must be square{to_be_one}; got shape {square.shape}")
        if not is_symmetric(square):
            raise ValueError(
                f"{name} must be symmetric{to_be_one}; got distances that differ from i to j and back"
            )
        condensed = upper_triangle(square)
        place = partial(_place_in_square, n)
    if n < 2:
        raise ValueError(f"{name} must have at least 2 samples; got n_samples={n}")
    if condensed.min() < 0:
        worst = int(condensed.argmin())
        raise ValueError(
            f"Negative values in {name}: distances must be >= 0; got {condensed[worst]:g} at {place(worst)}"
        )
    return condensed, n


def _place_in_square(n: int, index: int) -> str:
    """Where in the square matrix an entry of the condensed vector is."""
    row = 0
    while index >= n - 1 - row:
        index -= n - 1 - row
        row += 1
    return f"row {row}, column {row + 1 + index}"


def upper_triangle(square: NDArray[Any]) -> NDArray[Any]:
    """The condensed vector of a square matrix, row by row."""
    n = square.shape[0]
    condensed = np.empty(n * (n - 1) // 2, dtype=square.dtype)
    at = 0
    for i in range(n - 1):
        condensed[at : at + n - 1 - i] = square[i, i + 1 :]
        at += n - 1 - i
    return condensed


def _looks_like_distances(X: NDArray[Any]) -> bool:
    square = X.shape[0] == X.shape[1] and np.allclose(np.diagonal(X), 0)
    return bool(square and X.min() >= 0 and is_symmetric(X))


def check_range(
    X: NDArray[np.float64], metric: Any = "euclidean", p: float = 2, dtype: Any = np.float64
) -> None:
    """Refuse rows of which the distances, or those of their unions, could overflow in `dtype`."""
    check_spread(X, metric, p, dtype=dtype, times=4 * X.shape[0], others=(np.zeros(1),))


def _check_squares(condensed: NDArray[Any], n: int, in_float32: bool) -> None:
    """Refuse distances whose squares, of unions too, could overflow in the type in which they are kept."""
    dtype = np.float32 if in_float32 else np.float64
    largest = float(condensed.max())
    if largest > math.sqrt(float(np.finfo(dtype).max)) / (2 * math.sqrt(n)):
        raise ValueError(
            f"X must have distances whose squares fit into {np.dtype(dtype)}; got {largest:g}; scale X"
            + (" or take dtype='float64'" if in_float32 else "")
        )


def _zero_rows_apart(X: NDArray[Any]) -> NDArray[Any]:
    """Cosine distances where a row is zero: 0 between two such rows, 1 to all others."""
    zero = ~X.any(axis=1)
    return upper_triangle(np.not_equal.outer(zero, zero).astype(np.float64))
