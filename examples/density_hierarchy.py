"""HDBSCAN over a day: choose the size of a cluster by a sweep, keep the model, label new points as they come.

Two moons of different density, a blob, and noise: nothing k-means could tell apart.
"""

import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import make_moons

import shoal
from shoal.metrics import dbcv_score

rng = np.random.default_rng(0)
moons = make_moons(900, noise=0.05, random_state=0)[0]
blob = rng.normal([3.0, 1.0], 0.12, size=(300, 2))
noise = rng.uniform([-1.5, -1.0], [4.0, 2.0], size=(120, 2))
X = np.concatenate([moons, blob, noise])

# One fit gives the spanning tree; every further setting costs a pass over it.
model = shoal.HDBSCAN(min_cluster_size=25, min_samples=5).fit(X)
print("min_cluster_size  clusters  noise  DBCV")
best = None
for result in model.sweep(min_cluster_size=[5, 10, 25, 50, 100, 300]):
    score = dbcv_score(X, result.labels) if result.n_clusters > 1 else -1.0
    share = (result.labels == -1).mean()
    print(f"{result.min_cluster_size:16d}  {result.n_clusters:8d}  {share:5.1%}  {score:4.2f}")
    if best is None or score > best[0]:
        best = score, result.min_cluster_size

model = shoal.HDBSCAN(min_cluster_size=best[1], min_samples=5).fit(X)
print(f"\n{model.labels_.max() + 1} clusters with min_cluster_size={best[1]}, persistence:", end=" ")
print(*model.cluster_persistence_.round(2))
print("the least typical points:", X[np.argsort(model.outlier_scores_)[-3:]].round(2).tolist())

# The model is a file without code in it; what it says of new points agrees with what it said of the old ones.
path = Path(tempfile.mkdtemp()) / "moons.shoal"
shoal.save_model(model, path)
kept = shoal.load_model(path).estimator
assert (kept.predict(X) == model.labels_).all()
new = np.array([[0.0, 1.0], [1.0, -0.5], [3.0, 1.0], [3.5, -0.8]])
labels, probabilities = kept.approximate_predict(new)
for point, label, probability, share in zip(
    new, labels, probabilities, kept.membership_vector(new), strict=True
):
    where = f"cluster {label} ({probability:.2f})" if label >= 0 else "noise"
    print(f"{point} -> {where}, memberships {share.round(2)}")
