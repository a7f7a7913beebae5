"""What every estimator shares: input checks, seeds, threads, progress, build facts.

Importing it settles the two process-wide choices: the instruction set (``SHOAL_ISA`` forces one of those that
:func:`shoal.show_config` lists) and the number of processors this process may use.
"""

from __future__ import annotations

import os

from shoal import _core
from shoal.base.threads import quota_processors


def _configure() -> None:
    forced = os.environ.get("SHOAL_ISA")
    if forced:
        available = _core.isa_available()
        if forced not in available:
            raise ImportError(
                f"SHOAL_ISA must be one of {', '.join(available)} on this machine; got {forced!r}"
            )
        _core.set_isa(forced)
    # An explicit OMP_NUM_THREADS is the user's word; otherwise stay within affinity and container quota.
    if "OMP_NUM_THREADS" not in os.environ:
        _core.set_processor_cap(quota_processors())


_configure()
