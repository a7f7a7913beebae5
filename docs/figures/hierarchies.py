"""The figures of "Hierarchies, exemplars and streams". Needs shoal[plot].

python docs/figures/hierarchies.py      writes hierarchies-*.png beside this file
"""

import pickle
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits, load_iris

import shoal
from shoal.plotting import plot_dendrogram
from shoal.plotting.palette import color_of

HERE = Path(__file__).parent


def save(figure, name):
    figure.savefig(HERE / f"hierarchies-{name}.png", dpi=110, bbox_inches="tight")
    plt.close(figure)


def exemplars():
    """Handwritten digits that affinity propagation picks to stand for the others, and how many they stand for."""
    X, y = load_digits(return_X_y=True)
    model = shoal.AffinityPropagation(preference_quantile=0.0, random_state=0).fit(X)
    chosen = model.cluster_centers_indices_
    order = np.lexsort((-np.bincount(model.labels_)[model.labels_[chosen]], y[chosen]))
    columns = 13
    figure, axes = plt.subplots(
        -(-len(chosen) // columns), columns, figsize=(9.5, 0.87 * -(-len(chosen) // columns))
    )
    for axis in axes.ravel():
        axis.axis("off")
    for axis, k in zip(axes.ravel(), order, strict=False):
        members = model.labels_ == k
        axis.imshow(X[chosen[k]].reshape(8, 8), cmap="gray_r")
        right = (y[members] == y[chosen[k]]).mean()
        axis.set_title(f"{members.sum()}", fontsize=8, pad=2, color="black" if right >= 0.8 else "#B8500A")
    save(figure, "exemplars")


def heat_map():
    """Iris in the order of the leaves, as merged and as best ordered."""
    iris = load_iris()
    X = (iris.data - iris.data.mean(axis=0)) / iris.data.std(axis=0)
    figure, axes = plt.subplots(
        2, 2, figsize=(10, 5.4), gridspec_kw={"height_ratios": [1, 1.1], "hspace": 0.03, "wspace": 0.05}
    )
    names = [name.removesuffix(" (cm)") for name in iris.feature_names]
    for (top, below), ordered in zip(axes.T, (False, True), strict=True):
        Z = shoal.linkage(X, "average", optimal_ordering=ordered)
        order = shoal.leaves_order(Z)
        plot_dendrogram(Z, n_clusters=4, ax=top, max_leaves=len(X))
        way = np.linalg.norm(np.diff(X[order], axis=0), axis=1).sum()
        top.set_title(f"{'optimal order' if ordered else 'as merged'}: neighbours {way:.0f} apart in all")
        top.set_xticks([])
        top.set_xlabel("")
        below.imshow(X[order].T, aspect="auto", cmap="RdBu_r", vmin=-2.5, vmax=2.5, interpolation="nearest")
        for i, kind in enumerate(iris.target[order]):
            below.plot(
                [i - 0.5, i + 0.5], [3.75, 3.75], color=color_of(kind), linewidth=6, solid_capstyle="butt"
            )
        below.set_ylim(4.0, -0.5)
        below.set_xticks([])
        below.set_yticks(range(4), names if not ordered else [""] * 4, fontsize=9)
    axes[0, 1].set_ylabel("")
    axes[1, 0].set_xlabel("150 flowers; the bar tells their species", loc="left")
    save(figure, "order")


def stream():
    """Ten million rows that come in pieces: the tree stays within its bound."""
    n_pieces, piece = 100, 100_000
    rng = np.random.default_rng(0)
    centers = rng.uniform(-10, 10, size=(30, 4))
    figure, axes = plt.subplots(1, 3, figsize=(11, 2.9), gridspec_kw={"wspace": 0.32})
    for limit in (500, 2000):
        model = shoal.Birch(threshold=0, max_subclusters=limit, n_clusters=None, compute_labels=False)
        rows, subclusters, thresholds, sizes = [], [], [], []
        for i in range(n_pieces):
            X = centers[rng.integers(30, size=piece)] + rng.normal(size=(piece, 4))
            model.partial_fit(X)
            sizes.append(len(pickle.dumps(model)) / 1e3)
            rows.append((i + 1) * piece / 1e6)
            subclusters.append(len(model.subcluster_centers_))
            thresholds.append(model.threshold_)
        for axis, values in zip(axes, (subclusters, thresholds, sizes), strict=True):
            axis.plot(rows, values, label=f"max_subclusters={limit}")
        np.testing.assert_equal(model.subcluster_weights_.sum(), n_pieces * piece)
    for axis, title in zip(axes, ("subclusters", "threshold", "model, kB"), strict=True):
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("million rows")
        axis.set_ylim(bottom=0)
    axes[0].legend(fontsize=8, loc="center right")
    save(figure, "stream")


if __name__ == "__main__":
    exemplars()
    heat_map()
    stream()
