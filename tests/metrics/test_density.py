"""DBCV against the paper's formulas and the hdbscan package."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from helpers import bits, both_dtypes, threads_and_block_length, threads_and_blocks
from oracles.dbcv import dbcv

from shoal import _core
from shoal.metrics import dbcv_clusters, dbcv_score

METRICS = {"euclidean": {}, "cosine": {}, "manhattan": {}, "chebyshev": {}, "minkowski": {"p": 3}}


def labelled(rng, n=120, d=3, k=4, spread=1.0):
    labels = rng.integers(-1, k, size=n)
    X = rng.normal(size=(k + 1, d))[labels] * 4 + rng.normal(size=(n, d)) * spread + 9
    return X, labels


@pytest.mark.parametrize("metric", METRICS)
@both_dtypes
def test_the_score_is_that_of_the_paper(metric, dtype, rng):
    for d in (1, 2, 5, 30):
        X, labels = labelled(rng, d=d) if metric != "cosine" else labelled(rng, d=d + 2)
        X = X.astype(dtype)
        name = metric.replace("manhattan", "cityblock")
        score, *parts = dbcv(X, labels, name, **METRICS[metric])
        options = {"metric": metric, "p": METRICS[metric].get("p", 2)}
        tolerance = 1e-7 if dtype == np.float64 else 2e-3
        np.testing.assert_allclose(dbcv_score(X, labels, **options), score, rtol=tolerance, atol=tolerance)
        found = dbcv_clusters(X, labels, **options)
        for ours, theirs in zip(found[2:], parts, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)
        assert found.labels.tolist() == [0, 1, 2, 3]
        assert found.sizes.tolist() == np.bincount(labels[labels >= 0]).tolist()


def test_the_score_is_that_of_hdbscan(rng):
    validity = pytest.importorskip("hdbscan.validity")
    for d in (2, 3, 10):
        X, labels = labelled(rng, 300, d, spread=1.5)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            score, clusters = validity.validity_index(X, labels, per_cluster_scores=True)
        np.testing.assert_allclose(dbcv_score(X, labels), score, atol=1e-9)
        np.testing.assert_allclose(dbcv_clusters(X, labels).validity, clusters, atol=1e-9)


def test_hard_cases_are_those_of_the_paper(rng):
    grid = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0)), axis=-1).reshape(-1, 2)
    cases = {
        "two samples each": ([[0.0], [1.0], [5.0], [7.0]], [0, 0, 1, 1]),
        "one sample alone": ([[0.0], [1.0], [2.0], [5.0], [7.0], [8.0]], [0, 0, 0, 1, 2, 2]),
        "all alone": ([[0.0], [1.0], [3.0]], [0, 1, 2]),
        "copies": (
            np.repeat([[0.0, 1.0], [3.0, 3.0], [9.0, 9.0], [9.5, 9.0]], 3, axis=0),
            np.repeat([0, 0, 1, 1], 3),
        ),
        "lattice": (grid, (grid[:, 0] > 1).astype(int)),
        "touching": ([[0.0], [0.0], [0.0], [0.0]], [0, 0, 1, 1]),
    }
    for name, (X, labels) in cases.items():
        np.testing.assert_allclose(dbcv_score(X, labels), dbcv(X, labels)[0], atol=1e-12, err_msg=name)


def test_powers_of_many_dimensions_do_not_overflow(rng):
    X, labels = labelled(rng, 60, 3)
    wide = np.hstack([X, np.zeros((60, 2000))])
    scores = [dbcv_score(scale * wide, labels) for scale in (2.0**-300, 1.0, 2.0**300)]
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores, scores[0])
    np.testing.assert_allclose(dbcv_score(wide, labels, dimension=3), dbcv_score(X, labels), rtol=1e-9)


def test_the_scale_and_the_names_of_clusters_change_nothing(rng):
    X, labels = labelled(rng)
    score = dbcv_score(X, labels)
    assert dbcv_score(X * 4, labels) == pytest.approx(score, rel=1e-12)
    renamed = np.array(list("dbca?"))[labels]
    assert dbcv_score(X[labels >= 0], renamed[labels >= 0]) == pytest.approx(
        dbcv_score(X, labels, noise="ignore"), rel=1e-12
    )


def test_noise_counts_as_asked_for(rng):
    X, labels = labelled(rng)
    kept = labels >= 0
    inside = dbcv_score(X[kept], labels[kept])
    assert dbcv_score(X, labels, noise="ignore") == inside
    assert dbcv_score(X, labels) == pytest.approx(inside * kept.mean())
    assert dbcv_score(X, labels, noise="cluster") == dbcv_score(X, labels + 1)
    with pytest.raises(ValueError, match="noise label -1 with noise='error'"):
        dbcv_score(X, labels, noise="error")


def test_groups_that_are_apart_score_high_and_mixed_ones_low(rng):
    t = rng.uniform(0, np.pi, size=200)
    moons = np.column_stack([np.cos(t), np.sin(t)]) * np.where(np.arange(200) < 100, 1, -1)[:, None]
    moons[100:] += [1.0, 0.4]
    labels = (np.arange(200) >= 100).astype(int)
    assert dbcv_score(moons, labels) > 0.3
    assert dbcv_score(moons, rng.permutation(labels)) < -0.3


@threads_and_blocks
@both_dtypes
def test_threads_and_blocks_change_no_bit(n_threads, block_length, dtype, rng):
    X, labels = labelled(rng, 500, 8)
    X = X.astype(dtype)
    with threads_and_block_length(1, 0):
        expected = dbcv_clusters(X, labels)
    with threads_and_block_length(n_threads, block_length):
        assert bits(*dbcv_clusters(X, labels)) == bits(*expected)


@both_dtypes
def test_every_instruction_set_agrees(dtype, rng):
    X, labels = labelled(rng, 200, 6)
    before = _core.isa()
    try:
        for isa in _core.isa_available():
            _core.set_isa(isa)
            score = dbcv_score(X.astype(dtype), labels)
            assert score == pytest.approx(
                dbcv(X.astype(dtype), labels)[0], abs=1e-9 if dtype == np.float64 else 1e-3
            )
    finally:
        _core.set_isa(before)


def test_progress_is_shown_when_asked_for(rng, capfd):
    X, labels = labelled(rng)
    dbcv_score(X, labels, verbose=1)
    assert "DBCV" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": [0, 0, 0, -1]}, "labels must hold at least 2 clusters; got 1"),
        (
            {"labels": [-1, -1, -1, -1]},
            r"labels must hold at least 2 clusters; got 0: all n_samples=4 are noise$",
        ),
        ({"labels": [0, 1]}, "labels must have n_samples=4 entries; got 2"),
        ({"metric": "canberra"}, "metric must be one of .*; got 'canberra'"),
        ({"dimension": 0}, r"dimension must be in \(0, inf\); got 0"),
        ({"metric": "minkowski", "p": 0.5}, r"p must be in \[1, inf\]; got 0.5"),
        ({"noise": "drop"}, "noise must be one of 'penalty', .*; got 'drop'"),
    ],
)
def test_refusals_name_the_parameter_and_the_value(options, message):
    with pytest.raises(ValueError, match=message):
        dbcv_score([[0.0], [1.0], [4.0], [5.0]], **{"labels": [0, 0, 1, 1], **options})
