"""NumPy's matrix product: the yardstick of the tile suite, the rate of the machine's own GEMM."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data import Arrays
from ..library import Answer, Job, Library, Offer, assignment

SIZE = 2048  # large enough for the full rate, small enough to stay short


def _gemm(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    rng = np.random.default_rng(0)
    dtype = arrays["X"].dtype
    a, b = (rng.random((SIZE, SIZE)).astype(dtype) for _ in range(2))
    out = np.empty_like(a)
    return Job(lambda seed: np.matmul(a, b, out=out), lambda product: Answer(work=2.0 * SIZE**3))


def _product(arrays: Arrays, params: dict[str, Any], threads: int) -> Job:
    """The products alone, without the minimum: what a search through GEMM cannot be faster than."""
    X = arrays["X"]
    centers = np.ascontiguousarray(arrays["init"].T)
    out = np.empty((len(X), centers.shape[1]), dtype=X.dtype)
    return Job(lambda seed: np.matmul(X, centers, out=out), lambda product: Answer(work=assignment(arrays)))


LIBRARIES = (
    Library(
        "GEMM of this shape",
        module="numpy",
        package="numpy",
        role="yardstick",
        tasks={
            "assign": Offer(_product, note="numpy.matmul of the samples and the centres, without the minimum")
        },
    ),
    Library(
        "GEMM",
        module="numpy",
        package="numpy",
        role="yardstick",
        tasks={"assign": Offer(_gemm, note=f"numpy.matmul of two {SIZE} x {SIZE} matrices")},
    ),
)
