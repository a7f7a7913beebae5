"""Small real data sets that need no download, and the ``X, y`` archives benchmark data come in."""

from __future__ import annotations

import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Dataset:
    """A matrix, its labels if it has any, and the names of both.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,) or None
        Reference labels, 0..k-1; -1 means noise.
    feature_names : list of str
    class_names : list of str or None
        ``class_names[j]`` names the samples with ``y == j``.
    name : str
    image_shape : (int, int) or None
        Height and width when every row is an image.

    Examples
    --------
    >>> from shoal.datasets import load_iris
    >>> load_iris().name
    'Iris flowers'
    """

    X: NDArray[Any]
    y: NDArray[Any] | None
    feature_names: list[str]
    class_names: list[str] | None
    name: str
    image_shape: tuple[int, int] | None = None


def load_iris() -> Dataset:
    """Fisher's iris flowers: 150 samples, 4 lengths in cm (float64), 3 species.

    The copy that scikit-learn ships; nothing is downloaded.

    Returns
    -------
    Dataset

    Examples
    --------
    >>> from shoal.datasets import load_iris
    >>> iris = load_iris()
    >>> iris.X.shape, iris.class_names
    ((150, 4), ['setosa', 'versicolor', 'virginica'])
    """
    from sklearn.datasets import load_iris as load

    raw = load()
    names = [name.removesuffix(" (cm)") for name in raw.feature_names]
    return Dataset(raw.data, raw.target, names, [str(name) for name in raw.target_names], "Iris flowers")


def load_digits() -> Dataset:
    """Handwritten digits: 1797 images of 8 x 8 grey values 0..16 (float64), 10 classes.

    The copy that scikit-learn ships; nothing is downloaded.

    Returns
    -------
    Dataset

    Examples
    --------
    >>> from shoal.datasets import load_digits
    >>> digits = load_digits()
    >>> digits.X.shape, digits.image_shape
    ((1797, 64), (8, 8))
    """
    from sklearn.datasets import load_digits as load

    raw = load()
    names = [f"pixel {row},{column}" for row in range(8) for column in range(8)]
    classes = [str(digit) for digit in range(10)]
    return Dataset(raw.data, raw.target, names, classes, "Handwritten digits", image_shape=(8, 8))


def load_npz(path: str | os.PathLike[str]) -> Dataset:
    """Read a NumPy archive with ``X``, and ``y`` and ``class_names`` if it has them.

    Nothing is unpickled and nothing is converted: `X` keeps its dtype.

    Parameters
    ----------
    path : path-like
        A file written by ``numpy.savez`` or ``numpy.savez_compressed``.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is no NumPy archive, has no two-dimensional ``X``, or ``y`` is not one label per row.

    Examples
    --------
    >>> import numpy as np, os, tempfile
    >>> from shoal.datasets import load_npz
    >>> path = os.path.join(tempfile.mkdtemp(), "two.npz")
    >>> np.savez(path, X=np.array([[0.0, 1.0], [2.0, 3.0]]), y=np.array([0, 1]))
    >>> load_npz(path).y
    array([0, 1])
    """
    path = Path(path)
    arrays = read_npz(path)
    X = arrays.get("X")
    if X is None or X.ndim != 2:
        found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or "nothing"
        raise ValueError(f"{path} must hold a two-dimensional array X; it holds {found}")
    y = arrays.get("y")
    if y is not None and y.shape != (X.shape[0],):
        raise ValueError(f"{path}: y must have shape ({X.shape[0]},), one label per row of X; got {y.shape}")
    names = arrays.get("class_names")
    classes = None if names is None else [str(name) for name in names]
    return Dataset(X, y, [f"x{j}" for j in range(X.shape[1])], classes, path.stem)


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of a NumPy archive by name, without unpickling."""
    with open(path, "rb") as file:  # says why if it cannot be opened
        single = file.read(6) == b"\x93NUMPY"
    if single:
        raise ValueError(f"{path} is a single NumPy array, not an archive; rename it to .npy")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} cannot be read as NPZ: it is no ZIP archive")
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{path} cannot be read as NPZ: {error}") from error
