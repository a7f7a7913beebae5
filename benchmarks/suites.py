"""What is measured: suites of cases. A case is a task, its data and its parameters; it names no library."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from . import data

FLOATS = ("float32", "float64")


@dataclass(frozen=True)
class Case:
    """One task on one data set; run for each dtype, number of threads and library that offers the task."""

    suite: str
    name: str
    task: str
    kind: str  # of data
    make: Callable[[], data.Arrays]
    params: dict[str, Any] = field(default_factory=dict)
    dtypes: tuple[str, ...] = FLOATS
    seeds: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Suite:
    name: str
    about: str
    cases: Callable[[], Iterator[Case]]
    measure: str  # the entry of a result's quality that the table compares
    unit_of_work: str = "call"
    needs: str = ""  # the option without which it has no cases


SHAPES = (
    (1_000_000, 2, 50),
    (200_000, 8, 16),
    (200_000, 32, 64),
    (50_000, 784, 10),
    (50_000, 128, 256),
    (20_000, 64, 1000),
)
KINDS = {"blobs": data.blobs, "structureless": data.structureless}


def short(n: int) -> str:
    """1000000 as 1M, 50000 as 50k."""
    for unit, letter in ((1_000_000, "M"), (1000, "k")):
        if n >= unit and n % unit == 0:
            return f"{n // unit}{letter}"
    return str(n)


def shape_name(n: int, d: int, k: int) -> str:
    return f"{short(n)} x {d}, k {k}"


def _points(
    suite: str,
    task: str,
    shapes: Iterable[tuple[int, int, int]],
    params: Mapping[str, Any] = MappingProxyType({}),
    seeds: tuple[int, ...] = (0,),
    label: str = "",
) -> Iterator[Case]:
    """The shapes (n_samples, n_features, n_clusters) with both kinds of data."""
    for n, d, k in shapes:
        name, given = shape_name(n, d, k) + label, {"n_clusters": k, **params}
        for kind, make in KINDS.items():
            yield Case(suite, name, task, kind, partial(make, n, d, k), given, seeds=seeds)


def _lloyd() -> Iterator[Case]:
    yield from _points("kmeans-lloyd", "lloyd", SHAPES, params={"max_iter": 20})


def _fit() -> Iterator[Case]:
    yield from _points("kmeans-fit", "fit", SHAPES, seeds=(0, 1, 2))


def _plusplus() -> Iterator[Case]:
    for label, trials in ((", greedy", None), (", one candidate", 1)):
        params = {"n_local_trials": trials}
        task = "plusplus" if trials is None else "plusplus-single"
        yield from _points(
            "kmeans-plusplus", task, ((100_000, 128, 256),), params=params, label=label, seeds=(0, 1, 2)
        )


def _minibatch() -> Iterator[Case]:
    yield from _points("minibatch", "minibatch", ((1_000_000, 16, 100),), seeds=(0, 1, 2))


def _bisecting() -> Iterator[Case]:
    yield from _points("bisecting", "bisecting", ((200_000, 16, 64),))


def _hdbscan() -> Iterator[Case]:
    shapes = (
        (50_000, 2, 20),
        (200_000, 3, 20),
        (1_000_000, 2, 20),
        (50_000, 10, 20),
        (10_000, 50, 20),
        (20_000, 50, 20),
    )
    for case in _points("hdbscan", "hdbscan", shapes):
        n, d = case.make.args[:2]  # type: ignore[attr-defined]
        name = f"{short(n)} x {d}, min_cluster_size 10"
        yield replace(case, name=name, params={"min_cluster_size": 10}, dtypes=("float64",))


def _local_gaussian() -> Iterator[Case]:
    shapes = (
        (10_000, 2, 20),
        (150_000, 2, 20),
        (1_000_000, 2, 20),
        (150_000, 2, 100),
        (60_000, 3, 15),
        (50_000, 6, 10),
        (50_000, 8, 10),
    )
    for n, d, k in shapes:
        yield Case(
            "local-gaussian",
            shape_name(n, d, k),
            "local-gaussian",
            "gaussians",
            partial(data.gaussians, n, d, k),
            {"separation": 3.2, "n_clusters": k},
            dtypes=("float64",),
        )


def _affinity_propagation() -> Iterator[Case]:
    for n, d, k, iterations in ((1000, 16, 20, 60), (3000, 16, 30, 60), (3000, 16, 30, 200)):
        yield Case(
            "affinity-propagation",
            f"{short(n)} x {d}, {iterations} iterations",
            "affinity-propagation",
            "blobs",
            partial(data.blobs, n, d, k),
            {"max_iter": iterations, "convergence_iter": iterations, "damping": 0.9},
        )


def _birch() -> Iterator[Case]:
    for n, d, threshold in ((100_000, 16, 1.5), (200_000, 8, 2.0)):
        yield Case(
            "birch",
            f"{short(n)} x {d}, threshold {threshold}, labels",
            "birch",
            "blobs",
            partial(data.blobs, n, d, 50),
            {"threshold": threshold, "n_clusters": None},
            dtypes=("float64",),
        )
        yield Case(
            "birch",
            f"{short(n)} x {d}, at most 2000 subclusters, 50 clusters",
            "birch-bounded",
            "blobs",
            partial(data.blobs, n, d, 50),
            {"max_subclusters": 2000, "n_clusters": 50},
            dtypes=("float64",),
        )
    yield Case(
        "birch",
        "10M x 4 by partial_fit of 100k, at most 2000 subclusters",
        "birch-stream",
        "blobs",
        partial(data.blobs, 100_000, 4, 30),
        {"max_subclusters": 2000, "n_pieces": 100},
        dtypes=("float64",),
    )


def _silhouette() -> Iterator[Case]:
    for case in _points("silhouette", "silhouette", ((30_000, 16, 20),)):
        yield replace(case, name="30k x 16, 20 labels")


def _external() -> Iterator[Case]:
    for metric in ("ami", "nmi", "ari"):
        for kind, agreement in (("half agree", 0.5), ("independent", 0.0)):
            yield Case(
                "external",
                f"{metric.upper()}, 1M labels, 500 x 500",
                metric,
                kind,
                partial(data.label_pairs, 1_000_000, 500, agreement),
                dtypes=("int64",),
            )


def _mnist(path: str | None) -> Iterator[Case]:
    if path is None:
        return
    for k in (10, 100):
        yield Case(
            "mnist",
            f"MNIST, k {k}",
            "fit",
            "real",
            partial(data.from_npz, path, k),
            {"n_clusters": k},
            seeds=(0, 1, 2),
        )


def _import() -> Iterator[Case]:
    for name, task in (("the package", "import"), ("and reach k-means", "import-kmeans")):
        yield Case("import", f"import {name}", task, "none", dict, dtypes=("none",))


def _dbscan() -> Iterator[Case]:
    """Radii at which there is something to find, and in structureless data some neighbours."""
    scattered = (
        (100_000, 2, 0.1),
        (1_000_000, 2, 0.1),
        (1_000_000, 2, 0.3),
        (100_000, 3, 0.3),
        (100_000, 5, 0.8),
        (20_000, 16, 3.0),
        (20_000, 64, 9.0),
    )
    structureless = (
        (100_000, 2, 0.005),
        (1_000_000, 2, 0.0564),  # ten thousand neighbours each: what counts is the memory
        (100_000, 3, 0.03),
        (20_000, 16, 3.0),
        (20_000, 64, 8.5),
    )
    for kind, make, shapes in (
        ("scattered", data.scattered, scattered),
        ("structureless", data.structureless, structureless),
    ):
        for n, d, eps in shapes:
            name, params = f"{short(n)} x {d}, eps {eps:g}", {"eps": eps, "min_samples": 10}
            yield Case("density-dbscan", name, "dbscan", kind, partial(make, n, d, 10), params)


def _optics() -> Iterator[Case]:
    for n, d, max_eps in ((10_000, 2, float("inf")), (20_000, 2, float("inf")), (20_000, 2, 1.0)):
        name, params = f"{short(n)} x {d}, max_eps {max_eps:g}", {"min_samples": 10, "max_eps": max_eps}
        make = partial(data.scattered, n, d, 10)
        yield Case("density-optics", name, "optics", "scattered", make, params, dtypes=("float64",))


def _em() -> Iterator[Case]:
    """The four kinds of covariance at one size; more features, and few, for full."""
    kinds = ("full", "tied", "diag", "spherical")
    for n, d, k, types in ((200_000, 16, 16, kinds), (500_000, 2, 10, kinds[:1]), (50_000, 64, 8, kinds[:1])):
        for covariance_type in types:
            for kind, make in KINDS.items():
                yield Case(
                    "gaussian-mixture",
                    f"{shape_name(n, d, k)}, {covariance_type}",
                    "em",
                    kind,
                    partial(make, n, d, k),
                    {"covariance_type": covariance_type, "max_iter": 20},
                )


def _tile() -> Iterator[Case]:
    shapes = ((50_000, 64, 64), (50_000, 128, 256), (20_000, 64, 1000), (20_000, 784, 100))
    yield from _points("tile", "assign", shapes)


def _k_nearest() -> Iterator[Case]:
    for n, d in ((100_000, 3), (100_000, 10)):
        for kind, make in KINDS.items():
            yield Case(
                "neighbors-knn",
                f"{short(n)} x {d}, k 10",
                "k-nearest",
                kind,
                partial(make, n, d, 20),
                {"k": 10},
            )


def _spanning_tree() -> Iterator[Case]:
    """Normal data, as its makers measure it; min_samples counts the point itself."""
    shapes = ((100_000, 2, 11), (1_000_000, 2, 11), (100_000, 5, 1), (100_000, 5, 11), (50_000, 10, 11))
    for n, d, min_samples in shapes:
        yield Case(
            "neighbors-mst",
            f"{short(n)} x {d}, min_samples {min_samples}",
            "spanning-tree",
            "normal",
            partial(data.normal, n, d),
            {"min_samples": min_samples},
            dtypes=("float64",),
        )


def _linkage() -> Iterator[Case]:
    """Quality is the mean height, by which all must agree."""
    jobs = (
        ("ward", 10_000, 16),
        ("ward", 50_000, 16),
        ("ward", 200_000, 2),
        ("average", 10_000, 16),
        ("complete", 10_000, 16),
        ("centroid", 10_000, 16),
        ("median", 10_000, 16),
        ("single", 20_000, 2),
        ("single", 50_000, 2),
        ("single", 20_000, 32),
    )
    for method, n, d in jobs:
        for kind, make in KINDS.items():
            name, params = f"{method}, {short(n)} x {d}", {"method": method}
            yield Case("linkage", name, "linkage", kind, partial(make, n, d, 50), params, dtypes=("float64",))


def suites(mnist: str | None = None) -> dict[str, Suite]:
    """All suites by name; `mnist` is the path of an npz file with ``X`` (60000, 784) and ``y``."""
    listed = (
        Suite(
            "kmeans-lloyd", "20 Lloyd iterations from one given start, tol 0", _lloyd, "inertia", "iteration"
        ),
        Suite("kmeans-fit", "whole fit with k-means++, library defaults, one start", _fit, "inertia"),
        Suite(
            "kmeans-plusplus", "k-means++ alone; quality is the inertia of the seeds", _plusplus, "inertia"
        ),
        Suite("minibatch", "MiniBatchKMeans at library defaults", _minibatch, "inertia"),
        Suite("bisecting", "BisectingKMeans at library defaults", _bisecting, "inertia"),
        Suite(
            "hdbscan",
            "whole fit of HDBSCAN; quality is the adjusted Rand index with the groups of the data",
            _hdbscan,
            "value",
        ),
        Suite(
            "local-gaussian",
            "whole fit; quality is the adjusted Rand index with the components of the data",
            _local_gaussian,
            "value",
        ),
        Suite("linkage", "linkage of rows by several methods; quality is the mean height", _linkage, "value"),
        Suite("density-dbscan", "DBSCAN, min_samples 10", _dbscan, "value"),
        Suite("density-optics", "OPTICS with xi extraction, min_samples 10", _optics, "value"),
        Suite(
            "affinity-propagation",
            "so many iterations of AffinityPropagation; quality is minus the mean squared distance to the exemplar",
            _affinity_propagation,
            "value",
        ),
        Suite(
            "birch",
            "whole fit of BIRCH; quality is the mean squared distance to the nearest subcluster",
            _birch,
            "value",
        ),
        Suite(
            "gaussian-mixture",
            "20 EM steps from one given start, tol 0; quality is the mean log density",
            _em,
            "value",
            "iteration",
        ),
        Suite("silhouette", "silhouette score, euclidean", _silhouette, "value"),
        Suite("external", "AMI, NMI and ARI of two label vectors", _external, "value"),
        Suite(
            "mnist", "whole fit on real data: MNIST", partial(_mnist, mnist), "inertia", needs="--mnist FILE"
        ),
        Suite(
            "neighbors-knn",
            "k-d tree built, and the nearest neighbours of all its points",
            _k_nearest,
            "value",
        ),
        Suite("neighbors-mst", "minimum spanning tree under mutual reachability", _spanning_tree, "value"),
        Suite("import", "cost of the import, once numpy is there", _import, ""),
        Suite(
            "tile", "nearest centre of each row, beside the machine's GEMM", _tile, "labels_nearest", "flop"
        ),
    )
    return {suite.name: suite for suite in listed}


def choose(names: list[str], available: dict[str, Suite]) -> list[Suite]:
    """Suites by name, by the first part of a name (``kmeans``), or ``all``, in the listed order."""
    wanted: set[str] = set()
    for name in names:
        hits = [s for s in available if name in ("all", s) or s.startswith(f"{name}-")]
        if not hits:
            raise ValueError(f"suite must be one of all, kmeans, {', '.join(available)}; got {name!r}")
        wanted.update(hits)
    return [suite for name, suite in available.items() if name in wanted]
