"""Errors that the user can put right, and how they are worded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Complaint(Exception):
    """Something the user can put right, in one sentence."""


@contextmanager
def complaints() -> Iterator[None]:
    """Around a step that the user's input can make fail: its errors are told without a traceback.

    Steps that only our own faults can break stay outside, so that such a fault is seen in full.
    """
    try:
        yield
    except OSError as error:
        told = (
            f"{error.filename}: {error.strerror.lower()}" if error.filename and error.strerror else str(error)
        )
        raise Complaint(told) from error
    except (ValueError, TypeError, MemoryError) as error:
        raise Complaint(str(error) or type(error).__name__) from error
