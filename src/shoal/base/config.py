"""What this build is and what it found on this machine."""

from __future__ import annotations

from typing import Any

import shoal
from shoal import _core


def config() -> dict[str, Any]:
    """Version, build type, compiler, instruction sets and threads, as a dictionary."""
    return {
        "version": shoal.__version__,
        "build_type": _core.build_type,
        "compiler": _core.compiler,
        "openmp": _core.has_openmp(),
        "threads": _core.n_threads(),
        "isa": _core.isa(),
        "isa_available": _core.isa_available(),
    }


def show_config() -> None:
    """Print version, build type, compiler, instruction sets and threads.

    Examples
    --------
    >>> import shoal
    >>> shoal.show_config()  # doctest: +ELLIPSIS
    shoal ...
    build: Release, ...
    instruction set: ... (available: scalar...)
    threads: ...
    """
    facts = config()
    print(f"shoal {facts['version']}")
    print(f"build: {facts['build_type']}, {facts['compiler']}, OpenMP {'yes' if facts['openmp'] else 'no'}")
    print(f"instruction set: {facts['isa']} (available: {', '.join(facts['isa_available'])})")
    print(f"threads: {facts['threads']}")
