"""The door to exact neighbours, and the approximate index with its recall."""

import pickle

import numpy as np
import pytest
from helpers import both_dtypes
from oracles import neighbors as oracle
from scipy.spatial.distance import cdist

import shoal


@both_dtypes
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev"])
def test_tree_and_tiles_find_the_same_neighbours(rng, metric, dtype):
    for d in (1, 3, 20):
        x, queries = rng.normal(size=(300, d)).astype(dtype), rng.normal(size=(40, d)).astype(dtype)
        for asked in (None, queries):
            expected, rows = oracle.k_nearest(x if asked is None else asked, x, 5, metric)
            for method in ("auto", "kd-tree", "brute"):
                found = shoal.nearest_neighbors(x, 5, asked, metric=metric, method=method)
                assert found.distances.dtype == dtype
                np.testing.assert_array_equal(found.indices, rows)
                np.testing.assert_allclose(
                    found.distances, expected, rtol=1e-5 if dtype == np.float32 else 1e-13
                )


def test_cosine_is_measured_in_tiles_and_minkowski_in_the_tree(rng):
    x = rng.normal(size=(200, 4))
    for metric, options in (("cosine", {}), ("minkowski", {"p": 3})):
        found = shoal.nearest_neighbors(x, 4, metric=metric, **options)
        exact = np.sort(cdist(x, x, metric, **options), axis=1)[:, :4]
        np.testing.assert_allclose(found.distances, exact, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 9}, r"k must be in \[1, n_samples=8\]; got 9"),
        ({"metric": "hamming"}, r"metric must be one of .*; got 'hamming'"),
        ({"metric": "cosine", "method": "kd-tree"}, r"method must be 'auto' or 'brute' for metric='cosine'"),
        (
            {"metric": "minkowski", "p": 3, "method": "brute"},
            r"method must be 'auto' or 'kd-tree' for metric='mink",
        ),
        ({"queries": [[1.0]]}, r"(X|queries) must have n_features=3 columns; got 1"),
    ],
)
def test_what_is_wrong_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        shoal.nearest_neighbors(np.arange(24.0).reshape(8, 3), **{"k": 2, **options})


# --- the approximate index ----------------------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_recall_is_the_share_of_neighbours_found(metric, dtype):
    pytest.importorskip("usearch", reason="pip install 'shoal[ann]'")
    x = np.random.default_rng(0).normal(size=(1500, 32)).astype(dtype)
    index = shoal.ApproximateIndex(x, metric=metric)
    found = index.query(x, k=10)
    exact = shoal.nearest_neighbors(x, 10, metric=metric, method="brute")
    assert found.distances.dtype == dtype
    assert found.indices.dtype == np.int32
    assert (np.diff(found.distances, axis=1) >= 0).all()
    share = np.mean(
        [len(np.intersect1d(a, b)) / 10 for a, b in zip(found.indices, exact.indices, strict=True)]
    )
    assert index.recall(k=10, n_queries=1500) == pytest.approx(share, abs=0.002)
    assert share > 0.9
    same = found.indices == exact.indices
    np.testing.assert_allclose(found.distances[same], exact.distances[same], rtol=1e-4, atol=1e-6)


def test_the_same_data_give_the_same_index():
    pytest.importorskip("usearch", reason="pip install 'shoal[ann]'")
    x = np.random.default_rng(1).normal(size=(800, 16))
    first, second = (shoal.ApproximateIndex(x).query(x, k=5) for _ in range(2))
    np.testing.assert_array_equal(first.indices, second.indices)


def test_one_query_few_samples_and_wide_searches():
    pytest.importorskip("usearch", reason="pip install 'shoal[ann]'")
    x = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    index = shoal.ApproximateIndex(x)
    np.testing.assert_array_equal(index.query([[0.9, 0.2]], k=3).indices, [[1, 2, 0]])
    assert index.recall(k=3) == 1
    with pytest.raises(ValueError, match=r"k must be in \[1, n_samples=3\]; got 4"):
        index.query(x, k=4)


def test_an_approximate_index_is_pickled_drawn_from_and_kept_within_float32():
    pytest.importorskip("usearch", reason="pip install 'shoal[ann]'")
    x = np.random.default_rng(1).normal(size=(300, 8))
    index = shoal.ApproximateIndex(x, expansion_search=50)
    again = pickle.loads(pickle.dumps(index))
    np.testing.assert_array_equal(again.query(x, k=3).indices, index.query(x, k=3).indices)
    assert index.recall(k=3, random_state=np.random.default_rng(0)) > 0.9
    with pytest.raises(
        ValueError, match=r"X spreads too wide for float32: squared distances overflow; scale X$"
    ):
        shoal.ApproximateIndex(x * 1e60)


def test_a_missing_library_is_named_with_what_installs_it(run_python):
    code = """
        import sys
        sys.modules["usearch"] = None
        import shoal
        try:
            shoal.ApproximateIndex([[0.0]])
        except ImportError as error:
            print(error)
    """
    assert run_python(code).strip() == "ApproximateIndex needs usearch: pip install 'shoal[ann]'"
