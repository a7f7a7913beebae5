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
    """A bar per stage; a new stage, or the same from the start again, closes the bar of the one before."""

    def __init__(self, title: str, unit: str) -> None:
        self._title, self._unit = title, unit
        self._stage: str | None = None
        self._bar: Any = None
        self._last = time.time()

    def __call__(self, stage: str, done: float, total: float) -> None:
        if stage != self._stage or done < self._bar.n:
            self.close()
            from tqdm.auto import tqdm

            self._stage = stage
            # smoothing=0: the rate is the mean since start_t, the end of the stage before; the first report
            # comes when part of the work is done already
            self._bar = tqdm(
                total=total, desc=f"{self._title}: {stage}", unit=self._unit, file=sys.stderr, smoothing=0
            )
            self._bar.start_t = self._last
        self._last = time.time()
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None
        self._stage = None


class _PlainLines:
    """A line every two seconds, and one at the end of a stage."""

    interval = 2.0

    def __init__(self, title: str, unit: str) -> None:
        self._title, self._unit = title, unit
        self._stage: str | None = None
        self._start = self._told = self._last = time.monotonic()
        self._done = 0.0

    def __call__(self, stage: str, done: float, total: float) -> None:
        if stage != self._stage or done < self._done:
            self._stage, self._start, self._told = stage, self._last, self._last
        self._done = done
        now = self._last = time.monotonic()
        if done < total and now - self._told < self.interval:
            return
        self._told = now
        spent = now - self._start
        rate = done / spent if spent > 0 else float("inf")
        left = f"{(total - done) / rate:.0f} s left" if done < total and rate > 0 else f"{spent:.1f} s"
        print(
            f"{self._title}: {stage} {done:.0f}/{total:.0f} {self._unit}, {rate:.1f} {self._unit}/s, {left}",
            file=sys.stderr,
            flush=True,
        )

    def close(self) -> None:
        self._stage = None
