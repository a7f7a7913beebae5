"""What stands between samples and the hierarchy of HDBSCAN: settings, distances, the spanning tree, and attaching
new samples to it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from shoal import _core
from shoal.base.checks import check_int, check_real, check_spread, is_symmetric, shown, spread_fits
from shoal.base.learnt import LEARNT, learnt_parameters
from shoal.base.memory import require_memory
from shoal.density.metric import METRICS, Metric, check_metric, check_square

KD_METRICS = ("euclidean", "manhattan", "chebyshev", "minkowski")
# the most features for which the k-d tree was the faster one in measurements
KD_FEATURES = {"euclidean": 14, "manhattan": 24, "chebyshev": 60, "minkowski": np.inf}


class Linkage(NamedTuple):
    """A spanning tree and its merges, as the kernels take them."""

    u: NDArray[np.int32]
    v: NDArray[np.int32]
    height: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    size: NDArray[np.float64]
    core: NDArray[np.float64]


class Tree(NamedTuple):
    """A condensed tree: of clusters the first three, of samples the others."""

    parent: NDArray[np.int32]
    birth: NDArray[np.float64]
    size: NDArray[np.float64]
    cluster: NDArray[np.int32]
    lambdas: NDArray[np.float64]


class Chosen(NamedTuple):
    """The selected clusters of a tree."""

    cluster: NDArray[np.int32]  # of each label
    label_of: NDArray[np.int32]  # of each cluster of the tree, -1 for none
    most: NDArray[np.float64]  # the largest lambda at which anything leaves each cluster of the tree
    single: float  # when the root is selected: its members leave at this lambda or later


class Settings(NamedTuple):
    """Checked parameters."""

    min_cluster_size: int
    min_samples: int
    epsilon: float
    max_cluster_size: int | None
    metric: Metric
    given: Any
    params: dict[str, Any]
    alpha: float
    algorithm: str
    method: str
    allow_single_cluster: bool

    def select(self, tree: Tree, weight: Any) -> Any:
        return _core.select_clusters(
            *tree,
            weight,
            leaf=self.method == "leaf",
            allow_single_cluster=self.allow_single_cluster,
            epsilon=self.epsilon,
            max_cluster_size=float(self.max_cluster_size or 0),
        )


def check_any_metric(metric: Any, params: Any) -> tuple[Metric, dict[str, Any]]:
    """The metric, and the arguments that go with it where it is not one of the kernels'."""
    if params is not None and not isinstance(params, dict):
        raise TypeError(f"metric_params must be a dict or None; got {shown(params)}")
    if metric == "precomputed":
        unknown = (params or {}).keys() - {"max_distance"}
        if unknown:
            raise ValueError(
                f"metric_params must hold nothing but 'max_distance'; got {sorted(map(str, unknown))}"
            )
        limit = check_real("metric_params['max_distance']", (params or {}).get("max_distance", 0.0), 0)
        return Metric("precomputed"), {"max_distance": limit}
    if callable(metric):
        return Metric("other"), params or {}
    from sklearn.metrics.pairwise import distance_metrics

    others = {*distance_metrics(), *_SCIPY_METRICS} - set(METRICS)
    if isinstance(metric, str) and metric in others - {"l1", "l2", "cityblock"}:
        return Metric("other"), params or {}
    return check_metric(metric, None, params), {}


# what scikit-learn's pairwise_distances leaves to SciPy
_SCIPY_METRICS = (
    "braycurtis",
    "canberra",
    "correlation",
    "dice",
    "hamming",
    "jaccard",
    "mahalanobis",
    "rogerstanimoto",
    "russellrao",
    "seuclidean",
    "sqeuclidean",
    "yule",
)


def check_complete(X: Any) -> None:
    """Refuse distances of which some are NaN."""
    values = X.data if sparse.issparse(X) else X
    if values.size and np.isnan(values.min()):
        raise ValueError("X must have no missing distances for metric='precomputed'; got NaN")


def check_distances(X: Any) -> None:
    check_square(X)
    check_complete(X)
    if sparse.issparse(X):
        apart = abs(X - X.T).data
        apart = apart[~np.isnan(apart)]  # infinite there and back
        largest = X.data[np.isfinite(X.data)].max(initial=0.0)
        same = apart.max(initial=0.0) <= 1e-8 + 1e-5 * largest
    else:
        same = is_symmetric(X)
    if not same:
        raise ValueError(
            "X must be symmetric for metric='precomputed'; got distances that differ from i to j and back"
        )


def row_kinds(X: Any, metric: Metric) -> NDArray[np.int8]:
    """0 for rows of numbers, 1 for rows with an infinite value, 2 for rows with a missing one."""
    kinds = np.zeros(X.shape[0], dtype=np.int8)
    if metric.name == "precomputed":
        return kinds
    with np.errstate(all="ignore"):
        if np.isfinite(np.sum(X)):
            return kinds
    kinds[np.isinf(X).any(axis=1)] = 1
    kinds[np.isnan(X).any(axis=1)] = 2
    return kinds


def take_rows(X: Any, rows: Any, metric: Metric) -> Any:
    if rows is None:
        return X
    if metric.name != "precomputed":
        return X[rows]
    return X[rows][:, rows] if sparse.issparse(X) else np.ascontiguousarray(X[np.ix_(rows, rows)])


def learn(settings: Settings, X: Any, weight: Any) -> tuple[Settings, dict[str, Any]]:
    """The settings with what the metric learns from the samples and was not given, and that alone."""
    known = LEARNT.get(settings.given) if isinstance(settings.given, str) else None
    learnt = {} if known is None or known in settings.params else learnt_parameters(X, settings.given, weight)
    return settings._replace(params={**settings.params, **learnt}), learnt


def in_range(X: Any, metric: Metric) -> Any:
    """X, as float64 where distances, or their squares, would overflow."""
    if metric.name in ("manhattan", "chebyshev"):
        kind = metric.name
    elif metric.name in ("euclidean", "minkowski", "other"):
        kind = "minkowski" if metric.p > 2 else "euclidean"
    else:
        return X
    room: Any = {"times": 16, "others": (np.zeros(1),)}
    if spread_fits(X, kind, metric.p, **room):
        return X
    check_spread(X, kind, metric.p, dtype=np.float64, **room)
    return X.astype(np.float64)


def check_min_samples(min_samples: int, n_samples: int, weight: Any) -> None:
    if n_samples < 2:
        raise ValueError(f"X must have at least 2 samples that count; got n_samples={n_samples}")
    if weight is None:
        check_int("min_samples", min_samples, 1, n_samples, "n_samples")
    elif weight.sum() < min_samples:
        raise ValueError(
            f"min_samples must be in [1, sum of sample_weight={weight.sum():g}]; got {min_samples}"
        )


def spanning_tree(X: Any, weight: Any, settings: Settings, min_samples: int, report: Any) -> Any:
    metric = settings.metric
    options: dict[str, Any] = {"min_samples": min_samples, "alpha": settings.alpha}
    if _uses_kd_tree(X, settings):
        rows = X.astype(np.float64, copy=False)
        return _core.hdbscan_mst_kd_tree(
            rows, weight, metric=metric.name, p=metric.p, progress=report, **options
        )
    if metric.name not in ("precomputed", "other"):
        return _core.mst_tiles(X, weight, metric=metric.name, p=metric.p, progress=report, **options)
    if metric.name == "other":
        X = all_distances(X, settings)
    elif sparse.issparse(X):
        return _sparse_tree(X, weight, settings, options)
    return _core.mst_matrix(X, weight, **options)


def _uses_kd_tree(X: Any, settings: Settings) -> bool:
    """Whether neighbours come from a k-d tree, and not from tiles."""
    if settings.metric.name not in KD_METRICS or settings.algorithm == "brute":
        return False
    return settings.algorithm != "auto" or X.shape[1] <= KD_FEATURES[settings.metric.name]


def _sparse_tree(X: Any, weight: Any, settings: Settings, options: dict[str, Any]) -> Any:
    fewest = np.diff(X.indptr).min()
    if weight is None and fewest < options["min_samples"] and not settings.params["max_distance"]:
        raise ValueError(
            f"X must hold at least min_samples={options['min_samples']} distances in each row; got {fewest}"
        )
    values = X.data.astype(np.float64, copy=False)
    u, v, height, core = _core.mst_sparse(
        X.shape[0],
        values,
        X.indices,
        X.indptr,
        weight,
        max_distance=settings.params["max_distance"],
        **options,
    )
    if len(u) < X.shape[0] - 1:
        raise ValueError(
            f"X must connect all samples; got distances that leave {X.shape[0] - len(u)} groups apart"
        )
    return u, v, height, core


def single_linkage(edges: Any, weight: Any) -> Linkage:
    u, v, height, core = edges
    left, right, size = _core.single_linkage(u, v, weight)
    return Linkage(u, v, height, left, right, size, core)


def all_distances(X: Any, settings: Settings) -> NDArray[np.float64]:
    """The matrix of distances, for a metric the kernels do not have."""
    require_memory(
        8 * X.shape[0] ** 2,
        f"the matrix of all distances for metric={settings.given!r}",
        "metric='euclidean'",
    )
    return distances_between(X, X, settings)


def distances_between(X: Any, Y: Any, settings: Settings) -> NDArray[np.float64]:
    from sklearn.metrics import pairwise_distances

    metric, params = settings.metric, settings.params
    if metric.name == "minkowski":
        return pairwise_distances(X, Y, metric="minkowski", p=metric.p)
    if metric.name != "other":
        dtype = np.result_type(X.dtype, Y.dtype)
        return _core.pairwise(np.ascontiguousarray(X, dtype), np.ascontiguousarray(Y, dtype), metric.name)
    distances = pairwise_distances(X, Y, metric=settings.given, **params).astype(
        np.float64, order="C", copy=False
    )
    if not distances.min() >= 0:  # NaN too
        raise ValueError(f"metric must give distances >= 0; got {distances.min():g} from {settings.given!r}")
    return distances


_CHUNK = 2**22


def attach(
    X: Any, fitted: Any, core: Any, weight: Any, settings: Settings, min_samples: int
) -> tuple[Any, Any]:
    """The fitted row that each row of X is attached to, and at which distance."""
    name, p = settings.metric
    if _uses_kd_tree(X, settings):
        rows, fitted = np.ascontiguousarray(X, np.float64), fitted.astype(np.float64, copy=False)
        return _core.hdbscan_attach_kd_tree(
            rows, fitted, core, weight, min_samples=min_samples, alpha=settings.alpha, metric=name, p=p
        )
    if name not in ("precomputed", "other"):
        dtype = np.result_type(X.dtype, fitted.dtype)
        rows, fitted = np.ascontiguousarray(X, dtype), fitted.astype(dtype, copy=False)
        options: dict[str, Any] = {
            "min_samples": min_samples,
            "alpha": settings.alpha,
            "metric": name,
            "p": p,
        }
        return _core.hdbscan_attach(rows, fitted, core, weight, **options)
    n = core.size
    row, height = np.empty(X.shape[0], dtype=np.intp), np.empty(X.shape[0])
    step = max(1, _CHUNK // n)
    for begin in range(0, X.shape[0], step):
        some = X[begin : begin + step]
        distances = (
            row_distances(some, n) if name == "precomputed" else distances_between(some, fitted, settings)
        )
        if weight is None:
            own = np.partition(distances, min_samples - 1, axis=1)[:, min_samples - 1]
        else:
            order = np.argsort(distances, axis=1, kind="stable")
            lacking = np.cumsum(weight[order], axis=1) < min_samples  # all, where rounding makes it so
            enough = np.minimum(lacking.sum(axis=1), n - 1)
            own = np.take_along_axis(distances, np.take_along_axis(order, enough[:, None], 1), 1)[:, 0]
        reach = np.maximum(np.maximum(distances / settings.alpha, core), own[:, None])
        least = reach.min(axis=1)
        best = np.argmin(np.where(reach == least[:, None], distances, np.inf), axis=1)
        row[begin : begin + step], height[begin : begin + step] = best, least
    return row, height


def leaving(row: Any, height: Any, tree: Tree) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """The last cluster of samples attached to fitted rows at some height, and the lambda at which they leave it."""
    parent, birth, _, point_cluster, point_lambda = tree
    with np.errstate(divide="ignore", over="ignore"):
        lambdas = 1.0 / height
    cluster = point_cluster[row].copy()
    # a sample that comes in further away than its neighbour leaves may leave a cluster further up
    climbing = np.flatnonzero((lambdas <= birth[cluster]) & (cluster > 0))
    while climbing.size:
        cluster[climbing] = parent[cluster[climbing]]
        climbing = climbing[(lambdas[climbing] <= birth[cluster[climbing]]) & (cluster[climbing] > 0)]
    own = cluster == point_cluster[row]
    return cluster, np.where(own, np.minimum(lambdas, point_lambda[row]), lambdas)


def labels_of(cluster: Any, lambdas: Any, chosen: Chosen) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Labels and probabilities of samples that leave these clusters last, at these lambdas."""
    labels = chosen.label_of[cluster].astype(np.intp)
    if chosen.cluster.size and chosen.cluster[0] == 0:
        labels = np.where(lambdas < chosen.single, -1, labels)
    probabilities = np.zeros(len(labels))
    inside = labels >= 0
    if inside.any():
        top = chosen.most[chosen.cluster[labels[inside]]]
        with np.errstate(invalid="ignore", divide="ignore"):
            probabilities[inside] = np.where(lambdas[inside] < top, lambdas[inside] / top, 1.0)
    return labels, probabilities


def row_distances(X: Any, n: int) -> NDArray[np.float64]:
    """Distances from new samples to the fitted ones, infinite where a sparse matrix has none."""
    if X.shape[1] != n:
        raise ValueError(
            f"X must have a distance to each of the {n} fitted samples; got {X.shape[1]} columns"
        )
    if not sparse.issparse(X):
        return X.astype(np.float64, copy=False)
    dense = np.full(X.shape, np.inf)
    dense[np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), X.indices] = X.data
    return dense


def nearest_distance(X: Any, rows: Any, settings: Settings) -> NDArray[np.float64]:
    """From each row of X to the nearest of `rows`."""
    step = max(1, _CHUNK // len(rows))
    parts = [
        distances_between(X[at : at + step], rows, settings).min(axis=1) for at in range(0, len(X), step)
    ]
    return np.concatenate(parts).astype(np.float64, copy=False)


def medoid(X: Any, strength: NDArray[np.float64], settings: Settings) -> int:
    """The row with the smallest sum of weighted distances to all rows, the first of equals."""
    step = max(1, _CHUNK // len(X))
    sums = [distances_between(X[at : at + step], X, settings) @ strength for at in range(0, len(X), step)]
    return int(np.argmin(np.concatenate(sums)))


def parting_lambdas(parent: Any, birth: Any, selected: int) -> NDArray[np.float64]:
    """For each cluster the lambda at which it and `selected` part; NaN where one holds the other."""
    above = {selected}
    at = selected
    while at > 0:
        at = int(parent[at])
        above.add(at)
    parting = np.full(parent.size, np.nan)
    below = np.zeros(parent.size, dtype=bool)  # `selected` and what it holds
    below[selected] = True
    for cluster in range(1, parent.size):
        if cluster in above:
            continue
        mother = parent[cluster]
        below[cluster] = below[mother]
        if not below[cluster]:
            parting[cluster] = birth[cluster] if np.isnan(parting[mother]) else parting[mother]
    return parting
