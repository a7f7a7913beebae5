"""External scores from their definitions: loops over pairs, probabilities and permutations."""

from __future__ import annotations

import itertools
import math

import numpy as np


def contingency(a, b, weight=None):
    """The table by looking at every pair of distinct labels."""
    a, b = np.asarray(a), np.asarray(b)
    weight = np.ones(len(a)) if weight is None else np.asarray(weight, dtype=float)
    rows = sorted(set(a[weight > 0].tolist()))
    columns = sorted(set(b[weight > 0].tolist()))
    return np.array([[weight[(a == r) & (b == c)].sum() for c in columns] for r in rows]).reshape(
        len(rows), len(columns)
    )


def pair_confusion(a, b, weight=None):
    """Ordered pairs (i, j), i != j, one by one; a sample of weight w > 1 also pairs with its own copies."""
    n = len(a)
    weight = np.ones(n) if weight is None else np.asarray(weight, dtype=float)
    confusion = np.zeros((2, 2))
    for i, j in itertools.product(range(n), repeat=2):
        pairs = weight[i] * weight[j] if i != j else weight[i] * max(weight[i] - 1.0, 0.0)
        confusion[int(a[i] == a[j]), int(b[i] == b[j])] += pairs
    return confusion


def rand(a, b):
    n = len(a)
    agree = [(a[i] == a[j]) == (b[i] == b[j]) for i in range(n) for j in range(i)]
    return float(np.mean(agree)) if agree else 1.0


def adjusted_rand(a, b):
    """(index - expected) / (maximum - expected), with binomials (Hubert and Arabie 1985, eq. 5)."""
    table = contingency(a, b)
    cells = sum(math.comb(int(c), 2) for c in table.ravel())
    rows = sum(math.comb(int(c), 2) for c in table.sum(axis=1))
    columns = sum(math.comb(int(c), 2) for c in table.sum(axis=0))
    pairs = math.comb(len(a), 2)
    expected = rows * columns / pairs if pairs else 0.0
    maximum = (rows + columns) / 2
    return 1.0 if maximum == expected else (cells - expected) / (maximum - expected)


def fowlkes_mallows(a, b):
    n = len(a)
    pairs = [(a[i] == a[j], b[i] == b[j]) for i in range(n) for j in range(i)]
    both = sum(x and y for x, y in pairs)
    if both == 0:
        return 0.0
    return both / math.sqrt(sum(x for x, _ in pairs) * sum(y for _, y in pairs))


def entropy(p):
    p = np.asarray(p, dtype=float).ravel()
    p = p[p > 0] / p.sum()
    return float(-sum(x * math.log(x) for x in p))


def mutual_information(table):
    """H(a) + H(b) - H(a, b)."""
    table = np.asarray(table, dtype=float)
    return entropy(table.sum(axis=1)) + entropy(table.sum(axis=0)) - entropy(table)


def expected_mutual_information_by_permutation(a, b):
    """The mean over all permutations of one labeling: n! of them."""
    values = [mutual_information(contingency(a, shuffled)) for shuffled in itertools.permutations(b)]
    return float(np.mean(values))


def expected_mutual_information(rows, columns):
    """Vinh, Epps, Bailey 2010, eq. 24a, in exact rational probabilities."""
    n = int(sum(rows))
    total = 0.0
    for a, b in itertools.product(map(int, rows), map(int, columns)):
        ways = math.comb(n, a)
        for m in range(max(1, a + b - n), min(a, b) + 1):
            probability = math.comb(b, m) * math.comb(n - b, a - m) / ways
            total += m / n * math.log(n * m / (a * b)) * probability
    return total
