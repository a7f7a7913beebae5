"""The instruction set: chosen at import, forced by SHOAL_ISA, the same answers on each level."""

import numpy as np
import pytest

from shoal import _core

LEVELS = _core.isa_available()
SAY = "from shoal import base, _core; print(_core.isa())"


@pytest.fixture
def isa_given_back():
    before = _core.isa()
    yield
    _core.set_isa(before)


def test_the_scalar_level_is_always_there_and_first():
    assert LEVELS[0] == "scalar"
    assert len(set(LEVELS)) == len(LEVELS)


@pytest.mark.parametrize("unset", [None, ""])
def test_the_best_level_is_used_when_nothing_is_forced(run_python, unset):
    assert run_python(SAY, SHOAL_ISA=unset).split() == [LEVELS[-1]]


@pytest.mark.parametrize("level", LEVELS)
def test_each_level_can_be_forced_by_the_environment(run_python, level):
    assert run_python(SAY, SHOAL_ISA=level).split() == [level]


@pytest.mark.parametrize("value", ["v9", "avx2", "V2"])
def test_an_unknown_level_is_refused_in_one_sentence(run_python, value):
    error = run_python(SAY, returncode=1, SHOAL_ISA=value).strip().splitlines()[-1]
    known = ", ".join(LEVELS)
    assert error == f"ImportError: SHOAL_ISA must be one of {known} on this machine; got {value!r}"


def test_an_unknown_or_missing_level_is_refused_by_the_module_and_changes_nothing():
    before = _core.isa()
    for name in {"v9", *({"v2", "v3", "v4", "neon"} - set(LEVELS))}:
        with pytest.raises(ValueError, match="instruction set"):
            _core.set_isa(name)
    assert _core.isa() == before


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan"])
def test_all_levels_give_the_same_distances_to_rounding(rng, isa_given_back, metric, dtype):
    x = rng.normal(size=(67, 19)).astype(dtype)
    y = rng.normal(size=(23, 19)).astype(dtype)
    results = []
    for level in LEVELS:
        _core.set_isa(level)
        results.append((_core.pairwise(x, y, metric), _core.nearest(x, y)[0]))
    for distances, labels in results[1:]:
        np.testing.assert_allclose(distances, results[0][0], rtol=1e-4 if dtype == np.float32 else 1e-12)
        np.testing.assert_array_equal(labels, results[0][1])
