"""Every refusal is one sentence that names the parameter, the expectation and the value."""

import re
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator

import shoal
from shoal import _core
from shoal.base.checks import (
    check_bool,
    check_choice,
    check_data,
    check_int,
    check_labels,
    check_matrix,
    check_not_negative,
    check_real,
    check_sample_weight,
    check_weight,
    draw_seed,
    is_symmetric,
)
from shoal.density.reachability import check_distances

X = np.arange(12.0).reshape(4, 3)


class Model(BaseEstimator):
    """Something that learns feature names."""


def with_value(value, row=2, column=1, dtype=np.float64):
    changed = X.astype(dtype)
    changed[row, column] = value
    return changed


def refusal(function, *args, error=ValueError, **kwargs):
    """The message of the refusal: one sentence, on one line."""
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.__cause__ is None
    return message


# --- data -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_data_in_the_right_form_are_borrowed(dtype):
    data = X.astype(dtype)
    assert check_data(Model(), data) is data
    assert check_matrix(data) is data


@pytest.mark.parametrize(
    "data",
    [
        X.tolist(),
        X.astype(np.int64),
        X.astype(np.float16),
        X.astype(np.longdouble),
        X.astype(object),
        np.asfortranarray(X),
        np.repeat(X, 2, axis=0)[::2],
        pd.DataFrame(X),
        pl.DataFrame(X, schema=["a", "b", "c"]),
        np.ma.masked_array(X, mask=False),
    ],
    ids=[
        "list", "integers", "half", "long double", "objects",
        "column-major", "strided", "pandas", "polars", "nothing masked",
    ],
)  # fmt: skip
def test_other_forms_become_float64_rows(data):
    checked = check_data(Model(), data)
    assert checked.dtype == np.float64
    assert checked.flags.c_contiguous
    np.testing.assert_array_equal(checked, X)


def test_float32_frames_and_column_major_arrays_stay_float32():
    for data in (pd.DataFrame(X.astype(np.float32)), np.asfortranarray(X, dtype=np.float32)):
        assert check_data(Model(), data).dtype == np.float32


def test_float32_of_the_other_byte_order_stays_float32():
    swapped = X.astype(np.dtype(np.float32).newbyteorder())
    for checked in (check_data(Model(), swapped), check_matrix(swapped)):
        assert checked.dtype == np.float32
        np.testing.assert_array_equal(checked, X.astype(np.float32))


def test_read_only_and_memory_mapped_data_are_accepted(tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    np.testing.assert_array_equal(check_matrix(mapped), X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_that_straddle_their_places_are_copied(dtype):
    """As after a header of odd length in a file that is mapped: kernels read whole values."""
    values = np.frombuffer(b"?" + X.astype(dtype).tobytes(), dtype=dtype, offset=1)
    assert not values.flags.aligned
    for checked in (check_data(Model(), values.reshape(X.shape)), check_matrix(values.reshape(X.shape))):
        assert checked.flags.aligned
        np.testing.assert_array_equal(checked, X.astype(dtype))
    weight = check_sample_weight(values, values.size, dtype, signed=True)
    assert weight.flags.aligned
    np.testing.assert_array_equal(weight, values)


def test_csr_stays_csr_where_it_has_a_meaning():
    for matrix in (sparse.csr_matrix(X), sparse.coo_matrix(X), sparse.csc_array(X)):
        checked = check_data(Model(), matrix, accept_sparse=True)
        assert checked.format == "csr"
        np.testing.assert_array_equal(checked.toarray(), X)
    message = refusal(check_data, Model(), sparse.csr_matrix(X), error=TypeError)
    assert message.startswith("Sparse data was passed for X, but dense data is required")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")])
def test_a_value_that_is_not_finite_is_refused_with_row_and_column(value, word, dtype):
    message = refusal(check_data, Model(), with_value(value, dtype=dtype))
    assert message == (
        f"Input X contains {word} at row 2, column 1; Model does not accept missing or infinite values"
    )
    assert (
        refusal(check_matrix, with_value(value), "centers")
        == f"Input centers contains {word} at row 2, column 1"
    )


def test_the_first_of_several_bad_values_is_named_and_the_others_counted():
    data = with_value(np.inf)
    data[3, 0] = data[3, 2] = np.nan
    assert refusal(check_matrix, data) == "Input X contains infinity at row 2, column 1 (and 2 more)"
    assert (
        refusal(check_matrix, np.asfortranarray(data))
        == "Input X contains infinity at row 2, column 1 (and 2 more)"
    )


def test_opposite_infinities_do_not_cancel():
    data = with_value(np.inf)
    data[3, 2] = -np.inf
    assert "row 2, column 1 (and 1 more)" in refusal(check_matrix, data)


def test_a_sum_that_overflows_is_no_reason_to_refuse():
    for dtype in (np.float32, np.float64):
        data = np.full((4, 3), np.finfo(dtype).max, dtype=dtype)
        assert check_matrix(data) is data


def test_a_bad_value_in_a_sparse_matrix_is_named_by_its_place_in_the_matrix():
    dense = np.zeros((5, 7))
    dense[1, 2], dense[3, 6] = 1.0, np.nan
    message = refusal(check_data, Model(), sparse.csr_matrix(dense), accept_sparse=True)
    assert message.startswith("Input X contains NaN at row 3, column 6")


@pytest.mark.parametrize("frame", [pd.DataFrame, lambda columns: pl.DataFrame(columns, strict=False)])
def test_a_missing_value_in_a_frame_is_named_by_its_column(frame):
    message = refusal(check_data, Model(), frame({"height": [1.0, 2.0], "mass": [3.0, None]}))
    assert message.startswith("Input X contains NaN at row 1, column 1 ('mass')")


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_text_in_a_frame_is_named_by_row_and_column(frame):
    message = refusal(check_data, Model(), frame({"height": [1.0, 2.0], "name": ["1.5", "x"]}))
    assert (
        message
        == "Input X must hold numbers: could not convert string to float: 'x', at row 1, column 1 ('name')"
    )


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_dates_in_a_frame_are_refused_not_turned_into_nanoseconds(frame):
    when = pd.to_datetime(["2020-01-01", "2021-01-01"])
    message = refusal(check_data, Model(), frame({"when": when}), error=TypeError)
    assert re.fullmatch(r"Input X must hold numbers; got dtype [Dd]atetime.* in column 0 \('when'\)", message)


def test_what_holds_no_numbers_is_refused_with_its_place():
    message = refusal(check_matrix, np.array([["1", "a"]]))
    assert message == "Input X must hold numbers: could not convert string to float: 'a', at row 0, column 1"
    objects = X.astype(object)
    objects[1, 2] = {}
    message = refusal(check_data, Model(), objects, error=TypeError)
    assert message.startswith("Input X must hold numbers: float() argument must be a string or a real number")
    assert message.endswith("at row 1, column 2")
    assert refusal(check_matrix, np.array([["2020"]], dtype="M8[Y]"), error=TypeError) == (
        "Input X must hold numbers; got dtype datetime64[Y]"
    )


def test_complex_and_masked_data_are_refused():
    assert refusal(check_matrix, X * 1j) == (
        "Complex data not supported: X must hold real numbers; got dtype complex128"
    )
    assert refusal(check_data, Model(), sparse.csr_matrix(X * 1j), accept_sparse=True).startswith(
        "Complex data"
    )
    assert refusal(check_matrix, np.ma.masked_array(X, mask=X > 8)) == (
        "Input X must have no masked values; got 3 of them"
    )


@pytest.mark.parametrize(
    ("data", "start"),
    [
        (X[0], "X must be a 2D array of shape (n_samples, n_features); got shape (3,). Reshape your data"),
        (5, "X must be a 2D array of shape (n_samples, n_features); got 5"),
        (None, "X must be a 2D array of shape (n_samples, n_features); got None"),
        ("text", "X must be a 2D array of shape (n_samples, n_features); got 'text'"),
        (X.reshape(2, 2, 3), "Found array X with dim 3"),
        (X[:0], "Found array X with 0 sample(s) (shape=(0, 3)) while a minimum of 1 is required"),
        (X[:, :0], "Found array X with 0 feature(s) (shape=(4, 0)) while a minimum of 1 is required"),
        ([[1.0, 2.0], [3.0]], "X must have rows of one length"),
    ],
    ids=["vector", "number", "None", "text", "3D", "no samples", "no features", "ragged"],
)
def test_a_wrong_shape_is_refused(data, start):
    assert refusal(check_data, Model(), data).startswith(start)
    assert refusal(check_matrix, data, "centers").startswith(start.replace("X ", "centers "))


def test_too_few_samples_are_refused():
    assert refusal(check_matrix, X, min_samples=5) == (
        "Found array X with 4 sample(s) (shape=(4, 3)) while a minimum of 5 is required."
    )


def test_feature_names_and_count_are_learnt_then_compared():
    model = Model()
    check_data(model, pd.DataFrame(X, columns=["a", "b", "c"]))
    assert model.n_features_in_ == 3
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="feature names should match those that were passed during fit"):
        check_data(model, pd.DataFrame(X, columns=["a", "c", "b"]), reset=False)
    model = Model()
    check_data(model, X)
    message = refusal(check_data, model, X[:, :2], reset=False)
    assert message == "X has 2 features, but Model is expecting 3 features as input."


# --- weights --------------------------------------------------------------------------------------


def test_no_weights_stay_none():
    assert check_weight(None, X) is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_take_the_dtype_of_the_data(dtype):
    data = X.astype(dtype)
    for given in ([1, 2, 0, 4], (1.0, 2.0, 0.0, 4.0), np.array([1, 2, 0, 4]), pd.Series([1, 2, 0, 4])):
        weight = check_weight(given, data)
        assert weight.dtype == dtype
        assert weight.flags.c_contiguous
        assert weight.tolist() == [1, 2, 0, 4]


def test_one_number_weighs_every_sample_and_strided_weights_are_read_right():
    assert check_weight(2, X).tolist() == [2, 2, 2, 2]
    assert check_weight(np.arange(8.0)[::2], X).tolist() == [0, 2, 4, 6]


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1, 2], "sample_weight must have shape (n_samples=4,); got (2,)"),
        (np.ones((4, 1)), "sample_weight must have shape (n_samples=4,); got (4, 1)"),
        ([1, 2, 3, -4], "Negative values in sample_weight at index 3: must be >= 0; got -4"),
        (-1, "Negative values in sample_weight at index 0: must be >= 0; got -1"),
        ([1, 2, np.nan, 4], "Input sample_weight contains NaN at index 2"),
        ([1, np.inf, 3, 4], "Input sample_weight contains infinity at index 1"),
        ([0, 0, 0, 0], "sample_weight must have a positive value; got all zero"),
        (["a"] * 4, "sample_weight must be an array of numbers: could not convert string to float: 'a'"),
        (
            np.ones(4) * 1j,
            "Complex data not supported: sample_weight must hold real numbers; got dtype complex128",
        ),
    ],
)
def test_bad_weights_are_refused(weight, message):
    assert refusal(check_weight, weight, X) == message


def test_a_weight_that_float32_cannot_hold_is_refused():
    assert "infinity at index 1" in refusal(check_weight, [1.0, 1e39, 1.0, 1.0], X.astype(np.float32))


# --- parameters -----------------------------------------------------------------------------------


def test_an_integer_in_range_is_returned_as_int():
    assert check_int("n_clusters", np.int32(4), 1, 40) == 4
    assert type(check_int("n_clusters", np.int32(4), 1, 40)) is int


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (50, ValueError, "n_clusters must be in [1, n_samples=40]; got 50"),
        (0, ValueError, "n_clusters must be in [1, n_samples=40]; got 0"),
        (2.0, TypeError, "n_clusters must be an integer; got 2.0"),
        (True, TypeError, "n_clusters must be an integer; got True"),
        ("3", TypeError, "n_clusters must be an integer; got '3'"),
        (None, TypeError, "n_clusters must be an integer; got None"),
    ],
)
def test_an_integer_out_of_range_or_of_another_kind_is_refused(value, error, message):
    assert refusal(check_int, "n_clusters", value, 1, 40, "n_samples", error=error) == message


def test_ranges_without_a_name_or_an_end_read_well():
    assert refusal(check_int, "max_iter", 0, 1) == "max_iter must be in [1, inf); got 0"
    assert refusal(check_int, "n_init", 9, 1, 5) == "n_init must be in [1, 5]; got 9"


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.5), np.int64(1)])
def test_a_number_in_range_is_returned_as_float(value):
    assert check_real("tol", value, 0, 1) == float(value)
    assert type(check_real("tol", value, 0, 1)) is float


@pytest.mark.parametrize(
    ("value", "kwargs", "message"),
    [
        (-0.5, {"low": 0}, "tol must be in [0, inf); got -0.5"),
        (np.nan, {"low": 0}, "tol must be in [0, inf); got nan"),
        (np.inf, {"low": 0}, "tol must be in [0, inf); got inf"),
        (np.nan, {}, "tol must be in (-inf, inf); got nan"),
        (2, {"low": 0, "high": 1}, "tol must be in [0, 1]; got 2"),
        (0, {"low": 0, "high": 1, "open_low": True}, "tol must be in (0, 1]; got 0"),
    ],
)
def test_a_number_out_of_range_is_refused(value, kwargs, message):
    assert refusal(check_real, "tol", value, **kwargs) == message


def test_an_open_end_is_out_of_range_and_told_as_such():
    assert check_real("x", 0.5, 0.5, 1, open_high=True) == 0.5
    for value in (0.1, 1, 2):
        with pytest.raises(ValueError, match=rf"x must be in \[0.5, 1\); got {value}"):
            check_real("x", value, 0.5, 1, open_high=True)


@pytest.mark.parametrize("value", ["x", None, True, 1j, [1.0]])
def test_what_is_no_number_is_refused(value):
    assert refusal(check_real, "tol", value, error=TypeError) == f"tol must be a number; got {value!r}"


def test_a_choice_is_one_of_the_listed():
    choices = ("lloyd", "elkan")
    assert check_choice("algorithm", "elkan", choices) == "elkan"
    for value in ("Lloyd", "", None, 3, ["lloyd"], ("lloyd",)):
        message = refusal(check_choice, "algorithm", value, choices)
        assert message == f"algorithm must be one of 'lloyd', 'elkan'; got {value!r}"


def test_a_switch_is_true_or_false():
    assert check_bool("copy_x", True) is True
    assert check_bool("copy_x", np.False_) is False
    for value in (1, 0, None, "yes"):
        assert refusal(check_bool, "copy_x", value, error=TypeError) == (
            f"copy_x must be True or False; got {value!r}"
        )


def test_labels_are_one_dimensional_and_as_many_as_samples():
    assert check_labels([1, 2, 2], "labels", 3).tolist() == [1, 2, 2]
    assert check_labels([[1], [2]], "labels").tolist() == [1, 2]
    assert check_labels(["a", "b"], "labels").tolist() == ["a", "b"]
    assert refusal(check_labels, [[1, 2]], "labels_true") == "labels_true must be 1D: shape is (1, 2)"
    assert (
        refusal(check_labels, [1, 2], "labels_true", 3) == "labels_true must have n_samples=3 entries; got 2"
    )


# --- seeds ----------------------------------------------------------------------------------------


def test_a_seed_repeats_for_an_int_and_advances_a_generator():
    assert draw_seed(3) == draw_seed(3) != draw_seed(4)
    assert 0 <= draw_seed(3) < 2**63
    assert draw_seed(None) != draw_seed(None)
    for make in (np.random.RandomState, np.random.default_rng):
        state = make(0)
        first, second = draw_seed(state), draw_seed(state)
        assert first != second
        assert draw_seed(make(0)) == first


@pytest.mark.parametrize("value", [-1, 2**40, 2.5, "x"])
def test_what_cannot_seed_is_refused(value):
    assert refusal(draw_seed, value) == (
        f"random_state must be None, an int in [0, 2**32 - 1], a RandomState or a Generator; got {value!r}"
    )


# --- compressed matrices that are not what they say ----------------------------------------------------------


def broken(**changes):
    matrix = sparse.csr_matrix(np.arange(12.0).reshape(4, 3) + 1)
    for name, (index, value) in changes.items():
        getattr(matrix, name)[index] = value
    return matrix


@pytest.mark.parametrize(
    "changes",
    [{"indices": (2, 10**9)}, {"indices": (3, -5)}, {"indptr": (3, 10**6)}, {"indptr": (3, 0)}],
    ids=["index beyond", "negative index", "pointer beyond", "pointer falls"],
)
def test_a_malformed_sparse_matrix_is_refused(changes):
    with pytest.raises(ValueError, match="X must be a well-formed sparse matrix"):
        shoal.KMeans(2, random_state=0).fit(broken(**changes))


def test_room_that_a_sparse_matrix_does_not_use_is_not_looked_at():
    full = sparse.csr_matrix(np.arange(12.0).reshape(4, 3) + 1)
    roomy = full.copy()
    roomy.data = np.append(roomy.data, np.nan)
    roomy.indices = np.append(roomy.indices, 0).astype(np.int32)
    ours = shoal.KMeans(2, random_state=0).fit(roomy)
    np.testing.assert_array_equal(ours.labels_, shoal.KMeans(2, random_state=0).fit(full).labels_)
    assert len(roomy.data) == 13  # the caller's own stays as it is


def test_entries_of_one_cell_that_overflow_together_are_refused():
    twice = sparse.csr_matrix(
        (np.array([1e308, 1e308, 1.0]), np.array([0, 0, 0]), np.array([0, 2, 3])), shape=(2, 1)
    )
    with pytest.raises(ValueError, match="infinity at row 0"):
        shoal.KMeans(1).fit(twice)


def test_numbers_beyond_what_kernels_take_are_refused_by_name():
    with pytest.raises(ValueError, match=r"max_iter must be in \[1, 2\*\*63\); got 1000"):
        shoal.KMeans(2, max_iter=10**30).fit(X)
    with pytest.raises(ValueError, match=r"tol must be in \[0, inf\]?\)?; got 1000"):
        shoal.KMeans(2, tol=10**400).fit(X)
    with pytest.raises(ValueError, match="metric must be one of"):
        shoal.DBSCAN(metric=np.array([1, 2])).fit(X)


def test_a_connectivity_that_is_no_matrix_of_numbers_is_named():
    for given in (True, "x", 1.0, [[np.nan] * 4] * 4):
        with pytest.raises((TypeError, ValueError), match="connectivity"):
            shoal.linkage_tree(X, given)


@pytest.mark.parametrize("level", _core.isa_available())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extremes_are_those_of_numpy_at_every_length_level_and_number_of_threads(rng, level, dtype):
    before = _core.isa()
    try:
        _core.set_isa(level)
        for n in [*range(1, 70), 100_003]:
            values = rng.normal(size=n).astype(dtype)
            for place in (None, 0, n - 1, n // 2):
                for value in (np.inf, -np.inf, np.nan, 1e30, -1e30):
                    changed = values.copy()
                    if place is not None:
                        changed[place] = value
                    for threads in (1, 2, 7):
                        with shoal.threads(threads):
                            got = _core.extremes(changed)
                    np.testing.assert_array_equal(got, (changed.min(), changed.max()))
        assert _core.extremes(np.empty(0, dtype)) == (np.inf, -np.inf)
    finally:
        _core.set_isa(before)


@pytest.mark.parametrize(
    ("check", "value", "ending"),
    [
        (lambda v: check_choice("metric", v, ["l2"]), np.int64(-1), "got -1"),
        (lambda v: check_choice("metric", v, ["l2"]), np.str_("l3"), "got 'l3'"),
        (lambda v: check_bool("copy", v), np.float64(0.5), "got 0.5"),
        (lambda v: check_int("k", v, 1), np.float64(2.5), "got 2.5"),
        (lambda v: check_real("tol", v), np.str_("a"), "got 'a'"),
        (lambda v: check_labels(v, "labels"), np.int64(3), "got 3"),
        (draw_seed, np.int64(-3), "got -3"),
    ],
)
def test_numpy_scalars_are_shown_as_plain_numbers(check, value, ending):
    assert refusal(check, value, error=(TypeError, ValueError)).endswith(ending)


@pytest.mark.parametrize("n", [1, 7, 700])
def test_symmetry_is_that_of_allclose(n):
    X = np.random.default_rng(0).uniform(size=(n, n))
    X += X.T
    close, far, infinite, missing = (X.copy() for _ in range(4))
    close[0, -1] *= 1 + 1e-6
    far[0, -1] += 1e-3
    infinite[0, -1] = infinite[-1, 0] = np.inf
    missing[-1, -1] = np.nan
    for given in (X, close, far, infinite, missing, np.asfortranarray(far)):
        assert is_symmetric(given) == np.allclose(given, given.T)


def test_checks_of_distances_take_less_than_another_matrix():
    X = np.ones((1500, 1500))
    for check in (is_symmetric, check_not_negative, check_distances):
        tracemalloc.start()
        check(X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < X.nbytes / 2
