"""Every algorithm beside its counterparts on known data: quality, time, memory, and what of it is more than chance.

:func:`plan` says what would be run, :func:`evaluate` runs it, :func:`report` writes the pages, :func:`read` gives the
numbers back. The command is ``shoal evaluate``; needs ``pip install 'shoal[app,plot]'``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_PUBLIC = {
    "plan": "shoal.evaluation.run",
    "evaluate": "shoal.evaluation.run",
    "read": "shoal.evaluation.results",
    "report": "shoal.evaluation.pages",
    "find_sets": "shoal.evaluation.datasets",
    "find_methods": "shoal.evaluation.methods",
    "compare": "shoal.evaluation.summary",
    "Plan": "shoal.evaluation.results",
    "Results": "shoal.evaluation.results",
    "Cell": "shoal.evaluation.results",
    "EvaluationSet": "shoal.evaluation.datasets",
    "Method": "shoal.evaluation.methods",
}

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'shoal.evaluation' has no attribute {name!r}")


if TYPE_CHECKING:
    from shoal.evaluation.datasets import EvaluationSet as EvaluationSet
    from shoal.evaluation.datasets import find_sets as find_sets
    from shoal.evaluation.methods import Method as Method
    from shoal.evaluation.methods import find_methods as find_methods
    from shoal.evaluation.pages import report as report
    from shoal.evaluation.results import Cell as Cell
    from shoal.evaluation.results import Plan as Plan
    from shoal.evaluation.results import Results as Results
    from shoal.evaluation.results import read as read
    from shoal.evaluation.run import evaluate as evaluate
    from shoal.evaluation.run import plan as plan
    from shoal.evaluation.summary import compare as compare
