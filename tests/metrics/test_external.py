"""External scores against their definitions, scikit-learn, and what must hold for any two labelings."""

from __future__ import annotations

import inspect
import math
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
import sklearn.metrics.cluster
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import external as oracle
from scipy import sparse

import shoal
from shoal import _core, metrics

SCORES = [
    metrics.rand_score,
    metrics.adjusted_rand_score,
    metrics.mutual_info_score,
    metrics.normalized_mutual_info_score,
    metrics.adjusted_mutual_info_score,
    metrics.homogeneity_score,
    metrics.completeness_score,
    metrics.v_measure_score,
    metrics.fowlkes_mallows_score,
]
AVERAGES = ("arithmetic", "geometric", "min", "max")
ANY_WEIGHT = [score for score in SCORES if score is not metrics.adjusted_mutual_info_score]

labelings = st.integers(1, 24).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-1, 6), min_size=n, max_size=n),
        st.lists(st.integers(-1, 6), min_size=n, max_size=n),
    )
)
weighted = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-1, 3), min_size=n, max_size=n),
        st.lists(st.integers(-1, 3), min_size=n, max_size=n),
        st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any),
    )
)


def reference(score):
    return getattr(sklearn.metrics, score.__name__)


# --- against the definitions -------------------------------------------------------------------------------


@given(labelings)
def test_pair_counts_are_those_of_the_definition(pair):
    a, b = map(np.array, pair)
    np.testing.assert_array_equal(metrics.pair_confusion_matrix(a, b), oracle.pair_confusion(a, b))
    assert metrics.rand_score(a, b) == pytest.approx(oracle.rand(a, b), abs=1e-12)
    assert metrics.adjusted_rand_score(a, b) == pytest.approx(oracle.adjusted_rand(a, b), abs=1e-12)
    assert metrics.fowlkes_mallows_score(a, b) == pytest.approx(oracle.fowlkes_mallows(a, b), abs=1e-12)


@given(labelings)
def test_information_is_that_of_the_definition(pair):
    a, b = map(np.array, pair)
    table = oracle.contingency(a, b)
    np.testing.assert_array_equal(metrics.contingency_matrix(a, b), table)
    assert metrics.mutual_info_score(a, b) == pytest.approx(oracle.mutual_information(table), abs=1e-12)
    assert metrics.entropy(a) == pytest.approx(oracle.entropy(table.sum(axis=1)), abs=1e-12)


@pytest.mark.parametrize(
    ("a", "b"),
    [("001122", "010212"), ("000112", "000111"), ("0123", "0011"), ("0001", "0110"), ("0011223", "0101012")],
)
def test_expected_information_is_the_mean_over_all_permutations(a, b):
    a, b = [int(x) for x in a], [int(x) for x in b]
    expected = oracle.expected_mutual_information_by_permutation(a, b)
    table = metrics.contingency_matrix(a, b, sparse=True)
    assert metrics.expected_mutual_information(table, len(a)) == pytest.approx(expected, abs=1e-12)


@given(
    st.lists(st.integers(1, 60), min_size=2, max_size=5), st.lists(st.integers(1, 60), min_size=2, max_size=5)
)
def test_expected_information_is_the_hypergeometric_sum(rows, columns):
    n = max(sum(rows), sum(columns))
    rows, columns = [*rows, n - sum(rows)], [*columns, n - sum(columns)]
    a, b = np.repeat(np.arange(len(rows)), rows), np.repeat(np.arange(len(columns)), columns)
    rows, columns = [r for r in rows if r], [c for c in columns if c]
    expected = oracle.expected_mutual_information(rows, columns)
    got = metrics.expected_mutual_information(metrics.contingency_matrix(a, b), n)
    assert got == pytest.approx(expected, rel=1e-11)


def test_expected_information_of_large_cells_is_the_hypergeometric_sum():
    # means far above where the kernel changes its form, in exact arithmetic
    for rows, columns in (
        [[700, 300, 1000], [1200, 800]],
        [[3000, 1], [1500, 1501]],
        [[2500, 500], [20, 2980]],
    ):
        a, b = np.repeat(np.arange(len(rows)), rows), np.repeat(np.arange(len(columns)), columns)
        got = metrics.expected_mutual_information(metrics.contingency_matrix(a, b), sum(rows))
        assert got == pytest.approx(oracle.expected_mutual_information(rows, columns), rel=1e-11)


def test_expected_information_tends_to_its_limit_in_large_tables():
    # 2 N E[MI] is asymptotically chi-squared with (R - 1)(C - 1) degrees of freedom; no factorials, no
    # cancellation
    n = 2_000_000
    a, b = np.repeat(np.arange(4), n // 4), np.repeat(np.arange(5), n // 5)
    got = metrics.expected_mutual_information(metrics.contingency_matrix(a, b), n)
    assert 2 * n * got == pytest.approx(3 * 4, rel=1e-5)


# --- against scikit-learn ----------------------------------------------------------------------------------


@pytest.mark.parametrize("score", SCORES, ids=lambda f: f.__name__)
@settings(max_examples=60)
@given(pair=labelings)
def test_values_are_scikit_learns(score, pair):
    assert score(*pair) == pytest.approx(reference(score)(*pair), abs=1e-10)


@pytest.mark.parametrize("average_method", AVERAGES)
@settings(max_examples=60)
@given(pair=labelings)
def test_averages_are_scikit_learns(average_method, pair):
    for score in (metrics.normalized_mutual_info_score, metrics.adjusted_mutual_info_score):
        alone = len(pair[0]) in (len(set(pair[0])), len(set(pair[1])))
        if score is metrics.adjusted_mutual_info_score and average_method == "min" and alone:
            continue  # 0 / 0, where scikit-learn returns a ratio of rounding errors
        expected = reference(score)(*pair, average_method=average_method)
        assert score(*pair, average_method=average_method) == pytest.approx(expected, abs=1e-10)


@given(labelings, st.floats(1e-3, 100))
def test_v_measures_are_scikit_learns(pair, beta):
    expected = sklearn.metrics.homogeneity_completeness_v_measure(*pair, beta=beta)
    assert metrics.homogeneity_completeness_v_measure(*pair, beta=beta) == pytest.approx(expected, abs=1e-10)
    assert metrics.v_measure_score(*pair, beta=beta) == pytest.approx(expected[2], abs=1e-10)


def test_extreme_betas_leave_one_of_the_two():
    a, b = [0, 0, 1, 1, 2], [0, 0, 1, 2, 2]
    homogeneity, completeness, v_measure = metrics.homogeneity_completeness_v_measure(a, b, beta=0)
    assert v_measure == pytest.approx(homogeneity)
    assert metrics.v_measure_score(a, b, beta=1e300) == pytest.approx(completeness)
    assert metrics.homogeneity_completeness_v_measure([0, 0], [0, 1], beta=0) == (1.0, 0.0, 0.0)


def test_values_are_scikit_learns_on_larger_labelings(rng):
    n = 20_000
    truth = rng.integers(0, 40, n)
    pred = np.where(rng.random(n) < 0.3, rng.integers(0, 60, n), truth // 2)
    for score in SCORES:
        assert score(truth, pred) == pytest.approx(reference(score)(truth, pred), abs=1e-10)
    np.testing.assert_array_equal(
        metrics.pair_confusion_matrix(truth, pred), sklearn.metrics.cluster.pair_confusion_matrix(truth, pred)
    )


DEGENERATE = {
    "no samples": ([], []),
    "one sample": ([3], [7]),
    "one cluster each": ([0] * 5, [1] * 5),
    "all singletons": (range(5), range(5, 10)),
    "one cluster, singletons": ([0] * 5, range(5)),
    "singletons, one cluster": (range(5), [0] * 5),
    "singletons, pairs": (range(6), [0, 0, 1, 1, 2, 2]),
    "same partition": ([0, 0, 1, 1, 2], [5, 5, -3, -3, 0]),
    "independent": ([0, 0, 1, 1], [0, 1, 0, 1]),
}


@pytest.mark.parametrize("case", DEGENERATE)
@pytest.mark.parametrize("score", SCORES, ids=lambda f: f.__name__)
def test_degenerate_values_are_scikit_learns(score, case):
    a, b = map(list, DEGENERATE[case])
    try:
        expected = reference(score)(a, b)
    except ValueError:
        with pytest.raises(ValueError, match="labels_true"):
            score(a, b)
    else:
        assert score(a, b) == pytest.approx(expected, abs=1e-10)


def test_entropy_of_degenerate_labelings():
    assert metrics.entropy([]) == 1.0
    assert metrics.entropy([4, 4]) == 0.0
    assert metrics.entropy(["a", "b", "c"]) == pytest.approx(math.log(3))


@pytest.mark.parametrize(
    "score", [*SCORES, metrics.homogeneity_completeness_v_measure], ids=lambda f: f.__name__
)
def test_signatures_begin_as_scikit_learns(score):
    ours = list(inspect.signature(score).parameters.values())
    theirs = list(inspect.signature(reference(score)).parameters.values())
    assert [(p.name, p.kind, p.default) for p in ours[: len(theirs)]] == [
        (p.name, p.kind, p.default) for p in theirs
    ]
    assert all(p.kind is p.KEYWORD_ONLY for p in ours[len(theirs) :])


def test_contingency_matrices_are_scikit_learns(rng):
    a, b = rng.integers(-5, 5, 300), rng.integers(0, 7, 300) * 1000
    expected = sklearn.metrics.cluster.contingency_matrix(a, b)
    dense = metrics.contingency_matrix(a, b)
    assert dense.dtype == np.int64
    np.testing.assert_array_equal(dense, expected)
    csr = metrics.contingency_matrix(a, b, sparse=True)
    assert sparse.issparse(csr)
    assert csr.format == "csr"
    np.testing.assert_array_equal(csr.toarray(), expected)
    np.testing.assert_allclose(metrics.contingency_matrix(a, b, eps=0.25), expected + 0.25)
    assert metrics.contingency_matrix(a, b, dtype=np.float32).dtype == np.float32


@given(labelings)
def test_information_of_a_table_is_that_of_its_labelings(pair):
    table = metrics.contingency_matrix(*pair)
    expected = metrics.mutual_info_score(*pair)
    assert metrics.mutual_info_score(None, None, contingency=table) == pytest.approx(expected, abs=1e-12)
    padded = sparse.coo_array(np.pad(table, 1))
    assert metrics.mutual_info_score(None, None, contingency=padded) == pytest.approx(expected, abs=1e-12)
    assert metrics.mutual_info_score(None, None, contingency=table * 0.37) == pytest.approx(
        expected, abs=1e-12
    )


# --- what must hold for any two labelings ------------------------------------------------------------------


@given(labelings)
def test_scores_are_symmetric(pair):
    a, b = pair
    for score in SCORES:
        if score not in (metrics.homogeneity_score, metrics.completeness_score):
            assert score(a, b) == pytest.approx(score(b, a), abs=1e-12)
    assert metrics.homogeneity_score(a, b) == pytest.approx(metrics.completeness_score(b, a), abs=1e-12)


@given(labelings, st.permutations(range(-1, 7)), st.randoms(use_true_random=False))
def test_names_and_order_do_not_matter(pair, names, random):
    a, b = map(np.array, pair)
    renamed = np.array([names[label + 1] for label in b])
    order = np.array(random.sample(range(len(a)), len(a)))
    for score in SCORES:
        assert score(a, renamed) == pytest.approx(score(a, b), abs=1e-12)
        assert score(a[order], b[order]) == pytest.approx(score(a, b), abs=1e-12)


@given(labelings)
def test_scores_stay_in_their_ranges(pair):
    for score in SCORES:
        value = score(*pair)
        assert isinstance(value, float)
        if score is metrics.mutual_info_score:
            assert 0.0 <= value <= min(metrics.entropy(pair[0]), metrics.entropy(pair[1])) + 1e-12
        elif score is metrics.adjusted_rand_score:
            assert -0.5 - 1e-12 <= value <= 1.0
        elif score is metrics.adjusted_mutual_info_score:
            assert value <= 1.0 + 1e-12
        else:
            assert 0.0 <= value <= 1.0


def test_the_least_adjusted_rand_index_is_minus_a_half_and_with_small_weights_minus_one():
    a, b = [0, 0, 1, 1], [0, 1, 0, 1]
    assert metrics.adjusted_rand_score(a, b) == -0.5
    for t in (0.5, 1e-1, 1e-3):
        got = metrics.adjusted_rand_score(a, b, sample_weight=[1, t, t, t * t])
        assert got == pytest.approx(-(1 + t * t) / (1 + t) ** 2, rel=1e-9)


@given(labelings, st.permutations(range(-1, 7)))
def test_same_partition_scores_exactly_one(pair, names):
    a = pair[0]
    b = [names[label + 1] for label in a]
    for score in SCORES:
        if score is metrics.mutual_info_score:
            assert score(a, b) == pytest.approx(metrics.entropy(a), abs=1e-12)
        elif score is metrics.fowlkes_mallows_score:
            assert score(a, b) == (1.0 if len(set(a)) < len(a) else 0.0)
        else:
            assert score(a, b) == 1.0
    for average_method in AVERAGES:
        assert metrics.normalized_mutual_info_score(a, b, average_method=average_method) == 1.0
        assert metrics.adjusted_mutual_info_score(a, b, average_method=average_method) == 1.0


def test_independent_labelings_share_exactly_nothing():
    a, b = np.repeat(np.arange(7), 30), np.tile(np.repeat(np.arange(3), 10), 7)
    assert metrics.mutual_info_score(a, b) == 0.0
    assert metrics.normalized_mutual_info_score(a, b) == 0.0


def test_adjusted_scores_are_zero_on_average(rng):
    a = rng.integers(0, 8, 200)
    for score in (metrics.adjusted_rand_score, metrics.adjusted_mutual_info_score):
        values = [score(a, rng.permutation(a)) for _ in range(400)]
        assert abs(np.mean(values)) < 6 * np.std(values) / math.sqrt(len(values))


@given(labelings)
def test_v_measure_is_arithmetic_nmi(pair):
    expected = metrics.normalized_mutual_info_score(*pair)
    assert metrics.v_measure_score(*pair) == pytest.approx(expected, abs=1e-12)


# --- weights -----------------------------------------------------------------------------------------------


@given(weighted)
def test_an_integer_weight_is_that_many_copies(data):
    a, b, weight = map(np.array, data)
    copies_a, copies_b = np.repeat(a, weight), np.repeat(b, weight)
    for score in SCORES:
        assert score(a, b, sample_weight=weight) == pytest.approx(score(copies_a, copies_b), abs=1e-12)
    for table in (metrics.contingency_matrix, metrics.pair_confusion_matrix):
        got = table(a, b, sample_weight=weight.astype(float))
        assert got.dtype == np.int64
        np.testing.assert_array_equal(got, table(copies_a, copies_b))
    assert metrics.entropy(a, sample_weight=weight) == pytest.approx(metrics.entropy(copies_a), abs=1e-12)


@given(weighted, st.floats(0.01, 1000))
def test_information_does_not_depend_on_the_scale_of_weights(data, scale):
    a, b, weight = map(np.array, data)
    for score in (
        metrics.mutual_info_score,
        metrics.normalized_mutual_info_score,
        metrics.homogeneity_score,
        metrics.completeness_score,
        metrics.v_measure_score,
    ):
        expected = score(a, b, sample_weight=weight)
        assert score(a, b, sample_weight=weight * scale) == pytest.approx(expected, abs=1e-10)


@given(weighted, st.floats(0.01, 3.7))
def test_fractional_pairs_are_those_of_the_definition(data, scale):
    a, b, weight = map(np.array, data)
    weight = weight * scale
    expected = oracle.pair_confusion(a, b, weight)
    got = metrics.pair_confusion_matrix(a, b, sample_weight=weight)
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-10 * weight.sum() ** 2)
    (tn, fp), (fn, tp) = expected
    assert metrics.fowlkes_mallows_score(a, b, sample_weight=weight) == pytest.approx(
        0.0 if tp < 1e-13 * (tp + fp) or tp == 0 else tp / math.sqrt((tp + fp) * (tp + fn)), abs=1e-6
    )
    ari = metrics.adjusted_rand_score(a, b, sample_weight=weight)
    denominator = (tp + fn) * (fn + tn) + (tp + fp) * (fp + tn)
    if denominator > 1e-6 * weight.sum() ** 4:
        assert ari == pytest.approx(2 * (tp * tn - fn * fp) / denominator, abs=1e-8)


def test_weights_beyond_exact_integers_go_on_in_doubles():
    a, b = [0, 0, 1, 1, 2], [0, 0, 1, 2, 2]
    heavy = np.full(5, 1e12)
    for score in ANY_WEIGHT:
        value = score(a, b, sample_weight=heavy)
        million = score(np.repeat(a, 10_000), np.repeat(b, 10_000))
        assert value == pytest.approx(million, abs=1e-3)


def test_ami_refuses_what_it_cannot_count():
    with pytest.raises(ValueError, match="sample_weight must hold whole numbers"):
        metrics.adjusted_mutual_info_score([0, 0, 1], [0, 1, 1], sample_weight=[0.5, 1, 1])
    with pytest.raises(ValueError, match="sample_weight must hold whole numbers"):
        metrics.adjusted_mutual_info_score([0, 0, 1], [1, 1, 0], sample_weight=[0.5, 1, 1])
    with pytest.raises(ValueError, match="sample_weight must hold whole numbers"):
        metrics.adjusted_mutual_info_score([0, 0, 1], [0, 1, 1], sample_weight=[1e12, 1e12, 1e12])


# --- noise -------------------------------------------------------------------------------------------------


@given(labelings)
def test_ignored_noise_is_dropped_from_both(pair):
    a, b = map(np.array, pair)
    keep = (a != -1) & (b != -1)
    if not keep.any():
        return  # refused: see below
    for score in SCORES:
        assert score(a, b, noise="ignore") == score(a[keep], b[keep])
        assert score(a, b, noise="cluster") == score(a, b)
    np.testing.assert_array_equal(
        metrics.contingency_matrix(a, b, noise="ignore"), metrics.contingency_matrix(a[keep], b[keep])
    )
    assert metrics.entropy(a, noise="ignore") == metrics.entropy(a[a != -1])
    twice = metrics.entropy(a, noise="ignore", sample_weight=np.full(len(a), 2))
    assert twice == pytest.approx(metrics.entropy(a[a != -1]), abs=1e-12)


@pytest.mark.parametrize("score", [*SCORES, metrics.pair_confusion_matrix, metrics.contingency_matrix])
def test_labelings_of_which_ignored_noise_leaves_nothing_are_refused(score):
    for a, b in (([-1, -1], [0, 1]), ([0, 1], [-1, -1]), ([-1, 0], [0, -1])):
        message = (
            r"^labels_true and labels_pred must leave at least 1 sample with noise='ignore'; "
            r"got noise \(or a weight of 0\) in all n_samples=2$"
        )
        with pytest.raises(ValueError, match=message):
            score(a, b, noise="ignore")
        assert np.all(np.isfinite(score(a, b)))
    with pytest.raises(ValueError, match="must leave at least 1 sample with noise='ignore'"):
        score([-1, 0], [0, 0], sample_weight=[1, 0], noise="ignore")


def test_the_entropy_of_ignored_noise_alone_is_refused():
    with pytest.raises(
        ValueError, match=r"^labels must leave at least 1 sample with noise='ignore'; got noise"
    ):
        metrics.entropy([-1, -1], noise="ignore")
    assert metrics.entropy([], noise="ignore") == metrics.entropy([]) == 1


def test_noise_is_found_in_any_type_of_number_and_never_in_strings():
    for a in ([0, 1, -1], [0.0, 1.0, -1.0], [0.5, 1.5, -1.0], np.array([0, 1, -1], dtype=object)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert metrics.contingency_matrix(a, [0, 1, 2], noise="ignore").shape == (2, 2)
            with pytest.raises(ValueError, match="labels_true must not contain the noise label -1"):
                metrics.rand_score(a, [0, 1, 2], noise="error")
            with pytest.raises(
                ValueError, match=r"labels_pred must not contain .* got 1, the first at index 2"
            ):
                metrics.rand_score([0, 1, 2], a, noise="error")
    assert metrics.contingency_matrix(["0", "1", "-1"], [0, 1, 2], noise="ignore").shape == (3, 3)
    assert metrics.rand_score(["0", "1", "-1"], [0, 1, 2], noise="error") == 1.0


# --- labels of every kind ----------------------------------------------------------------------------------

BASE = np.array([3, 1, 2, 3, 3, 1, 2, 0, 0, 1])
KINDS = {
    "int8": BASE.astype(np.int8),
    "int32": BASE.astype(np.int32),
    "uint8": BASE.astype(np.uint8),
    "uint64": BASE.astype(np.uint64),
    "uint64 above int64": BASE.astype(np.uint64) + np.uint64(2**63),
    "big endian": BASE.astype(">i8"),
    "negative": BASE - 7,
    "wide range": BASE * 10**15 - 5 * 10**14,
    "whole range": np.where(BASE == 3, 2**63 - 1, np.where(BASE == 0, -(2**63), BASE)),
    "float": BASE.astype(float),
    "huge float": BASE * 1e30,
    "float32": BASE.astype(np.float32),
    "str": np.array(list("abcd"))[BASE],
    "long str": np.array(["a" * 40 + x for x in ("", "b", "c", "dd")])[BASE],
    "bytes": np.array([b"a", b"b", b"c", b"d"])[BASE],
    "object str": np.array(["a", "b", "c", "d"], dtype=object)[BASE],
    "object int": BASE.astype(object),
    "object huge int": BASE.astype(object) * 10**30,
    "object tuple": pd.Series([(int(x),) for x in BASE]),
    "date": np.datetime64("2020-01-01") + BASE,
    "strided": np.repeat(BASE, 2)[::2],
    "list": BASE.tolist(),
    "pandas": pd.Series(BASE, index=np.arange(10) * 3),
    "pandas str": pd.Series(np.array(list("abcd"))[BASE]),
    "categorical": pd.Series(np.array(list("abcd"))[BASE]).astype("category"),
    "read-only": np.frombuffer(BASE.astype(np.int64).tobytes(), dtype=np.int64),
}


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_any_kind_make_the_same_table(kind):
    other = [0, 1, 1, 0, 2, 1, 2, 2, 0, 0]
    expected = metrics.contingency_matrix(BASE, other)
    np.testing.assert_array_equal(metrics.contingency_matrix(KINDS[kind], other), expected)
    np.testing.assert_array_equal(metrics.contingency_matrix(other, KINDS[kind]), expected.T)


def test_booleans_are_labels():
    np.testing.assert_array_equal(
        metrics.contingency_matrix([True, False, True], [1, 1, 0]), [[0, 1], [1, 1]]
    )


def test_minus_zero_is_zero():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert metrics.rand_score([0.0, -0.0, 0.5, 0.5], [1, 1, 2, 2]) == 1.0


@pytest.mark.parametrize("labels_a", ["small", "wide", "many"])
@pytest.mark.parametrize("labels_b", ["small", "wide", "many"])
def test_every_way_of_counting_makes_the_same_table(rng, labels_a, labels_b):
    n = 3000
    kinds = {
        "small": lambda: rng.integers(-3, 9, n),  # a dense table
        "wide": lambda: rng.integers(0, 50, n) * 10**12,  # hashed, then by row
        "many": lambda: rng.integers(0, n, n),  # numbered by presence, then by row
    }
    a, b = kinds[labels_a](), kinds[labels_b]()
    expected = sparse.csr_matrix(sklearn.metrics.cluster.contingency_matrix(a, b, sparse=True))
    assert (metrics.contingency_matrix(a, b, sparse=True) != expected).nnz == 0
    weight = rng.integers(1, 4, n)
    copies = sparse.csr_matrix(
        sklearn.metrics.cluster.contingency_matrix(np.repeat(a, weight), np.repeat(b, weight), sparse=True)
    )
    assert (metrics.contingency_matrix(a, b, sparse=True, sample_weight=weight) != copies).nnz == 0
    half = metrics.contingency_matrix(a, b, sparse=True, sample_weight=weight / 2)
    assert half.dtype == np.float64
    assert abs(half - copies / 2).max() == 0  # halves are exact


@pytest.mark.parametrize("labels", [np.arange(40_000) % 20_011 * 10**9, np.arange(40_000) * (2**44 + 1)])
def test_many_distinct_wide_labels_are_numbered_in_order(labels):
    codes, values = _core.encode_labels(labels)
    expected, inverse = np.unique(labels, return_inverse=True)
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(codes, inverse)


# --- refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", [*SCORES, metrics.contingency_matrix], ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([[0, 1], [1, 1]], [1, 1], r"labels_true must be 1D: shape is \(2, 2\)"),
        ([0, 1], [[0], [1]], r"labels_pred must be 1D: shape is \(2, 1\)"),
        (3, [0, 1], "labels_true must be 1D: an array of labels; got 3"),
        ([0, 1, 1], [0, 1], "labels_pred must have n_samples=3 entries; got 2"),
        ([0.0, np.nan], [0, 1], "Input labels_true contains NaN at index 1"),
        ([0, 1], [1.0, np.inf], "Input labels_pred contains infinity at index 1"),
        ([0, 1], [None, 1], "Input labels_pred contains a missing value at index 0: None"),
        (pd.Series(["a", pd.NA]), [0, 1], "Input labels_true contains a missing value at index 1"),
        (
            np.array([1, "a"], dtype=object),
            [0, 1],
            "labels_true must hold labels of one kind.*; got int, str",
        ),
        ([1j, 0], [0, 1], "labels_true must be numbers or strings; got dtype complex128"),
        (np.array(["2020-01-01", "NaT"], dtype="M8[D]"), [0, 1], "Input labels_true contains NaT at index 1"),
    ],
)
def test_labels_that_are_none_are_refused(score, a, b, message):
    with pytest.raises(ValueError, match=message):
        score(a, b)


def test_parameters_are_checked():
    a, b = [0, 0, 1], [0, 1, 1]
    with pytest.raises(ValueError, match=r"average_method must be one of .*; got 'mean'"):
        metrics.normalized_mutual_info_score(a, b, average_method="mean")
    with pytest.raises(ValueError, match=r"average_method must be one of .*; got 'mean'"):
        metrics.adjusted_mutual_info_score(a, b, average_method="mean")
    for beta in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="beta must be in"):
            metrics.v_measure_score(a, b, beta=beta)
    with pytest.raises(ValueError, match="eps must be None when sparse=True"):
        metrics.contingency_matrix(a, b, eps=0.1, sparse=True)
    with pytest.raises(ValueError, match="eps must be in"):
        metrics.contingency_matrix(a, b, eps=-0.1)
    with pytest.raises(ValueError, match="noise must be one of 'cluster', 'ignore', 'error'; got 'drop'"):
        metrics.rand_score(a, b, noise="drop")
    with pytest.raises(ValueError, match=r"sample_weight must have shape \(n_samples=3,\); got \(2,\)"):
        metrics.rand_score(a, b, sample_weight=[1, 2])
    with pytest.raises(ValueError, match=r"sample_weight at index 1: must be >= 0; got -1"):
        metrics.rand_score(a, b, sample_weight=[1, -1, 1])
    with pytest.raises(ValueError, match="sample_weight must have a positive value"):
        metrics.rand_score(a, b, sample_weight=[0, 0, 0])
    with pytest.raises(ValueError, match="labels_pred must be an array of labels when contingency is None"):
        metrics.mutual_info_score(a, None)
    with pytest.raises(ValueError, match="labels_true must have at least 1 sample"):
        metrics.mutual_info_score([], [])
    with pytest.raises(ValueError, match=r"n_samples must be the sum of contingency=4; got 5$"):
        metrics.expected_mutual_information([[1, 1], [1, 1]], np.int64(5))
    with pytest.raises(ValueError, match="sample_weight must be None when contingency is given"):
        metrics.mutual_info_score(None, None, contingency=[[1]], sample_weight=[1])
    for bad in ([[1, -1]], [[np.nan, 1]]):
        with pytest.raises(ValueError, match="contingency must hold finite cells >= 0"):
            metrics.mutual_info_score(None, None, contingency=bad)
    with pytest.raises(ValueError, match="contingency must have a positive cell"):
        metrics.mutual_info_score(None, None, contingency=np.zeros((2, 2)))
    with pytest.raises(ValueError, match="contingency must hold whole numbers"):
        metrics.expected_mutual_information([[0.5, 1], [1, 1]], 3)
    with pytest.raises(ValueError, match="n_samples must be the sum of contingency=4; got 5"):
        metrics.expected_mutual_information([[1, 1], [1, 1]], 5)


def test_continuous_labels_warn_at_the_callers_line():
    with pytest.warns(UserWarning, match="labels_true should hold discrete labels") as record:
        metrics.rand_score([0.5, 1.5], [0, 1])
    assert record[0].filename == __file__


# --- blocks and threads ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize("weights", [None, "whole", "fractional"])
def test_threads_do_not_change_a_bit(rng, weights):
    n = 20_000
    a, b = rng.integers(0, 60, n), rng.integers(0, 80, n)
    weight = {None: None, "whole": rng.integers(1, 5, n), "fractional": rng.random(n)}[weights]
    scores = ANY_WEIGHT if weights == "fractional" else SCORES
    runs = []
    for n_threads in (1, 2, 7):
        with shoal.threads(n_threads):
            runs.append([score(a, b, sample_weight=weight) for score in scores])
    assert runs[0] == runs[1] == runs[2]


def test_block_length_changes_nothing_but_rounding(rng):
    a, b = rng.integers(0, 30, 5000), rng.integers(0, 30, 5000)
    whole = [score(a, b) for score in SCORES]
    _core.force_block_length(4)
    try:
        cut = [score(a, b) for score in SCORES]
    finally:
        _core.force_block_length(0)
    assert cut == pytest.approx(whole, abs=1e-13)
