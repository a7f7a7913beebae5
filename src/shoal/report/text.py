"""Numbers as a reader wants them, in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from shoal.report.scores import Score

MINUS = "\N{MINUS SIGN}"


def format_score(score: Score) -> str:
    """Three decimals for bounded scores, about four digits for the others, a hyphen where there is none."""
    if score.value is None:
        return "-"
    text = f"{score.value:,.1f}" if score.high is None and score.value >= 100 else f"{score.value:.3f}"
    return text.replace("-", MINUS)


def format_seconds(seconds: float) -> str:
    """A duration in the unit that suits it.

    Examples
    --------
    >>> from shoal.report.text import format_seconds
    >>> format_seconds(0.0042), format_seconds(1.5), format_seconds(200.0)
    ('4.2 ms', '1.50 s', '3 min 20 s')
    """
    if seconds < 0.1:
        return f"{1000 * seconds:.1f} ms"
    if seconds < 59.995:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def number_format(spread: float, center: float) -> Callable[[float], str]:
    """Digits so that a hundredth of the spread shows, the same for a whole line of values.

    Examples
    --------
    >>> from shoal.report.text import number_format
    >>> number_format(0.8, 5.8)(5.8433), number_format(1800.0, 52000.0)(52123.4)
    ('5.843', '52,123')
    """
    size = max(abs(center), spread)
    if not size or size >= 1e7 or size < 1e-4:
        return lambda value: f"{value:.3g}".replace("-", MINUS)
    decimals = int(np.clip(2 - np.floor(np.log10(spread if spread > 0 else size)), 0, 6))
    return lambda value: f"{value:,.{decimals}f}".replace("-", MINUS)


def brief(value: Any) -> str:
    """A parameter or result on one short line."""
    if isinstance(value, np.ndarray):
        return f"array{value.shape}"
    if isinstance(value, float | np.floating):
        return f"{float(value):.6g}"
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 80 else text[:79] + "…"


def few(names: Sequence[str], most: int) -> str:
    """The first names, and how many more there are.

    Examples
    --------
    >>> from shoal.report.text import few
    >>> few(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def plural(count: int, noun: str) -> str:
    """``1 row``, ``2 rows``, ``1,000 rows``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
