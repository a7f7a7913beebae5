"""Linkage: SciPy's matrix, the definitions, and what must not matter."""

from __future__ import annotations

import warnings

import hard_data as hard_data_sets
import numpy as np
import pytest
from helpers import bits, interrupt_after, threads_and_block_length, threads_and_blocks
from oracles.linkage import METHODS, Clusters, all_distances, complaint
from scipy.cluster import hierarchy as scipy_hierarchy
from scipy.spatial.distance import pdist, squareform

import shoal
from shoal import _core
from shoal.hierarchy import linkage as module
from shoal.hierarchy.linkage import Tree, linkage

REDUCIBLE = ("single", "complete", "average", "weighted", "ward")
every_method = pytest.mark.parametrize("method", METHODS)


@pytest.fixture
def without_matrix(monkeypatch):
    """However few the samples: what is done with many."""
    monkeypatch.setattr(module, "MOST_BY_MATRIX", 0)


def data_of_kind(rng, kind, n=60, d=3):
    return {
        "random": lambda: rng.normal(size=(n, d)),
        "lattice": lambda: rng.integers(0, 4, size=(n, d)).astype(float),
        "tenths": lambda: rng.integers(0, 5, size=(n, d)) * 0.1,
        "duplicates": lambda: np.repeat(rng.normal(size=(n // 4, d)), 4, axis=0),
        "far": lambda: rng.normal(size=(n, d)) + 1e6,
    }[kind]()


kinds = pytest.mark.parametrize("kind", ["random", "lattice", "tenths", "duplicates", "far"])


# --- SciPy ---------------------------------------------------------------------------------------------------------


@every_method
@kinds
@pytest.mark.parametrize("n", [2, 3, 17, 150])
def test_from_distances_every_bit_is_scipys(rng, method, kind, n):
    distances = pdist(data_of_kind(rng, kind, n=max(n, 4))[:n])
    assert bits(linkage(distances, method)) == bits(scipy_hierarchy.linkage(distances, method))


@every_method
@kinds
def test_from_rows_every_bit_is_scipys(rng, method, kind):
    X = data_of_kind(rng, kind, n=120)
    expected = scipy_hierarchy.linkage(X, method)
    if method == "ward" and kind in ("random", "far"):  # no merges tie: from centroids
        np.testing.assert_allclose(linkage(X, method), expected, rtol=1e-10)
    else:
        assert bits(linkage(X, method)) == bits(expected)


@pytest.mark.parametrize("d", [1, 2, 6])
@pytest.mark.parametrize("n", [40, 260, 1100])
@pytest.mark.parametrize("noise", [0, 1e-14, 1e-12, 1e-9])
def test_ward_of_rows_that_nearly_tie_is_scipys(rng, d, n, noise):
    X = rng.integers(0, 12, size=(n, d)) + noise * rng.normal(size=(n, d))
    Z = linkage(X, "ward")
    expected = scipy_hierarchy.linkage(X, "ward")
    np.testing.assert_array_equal(Z[:, [0, 1, 3]], expected[:, [0, 1, 3]])
    np.testing.assert_allclose(Z[:, 2], expected[:, 2], rtol=1e-10)


@pytest.mark.parametrize("noise", [1e-14, 1e-12, 1e-9])
def test_ward_of_light_rows_that_nearly_tie_is_scipys(rng, noise):
    """Equal weights scale the heights by their root; unions are rounded however light they are."""
    for _ in range(60):
        X = rng.integers(0, 12, size=(40, 1)) + noise * rng.normal(size=(40, 1))
        Z = linkage(X, "ward", sample_weight=np.full(40, 1 / 64))
        expected = scipy_hierarchy.linkage(X, "ward")
        np.testing.assert_array_equal(Z[:, :2], expected[:, :2])
        np.testing.assert_allclose(8 * Z[:, 2], expected[:, 2], rtol=1e-10)


@pytest.mark.parametrize("offset", [1e3, 1e8, 1e12])
def test_ward_of_few_rows_far_from_zero_is_scipys(rng, offset):
    X = rng.normal(size=(200, 3)) + offset
    np.testing.assert_allclose(linkage(X, "ward"), scipy_hierarchy.linkage(X, "ward"), rtol=1e-10)


def test_ward_of_rows_where_one_pair_of_heights_ties_is_scipys(rng):
    X = rng.normal(size=(50, 2)) * 100
    X = np.concatenate([X, X + 1e5])  # every merge twice, each of its nearest alone
    Z = linkage(X, "ward")
    expected = scipy_hierarchy.linkage(X, "ward")
    np.testing.assert_array_equal(Z[:, :2], expected[:, :2])
    np.testing.assert_allclose(Z[:, 2], expected[:, 2], rtol=1e-9)


@every_method
@pytest.mark.parametrize("d", [1, 2, 5, 20])
def test_without_distances_the_tree_is_scipys(rng, without_matrix, method, d):
    X = rng.normal(size=(300, d))
    np.testing.assert_allclose(linkage(X, method), scipy_hierarchy.linkage(X, method), rtol=1e-10)


@pytest.mark.parametrize("method", ["average", "ward"])
def test_rounds_of_many_features_and_rows_are_scipys_on_any_number_of_threads(rng, without_matrix, method):
    """More features than a block of 16 rows is for, more clusters than a buffer of 16 rows is for."""
    X = rng.normal(size=(1500, 70))
    with shoal.threads(1):
        Z = shoal.linkage(X, method)
    np.testing.assert_allclose(Z, scipy_hierarchy.linkage(X, method), rtol=1e-9)
    with shoal.threads(3):
        np.testing.assert_array_equal(shoal.linkage(X, method), Z)


@pytest.mark.parametrize("kind", ["random", "duplicates", "far"])
def test_ward_of_many_features_in_rounds_on_distances_is_scipys(rng, without_matrix, kind):
    X = data_of_kind(rng, kind, n=400, d=module.WARD_FEATURES + 5)
    expected = scipy_hierarchy.linkage(X, "ward")
    rtol = {"far": 1e-7, "duplicates": 1e-9}.get(
        kind, 1e-10
    )  # SciPy's own rounding, of distances of 0 and 1e6
    found = linkage(X, "ward")
    np.testing.assert_allclose(found[:, 2], expected[:, 2], rtol=rtol, atol=1e-6)
    if kind == "random":
        np.testing.assert_array_equal(found[:, [0, 1, 3]], expected[:, [0, 1, 3]])
        np.testing.assert_allclose(linkage(X, "ward", dtype="float32")[:, 2], expected[:, 2], rtol=1e-4)


def test_ward_of_many_features_and_weights_on_distances_and_by_centroids(rng, without_matrix, monkeypatch):
    X = rng.normal(size=(300, module.WARD_FEATURES + 1))
    weight = rng.uniform(0.2, 5, size=300)
    on_distances = linkage(X, "ward", sample_weight=weight)
    monkeypatch.setattr(module, "MOST_WARD_ROWS", 299)
    np.testing.assert_allclose(linkage(X, "ward", sample_weight=weight), on_distances, rtol=1e-10)


def test_many_samples(rng):
    X = rng.normal(size=(module.MOST_BY_MATRIX + 300, 4))
    distances = pdist(X)
    for method in METHODS:
        expected = scipy_hierarchy.linkage(distances, method)
        np.testing.assert_allclose(linkage(X, method), expected, rtol=1e-10, err_msg=method)


@pytest.mark.parametrize(
    ("metric", "p", "options"),
    [
        ("cosine", 2, {"metric": "cosine"}),
        ("manhattan", 2, {"metric": "cityblock"}),
        ("cityblock", 2, {"metric": "cityblock"}),
        ("chebyshev", 2, {"metric": "chebyshev"}),
        ("minkowski", 3.5, {"metric": "minkowski", "p": 3.5}),
        ("minkowski", 1, {"metric": "cityblock"}),
        ("canberra", 2, {"metric": "canberra"}),
        ("correlation", 2, {"metric": "correlation"}),
    ],
    ids=lambda value: str(value),
)
@pytest.mark.parametrize("method", ["single", "complete", "average", "weighted"])
@pytest.mark.parametrize("limit", [0, 2048])
def test_every_metric(rng, monkeypatch, metric, p, options, method, limit):
    monkeypatch.setattr(module, "MOST_BY_MATRIX", limit)
    X = rng.normal(size=(80, 4))
    expected = scipy_hierarchy.linkage(pdist(X, **options), method)
    np.testing.assert_allclose(linkage(X, method, metric, p=p), expected, rtol=1e-10, atol=1e-12)


def test_a_callable_metric(rng):
    X = rng.normal(size=(20, 3))
    expected = linkage(X, "average", "manhattan")
    np.testing.assert_allclose(linkage(X, "average", lambda x, y: np.abs(x - y).sum()), expected)


@every_method
def test_a_square_matrix_is_its_condensed_vector(rng, method):
    distances = pdist(rng.normal(size=(40, 3)))
    expected = linkage(distances, method)
    assert bits(linkage(squareform(distances), method, "precomputed")) == bits(expected)
    assert bits(linkage(distances, method, "precomputed")) == bits(expected)


def test_rows_of_zeros_are_one_from_all_others_in_cosine():
    X = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [1.0, 0.1]])
    for limit in (0, 2048):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "MOST_BY_MATRIX", limit)
            np.testing.assert_allclose(linkage(X, "single", "cosine")[[0, -1], 2], [0, 1])


# --- definitions ---------------------------------------------------------------------------------------------------


@every_method
@kinds
def test_every_merge_is_of_the_nearest_pair(rng, method, kind):
    X = data_of_kind(rng, kind, n=24)
    assert complaint(linkage(X, method), Clusters(X, method), 1e-6 if kind == "far" else 1e-9) == ""


@every_method
@kinds
def test_every_merge_is_of_the_nearest_pair_without_distances(rng, without_matrix, method, kind):
    X = data_of_kind(rng, kind, n=24)
    assert complaint(linkage(X, method), Clusters(X, method), 1e-6 if kind == "far" else 1e-9) == ""


@pytest.mark.parametrize("metric", ["cosine", "manhattan", "chebyshev", "minkowski"])
@pytest.mark.parametrize("method", ["single", "complete", "average", "weighted"])
def test_every_merge_is_of_the_nearest_pair_in_every_metric(rng, method, metric):
    X = rng.integers(-3, 4, size=(20, 3)).astype(float)
    clusters = Clusters(X, method, D=all_distances(X, metric, 3.0))
    assert complaint(linkage(X, method, metric, p=3), clusters, 1e-7) == ""


@pytest.mark.parametrize("fewest_pairs", [0.0, 1 / 64, 1.1], ids=["rounds", "both", "chain"])
@pytest.mark.parametrize("d", [1, 2, 7])
def test_rounds_and_chain_find_the_same_ward_tree(rng, fewest_pairs, d):
    for n in (5, 40, 70, 130, 260, 400):
        X = rng.normal(size=(n, d))
        found = Tree(*_core.linkage_centroids(X, method="ward", weight=None, fewest_pairs=fewest_pairs))
        np.testing.assert_allclose(found.matrix(), linkage(X, "ward"), rtol=1e-10)


@kinds
@pytest.mark.parametrize("method", module.REDUCIBLE)
@pytest.mark.parametrize("fewest_pairs", [1e-9, 1 / 16], ids=["rounds", "both"])
def test_every_merge_of_a_round_is_of_the_nearest_pair(rng, method, kind, fewest_pairs):
    X = data_of_kind(rng, kind, n=70)
    found = _core.linkage_matrix(
        X,
        method=method,
        metric="euclidean",
        p=2,
        weight=None,
        in_float32=False,
        fewest_pairs=fewest_pairs,
        ordered=True,
    )
    assert complaint(Tree(*found).matrix(), Clusters(X, method), 1e-6 if kind == "far" else 1e-9) == ""


@pytest.mark.parametrize("method", module.REDUCIBLE)
def test_rounds_with_weights_see_copies_and_any_number_of_threads_the_same_bits(rng, method, without_matrix):
    X = rng.normal(size=(200, 3))
    weight = rng.integers(1, 4, size=200)
    Z = linkage(X, method, sample_weight=weight)
    copies = linkage(np.repeat(X, weight, axis=0), method)[-199:]
    if method != "weighted":  # copies merge first there, too, but count as so many clusters
        np.testing.assert_allclose(Z[:, 2:], copies[:, 2:], rtol=1e-9)
    for n_threads in (2, 7):
        with threads_and_block_length(n_threads, 0):
            assert bits(linkage(X, method, sample_weight=weight)) == bits(Z)


@pytest.mark.parametrize("method", module.REDUCIBLE)
def test_rows_that_merge_one_by_one_leave_the_rounds(method, without_matrix):
    X = np.cumsum(1.5 ** np.arange(200))[:, None]
    np.testing.assert_allclose(linkage(X, method), scipy_hierarchy.linkage(X, method), rtol=1e-9)


def test_ward_of_rows_that_merge_one_by_one(without_matrix):
    """Every union is nearest to the next row: a round finds one pair, so that the chain must do the work."""
    X = np.cumsum(1.5 ** np.arange(200))[:, None]
    np.testing.assert_allclose(linkage(X, "ward"), scipy_hierarchy.linkage(X, "ward"), rtol=1e-9)


@every_method
def test_hard_data(method, hard_data):
    if len(hard_data) < 2:
        with pytest.raises(ValueError, match="at least 2 samples"):
            linkage(hard_data, method)
        return
    for limit in (0, 2048):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "MOST_BY_MATRIX", limit)
            found = linkage(hard_data, method)
        assert scipy_hierarchy.is_valid_linkage(found)
        expected = scipy_hierarchy.linkage(hard_data, method)
        if limit:
            assert bits(found) == bits(expected)
        elif method == "single":
            np.testing.assert_allclose(found[:, 2], expected[:, 2], rtol=1e-10)


# --- properties ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", REDUCIBLE)
@kinds
@pytest.mark.parametrize("limit", [0, 2048])
def test_heights_never_fall(rng, monkeypatch, method, kind, limit):
    monkeypatch.setattr(module, "MOST_BY_MATRIX", limit)
    assert (np.diff(linkage(data_of_kind(rng, kind, n=200), method)[:, 2]) >= 0).all()


@pytest.mark.parametrize("method", ["centroid", "median"])
def test_centroid_and_median_are_not_reducible(method):
    X = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.9]])  # the mean of the nearest two is nearer to the third
    heights = linkage(X, method)[:, 2]
    np.testing.assert_allclose(heights, [1, 0.9])


@pytest.mark.parametrize("method", REDUCIBLE)
def test_a_union_is_no_nearer_than_the_nearer_of_its_parts(rng, method):
    X = rng.normal(size=(12, 2))
    clusters = Clusters(X, method)
    living = list(range(12))
    while len(living) > 2:
        at = [(clusters.distance(a, b), a, b) for a in living for b in living if a < b]
        _, a, b = min(at)
        others = [c for c in living if c not in (a, b)]
        before = {c: min(clusters.distance(a, c), clusters.distance(b, c)) for c in others}
        union = clusters.join(a, b)
        assert all(clusters.distance(union, c) >= before[c] - 1e-12 for c in others)
        living = [*others, union]


@every_method
def test_weights_are_copies(rng, method):
    X = rng.normal(size=(25, 2))
    weight = rng.integers(1, 5, size=25)
    copies = np.repeat(X, weight, axis=0)
    for limit in (0, 2048):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "MOST_BY_MATRIX", limit)
            found = linkage(X, method, sample_weight=weight)
            of_copies = linkage(copies, method)
        merged = len(copies) - len(X)  # copies merge first, at height 0
        assert np.all(of_copies[:merged, 2] == 0)
        np.testing.assert_allclose(found[:, 2:], of_copies[merged:, 2:], rtol=1e-9)


@every_method
def test_unit_weights_change_nothing(rng, method):
    X = rng.integers(0, 4, size=(50, 2)).astype(float)
    assert bits(linkage(X, method, sample_weight=np.ones(50))) == bits(linkage(X, method))


@pytest.mark.parametrize("method", ["average", "ward", "centroid"])
@pytest.mark.parametrize("limit", [0, 2048])
def test_weights_by_definition(rng, monkeypatch, method, limit):
    monkeypatch.setattr(module, "MOST_BY_MATRIX", limit)
    X, weight = rng.normal(size=(20, 3)), rng.uniform(0.1, 5, size=20)
    assert complaint(linkage(X, method, sample_weight=weight), Clusters(X, method, weight)) == ""


@every_method
@pytest.mark.parametrize("limit", [0, 2048])
def test_the_order_of_the_rows_does_not_matter(rng, monkeypatch, method, limit):
    monkeypatch.setattr(module, "MOST_BY_MATRIX", limit)
    X = rng.normal(size=(150, 3))
    order = rng.permutation(150)
    groups = []
    for Z, rows in ((linkage(X, method), np.arange(150)), (linkage(X[order], method), order)):
        members = {i: frozenset([int(row)]) for i, row in enumerate(rows)}
        for i, (a, b) in enumerate(Z[:, :2].astype(int)):
            members[150 + i] = members[a] | members[b]
        groups.append(set(members.values()))
    assert groups[0] == groups[1]


@every_method
@pytest.mark.parametrize("limit", [0, 2048])
def test_four_times_the_data_has_four_times_the_heights(rng, monkeypatch, method, limit):
    monkeypatch.setattr(module, "MOST_BY_MATRIX", limit)
    X = rng.integers(0, 6, size=(80, 3)) * 0.3
    one, four = linkage(X, method), linkage(4 * X, method)
    one[:, 2] *= 4
    assert bits(one) == bits(four)


@every_method
@threads_and_blocks
@pytest.mark.parametrize("limit", [0, 2048])
def test_threads_change_no_bit(rng, monkeypatch, method, n_threads, block_length, limit):
    monkeypatch.setattr(module, "MOST_BY_MATRIX", limit)
    X = rng.integers(0, 9, size=(600, 3)) * 0.1
    with shoal.threads(1):
        expected = linkage(X, method)
    with threads_and_block_length(n_threads, block_length):
        assert bits(linkage(X, method)) == bits(expected)


@every_method
@pytest.mark.parametrize("limit", [0, 2048])
def test_instruction_sets_change_no_bit(rng, monkeypatch, method, limit):
    monkeypatch.setattr(module, "MOST_BY_MATRIX", limit)
    X = rng.integers(0, 9, size=(200, 3)) * 0.1
    before = _core.isa()
    try:
        found = []
        for isa in _core.isa_available():
            _core.set_isa(isa)
            found.append((bits(linkage(X, method)), bits(linkage(X, method, dtype="float32"))))
    finally:
        _core.set_isa(before)
    assert len(set(found)) == 1


@every_method
def test_float32_data_are_linked_as_their_values(rng, method):
    X = rng.normal(size=(100, 3)).astype(np.float32)
    assert bits(linkage(X, method)) == bits(linkage(X.astype(np.float64), method))


@every_method
def test_float32_distances_are_right_to_six_digits(rng, method):
    X = np.concatenate([rng.normal(size=(40, 3)), rng.normal(size=(40, 3)) + 20])
    expected = linkage(X, method)
    for found in (linkage(X, method, dtype="float32"), linkage(pdist(X), method, dtype=np.float32)):
        np.testing.assert_allclose(np.sort(found[:, 2]), np.sort(expected[:, 2]), rtol=2e-5)
    distances = pdist(X).astype(np.float32)
    assert bits(linkage(distances, method)) == bits(linkage(distances.astype(np.float64), method))


def test_given_distances_are_not_changed(rng):
    distances = pdist(rng.normal(size=(60, 3)))
    before = distances.copy()
    for method in METHODS:
        linkage(distances, method)
    assert bits(distances) == bits(before)


def test_hac_dendrogram_is_linkage():
    assert shoal.hac_dendrogram is shoal.linkage is linkage


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2, 3, 4],), r"n \* \(n - 1\) / 2 entries .* got 4"),
        (([1.0, -2, 3],), "Negative values in X: distances must be >= 0; got -2"),
        (([1.0, np.nan, 3],), "Input X contains NaN"),
        (([[0.0], [1.0]], "wards"), "method must be one of .* got 'wards'"),
        (([[0.0], [1.0]], "ward", "cosine"), "metric must be 'euclidean' for method='ward'; got 'cosine'"),
        (([[0.0], [1.0]], "average", "euclid"), "metric must be one of .* got 'euclid'"),
        (([[0.0, 1.0]],), "at least 2 samples"),
        (([[0.0, 1, 2], [1, 0, 2]], "average", "precomputed"), r"square .* got shape \(2, 3\)"),
        (([[0.0, 1], [2, 0]], "average", "precomputed"), "symmetric"),
        (([[0.0, 1], [2, 1e200]],), "squared distances overflow"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        linkage(*arguments)


def test_refused_keywords():
    X = [[0.0], [1.0], [3.0]]
    with pytest.raises(ValueError, match="sample_weight must be > 0; got 0 at index 1"):
        linkage(X, sample_weight=[1, 0, 1])
    with pytest.raises(ValueError, match="dtype must be None, 'float32' or 'float64'"):
        linkage(X, dtype="int8")
    with pytest.raises(ValueError, match=r"p must be in \[1, inf\]; got 0.5"):
        linkage(X, metric="minkowski", p=0.5)


@pytest.mark.parametrize("name", hard_data_sets.refused())
def test_refused_data(name):
    if name == "one dimension":  # a condensed vector, here of a wrong length
        return
    X, message = hard_data_sets.refused()[name]
    with pytest.raises((ValueError, TypeError), match=message):
        linkage(X, "average")


def test_too_little_memory_is_said_before(monkeypatch):
    monkeypatch.setattr("shoal.base.memory.available_memory", lambda: 1000)
    monkeypatch.setattr("shoal.base.memory.SMALL", 0)
    X = np.zeros((100, 2))
    with pytest.raises(
        MemoryError, match=r"average linkage of 100 samples, .* needs 0.0 GB.*dtype='float32'"
    ):
        linkage(X, "average")
    with pytest.raises(MemoryError, match="method='ward' or 'single'"):
        linkage(np.zeros(4950), "ward")
    monkeypatch.setattr(module, "MOST_BY_MATRIX", 10)
    assert (
        len(linkage(X, "ward")) == len(linkage(X, "single")) == len(linkage(np.zeros(4950), "single")) == 99
    )


@pytest.mark.parametrize("method", METHODS)
def test_ctrl_c(rng, method):
    n = 9000 if method in ("complete", "average", "weighted") else 40_000
    X = rng.normal(size=(n, 12))
    assert interrupt_after(0.15, lambda: linkage(X, method)) < 0.5


@every_method
def test_optimal_ordering_is_that_of_the_tree(rng, method):
    X = rng.normal(size=(40, 3))
    expected = shoal.optimal_leaf_ordering(linkage(X, method), pdist(X))
    np.testing.assert_array_equal(linkage(X, method, optimal_ordering=True), expected)


def test_rows_that_look_like_distances_are_warned_of_as_by_scipy(rng):
    square = squareform(pdist(rng.normal(size=(12, 2))))
    with pytest.warns(scipy_hierarchy.ClusterWarning, match=r"taken as rows; pass metric='precomputed'"):
        found = shoal.linkage(square, "average")
    with pytest.warns(scipy_hierarchy.ClusterWarning):
        theirs = scipy_hierarchy.linkage(square, "average")
    np.testing.assert_array_equal(found[:, :2], theirs[:, :2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shoal.linkage(square, "average", "precomputed")
        shoal.linkage(squareform(square), "average")
        shoal.linkage(square + 1, "average")
        shoal.linkage(-square, "average")
        shoal.Birch(threshold=0, n_clusters=3).fit(square)


@pytest.mark.parametrize("size", [1e46, 1e-46])
def test_ward_of_extreme_weights_is_ward_of_equal_ones(rng, size):
    X = rng.normal(size=(400, 10))
    Z = linkage(X, "ward", sample_weight=np.full(400, size))
    np.testing.assert_allclose(Z[:, 2] / np.sqrt(size), linkage(X, "ward")[:, 2], rtol=1e-9)


@pytest.mark.parametrize("method", ["ward", "centroid", "median"])
def test_distances_whose_squares_overflow_where_they_are_kept_are_refused(method):
    rows = [[0.0], [1e20], [3e20], [7e20]]
    with pytest.raises(ValueError, match=r"spreads too wide for float32"):
        linkage(rows, method, dtype="float32")
    assert np.isfinite(linkage(rows, method)).all()
    given = [1e20, 3e20, 7e20, 2e20, 6e20, 4e20]
    with pytest.raises(
        ValueError, match=r"squares fit into float32; got 7e\+20; scale X or take dtype='float64'"
    ):
        linkage(given, method, dtype="float32")
    with pytest.raises(ValueError, match=r"squares fit into float64; got 7e\+200; scale X"):
        linkage(np.array(given) * 1e180, method)
