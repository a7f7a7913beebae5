"""Clusters whose number nobody knows: local Gaussian clustering, polished by EM, beside the two-step recipe.

The recipe that the paper names as the rival: HDBSCAN finds how many clusters there are and where, then a mixture is
started from its labels.
"""

import time

import numpy as np
from sklearn.metrics import adjusted_rand_score

import shoal

LocalGaussian, HDBSCAN, GaussianMixture = (
    shoal.LocalGaussian,
    shoal.HDBSCAN,
    shoal.GaussianMixture,
)  # loads them

rng = np.random.default_rng(0)
centers = np.array([[0, 0], [7, 1], [1, 8], [9, 9], [4, 4.5]])
factors = rng.normal(size=(5, 2, 2)) * 0.6 + np.eye(2) * 0.6
y = rng.integers(5, size=20_000)
X = np.einsum("ijk,ik->ij", factors[y], rng.normal(size=(20_000, 2))) + centers[y]


def report(name, seconds, labels):
    found = len(set(labels.tolist()) - {-1})
    print(f"{name:32s} {found} clusters, ARI {adjusted_rand_score(y, labels):.4f}, {1000 * seconds:6.1f} ms")


# One step: no number of clusters, no distance.
start = time.process_time()
model = LocalGaussian().fit(X)
report("LocalGaussian", time.process_time() - start, model.labels_)
print(f"  separation {model.separation_:.3g}; {model.n_seeds_} seeds, {model.n_iter_} sweeps")

# Where clusters touch, a few steps of EM share their samples out.
start = time.process_time()
polished = model.to_gaussian_mixture(X)
report("  and EM from there", time.process_time() - start, polished.predict(X))
print(f"  log density per sample: {model.score(X):.4f}, after EM {polished.score(X):.4f}")

# Two steps: HDBSCAN, then a mixture started from its labels; noise takes part in the mixture, not in its start.
start = time.process_time()
labels = HDBSCAN(min_cluster_size=100).fit_predict(X)
report("HDBSCAN", time.process_time() - start, labels)
found = [X[labels == c] for c in range(labels.max() + 1)]
mixture = GaussianMixture(
    len(found),
    weights_init=np.array([len(part) for part in found]) / sum(len(part) for part in found),
    means_init=np.array([part.mean(axis=0) for part in found]),
    precisions_init=np.array([np.linalg.inv(np.cov(part.T)) for part in found]),
).fit(X)
report("  and a mixture from its labels", time.process_time() - start, mixture.predict(X))

# What is read out may be cut: improbable samples, the outer twentieth of each cluster, samples between two clusters.
for cut in ({"p_value": 0.01}, {"trim": 0.05}, {"ratio": 0.1}):
    kept = model.predict(X, **cut)
    mine = kept >= 0
    print(f"{cut}: {np.mean(mine):.1%} kept, ARI of these {adjusted_rand_score(y[mine], kept[mine]):.4f}")
