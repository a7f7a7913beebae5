"""Local Gaussian clustering, written from the paper: loops over all points, no tree, no hash, no table."""

from __future__ import annotations

import numpy as np
from scipy.integrate import quad
from scipy.stats import chi


def grid_seeds(X, side, weight=None):
    """{box of the grid: (weight, weighted mean)}."""
    weight = np.ones(len(X)) if weight is None else weight
    place = np.floor((X - X.min(axis=0)) / side).astype(int)
    boxes = {}
    for box in {tuple(p) for p in place}:
        inside = (place == box).all(axis=1)
        boxes[box] = (weight[inside].sum(), weight[inside] @ X[inside] / weight[inside].sum())
    return boxes


def in_box(X, center, side):
    return (np.abs(X - center) <= side / 2).all(axis=1)


def survivors(centers, counts, collision):
    """Go through them by falling count; each deletes the closer ones behind it."""
    stay = []
    for i in sorted(range(len(centers)), key=lambda i: (-counts[i], i)):
        if all(np.linalg.norm(centers[i] - centers[j]) >= collision for j in stay):
            stay.append(i)
    return sorted(stay)


def shift(X, centers, side, collision, tol, max_iter):
    """Equations (1) and (2), with collisions after every sweep."""
    centers = [np.array(c, dtype=float) for c in centers]
    counts = [0] * len(centers)
    rests = [False] * len(centers)
    earlier = [c.copy() for c in centers]
    for sweep in range(1, max_iter + 1):
        if all(rests):
            break
        for c in range(len(centers)):
            if rests[c]:
                continue
            inside = X[in_box(X, centers[c], side)]
            counts[c] = len(inside)
            mean = inside.mean(axis=0) if len(inside) else centers[c]
            short = np.linalg.norm(mean - centers[c]) < tol or (mean == centers[c]).all()
            rests[c] = bool(short or np.allclose(mean, earlier[c], rtol=0, atol=1e-13))  # back where it was
            centers[c] = mean
        if sweep & (sweep - 1) == 0:
            earlier = [c.copy() for c in centers]
        stay = survivors(centers, counts, collision)
        centers, counts, rests, earlier = ([v[c] for c in stay] for v in (centers, counts, rests, earlier))
    return np.array(centers), np.array(counts)


def taper(r, cut):
    """1 up to 0.8 cut, then linear in r^2 to 0 at the cut."""
    return np.clip((cut**2 - r**2) / (0.36 * cut**2), 0, 1)


def kappa(softening, n_features, cut):
    """E[w r^2] / (K E[w]) of a Gaussian by quadrature."""
    square, weight = (
        integral(softening, n_features, cut, what, chi_density) for what in ("square", "weight")
    )
    return square / weight


def covariance_as_written(X, center, radius, softening, ridge, tol, max_iter):
    """Equations (4) to (8): p sums to 1 over the ball, division by the number of points."""
    local = X[np.linalg.norm(X - center, axis=1) <= radius] - center
    sigma = local.T @ local / len(local) + ridge * np.eye(X.shape[1])
    for _ in range(max_iter):
        m = np.einsum("ij,jk,ik->i", local, np.linalg.inv(sigma), local)
        p = np.exp(-(m - m.min()) / 2)
        p /= p.sum()
        w = p / (p + softening)
        before, sigma = sigma, (local * w[:, None]).T @ local / len(local) + ridge * np.eye(X.shape[1])
        if np.abs(sigma - before).max() <= tol * np.abs(sigma).max():
            break
    return sigma


def consistent_map(X, center, others, sigma, softening, reach, ridge):
    """One step of the consistent fixed point at `sigma`; the result equals `sigma` where it is one."""
    diff = X - center
    m = np.sqrt(np.einsum("ij,jk,ik->i", diff, np.linalg.inv(sigma), diff))
    cut = np.sqrt(2 * np.log(1000 / softening))
    for other in others:
        toward = other - center
        distance = np.linalg.norm(toward)
        u = toward / distance
        cut = min(cut, reach * distance / np.sqrt(u @ sigma @ u))
    p = np.exp(-(m**2) / 2)
    w = taper(m, cut) * p / (p + softening)
    ring = 4 * taper(m, cut) * (1 - taper(m, cut))
    d = X.shape[1]
    gaussian = [integral(softening, d, cut, what, chi_density) for what in ("weight", "square", "ring")]
    uniform = [integral(softening, d, cut, what, uniform_density) for what in ("weight", "square", "ring")]
    # as much of a Gaussian and of a uniform density as make up the weight and the ring
    n, b = np.linalg.solve([[gaussian[0], uniform[0]], [gaussian[2], uniform[2]]], [w.sum(), ring.sum()])
    fade = np.clip((cut / np.sqrt(2 * np.log(1000 / softening)) - 0.7) / 0.3, 0, 1)
    b = np.clip(b, 0, w.sum() / uniform[0] / 2) * fade
    n = (w.sum() - b * uniform[0]) / gaussian[0]
    moment = (diff * w[:, None]).T @ diff - b * uniform[1] * sigma
    return moment / (n * gaussian[1]) + ridge * np.eye(d)


def chi_density(r, d):
    return chi.pdf(r, d)


def uniform_density(r, d):
    return chi.pdf(r, d) * np.exp(r * r / 2)


def integral(softening, d, cut, what, density):
    def integrand(r):
        p, t = np.exp(-r * r / 2), taper(r, cut)
        value = {"weight": t * p / (p + softening), "ring": 4 * t * (1 - t)}
        value["square"] = value["weight"] * r * r / d
        return value[what] * density(r, d)

    return sum(quad(integrand, *ends, limit=200)[0] for ends in ((0, 0.8 * cut), (0.8 * cut, cut)))
