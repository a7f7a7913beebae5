"""One mechanism for progress: kernels call ``(stage, done, total)``, this draws it.

With tqdm installed (``pip install 'shoal[progress]'``) it is a bar with rate and time left, in terminals and
notebooks; without it, a line per stage on standard error.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Report = Callable[[str, float, float], None]


@contextmanager
def progress(verbose: int | bool, title: str, unit: str = "it") -> Iterator[Report | None]:
    """A callable for a kernel's ``progress`` argument, or None when `verbose` is 0."""
    if not verbose:
        yield None
        return
    bar = _TqdmBars(title, unit) if _has_tqdm() else _PlainLines(title, unit)
    try:
        yield bar
    finally:
        bar.close()


def _has_tqdm() -> bool:
    try:
        import tqdm.auto  # noqa: F401
    except ImportError:
        return False
    return True


class _TqdmBars:
    """A bar per stage; a new stage closes the bar of the one before."""

    def __init__(self, title: str, unit: str) -> None:
        self._title, self._unit = title, unit
        self._stage: str | None = None
        self._bar: Any = None

    def __call__(self, stage: str, done: float, total: float) -> None:
        if stage != self._stage:
            self.close()
            from tqdm.auto import tqdm

            self._stage = stage
            self._bar = tqdm(total=total, desc=f"{self._title}: {stage}", unit=self._unit, file=sys.stderr)
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None
        self._stage = None


class _PlainLines:
    """A line at most every two seconds and one at the end of a stage."""

    def __init__(self, title: str, unit: str) -> None:
        self._title, self._unit = title, unit
        self._stage: str | None = None
        self._start = self._last = 0.0

    def __call__(self, stage: str, done: float, total: float) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._start, self._last = stage, now, 0.0
        if done < total and now - self._last < 2.0:
            return
        self._last = now
        spent = now - self._start
        rate = done / spent if spent > 0 else 0.0
        left = (total - done) / rate if rate > 0 else 0.0
        print(
            f"{self._title}: {stage} {done:.0f}/{total:.0f} {self._unit}, "
            f"{rate:.1f} {self._unit}/s, {left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )

    def close(self) -> None:
        self._stage = None
