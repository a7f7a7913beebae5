"""Affinity propagation: what its page claims."""

import numpy as np
import pytest
import sklearn.cluster
from helpers import bits, threads_and_block_length
from hypothesis import assume, example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

import shoal
from properties.strategies import HARD, PLAIN, examples, rows, seeds

pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning", "ignore::sklearn.exceptions.ConvergenceWarning"
)


@st.composite
def similarities(draw, most=20):
    n = draw(st.integers(2, most))
    if draw(st.booleans()):
        return draw(hnp.arrays(np.int64, (n, n), elements=st.integers(-9, 0))).astype(float)
    S = np.random.default_rng(draw(seeds())).normal(size=(n, n))
    return S if draw(st.booleans()) else S + S.T


@examples(80)
@given(S=similarities(), preference=st.sampled_from([None, -3.0, -20.0]), damping=st.sampled_from([0.5, 0.9]))
def test_given_similarities_give_scikit_learns_exemplars(S, preference, damping):
    options = {"preference": preference, "damping": damping, "random_state": 0, "max_iter": 120}
    ours = shoal.affinity_propagation(S, return_n_iter=True, **options)
    theirs = sklearn.cluster.affinity_propagation(S, return_n_iter=True, **options)
    np.testing.assert_array_equal(ours[0], np.ravel(theirs[0]))
    np.testing.assert_array_equal(ours[1], theirs[1])
    assert ours[2] == theirs[2]
    assert bits(S) == bits(S.copy())
    assume(len(ours[0]))
    np.testing.assert_array_equal(ours[1][ours[0]], np.arange(len(ours[0])))


@examples(60)
@given(
    X=rows(HARD, most=30),
    affinity=st.sampled_from(["euclidean", "cosine"]),
    quantile=st.sampled_from([None, 0.0, 0.5, 1.0]),
)
def test_exemplars_are_members_of_their_clusters_and_predictions_are_labels(X, affinity, quantile):
    results = []
    for n_threads in (1, 2, 7):
        with threads_and_block_length(n_threads, 4):
            model = shoal.AffinityPropagation(
                affinity=affinity, preference_quantile=quantile, random_state=0, max_iter=100
            ).fit(X)
        results.append(bits(model.labels_, model.cluster_centers_indices_, model.n_iter_))
    assert results[0] == results[1] == results[2]
    exemplars = model.cluster_centers_indices_
    if len(exemplars) == 0:
        assert (model.labels_ == -1).all()
        return
    predicted = model.predict(X)
    predicted[exemplars] = np.arange(len(exemplars))  # equal exemplars each belong to themselves
    np.testing.assert_array_equal(predicted, model.labels_)
    assert model.labels_.min() >= 0
    assert model.labels_.max() < len(exemplars)
    np.testing.assert_array_equal(model.cluster_centers_, X[exemplars])


@examples(50)
# equal similarities: messages went up and down for good
@example(S=np.array([[0.25, 0.5], [0.5, 0.2]]), scale=-1)
@given(S=similarities(), scale=st.integers(-3, 3))
def test_a_graph_of_all_pairs_is_the_matrix(S, scale):
    S = S * 2.0**scale - 1  # no zeros
    options = {"affinity": "precomputed", "random_state": 0, "max_iter": 100, "preference": -4.0}
    matrix = shoal.AffinityPropagation(**options).fit(S)
    graph = shoal.AffinityPropagation(**options).fit(sparse.csr_array(S))
    np.testing.assert_array_equal(matrix.labels_, graph.labels_)
    np.testing.assert_array_equal(matrix.cluster_centers_indices_, graph.cluster_centers_indices_)


@examples(40)
@given(X=rows(PLAIN, least=2, most=12), preference=st.sampled_from([-1.0, -50.0]))
def test_equal_similarities_are_answered_without_a_message(X, preference):
    S = np.full((len(X), len(X)), -10.0)
    np.fill_diagonal(S, preference)
    ours = shoal.affinity_propagation(S, preference=preference)
    assert len(ours[0]) == (len(X) if preference > -10 else 1)
