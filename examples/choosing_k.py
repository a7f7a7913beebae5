"""How many clusters? Fit a range of them and look at scores that need no reference labels.

Inertia always falls when clusters are added, so it cannot choose. The silhouette and the Davies-Bouldin score
weigh tightness against separation: the best number is where the first is largest and the second smallest.
"""

import numpy as np
from sklearn.datasets import load_digits

import shoal

X, digit = load_digits(return_X_y=True)

print(" k     inertia  silhouette  Davies-Bouldin")
silhouette = {}
for k in range(2, 13):
    model = shoal.KMeans(n_clusters=k, n_init=10, random_state=0).fit(X)
    silhouette[k] = shoal.metrics.silhouette_score(X, model.labels_)
    davies_bouldin = shoal.metrics.davies_bouldin_score(X, model.labels_)
    print(f"{k:2d} {model.inertia_:11.0f} {silhouette[k]:11.3f} {davies_bouldin:15.3f}")

best = max(silhouette, key=silhouette.get)
print(f"the silhouette is largest at k = {best}; there are ten digits, some of which are written alike")
assert 8 <= best <= 10

# What is in each cluster, and which images fit badly where they are? A negative silhouette says that another
# cluster is nearer on average.
labels = shoal.KMeans(n_clusters=best, n_init=10, random_state=0).fit_predict(X)
samples = shoal.metrics.silhouette_samples(X, labels)
for cluster in range(best):
    inside = labels == cluster
    common = [str(d) for d in range(10) if np.mean(digit[inside] == d) > 0.15]
    print(
        f"cluster {cluster}: {inside.sum():3d} images, mostly of {' and '.join(common)}; "
        f"{np.count_nonzero(samples[inside] < 0)} nearer to another cluster"
    )
