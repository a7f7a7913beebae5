"""Starting centres for the k-means family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from shoal import _core
from shoal.base.checks import check_choice, check_finite, check_int, check_matrix, check_weight, draw_seed
from shoal.base.progress import Report
from shoal.centroid.rows import METRICS, check_range, for_metric, on_rows

INITS = ("k-means++", "k-means||", "random")
PARALLEL_ROUNDS = 5
PARALLEL_OVERSAMPLING = 2.0


class Seeds(NamedTuple):
    """What :func:`kmeans_plusplus` returns: the centres and the rows of X they are."""

    centers: NDArray[Any]
    indices: NDArray[np.int64]


def kmeans_plusplus(
    X: Any,
    n_clusters: int,
    *,
    sample_weight: ArrayLike | None = None,
    x_squared_norms: ArrayLike | None = None,
    random_state: Any = None,
    n_local_trials: int | None = None,
    metric: str = "euclidean",
) -> Seeds:
    """Starting centres by greedy k-means++.

    The first centre is a sample drawn by weight; each next one is, of `n_local_trials` samples drawn with
    probability proportional to weight times squared distance to the nearest centre so far, the one that lowers
    the sum of these most.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples; float32 stays float32.
    n_clusters : int
        Number of centres, at most ``n_samples``.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights; a row of weight w draws as w copies of the row would.
    x_squared_norms : ignored
        Accepted for compatibility with scikit-learn.
    random_state : int, RandomState, Generator or None, default=None
        Seed. The result for an int does not depend on the number of threads or the order of the rows.
    n_local_trials : int, default=None
        Draws per centre; None means ``2 + floor(log(n_clusters))``.
    metric : {"euclidean", "cosine"}, default="euclidean"
        Cosine seeds on rows scaled to unit length.

    Returns
    -------
    centers : ndarray of shape (n_clusters, n_features)
        The chosen rows of `X`, dtype of `X`.
    indices : ndarray of shape (n_clusters,), int64
        Their positions in `X`.

    Raises
    ------
    ValueError
        If `X` holds NaN or infinity (row and column are named), weights are negative or all zero, or
        `n_clusters` is not in [1, n_samples].

    Notes
    -----
    O(n_samples · n_clusters · n_local_trials · n_features) time at most; draws that cannot be nearer to a sample
    than its present centre are left out by the triangle inequality [2]_, which changes no result. With one draw per
    centre, the k-means++ of [1]_ to the letter, O((n_samples + n_clusters²) · n_features) on most data: rows are
    drawn by distances that may be out of date, and refused with the probability that makes up for it. About 24
    bytes of memory per sample, and rows of up to 16 features (float64: 8) once more. Equal draws: the earlier one.

    References
    ----------
    .. [1] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
    .. [2] E. Raff, "Exact acceleration of k-means++ and k-means||", IJCAI 2021.

    Examples
    --------
    >>> import shoal
    >>> centers, indices = shoal.kmeans_plusplus([[0.0], [0.1], [9.0], [9.1]], 2, random_state=0)
    >>> sorted(int(i) // 2 for i in indices)
    [0, 1]
    """
    columns = getattr(X, "columns", None)
    X = check_matrix(X, accept_sparse=True, finite=False)
    extremes = check_finite(X, columns=columns)
    weight = check_weight(sample_weight, X)
    n_clusters = check_int("n_clusters", n_clusters, 1, X.shape[0], "n_samples")
    trials = 0 if n_local_trials is None else check_int("n_local_trials", n_local_trials, 1)
    rows = for_metric(X, check_choice("metric", metric, METRICS))
    check_range(rows, weight, extremes=extremes if rows is X else None)
    indices = on_rows(
        _core.kmeans_plusplus,
        rows,
        weight,
        n_clusters=n_clusters,
        n_draws=trials,
        seed=draw_seed(random_state),
    )
    return Seeds(take_rows(X, indices), indices)


def take_rows(X: Any, indices: NDArray[np.int64]) -> NDArray[Any]:
    """The named rows as a dense C-contiguous array."""
    chosen = X[indices]
    return np.ascontiguousarray(chosen.toarray() if hasattr(chosen, "toarray") else chosen)


def check_init(init: Any, n_clusters: int, n_features: int, dtype: Any) -> Any:
    """`init` as one of the names, a callable, or an array of centres of the right shape and dtype."""
    if isinstance(init, str):
        return check_choice("init", init, INITS)
    if callable(init):
        return init
    return check_centers(init, n_clusters, n_features, dtype, "init")


def check_centers(
    centers: ArrayLike, n_clusters: int, n_features: int, dtype: Any, name: str
) -> NDArray[Any]:
    array = check_matrix(centers, name)
    if array.shape != (n_clusters, n_features):
        raise ValueError(
            f"{name} must have shape (n_clusters={n_clusters}, n_features={n_features}); got {array.shape}"
        )
    with np.errstate(over="ignore"):  # what overflows is refused, with its place
        array = np.array(array, dtype=dtype, order="C")
    check_finite(array, name=name)
    return array


def starting_centers(
    X: Any,
    weight: NDArray[Any] | None,
    n_clusters: int,
    init: str | Callable[..., ArrayLike] | NDArray[Any],
    seed: int,
    report: Report | None = None,
    moments: Any = None,
) -> NDArray[Any]:
    """Centres to start from; X, weight and init have been checked. `moments` are those of X and weight, if known."""
    if isinstance(init, str):
        if init == "k-means++":
            indices = on_rows(
                _core.kmeans_plusplus,
                X,
                weight,
                n_clusters=n_clusters,
                n_draws=0,
                seed=seed,
                progress=report,
                moments=moments,
            )
        elif init == "k-means||":
            indices = on_rows(
                _core.kmeans_parallel,
                X,
                weight,
                n_clusters=n_clusters,
                rounds=PARALLEL_ROUNDS,
                oversampling=PARALLEL_OVERSAMPLING,
                seed=seed,
                progress=report,
            )
        else:
            indices = on_rows(_core.random_rows, X, weight, n_clusters=n_clusters, seed=seed)
        return take_rows(X, indices)
    if callable(init):
        made = init(X, n_clusters, random_state=check_random_state(seed % 2**32))
        return check_centers(made, n_clusters, X.shape[1], X.dtype, "the result of init")
    return init


def restart_seed(seed: int, restart: int) -> int:
    """The seed of restart 0, 1, ...: adding a restart changes none of the earlier ones."""
    return (seed + restart * 0x9E3779B97F4A7C15) % 2**64


def n_restarts(n_init: Any, init: Any, when_random: int = 10) -> int:
    """How many starts `n_init` means: "auto" is one where the start is careful or given, more where it is random."""
    given = not isinstance(init, str) and not callable(init)
    if isinstance(n_init, str):
        check_choice("n_init", n_init, ("auto",))
        return 1 if given or (isinstance(init, str) and init != "random") else when_random
    count = check_int("n_init", n_init, 1)
    return 1 if given else count


__all__ = ["Seeds", "kmeans_plusplus"]
