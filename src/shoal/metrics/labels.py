"""Labels as the kernels take them: integers that sort as the labels do, noise set apart."""

from __future__ import annotations

import warnings
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from shoal import _core
from shoal.base.checks import check_choice

NOISE_MODES = ("cluster", "ignore", "error")


def noise_mask(labels: NDArray[Any], name: str, noise: str) -> NDArray[np.bool_] | None:
    """Which samples carry the noise label -1 and are to be left out; None when all stay.

    Only numbers can be noise: the string ``"-1"`` is a label like any other.
    """
    if check_choice("noise", noise, NOISE_MODES) == "cluster" or labels.dtype.kind not in "if":
        return None
    mask = labels == -1
    if not mask.any():
        return None
    if noise == "error":
        raise ValueError(
            f"{name} must not contain the noise label -1 with noise='error'; "
            f"got {int(mask.sum())}, the first at index {int(np.argmax(mask))}"
        )
    return np.asarray(mask)


def refuse_noise_alone(names: str, n_samples: int, noise: str) -> NoReturn:
    """Nothing is left to score: an empty labeling would score like a perfect one."""
    raise ValueError(
        f"{names} must leave at least 1 sample with noise={noise!r}; "
        f"got noise (or a weight of 0) in all n_samples={n_samples}"
    )


def as_integers(labels: NDArray[Any]) -> NDArray[Any]:
    """Checked labels as int32 or int64, in the order of the labels: integers as they are, others by rank."""
    kind = labels.dtype.kind
    if kind == "i" and labels.dtype.itemsize in (4, 8):
        return np.ascontiguousarray(labels, dtype=labels.dtype.newbyteorder("="))
    if kind in "bi" or (kind == "u" and labels.dtype.itemsize < 8):
        return labels.astype(np.int64)
    if kind in "mM":
        return np.ascontiguousarray(labels, dtype=labels.dtype.newbyteorder("=")).view(np.int64)
    if kind == "u" and (labels.size == 0 or labels.max() <= np.iinfo(np.int64).max):
        return labels.astype(np.int64)
    if kind == "f":
        if not labels.size or (np.abs(labels).max() < 2**62 and (labels == np.trunc(labels)).all()):
            return labels.astype(np.int64)
        labels = labels.astype(np.float64, copy=False) + 0.0  # -0.0 and 0.0 are the same label
    return _ranks(np.ascontiguousarray(labels))


def _ranks(labels: NDArray[Any]) -> NDArray[np.int32]:
    """Each label's rank among the distinct ones: equal labels are equal bytes, which are hashed; few sort."""
    if labels.size == 0 or labels.dtype.itemsize == 0:
        return np.zeros(labels.size, dtype=np.int32)
    codes, first = _core.encode_records(labels.view(np.uint8).reshape(labels.size, labels.dtype.itemsize))
    ranks = np.empty(len(first), dtype=np.int32)
    ranks[np.argsort(labels[first])] = np.arange(len(first), dtype=np.int32)
    return np.asarray(ranks[codes])


def warn_if_continuous(labels: NDArray[Any], name: str) -> None:
    if labels.dtype.kind == "f" and not (labels == np.trunc(labels)).all():
        warnings.warn(
            f"{name} should hold discrete labels; got fractional values, each a cluster of its own",
            UserWarning,
            stacklevel=4,
        )
