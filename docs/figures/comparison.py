"""Each algorithm on six plane data sets: the figure of "Which algorithm?". Needs shoal[plot].

python docs/figures/comparison.py      writes comparison.png beside this file
"""

import warnings
from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from sklearn.datasets import make_blobs, make_circles, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

import shoal
from shoal.plotting.palette import color_of

warnings.simplefilter("ignore", ConvergenceWarning)  # rings are no Gaussians
N = 1500
blobs = make_blobs(N, random_state=8)[0]
stretched = make_blobs(N, random_state=170)[0] @ np.array([[0.6, -0.6], [-0.4, 0.8]])
unequal = make_blobs(N, cluster_std=[1.0, 2.5, 0.5], random_state=170)[0]
noisy = make_blobs(N - 300, centers=4, cluster_std=0.6, random_state=3)[0]
noise = np.random.default_rng(0).uniform(noisy.min(axis=0), noisy.max(axis=0), (300, 2))
DATA = {
    "round": (blobs, 3),
    "stretched": (stretched, 3),
    "unequal": (unequal, 3),
    "20 % noise": (np.concatenate([noisy, noise]), 4),
    "moons": (make_moons(N, noise=0.05, random_state=0)[0], 2),
    "circles": (make_circles(N, factor=0.5, noise=0.05, random_state=0)[0], 2),
}
MODELS = {
    "KMeans": lambda k: shoal.KMeans(k, random_state=0),
    "GaussianMixture": lambda k: shoal.GaussianMixture(k, random_state=0),
    "LocalGaussian": lambda k: shoal.LocalGaussian(p_value=0.001),
    "DBSCAN": lambda k: shoal.DBSCAN(eps=0.2, min_samples=10),
    "OPTICS": lambda k: shoal.OPTICS(min_samples=10, xi=0.1, min_cluster_size=0.08),
    "HDBSCAN": lambda k: shoal.HDBSCAN(min_cluster_size=40),
    "Agglomerative\nward": lambda k: shoal.AgglomerativeClustering(k, linkage="ward"),
    "Agglomerative\nsingle": lambda k: shoal.AgglomerativeClustering(k, linkage="single"),
    "Birch": lambda k: shoal.Birch(n_clusters=k, threshold=0.2),
    "AffinityPropagation": lambda k: shoal.AffinityPropagation(damping=0.9, preference=-200, random_state=0),
}

figure, axes = plt.subplots(
    len(DATA), len(MODELS), figsize=(15, 9.2), gridspec_kw={"wspace": 0.04, "hspace": 0.04}
)
for axis, title in zip(axes[0], MODELS, strict=True):
    axis.set_title(title, fontsize=10)
for row, (name, (values, k)) in zip(axes, DATA.items(), strict=True):
    X = StandardScaler().fit_transform(values)
    row[0].set_ylabel(name, fontsize=11)
    for axis, make in zip(row, MODELS.values(), strict=True):
        labels = make(k).fit_predict(X)
        axis.scatter(*X.T, s=2, c=[color_of(label) for label in labels], linewidths=0)
        found = len(set(labels) - {-1})
        axis.text(0.97, 0.03, str(found), transform=axis.transAxes, ha="right", va="bottom", fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_xlim(-2.7, 2.7)
        axis.set_ylim(-2.7, 2.7)

buffer = BytesIO()
figure.savefig(buffer, dpi=100, bbox_inches="tight", pad_inches=0.05)
Image.open(buffer).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
    Path(__file__).with_suffix(".png"), optimize=True
)
