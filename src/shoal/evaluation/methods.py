"""The methods: each with shoal's estimator and its counterparts, configured alike from the data set.

A setting is the same for every library and comes from the data by a rule that is stated here and in the report; all
else is at each library's default, as a user would run it.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.base.files import replacing

# Samples for methods whose time, or whose counterpart's memory, grows with their square.
MAX_QUADRATIC = 20_000
MAX_MESSAGES = 2_000  # samples for affinity propagation: several n x n matrices, hundreds of sweeps
MAX_COVARIANCE = 100  # features for full and tied covariances
# Features for local Gaussian clustering, which is meant for up to about 12, and for indices of neighbours.
MAX_LOCAL = 20


class Facts:
    """What the settings of a method may depend on: sizes, the true number of clusters, and rules on the points.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    n_clusters : int
    folder : path-like, default=None
        Where values that take long are kept, for the next process that has the same points.

    Examples
    --------
    >>> import numpy as np
    >>> from shoal.evaluation.methods import Facts
    >>> facts = Facts(np.arange(20.0).reshape(10, 2), 2)
    >>> facts.min_samples, facts.min_cluster_size
    (5, 5)
    """

    def __init__(
        self, X: NDArray[Any], n_clusters: int, folder: str | os.PathLike[str] | None = None
    ) -> None:
        self.X = X
        self._folder = None if folder is None else Path(folder)
        self.n_samples, self.n_features = X.shape
        self.k = n_clusters

    @property
    def min_samples(self) -> int:
        """Twice the features (Sander et al. 1998), within 5 and 20."""
        return min(max(5, 2 * self.n_features), 20, self.n_samples - 1)

    @property
    def min_cluster_size(self) -> int:
        """A two-hundredth of the samples, within 5 and 100."""
        return min(max(5, self.n_samples // 200), 100)

    @cached_property
    def eps(self) -> float:
        """The knee of the curve of distances to the (min_samples - 1)-th neighbour."""
        import shoal

        eps = self._kept("eps", lambda: float(shoal.k_distances(self.X, self.min_samples - 1).eps))
        return eps if eps > 0 else float(np.finfo(np.float32).tiny)

    @cached_property
    def threshold(self) -> float:
        """Half the root mean square distance to the centres of one k-means fit."""
        import shoal

        def inertia() -> float:
            return float(shoal.KMeans(self.k, random_state=0).fit(self.X).inertia_)

        return 0.5 * math.sqrt(self._kept("inertia", inertia) / self.n_samples)

    def _kept(self, name: str, compute: Callable[[], float]) -> float:
        """The value of an earlier process, or a new one that is kept."""
        if self._folder is None:
            return compute()
        path = self._folder / f"{name}.json"
        if not path.exists():
            with replacing(path) as beside:
                beside.write_text(json.dumps(compute()))
        return float(json.loads(path.read_text()))


Settings = Callable[[Facts], dict[str, Any]]
Build = Callable[[Facts, int], Any]


@dataclass(frozen=True)
class Method:
    """One algorithm and how each library runs it.

    Parameters
    ----------
    name : str
        For the command line and the results.
    title : str
        For tables.
    family : str
    rule : str
        How it is configured from the data, in a sentence.
    seeded : bool
        Whether results depend on ``random_state``.
    builds : dict of str to callable
        Library -> ``build(facts, seed)``, an object with ``fit_predict``.
    objective : {"inertia", "lower_bound", "none"}
        What the algorithm itself optimises, recorded beside the scores.
    max_samples, max_features : int or None
        Larger data sets are skipped, with a reason in the results.
    by_density : bool
        Whether neighbours of every sample are wanted, which takes all pairs where there are many features: skipped
        beyond 20,000 samples of more than 20 features.

    Examples
    --------
    >>> from shoal.evaluation.methods import METHODS
    >>> sorted(METHODS["kmeans"].builds)
    ['scikit-learn', 'shoal']
    """

    name: str
    title: str
    family: str
    rule: str
    seeded: bool
    builds: dict[str, Build] = field(repr=False)
    objective: str = "none"
    max_samples: int | None = None
    max_features: int | None = None
    by_density: bool = False

    def unfit(self, n_samples: int, n_features: int) -> str:
        """Why it is not run on data of this size, empty if it is."""
        if self.max_samples is not None and n_samples > self.max_samples:
            return f"needs time or memory of the order n²; not run beyond {self.max_samples:,} samples"
        if self.max_features is not None and n_features > self.max_features:
            return f"not meant for more than {self.max_features} features"
        if self.by_density and n_samples > MAX_QUADRATIC and n_features > MAX_LOCAL:
            return f"all pairs of samples; not run beyond {MAX_QUADRATIC:,} samples of more than {MAX_LOCAL} features"
        return ""


LIBRARIES = {"shoal": "shoal", "scikit-learn": "sklearn", "hdbscan": "hdbscan", "fastcluster": "fastcluster"}


def installed() -> list[str]:
    """The libraries that can be imported, ours first."""
    return [name for name, module in LIBRARIES.items() if find_spec(module) is not None]


def versions() -> dict[str, str]:
    """Versions of the libraries that are there, and of NumPy and SciPy; nothing is imported for it."""
    from importlib.metadata import PackageNotFoundError, version

    import shoal

    found = {"shoal": shoal.__version__}
    for name in (*LIBRARIES, "numpy", "scipy"):
        if name != "shoal":
            with suppress(PackageNotFoundError):
                found[name] = version(name)
    return found


def _estimator(path: str, settings: Settings, seeded: bool) -> Build:
    module, _, name = path.rpartition(".")

    def build(facts: Facts, seed: int) -> Any:
        cls = getattr(import_module(module), name)
        more = {"random_state": seed} if seeded else {}
        return cls(**settings(facts), **more)

    return build


def _pair(
    name: str,
    title: str,
    cls: str,
    module: str | None,
    family: str,
    rule: str,
    settings: Settings,
    *,
    seeded: bool,
    **more: Any,
) -> Method:
    builds: dict[str, Build] = {"shoal": _estimator(f"shoal.{cls}", settings, seeded)}
    if module:
        builds["scikit-learn"] = _estimator(f"{module}.{cls}", settings, seeded)
    return Method(name, title, family, rule, seeded, builds, **more)


class _Fastcluster:
    """fastcluster's linkage, cut into k clusters by SciPy: from rows alone where it can, else from all distances."""

    def __init__(self, linkage: str, n_clusters: int) -> None:
        self.linkage, self.n_clusters = linkage, n_clusters

    def fit_predict(self, X: NDArray[Any]) -> NDArray[Any]:
        import fastcluster
        from scipy.cluster.hierarchy import fcluster

        call = fastcluster.linkage_vector if self.linkage in ("single", "ward") else fastcluster.linkage
        Z = call(np.asarray(X, dtype=np.float64), self.linkage)
        return np.asarray(fcluster(Z, self.n_clusters, "maxclust")) - 1


def _hdbscan_package(facts: Facts, seed: int) -> Any:
    import hdbscan

    # this package leaves the sample itself out of min_samples, the others count it
    return hdbscan.HDBSCAN(min_cluster_size=facts.min_cluster_size, min_samples=facts.min_cluster_size - 1)


def _agglomerative(linkage: str) -> Method:
    method = _pair(
        linkage,
        f"Agglomerative {linkage}",
        "AgglomerativeClustering",
        "sklearn.cluster",
        "hierarchy",
        "n_clusters = k",
        lambda f: {"n_clusters": f.k, "linkage": linkage},
        seeded=False,
        objective="inertia" if linkage == "ward" else "none",
        max_samples=MAX_QUADRATIC,
    )
    method.builds["fastcluster"] = lambda facts, seed: _Fastcluster(linkage, facts.k)
    return method


def _mixture(kind: str) -> Method:
    return _pair(
        f"gmm-{kind}",
        f"GaussianMixture {kind}",
        "GaussianMixture",
        "sklearn.mixture",
        "mixture",
        "n_components = k",
        lambda f: {"n_components": f.k, "covariance_type": kind},
        seeded=True,
        objective="lower_bound",
        max_features=MAX_COVARIANCE if kind in ("full", "tied") else None,
    )


def _k(facts: Facts) -> dict[str, Any]:
    return {"n_clusters": facts.k}


def _methods() -> dict[str, Method]:
    centroid: dict[str, Any] = {"seeded": True, "objective": "inertia"}
    cluster, k = "sklearn.cluster", "n_clusters = k"
    birch = "n_clusters = k; threshold = half the root mean square distance to the centres of one k-means fit"
    eps = (
        "min_samples = twice the features, within 5 and 20; "
        "eps = knee of the curve of distances to neighbour min_samples - 1"
    )
    hdbscan = "min_cluster_size = n / 200, within 5 and 100 (and so min_samples, the sample itself counted)"
    spherical = "n_clusters = k, metric = cosine; no counterpart"
    messages = (
        "damping = 0.9, max_iter = 500, preference at its default, the median: the number of clusters is not "
        "given; random_state = 0, which only breaks ties"
    )
    found = [
        _pair("kmeans", "KMeans", "KMeans", cluster, "centroid", k, _k, **centroid),
        _pair("minibatch-kmeans", "MiniBatchKMeans", "MiniBatchKMeans", cluster, "centroid", k, _k, **centroid),
        _pair("bisecting-kmeans", "BisectingKMeans", "BisectingKMeans", cluster, "centroid", k, _k, **centroid),
        _pair("spherical-kmeans", "KMeans cosine", "KMeans", None, "centroid", spherical,
              lambda f: {"n_clusters": f.k, "metric": "cosine"}, seeded=True),
        _pair("dbscan", "DBSCAN", "DBSCAN", cluster, "density", eps,
              lambda f: {"eps": f.eps, "min_samples": f.min_samples}, seeded=False, by_density=True),
        _pair("optics", "OPTICS", "OPTICS", cluster, "density", "min_samples as DBSCAN; clusters by xi = 0.05",
              lambda f: {"min_samples": f.min_samples}, seeded=False, max_samples=MAX_QUADRATIC),
        _pair("hdbscan", "HDBSCAN", "HDBSCAN", cluster, "density", hdbscan,
              lambda f: {"min_cluster_size": f.min_cluster_size, "copy": True}, seeded=False, by_density=True),
        _agglomerative("ward"),
        _agglomerative("complete"),
        _agglomerative("average"),
        _agglomerative("single"),
        _pair("birch", "Birch", "Birch", cluster, "hierarchy", birch,
              lambda f: {"n_clusters": f.k, "threshold": f.threshold}, seeded=False),
        _pair("affinity-propagation", "AffinityPropagation", "AffinityPropagation", cluster, "exemplar",
              messages,
              lambda f: {"damping": 0.9, "max_iter": 500, "random_state": 0}, seeded=False, max_samples=MAX_MESSAGES),
        *(_mixture(kind) for kind in ("full", "tied", "diag", "spherical")),
        _pair("bayesian-gmm", "BayesianGaussianMixture", "BayesianGaussianMixture", "sklearn.mixture", "mixture",
              "n_components = k", lambda f: {"n_components": f.k}, seeded=True, objective="lower_bound",
              max_features=MAX_COVARIANCE),
        _pair("local-gaussian", "LocalGaussian", "LocalGaussian", None, "mixture",
              "all at default: separation by itself, the number of clusters is not given; no counterpart",
              lambda f: {}, seeded=False, max_features=MAX_LOCAL),
    ]  # fmt: skip
    methods = {method.name: method for method in found}
    methods["hdbscan"].builds["hdbscan"] = _hdbscan_package
    return methods


METHODS = _methods()
QUICK = ("kmeans", "minibatch-kmeans", "bisecting-kmeans", "dbscan", "hdbscan", "ward", "average", "birch", "gmm-full",
         "local-gaussian")  # fmt: skip


def find_methods(names: Sequence[str] | None = None) -> list[Method]:
    """The methods of these names, or all.

    Parameters
    ----------
    names : sequence of str, default=None
        Names of methods or families: ``centroid``, ``density``, ``hierarchy``, ``exemplar``, ``mixture``.

    Returns
    -------
    list of Method

    Raises
    ------
    ValueError
        No such method.

    Examples
    --------
    >>> from shoal.evaluation import find_methods
    >>> [method.title for method in find_methods(["density"])]
    ['DBSCAN', 'OPTICS', 'HDBSCAN']
    """
    if names is None:
        return list(METHODS.values())
    chosen: dict[str, Method] = {}
    for name in names:
        part = [
            m
            for m in METHODS.values()
            if name in (m.name, m.family) and (m.name == name or name not in METHODS)
        ]
        if not part:
            raise ValueError(
                f"methods must be names of methods or families; got {name!r}, known are {', '.join(METHODS)}"
            )
        chosen.update({m.name: m for m in part})
    return list(chosen.values())
