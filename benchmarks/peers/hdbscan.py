"""HDBSCAN: hdbscan, fast_hdbscan (compiled before the clock starts) and hdbscan-rs, at min_samples alike."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..data import Arrays
from ..library import Answer, Job, Library, Offer


def hdbscan(module: str, counts_itself: bool = True, warm: bool = False, **fixed: Any) -> Any:
    """Job maker for a whole fit. Some packages leave the sample itself out of ``min_samples``.

    The quality is the adjusted Rand index with the groups the data were made of: near 0 where there are none.
    """

    def make(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
        estimator = import_module(module).HDBSCAN
        X, size = arrays["X"], params["min_cluster_size"]
        options = {"min_cluster_size": size, "min_samples": size if counts_itself else size - 1, **fixed}

        def call(seed: int) -> Any:
            return estimator(**options).fit(X)

        def read(model: Any) -> Answer:
            from sklearn.metrics import adjusted_rand_score

            return Answer({"value": adjusted_rand_score(arrays["labels"], model.labels_)})

        if warm:
            estimator(**options).fit(X[:2000])
        return Job(call, read)

    return make


def _start(threads: int) -> None:
    import numba

    numba.set_num_threads(threads)


LIBRARIES = (
    Library(
        "hdbscan",
        module="hdbscan",
        package="hdbscan",
        tasks={"hdbscan": Offer(hdbscan("hdbscan", counts_itself=False, core_dist_n_jobs=1))},
    ),
    Library(
        "fast_hdbscan",
        module="fast_hdbscan",
        package="fast_hdbscan",
        tasks={
            "hdbscan": Offer(
                hdbscan("fast_hdbscan", counts_itself=False, warm=True),
                note="compiled before; approximate beyond 30 features",
            )
        },
        start=_start,
    ),
    Library(
        "hdbscan-rs",
        module="hdbscan_rs",
        package="hdbscan-rs",
        tasks={"hdbscan": Offer(hdbscan("hdbscan_rs"))},
        env={},
    ),
)
