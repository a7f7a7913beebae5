"""Statistics against published examples and numbers worked by hand."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import rankdata

from shoal.evaluation.statistics import (
    cliques,
    critical_difference,
    difference_test,
    friedman,
    holm,
    mean_interval,
    performance_profile,
    wilcoxon,
)

# Demšar 2006, table 6: AUC of four variants of C4.5 on 14 data sets (a last digit of `voting` added where the paper's
# ranks tell that it was rounded away).
AUC = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def test_ranks_and_friedmans_statistic_are_demsars():
    found = friedman(AUC)
    np.testing.assert_allclose(found.ranks, [3.143, 2.000, 2.893, 1.964], atol=5e-4)
    # the paper's 9.28 is not corrected for ties: 3 pairs of 2 and one of 4 among 14 times 4 ranks
    ties = 1 - (3 * (2**3 - 2) + 4**3 - 4) / (14 * (4**3 - 4))
    assert found.chi2 * ties == pytest.approx(9.28, abs=0.005)
    plain = found.chi2 * ties
    assert 13 * plain / (14 * 3 - plain) == pytest.approx(3.69, abs=0.005)  # the paper's F
    assert found.f == pytest.approx(13 * found.chi2 / (14 * 3 - found.chi2))
    assert 0 < found.p_f < found.p_chi2 < 0.03
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)


@pytest.mark.parametrize(
    ("k", "q"),
    [
        (2, 1.960),
        (3, 2.343),
        (4, 2.569),
        (5, 2.728),
        (6, 2.850),
        (7, 2.949),
        (8, 3.031),
        (9, 3.102),
        (10, 3.164),
    ],
)
def test_critical_differences_are_those_of_demsars_table_5(k, q):
    assert critical_difference(k, 30) == pytest.approx(q * np.sqrt(k * (k + 1) / 180), rel=5e-4)


def test_friedman_of_methods_that_never_differ():
    found = friedman(np.ones((5, 3)))
    assert (found.p_chi2, found.p_f) == (1.0, 1.0)
    assert found.ranks.tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match="at least 2 sets and 3 methods"):
        friedman(np.ones((5, 2)))


def test_the_signed_rank_test_is_that_of_all_signs():
    gap = AUC[:, 1] - AUC[:, 0]
    gap = gap[gap != 0]
    ranks = rankdata(np.abs(np.round(gap, 6)))
    assert ranks[gap < 0].sum() == 6.5  # by hand: iris 1.5 and breast cancer 5
    sums = np.array([ranks[np.array(signs)].sum() for signs in product([False, True], repeat=len(gap))])
    exact = np.mean(np.minimum(sums, ranks.sum() - sums) <= 6.5)
    assert wilcoxon(AUC[:, 1], AUC[:, 0]) == pytest.approx(exact, abs=0.006)
    assert wilcoxon([1.0, 2.0], [1.0, 2.0 + 1e-12]) == 1.0


def test_holm_is_the_definition(rng):
    p = rng.random(7) ** 3
    adjusted = holm(p)
    for level in (0.01, 0.05, 0.2, 0.5):
        rejected = set()
        for step, i in enumerate(np.argsort(p)):  # reject while p_(i) <= level / (m - i)
            if p[i] > level / (len(p) - step):
                break
            rejected.add(int(i))
        assert {i for i, value in enumerate(adjusted) if value <= level} == rejected
    assert holm([]) == []


def test_the_interval_covers_the_mean_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(3.0, 2.0, (4000, 5))
    inside = [abs(m.value - 3.0) <= m.half_width for m in map(mean_interval, draws)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)
    # by hand: 1, 2, 3, 4 has deviation 1.29099, t(0.975; 3) = 3.18245
    assert mean_interval([1, 2, 3, 4]).half_width == pytest.approx(3.18245 * 1.29099 / 2, rel=1e-5)
    assert mean_interval([0.5]).half_width is None


def test_pairs_see_what_the_spread_of_samples_hides(rng):
    base = rng.normal(size=8)
    ours = base + 0.1 + 0.01 * rng.normal(size=8)
    assert difference_test(ours, base, paired=True) < 1e-4 < 0.1 < difference_test(ours, base, paired=False)
    assert difference_test([0.5], [0.5 + 1e-12], paired=False) == 1.0
    assert difference_test([0.5], [0.6], paired=True) == 0.0
    assert difference_test([0.5, 0.6], [0.55], paired=False) == 1.0
    for paired in (True, False):  # one draw tells nothing of the spread
        assert difference_test([0.5], [0.6], paired=paired, drawn=True) == 1.0


def test_cliques_hold_all_pairs_within_the_difference_and_no_other(rng):
    ranks = np.sort(rng.uniform(1, 10, 12))
    groups = cliques(ranks[::-1], 1.5)
    together = {(i, j) for a, b in groups for i in range(a, b + 1) for j in range(i + 1, b + 1)}
    assert together == {(i, j) for i in range(12) for j in range(i + 1, 12) if ranks[j] - ranks[i] <= 1.5}
    assert not any(a2 >= a and b2 <= b for a, b in groups for a2, b2 in groups if (a, b) != (a2, b2))


def test_a_profile_is_the_share_within_each_factor(rng):
    costs = rng.uniform(1, 5, (40, 3))
    costs[rng.random((40, 3)) < 0.2] = np.inf
    costs[0] = np.inf  # nobody solves this one: it counts against all
    best = costs.min(axis=1)
    for column, (factors, shares) in zip(costs.T, performance_profile(costs), strict=True):
        assert (np.diff(factors) > 0).all()
        for tau in (1.0, 1.3, 2.0, 4.9):
            expected = np.mean(np.isfinite(column) & (column <= tau * best * (1 + 1e-12)))
            reached = shares[factors <= tau * (1 + 1e-12)]
            assert (reached[-1] if reached.size else 0.0) == pytest.approx(expected)
    with pytest.raises(ValueError, match="positive"):
        performance_profile([[0.0, 1.0]])
