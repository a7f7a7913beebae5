"""The process that runs cells: libraries are imported once, every cell is a fork of that state.

``python -m shoal.evaluation.worker`` reads one request per line and answers each with a line of JSON. Where the system
has no safe ``fork`` the runner starts a new worker for every cell (``--once``).
"""

from __future__ import annotations

import gc
import hashlib
import json
import math
import os
import resource
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.base.peak import with_peak
from shoal.evaluation.methods import LIBRARIES, METHODS, Facts

# Fits quicker than this are repeated, and the least time counts.
_REPEAT_UNDER = 0.3
_REPEATS = 3
_SILHOUETTE_BUDGET = 4e8


def run_cell(request: dict[str, Any]) -> dict[str, Any]:
    """Fit one method of one library on one sample and score it.

    Parameters
    ----------
    request : dict
        ``method``, ``library``, ``seed``, ``n_clusters``, ``budget`` (processor seconds of a fit, 0: none), ``arrays``:
        a folder with ``X.npy`` and ``y0.npy``, ``y1.npy``, ...

    Returns
    -------
    dict
        Times in seconds, peak memory in bytes, scores.
    """
    X = np.load(os.path.join(request["arrays"], "X.npy"))
    references = [
        np.load(os.path.join(request["arrays"], name))
        for name in sorted(os.listdir(request["arrays"]))
        if name.startswith("y")
    ]
    method = METHODS[request["method"]]
    facts = Facts(X, request["n_clusters"], request["arrays"])
    build = method.builds[request["library"]]
    build(facts, request["seed"])  # settings that come from the data are found outside the clock
    models: list[Any] = []
    seconds: list[float] = []
    processor: list[float] = []

    def fit() -> NDArray[Any]:
        model = build(facts, request["seed"])
        models.append(model)
        gc.collect()
        clock, cpu = time.perf_counter(), time.process_time()
        labels = np.asarray(model.fit_predict(X))
        seconds.append(time.perf_counter() - clock)
        processor.append(time.process_time() - cpu)
        return labels

    _limit(request["budget"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        labels, peak = with_peak(fit)
    kinds = {warning.category.__name__ for warning in caught}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while processor[0] < _REPEAT_UNDER and len(processor) < _REPEATS:
            models.clear()  # before the mark is set: the next fit would grow into what this one leaves
            _, peak = with_peak(fit)  # without what a first use loads
    _limit(0)
    return {
        "seconds": min(seconds),
        "cpu_seconds": min(processor),
        "peak_bytes": peak,
        "note": "did not converge" if "ConvergenceWarning" in kinds else "",
        **score(X, labels, references),
        "objective": _objective(method.objective, models[0], X, labels),
    }


def score(X: NDArray[Any], labels: NDArray[Any], references: list[NDArray[Any]]) -> dict[str, Any]:
    """Scores of a labelling, by shoal.metrics, the same for every library.

    External scores leave out samples that a reference calls noise, treat predicted noise as one group, and are those
    of the reference with the best ARI. Internal ones leave predicted noise out; the silhouette is that of a sample
    of rows when all would cost more than 4e8 pair-features.
    """
    from shoal import metrics
    from shoal.evaluation.synthetic import error_rate
    from shoal.report.scores import internal_scores

    best: dict[str, Any] = {"ari": -2.0}
    for reference in references:
        known = reference >= 0
        y, found = reference[known], labels[known]
        ari = float(metrics.adjusted_rand_score(y, found))
        if ari > best["ari"]:
            best = {
                "ari": ari,
                "nmi": float(metrics.normalized_mutual_info_score(y, found)),
                "ami": float(metrics.adjusted_mutual_info_score(y, found)),
                "error": error_rate(y, found),
            }
    _, internal = internal_scores(X, labels, budget=_SILHOUETTE_BUDGET)
    silhouette, calinski, davies = (entry.value for entry in internal)
    ids = np.unique(labels)
    return {
        **best,
        "silhouette": silhouette,
        "calinski_harabasz": calinski,
        "davies_bouldin": davies,
        "n_found": int((ids >= 0).sum()),
        "noise": float((labels < 0).mean()),
        "partition": partition_digest(labels),
    }


def partition_digest(labels: NDArray[Any]) -> str:
    """Eight characters that are the same for labellings that differ in the names of clusters alone; noise stays noise.

    Examples
    --------
    >>> import numpy as np
    >>> from shoal.evaluation.worker import partition_digest
    >>> partition_digest(np.array([1, 1, 0, -1])) == partition_digest(np.array([0, 0, 2, -1]))
    True
    >>> partition_digest(np.array([0, 1, 1, -1])) == partition_digest(np.array([0, 0, 2, -1]))
    False
    """
    clustered = labels >= 0
    _, first, codes = np.unique(labels[clustered], return_index=True, return_inverse=True)
    rank = np.empty(first.size, dtype="<i4")
    rank[np.argsort(first)] = np.arange(first.size)
    named = np.full(labels.size, -1, dtype="<i4")
    named[clustered] = rank[codes.reshape(-1)]
    return hashlib.sha256(named.tobytes()).hexdigest()[:8]


def _objective(kind: str, model: Any, X: NDArray[Any], labels: NDArray[Any]) -> float | None:
    if kind == "lower_bound":
        return float(model.lower_bound_)
    if kind != "inertia":
        return None
    total = 0.0
    for label in np.unique(labels):
        part = X[labels == label].astype(np.float64)
        total += float(((part - part.mean(axis=0)) ** 2).sum())
    return total


def _limit(budget: float) -> None:
    """End this process once it has used `budget` more processor seconds; 0 lifts the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = hard
    if budget:
        used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        soft = math.ceil(used + budget)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The reply to a request: its numbers, or the error of a method that failed."""
    try:
        reply = {"status": "measured", **run_cell(request)}
    except Exception as error:  # any library's: it is the result of this cell
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        return {"status": "failed", "reason": reason}
    bad = [key for key, value in reply.items() if isinstance(value, float) and not math.isfinite(value)]
    return {**reply, **dict.fromkeys(bad)}


def _forked(request: dict[str, Any]) -> dict[str, Any]:
    """The reply of a child process, or why it gave none."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        with suppress(BaseException):
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            with os.fdopen(write, "w") as file:
                json.dump(answer(request), file)
        os._exit(0)
    os.close(write)
    timeout = request.get("timeout", 0)
    if timeout:
        signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, timeout)
    with os.fdopen(read) as file:
        text = file.read()
    _, status = os.waitpid(child, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    with suppress(ValueError):
        reply: dict[str, Any] = json.loads(text)
        return reply
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGXCPU:
        return {"status": "stopped", "reason": f"more than {request['budget']:g} s of processor time"}
    if code == -signal.SIGKILL:
        return {
            "status": "stopped",
            "reason": f"killed, by the system for want of memory or after {timeout:g} s",
        }
    return {"status": "failed", "reason": f"the process ended with code {code}"}


def _load(libraries: Sequence[str]) -> None:
    """Import everything that a fit may need, before any cell, so that no fit pays for it."""
    import shoal

    for module in (
        "shoal.metrics",
        "shoal.report.scores",
        "sklearn.cluster",
        "sklearn.mixture",
        "scipy.optimize",
    ):
        import_module(module)
    for name in libraries:
        import_module(LIBRARIES[name])
    for name in shoal.__all__:
        getattr(shoal, name)


def serve() -> None:
    """Answer requests until standard input ends; arguments are the libraries to load, and ``--once``."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no reply
    fork = "--once" not in sys.argv
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner decides
    _load([name for name in sys.argv[1:] if name in LIBRARIES])
    gc.collect()
    gc.freeze()  # what is imported is never looked through again, in no child
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(_forked(request) if fork else answer(request)), file=replies, flush=True)


if __name__ == "__main__":
    serve()
