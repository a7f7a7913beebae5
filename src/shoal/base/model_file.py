"""Fitted estimators in a file that runs no code when it is opened.

A model file (suffix ``.shoal``) is a ZIP archive: ``model.json`` and ``arrays/0.npy``, ``arrays/1.npy``, ...
The JSON holds the class by name, its parameters and its fitted state; every array is a plain NumPy file that
it refers to by number. Reading makes objects of shoal's own classes and of three scikit-learn scalers, and of
nothing else; there is no pickle in it.

``docs/cli.md`` describes the format for readers in other languages.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator

from shoal.base.checks import shown
from shoal.base.files import replacing

FORMAT = "shoal-model"
FORMAT_VERSION = 1

# The only classes outside the package that a file may name.
SCALERS = ("StandardScaler", "MinMaxScaler", "RobustScaler")


# NumPy's own sources of random bits.
BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


@dataclass
class SavedModel:
    """A fitted estimator with what stood before it.

    Parameters
    ----------
    estimator : object
        The fitted estimator.
    scaler : object or None
        A fitted ``StandardScaler``, ``MinMaxScaler`` or ``RobustScaler`` that new rows go through first.
    feature_names : list of str or None
        The columns of `X`, in order.
    about : dict
        Free facts (text, numbers, lists) kept with the model: where the data came from, the command.
    version : str
        The shoal version that wrote the file.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> import shoal
    >>> from shoal.base.model_file import SavedModel
    >>> X = [[0.0], [1.0], [8.0], [9.0]]
    >>> scaler = StandardScaler().fit(X)
    >>> model = shoal.KMeans(2, random_state=0).fit(scaler.transform(X))
    >>> bool((SavedModel(model, scaler).predict(X) == model.labels_).all())
    True
    """

    estimator: Any
    scaler: Any = None
    feature_names: list[str] | None = None
    about: dict[str, Any] = field(default_factory=dict)
    version: str = ""

    def scale(self, X: Any) -> NDArray[Any]:
        """`X` as the estimator sees it: through the scaler, if there is one."""
        return X if self.scaler is None else self.scaler.transform(X)

    def predict(self, X: Any) -> NDArray[Any]:
        """Labels of new rows in the units of the original data, shape (n_samples,)."""
        if not hasattr(self.estimator, "predict"):
            raise ValueError(
                f"{type(self.estimator).__name__} labels only the rows it was fitted on: it has no predict"
            )
        return self.estimator.predict(self.scale(X))


def save_model(
    estimator: Any,
    path: str | os.PathLike[str],
    *,
    scaler: Any = None,
    feature_names: Iterable[str] | None = None,
    about: dict[str, Any] | None = None,
) -> None:
    """Write a fitted estimator to a model file.

    The file is complete or absent: it is written beside `path` and moved there at the end.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator of this package.
    path : path-like
        Customarily ends in ``.shoal``.
    scaler : fitted StandardScaler, MinMaxScaler or RobustScaler, default=None
        Applied by :meth:`SavedModel.predict` before the estimator.
    feature_names : iterable of str, default=None
        Column names, such as ``frame.columns``; by default ``estimator.feature_names_in_`` when it is there.
    about : dict, default=None
        Free facts to keep with the model.

    Raises
    ------
    TypeError
        Something in the estimator, which is named, cannot be written without pickle: a callable, for
        instance. `scaler` is none of the three, or `about` holds other things.
    ValueError
        `feature_names` are not as many as the estimator has features.
    OSError
        The file cannot be written.

    Examples
    --------
    >>> import os, tempfile, shoal
    >>> path = os.path.join(tempfile.mkdtemp(), "pairs.shoal")
    >>> shoal.save_model(shoal.KMeans(2, random_state=0).fit([[0.0], [1.0], [8.0], [9.0]]), path)
    >>> labels = shoal.load_model(path).predict([[0.4], [8.6]])
    >>> bool(labels[0] != labels[1])
    True
    """
    import shoal

    if feature_names is None:
        feature_names = getattr(estimator, "feature_names_in_", None)
    names = None if feature_names is None else [str(name) for name in feature_names]
    n_features = getattr(estimator, "n_features_in_", None)
    if names is not None and n_features is not None and len(names) != n_features:
        raise ValueError(f"feature_names must have n_features_in_={n_features} names; got {len(names)}")
    if scaler is not None and not (_class_name(type(scaler)) or "").startswith("sklearn."):
        raise TypeError(f"scaler must be one of {', '.join(SCALERS)}; got {shown(scaler)}")
    try:
        json.dumps(about, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise type(error)(f"about must hold text, finite numbers, lists and dicts; {error}") from None
    writer = _Writer()
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "shoal_version": shoal.__version__,
        "written": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "feature_names": names,
        "scaler": writer.encode(scaler, "scaler"),
        "estimator": writer.encode(estimator, type(estimator).__name__),
        "about": about or {},
    }
    with replacing(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.json", json.dumps(content, indent=1, allow_nan=False))
        for i, array in enumerate(writer.arrays):
            with archive.open(f"arrays/{i}.npy", "w", force_zip64=True) as file:
                np.save(file, array, allow_pickle=False)


def load_model(path: str | os.PathLike[str]) -> SavedModel:
    """Read a model file; no code from the file is run.

    Parameters
    ----------
    path : path-like
        A file written by :func:`save_model` or ``shoal fit``.

    Returns
    -------
    SavedModel
        ``.estimator`` is the fitted estimator, ``.predict(X)`` scales and labels new rows.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is no model file, is damaged, is of a newer format, names a class that is not allowed, or holds a fit of
        a version that kept less than this one's methods read.

    Examples
    --------
    >>> import os, tempfile, shoal
    >>> path = os.path.join(tempfile.mkdtemp(), "pairs.shoal")
    >>> shoal.save_model(shoal.KMeans(2, random_state=0).fit([[0.0], [1.0], [8.0], [9.0]]), path)
    >>> type(shoal.load_model(path).estimator).__name__
    'KMeans'
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory, not a file")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    data = io.BytesIO(path.read_bytes())
    if not zipfile.is_zipfile(data):
        raise ValueError(f"{path} is not a shoal model file")
    try:
        with zipfile.ZipFile(data) as archive:
            return _read(archive)
    except _Refused as error:
        raise ValueError(f"{path} {error}") from error
    except _DAMAGE as error:
        raise ValueError(f"{path} is damaged or not a shoal model file: {error}") from error


# What zipfile, zlib, json and numpy raise on a file that was cut or changed.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    KeyError,
    TypeError,
    ValueError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    AttributeError,
    IndexError,
    OverflowError,
    StopIteration,
    struct.error,
)


class _Refused(ValueError):
    """A file that is whole, but not for this version to read."""


def _read(archive: zipfile.ZipFile) -> SavedModel:
    content = json.loads(archive.read("model.json"))
    if content["format"] != FORMAT:
        raise _Refused("is not a shoal model file")
    if content["format_version"] > FORMAT_VERSION:
        raise _Refused(
            f"must have a model format up to {FORMAT_VERSION}; got {content['format_version']}, "
            f"written by shoal {content['shoal_version']}"
        )
    reader = _Reader(archive, content["shoal_version"])
    estimator, scaler = (reader.decode(content[part]) for part in ("estimator", "scaler"))
    names = content["feature_names"]
    if not isinstance(estimator, BaseEstimator) or not isinstance(scaler, BaseEstimator | None):
        raise ValueError("there is no estimator in it")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise ValueError("its feature_names are no list of text")
    return SavedModel(estimator, scaler, names, content["about"], content["shoal_version"])


def _class_name(cls: type) -> str | None:
    """``module:Class`` if a file may name this class, else None."""
    if cls.__module__.split(".")[0] == "shoal":
        return f"{cls.__module__}:{cls.__qualname__}"
    if cls.__module__.startswith("sklearn.preprocessing.") and cls.__name__ in SCALERS:
        return f"sklearn.preprocessing:{cls.__name__}"
    return None


def _class_of(name: str) -> type:
    module_name, _, class_name = name.partition(":")
    if module_name == "sklearn.preprocessing" and class_name in SCALERS:
        import sklearn.preprocessing

        return getattr(sklearn.preprocessing, class_name)
    found = None
    if module_name.split(".")[0] == "shoal":
        with contextlib.suppress(ImportError):
            found = getattr(importlib.import_module(module_name), class_name, None)
    # a class that the module merely imports is not one of ours
    if not isinstance(found, type) or found.__module__ != module_name or not issubclass(found, BaseEstimator):
        raise _Refused(f"names {name!r}, which is not an estimator of this version of shoal")
    return found


class _Writer:
    """Turns values into JSON; arrays are put aside and referred to by number."""

    def __init__(self) -> None:
        self.arrays: list[NDArray[Any]] = []

    def encode(self, value: Any, where: str) -> Any:
        if value is None or isinstance(value, bool | int | str):
            return value
        if type(value) is float:
            return value if np.isfinite(value) else {"$float": repr(value)}  # JSON has no inf and nan
        if isinstance(value, np.ndarray | np.generic):
            return self._array(np.asarray(value), where, scalar=not isinstance(value, np.ndarray))
        if type(value) in (list, tuple):
            return {"$list" if isinstance(value, list) else "$tuple": self._all(value, where)}
        if type(value) is dict:
            pairs = [[self.encode(k, where), self.encode(v, f"{where}[{k!r}]")] for k, v in value.items()]
            return {"$dict": pairs}
        if isinstance(value, sparse.csr_matrix | sparse.csr_array):
            parts = [self.encode(part, where) for part in (value.data, value.indices, value.indptr)]
            return {"$csr": parts, "shape": list(value.shape), "matrix": isinstance(value, sparse.csr_matrix)}
        if isinstance(value, np.random.RandomState):
            return {"$random_state": self.encode(value.get_state(legacy=False), where)}
        if isinstance(value, np.random.Generator) and type(value.bit_generator).__name__ in BIT_GENERATORS:
            return {"$generator": self.encode(value.bit_generator.state, where)}
        name = self._allowed(value, where)
        state = BaseEstimator.__getstate__(value)
        return {"$object": name, "state": {k: self.encode(v, f"{where}.{k}") for k, v in state.items()}}

    def _all(self, values: Any, where: str) -> list[Any]:
        return [self.encode(value, f"{where}[{i}]") for i, value in enumerate(values)]

    def _allowed(self, value: Any, where: str) -> str:
        name = _class_name(type(value))
        if name is None or not isinstance(value, BaseEstimator):
            raise TypeError(
                f"{where} must be numbers, text or arrays to be saved in a model file; got {value!r}"
            )
        return name

    def _array(self, array: NDArray[Any], where: str, *, scalar: bool) -> Any:
        if array.dtype.hasobject:
            if not all(isinstance(item, str) for item in array.ravel()):
                raise TypeError(f"{where} cannot be saved in a model file: it is an array of Python objects")
            return {"$strings": array.ravel().tolist(), "shape": list(array.shape)}
        self.arrays.append(array)
        return {"$scalar" if scalar else "$array": len(self.arrays) - 1}


class _Reader:
    """The inverse of :class:`_Writer`."""

    def __init__(self, archive: zipfile.ZipFile, version: str = "") -> None:
        self._archive = archive
        self._version = version

    def decode(self, value: Any) -> Any:
        if isinstance(value, list):
            raise TypeError("unexpected list")
        if not isinstance(value, dict):
            return value
        kind = next(iter(value))
        inner = value[kind]
        if kind in ("$array", "$scalar"):
            data = io.BytesIO(self._archive.read(f"arrays/{int(inner)}.npy"))
            array = np.load(data, allow_pickle=False)
            return array if kind == "$array" else array[()]
        if kind == "$float":
            return float(inner)
        if kind == "$strings":
            return np.array(inner, dtype=object).reshape(value["shape"])
        if kind == "$list":
            return [self.decode(item) for item in inner]
        if kind == "$tuple":
            return tuple(self.decode(item) for item in inner)
        if kind == "$dict":
            return {self.decode(k): self.decode(v) for k, v in inner}
        if kind == "$csr":
            make = sparse.csr_matrix if value["matrix"] else sparse.csr_array
            return make(tuple(self.decode(part) for part in inner), shape=tuple(value["shape"]))
        if kind == "$random_state":
            generator = np.random.RandomState()
            generator.set_state(self.decode(inner))
            return generator
        if kind == "$generator":
            state = self.decode(inner)
            if state["bit_generator"] not in BIT_GENERATORS:
                raise _Refused(f"names the generator {state['bit_generator']!r}, which NumPy does not have")
            bits = getattr(np.random, state["bit_generator"])()
            bits.state = state
            return np.random.Generator(bits)
        if kind == "$object":
            cls = _class_of(inner)
            missing = sorted(set(getattr(cls, "_kept_by_fit", ())) - set(value["state"]))
            if missing and any(name.endswith("_") for name in value["state"]):
                raise _Refused(
                    f"must hold a {cls.__name__} with {', '.join(missing)}, which its methods read; it was written "
                    f"by shoal {self._version}, before fits kept that: fit again"
                )
            restored: Any = object.__new__(cls)
            state = {k: self.decode(v) for k, v in value["state"].items()}
            # scikit-learn's own door: it warns when a scaler was fitted under another version
            restored.__setstate__(self._of_this_version(cls, state) if inner.startswith("shoal") else state)
            return restored
        raise ValueError(f"unknown kind {kind!r}")

    def _of_this_version(self, cls: type, state: dict[str, Any]) -> dict[str, Any]:
        """The state with parameters that came after the file at their defaults; one that is gone is refused."""
        parameters = inspect.signature(cls).parameters
        for name in state:
            if name not in parameters and not name.startswith("_") and not name.endswith("_"):
                raise _Refused(
                    f"was written by shoal {self._version}: {cls.__name__} of this version has no parameter {name!r}"
                )
        return {**{name: parameter.default for name, parameter in parameters.items()}, **state}
