"""Peak resident memory of a call, as shoal itself measures it."""

from __future__ import annotations

from .machine import foundation

with_peak = foundation("peak").with_peak
