"""k-means as a user meets it: starts, functions, scikit-learn's names, refusals, warnings, seeds and memory."""

import inspect
import re
import tracemalloc

import numpy as np
import pytest
import sklearn.cluster
from helpers import bits, both_dtypes
from kmeans_fits import blobs, fit, outcome, starts
from oracles import kmeans as oracle
from sklearn.exceptions import ConvergenceWarning

import shoal

METRICS = ("euclidean", "cosine")

# Many fits here stop early or have too few distinct rows, on purpose; what is warned of has its own tests.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# --- starts ------------------------------------------------------------------------------------------------


def test_given_centers_are_the_start_and_stay_the_callers(rng):
    X = rng.normal(size=(50, 2))
    for start in (X[:4], X[:4].tolist(), np.asfortranarray(X[:4]), X[:4].astype(np.float32)):
        before = np.array(start)
        model = shoal.KMeans(4, init=start, max_iter=1).fit(X)
        np.testing.assert_allclose(
            model.cluster_centers_, oracle.lloyd(X, np.array(start), max_iter=1).centers, rtol=1e-12
        )
        assert model.init is start
        np.testing.assert_array_equal(np.array(start), before)


def test_given_centers_of_any_length_do_for_the_cosine(rng):
    X = rng.normal(size=(50, 3))
    expected = fit(X, X[:4], metric="cosine")
    got = fit(X, X[:4] * [[1], [2], [4], [0.5]], metric="cosine")
    assert outcome(got) == outcome(expected)


def test_a_callable_makes_the_start(rng):
    X = rng.normal(size=(50, 2))
    calls = []

    def init(data, n_clusters, random_state):
        calls.append((data, n_clusters, random_state.randint(2**31)))
        return data[random_state.choice(len(data), n_clusters, replace=False)]

    one = shoal.KMeans(4, init=init, n_init=3, random_state=0).fit(X)
    assert [c[1] for c in calls] == [4, 4, 4]
    assert all(c[0] is X or np.array_equal(c[0], X) for c in calls)
    first_three = [c[2] for c in calls]
    assert len(set(first_three)) == 3
    calls.clear()
    more = shoal.KMeans(4, init=init, n_init=5, random_state=0).fit(X)
    assert [c[2] for c in calls][:3] == first_three  # more restarts do not change the earlier ones
    assert more.inertia_ <= one.inertia_


def test_auto_is_one_careful_start_and_ten_random_ones(rng):
    X = rng.normal(size=(60, 2))
    calls = []

    def init(data, n_clusters, random_state):
        calls.append(0)
        return data[random_state.choice(len(data), n_clusters, replace=False)]

    shoal.KMeans(3, init=init).fit(X)
    assert len(calls) == 10
    for name, count in (("k-means++", 1), ("k-means||", 1), ("random", 10)):
        auto = shoal.KMeans(8, init=name, random_state=0, max_iter=1).fit(X)
        explicit = shoal.KMeans(8, init=name, random_state=0, max_iter=1, n_init=count).fit(X)
        assert outcome(auto) == outcome(explicit)


@pytest.mark.parametrize("init", ["random", "k-means++", "k-means||"])
def test_more_restarts_are_never_worse(rng, init):
    X = blobs(rng, 200, 2, 12, spread=1.0)
    options = {"n_clusters": 12, "init": init, "random_state": 8, "max_iter": 2}
    inertias = [shoal.KMeans(**options, n_init=n).fit(X).inertia_ for n in range(1, 9)]
    assert (np.diff(inertias) <= 0).all()


def test_the_best_restart_is_kept(rng):
    X = blobs(rng, 200, 2, 12, spread=1.0)
    made = [starts(rng, X, 12) for _ in range(6)]
    each = [fit(X, start, max_iter=2) for start in made]
    given = iter(made)
    best = shoal.KMeans(12, init=lambda *_, random_state: next(given), n_init=6, max_iter=2, tol=0).fit(X)
    assert outcome(best) == outcome(min(each, key=lambda model: model.inertia_))


def test_the_earliest_of_equal_restarts_is_kept():
    X = np.array([[0.0], [1.0], [10.0], [11.0]])
    made = iter([[[0.5], [10.5]], [[10.5], [0.5]], [[0.0], [11.0]]])
    model = shoal.KMeans(2, init=lambda *_, random_state: next(made), n_init=3).fit(X)
    np.testing.assert_array_equal(model.labels_, [0, 0, 1, 1])


def test_random_starts_are_distinct_rows(rng):
    X = np.repeat(rng.normal(size=(6, 2)), 30, axis=0)
    for seed in range(10):
        model = shoal.KMeans(6, init="random", n_init=1, random_state=seed, max_iter=1).fit(X)
        assert model.inertia_ == pytest.approx(0, abs=1e-25)


# --- the functions, and the names of scikit-learn ----------------------------------------------------------


def test_the_functions_return_what_the_estimator_finds(rng):
    X = rng.normal(size=(80, 3))
    weight = rng.uniform(size=80)
    model = shoal.KMeans(5, random_state=1, algorithm="elkan").fit(X, sample_weight=weight)
    result = shoal.kmeans(X, 5, sample_weight=weight, random_state=1, algorithm="elkan")
    assert bits(*result) == bits(
        model.cluster_centers_, model.labels_, model.inertia_, model.n_iter_, model.converged_
    )
    centroid, label, inertia, n_iter = shoal.k_means(
        X, 5, sample_weight=weight, random_state=1, algorithm="elkan", return_n_iter=True
    )
    assert bits(centroid, label, inertia, n_iter) == bits(*result[:4])
    assert len(shoal.k_means(X, 5, sample_weight=weight, random_state=1)) == 3
    for metric in METRICS:
        np.testing.assert_array_equal(
            shoal.kmeans(X, 5, random_state=1, metric=metric).labels,
            shoal.KMeans(5, random_state=1, metric=metric).fit(X).labels_,
        )


def parameters(function):
    return {
        name: (parameter.default, parameter.kind)
        for name, parameter in inspect.signature(function).parameters.items()
    }


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (shoal.KMeans, sklearn.cluster.KMeans),
        (shoal.k_means, sklearn.cluster.k_means),
        (shoal.kmeans_plusplus, sklearn.cluster.kmeans_plusplus),
    ],
    ids=["KMeans", "k_means", "kmeans_plusplus"],
)
def test_changing_the_import_is_the_whole_migration(ours, theirs):
    """Every parameter of scikit-learn's, with its default and kind; only `algorithm` has a wider default."""
    missing = set(parameters(theirs)) - set(parameters(ours))
    assert not missing
    for name, (default, kind) in parameters(theirs).items():
        expected = ("auto", kind) if name == "algorithm" else (default, kind)
        assert parameters(ours)[name] == expected, name


def test_the_fitted_attributes_and_methods_are_scikit_learns(rng):
    X = rng.normal(size=(40, 3))
    ours = shoal.KMeans(3, random_state=0).fit(X)
    theirs = sklearn.cluster.KMeans(3, random_state=0).fit(X)
    public = {name for name in dir(theirs) if not name.startswith("_")}
    assert public - set(dir(ours)) == set()
    for name, value in vars(theirs).items():
        if name.endswith("_") and not name.startswith("_"):
            assert np.shape(getattr(ours, name)) == np.shape(value), name
            assert np.asarray(getattr(ours, name)).dtype == np.asarray(value).dtype, name


# --- refusals and warnings ---------------------------------------------------------------------------------

REFUSED_PARAMETERS = [
    ({"n_clusters": 0}, ValueError, r"n_clusters must be in \[1, n_samples=40\]; got 0"),
    ({"n_clusters": 50}, ValueError, r"n_clusters must be in \[1, n_samples=40\]; got 50"),
    ({"n_clusters": 2.0}, TypeError, r"n_clusters must be an integer; got 2.0"),
    ({"n_clusters": True}, TypeError, r"n_clusters must be an integer; got True"),
    ({"init": "best"}, ValueError, r"init must be one of 'k-means\+\+', 'k-means\|\|', 'random'; got 'best'"),
    (
        {"init": np.zeros((2, 3))},
        ValueError,
        r"init must have shape \(n_clusters=8, n_features=3\); got \(2, 3\)",
    ),
    ({"init": np.full((8, 3), np.nan)}, ValueError, r"Input init contains NaN at row 0, column 0"),
    ({"init": np.ones((8, 3)) * 1j}, ValueError, r"Complex data not supported"),
    (
        {"init": [["a"] * 3] * 8},
        ValueError,
        "could not convert string to float",
    ),
    (
        {"init": lambda X, k, random_state: X[:1]},
        ValueError,
        r"the result of init must have shape \(n_clusters=8, n_features=3\); got \(1, 3\)",
    ),
    (
        {"init": lambda X, k, random_state: np.full((k, 3), np.nan)},
        ValueError,
        r"^the result of init contains NaN at row 0, column 0 \(and 23 more\)$",
    ),
    (
        {"init": lambda X, k, random_state: np.ones((0, 3))},
        ValueError,
        r"^Found in the result of init an array with 0 sample",
    ),
    ({"n_init": 0}, ValueError, r"n_init must be in \[1, inf[\])]; got 0"),
    ({"n_init": "many"}, ValueError, r"n_init must be one of 'auto'; got 'many'"),
    ({"n_init": 0, "init": np.eye(8, 3)}, ValueError, r"n_init must be in \[1, inf[\])]; got 0"),
    ({"n_init": "many", "init": np.eye(8, 3)}, ValueError, r"n_init must be one of 'auto'; got 'many'"),
    ({"n_init": 1.5}, TypeError, r"n_init must be an integer; got 1.5"),
    ({"max_iter": 0}, ValueError, r"max_iter must be in \[1, inf[\])]; got 0"),
    ({"max_iter": 1.5}, TypeError, r"max_iter must be an integer; got 1.5"),
    ({"tol": -1.0}, ValueError, r"tol must be in \[0, inf[\])]; got -1.0"),
    ({"tol": np.nan}, ValueError, r"tol must be in \[0, inf[\])]; got nan"),
    ({"tol": "small"}, TypeError, r"tol must be a number; got 'small'"),
    ({"algorithm": "full"}, ValueError, r"algorithm must be one of 'auto', 'lloyd', .*; got 'full'"),
    ({"metric": "manhattan"}, ValueError, r"metric must be one of 'euclidean', 'cosine'; got 'manhattan'"),
    ({"copy_x": "no"}, TypeError, r"copy_x must be True or False; got 'no'"),
    ({"verbose": "loud"}, TypeError, r"verbose must be an integer; got 'loud'"),
    ({"verbose": -1}, ValueError, r"verbose must be in \[0, inf[\])]; got -1"),
    ({"random_state": "seed"}, ValueError, r"'seed'"),
]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    REFUSED_PARAMETERS,
    ids=lambda value: re.sub(" at 0x[0-9a-f]+", "", str(value))[:40],
)
def test_a_wrong_parameter_is_named_with_what_was_expected_and_what_came(rng, options, error, message):
    with pytest.raises(error, match=message):
        shoal.KMeans(**options).fit(rng.normal(size=(40, 3)))


@both_dtypes
@pytest.mark.parametrize("tol", [0.0, 1e-4])
def test_data_whose_squares_overflow_are_refused(rng, tol, dtype):
    X = rng.normal(size=(40, 3)).astype(dtype) * dtype(1e25 if dtype is np.float32 else 1e200)
    name = np.dtype(dtype).name
    with pytest.raises(ValueError, match=f"X spreads too wide for {name}: squared distances overflow"):
        shoal.KMeans(3, tol=tol).fit(X)
    with pytest.raises(ValueError, match=f"X spreads too wide for {name}: squared distances overflow"):
        shoal.kmeans_plusplus(X, 3)


def test_data_too_large_for_the_dtype_of_the_model_are_refused(rng):
    X = rng.normal(size=(40, 3))
    model = shoal.KMeans(3, random_state=0).fit(X.astype(np.float32))
    for method in (model.predict, model.transform, model.score):
        with pytest.raises(ValueError, match=r"Input X contains infinity at row 0, column \d"):
            method(X * 1e300)


def test_weights_whose_sum_overflows_are_refused(rng):
    with pytest.raises(ValueError, match=r"sample_weight must have a finite sum; got inf"):
        shoal.KMeans(3).fit(rng.normal(size=(40, 3)), sample_weight=np.full(40, 1e308))


def test_an_end_by_max_iter_is_warned_of(rng):
    X = rng.normal(size=(200, 3))
    with pytest.warns(
        ConvergenceWarning, match="k-means did not converge in max_iter=2 steps; raise max_iter or tol"
    ):
        model = shoal.KMeans(8, max_iter=2, random_state=0).fit(X)
    assert (model.n_iter_, model.converged_) == (2, False)


def test_too_few_distinct_samples_are_warned_of():
    X = np.array([[0.0], [0.0], [1.0], [1.0], [1.0]])
    message = r"Number of distinct clusters \(2\) found smaller than n_clusters \(3\)"
    with pytest.warns(ConvergenceWarning, match=message):
        shoal.KMeans(3, random_state=0).fit(X)


@pytest.mark.filterwarnings("error")
def test_nothing_is_warned_of_when_all_is_well(rng):
    X = blobs(rng, 100, 2, 3)
    assert shoal.KMeans(3, random_state=0).fit(X).converged_


# --- seeds and memory --------------------------------------------------------------------------------------


def test_random_state_is_scikit_learns(rng):
    X = rng.normal(size=(200, 3))

    def run(state):
        return shoal.KMeans(9, random_state=state, max_iter=1).fit(X).inertia_

    assert run(5) == run(5) == run(np.int64(5)) == run(np.random.RandomState(5))
    assert len({run(seed) for seed in range(10)}) > 1
    for kind in (np.random.RandomState, np.random.default_rng):
        state = kind(0)
        assert len({run(state) for _ in range(6)}) > 1  # advanced by each fit
        assert run(kind(1)) == run(kind(1))
    assert len({run(None) for _ in range(8)}) > 1


def test_data_in_order_are_borrowed(rng):
    X = rng.normal(size=(100_000, 8))
    model = shoal.KMeans(4, random_state=0, max_iter=2)
    model.fit(X[:100])
    tracemalloc.start()
    try:
        model.fit(X)
        model.predict(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < X.nbytes / 4


def test_memory_beyond_the_data_is_what_the_docstring_says(run_python):
    """20 bytes per sample to fit, 24 more to seed, and sums that do not grow with the samples."""
    code = """
        import resource, warnings
        import numpy as np
        import shoal

        warnings.simplefilter("ignore")
        n = 800_000
        X = np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)
        shoal.KMeans(4, random_state=0, max_iter=2, algorithm={algorithm!r}).fit(X[:5000])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        shoal.KMeans(4, random_state=0, max_iter=2, algorithm={algorithm!r}).fit(X)
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / n)
    """
    for algorithm in ("lloyd", "auto"):
        assert float(run_python(code.format(algorithm=algorithm))) < 20 + 24 + 10


def test_centres_of_more_samples_are_nearer_to_those_of_the_distribution(rng):
    """Pollard's theorem where the best centres are known: 1/6, 3/6, 5/6 for the uniform distribution and k = 3."""
    best = np.array([1, 3, 5]) / 6

    def error(n):
        X = rng.uniform(size=(n, 1))
        centers = shoal.KMeans(3, n_init=5, random_state=0, tol=0, max_iter=1000).fit(X).cluster_centers_
        return np.abs(np.sort(centers.ravel()) - best).max()

    few, many = np.median([error(100) for _ in range(5)]), np.median([error(40_000) for _ in range(5)])
    # the error falls like n^(-1/2), here by a factor of 20
    assert many < 0.02
    assert many < few
