"""The pages of docs/specification are whole: sections, theorems with tests that exist, tables, links, references."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

import shoal
from shoal import metrics

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "specification"
INDEX = FOLDER / "index.md"
PAGES = sorted(set(FOLDER.glob("*.md")) - {INDEX})
SECTIONS = [
    "What it computes",
    "Inputs and preconditions",
    "Outputs",
    "Objective",
    "Algorithm",
    "Ties and determinism",
    "Cost",
    "Errors",
    "Theorems",
    "Literature",
    "What our tests do not cover",
]
# A theorem ends with its tests: "**Theorem 2 (name).** ... \n\n*Test:* `tests/room/test_x.py::test_name`, ... .\n"
START = re.compile(r"^\*\*Theorem (\d+) \((.+?)\)\.\*\* (?=\S)", re.MULTILINE)
TESTS = re.compile(r"^\*Test:\* ((?:`tests/[\w/]+\.py::test_\w+`(?:, )?)+)\.$", re.MULTILINE)

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def sections(page: Path) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", text_of(page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def theorems(page: Path) -> list[tuple[int, str, list[str]]]:
    """(number, name, tests) of each theorem of a page."""
    found = []
    for chunk in re.split(r"^(?=\*\*Theorem )", sections(page)["Theorems"], flags=re.MULTILINE)[1:]:
        start, tests = START.match(chunk), TESTS.search(chunk)
        assert start, f"{page.name}: a theorem begins otherwise than the others: {chunk[:80]!r}"
        assert tests, f"{page.name}: theorem {start[1]} names no test"
        found.append((int(start[1]), start[2], re.findall(r"`(.+?)`", tests[1])))
    return found


@functools.cache
def defined_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading of the index."""
    lines = re.findall(r"^\| (.*) \|$", sections(INDEX)[heading], re.MULTILINE)
    return [re.split(r"(?<!\\) \| ", line) for line in lines[2:]]


@by_page
def test_a_page_has_every_section_in_order(page):
    found = sections(page)
    assert list(found) == SECTIONS
    for name, body in found.items():
        assert body.strip(), f"{page.name}: nothing under {name!r}"
    assert "```" in found["Algorithm"], f"{page.name} has no pseudo-code"


@by_page
def test_every_theorem_names_tests_that_exist(page):
    found = theorems(page)
    assert [number for number, _, _ in found] == list(range(1, len(found) + 1))
    assert found, f"{page.name} has no theorem"
    for number, _, tests in found:
        for test in tests:
            path, name = test.split("::")
            assert (ROOT / path).exists(), f"{page.name}, theorem {number}: no file {path}"
            assert name in defined_in(path), f"{page.name}, theorem {number}: no test {test}"


def test_the_index_lists_every_page_once_and_in_the_table_of_contents():
    pages = [re.search(r"\]\(([\w-]+)\.md\)", row[0])[1] for row in rows("Operators")]
    assert sorted(pages) == sorted(page.stem for page in PAGES)
    contents = re.search(r"```\{toctree\}\n:hidden:\n\n(.*?)\n```", text_of(INDEX), re.DOTALL)[1].split("\n")
    assert contents == pages


def test_every_public_name_is_in_the_index_once():
    listed = [name for row in rows("Operators") for name in re.findall(r"`(\w+)`", row[1])]
    public = {name for name in shoal.__all__ if not name.startswith("__")} - {"metrics"} | set(
        metrics.__all__
    )
    assert sorted(listed) == sorted(public)


def test_kernels_and_defined_in_the_index_exist():
    for _, _, kernel, tests in rows("Operators"):
        for path in re.findall(r"`(.+?)`", kernel + tests):
            assert (ROOT / path).exists(), path


def test_the_index_has_every_theorem_with_its_tests():
    listed = {
        (re.search(r"\]\(([\w-]+)\.md#theorems\)", page)[1], name.replace("\\|", "|")): re.findall(
            r"`(\w+)`", tests
        )
        for page, name, tests in rows("Theorems")
    }
    expected = {
        (page.stem, f"{number}. {name}"): [test.split("::")[1] for test in tests]
        for page in PAGES
        for number, name, tests in theorems(page)
    }
    assert listed == expected


def test_every_reference_of_the_first_paper_has_its_place():
    table = rows("References of the first paper")
    assert [int(row[0]) for row in table] == list(range(1, 28))
    assert all(row[1].strip() and row[2].strip() for row in table)


@pytest.mark.parametrize("page", [INDEX, *PAGES], ids=lambda page: page.stem)
def test_links_of_a_page_lead_somewhere(page):
    text = text_of(page)
    for target in re.findall(r"\{doc\}`(?:[^`<]*<)?([^`>]+)>?`", text):
        assert (page.parent / f"{target}.md").exists(), f"{page.name} links to {target}"
    for target, _, anchor in re.findall(r"\]\(([\w./-]+\.md)(#([\w-]+))?\)", text):
        other = page.parent / target
        assert other.exists(), f"{page.name} links to {target}"
        headings = re.findall(r"^#+ (.+)$", text_of(other), re.MULTILINE)
        slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in slugs, f"{page.name} links to {target}#{anchor}"
    for path in re.findall(r"`((?:native|tests|src)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), f"{page.name} names {path}"
