"""Fits of k-means that several files of its tests make."""

import numpy as np
from helpers import bits

import shoal


def fit(X, start, weight=None, *, tol=0.0, **options):
    model = shoal.KMeans(len(start), init=start, tol=tol, **options)
    return model.fit(X, sample_weight=weight)


def outcome(model):
    return bits(model.labels_, model.cluster_centers_, model.inertia_, model.n_iter_, model.converged_)


def blobs(rng, n, d, k, spread=0.5):
    centers = rng.uniform(-10, 10, size=(k, d))
    return centers[np.arange(n) % k] + spread * rng.normal(size=(n, d))


def starts(rng, X, k):
    return X[rng.choice(len(X), k, replace=False)]
