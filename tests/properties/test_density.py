"""DBSCAN, OPTICS and HDBSCAN: what their pages claim."""

import numpy as np
import pytest
import sklearn.cluster
from helpers import bits, same_partition, threads_and_block_length
from hypothesis import given
from hypothesis import strategies as st
from oracles import dbscan as dbscan_oracle
from oracles import hdbscan as hdbscan_oracle
from oracles import optics as optics_oracle

import shoal
from properties.strategies import (
    EXACT,
    HARD,
    PLAIN,
    examples,
    permutation,
    rows,
    seeds,
    weighted_rows,
    whole_weights,
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
METRIC = st.sampled_from(["euclidean", "manhattan", "chebyshev", "cosine"])
M = st.integers(1, 6)


@st.composite
def radii(draw, D):
    """A distance that occurs, or one near it; never 0."""
    positive = np.unique(D[(D > 0) & np.isfinite(D)])
    if len(positive) == 0:
        return 1.0
    value = positive[int(draw(st.floats(0, 1)) * (len(positive) - 1))]
    return float(value * draw(st.sampled_from([1.0, 1.0, 1.0001, 0.9])))


def pairwise(X, metric):
    """In the unit of the metric."""
    D = dbscan_oracle.distances(X, metric)
    return np.sqrt(D) if metric == "euclidean" else D


@examples(80)
@given(data=st.data(), metric=METRIC, m=M)
def test_dbscan_is_that_of_the_definition(data, metric, m):
    X, weight = data.draw(weighted_rows(EXACT if metric == "cosine" else HARD, features=16))
    D = dbscan_oracle.distances(X, metric)
    eps = data.draw(radii(pairwise(X, metric)))
    if metric == "cosine":
        if (np.abs(D - eps) < 1e-9).any():
            eps *= 1.001
        if (np.abs(D - eps) < 1e-9).any():
            return
    core, labels = dbscan_oracle.dbscan(dbscan_oracle.radius(eps, metric) >= D, m, weight)
    model = shoal.DBSCAN(eps, min_samples=m, metric=metric).fit(X, sample_weight=weight)
    np.testing.assert_array_equal(model.core_sample_indices_, core)
    np.testing.assert_array_equal(model.labels_, labels)
    sure = labels == -1
    sure[core] = True
    np.testing.assert_array_equal(model.predict(X)[sure], labels[sure])


@examples(60)
@given(data=st.data(), m=M, seed=seeds())
def test_the_parts_of_core_samples_do_not_depend_on_order_copies_threads_or_scale(data, m, seed):
    X = data.draw(rows(HARD))
    weight = data.draw(whole_weights(len(X))) + 1  # a row without weight may be core, and no row may not
    eps = data.draw(radii(pairwise(X, "euclidean")))
    one = shoal.DBSCAN(eps, min_samples=m).fit(X, sample_weight=weight)
    is_core = np.zeros(len(X), dtype=bool)
    is_core[one.core_sample_indices_] = True

    order = permutation(len(X), seed)
    other = shoal.DBSCAN(eps, min_samples=m).fit(X[order], sample_weight=weight[order])
    core = np.sort(order[other.core_sample_indices_])
    np.testing.assert_array_equal(core, one.core_sample_indices_)
    labels = np.empty(len(X), dtype=int)
    labels[order] = other.labels_
    assert same_partition(labels[core], one.labels_[core])
    np.testing.assert_array_equal(labels == -1, one.labels_ == -1)

    copies = shoal.DBSCAN(eps, min_samples=m).fit(np.repeat(X, weight, axis=0))
    np.testing.assert_array_equal(np.repeat(one.labels_, weight) == -1, copies.labels_ == -1)
    np.testing.assert_array_equal(copies.core_sample_indices_, np.flatnonzero(np.repeat(is_core, weight)))

    four = shoal.DBSCAN(4 * eps, min_samples=m).fit(4 * X, sample_weight=weight)
    np.testing.assert_array_equal(four.labels_, one.labels_)
    for n_threads in (1, 2, 7):
        with threads_and_block_length(n_threads, 4):
            again = shoal.DBSCAN(eps, min_samples=m).fit(X, sample_weight=weight)
        np.testing.assert_array_equal(again.labels_, one.labels_)


@examples(60)
@given(data=st.data(), m=M, metric=METRIC)
def test_a_larger_radius_never_parts_core_samples_and_k_distances_count_them(data, m, metric):
    X = data.draw(rows(PLAIN, least=2))
    D = pairwise(X, metric)
    eps = data.draw(radii(D))
    small = shoal.DBSCAN(eps, min_samples=m, metric=metric).fit(X)
    large = shoal.DBSCAN(eps * data.draw(st.sampled_from([1.0, 1.5, 3.0])), min_samples=m, metric=metric).fit(
        X
    )
    assert set(small.core_sample_indices_) <= set(large.core_sample_indices_)
    core = small.core_sample_indices_
    for label in np.unique(small.labels_[core]):
        assert len(np.unique(large.labels_[core][small.labels_[core] == label])) == 1
    k = min(m, len(X) - 1)
    curve = shoal.k_distances(X, k, metric=metric).distances
    assert (np.diff(curve) >= 0).all()
    away = np.abs(curve - eps).min() > 1e-9 * eps
    if away:
        count = len(shoal.DBSCAN(eps, min_samples=k + 1, metric=metric).fit(X).core_sample_indices_)
        assert (curve <= eps).sum() == count


@examples(80)
@given(data=st.data(), metric=st.sampled_from(["euclidean", "manhattan", "chebyshev"]), m=st.integers(2, 6))
def test_optics_is_that_of_the_definition_and_a_cut_is_dbscan(data, metric, m):
    X = data.draw(rows(EXACT, least=2, dtypes=(np.float64,)))
    m = min(m, len(X))
    D = pairwise(X, metric)
    eps = data.draw(radii(D))
    # not a distance that occurs: roots are compared for core distances, squares for neighbours, as by scikit-learn
    max_eps = data.draw(st.sampled_from([np.inf, eps * (1 + 2e-9), 2.0001 * eps]))
    found = shoal.optics(X, min_samples=m, max_eps=max_eps, metric=metric)
    ordering, core, reachability, predecessor = optics_oracle.optics(D, m, max_eps)
    np.testing.assert_array_equal(found.ordering, ordering)
    np.testing.assert_array_equal(found.core_distances, core)
    np.testing.assert_array_equal(found.reachability, reachability)
    np.testing.assert_array_equal(found.predecessor, predecessor)

    # a little more than a distance that occurs: the graph is rounded to 15 decimals
    eps *= 1 + 1e-9
    labels = shoal.cluster_optics_dbscan(
        reachability=found.reachability, core_distances=found.core_distances, ordering=found.ordering, eps=eps
    )
    at = shoal.DBSCAN(eps, min_samples=m, metric=metric).fit(X)
    if eps < max_eps:
        cores = at.core_sample_indices_
        np.testing.assert_array_equal(np.flatnonzero(found.core_distances <= eps), cores)
        assert same_partition(labels[cores], at.labels_[cores])
        assert (at.labels_[labels >= 0] >= 0).all()


@examples(60)
@given(
    X=rows(HARD, least=2), m=st.integers(2, 5), xi=st.sampled_from([0.0, 0.05, 0.5]), correct=st.booleans()
)
def test_xi_clusters_are_scikit_learns_on_any_plot(X, m, xi, correct):
    m = min(m, len(X))
    found = shoal.optics(X, min_samples=m, xi=xi, predecessor_correction=correct)
    assert sorted(found.ordering.tolist()) == list(range(len(X)))
    spans = found.cluster_hierarchy
    for start, end in spans:
        assert 0 <= start < end < len(X)
        assert end - start + 1 >= m
    theirs = sklearn.cluster.cluster_optics_xi(
        reachability=found.reachability,
        predecessor=found.predecessor,
        ordering=found.ordering,
        min_samples=m,
        xi=xi,
        predecessor_correction=correct,
    )
    np.testing.assert_array_equal(found.labels, theirs[0])
    np.testing.assert_array_equal(spans, np.reshape(theirs[1], (-1, 2)))
    in_order = found.labels[found.ordering]
    for position, label in enumerate(in_order):
        if label >= 0:
            assert any(start <= position <= end for start, end in spans)
    for n_threads in (1, 7):
        with threads_and_block_length(n_threads, 4):
            assert bits(*shoal.optics(X, min_samples=m, xi=xi, predecessor_correction=correct)) == bits(
                *found
            )


@examples(60)
@given(
    data=st.data(),
    size=st.integers(2, 6),
    m=M,
    method=st.sampled_from(["eom", "leaf"]),
    algorithm=st.sampled_from(["brute", "kd_tree"]),
    single=st.booleans(),
)
def test_hdbscan_is_that_of_the_definition(data, size, m, method, algorithm, single):
    X = data.draw(rows(EXACT, least=2, most=30, dtypes=(np.float64,)))
    m = min(m, len(X))
    root = hdbscan_oracle.hierarchy(hdbscan_oracle.mutual_reachability(X, m)[0], size)
    single = single and method == "eom"
    eom = hdbscan_oracle.excess_of_mass(root, single)[1]
    chosen = hdbscan_oracle.leaves(root) if method == "leaf" else eom
    labels, probabilities = hdbscan_oracle.labels_and_probabilities(root, chosen)
    model = shoal.HDBSCAN(
        size, m, cluster_selection_method=method, algorithm=algorithm, allow_single_cluster=single
    ).fit(X)
    assert same_partition(model.labels_, labels)
    np.testing.assert_array_equal(model.labels_ < 0, labels < 0)
    np.testing.assert_allclose(model.probabilities_, probabilities, rtol=1e-7)


@examples(60)
@given(data=st.data(), size=st.integers(2, 6), m=M, metric=METRIC, seed=seeds())
def test_the_trees_of_hdbscan_are_trees_and_predictions_are_labels(data, size, m, metric, seed):
    X = data.draw(rows(HARD, least=2))
    m = min(m, len(X))
    model = shoal.HDBSCAN(size, m, metric=metric).fit(X)
    n = len(X)
    spanning = model.minimum_spanning_tree_.to_numpy()
    assert len(spanning) == n - 1
    assert (np.diff(spanning["distance"]) >= 0).all()
    Z = model.single_linkage_tree_.to_numpy()
    assert len(Z) == n - 1
    tree = model.condensed_tree_.to_numpy()
    points = tree[tree["child"] < n]
    assert sorted(points["child"].tolist()) == list(range(n))
    assert (points["child_size"] == 1).all()
    groups = tree[tree["child"] >= n]
    assert (groups["child_size"] >= size).all()
    birth = {n: 0.0} | dict(zip(groups["child"].tolist(), groups["lambda_val"].tolist(), strict=True))
    assert all(row["lambda_val"] >= birth[int(row["parent"])] for row in tree)
    inside = {
        int(parent): int(tree["child_size"][tree["parent"] == parent].sum())
        for parent in np.unique(tree["parent"])
    }
    assert inside[n] == n
    assert all(inside[int(g["child"])] == g["child_size"] for g in groups)

    labels = model.labels_
    assert set(labels.tolist()) - {-1} == set(range(labels.max() + 1))
    assert ((model.probabilities_ >= 0) & (model.probabilities_ <= 1)).all()
    assert ((model.outlier_scores_ >= 0) & (model.outlier_scores_ <= 1)).all()
    assert (model.probabilities_[labels == -1] == 0).all()
    assert all((labels == label).sum() >= size for label in range(labels.max() + 1))
    np.testing.assert_array_equal(model.predict(X), labels)
    memberships = model.membership_vector(X)
    assert (memberships >= 0).all()
    assert (memberships.sum(axis=1) <= 1 + 1e-9).all()

    for n_threads in (1, 2, 7):
        with threads_and_block_length(n_threads, 4):
            again = shoal.HDBSCAN(size, m, metric=metric).fit(X)
        assert bits(again.labels_, again.probabilities_) == bits(labels, model.probabilities_)
    order = permutation(n, seed)
    other = shoal.HDBSCAN(size, m, metric=metric).fit(X[order])
    assert same_partition(other.labels_, labels[order])
    np.testing.assert_array_equal(other.labels_ < 0, labels[order] < 0)
    if metric != "cosine":
        four = shoal.HDBSCAN(size, m, metric=metric).fit(4 * X)
        np.testing.assert_array_equal(four.labels_, labels)


@examples(60)
@given(
    data=st.data(),
    size=st.integers(2, 6),
    m=st.integers(1, 5),
    algorithm=st.sampled_from(["brute", "kd_tree"]),
)
def test_a_whole_weight_is_as_many_copies_to_hdbscan(data, size, m, algorithm):
    X, weight = data.draw(weighted_rows(PLAIN, whole=True, least=2))
    m = min(m, int(weight.sum()))
    if (weight > 0).sum() < 2 or weight.sum() < m:
        return
    one = shoal.HDBSCAN(size, m, algorithm=algorithm).fit(X, sample_weight=weight)
    copies = shoal.HDBSCAN(size, m, algorithm=algorithm).fit(np.repeat(X, weight, axis=0))
    assert same_partition(np.repeat(one.labels_, weight), copies.labels_)
    np.testing.assert_array_equal(np.repeat(one.labels_, weight) < 0, copies.labels_ < 0)
    np.testing.assert_allclose(np.repeat(one.probabilities_, weight), copies.probabilities_, rtol=1e-5)
