"""The picture of the README: a photograph in ever more colours, found by k-means. Needs shoal[plot].

python docs/figures/colours.py      writes colours.png beside this file
"""

from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

import shoal

photo = load_sample_image("china.jpg")
pixels = photo.reshape(-1, 3).astype(np.float32)

figure, axes = plt.subplots(
    2, 4, figsize=(12, 2.3), height_ratios=[12, 1], gridspec_kw={"wspace": 0.02, "hspace": 0.03}
)
for (picture, bar), k in zip(axes.T, (None, 4, 8, 32), strict=True):
    if k is None:
        picture.imshow(photo)
        picture.set_title(f"{len(np.unique(photo.reshape(-1, 3), axis=0)):,} colours", fontsize=11)
        bar.axis("off")
    else:
        model = shoal.KMeans(n_clusters=k, n_init=3, random_state=0).fit(pixels)
        colours = model.cluster_centers_ / 255
        picture.imshow(colours[model.labels_].reshape(photo.shape))
        picture.set_title(f"k = {k}", fontsize=11)
        order = np.argsort(colours.sum(axis=1))
        shares = np.bincount(model.labels_, minlength=k)[order] / len(pixels)
        bar.barh(0, shares, left=np.cumsum(shares) - shares, color=colours[order], height=1)
        bar.set_xlim(0, 1)
        bar.set_ylim(-0.5, 0.5)
        bar.axis("off")
    picture.axis("off")

buffer = BytesIO()
figure.savefig(buffer, dpi=130, bbox_inches="tight", pad_inches=0.04)
Image.open(buffer).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
    Path(__file__).with_suffix(".png"), optimize=True
)
