"""Clustering a stream: batches come one at a time and are forgotten.

`partial_fit` keeps only the centres and how much each of them has seen: memory does not grow with the stream.
"""

import numpy as np
from sklearn.datasets import load_digits

import shoal

X, digit = load_digits(return_X_y=True)
X = X.astype(np.float32)  # stays float32 all the way
held_out, X = X[:300], X[300:]


def stream(n_batches, size=256, seed=0):
    """Images as they might arrive: drawn at random, with a little noise."""
    rng = np.random.default_rng(seed)
    for _ in range(n_batches):
        batch = X[rng.integers(len(X), size=size)]
        yield batch + rng.normal(scale=0.5, size=batch.shape).astype(np.float32)


model = shoal.MiniBatchKMeans(n_clusters=10, random_state=0)
for i, batch in enumerate(stream(60), start=1):
    model.partial_fit(batch)
    if i in (1, 5, 20, 60):
        error = -model.score(held_out) / len(held_out)
        print(f"after {i:2d} batches: mean squared distance of unseen images to their centre {error:6.1f}")

whole = shoal.KMeans(n_clusters=10, n_init=10, random_state=0).fit(X)
best = -whole.score(held_out) / len(held_out)
print(f"k-means on all images at once:                                                  {best:6.1f}")
assert error < 1.15 * best
