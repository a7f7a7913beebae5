"""Files into matrices: every format the same, every fault named."""

import os

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from shoal.datasets import read_table

X = np.array([[1.5, -2.0], [0.1, 3e-300], [7.0, 1e300]])


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def save_table(frame, path):
    kind = path.suffix
    if kind in (".csv", ".txt"):
        frame.write_csv(path)
    elif kind == ".tsv":
        frame.write_csv(path, separator="\t")
    elif kind in (".parquet", ".pq"):
        frame.write_parquet(path)
    elif path.stem == "stream":
        frame.write_ipc_stream(path)
    else:
        frame.write_ipc(path)


@pytest.mark.parametrize(
    "name",
    [
        "t.csv",
        "t.txt",
        "t.tsv",
        "t.parquet",
        "t.pq",
        "t.arrow",
        "t.feather",
        "t.ipc",
        "stream.arrow",
        "T.CSV",
    ],
)
def test_every_table_format_gives_the_same_matrix(tmp_path, name):
    frame = pl.DataFrame({"a": X[:, 0], "kind": ["x", "y", "z"], "b": X[:, 1]})
    path = tmp_path / name
    save_table(frame, path.with_suffix(path.suffix.lower()))
    if path.suffix != path.suffix.lower():
        path.with_suffix(path.suffix.lower()).rename(path)
    part = read_table(path).select()
    np.testing.assert_array_equal(part.X, X)
    assert part.X.dtype == np.float64
    assert part.X.flags.c_contiguous
    assert (part.feature_names, part.left_out) == (["a", "b"], ["kind"])


def test_npy_and_npz_give_the_same_matrix(tmp_path):
    np.save(tmp_path / "m.npy", X)
    np.savez(tmp_path / "m.npz", X=X)
    np.savez(tmp_path / "other_name.npz", points=np.asfortranarray(X))
    for name in ("m.npy", "m.npz", "other_name.npz"):
        part = read_table(tmp_path / name).select()
        np.testing.assert_array_equal(part.X, X)
        assert part.feature_names == ["x0", "x1"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    arrays(
        np.float64,
        array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_any_finite_matrix_survives_csv_to_the_bit(tmp_path, matrix):
    path = tmp_path / "any.csv"
    pl.DataFrame(matrix, schema=[f"c{j}" for j in range(matrix.shape[1])], orient="row").write_csv(path)
    np.testing.assert_array_equal(read_table(path).select().X, matrix)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (np.uint8, np.float32),
        (np.int16, np.float32),
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.int32, np.float64),
        (np.int64, np.float64),
        (np.float64, np.float64),
        (">f8", np.float64),
    ],
)
def test_small_types_become_float32_and_no_value_changes(tmp_path, dtype, expected):
    values = np.array([[0, 1], [100, 17]]).astype(dtype)
    np.save(tmp_path / "m.npy", values)
    part = read_table(tmp_path / "m.npy").select()
    assert part.X.dtype == expected
    np.testing.assert_array_equal(part.X, values.astype(np.float64))


def test_one_wide_column_makes_the_matrix_float64(tmp_path):
    pl.DataFrame({"a": pl.Series([1.0], dtype=pl.Float32), "b": [0.1]}).write_parquet(tmp_path / "m.parquet")
    assert read_table(tmp_path / "m.parquet").select().X.tolist() == [[1.0, 0.1]]


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n3,4\n",
        "a;b\n1;2\n3;4\n",
        "a|b\n1|2\n3|4\n",
        "a, b\n1, 2\n3, 4\n",
        "\ufeffa,b\n1,2\n3,4\n",
        "a,b\r\n1,2\r\n3,4\r\n",
        '"a","b"\n"1","2"\n"3","4"\n',
    ],
)
def test_csv_dialects(tmp_path, text):
    part = read_table(write(tmp_path / "t.csv", text)).select()
    assert part.feature_names == ["a", "b"]
    assert part.X.tolist() == [[1, 2], [3, 4]]


def test_a_first_line_of_numbers_is_data(tmp_path):
    table = read_table(write(tmp_path / "t.csv", "1,2\n3,4\n"))
    assert table.select().X.tolist() == [[1, 2], [3, 4]]
    assert table.notes == ["the first line holds numbers only, so columns are called x0 to x1"]


def test_a_number_late_in_a_file_does_not_make_a_text_column_numeric(tmp_path):
    path = write(tmp_path / "t.csv", "a,b\n" + "1,1\n" * 2000 + "1,x\n")
    assert read_table(path).select().left_out == ["b"]


@pytest.mark.parametrize("blank", ["", "NA", "NaN", "nan", "null", "None", "?", "n/a", " ", " NA"])
def test_an_empty_cell_is_named_and_dropped_on_request(tmp_path, blank):
    table = read_table(write(tmp_path / "t.csv", f"a,b\n1,2\n3,{blank}\n5,6\n"))
    with pytest.raises(
        ValueError, match=r"t.csv has an empty cell at row 1 \(line 3\), column 'b'; .*--drop-missing"
    ):
        table.select()
    part = table.select(drop_missing=True)
    assert part.X.tolist() == [[1, 2], [5, 6]]
    assert (part.rows.tolist(), part.n_missing) == ([0, 2], 1)


def test_the_count_of_empty_cells_is_told(tmp_path):
    table = read_table(write(tmp_path / "t.csv", "a,b\n1,2\n,\n5,\n"))
    with pytest.raises(ValueError, match=r"row 1 \(line 3\), column 'a' \(3 empty cells in 2 rows\)"):
        table.select()


def test_an_empty_cell_in_a_column_that_is_not_used_is_no_fault(tmp_path):
    table = read_table(write(tmp_path / "t.csv", "a,b\n1,2\n3,\n"))
    assert table.select(["a"]).X.tolist() == [[1], [3]]


def test_nan_in_binary_files_is_an_empty_cell(tmp_path):
    np.save(tmp_path / "m.npy", np.array([[1.0, 2.0], [np.nan, 3.0]]))
    with pytest.raises(ValueError, match="empty cell at row 1, column 'x0'"):
        read_table(tmp_path / "m.npy").select()


def test_an_empty_label_is_an_empty_cell(tmp_path):
    table = read_table(write(tmp_path / "t.csv", "a,kind\n1,x\n2,\n3,y\n"))
    with pytest.raises(ValueError, match="row 1 \\(line 3\\), column 'kind'"):
        table.select(label="kind")
    assert table.select(label="kind", drop_missing=True).y.tolist() == ["x", "y"]


def test_infinity_is_named_in_the_rows_of_the_file(tmp_path):
    table = read_table(write(tmp_path / "t.csv", "a,b\n,2\n3,4\n5,-inf\n"))
    with pytest.raises(ValueError, match=r"t.csv holds infinity at row 2 \(line 4\), column 'b'"):
        table.select(drop_missing=True)


def test_the_label_column_is_no_feature(tmp_path):
    part = read_table(write(tmp_path / "t.csv", "a,b,c\n1,2,0\n3,4,1\n")).select(label="c")
    assert part.feature_names == ["a", "b"]
    assert part.y.tolist() == [0, 1]


def test_columns_come_in_the_order_asked_for_and_once(tmp_path):
    part = read_table(write(tmp_path / "t.csv", "a,b,c\n1,2,3\n")).select(["c", "a", "c"])
    assert part.feature_names == ["c", "a"]
    assert part.X.tolist() == [[3, 1]]


def test_booleans_are_numbers_only_when_named(tmp_path):
    table = read_table(write(tmp_path / "t.csv", "a,ok\n1,true\n2,false\n"))
    assert table.select().left_out == ["ok"]
    assert table.select(["a", "ok"]).X.tolist() == [[1, 1], [2, 0]]


def test_npz_labels_and_class_names_are_found(tmp_path):
    np.savez(
        tmp_path / "m.npz",
        X=X,
        y=np.array([0, 1, -1]),
        y1=np.array([1, 0, 0]),
        class_names=np.array(["p", "q"]),
        other=np.zeros((5, 5)),
    )
    table = read_table(tmp_path / "m.npz")
    assert (table.label, table.candidates, table.class_names) == ("y", ["x0", "x1"], ["p", "q"])
    assert table.select().y.tolist() == [0, 1, -1]
    assert table.select(label="y1").y.tolist() == [1, 0, 0]
    assert table.select(label="y1").feature_names == ["x0", "x1"]


@pytest.mark.parametrize(
    ("select", "message"),
    [
        ({"columns": ["heigth"]}, "t.csv has no column 'heigth'; did you mean 'height'?"),
        ({"columns": ["zzz"]}, "t.csv has no column 'zzz'; it has 'height', 'kind', 'ok'"),
        ({"label": "kin"}, "t.csv has no label column 'kin'; did you mean 'kind'?"),
        ({"columns": ["kind"]}, "column 'kind' of t.csv is not numeric: row 0 (line 2) holds 'fern'"),
        ({"columns": []}, "columns must name at least one column; got none"),
        (
            {"columns": ["height"], "label": "height"},
            "column 'height' cannot be both a feature and the label column",
        ),
    ],
)
def test_a_wrong_selection_is_told_in_a_sentence(tmp_path, select, message):
    table = read_table(write(tmp_path / "t.csv", "height,kind,ok\n1,fern,true\n2,moss,false\n"))
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole sentence is compared
        table.select(**select)
    assert str(caught.value) == message


def test_the_value_that_spoils_a_column_is_shown(tmp_path):
    table = read_table(write(tmp_path / "t.csv", "a,b\n1,1\n2,\n3,3 cm\n"))
    with pytest.raises(
        ValueError, match=r"column 'b' of t.csv is not numeric: row 2 \(line 4\) holds '3 cm'"
    ):
        table.select(["b"])


def test_a_date_column_is_not_numeric(tmp_path):
    pl.DataFrame({"day": ["2024-01-01"]}).with_columns(pl.col("day").str.to_date()).write_parquet(
        tmp_path / "t.parquet"
    )
    table = read_table(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"has no numeric column; its columns are day \(Date\)"):
        table.select()
    with pytest.raises(ValueError, match=r"column 'day' of t.parquet is not numeric; its type is Date"):
        table.select(["day"])


def test_nothing_left_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"t.csv has an empty cell in each of its 2 rows"):
        read_table(write(tmp_path / "t.csv", "a,b\n1,\n,2\n")).select(drop_missing=True)
    pl.DataFrame({"a": pl.Series([], dtype=pl.Float64)}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"t.parquet has no rows"):
        read_table(tmp_path / "t.parquet").select()


def test_columns_of_a_model_are_found_by_name(tmp_path):
    table = read_table(write(tmp_path / "t.csv", "b,id,a\n1,9,2\n"))
    assert table.matrix(["a", "b"]).X.tolist() == [[2, 1]]
    with pytest.raises(
        ValueError, match=r"t.csv lacks 2 of the model's 3 columns, 'c', 'd'; it has 'b', 'id', 'a'"
    ):
        table.matrix(["a", "c", "d"])


def test_a_models_columns_do_not_need_the_labels_of_an_archive(tmp_path):
    np.savez(tmp_path / "m.npz", X=X, y=np.array([0.0, np.nan, 1.0]))
    assert read_table(tmp_path / "m.npz").matrix(["x1"]).X.shape == (3, 1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.xlsx", b"", "unknown file type '.xlsx'; expected one of .csv .tsv"),
        ("t", b"", "no file type in its name; expected one of .csv"),
        ("t.csv", b"", "is empty"),
        ("t.csv", b"PK\x00\x01\n", "is not a text file"),
        ("t.parquet", b"hello", "cannot be read as PARQUET: "),
        ("t.arrow", b"ARROW1 and no more", "cannot be read as ARROW: "),
        ("t.npy", b"hello", "cannot be read as NPY: "),
        ("t.npy", b"", "cannot be read as NPY: "),
        ("t.npy", b"\x93NUMPY\x01\x00 and no more", "cannot be read as NPY: "),
        ("t.npz", b"hello", "cannot be read as NPZ: "),
    ],
)
def test_a_file_that_is_not_what_its_name_says(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        read_table(tmp_path / name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "cells"),
    [("a,b\n1,2\n1,2,3,4\n", 3, 4), ('a;b\n"1\n2";2\n"x;y";2;3\n', 4, 3), ("a,b\n\n1,\xe9,3\n", 3, 3)],
)
def test_a_line_with_too_many_cells_is_named(tmp_path, text, line, cells):
    (tmp_path / "t.csv").write_bytes(text.encode("latin-1"))
    message = rf"t.csv must have as many cells in each line as in the first, 2; got {cells} in line {line}$"
    with pytest.raises(ValueError, match=message):
        read_table(tmp_path / "t.csv")


def test_a_file_with_a_line_of_names_only_has_no_rows(tmp_path):
    with pytest.raises(ValueError, match=r"^t.csv has no rows$"):
        read_table(write(tmp_path / "t.csv", "a,b\n")).select()


@pytest.mark.parametrize(
    "text",
    [
        "a;b\n1,5;2\n-2,25;3\n",
        "a;b\n 1,5 ;2\n-2,25;3 \n",
        "a\tb\n1,5\t2\n-2,25\t3\n",
        "a|b\n1,5|2\n-2,25|3\n",
    ],
)
def test_decimal_commas_are_read_on_request_and_hinted_at_otherwise(tmp_path, text):
    path = write(tmp_path / "t.csv", text)
    part = read_table(path, decimal_comma=True).select()
    np.testing.assert_array_equal(part.X, [[1.5, 2], [-2.25, 3]])
    table = read_table(path)
    hint = r"; if  ?1,5 ? is a number, read it with --decimal-comma$"
    with pytest.raises(ValueError, match=r"column 'a' of t.csv is not numeric: .*" + hint):
        table.select(["a"])
    with pytest.raises(ValueError, match=r"t.csv has no numeric column; .*" + hint):
        table.select(label="b")


def test_a_first_line_of_decimal_commas_is_data(tmp_path):
    path = write(tmp_path / "t.csv", "1,5;2,5\n-2,25;3,5\n")
    part = read_table(path, decimal_comma=True).select()
    assert part.feature_names == ["x0", "x1"]
    np.testing.assert_array_equal(part.X, [[1.5, 2.5], [-2.25, 3.5]])
    with pytest.raises(ValueError, match="if 1,5 is a number, read it with --decimal-comma"):
        read_table(path).select()


def test_a_point_beside_decimal_commas_makes_no_number(tmp_path):
    table = read_table(write(tmp_path / "t.csv", "a;b\n1,5;1\n1.234;1\n1.234,5;1\n"), decimal_comma=True)
    with pytest.raises(
        ValueError, match=r"column 'a' of t.csv is not numeric: row 1 \(line 3\) holds '1.234'$"
    ):
        table.select(["a"])


@pytest.mark.parametrize(("separator", "between"), [(":", ":"), ("tab", "\t"), (" ", " "), (";", ";")])
def test_a_separator_may_be_named(tmp_path, separator, between):
    path = write(tmp_path / "t.csv", f"a,x{between}b\n1{between}2\n3{between}4\n")
    part = read_table(path, separator=separator).select()
    assert part.feature_names == ["a,x", "b"]
    np.testing.assert_array_equal(part.X, [[1, 2], [3, 4]])


@pytest.mark.parametrize("separator", ["", "ab", "1", "\n", '"', "é"])
def test_what_is_no_separator_is_refused(tmp_path, separator):
    path = write(tmp_path / "t.csv", "a,b\n1,2\n")
    with pytest.raises(ValueError, match="separator must be one character between cells, or 'tab'; got "):
        read_table(path, separator=separator)
    with pytest.raises(
        ValueError, match="separator must be another character than the decimal comma; got ','"
    ):
        read_table(path, separator=",", decimal_comma=True)
    np.save(tmp_path / "t.npy", np.eye(2))
    with pytest.raises(ValueError, match="is no text file: it has neither a separator nor decimal commas"):
        read_table(tmp_path / "t.npy", decimal_comma=True)


def test_a_path_that_cannot_be_opened(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"absent.csv: no such file"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(IsADirectoryError, match="is a directory, not a file"):
        read_table(tmp_path)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path / "t.csv", "a\n1\n")
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(PermissionError, match=r"t.csv: permission denied"):
        read_table(path)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 2, 2)), r"must have one or two dimensions; got shape \(2, 2, 2\)"),
        (np.zeros((2, 0)), "must have at least one column"),
        (np.zeros((2, 2), dtype=complex), "must be numeric; its type is complex128"),
        (np.array([["a"]]), "must be numeric; its type is <U1"),
    ],
)
def test_arrays_that_are_no_matrix(tmp_path, array, message):
    np.save(tmp_path / "m.npy", array)
    with pytest.raises(ValueError, match=message):
        read_table(tmp_path / "m.npy")


def test_an_archive_needs_one_matrix(tmp_path):
    np.savez(tmp_path / "m.npz", a=np.zeros((2, 2)), b=np.zeros((2, 2)))
    with pytest.raises(
        ValueError, match=r"must hold a two-dimensional array X; it holds a \(2, 2\), b \(2, 2\)"
    ):
        read_table(tmp_path / "m.npz")
    os.rename(tmp_path / "m.npz", tmp_path / "m.npy")
    with pytest.raises(ValueError, match=r"is a NumPy archive; rename it to .npz"):
        read_table(tmp_path / "m.npy")


def test_a_vector_is_one_column(tmp_path):
    np.save(tmp_path / "m.npy", np.arange(3.0))
    assert read_table(tmp_path / "m.npy").select().X.tolist() == [[0], [1], [2]]


def test_names_with_wildcards_are_plain_names(tmp_path):
    write(tmp_path / "a[1].csv", "a\n1\n")
    assert read_table(tmp_path / "a[1].csv").select().X.tolist() == [[1]]


def test_lines_are_told_only_where_they_are_rows(tmp_path):
    path = tmp_path / "t.csv"
    for text, place in (
        ("a,b\n1,2\n3,\n", r"row 1 \(line 3\), column"),
        ("1,2\n3,", r"row 1 \(line 2\), column"),
        ('a,b,c\n1,2,"two\nlines"\n3,,x\n', "row 1, column"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=f"empty cell at {place}"):
            read_table(path).select()


def test_a_file_that_is_not_utf8_is_read_as_latin1_and_says_so(tmp_path):
    path = tmp_path / "t.csv"
    for text in ("größe,b\n1,2\n3,4\n", "name,b\ngrün,2\nx,4\n"):
        path.write_bytes(text.encode("latin-1"))
        table = read_table(path)
        assert table.notes == ["the file is not UTF-8 and was read as Latin-1"]
        path.write_text(text, encoding="utf-8")
        plain = read_table(path)
        assert plain.notes == []
        assert plain.frame.equals(table.frame)
        path.write_text(text, encoding="utf-8-sig")
        assert read_table(path).frame.columns == plain.frame.columns


@pytest.mark.parametrize(
    ("first", "left_out"),
    [
        ((0, 1, 2), True),
        (("1", "5", "9"), True),
        ((2, 1, 3), False),
        ((0.5, 1, 2), False),
        ((1, 1, 2), False),
    ],
)
def test_row_numbers_without_a_name_are_no_feature_unless_named(tmp_path, first, left_out):
    rows = "".join(f"{number},{value},{value}\n" for number, value in zip(first, (7, 8, 8), strict=True))
    table = read_table(write(tmp_path / "t.csv", ",a,b\n" + rows))
    assert table.select().feature_names == (["a", "b"] if left_out else ["", "a", "b"])
    assert (table.notes == ["the first column has no name and counts the rows: it is left out"]) == left_out
    assert table.select(["", "a"]).feature_names == ["", "a"]


def test_columns_of_one_name_are_told_and_not_guessed_between(tmp_path):
    told_apart = read_table(write(tmp_path / "t.csv", "a,b, a\n1,2,3\n4,5,6\n"))
    assert (told_apart.notes, told_apart.select(["a", " a"]).X.tolist()) == ([], [[1, 3], [4, 6]])
    plain = read_table(write(tmp_path / "u.csv", 'a,b,a,"b"\n1,2,3,4\n4,5,6,7\n'))
    assert [note[:22] for note in plain.notes] == ["2 columns are called a", "2 columns are called b"]
    assert plain.select().X.tolist() == [[1, 2, 3, 4], [4, 5, 6, 7]]
    for ask in (lambda: plain.select(["a"]), lambda: plain.select(label="b"), lambda: plain.matrix(["a"])):
        with pytest.raises(
            ValueError, match=r"u.csv has more than one column '[ab]'; give each its own name"
        ):
            ask()


@pytest.mark.parametrize(
    ("values", "kind"), [([[1, 2], [3]], r"List\(Int64\)"), ([{"p": 1}, {"p": 2}], r"Struct\(.*\)")]
)
def test_a_label_is_one_value(tmp_path, values, kind):
    pl.DataFrame({"a": [1.0, 2.0], "of": values}).write_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    with pytest.raises(
        ValueError, match=f"label column 'of' of t.parquet must hold one value .* type is {kind}"
    ):
        table.select(label="of")


@pytest.mark.parametrize("y", [np.zeros(2), np.zeros((3, 1)), np.zeros(3, dtype="M8[s]")])
def test_labels_of_an_archive_that_cannot_be_labels_are_refused(tmp_path, y):
    np.savez(tmp_path / "m.npz", X=X, y=y)
    with pytest.raises(ValueError, match=r"m.npz: y must "):
        read_table(tmp_path / "m.npz")


def test_labels_of_an_archive_may_be_any_bytes(tmp_path):
    np.savez(tmp_path / "m.npz", X=X, y=np.array([b"a", b"\xff", "\u00e9".encode()]))
    assert read_table(tmp_path / "m.npz").select().y.tolist() == ["a", "\\xff", "\u00e9"]
