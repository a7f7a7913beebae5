"""
Kernels of shoal. Arguments are checked by the Python floor; see shoal.* for what users call.
"""

from typing import Annotated, overload

import numpy
from numpy.typing import NDArray


build_type: str = ...

compiler: str = ...

def has_openmp() -> bool: ...

def n_threads() -> int:
    """Threads a kernel started from this thread would use."""

def thread_limit() -> int: ...

def set_thread_limit(n: int) -> int:
    """
    Limit kernels started from this thread (0: no limit of our own); returns the previous limit.
    """

def set_processor_cap(n: int) -> None: ...

def force_block_length(length: int) -> None:
    """
    For tests: cut all loops into blocks of this length (0: as the kernel sees fit).
    """

def isa() -> str:
    """Instruction-set level in use."""

def isa_available() -> list[str]: ...

def set_isa(name: str) -> None: ...

@overload
def nearest(x: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], y: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], origin: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = ...) -> tuple: ...

@overload
def nearest(x: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], y: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], origin: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = ...) -> tuple:
    """Nearest row of y for each row of x: (labels, squared distances)."""

@overload
def pairwise(x: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], y: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], metric: str) -> object: ...

@overload
def pairwise(x: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], y: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], metric: str) -> object:
    """All distances, (n_x, n_y)."""

@overload
def count_within(x: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], y: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], weight: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, radius: float, metric: str) -> object: ...

@overload
def count_within(x: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], y: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], weight: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, radius: float, metric: str) -> object:
    """
    Number (or weight) of the rows of y within the radius of each row of x.
    """

@overload
def k_nearest(x: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], y: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], k: int, metric: str) -> tuple: ...

@overload
def k_nearest(x: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], y: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], k: int, metric: str) -> tuple:
    """The k nearest rows of y for each row of x: (distances, indices)."""
