"""The metrics of density clustering, by the names scikit-learn gives them, and what a kernel needs of one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.base.checks import check_choice, check_int, check_minkowski, check_not_negative, shown
from shoal.base.threads import quota_processors, threads

METRICS = ("euclidean", "cosine", "manhattan", "chebyshev", "minkowski", "precomputed")
ALGORITHMS = ("auto", "ball_tree", "kd_tree", "brute")


class Metric(NamedTuple):
    """A metric as the kernels know it.

    Attributes
    ----------
    name : str
        "euclidean", "cosine", "manhattan", "chebyshev", "minkowski" or "precomputed".
    p : float
        The power of "minkowski", neither 1 nor 2 nor inf: these are metrics of their own.
    """

    name: str
    p: float = 2.0


def check_metric(metric: Any, p: Any = None, metric_params: Any = None) -> Metric:
    """The metric that `metric`, `p` and `metric_params` mean together.

    `p` counts when the metric is "minkowski", ``metric_params={"p": ...}`` goes before it, and None is 2.
    """
    is_minkowski = isinstance(metric, str) and metric in ("minkowski", "p")
    name = "minkowski" if is_minkowski else check_choice("metric", check_minkowski(metric, 2)[0], METRICS)
    power = 2.0 if p is None else check_minkowski("minkowski", p)[1]
    if metric_params is not None:
        if not isinstance(metric_params, dict):
            raise TypeError(f"metric_params must be a dict or None; got {shown(metric_params)}")
        unknown = metric_params.keys() - ({"p"} if name == "minkowski" else set())
        if unknown:
            raise ValueError(
                "metric_params must hold nothing but 'p', for metric='minkowski'; "
                f"got {sorted(map(str, unknown))} for metric={metric!r}"
            )
        if "p" in metric_params:
            power = check_minkowski("minkowski", metric_params["p"])[1]
    return Metric(*check_minkowski("minkowski", power)) if name == "minkowski" else Metric(name)


def check_search(algorithm: Any, leaf_size: Any) -> None:
    """Refuse values that scikit-learn refuses; which search is used is the kernels' choice."""
    check_choice("algorithm", algorithm, ALGORITHMS)
    check_int("leaf_size", leaf_size, 1)


@contextmanager
def jobs(n_jobs: Any) -> Iterator[None]:
    """At most `n_jobs` threads inside the block: None as many as :func:`shoal.threads` says, -1 all processors."""
    if n_jobs is not None:
        n_jobs = check_int("n_jobs", n_jobs, -(2**31))
        if n_jobs == 0:
            raise ValueError("n_jobs must be a positive or negative integer or None; got 0")
    if n_jobs is None:
        yield
        return
    with threads(n_jobs if n_jobs > 0 else max(1, quota_processors() + 1 + n_jobs)):
        yield


def check_square(X: Any) -> None:
    """Refuse distances between samples that are no square matrix, or hold a negative one."""
    if X.shape[0] != X.shape[1]:
        raise ValueError(f"X must be square for metric='precomputed'; got shape {X.shape}")
    check_not_negative(X)


def with_diagonal(X: Any) -> tuple[NDArray[Any], NDArray[np.int32], NDArray[np.int32]]:
    """Values, columns and row starts of a CSR matrix, the diagonal stored too: 0 where X has no entry."""
    n = X.shape[0]
    row = np.repeat(np.arange(n), np.diff(X.indptr))
    missing = np.setdiff1d(np.arange(n), row[row == X.indices], assume_unique=True)
    order = np.argsort(np.concatenate([row, missing]), kind="stable")
    values = np.concatenate([X.data, np.zeros(missing.size, X.dtype)])[order]
    columns = np.concatenate([X.indices, missing.astype(np.int32)])[order]
    start = X.indptr + np.searchsorted(missing, np.arange(n + 1)).astype(np.int32)
    return values, columns, start
