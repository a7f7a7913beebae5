"""k-means, its starts, and its mini-batch and bisecting kin: what their pages claim."""

import numpy as np
import pytest
from helpers import bits, threads_and_block_length
from hypothesis import assume, given
from hypothesis import strategies as st
from oracles import kmeans as oracle
from scipy import sparse

import shoal
from properties.strategies import (
    EXACT,
    FAR,
    HARD,
    PLAIN,
    examples,
    permutation,
    rows,
    seeds,
    weighted_rows,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ACCELERATED = ("hamerly", "yinyang", "elkan", "auto")
METRIC = st.sampled_from(["euclidean", "cosine"])
LARGE = {
    "near the root of the largest float32": lambda rng, n, d: rng.normal(size=(n, d)) * 1e17,
    "near the root of the largest": lambda rng, n, d: rng.normal(size=(n, d)) * 1e150,
    "tiny": lambda rng, n, d: rng.normal(size=(n, d)) * 1e-160,
    "tiny in float32": lambda rng, n, d: rng.normal(size=(n, d)) * 1e-22,
    "subnormal": lambda rng, n, d: rng.integers(0, 4, size=(n, d)) * 5e-324,
}


@st.composite
def starts(draw, X, most=12):
    """Rows of the data, the same one more than once if it comes so."""
    k = draw(st.integers(1, min(most, len(X))))
    return X[np.random.default_rng(draw(seeds())).integers(len(X), size=k)]


def fit(X, start, weight=None, **options):
    model = shoal.KMeans(len(start), init=start, n_init=1, **({"tol": 0} | options))
    return model.fit(X, sample_weight=weight)


def outcome(model):
    return bits(model.labels_, model.cluster_centers_, model.inertia_, model.n_iter_, model.converged_)


def refills(X, start, weight=None):
    """True if the definition's run leaves a cluster empty somewhere."""
    centers = np.array(start, dtype=float)
    for _ in range(300):
        labels = oracle.nearest(X, centers)
        mass = np.bincount(labels, weight, len(centers))
        if (mass == 0).any():
            return True
        w = np.ones(len(X)) if weight is None else weight
        means = np.array(
            [np.average(X[labels == j], axis=0, weights=w[labels == j]) for j in range(len(centers))]
        )
        if (means == centers).all():
            return False
        centers = means
    return False


@examples(80)
@given(data=st.data(), metric=METRIC, n_iter=st.integers(1, 20))
def test_every_algorithm_has_the_bits_of_lloyds(data, metric, n_iter):
    X, weight = data.draw(weighted_rows(HARD | LARGE, features=9))
    start = data.draw(starts(X))
    expected = outcome(fit(X, start, weight, algorithm="lloyd", max_iter=n_iter, metric=metric))
    for algorithm in ACCELERATED:
        assert outcome(fit(X, start, weight, algorithm=algorithm, max_iter=n_iter, metric=metric)) == expected


@examples(60)
@given(data=st.data(), metric=METRIC)
def test_threads_and_instruction_sets_leave_the_bits_alone(data, metric):
    X, weight = data.draw(weighted_rows(HARD))
    k = data.draw(st.integers(1, min(8, len(X))))

    def result():
        return outcome(shoal.KMeans(k, random_state=3, metric=metric).fit(X, sample_weight=weight))

    with threads_and_block_length(1, 4):
        expected = result()
    for n_threads in (2, 7):
        with threads_and_block_length(n_threads, 4):
            assert result() == expected


@examples(60)
@given(
    data=st.data(), metric=METRIC, seed=seeds(), init=st.sampled_from(["k-means++", "k-means||", "random"])
)
def test_labels_are_predictions_and_inertia_is_minus_the_score(data, metric, seed, init):
    X, weight = data.draw(weighted_rows(HARD | LARGE))
    k = data.draw(st.integers(1, len(X)))
    model = shoal.KMeans(k, random_state=seed, metric=metric, init=init, max_iter=5).fit(
        X, sample_weight=weight
    )
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    np.testing.assert_array_equal([model.predict(X[i : i + 1])[0] for i in range(len(X))], model.labels_)
    assert model.inertia_ == -model.score(X, sample_weight=weight)
    assert np.isfinite(model.cluster_centers_).all()
    assert model.inertia_ >= 0
    size = float(np.abs(X).max())
    if metric == "euclidean" and size > (1e-15 if X.dtype == np.float32 else 1e-150):  # else squares vanish
        w = np.ones(len(X)) if weight is None else weight
        exact = oracle.objective(X / size, w, model.cluster_centers_ / size, model.labels_)
        np.testing.assert_allclose(model.inertia_ / size / size, exact, rtol=1e-5, atol=1e-11 * w.sum())


@examples(60)
@given(data=st.data(), metric=METRIC)
def test_the_inertia_never_rises(data, metric):
    X, weight = data.draw(weighted_rows(PLAIN))
    start = data.draw(starts(X))
    size = max(1.0, float((X.astype(float) ** 2).sum(axis=1).max())) if metric == "euclidean" else 1.0
    rounding = (
        (1e-12 if X.dtype == np.float64 else 1e-5) * size * (len(X) if weight is None else weight.sum())
    )
    last = np.inf
    for n_iter in range(1, 8):
        model = fit(X, start, weight, max_iter=n_iter, metric=metric)
        assert model.inertia_ <= last + rounding
        last = model.inertia_


@examples(60)
@given(data=st.data())
def test_lloyd_is_that_of_the_definition(data):
    X, weight = data.draw(weighted_rows({**EXACT, "far lattice": FAR["far lattice"]}, dtypes=(np.float64,)))
    start = data.draw(starts(X, 5))
    # one step: later means are not exact, and ties are decided by rounding
    expected = oracle.lloyd(X, start, weight, max_iter=1)
    model = fit(X, start, weight, max_iter=1)
    np.testing.assert_allclose(model.cluster_centers_, expected.centers, rtol=1e-12, atol=1e-12)
    rounding = 1e-15 * float(np.abs(X).max()) * len(X)
    np.testing.assert_allclose(model.inertia_, expected.inertia, rtol=1e-9, atol=10 * rounding + 1e-12)


@examples(60)
@given(data=st.data(), metric=METRIC)
def test_four_times_the_data_is_the_same_clustering(data, metric):
    X, weight = data.draw(weighted_rows(HARD))
    start = data.draw(starts(X))
    one, four = fit(X, start, weight, metric=metric), fit(4 * X, 4 * start, weight, metric=metric)
    np.testing.assert_array_equal(one.labels_, four.labels_)
    scale = 4 if metric == "euclidean" else 1
    np.testing.assert_array_equal(scale * one.cluster_centers_, four.cluster_centers_)
    assert four.inertia_ == scale**2 * one.inertia_


@examples(60)
@given(data=st.data())
def test_a_whole_weight_is_as_many_copies(data):
    X, weight = data.draw(weighted_rows(EXACT, whole=True, dtypes=(np.float64,)))
    start = data.draw(starts(X[weight > 0], 5))
    assume(not refills(X, start, weight))
    one, copies = fit(X, start, weight), fit(np.repeat(X, weight, axis=0), start)
    np.testing.assert_array_equal(np.repeat(one.labels_, weight), copies.labels_)
    np.testing.assert_allclose(one.cluster_centers_, copies.cluster_centers_, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(one.inertia_, copies.inertia_, rtol=1e-9, atol=1e-12)


@examples(60)
@given(data=st.data(), seed=seeds())
def test_the_order_of_rows_changes_nothing(data, seed):
    X, weight = data.draw(weighted_rows(EXACT, dtypes=(np.float64,)))
    start = data.draw(starts(X, 5))
    assume(not refills(X, start, weight))
    order = permutation(len(X), seed)
    one = fit(X, start, weight, max_iter=1)
    other = fit(X[order], start, None if weight is None else weight[order], max_iter=1)
    np.testing.assert_allclose(one.cluster_centers_, other.cluster_centers_, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(one.inertia_, other.inertia_, rtol=1e-9, atol=1e-12)


@examples(60)
@given(
    X=rows({name: HARD[name] for name in ("lattice", "repeated", "equal tenths", "tenths", "equal", "line")})
)
def test_with_a_cluster_for_each_row_distinct_rows_are_clusters(X):
    model = shoal.KMeans(len(X), random_state=0).fit(X)
    distinct, which = np.unique(X, axis=0, return_inverse=True)
    assert len(np.unique(model.labels_)) == len(distinct)
    assert len({*zip(which.ravel().tolist(), model.labels_.tolist(), strict=True)}) == len(distinct)
    assert model.inertia_ <= 1e-12 * max(1.0, float((X.astype(float) ** 2).sum()))


@examples(60)
@given(data=st.data(), seed=seeds(), metric=METRIC, trials=st.sampled_from([None, 1, 3]))
def test_seeds_are_distinct_rows_of_positive_weight_in_any_order_of_the_data(data, seed, metric, trials):
    X, weight = data.draw(weighted_rows(HARD, whole=True))
    k = data.draw(st.integers(1, len(X)))
    options = {"random_state": seed, "metric": metric, "n_local_trials": trials}
    centers, which = shoal.kmeans_plusplus(X, k, sample_weight=weight, **options)
    np.testing.assert_array_equal(centers, X[which])
    assert (weight[which] > 0).all()
    if metric == "euclidean":
        positive = len(np.unique(X[weight > 0], axis=0))
        assert len(np.unique(centers, axis=0)) == min(k, positive)
    again = shoal.kmeans_plusplus(np.ascontiguousarray(X), k, sample_weight=weight, **options)[1]
    np.testing.assert_array_equal(which, again)


@examples(50)
@given(data=st.data(), metric=METRIC)
def test_sparse_rows_with_stored_zeros_in_any_order_are_the_rows(data, metric):
    X, weight = data.draw(weighted_rows(PLAIN))
    start = data.draw(starts(X))
    n, d = X.shape
    order = np.concatenate([i * d + permutation(d, i) for i in range(n)])
    messy = sparse.csr_array((X.ravel()[order], order % d, np.arange(0, n * d + 1, d)), shape=X.shape)
    neat = sparse.csr_array(X)
    options = {"metric": metric, "max_iter": 3}
    one, other = fit(messy, start, weight, **options), fit(neat, start, weight, **options)
    assert outcome(one) == outcome(other)
    np.testing.assert_array_equal(one.predict(neat), one.labels_)
    # the cosine of a row with itself was rounded beyond 1
    assert (one.transform(neat) >= 0).all()


@examples(50)
@given(data=st.data(), seed=seeds(), metric=METRIC, batch=st.sampled_from([1, 3, 1024]))
def test_mini_batches_predict_their_labels_on_any_number_of_threads(data, seed, metric, batch):
    X, weight = data.draw(weighted_rows(HARD))
    k = data.draw(st.integers(1, len(X)))
    results = []
    for n_threads in (1, 7):
        with threads_and_block_length(n_threads, 4):
            model = shoal.MiniBatchKMeans(k, random_state=seed, metric=metric, batch_size=batch, max_iter=3)
            model.fit(X, sample_weight=weight)
            results.append(bits(model.labels_, model.cluster_centers_, model.inertia_))
    assert results[0] == results[1]
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    assert np.isfinite(model.cluster_centers_).all()


@examples(40)
@given(X=rows(HARD, least=3), seed=seeds())
def test_one_centre_fed_row_by_row_is_the_mean(X, seed):
    model = shoal.MiniBatchKMeans(1, random_state=seed, reassignment_ratio=0)
    for i in range(len(X)):
        model.partial_fit(X[i : i + 1])
    # the first batch starts at the row it then takes in
    size = np.abs(X).max()
    mean = X.mean(axis=0, dtype=float)
    np.testing.assert_allclose(
        model.cluster_centers_[0], mean, atol=size * (1e-6 if X.dtype == np.float32 else 1e-13)
    )


@examples(50)
@given(
    data=st.data(),
    seed=seeds(),
    metric=METRIC,
    strategy=st.sampled_from(["biggest_inertia", "largest_cluster"]),
)
def test_bisecting_predicts_its_labels_and_never_raises_the_inertia(data, seed, metric, strategy):
    X, weight = data.draw(weighted_rows(PLAIN))
    w = np.ones(len(X)) if weight is None else weight
    last = np.inf
    for k in range(1, min(len(X), 5) + 1):
        model = shoal.BisectingKMeans(k, random_state=seed, metric=metric, bisecting_strategy=strategy)
        model.fit(X, sample_weight=weight)
        np.testing.assert_array_equal(model.predict(X), model.labels_)
        np.testing.assert_array_equal([model.predict(X[i : i + 1])[0] for i in range(len(X))], model.labels_)
        size = max(1.0, float((X.astype(float) ** 2).sum(axis=1).max())) if metric == "euclidean" else 1.0
        rounding = (1e-12 if X.dtype == np.float64 else 1e-5) * size * w.sum()
        # the direction of a mean of zero is any, and may be worse than a centre at zero
        if metric == "euclidean":
            assert model.inertia_ <= last + rounding
        last = model.inertia_
        rows_ = X if metric == "euclidean" else oracle.unit_rows(X)
        exact = oracle.objective(rows_, w, model.cluster_centers_, model.labels_)
        np.testing.assert_allclose(model.inertia_, exact, atol=rounding + 1e-12, rtol=1e-5)


@examples(40)
@given(data=st.data(), powers=st.integers(0, 99))
def test_the_length_of_a_row_means_nothing_to_the_cosine(data, powers):
    X = data.draw(rows(PLAIN))
    start = data.draw(starts(X, 5))
    lengths = 2.0 ** np.random.default_rng(powers).integers(-20, 20, size=(len(X), 1)).astype(X.dtype)
    one, other = fit(X, start, metric="cosine"), fit(X * lengths, start, metric="cosine")
    assert outcome(one) == outcome(other)
    lengths = np.linalg.norm(one.cluster_centers_.astype(float), axis=1)
    assert ((np.abs(lengths - 1) < 1e-5) | (lengths == 0)).all()
