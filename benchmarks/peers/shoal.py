"""shoal: the same jobs as scikit-learn's, the names being the same; and its k-means algorithms one by one."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..data import Arrays
from ..library import Answer, Job, Library, Offer, assignment, imports
from .exemplar import affinity_propagation, birch, shoal_stream, stream
from .fastcluster import linkage
from .hdbscan import hdbscan
from .local_gaussian import local_gaussian
from .scikit_learn import clusterer, dbscan, em, lloyd, metrics, optics, plusplus


def _assign(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    """The fused distance and argmin alone, with the data centred as `predict` centres them."""
    core = import_module("shoal._core")
    X, centers = arrays["X"], arrays["init"]
    origin = X.mean(axis=0)
    return Job(
        lambda seed: core.nearest(X, centers, origin),
        lambda found: Answer({"labels": found[0]}, work=assignment(arrays)),
    )


def _k_nearest(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    KDTree = import_module("shoal").KDTree
    X, k = arrays["X"], params["k"]
    return Job(
        lambda seed: KDTree(X).query(k=k),
        lambda found: Answer({"value": found[0].sum(dtype="float64")}),
    )


def _spanning_tree(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    """The tree of all pairs under mutual reachability, with the k-d tree and the core distances it needs."""
    core = import_module("shoal._core")
    X, min_samples = arrays["X"], params["min_samples"]

    def call(seed: int) -> Any:
        tree = core.kd_tree(X, None, leaf_size=0, metric="euclidean", p=2.0)
        return core.mst_kd_tree(tree, min_samples=min_samples, alpha=1.0)

    return Job(call, lambda found: Answer({"value": found[0][2].sum()}))


def _variant(algorithm: str) -> Library:
    return Library(
        f"shoal {algorithm}",
        module="shoal",
        package="shoal",
        role="variant",
        default=False,
        tasks={
            "lloyd": Offer(lloyd("shoal", algorithm=algorithm)),
            "fit": Offer(clusterer("shoal", "KMeans", algorithm=algorithm)),
        },
    )


LIBRARIES = (
    Library(
        "shoal",
        module="shoal",
        package="shoal",
        role="ours",
        tasks={
            "lloyd": Offer(lloyd("shoal")),
            "fit": Offer(clusterer("shoal", "KMeans")),
            "plusplus": Offer(plusplus("shoal")),
            "plusplus-single": Offer(plusplus("shoal")),
            "minibatch": Offer(clusterer("shoal", "MiniBatchKMeans")),
            "bisecting": Offer(clusterer("shoal", "BisectingKMeans")),
            "dbscan": Offer(dbscan("shoal"), note="value: core samples"),
            "optics": Offer(optics("shoal"), note="value: sum of finite reachabilities"),
            **metrics("shoal.metrics"),
            "k-nearest": Offer(_k_nearest, note="built and asked for its own points"),
            "spanning-tree": Offer(_spanning_tree),
            "assign": Offer(_assign),
            "affinity-propagation": Offer(affinity_propagation("shoal")),
            "birch": Offer(birch("shoal")),
            "birch-bounded": Offer(birch("shoal", threshold=0, head="kmeans", random_state=0)),
            "birch-stream": Offer(stream(shoal_stream, "subcluster_centers_")),
            "em": Offer(em("shoal")),
            "hdbscan": Offer(hdbscan("shoal")),
            "linkage": Offer(linkage("shoal", most=None)),
            "local-gaussian": Offer(local_gaussian(), note="separation given"),
            "import": imports("import shoal"),
            "import-kmeans": imports("from shoal import KMeans"),
        },
    ),
    *(_variant(algorithm) for algorithm in ("lloyd", "hamerly", "yinyang", "elkan")),
)
