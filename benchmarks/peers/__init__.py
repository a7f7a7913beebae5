"""The libraries that are measured, one module each, every one at the settings its makers recommend."""

from __future__ import annotations

from ..library import Library
from . import (
    dbscan,
    exemplar,
    faiss,
    fastcluster,
    hdbscan,
    local_gaussian,
    numpy,
    quitefastmst,
    scikit_learn,
    scipy,
    shoal,
    sklearnex,
    superkmeans,
)

LIBRARIES: tuple[Library, ...] = (
    *shoal.LIBRARIES,
    *scikit_learn.LIBRARIES,
    *sklearnex.LIBRARIES,
    *faiss.LIBRARIES,
    *scipy.LIBRARIES,
    *hdbscan.LIBRARIES,
    *fastcluster.LIBRARIES,
    *exemplar.LIBRARIES,
    *local_gaussian.LIBRARIES,
    *superkmeans.LIBRARIES,
    *dbscan.LIBRARIES,
    *quitefastmst.LIBRARIES,
    *numpy.LIBRARIES,
)


def by_name(name: str) -> Library:
    for library in LIBRARIES:
        if library.name == name:
            return library
    raise ValueError(f"library must be one of {', '.join(lib.name for lib in LIBRARIES)}; got {name!r}")
