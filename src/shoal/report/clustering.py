"""The plain result that a report is written from, independent of the estimator that made it."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.base.checks import check_cluster_labels, check_labels, check_matrix, check_minkowski
from shoal.report.scores import SIMILARITIES, Scores, compute_scores

if TYPE_CHECKING:
    from shoal.density.condensed_tree import CondensedTree


@dataclass
class Clustering:
    """One clustering of one data set, in plain values.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The points as the algorithm saw them, after scaling.
    labels : ndarray of shape (n_samples,), int
        Cluster of each row; -1 is noise.
    algorithm : str
        Its name.
    parameters : dict
        Parameter values by name.
    changed : set of str
        Parameters that are not at their default.
    feature_names : list of str
    centers : ndarray of shape (n_clusters, n_features) or None
        Row j is the center of label j, in the space of `X`.
    metric : str
        The distance the algorithm used. Under ``"cosine"`` scores and pictures use rows of unit length. Under
        ``"precomputed"`` `X` holds distances, under ``"similarities"`` their opposite: scores that need points are left
        out.
    original : ndarray of shape (n_samples, n_features) or None
        The points in their own units, when `X` is scaled; summaries are given in these.
    y : ndarray of shape (n_samples,) or None
        Reference labels.
    y_name : str
        What the reference labels are called.
    class_names : sequence of str or None
        ``class_names[v]`` names the integer reference label v.
    rows : ndarray of shape (n_samples,) or None
        Row numbers to show instead of 0..n-1.
    image_shape : (int, int) or None
        Height and width when each row is an image; clusters are then shown as their mean images.
    dendrogram : ndarray of shape (n_samples - 1, 4) or None
        The merges of a hierarchy as a linkage matrix; before the last of them there are the clusters of `labels`.
    condensed_tree : CondensedTree or None
        Of HDBSCAN: how its clusters split.
    title : str
    source : str
        Where the data came from.
    scaling : str
        What was done to the data before clustering.
    results : dict
        Single values the algorithm reports, such as ``inertia_``.
    seconds : dict of str to float
        Wall time of each step.
    notes : list of str
        What the reader should know: columns or rows left out, warnings.

    Raises
    ------
    ValueError, TypeError
        The parts do not fit together; the one at fault is named.

    Examples
    --------
    >>> import numpy as np
    >>> from shoal.report import Clustering
    >>> X = np.array([[0.0], [1.0], [8.0], [9.0]])
    >>> result = Clustering(X, np.array([0, 0, 1, -1]), "by hand")
    >>> result.n_clusters, result.ids.tolist(), result.sizes.tolist()
    (2, [-1, 0, 1], [1, 2, 1])
    """

    X: NDArray[Any]
    labels: NDArray[Any]
    algorithm: str
    parameters: dict[str, Any] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    feature_names: list[str] = field(default_factory=list)
    centers: NDArray[Any] | None = None
    metric: str = "euclidean"
    original: NDArray[Any] | None = None
    y: NDArray[Any] | None = None
    y_name: str = "class"
    class_names: Sequence[str] | None = None
    rows: NDArray[Any] | None = None
    image_shape: tuple[int, int] | None = None
    dendrogram: NDArray[Any] | None = None
    condensed_tree: CondensedTree | None = None
    title: str = ""
    source: str = ""
    scaling: str = "none"
    results: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.X = check_matrix(self.X)
        n_samples, n_features = self.X.shape
        self.labels = check_cluster_labels(self.labels, n_samples)
        self.feature_names = [str(name) for name in self.feature_names]
        if not self.feature_names:
            self.feature_names = [f"x{j}" for j in range(n_features)]
        if len(self.feature_names) != n_features:
            raise ValueError(
                f"feature_names must have n_features={n_features} names; got {len(self.feature_names)}"
            )
        if self.original is not None:
            self.original = check_matrix(self.original, "original")
            if self.original.shape != self.X.shape:
                raise ValueError(
                    f"original must have the shape of X, {self.X.shape}; got {self.original.shape}"
                )
        if self.centers is not None:
            self.centers = check_matrix(self.centers, "centers")
            if self.centers.shape[1] != n_features:
                raise ValueError(
                    f"centers must have n_features={n_features} columns; got {self.centers.shape[1]}"
                )
        if self.y is not None:
            self.y = check_labels(self.y, "y", n_samples)
        if self.rows is not None:
            self.rows = check_labels(self.rows, "rows", n_samples)
        if self.dendrogram is not None:
            self.dendrogram = check_matrix(self.dendrogram, "dendrogram")
            if self.dendrogram.shape != (n_samples - 1, 4):
                raise ValueError(
                    f"dendrogram must have shape (n_samples - 1={n_samples - 1}, 4); got {self.dendrogram.shape}"
                )
        if self.image_shape is not None and self.image_shape[0] * self.image_shape[1] != n_features:
            height, width = self.image_shape
            raise ValueError(f"image_shape must have n_features={n_features} pixels; got {height} x {width}")
        self.title = self.title or self.source or "Clustering"

    @classmethod
    def of(cls, model: Any, X: ArrayLike, **fields: Any) -> Clustering:
        """The clustering that a fitted estimator made of `X`; any field above can be given.

        Parameters, centers, metric and single-valued results are taken from the estimator. Labels are its
        ``labels_``, or ``predict(X)`` for one that keeps none.

        Parameters
        ----------
        model : estimator
            Fitted.
        X : array-like of shape (n_samples, n_features)
            What it was fitted on.
        **fields
            Attributes that are not the estimator's to know, or that replace what it says.

        Returns
        -------
        Clustering

        Raises
        ------
        ValueError
            `X` is not what the estimator was fitted on: its ``labels_`` have another length.

        Examples
        --------
        >>> import shoal
        >>> from shoal.report import Clustering
        >>> X = [[0.0], [1.0], [8.0], [9.0]]
        >>> result = Clustering.of(shoal.KMeans(2, random_state=0).fit(X), X)
        >>> result.algorithm, sorted(result.sizes.tolist())
        ('KMeans', [2, 2])
        """
        labels = model.labels_ if hasattr(model, "labels_") else model.predict(X)
        parameters = model.get_params(deep=False)
        defaults = {name: item.default for name, item in inspect.signature(type(model)).parameters.items()}
        given = {
            "labels": labels,
            "algorithm": type(model).__name__,
            "parameters": parameters,
            "changed": {name for name, value in parameters.items() if not _same(value, defaults.get(name))},
            "feature_names": [
                str(name) for name in getattr(model, "feature_names_in_", getattr(X, "columns", []))
            ],
            "centers": getattr(model, "cluster_centers_", getattr(model, "means_", None)),
            "metric": _metric_of(parameters),
            "results": _single_values(model),
            "dendrogram": _dendrogram_of(model, len(labels)),
            "condensed_tree": _condensed_tree_of(model),
        }
        return cls(X, **{**given, **fields})  # type: ignore[arg-type]  # checked in __post_init__

    @cached_property
    def ids(self) -> NDArray[Any]:
        """The labels that occur, ascending; -1 first if there is noise."""
        return np.unique(self.labels)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Rows of each label in `ids`."""
        return np.unique(self.labels, return_counts=True)[1]

    @property
    def n_clusters(self) -> int:
        return int((self.ids >= 0).sum())

    @cached_property
    def space(self) -> NDArray[Any]:
        """`X` where the metric is Euclidean: rows of unit length under the cosine metric."""
        if self.metric != "cosine":
            return self.X
        length = np.linalg.norm(self.X, axis=1, keepdims=True)
        return self.X / np.where(length > 0, length, 1)

    @cached_property
    def classes(self) -> tuple[list[str], NDArray[np.intp]]:
        """Names of the reference classes, and the class number of each row."""
        if self.y is None:
            return [], np.empty(0, dtype=np.intp)
        values, codes = np.unique(self.y, return_inverse=True)
        return [self._class_name(value) for value in values], codes.reshape(-1)

    def _class_name(self, value: Any) -> str:
        if not isinstance(value, numbers.Integral):
            return f"{value:g}" if isinstance(value, numbers.Real) else str(value)
        number = int(value)
        if self.class_names is None:
            return str(number)
        if 0 <= number < len(self.class_names):
            return str(self.class_names[number])
        return "noise" if number < 0 else str(number)

    @cached_property
    def scores(self) -> Scores:
        """All scores, computed when first asked for."""
        return compute_scores(self.space, self.labels, self.y, metric=self.metric)


def _same(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and np.array_equal(value, default))


def _metric_of(parameters: dict[str, Any]) -> str:
    """The metric of an estimator for its scores: of all powers of minkowski they know 1, 2 and infinity."""
    if parameters.get("affinity") == "precomputed":
        return SIMILARITIES
    given = parameters.get("metric", "euclidean")
    power = (parameters.get("metric_params") or {}).get("p", parameters.get("p"))
    metric, _ = check_minkowski(given, 2 if power is None else power)
    return "euclidean" if metric == "minkowski" else metric


def _dendrogram_of(model: Any, n_samples: int) -> NDArray[Any] | None:
    """The merges of an agglomerative clustering, if all of them are known, of every sample."""
    merges = getattr(model, "linkage_matrix_", None)
    return merges if merges is not None and len(merges) == n_samples - 1 else None


def _condensed_tree_of(model: Any) -> CondensedTree | None:
    from shoal.density.condensed_tree import CondensedTree

    tree = getattr(model, "condensed_tree_", None)
    return tree if isinstance(tree, CondensedTree) else None


def _single_values(model: Any) -> dict[str, Any]:
    """Public fitted attributes that are one number or word."""
    return {
        name: value
        for name, value in vars(model).items()
        if name.endswith("_")
        and not name.startswith("_")
        and isinstance(value, numbers.Real | np.bool_ | str)
    }
