"""Numbers as a reader wants them."""

import numpy as np
import pytest

from shoal.report.scores import Score
from shoal.report.text import MINUS, brief, few, format_score, format_seconds, number_format, plural


@pytest.mark.parametrize(
    ("value", "high", "text"),
    [
        (0.51234, 1.0, "0.512"),
        (-0.5, 1.0, f"{MINUS}0.500"),
        (None, 1.0, "-"),
        (1.23456, None, "1.235"),
        (123.456, None, "123.5"),
        (1234567.8, None, "1,234,567.8"),
    ],
)
def test_scores(value, high, text):
    assert format_score(Score("key", "name", value, 0.0, high, True, "meaning")) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 ms"),
        (0.0999, "99.9 ms"),
        (0.1, "0.10 s"),
        (59.99, "59.99 s"),
        (59.999, "1 min 0 s"),
        (119.6, "2 min 0 s"),
        (3661.0, "61 min 1 s"),
    ],
)
def test_durations(seconds, text):
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("spread", "center", "value", "text"),
    [
        (0.8, 5.8, 5.84333, "5.843"),
        (0.8, 5.8, -5.84333, f"{MINUS}5.843"),
        (0.0, 5.0, 5.0, "5.00"),
        (0.0, 0.0, 0.0, "0"),
        (1e-9, 1e-9, 1.234e-9, f"1.23e{MINUS}09"),
        (1e9, 0.0, 1.5e9, "1.5e+09"),
        (15.0, 100.0, 123.456, "123.5"),
        (1500.0, 50000.0, 51234.5, "51,234"),
    ],
)
def test_digits_follow_the_spread(spread, center, value, text):
    assert number_format(spread, center)(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros((2, 3)), "array(2, 3)"),
        (1e-4, "0.0001"),
        (np.float32(0.1), "0.1"),
        (np.int64(3), "3"),
        ("auto", "'auto'"),
        (None, "None"),
        (list(range(100)), "[" + ", ".join(map(str, range(100)))[:78] + "…"),
    ],
)
def test_values_on_one_line(value, text):
    assert brief(value) == text
    assert len(brief(value)) <= 80


def test_lists_and_counts():
    assert few(["a", "b"], 2) == "a, b"
    assert few(["a"] * 1002, 1) == "a and 1,001 more"
    assert [plural(n, "row") for n in (0, 1, 2, 1000)] == ["0 rows", "1 row", "2 rows", "1,000 rows"]
