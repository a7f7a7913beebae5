"""Affinity propagation from its definitions, without a formula of the kernels.

The factor graph of Givoni and Frey (Neural Computation 21, 2009): binary h[i, k] says that k is the exemplar of i; the
score is the sum of s[i, k] h[i, k]; row factors want one exemplar per sample, column factors want an exemplar that
somebody has to have chosen itself. Messages of max-sum are found by going through all configurations of a factor.
"""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

IMPOSSIBLE = -1e18


def _factor_messages(incoming: NDArray[np.float64], allowed) -> NDArray[np.float64]:
    """From a factor to each of its variables: best score with the variable 1, less the best with it 0."""
    n = len(incoming)
    best = np.full((n, 2), IMPOSSIBLE)
    for bits in product((0, 1), repeat=n):
        if not allowed(bits):
            continue
        score = float(np.dot(incoming, bits))
        for v in range(n):
            best[v, bits[v]] = max(best[v, bits[v]], score - incoming[v] * bits[v])
    return best[:, 1] - best[:, 0]


def max_sum(S: NDArray[np.float64], damping: float, n_iter: int) -> list[NDArray[np.bool_]]:
    """Who is an exemplar after each iteration. O(n^2 2^n) per iteration: for n below ten."""
    n = len(S)
    responsibility, availability = np.zeros((n, n)), np.zeros((n, n))
    told = []
    for _ in range(n_iter):
        new = np.empty((n, n))
        for i in range(n):
            from_row = _factor_messages(S[i] + availability[i], lambda bits: sum(bits) == 1)
            new[i] = S[i] + from_row
        responsibility = damping * responsibility + (1 - damping) * new
        for k in range(n):
            new[:, k] = _factor_messages(
                responsibility[:, k], lambda bits, k=k: bits[k] == 1 or sum(bits) == 0
            )
        availability = damping * availability + (1 - damping) * new
        told.append(np.diag(availability) + np.diag(responsibility) > 0)
    return told


def best_exemplars(S: NDArray[np.float64]) -> tuple[int, ...]:
    """The set of exemplars with the largest net similarity, by trying all."""
    n = len(S)
    best: tuple[float, tuple[int, ...]] = (-np.inf, ())
    for size in range(1, n + 1):
        for chosen in combinations(range(n), size):
            columns = list(chosen)
            score = S[columns, columns].sum()
            score += sum(S[i, columns].max() for i in range(n) if i not in chosen)
            best = max(best, (float(score), chosen))
    return best[1]
