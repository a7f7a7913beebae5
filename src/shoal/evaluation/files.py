"""Readers of the formats that benchmark data come in: IDX, ARFF as OpenML serves it, NPZ. Nothing is downloaded."""

from __future__ import annotations

import gzip
import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# third byte of an IDX file -> dtype, big-endian
_IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """An array from an IDX file, the format of MNIST; ``.gz`` or plain.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    ndarray
        In the machine's byte order.

    Raises
    ------
    ValueError
        It is no IDX file, or holds fewer or more values than its head says.

    Examples
    --------
    >>> import os, tempfile
    >>> from shoal.evaluation.files import read_idx
    >>> path = os.path.join(tempfile.mkdtemp(), "labels-idx1-ubyte")
    >>> with open(path, "wb") as file:
    ...     _ = file.write(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    >>> read_idx(path).tolist()
    [7, 2, 1]
    """
    raw = _raw(Path(path))
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in _IDX_TYPES:
        raise ValueError(f"{path} is no IDX file")
    dtype, n_axes = np.dtype(_IDX_TYPES[raw[2]]), raw[3]
    head = 4 + 4 * n_axes
    if len(raw) < head:
        raise ValueError(f"{path} ends within its head")
    shape = struct.unpack(f">{n_axes}I", raw[4:head])
    values = int(np.prod(shape, dtype=object))
    if len(raw) - head != values * dtype.itemsize:
        raise ValueError(
            f"{path} must hold {values} values, as its head says; it has {len(raw) - head} bytes for them"
        )
    return np.frombuffer(raw, dtype, offset=head).reshape(shape).astype(dtype.newbyteorder("="))


def read_idx_pair(images: Path, labels: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rows of pixels and their labels."""
    X, y = read_idx(images), read_idx(labels)
    if y.ndim != 1 or len(X) != len(y):
        raise ValueError(
            f"{labels} must hold one label for each of the {len(X)} images; its shape is {y.shape}"
        )
    return X.reshape(len(X), -1), y


def read_openml_arff(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Features and labels of a dense ARFF table whose last column is the class, gzipped or plain."""
    text = _raw(path)
    at = text.lower().find(b"\n@data")
    if at < 0:
        raise ValueError(f"{path} has no @DATA section")
    start = text.index(b"\n", at + 1) + 1
    try:
        rows = np.loadtxt(
            io.BytesIO(text[start:].replace(b"'", b"")), delimiter=",", comments="%", dtype=np.float32
        )
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as numbers: {error}") from None
    return rows[:, :-1], rows[:, -1].astype(np.int64)


def _raw(path: Path) -> bytes:
    data = path.read_bytes()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path} cannot be unpacked: {error}") from None
