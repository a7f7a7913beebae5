"""The figures of "Hierarchies, exemplars and streams". Needs shoal[plot].

python docs/figures/hierarchies.py [FOLDER]     writes hierarchies-*.png beside this file

The pictures of MNIST and of the letters are drawn when FOLDER holds mnist10k.npz and uci_letter.npz (X and y each).
"""

import pickle
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import linear_sum_assignment
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
    draw_exemplars(
        X, y, shoal.AffinityPropagation(preference_quantile=0.0, random_state=0).fit(X), "exemplars"
    )


def mnist(folder):
    """The same of 3000 of MNIST's digits, 28 x 28 pixels."""
    with np.load(folder / "mnist10k.npz") as file:
        X, y = file["X"][:3000].astype(np.float32) / 255, file["y"][:3000]
    draw_exemplars(X, y, shoal.AffinityPropagation(preference=-400, random_state=0).fit(X), "mnist")


def draw_exemplars(X, y, model, name):
    side = round(X.shape[1] ** 0.5)
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
        axis.imshow(X[chosen[k]].reshape(side, side), cmap="gray_r")
        right = (y[members] == y[chosen[k]]).mean()
        axis.set_title(f"{members.sum()}", fontsize=8, pad=2, color="black" if right >= 0.8 else "#B8500A")
    save(figure, name)


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


def letters(folder):
    """20 000 letters of 16 attributes in pieces of 500: how well the subclusters that are kept tell them apart."""
    with np.load(folder / "uci_letter.npz") as file:
        X, y = file["X"].astype(np.float64), file["y"].astype(int)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), gridspec_kw={"width_ratios": [1, 1.15]})
    whole = shoal.AgglomerativeClustering(26).fit(X)
    left.axhline(shoal.metrics.adjusted_mutual_info_score(y, whole.labels_), color="gray", linestyle="--")
    limits, scores = (60, 125, 250, 500, 1000, 2000, 4000, 8000), []
    for limit in limits:
        model = shoal.Birch(threshold=0, max_subclusters=limit, n_clusters=26)
        for begin in range(0, len(X), 500):
            model.partial_fit(X[begin : begin + 500])
        labels = model.predict(X)
        scores.append(shoal.metrics.adjusted_mutual_info_score(y, labels))
        if limit == 1000:
            table = shoal.metrics.contingency_matrix(y, labels)
    left.plot(limits, scores, "o-", label="Birch by partial_fit, Ward over its subclusters")
    left.set_xscale("log", base=2)
    left.set_xticks(limits, limits)
    left.set_ylim(bottom=0)
    left.set_xlabel("max_subclusters")
    left.set_ylabel("adjusted mutual information with the letters")
    left.annotate(
        "Ward of all 20 000 rows",
        (limits[0], left.get_lines()[0].get_ydata()[0]),
        (0, 4),
        textcoords="offset points",
        fontsize=9,
        color="gray",
    )
    left.legend(fontsize=9, loc="lower right")
    share = table / table.sum(axis=0)
    rows, columns = linear_sum_assignment(-table)
    right.imshow(share[:, columns], cmap="Greys", vmin=0, vmax=1, aspect="auto")
    right.set_yticks(range(26), [chr(ord("A") + i) for i in rows], fontsize=7)
    right.set_xticks([])
    right.set_xlabel("26 clusters, 1000 subclusters: darker, the more of a cluster is that letter")
    save(figure, "letters")


if __name__ == "__main__":
    exemplars()
    heat_map()
    stream()
    for folder in map(Path, sys.argv[1:]):
        mnist(folder)
        letters(folder)
