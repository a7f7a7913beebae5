"""Families of made data whose truth is known, and for overlapping mixtures the Bayes error.

Each family is a function of a seed and a size, so that every seed is a new sample. Background noise has label -1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Draw = Callable[[np.random.Generator, int], tuple[NDArray[np.float64], NDArray[np.int64]]]


@dataclass(frozen=True)
class Family:
    """One way to make data.

    Parameters
    ----------
    name : str
    describe : str
        One sentence.
    n_clusters : int
    draw : callable
        ``draw(rng, n_samples)`` gives points and labels.
    mixture : Mixture or None
        What the points are drawn from, where the Bayes error is known.

    Examples
    --------
    >>> import numpy as np
    >>> from shoal.evaluation.synthetic import FAMILIES
    >>> X, y = FAMILIES["moons"].draw(np.random.default_rng(0), 100)
    >>> X.shape, np.bincount(y).tolist()
    ((100, 2), [50, 50])
    """

    name: str
    describe: str
    n_clusters: int
    draw: Draw
    mixture: Mixture | None = None


@dataclass(frozen=True)
class BayesError:
    """The least share of wrong labels that any classifier can have, and how well it is known.

    Parameters
    ----------
    value : float
    standard_error : float
        0 where the value is exact.

    Examples
    --------
    >>> from shoal.evaluation.synthetic import BayesError
    >>> BayesError(0.05, 0.0).standard_error
    0.0
    """

    value: float
    standard_error: float


@dataclass(frozen=True)
class Mixture:
    """Gaussians with known weights, means and covariances.

    Parameters
    ----------
    weights : ndarray of shape (k,)
    means : ndarray of shape (k, d)
    covariances : ndarray of shape (k, d, d)

    Examples
    --------
    >>> import numpy as np
    >>> from shoal.evaluation.synthetic import Mixture
    >>> two = Mixture(np.array([0.5, 0.5]), np.array([[0.0], [2.0]]), np.ones((2, 1, 1)))
    >>> print(f"{two.bayes_error().value:.4f}")
    0.1587
    """

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]

    def draw(self, rng: np.random.Generator, n_samples: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Points and the component of each."""
        y = rng.choice(self.weights.size, size=n_samples, p=self.weights).astype(np.int64)
        normal = rng.normal(size=(n_samples, self.means.shape[1]))
        roots = np.linalg.cholesky(self.covariances)
        return self.means[y] + np.einsum("nij,nj->ni", roots[y], normal), y

    def log_joint(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """log(weight x density) of each component at each point, (n, k)."""
        from scipy.stats import multivariate_normal

        parts = [
            math.log(weight) + multivariate_normal.logpdf(X, mean, covariance).reshape(-1)
            for weight, mean, covariance in zip(self.weights, self.means, self.covariances, strict=True)
        ]
        return np.stack(parts, axis=1)

    def bayes_error(self, n_samples: int = 1_000_000, seed: int = 0) -> BayesError:
        """The probability that the likeliest component is not the one a point came from.

        Exact for two components of one covariance: with the Mahalanobis distance m of the means and log-odds t of the
        weights it is w0 Phi(-m/2 - t/m) + w1 Phi(-m/2 + t/m). Otherwise the mean of 1 - max posterior over a sample,
        whose variance is below that of counting errors; the standard error is given with it.
        """
        from scipy.special import logsumexp
        from scipy.stats import norm

        if self.weights.size == 2 and np.array_equal(self.covariances[0], self.covariances[1]):
            gap = self.means[1] - self.means[0]
            m = math.sqrt(float(gap @ np.linalg.solve(self.covariances[0], gap)))
            t = math.log(self.weights[0] / self.weights[1])
            wrong = self.weights * norm.cdf([-m / 2 - t / m, -m / 2 + t / m])
            return BayesError(float(wrong.sum()), 0.0)
        rng = np.random.default_rng(seed)
        total = squares = 0.0
        left = n_samples
        while left > 0:
            X, _ = self.draw(rng, min(left, 100_000))
            joint = self.log_joint(X)
            risk = 1 - np.exp(joint.max(axis=1) - logsumexp(joint, axis=1))
            total += float(risk.sum())
            squares += float((risk**2).sum())
            left -= len(X)
        mean = total / n_samples
        variance = max(0.0, squares / n_samples - mean**2)
        return BayesError(mean, math.sqrt(variance / n_samples))


def error_rate(y: ArrayLike, labels: ArrayLike) -> float:
    """Share of samples outside the best one-to-one match of clusters with classes.

    Clusters without a class of their own count as wrong, and so does predicted noise that is matched with none.

    Examples
    --------
    >>> from shoal.evaluation.synthetic import error_rate
    >>> error_rate([0, 0, 1, 1], [1, 1, 0, 1])
    0.25
    """
    from scipy.optimize import linear_sum_assignment

    from shoal.metrics import contingency_matrix

    table = np.asarray(contingency_matrix(y, labels))
    rows, columns = linear_sum_assignment(table, maximize=True)
    return 1 - float(table[rows, columns].sum()) / float(table.sum())


def _blobs(k: int, d: int, spread: float | tuple[float, ...] = 1.0, apart: float = 7.0) -> Draw:
    """Gaussians whose centres are drawn until no two are closer than `apart` widest deviations."""

    def draw(rng: np.random.Generator, n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        deviations = np.broadcast_to(np.asarray(spread, dtype=float), (k,))
        centers = _centers(rng, k, d, apart * float(deviations.max()))
        y = np.arange(n) % k
        return centers[y] + rng.normal(size=(n, d)) * deviations[y][:, None], y

    return draw


def _centers(rng: np.random.Generator, k: int, d: int, apart: float) -> NDArray[np.float64]:
    side = apart * k ** (1 / d)
    centers: list[NDArray[np.float64]] = []
    while len(centers) < k:
        new = rng.uniform(0, side, d)
        if all(np.linalg.norm(new - old) >= apart for old in centers):
            centers.append(new)
        side *= 1.01
    return np.array(centers)


def _anisotropic(rng: np.random.Generator, n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    X, y = _blobs(3, 2)(rng, n)
    return X @ np.array([[0.6, -0.6], [-0.4, 0.8]]), y


def _moons(rng: np.random.Generator, n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    y = np.arange(n) % 2
    angle = rng.uniform(0, math.pi, n)
    X = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    X[y == 1] = np.array([1.0, 0.5]) - X[y == 1]
    return X + rng.normal(0, 0.06, (n, 2)), y


def _circles(rng: np.random.Generator, n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    y = np.arange(n) % 2
    angle = rng.uniform(0, 2 * math.pi, n)
    X = np.stack([np.cos(angle), np.sin(angle)], axis=1) * np.where(y == 0, 1.0, 0.5)[:, None]
    return X + rng.normal(0, 0.05, (n, 2)), y


def _noise(rng: np.random.Generator, n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    m = n // 5
    X, y = _blobs(4, 2, apart=9.0)(rng, n - m)
    low, high = X.min(axis=0), X.max(axis=0)
    X = np.concatenate([X, rng.uniform(low, high, (m, 2))])
    return X, np.concatenate([y, np.full(m, -1)])


def _imbalanced(rng: np.random.Generator, n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    shares = np.array([0.70, 0.20, 0.07, 0.03])
    sizes = np.floor(n * shares).astype(int)
    sizes[0] += n - sizes.sum()
    y = np.repeat(np.arange(4), sizes)
    return _centers(rng, 4, 2, 7.0)[y] + rng.normal(size=(n, 2)), y


def _pair(error: float, weight: float = 0.5) -> Mixture:
    """Two spherical Gaussians of equal weight with the given Bayes error."""
    from statistics import NormalDist

    gap = -2 * NormalDist().inv_cdf(error)
    return Mixture(
        np.array([weight, 1 - weight]), np.array([[0.0, 0.0], [gap, 0.0]]), np.stack([np.eye(2)] * 2)
    )


_THREE = Mixture(
    np.array([0.5, 0.3, 0.2]),
    np.array([[0.0, 0.0], [3.0, 0.5], [0.5, 3.0]]),
    np.array([[[1.0, 0.4], [0.4, 0.8]], [[0.6, -0.2], [-0.2, 1.2]], [[1.5, 0.3], [0.3, 0.3]]]),
)


def _families() -> dict[str, Family]:
    found: list[tuple[Any, ...]] = [
        ("blobs", "5 round Gaussians, 7 deviations apart", 5, _blobs(5, 2)),
        ("anisotropic", "3 Gaussians stretched by one linear map", 3, _anisotropic),
        ("varied_variance", "3 round Gaussians of deviations 1, 2.5 and 0.5", 3, _blobs(3, 2, (1.0, 2.5, 0.5), 3.5)),
        ("moons", "2 interleaved half circles", 2, _moons),
        ("circles", "2 circles, one inside the other", 2, _circles),
        ("noise", "4 Gaussians, and a fifth of the points uniform noise", 4, _noise),
        ("high_dimensional", "10 Gaussians in 100 dimensions, 7 deviations apart", 10, _blobs(10, 100)),
        ("imbalanced", "4 Gaussians with 70, 20, 7 and 3 % of the points", 4, _imbalanced),
    ]  # fmt: skip
    families = {name: Family(name, text, k, draw) for name, text, k, draw in found}
    for percent in (1, 5, 10, 20):
        mixture = _pair(percent / 100)
        name = f"overlap_{percent:02d}"
        text = f"2 equal round Gaussians with a Bayes error of {percent} %"
        families[name] = Family(name, text, 2, mixture.draw, mixture)
    text = "3 Gaussians of unequal weights and covariances that overlap"
    families["overlap_three"] = Family("overlap_three", text, 3, _THREE.draw, _THREE)
    return families


FAMILIES = _families()
