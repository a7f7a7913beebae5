"""Lloyd's assignment decides most samples by rough values; bounds (Elkan's) never do. Both must give the same bits.

Doubles are screened as floats from 32 clusters on (also in `test_kmeans.py`, whose shapes are small); samples of 16 MiB
and more with few clusters and many features by 16-bit codes, which is what the large matrices here are for.
"""

import numpy as np
import pytest
from helpers import both_dtypes, threads_and_block_length
from kmeans_fits import blobs, fit, outcome, starts

import shoal

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_FEATURES = 256
N_SAMPLES = {np.float32: 16_384, np.float64: 8_192}  # 16 MiB of either


def outliers(rng, n, d):
    """Values beyond any range that a look at some rows suggests, and whole rows of them."""
    X = rng.normal(size=(n, d))
    X[rng.integers(0, n, 50), rng.integers(0, d, 50)] = 1e4
    X[7] *= 1e6
    return X


def unequal_features(rng, n, d):
    """Constant ones, and ranges from 1e-6 to 1e6; one that is constant in nearly all rows."""
    X = rng.normal(size=(n, d)) * 10.0 ** rng.uniform(-6, 6, d)
    X[:, ::5] = 0.1
    X[:, 1] = 3
    X[5, 1] = 4
    return X


LARGE = {
    "normal": lambda rng, n, d: rng.normal(size=(n, d)),
    "blobs": lambda rng, n, d: blobs(rng, n, d, 6),
    "lattice": lambda rng, n, d: rng.integers(0, 2, size=(n, d)).astype(float),
    "duplicates": lambda rng, n, d: rng.normal(size=(40, d))[rng.integers(0, 40, size=n)],
    "all equal": lambda rng, n, d: np.full((n, d), 0.1),
    "huge offset": lambda rng, n, d: rng.normal(size=(n, d)) + 1e8,
    "sixteen orders of magnitude": lambda rng, n, d: (
        rng.normal(size=(n, d)) * 10.0 ** rng.uniform(-8, 8, (n, 1))
    ),
    "squares below the smallest float32": lambda rng, n, d: rng.normal(size=(n, d)) * 1e-21,
    "squares below the smallest float64": lambda rng, n, d: rng.normal(size=(n, d)) * 1e-160,
    "squares near the largest float32": lambda rng, n, d: rng.normal(size=(n, d)) * 1e15,
    "outliers": outliers,
    "unequal features": unequal_features,
}


@both_dtypes
@pytest.mark.parametrize("kind", LARGE)
def test_samples_by_16_bit_codes_get_the_labels_of_the_exact_values(rng, kind, dtype):
    X = LARGE[kind](rng, N_SAMPLES[dtype], N_FEATURES).astype(dtype)
    for start in (starts(rng, X, 7), (X[:3] + 100 * X.std(dtype=np.float64)).astype(dtype)):
        expected = outcome(fit(X, start, algorithm="elkan", max_iter=6))
        assert outcome(fit(X, start, algorithm="lloyd", max_iter=6)) == expected


@both_dtypes
def test_features_that_fill_no_vector_are_coded_too(rng, dtype):
    n = N_SAMPLES[dtype]
    X = rng.normal(size=(n, N_FEATURES + 5)).astype(dtype)
    start = starts(rng, X, 9)
    assert outcome(fit(X, start, algorithm="lloyd", max_iter=5)) == outcome(
        fit(X, start, algorithm="elkan", max_iter=5)
    )


def test_doubles_in_large_blocks_get_the_labels_of_the_exact_values(rng):
    """Many clusters: as floats, through the tile; on blobs, without structure, and where most samples stay in doubt."""
    for X in (
        blobs(rng, 6000, 24, 50),
        rng.normal(size=(6000, 24)),
        1e8 + np.tile(rng.integers(0, 3, size=(60, 24)), (100, 1)),
    ):
        start = starts(rng, X, 48)
        assert outcome(fit(X, start, algorithm="lloyd", max_iter=12)) == outcome(
            fit(X, start, algorithm="elkan", max_iter=12)
        )


@both_dtypes
@pytest.mark.parametrize("n_threads", [2, 7])
@pytest.mark.parametrize("block_length", [0, 4])
def test_codes_give_the_same_bits_for_any_number_of_threads(rng, n_threads, block_length, dtype):
    X = outliers(rng, N_SAMPLES[dtype], N_FEATURES).astype(dtype)
    options = {"n_clusters": 5, "init": starts(rng, X, 5), "tol": 0, "algorithm": "lloyd", "max_iter": 5}
    with threads_and_block_length(1, block_length):
        expected = outcome(shoal.KMeans(**options).fit(X))
    with threads_and_block_length(n_threads, block_length):
        assert outcome(shoal.KMeans(**options).fit(X)) == expected


@both_dtypes
def test_labels_by_codes_are_what_predict_says_row_by_row(rng, dtype):
    X = rng.normal(size=(N_SAMPLES[dtype], N_FEATURES)).astype(dtype)
    model = fit(X, starts(rng, X, 8), algorithm="lloyd", max_iter=5)
    assert np.array_equal(model.labels_, model.predict(X))
    assert np.array_equal(model.labels_[:50], [model.predict(row[None])[0] for row in X[:50]])
