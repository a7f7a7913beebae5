"""What LocalGaussian promises, on 100 mixtures, and how its time grows.

python -m benchmarks.local_gaussian_study             the promises: number of clusters, labels, covariances
python -m benchmarks.local_gaussian_study --growth    time and memory from 10,000 to 10,000,000 points; writes
                                                      docs/figures/local-gaussian-growth.png
Processor time of one thread.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist
from scipy.stats import multivariate_normal
from sklearn.metrics import adjusted_rand_score

import shoal

from . import data

Floats = NDArray[np.float64]


def mixture(rng: np.random.Generator) -> tuple[Floats, NDArray[np.intp], Floats, Floats, bool]:
    """1 to 8 features, 2 to 11 clusters, centres at least 5 to 10 of the largest standard deviation apart; half with
    unequal sizes (1 : 10), half with a tenth of uniform background, units from 0.01 to 10,000."""
    d, k = int(rng.integers(1, 9)), int(rng.integers(2, 12))
    apart, unequal, noise = rng.uniform(5, 10), bool(rng.integers(2)), 0.1 * rng.integers(2)
    unit, axes = 10.0 ** rng.uniform(-2, 4), rng.choice([1.0, 3.0])
    centers, side = np.empty((0, d)), apart * max(2.0, 1.6 * k ** (1 / d))
    while len(centers) < k:
        new = rng.uniform(0, side, (1, d))
        if len(centers) == 0 or cdist(new, centers).min() >= apart:
            centers = np.vstack([centers, new])
        side *= 1.003
    turns = [np.linalg.qr(rng.normal(size=(d, d)))[0] for _ in range(k)]
    factors = [q * rng.uniform(1 / axes, 1, d) for q in turns]
    sizes = rng.integers(1000, 10_000, k) if unequal else np.full(k, 5000)
    parts = [rng.normal(size=(n, d)) @ f.T + c for n, f, c in zip(sizes, factors, centers, strict=True)]
    X, y = np.concatenate(parts), np.repeat(np.arange(k), sizes)
    n_noise = int(noise * len(X))
    X = np.concatenate([X, rng.uniform(X.min(axis=0), X.max(axis=0), (n_noise, d))])
    y = np.concatenate([y, np.full(n_noise, -1)])
    covariances = np.array([f @ f.T for f in factors])
    return X * unit, y, centers * unit, covariances * unit**2, unequal


def promises(n_mixtures: int) -> None:
    for auto in (False, True):
        found = labelled = 0
        errors, times = [], []
        for seed in range(n_mixtures):
            X, y, centers, covariances, unequal = mixture(np.random.default_rng([seed, 7]))
            start = time.process_time()
            model = shoal.LocalGaussian("auto" if auto else 0.45 * pdist(centers).min()).fit(X)
            times.append(time.process_time() - start)
            found += model.n_clusters_ == len(centers)
            pairs = zip(centers, covariances, strict=True)
            truth = np.argmax([multivariate_normal(c, s).logpdf(X) for c, s in pairs], axis=0)
            real = y >= 0
            best = adjusted_rand_score(y[real], truth[real])
            labelled += adjusted_rand_score(y[real], model.labels_[real]) >= best - 0.005
            nearest = np.argmin(cdist(centers, model.cluster_centers_), axis=1)
            if not unequal:
                errors += [
                    np.linalg.norm(model.covariances_[j] - s) / np.linalg.norm(s)
                    for j, s in zip(nearest, covariances, strict=True)
                ]
        within = np.mean(np.array(errors) < 0.1)
        print(
            f"separation {'auto' if auto else 'given'}: number of clusters right in {found} of {n_mixtures}, "
            f"ARI within 0.005 of the true parameters' in {labelled}; covariances of {len(errors)} clusters of 5,000: "
            f"{within:.1%} within 10 %, median error {np.median(errors):.1%}, worst {max(errors):.1%}; "
            f"median time {1000 * np.median(times):.0f} ms"
        )


def measure(n: int, d: int, k: int) -> dict[str, float]:
    """One fit in this process: seconds and bytes beyond the data, for both kinds of separation."""
    arrays = data.gaussians(n, d, k)
    X = arrays["X"]
    out: dict[str, float] = {"bytes_of_data": X.nbytes}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, separation in (("given", 3.2), ("auto", "auto")):
        repeats = 3 if n <= 1_000_000 else 1
        seconds = []
        for _ in range(repeats):
            start = time.process_time()
            model = shoal.LocalGaussian(separation).fit(X)
            seconds.append(time.process_time() - start)
        out[name] = min(seconds)
        out[f"{name}_clusters"] = model.n_clusters_
        if name == "given":
            out["extra_bytes"] = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    return out


def growth(figure_path: Path) -> None:
    import matplotlib.pyplot as plt

    sweeps = {
        "points (2 features, 20 clusters)": [(n, 2, 20) for n in (10**4, 10**5, 10**6, 10**7)],
        "clusters (200,000 points, 2 features)": [(200_000, 2, k) for k in (5, 20, 80, 320)],
        "features (100,000 points, 10 clusters)": [(100_000, d, 10) for d in (1, 2, 3, 4, 6, 8)],
    }
    figure, axes = plt.subplots(1, 3, figsize=(13, 3.8), constrained_layout=True)
    for ax, (title, shapes), column in zip(axes, sweeps.items(), (0, 2, 1), strict=True):
        results = []
        for shape in shapes:
            command = [sys.executable, "-m", "benchmarks.local_gaussian_study", "--measure", *map(str, shape)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            results.append(json.loads(done.stdout))
            print(shape, results[-1], flush=True)
        xs = np.array([shape[column] for shape in shapes], dtype=float)
        for name in ("given", "auto"):
            ax.plot(xs, [result[name] for result in results], "o-", label=f"separation {name}")
        if column == 0:
            model = xs * np.log(xs)
            ax.plot(xs, model * results[1]["given"] / model[1], ":", color="0.5", label="n log n")
        ax.set(
            xscale="linear" if column == 1 else "log",
            yscale="log",
            xlabel=title,
            ylabel="seconds, one thread",
        )
        ax.legend(fontsize="small")
        ax.grid(alpha=0.3)
    figure.savefig(figure_path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--mixtures", type=int, default=100)
    parser.add_argument("--measure", type=int, nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with shoal.threads(1):
        if options.measure:
            print(json.dumps(measure(*options.measure)))
        elif options.growth:
            growth(Path(__file__).resolve().parents[1] / "docs" / "figures" / "local-gaussian-growth.png")
        else:
            promises(options.mixtures)


if __name__ == "__main__":
    main()
