"""The pictures of the page on local Gaussian clustering. Needs shoal[plot].

python docs/figures/local_gaussian.py      writes local-gaussian-*.png beside this file
"""

import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris, make_moons
from sklearn.metrics import adjusted_rand_score

import shoal
from shoal.plotting import plot_centroid_paths, plot_clusters, plot_ellipses, plot_separation_path

HERE = Path(__file__).parent
plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
warnings.simplefilter("ignore")


def gaussians(rng, n_clusters, n, apart, n_features=2):
    """Random full covariances, largest standard deviation 1, centres at least `apart` apart."""
    centers, side = np.empty((0, n_features)), 2 * apart
    while len(centers) < n_clusters:
        new = rng.uniform(0, side, n_features)
        if len(centers) == 0 or np.linalg.norm(centers - new, axis=1).min() >= apart:
            centers = np.vstack([centers, new])
        side *= 1.01
    axes = [np.linalg.qr(rng.normal(size=(n_features, n_features)))[0] for _ in centers]
    factors = [q * rng.uniform(1 / 3, 1, n_features) for q in axes]
    X = np.concatenate(
        [rng.normal(size=(n, n_features)) @ f.T + c for f, c in zip(factors, centers, strict=True)]
    )
    return X, np.repeat(np.arange(n_clusters), n), centers, [f @ f.T for f in factors]


def save(figure, name):
    figure.savefig(HERE / f"local-gaussian-{name}.png", dpi=110, bbox_inches="tight")
    plt.close(figure)


def draw_clusters(ax, X, labels, model=None):
    plot_clusters(X, labels, ax=ax, s=4, alpha=0.6)
    legend = ax.get_legend()
    if legend is not None:
        legend.remove()
    if model is not None:
        plot_ellipses(model.cluster_centers_, model.covariances_, ax=ax, edgecolor="black", linewidth=1)
    ax.set(xticks=[], yticks=[])


# --- how it works ------------------------------------------------------------------------------------------

rng = np.random.default_rng(4)
X, y, _, _ = gaussians(rng, 6, 600, 6)
X = np.vstack([X, rng.uniform(X.min(axis=0), X.max(axis=0), (360, 2))])
model = shoal.LocalGaussian(store_paths=True).fit(X)
figure, axes = plt.subplots(1, 3, figsize=(13, 4), constrained_layout=True)
axes[0].scatter(*X.T, s=2, color="0.75", linewidths=0)
plot_centroid_paths(model.centroid_paths_, ax=axes[0])
axes[0].set(
    title=f"{model.n_seeds_} seeds climb and collide; what rests on background is dropped",
    xticks=[],
    yticks=[],
)
plot_separation_path(model.separation_path_, model.separation_, ax=axes[1])
axes[1].set_title("the separation amid the longest plateau")
draw_clusters(axes[2], X, model.predict(X, p_value=0.01), model)
axes[2].set_title("95 % ellipses; P-value below 0.01 in grey")
save(figure, "how")

# --- overlap -----------------------------------------------------------------------------------------------

METHODS = {
    "separation given": lambda X, k, apart: shoal.LocalGaussian(0.45 * apart).fit_predict(X),
    "separation auto": lambda X, k, apart: shoal.LocalGaussian().fit_predict(X),
    "auto, then EM": lambda X, k, apart: shoal.LocalGaussian().fit(X).to_gaussian_mixture(X).predict(X),
    "GaussianMixture, k known": lambda X, k, apart: shoal.GaussianMixture(k, random_state=0).fit_predict(X),
    "KMeans, k known": lambda X, k, apart: shoal.KMeans(k, random_state=0).fit(X).labels_,
    "HDBSCAN": lambda X, k, apart: shoal.HDBSCAN(50).fit_predict(X),
}
STYLE = ["-o", "-s", "--D", ":^", ":v", ":x"]
figure, axes = plt.subplots(1, 2, figsize=(12, 4), constrained_layout=True, sharey=True)
steps = [1.5, 2, 2.5, 3, 3.5, 4, 5, 6]
features = [1, 2, 3, 4, 6, 8, 10, 12, 16]


def scores(settings, repeats=4):
    """ARI of each method and of the true parameters, mean over repeats, for (n_features, apart)."""
    from scipy.stats import multivariate_normal

    rows = []
    for n_features, apart in settings:
        row = np.zeros(len(METHODS) + 1)
        for repeat in range(repeats):
            made = gaussians(
                np.random.default_rng([repeat, n_features, int(10 * apart)]), 8, 800, apart, n_features
            )
            X, y, centers, covariances = made
            found = [method(X, 8, apart) for method in METHODS.values()]
            truth = [multivariate_normal(c, s).logpdf(X) for c, s in zip(centers, covariances, strict=True)]
            row += [adjusted_rand_score(y, labels) for labels in [*found, np.argmax(truth, axis=0)]]
        rows.append(row / repeats)
    return np.array(rows)


for ax, xs, settings, title in (
    (axes[0], steps, [(2, apart) for apart in steps], "8 clusters in the plane"),
    (axes[1], features, [(d, 4.0) for d in features], "8 clusters, least distance 4"),
):
    table = scores(settings)
    ax.plot(xs, table[:, -1], color="black", linewidth=3, alpha=0.25, label="true parameters")
    for column, (name, style) in enumerate(zip(METHODS, STYLE, strict=True)):
        ax.plot(xs, table[:, column], style, markersize=4, label=name)
    ax.set(title=title, ylabel="adjusted Rand index")
    print(title, *zip(xs, table.round(3).tolist(), strict=True), sep="\n")
axes[0].set_xlabel("least distance of two centres, in the largest standard deviation")
axes[1].set_xlabel("features")
axes[0].legend(fontsize="small")
save(figure, "overlap")

# --- shapes ------------------------------------------------------------------------------------------------

rng = np.random.default_rng(0)
angle = rng.uniform(0, 2 * np.pi, 900)
rings = np.column_stack([np.cos(angle), np.sin(angle)]) * np.repeat([1.0, 0.4], [600, 300])[:, None]
stripes = np.concatenate([rng.normal([0, c], [3, 0.25], (500, 2)) for c in (0, 1.6, 3.2)])
sizes = np.concatenate(
    [rng.normal([0, 0], 1, (3000, 2)), rng.normal([7, 0], 0.7, (150, 2)), rng.normal([0, 7], 0.7, (60, 2))]
)
densities = np.concatenate(
    [rng.normal([0, 0], 2.5, (700, 2)), rng.normal([9, 0], 0.3, (700, 2)), rng.normal([11, 0], 0.3, (700, 2))]
)
SHAPES = {
    "moons": make_moons(1000, noise=0.06, random_state=0),
    "rings": (rings + rng.normal(0, 0.05, rings.shape), np.repeat([0, 1], [600, 300])),
    "squares": (
        rng.uniform(0, 1, (1200, 2)) + np.repeat([[0, 0], [1.6, 0], [0.4, 1.6]], 400, axis=0),
        np.repeat([0, 1, 2], 400),
    ),
    "stripes": (stripes, np.repeat([0, 1, 2], 500)),
    "sizes 1 : 20 : 50": (sizes, np.repeat([0, 1, 2], [3000, 150, 60])),
    "widths 1 : 8": (densities, np.repeat([0, 1, 2], 700)),
}
figure, axes = plt.subplots(3, 6, figsize=(15, 7.5), constrained_layout=True)
for column, (name, (X, y)) in enumerate(SHAPES.items()):
    k = y.max() + 1
    local = shoal.LocalGaussian().fit(X)
    mixture = shoal.GaussianMixture(k, random_state=0).fit_predict(X)
    density = shoal.HDBSCAN(25).fit_predict(X)
    for ax, labels, method in zip(
        axes[:, column],
        (local.labels_, mixture, density),
        ("LocalGaussian", "GaussianMixture, k known", "HDBSCAN"),
        strict=True,
    ):
        draw_clusters(ax, X, labels, local if method == "LocalGaussian" else None)
        score = adjusted_rand_score(y, labels)
        ax.set_title(f"{name}: {method}\n{len(set(labels) - {-1})} of {k}, ARI {score:.2f}", fontsize=8)
    print(name, local.n_clusters_, round(adjusted_rand_score(y, local.labels_), 3))
save(figure, "shapes")

# --- real data ---------------------------------------------------------------------------------------------

iris = load_iris()
figure, axes = plt.subplots(1, 3, figsize=(13, 4), constrained_layout=True)
model = shoal.LocalGaussian().fit(iris.data)
mixture = shoal.GaussianMixture(3, random_state=0).fit(iris.data)
for ax, labels, title in (
    (axes[0], model.labels_, "LocalGaussian"),
    (axes[1], mixture.predict(iris.data), "GaussianMixture, 3 components"),
):
    plot_clusters(iris.data[:, 2:], labels, ax=ax, s=14)
    ax.get_legend().remove()
    score = adjusted_rand_score(iris.target, labels)
    ax.set(
        title=f"iris: {title}, ARI {score:.2f}", xlabel=iris.feature_names[2], ylabel=iris.feature_names[3]
    )
plot_ellipses(model.cluster_centers_, model.covariances_, features=(2, 3), ax=axes[0], edgecolor="black")
plot_ellipses(mixture.means_, mixture.covariances_, features=(2, 3), ax=axes[1], edgecolor="black")
plot_separation_path(model.separation_path_, model.separation_, ax=axes[2])
axes[2].set_title("two species touch: a plateau of 2")
save(figure, "iris")
