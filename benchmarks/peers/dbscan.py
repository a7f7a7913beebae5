"""dbscan (Wang, Gu and Shun): DBSCAN on a grid, for 2 to 20 features, in float64; its threads are parlaylib's."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data import Arrays
from ..library import Answer, Job, LeftOut, Library, Offer


def _dbscan(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    from dbscan import DBSCAN

    X = arrays["X"]
    if not 2 <= X.shape[1] <= 20:
        raise LeftOut(f"dbscan takes 2 to 20 features; got {X.shape[1]}")
    return Job(
        lambda seed: DBSCAN(X, **params),
        lambda found: Answer({"value": np.count_nonzero(found[1])}),
    )


NOTE = "value: core samples, of which it misses some from 3 features on: there its time is for another result"

LIBRARIES = tuple(
    Library(
        f"dbscan {threads}" if threads > 1 else "dbscan",
        module="dbscan",
        package="dbscan",
        tasks={"dbscan": Offer(_dbscan, dtypes=("float64",), note=NOTE)},
        env={"PARLAY_NUM_THREADS": str(threads)},
        min_threads=threads,
    )
    for threads in (1, 2)
)
