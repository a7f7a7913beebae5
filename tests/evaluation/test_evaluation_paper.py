"""docs/paper.md says what the stored results say."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("rich", reason="the benchmarks' tables are drawn by rich (pip install 'shoal[app]')")
pytest.importorskip("typer", reason="the benchmarks' command line is typer's (pip install 'shoal[app]')")

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_number_of_the_paper_comes_from_the_stored_results():
    spec = importlib.util.spec_from_file_location("make_paper", DOCS / "paper" / "make.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    assert make.PAGE.read_text(encoding="utf-8") == make.page(), "run: python docs/paper/make.py"
