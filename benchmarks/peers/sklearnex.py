"""scikit-learn-intelex (oneDAL). A job that would silently run scikit-learn instead is refused."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from ..data import Arrays
from ..library import Answer, Job, LeftOut, Library, Offer, imports
from .scikit_learn import clusterer, dbscan, em_start, lloyd


def _start(threads: int) -> None:
    from daal4py import daalinit

    daalinit(threads)


def checked(make: Any) -> Any:
    """Fails the job when the log of scikit-learn-intelex speaks of a fallback, or says nothing."""

    def make_checked(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
        import sklearnex

        sklearnex.set_config(allow_sklearn_after_onedal=False)
        job = make(arrays, params, threads)
        log = logging.getLogger("sklearnex")
        log.handlers, log.propagate = [_HEARD], False
        log.setLevel(logging.INFO)

        def read(result: Any) -> Answer:
            lines = _HEARD.take()
            if not lines or not all("running accelerated version" in line for line in lines):
                raise RuntimeError(f"not run by oneDAL: {lines or 'no word of it in the log'}")
            return job.read(result)

        return Job(job.call, read)

    return make_checked


class _Messages(logging.Handler):
    """What the log said since it was last asked."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())

    def take(self) -> list[str]:
        lines, self._lines = self._lines, []
        return lines


_HEARD = _Messages()


def _plusplus(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    from onedal.cluster import kmeans_plusplus

    X = arrays["X"]

    def call(seed: int) -> Any:
        return kmeans_plusplus(
            X, params["n_clusters"], random_state=seed, n_local_trials=params["n_local_trials"]
        )[0]

    return Job(call, lambda centers: Answer({"centers": centers}))


def _em(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    """oneDAL knows full and diagonal covariances; its goal is the sum of log densities before the last step."""
    import daal4py

    X = arrays["X"]
    k = len(arrays["init"])
    kind = params["covariance_type"]
    if kind not in ("full", "diag"):
        raise LeftOut(f"it has no {kind} covariances")
    start = em_start(arrays, params)
    covariances = [
        np.ascontiguousarray(np.linalg.inv(p) if kind == "full" else 1 / p[None, :])
        for p in start["precisions_init"]
    ]
    algorithm = daal4py.em_gmm(
        nComponents=k,
        fptype="float" if X.dtype == np.float32 else "double",
        covarianceStorage="full" if kind == "full" else "diagonal",
        maxIterations=params["max_iter"],
        accuracyThreshold=0.0,
    )

    def call(seed: int) -> Any:
        # it writes into the start
        given = [covariance.copy() for covariance in covariances]
        return algorithm.compute(X, start["weights_init"][None, :].copy(), start["means_init"].copy(), given)

    def read(result: Any) -> Answer:
        steps = int(result.nIterations[0, 0])
        return Answer({"value": result.goalFunction[0, 0] / len(X)}, n_iter=steps, work=steps)

    return Job(call, read)


LIBRARIES = (
    Library(
        "daal4py",
        module="daal4py",
        package="scikit-learn-intelex",
        start=_start,
        tasks={"em": Offer(_em, note="daal4py.em_gmm")},
    ),
    Library(
        "sklearnex",
        module="sklearnex",
        package="scikit-learn-intelex",
        start=_start,
        tasks={
            "lloyd": Offer(checked(lloyd("sklearnex.cluster"))),
            "fit": Offer(checked(clusterer("sklearnex.cluster", "KMeans"))),
            "dbscan": Offer(checked(dbscan("sklearnex.cluster", 50_000, "it compares all pairs"))),
            "plusplus": Offer(_plusplus, note="onedal.cluster.kmeans_plusplus"),
            "plusplus-single": Offer(_plusplus, note="onedal.cluster.kmeans_plusplus"),
            "import": imports("import sklearnex"),
            "import-kmeans": imports("from sklearnex.cluster import KMeans"),
        },
    ),
)
