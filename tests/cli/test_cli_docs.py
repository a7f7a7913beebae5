"""What docs/cli.md says exists."""

import re
from pathlib import Path

import pytest

from shoal.cli.registry import ALGORITHMS

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


@pytest.fixture
def page():
    return PAGE.read_text(encoding="utf-8")


def test_every_option_of_the_page_is_in_the_help(shoal, page, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    lines = ["--help", "predict --help", "demo --help", *(f"fit -a {name} --help" for name in ALGORITHMS)]
    known = set(re.findall(r"--[a-z][a-z-]+", " ".join(shoal(line).out for line in lines)))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)) <= known


def test_every_option_of_fit_and_predict_is_on_the_page(shoal, page, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    own = shoal("fit --help").out.split("Parameters of KMeans")[0] + shoal("predict --help").out
    unsaid = {"--help", "--quiet", "--no-report", "--no-model"} | set(re.findall(r"--[a-z][a-z-]+", page))
    assert set(re.findall(r"--[a-z][a-z-]+", own)) <= unsaid
