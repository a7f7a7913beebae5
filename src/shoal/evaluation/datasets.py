"""The data sets of the evaluation: what each is, where it is found, and how it is prepared.

Nothing is downloaded and nothing but scikit-learn's own small sets is shipped. Other sets are read from folders that
the user names, from Debian's package ``dataset-fashion-mnist``, or from scikit-learn's cache of OpenML.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.evaluation.files import read_idx_pair, read_openml_arff
from shoal.evaluation.synthetic import FAMILIES

FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")  # of Debian's package dataset-fashion-mnist

# More values than this stay float32, as large data do in practice.
_MAX_DOUBLES = 5_000_000


@dataclass
class Sample:
    """Points as every method sees them, with the truth.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), float32 or float64
    references : list of ndarray of shape (n_samples,)
        Equally valid reference labellings; -1 is noise and takes no part in scores.

    Examples
    --------
    >>> from shoal.evaluation import find_sets
    >>> find_sets(["iris"])[0].load(0).X.shape
    (150, 4)
    """

    X: NDArray[Any]
    references: list[NDArray[np.int64]]


@dataclass(frozen=True)
class EvaluationSet:
    """One data set of the evaluation.

    Parameters
    ----------
    name : str
    group : {"real", "suite", "synthetic", "given"}
    source : str
        Where its points come from; no path of a machine.
    licence : str
    n_clusters : int
        Of the first reference labelling.
    drawn : bool
        Whether each seed is a new sample.
    scaling : str
        "none", "standard" (mean 0 and deviation 1 per feature) or "pixels" (to [0, 1]).
    load : callable
        ``load(seed)`` gives a :class:`Sample`.
    bayes_error : float or None
        The least share of wrong labels that is possible, where it is known.
    bayes_error_se : float
        Its standard error.

    Examples
    --------
    >>> from shoal.evaluation import find_sets
    >>> [(s.name, s.n_clusters) for s in find_sets(["wine", "moons"])]
    [('wine', 3), ('moons', 2)]
    """

    name: str
    group: str
    source: str
    licence: str
    n_clusters: int
    drawn: bool
    scaling: str
    load: Callable[[int], Sample] = field(repr=False, compare=False)
    bayes_error: float | None = None
    bayes_error_se: float = 0.0


SHIPPED = ("iris", "wine", "breast_cancer", "digits")
IMAGES = ("mnist10k", "mnist60k", "fashion_mnist10k", "fashion_mnist60k")
SYNTHETIC = tuple(FAMILIES)
QUICK = ("iris", "wine", "breast_cancer", *SYNTHETIC)

# sets of the suite that hold the points of another one: scored once, not twice
SAME_POINTS = {"other_iris": "iris", "uci_wine": "wine", "uci_wdbc": "breast_cancer"}

_SUITES = ("fcps", "g2mg", "graves", "h2mg", "mnist", "other", "sipu", "uci", "wut")
_STANDARD = {"wine", "breast_cancer", "uci_wine", "uci_wdbc"}  # features in different units


def find_sets(
    names: Sequence[str] | None = None, folders: Sequence[str | Path] = (), *, n_samples: int = 2000
) -> list[EvaluationSet]:
    """The data sets of these names, or all that can be found.

    Parameters
    ----------
    names : sequence of str, default=None
        Sets or groups: ``shipped``, ``synthetic``, ``suite``, ``files`` (all that the folders hold). None means
        every set there is.
    folders : sequence of path-like
        Folders (or single files) of the user: ``.npz`` archives with ``X`` and ``y`` (and ``y1``, ``y2``, ...),
        tables with a column ``y``, ``label`` or ``class``, and the IDX files of MNIST and Fashion-MNIST; folders in
        them are searched too.
    n_samples : int
        Size of synthetic samples.

    Returns
    -------
    list of EvaluationSet

    Raises
    ------
    ValueError
        No such set, a file cannot be read, or two sets have one name.
    FileNotFoundError
        No such folder.

    Examples
    --------
    >>> from shoal.evaluation import find_sets
    >>> [s.name for s in find_sets(["shipped"])]
    ['iris', 'wine', 'breast_cancer', 'digits']
    """
    places = sorted((Path(folder) for folder in folders), key=lambda place: place.is_dir())  # files first
    for place in places:
        if not place.exists():
            raise FileNotFoundError(f"{place}: no such file or folder")
    files = _files(places)
    wanted: list[str] = []
    for name in names if names is not None else ("shipped", *IMAGES, "files", "synthetic"):
        if name == "shipped":
            wanted += SHIPPED
        elif name == "synthetic":
            wanted += SYNTHETIC
        elif name == "files":
            wanted += files
        elif name == "suite":
            wanted += [n for n in files if _group(files[n]) == "suite"]
        else:
            wanted.append(name)
    found = []
    for name in dict.fromkeys(wanted):
        if name in files and (name in FAMILIES or name in SHIPPED) and name not in (names or ()):
            raise ValueError(f"{files[name]} must have another name: {name} is a data set of shoal's own")
        if name in FAMILIES:
            found.append(_synthetic(name, n_samples))
        elif name in SHIPPED:
            found.append(_shipped(name))
        elif name in files:
            found.append(_file(name, files[name]))
        elif name in IMAGES:
            images = _images(name, places)
            if images is not None:
                found.append(images)
            elif names is not None and name in names:
                raise ValueError(
                    f"sets: {name} is not in the folders given, nor in scikit-learn's cache"
                    + (f", nor in {FASHION_FOLDER}" if name.startswith("fashion") else "")
                )
        else:
            known = ", ".join(dict.fromkeys([*SHIPPED, *IMAGES, *SYNTHETIC, *files]))
            raise ValueError(f"sets must be names of data sets; got {name!r}, known are {known}")
    if not found:
        raise ValueError("sets must hold at least one data set; the folders given have none")
    return found


def fingerprint(sample: Sample) -> str:
    """A short digest of points and references, to tell whether data have changed."""
    digest = hashlib.sha256(np.ascontiguousarray(sample.X).tobytes())
    for reference in sample.references:
        digest.update(reference.astype("<i8").tobytes())
    return digest.hexdigest()[:12]


def _prepare(X: NDArray[Any], references: Iterable[NDArray[Any]], scaling: str) -> Sample:
    dtype = np.float32 if X.size > _MAX_DOUBLES else np.float64
    X = np.ascontiguousarray(X, dtype=dtype)
    if scaling == "standard":
        deviation = X.std(axis=0)
        X = (X - X.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    elif scaling == "pixels":
        X /= dtype(255)
    return Sample(X, list(references))


def _codes(y: NDArray[Any], what: str) -> NDArray[np.int64]:
    """Reference labels as integers: whole numbers as they are, of which negative ones are noise; others numbered."""
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError(f"{what} must have a reference label for each row; got {y[~np.isfinite(y)][0]}")
    if y.dtype.kind in "iu" or (y.dtype.kind == "f" and (y == np.floor(y)).all()):
        return np.where(y < 0, -1, y).astype(np.int64)
    return np.unique(y, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _n_clusters(y: NDArray[Any]) -> int:
    return int(np.unique(y[y >= 0]).size)


def _synthetic(name: str, n_samples: int) -> EvaluationSet:
    family = FAMILIES[name]

    def load(seed: int) -> Sample:
        X, y = family.draw(np.random.default_rng([seed, 20]), n_samples)
        return Sample(X, [y.astype(np.int64)])

    error = family.mixture.bayes_error() if family.mixture else None
    return EvaluationSet(
        name,
        "synthetic",
        family.describe,
        "made by shoal",
        family.n_clusters,
        True,
        "none",
        load,
        error.value if error else None,
        error.standard_error if error else 0.0,
    )


def _shipped(name: str) -> EvaluationSet:
    scaling = "standard" if name in _STANDARD else "none"

    def load(seed: int) -> Sample:
        from sklearn import datasets

        raw = getattr(datasets, f"load_{name}")()
        return _prepare(raw.data, [_codes(raw.target, name)], scaling)

    k = {"iris": 3, "wine": 3, "breast_cancer": 2, "digits": 10}[name]
    source = "UCI repository, the copy in scikit-learn"
    return EvaluationSet(name, "real", source, "CC BY 4.0", k, False, scaling, load)


_TABLES = (".csv", ".tsv", ".parquet", ".arrow", ".feather")


def _files(places: Sequence[Path]) -> dict[str, Path]:
    """Archives and tables of the user by name, in the order of names; a file named directly comes first."""
    found: dict[str, Path] = {}
    direct = {place.stem for place in places if place.is_file()}
    for place in places:
        inside = [place] if place.is_file() else sorted(place.glob("**/*"))
        for path in inside:
            is_data = path.suffix == ".npz" or (path.suffix in _TABLES and path.is_file())
            if not is_data or not place_has_labels(path):
                continue
            first = found.setdefault(path.stem, path)
            if first.resolve() != path.resolve() and path.stem not in direct:
                raise ValueError(f"{path} must have another name: {first} is the data set {path.stem}")
    return found


def place_has_labels(path: Path) -> bool:
    """Whether a file has reference labels, without which there is nothing to score against."""
    if path.suffix != ".npz":
        return True  # a table without is refused when it is read
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            return {"X.npy", "y.npy"} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return True  # is told when it is read


def _group(path: Path) -> str:
    if path.parent.name == "suite" and path.stem.split("_")[0] in _SUITES:
        return "suite"
    return "real" if path.stem.startswith(("mnist", "fashion_mnist", "uci_")) else "given"


def _read(path: Path) -> tuple[NDArray[Any], list[NDArray[Any]]]:
    if path.suffix == ".npz":
        from shoal.datasets.embedded import load_npz, read_npz

        data = load_npz(path)
        assert data.y is not None
        arrays = read_npz(path)
        more = [arrays[f"y{i}"] for i in range(1, len(arrays)) if f"y{i}" in arrays]
        if data.X.dtype.kind not in "fiub":
            raise ValueError(f"{path.name}: X must be numeric; its type is {data.X.dtype}")
        if not np.isfinite(data.X).all():
            row, column = np.argwhere(~np.isfinite(data.X))[0]
            raise ValueError(
                f"{path.name}: X must be finite; got {data.X[row, column]} at row {row}, column {column}"
            )
        for reference in (data.y, *more):
            if reference.shape != (len(data.X),):
                raise ValueError(
                    f"{path.name}: reference labels must have shape ({len(data.X)},); got {reference.shape}"
                )
        return data.X, [_codes(reference, path.name) for reference in (data.y, *more)]
    from shoal.datasets import read_table

    table = read_table(path)
    column = next((c for c in ("y", "label", "class") if c in table.frame.columns), None)
    if column is None:
        raise ValueError(f"{path.name} must have a column y, label or class with reference labels")
    part = table.select(label=column)
    assert part.y is not None
    return part.X, [_codes(part.y, path.name)]


def _file(name: str, path: Path) -> EvaluationSet:
    group = _group(path)
    image = "mnist" in name and group == "real"
    scaling = "pixels" if image else "standard" if name in _STANDARD else "none"
    sources = {
        "suite": ("Benchmark Suite for Clustering Algorithms, v1", "research use, cite source"),
        "real": ("UCI repository", "CC BY 4.0"),
        "given": ("the user's file", "the user's"),
    }
    source, licence = _image_source(name) if image else sources[group]
    k = _n_clusters(_read(path)[1][0])

    def load(seed: int) -> Sample:
        points, labels = _read(path)
        return _prepare(points, labels, scaling)

    return EvaluationSet(name, group, source, licence, k, False, scaling, load)


def _image_source(name: str) -> tuple[str, str]:
    if name.startswith("fashion"):
        return "Fashion-MNIST, Zalando 2017", "MIT"
    return "MNIST, LeCun, Cortes and Burges", "CC BY-SA 3.0"


def _images(name: str, places: Sequence[Path]) -> EvaluationSet | None:
    """MNIST or Fashion-MNIST from IDX files or scikit-learn's cache, None where there are none."""
    fashion = name.startswith("fashion")
    part = "t10k" if name.endswith("10k") else "train"
    folders = [p for p in places if p.is_dir()] + ([FASHION_FOLDER] if fashion else [])
    reader: Callable[[], tuple[NDArray[Any], NDArray[Any]]] | None = None
    for folder in folders:
        for images in sorted(folder.glob(f"**/{part}-images*idx3-ubyte*")):
            if ("fashion" in str(images).lower()) != fashion:
                continue
            labels = images.with_name(images.name.replace("images", "labels").replace("idx3", "idx1"))
            if labels.exists():
                reader = reader or partial(read_idx_pair, images, labels)
    cached = _openml_file(fashion)
    if reader is None and cached is not None:

        def of_cache() -> tuple[NDArray[Any], NDArray[Any]]:
            X, y = read_openml_arff(cached)
            rows = slice(60_000, None) if part == "t10k" else slice(None, 60_000)
            return X[rows], y[rows]

        reader = of_cache
    if reader is None:
        return None
    chosen = reader

    def load(seed: int) -> Sample:
        X, y = chosen()
        return _prepare(X, [_codes(y, name)], "pixels")

    return EvaluationSet(name, "real", *_image_source(name), 10, False, "pixels", load)


def _openml_file(fashion: bool) -> Path | None:
    """The table in scikit-learn's cache (``fetch_openml``), if it is there."""
    from sklearn.datasets import get_data_home

    home = Path(get_data_home()) / "openml"
    for name in ("Fashion-MNIST", "18238735") if fashion else ("mnist_784", "52667"):
        for path in sorted(home.glob(f"**/{name}*.gz")):
            if "download" in path.parts:
                return path
    return None
