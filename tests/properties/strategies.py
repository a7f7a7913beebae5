"""Data that break careless kernels, drawn by Hypothesis, and the number of examples a property is tried on.

An input that once failed is kept with ``@example`` above the property it broke.
"""

from __future__ import annotations

import os

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"


def examples(number: int) -> settings:
    """So many examples, or with ``HYPOTHESIS_PROFILE=thorough`` 2000 (or SHOAL_EXAMPLES)."""
    if THOROUGH:
        number = int(os.environ.get("SHOAL_EXAMPLES") or 2000)
    return settings(
        max_examples=number,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )


# --- rows --------------------------------------------------------------------------------------------------


def _repeated(rng, n, d):
    return rng.normal(size=(n // 3 + 1, d))[rng.integers(0, n // 3 + 1, size=n)]


def _constant_column(rng, n, d):
    X = rng.normal(size=(n, d))
    X[:, rng.integers(d)] = 0.1
    return X


def _blobs(rng, n, d):
    return rng.integers(-3, 4, size=(4, d))[rng.integers(0, 4, size=n)] * 10.0 + rng.normal(size=(n, d))


# values whose sums and means of few are exact in either dtype
EXACT = {
    "lattice": lambda rng, n, d: rng.integers(0, 4, size=(n, d)).astype(float),
    "wide lattice": lambda rng, n, d: rng.integers(-50, 51, size=(n, d)).astype(float),
    "equal": lambda rng, n, d: np.full((n, d), 0.5),
    "line": lambda rng, n, d: rng.integers(0, n + 1, size=(n, 1)) * np.ones((1, d)),
    "quarters": lambda rng, n, d: rng.integers(-8, 9, size=(n, d)) / 4,
}
PLAIN = EXACT | {
    "normal": lambda rng, n, d: rng.normal(size=(n, d)),
    "blobs": _blobs,
    "repeated": _repeated,
    "tenths": lambda rng, n, d: rng.integers(0, 4, size=(n, d)) * 0.1,
    "equal tenths": lambda rng, n, d: np.full((n, d), 0.1),
    "constant column": _constant_column,
    "offset": lambda rng, n, d: rng.integers(0, 9, size=(n, d)) + 1000.0,
}
FAR = {
    "far": lambda rng, n, d: rng.normal(size=(n, d)) + 1e8,
    "far lattice": lambda rng, n, d: rng.integers(0, 4, size=(n, d)) + 1e8,
    "many magnitudes": lambda rng, n, d: rng.normal(size=(n, d)) * 10.0 ** rng.uniform(-8, 8, (n, 1)),
    "one far": lambda rng, n, d: np.where(np.arange(n)[:, None] == 0, 1e6, rng.normal(size=(n, d))),
}
# squares leave the range of the type, or its normal numbers
EXTREME = {
    "subnormal": lambda rng, n, d: rng.integers(0, 4, size=(n, d)) * 5e-324,
    "tiny": lambda rng, n, d: rng.normal(size=(n, d)) * 1e-160,
    "tiny in float32": lambda rng, n, d: rng.normal(size=(n, d)) * 1e-22,
    "subnormal in float32": lambda rng, n, d: rng.integers(0, 4, size=(n, d)) * 1.4e-45,
    "large in float32": lambda rng, n, d: rng.normal(size=(n, d)) * 1e19,
    "largest in float32": lambda rng, n, d: rng.choice([-3.4e38, 0.0, 3.4e38], size=(n, d)),
    "large": lambda rng, n, d: rng.normal(size=(n, d)) * 1e154,
    "largest": lambda rng, n, d: rng.choice([-1.7e308, 0.0, 1.7e308], size=(n, d)),
    "all magnitudes": lambda rng, n, d: rng.normal(size=(n, d)) * 10.0 ** rng.uniform(-300, 150, (n, 1)),
}
HARD = PLAIN | FAR
BOTH = (np.float64, np.float32)


@st.composite
def rows(draw, kinds=None, least=1, most=60, features=6, dtypes=BOTH):
    """A matrix; of few samples its integers are drawn one by one, so that they shrink."""
    kinds = PLAIN if kinds is None else kinds
    dtype = draw(st.sampled_from(dtypes))
    d = draw(st.integers(1, features))
    if "lattice" in kinds and draw(st.booleans()):
        n = draw(st.integers(least, max(least, min(most, 12))))
        return draw(hnp.arrays(np.int8, (n, d), elements=st.integers(-3, 3))).astype(dtype)
    n = draw(st.integers(least, most))
    make = kinds[draw(st.sampled_from(sorted(kinds)))]
    X = make(np.random.default_rng(draw(st.integers(0, 2**16))), n, d)
    with np.errstate(over="ignore"):
        narrow = X.astype(dtype)
    return narrow if np.isfinite(narrow).all() else X


def whole_weights(n, most=3):
    """Integers with zeros among them, not all zero."""
    weights = hnp.arrays(np.int64, n, elements=st.integers(0, most))
    return weights.filter(lambda w: w.sum() > 0)


def weights(n):
    """None, ones, integers with zeros, or fractions."""
    fractions = hnp.arrays(np.float64, n, elements=st.sampled_from([0.0, 0.1, 0.25, 1.0, 3.5]))
    return st.one_of(
        st.none(), st.just(np.ones(n)), whole_weights(n), fractions.filter(lambda w: w.sum() > 0)
    )


@st.composite
def weighted_rows(draw, kinds=None, whole=False, **options):
    X = draw(rows(kinds, **options))
    return X, draw(whole_weights(len(X)) if whole else weights(len(X)))


def seeds():
    return st.integers(0, 2**16)


def permutation(n, seed):
    return np.random.default_rng(seed).permutation(n)


@st.composite
def labelings(draw, most=40, two=True):
    """One or two labelings of the same samples, with -1 among the labels, and weights."""
    n = draw(st.integers(1, most))
    k = draw(st.integers(0, 6))
    one = hnp.arrays(np.int64, n, elements=st.integers(-1, k))
    a = draw(one)
    b = (
        draw(st.one_of(one, st.just(a), st.just(np.arange(n)), st.just(np.zeros(n, dtype=np.int64))))
        if two
        else None
    )
    return a, b, draw(st.one_of(st.none(), whole_weights(n)))
