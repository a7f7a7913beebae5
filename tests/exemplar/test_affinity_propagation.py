"""Affinity propagation: scikit-learn's exemplars, max-sum, sparse similarities, costs and refusals."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import sklearn.cluster
from helpers import both_dtypes, same_partition, threads_and_block_length, threads_and_blocks
from oracles.affinity_propagation import best_exemplars, max_sum
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

import shoal
from shoal import _core
from shoal.exemplar import affinity_propagation as module

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def similarities(X):
    return -((X[:, None] - X) ** 2).sum(-1)


def blobs(rng, n=90, d=3, k=4, spread=12.0):
    return rng.normal(size=(k, d))[rng.integers(k, size=n)] * spread + rng.normal(size=(n, d))


KINDS = {
    "random": lambda rng: rng.normal(size=(rng.integers(2, 120), rng.integers(1, 4))),
    "clusters": lambda rng: blobs(rng),
    "tied": lambda rng: rng.integers(0, 5, size=(rng.integers(2, 120), 2)).astype(float),
    "duplicates": lambda rng: np.repeat(rng.integers(0, 9, size=(12, 2)), 4, axis=0).astype(float),
    "one feature": lambda rng: rng.normal(size=(30, 1)),
}
kinds = pytest.mark.parametrize("kind", KINDS)


def assert_same_as_theirs(ours, theirs):
    np.testing.assert_array_equal(ours.cluster_centers_indices_, theirs.cluster_centers_indices_)
    np.testing.assert_array_equal(ours.affinity_matrix_, theirs.affinity_matrix_)
    assert ours.n_iter_ == theirs.n_iter_


def theirs_of(X, **params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sklearn.cluster.AffinityPropagation(**params).fit(X)


def ours_of(X, **params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return shoal.AffinityPropagation(**params).fit(X)


# --- scikit-learn's results --------------------------------------------------------------------------------


@kinds
@pytest.mark.parametrize("damping", [0.5, 0.7, 0.93])
def test_given_similarities_give_the_results_of_scikit_learn(rng, kind, damping):
    for seed in range(4):
        S = similarities(KINDS[kind](rng))
        params = {"affinity": "precomputed", "damping": damping, "random_state": seed}
        ours, theirs = ours_of(S, **params), theirs_of(S, **params)
        assert_same_as_theirs(ours, theirs)
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)


@pytest.mark.parametrize("damping", [0.5, 0.8])
def test_one_cluster_whose_rows_all_differ_has_the_results_of_scikit_learn(rng, damping):
    """Most samples are nearer than the exemplar to some sample: rows of availabilities that are kept whole."""
    for n in (9, 64, 150):
        X = rng.normal(size=(n, 2))
        for S in (-((X[:, None] - X) ** 2).sum(axis=2), rng.normal(size=(n, n))):
            params = {"affinity": "precomputed", "damping": damping, "random_state": 0}
            params |= {"preference": 20.0 * float(S.min()), "max_iter": 60}
            assert_same_as_theirs(ours_of(S, **params), theirs_of(S, **params))


@kinds
def test_samples_give_the_exemplars_of_scikit_learn(rng, kind):
    for seed in range(6):
        X = KINDS[kind](rng)
        ours, theirs = ours_of(X, random_state=seed), theirs_of(X, random_state=seed)
        assert_same_as_theirs(ours, theirs)
        np.testing.assert_array_equal(ours.cluster_centers_, theirs.cluster_centers_)
        if kind in ("random", "clusters"):  # no sample is as near to one exemplar as to another
            np.testing.assert_array_equal(ours.labels_, theirs.labels_)
            np.testing.assert_array_equal(ours.predict(X + 0.3), theirs.predict(X + 0.3))


def test_similarities_without_symmetry_and_preferences_of_each_sample(rng):
    for seed in range(6):
        S = rng.normal(size=(40, 40))
        params = {"affinity": "precomputed", "damping": 0.8, "random_state": seed}
        for preference in (-1.5, rng.normal(size=40) - 2, S.min()):
            assert_same_as_theirs(
                ours_of(S, preference=preference, **params), theirs_of(S, preference=preference, **params)
            )


@pytest.mark.parametrize(("max_iter", "convergence_iter"), [(1, 1), (1, 15), (7, 3), (16, 15), (200, 1)])
def test_iterations_and_convergence_are_those_of_scikit_learn(rng, max_iter, convergence_iter):
    X = blobs(rng)
    params = {"max_iter": max_iter, "convergence_iter": convergence_iter, "random_state": 0}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        ours = shoal.AffinityPropagation(**params).fit(X)
    with warnings.catch_warnings(record=True) as theirs_told:
        warnings.simplefilter("always")
        theirs = sklearn.cluster.AffinityPropagation(**params).fit(X)
    np.testing.assert_array_equal(ours.cluster_centers_indices_, theirs.cluster_centers_indices_)
    assert ours.n_iter_ == theirs.n_iter_
    assert [w.category for w in told] == [w.category for w in theirs_told]
    assert ours.converged_ == (not told)


@pytest.mark.parametrize("preference", [None, -10.0, 1.0])
@pytest.mark.parametrize("X", [np.ones((5, 2)), np.array([[0.0], [1.0]]), np.array([[3.0, 1.0]]), np.eye(4)])
def test_equal_similarities_are_told_and_answered_as_by_scikit_learn(X, preference):
    params = {"preference": preference, "random_state": 0}
    with pytest.warns(UserWarning, match="mutually equal similarities"):
        ours = shoal.AffinityPropagation(**params).fit(X)
    theirs = theirs_of(X, **params)
    np.testing.assert_array_equal(ours.cluster_centers_indices_, theirs.cluster_centers_indices_)
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    assert (ours.n_iter_, ours.converged_) == (0, True)


def test_without_exemplars_all_labels_are_minus_one():
    X = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [5.0, 9.0]])
    model = shoal.AffinityPropagation(preference=-1e4, max_iter=2, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"max_iter=2 .*no sample is an exemplar"):
        model.fit(X)
    assert model.labels_.tolist() == [-1] * 4
    assert model.cluster_centers_indices_.size == 0
    assert model.cluster_centers_.shape == (0, 2)
    assert not model.converged_
    with pytest.warns(ConvergenceWarning, match="found no exemplars"):
        assert model.predict(X).tolist() == [-1] * 4


def test_the_function_has_the_signature_and_order_of_scikit_learn(rng):
    S = similarities(blobs(rng))
    ours = shoal.affinity_propagation(S, random_state=0, return_n_iter=True)
    theirs = sklearn.cluster.affinity_propagation(S, random_state=0, return_n_iter=True)
    for a, b in zip(ours, theirs, strict=False):
        np.testing.assert_array_equal(a, b)
    exemplars, labels = shoal.affinity_propagation(S, random_state=0)
    np.testing.assert_array_equal(exemplars, ours.cluster_centers_indices)
    np.testing.assert_array_equal(labels, ours.labels)


# --- the method --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damping", [0.5, 0.75])
def test_messages_are_those_of_max_sum(rng, damping):
    """Theorem 1 of the specification, against max-sum on the factor graph by going through all configurations."""
    for _ in range(5):
        S = rng.normal(size=(6, 6))
        told = max_sum(S, damping, 12)
        for n_iter in (1, 2, 5, 12):
            S0 = np.ascontiguousarray(S)
            found = _core.affinity_propagation(S0, damping=damping, max_iter=n_iter, convergence_iter=100)
            K = np.flatnonzero(told[n_iter - 1])
            assert len(found[0]) == len(K)
            assert found[2:] == (n_iter, False)
            if len(K):
                expected = refine(S, K)
                np.testing.assert_array_equal(found[0], expected)
            else:
                assert (found[1] == -1).all()


def refine(S, exemplars):
    """The best member of each cluster, from the definition."""
    c = np.argmax(S[:, exemplars], axis=1)
    c[exemplars] = np.arange(len(exemplars))
    chosen = []
    for k in range(len(exemplars)):
        members = np.flatnonzero(c == k)
        chosen.append(members[np.argmax([sum(S[i, j] for i in members) for j in members])])
    return np.sort(chosen)


def test_separate_clusters_get_the_best_set_of_exemplars(rng):
    for seed in range(5):
        X = np.repeat([[0.0, 0.0], [40.0, 3.0], [5.0, 60.0]], 4, axis=0) + rng.normal(size=(12, 2))
        model = shoal.AffinityPropagation(random_state=seed, preference=-100.0).fit(X)
        S = similarities(X)
        np.fill_diagonal(S, -100.0)
        assert tuple(model.cluster_centers_indices_) == best_exemplars(S)


def test_translation_changes_nothing(rng):
    X = np.round(blobs(rng), 2)
    X = np.round(X * 64) / 64  # exact in doubles beyond 1e8
    for offset in (1e3, 1e8):
        moved = shoal.AffinityPropagation(random_state=0).fit(X + offset)
        model = shoal.AffinityPropagation(random_state=0).fit(X)
        np.testing.assert_array_equal(moved.labels_, model.labels_)
        np.testing.assert_allclose(moved.affinity_matrix_, model.affinity_matrix_, rtol=1e-8, atol=1e-8)


def test_a_power_of_two_times_the_data_changes_no_label(rng):
    X = blobs(rng)
    model = shoal.AffinityPropagation(random_state=0).fit(X)
    scaled = shoal.AffinityPropagation(random_state=0).fit(4 * X)
    np.testing.assert_array_equal(model.labels_, scaled.labels_)


def test_ties_between_exemplars_go_to_the_smaller_label():
    X = np.array([[0.0], [0.25], [-0.25], [2.0], [2.25], [1.75]])
    model = shoal.AffinityPropagation(preference=-1.5, random_state=0).fit(X)
    assert model.cluster_centers_.ravel().tolist() == [0.0, 2.0]
    assert model.predict([[1.0], [1.01]]).tolist() == [0, 1]


# --- similarities ------------------------------------------------------------------------------------------


def test_cosine_is_minus_the_cosine_distance(rng):
    """Clusters of many, for two samples that have only each other would tie."""
    X = np.eye(5)[rng.integers(0, 4, size=60)] + 0.1 * rng.normal(size=(60, 5))
    X[7] = 0
    model = shoal.AffinityPropagation(affinity="cosine", random_state=0, damping=0.8, preference=-1).fit(X)
    from sklearn.metrics.pairwise import cosine_distances

    S = -cosine_distances(X)
    other = shoal.AffinityPropagation(affinity="precomputed", random_state=0, damping=0.8, preference=-1).fit(
        S
    )
    off = ~np.eye(60, dtype=bool)
    np.testing.assert_allclose(model.affinity_matrix_[off], other.affinity_matrix_[off], atol=1e-12)
    np.testing.assert_array_equal(model.labels_, other.labels_)
    np.testing.assert_array_equal(model.predict(X * rng.uniform(1, 9, size=(60, 1))), model.labels_)


@pytest.mark.parametrize("affinity", ["euclidean", "cosine"])
def test_sparse_samples_are_dense_ones(rng, affinity):
    """Rows with one value would have the same direction, and ties that rounding decides."""
    X = np.where(rng.random((50, 30)) < 0.4, rng.normal(size=(50, 30)), 0)
    X[3] = 0
    params = {"affinity": affinity, "random_state": 0, "damping": 0.8}
    dense = ours_of(X, **params)
    model = ours_of(sparse.csr_array(X), **params)
    np.testing.assert_allclose(model.affinity_matrix_, dense.affinity_matrix_, atol=1e-12)
    np.testing.assert_array_equal(model.cluster_centers_indices_, dense.cluster_centers_indices_)
    np.testing.assert_array_equal(model.cluster_centers_.toarray(), dense.cluster_centers_)
    np.testing.assert_array_equal(model.labels_, dense.labels_)
    np.testing.assert_array_equal(model.predict(sparse.csr_array(X)), dense.predict(X))


@pytest.mark.parametrize("damping", [0.5, 0.8])
def test_a_full_graph_of_similarities_is_the_matrix(rng, damping):
    for kind in ("random", "clusters"):
        S = similarities(KINDS[kind](rng))
        n = len(S)
        graph = sparse.csr_array(
            (S.ravel(), np.tile(np.arange(n), n), np.arange(0, n * n + 1, n)), shape=(n, n)
        )
        params = {
            "affinity": "precomputed",
            "random_state": 0,
            "damping": damping,
            "preference": np.median(S),
        }
        dense, model = ours_of(S, **params), ours_of(graph, **params)
        assert model.n_iter_ == dense.n_iter_
        np.testing.assert_array_equal(model.cluster_centers_indices_, dense.cluster_centers_indices_)
        np.testing.assert_array_equal(model.labels_, dense.labels_)
        np.testing.assert_array_equal(model.affinity_matrix_.toarray(), dense.affinity_matrix_)


def test_pairs_that_are_not_stored_are_worse_than_any_that_are(rng):
    X = blobs(rng, n=80)
    S = similarities(X)
    near = np.quantile(S, 0.6) < S
    np.fill_diagonal(near, False)
    graph = sparse.csr_array(np.where(near, S, 0))
    model = shoal.AffinityPropagation(
        affinity="precomputed", random_state=0, preference=-100.0, damping=0.8
    ).fit(graph)
    far = np.where(near, S, -1e7)
    dense = shoal.AffinityPropagation(
        affinity="precomputed", random_state=0, preference=-100.0, damping=0.8
    ).fit(far)
    np.testing.assert_array_equal(model.cluster_centers_indices_, dense.cluster_centers_indices_)
    np.testing.assert_array_equal(model.labels_, dense.labels_)


def test_a_sample_without_candidates_is_its_own_exemplar(rng):
    S = np.zeros((7, 7))
    S[:3, :3] = similarities(np.array([[0.0], [1.0], [2.1]])) - 1
    S[4:, 4:] = similarities(np.array([[0.0], [1.0], [2.2]])) - 1
    np.fill_diagonal(S, 0)
    model = shoal.AffinityPropagation(affinity="precomputed", random_state=0, preference=-4.0)
    model.fit(sparse.csr_array(S))
    assert model.converged_
    assert model.labels_.tolist() == [0, 0, 0, 1, 2, 2, 2]
    assert model.cluster_centers_indices_.tolist() == [1, 3, 5]
    alone = shoal.AffinityPropagation(affinity="precomputed", random_state=0).fit(sparse.csr_array((3, 3)))
    assert alone.labels_.tolist() == [0, 1, 2]


def test_stored_zeros_are_similarities():
    value = np.array([0.0, -1.0, 0.0, -1.0, -1.0, -1.0])
    graph = sparse.csr_array((value, [1, 2, 0, 2, 0, 1], [0, 2, 4, 6]), shape=(3, 3))
    model = shoal.AffinityPropagation(affinity="precomputed", preference=-0.7, random_state=0).fit(graph)
    assert model.labels_[0] == model.labels_[1]
    assert model.affinity_matrix_.nnz == 9


# --- preferences -------------------------------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("n", [2, 3, 10, 37])
def test_the_preference_is_the_median_or_a_quantile(rng, n, dtype):
    S = np.round(rng.normal(size=(n, n)) * 3, 1).astype(dtype)
    S[0, 1] = 0.0
    S[1, 0] = -0.0
    off = ~np.eye(n, dtype=bool)
    for off_diagonal, values in ((False, S.ravel()), (True, S[off])):
        ordered = np.sort(values)
        for rank in range(len(ordered)):
            low, high = _core.ranked_similarities(S, off_diagonal=off_diagonal, rank=rank)
            assert low == ordered[rank]
            assert high == ordered[min(rank + 1, len(ordered) - 1)]
    assert module._median(S) == np.median(S)
    assert module._median(S).dtype == dtype
    for q in (0.0, 0.1, 0.5, 0.77, 1.0):
        expected = np.quantile(S[off].astype(float), q)
        np.testing.assert_allclose(module._quantile(S, q), expected, rtol=1e-6, atol=1e-6)


def test_a_quantile_is_the_preference_it_names(rng):
    X = blobs(rng)
    S = similarities(X)
    value = np.quantile(S[~np.eye(len(S), dtype=bool)], 0.1)
    by_quantile = shoal.AffinityPropagation(preference_quantile=0.1, random_state=0).fit(X)
    np.testing.assert_allclose(np.diag(by_quantile.affinity_matrix_), value, rtol=1e-10)
    sizes = []
    for quantile in (0.0, 0.5, 0.99):
        model = shoal.AffinityPropagation(
            preference_quantile=quantile, random_state=0, damping=0.9, max_iter=2000
        ).fit(X)
        assert model.converged_
        sizes.append(len(model.cluster_centers_indices_))
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]


# --- dtypes, copies, memory, threads -----------------------------------------------------------------------


def test_float32_finds_the_same_clusters_of_separate_data(rng):
    X = blobs(rng, n=200) + 1e4
    double = shoal.AffinityPropagation(random_state=0, preference=-200.0, damping=0.7).fit(X)
    single = shoal.AffinityPropagation(random_state=0, preference=-200.0, damping=0.7, dtype="float32").fit(X)
    assert single.affinity_matrix_.dtype == np.float32
    assert single.cluster_centers_.dtype == np.float64
    assert same_partition(single.labels_, double.labels_)
    np.testing.assert_array_equal(single.predict(X), single.labels_)
    own = shoal.AffinityPropagation(random_state=0, preference=-200.0, damping=0.7).fit(X.astype(np.float32))
    assert own.affinity_matrix_.dtype == own.cluster_centers_.dtype == np.float32
    assert same_partition(own.labels_, double.labels_)


def test_copy_false_works_in_the_matrix_itself(rng):
    S = similarities(blobs(rng))
    kept = S.copy()
    model = shoal.AffinityPropagation(affinity="precomputed", random_state=0).fit(S)
    np.testing.assert_array_equal(S, kept)
    again = shoal.AffinityPropagation(affinity="precomputed", random_state=0, copy=False).fit(S)
    assert np.shares_memory(again.affinity_matrix_, S)
    np.testing.assert_array_equal(S, model.affinity_matrix_)
    np.testing.assert_array_equal(again.labels_, model.labels_)
    kept.setflags(write=False)
    shoal.AffinityPropagation(affinity="precomputed", random_state=0, copy=False).fit(kept)


def test_more_memory_than_there_is_is_refused_before_it_is_taken(monkeypatch):
    monkeypatch.setattr("shoal.base.memory.available_memory", lambda: 10**6)
    X = np.zeros((400, 2))
    with pytest.raises(
        MemoryError, match=r"400 samples \(3 float64 matrices of 400 x 400\) needs .* use fewer"
    ):
        shoal.AffinityPropagation().fit(X)
    with pytest.raises(MemoryError, match="float32"):
        shoal.AffinityPropagation(affinity="precomputed").fit(np.zeros((400, 400)))


@threads_and_blocks
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_blocks_and_instruction_sets_change_no_bit(rng, n_threads, block_length, dtype):
    S = similarities(rng.integers(0, 6, size=(211, 2)).astype(float))
    graph = sparse.csr_array(np.where(S > -9, S - 0.5, 0))
    params = {"affinity": "precomputed", "random_state": 0, "dtype": dtype, "max_iter": 40, "damping": 0.6}
    with threads_and_block_length(1, 0):
        expected, expected_graph = ours_of(S, **params), ours_of(graph, **params)
    isa = _core.isa()
    for level in _core.isa_available():
        _core.set_isa(level)
        try:
            with threads_and_block_length(n_threads, block_length):
                for model, other in (
                    (ours_of(S, **params), expected),
                    (ours_of(graph, **params), expected_graph),
                ):
                    np.testing.assert_array_equal(
                        model.cluster_centers_indices_, other.cluster_centers_indices_
                    )
                    np.testing.assert_array_equal(model.labels_, other.labels_)
                    assert model.n_iter_ == other.n_iter_
        finally:
            _core.set_isa(isa)


# --- refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"damping": 1.0}, r"damping must be in \[0.5, 1\); got 1.0"),
        ({"damping": 0.4}, r"damping must be in \[0.5, 1\); got 0.4"),
        (
            {"affinity": "manhattan"},
            "affinity must be one of 'euclidean', 'cosine', 'precomputed'; got 'manhattan'",
        ),
        (
            {"preference": [1.0, 2.0]},
            r"preference must be a number or have shape \(n_samples=4,\); got \(2,\)",
        ),
        ({"preference": [1, np.nan, 2, 3]}, "Input preference contains NaN at index 1"),
        ({"preference_quantile": 1.5}, r"preference_quantile must be in \[0, 1\]; got 1.5"),
        (
            {"preference": 1, "preference_quantile": 0.5},
            "preference_quantile must be None when preference is given",
        ),
        ({"dtype": "float16"}, "dtype must be 'float32', 'float64' or None; got 'float16'"),
        ({"affinity": "precomputed"}, r"must be a square array; got shape \(4, 2\)"),
    ],
)
def test_bad_parameters_are_refused_in_one_sentence(params, message):
    X = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [5.0, 9.0]])
    with pytest.raises(ValueError, match=message):
        shoal.AffinityPropagation(**params).fit(X)


@both_dtypes
def test_data_that_overflow_are_refused(dtype):
    X = np.array([[0.0], [1.0], [float(np.finfo(dtype).max) / 4]], dtype=dtype)
    with pytest.raises(ValueError, match="X spreads too wide for"):
        shoal.AffinityPropagation().fit(X)


def test_given_similarities_label_queries_by_their_largest(rng):
    X = blobs(rng)
    S = similarities(X)
    model = shoal.AffinityPropagation(affinity="precomputed", random_state=0).fit(S)
    Y = blobs(rng, n=20)
    queries = -((Y[:, None] - X) ** 2).sum(-1)
    nearest = np.argmax(queries[:, model.cluster_centers_indices_], axis=1)
    np.testing.assert_array_equal(model.predict(queries), nearest)
    with pytest.raises(ValueError, match="X has 3 features"):
        model.predict(Y)


@pytest.mark.parametrize("preference", [-2.0, -0.5])
def test_a_full_graph_of_equal_similarities_is_answered_like_the_matrix(preference):
    """Without the shortcut of the matrix the messages of two samples went up and down for good."""
    S = np.full((4, 4), -1.0)
    params = {"affinity": "precomputed", "preference": preference, "random_state": 0}
    with pytest.warns(UserWarning, match="mutually equal similarities"):
        matrix = shoal.AffinityPropagation(**params).fit(S)
    with pytest.warns(UserWarning, match="mutually equal similarities"):
        graph = shoal.AffinityPropagation(**params).fit(sparse.csr_array(S))
    np.testing.assert_array_equal(graph.labels_, matrix.labels_)
    assert len(graph.cluster_centers_indices_) == (4 if preference > -1 else 1)
    assert (graph.n_iter_, graph.converged_) == (0, True)


def test_equal_exemplars_each_belong_to_themselves(rng):
    """Where a preference above all similarities makes copies of a row exemplars, none has an empty cluster."""
    model = shoal.AffinityPropagation(preference=1.0, random_state=0).fit([[0.0], [0.0], [5.0]])
    assert model.cluster_centers_indices_.tolist() == [0, 1, 2]
    assert model.labels_.tolist() == [0, 1, 2]
    for seed in range(5):
        X = rng.integers(0, 4, size=(40, 2)).astype(float)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = shoal.AffinityPropagation(preference=-0.5, random_state=seed).fit(X)
        exemplars = model.cluster_centers_indices_
        np.testing.assert_array_equal(model.labels_[exemplars], np.arange(len(exemplars)))


def test_an_object_that_gives_its_own_array_keeps_it(rng):
    S = -((rng.normal(size=(12, 2))[:, None] - rng.normal(size=(12, 2))) ** 2).sum(-1)
    before = S.copy()

    class Holder:
        shape = S.shape

        def __array__(self, dtype=None, copy=None):
            return S

    shoal.AffinityPropagation(affinity="precomputed", random_state=0).fit(Holder())
    np.testing.assert_array_equal(S, before)
