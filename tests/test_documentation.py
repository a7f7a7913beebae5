"""What the documentation shows is executed: docstrings, and Python blocks of the README and the site."""

import doctest
import importlib
import inspect
import pkgutil
import re
import types
from pathlib import Path

import pytest

import shoal

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
API = sorted((ROOT / "docs" / "api").glob("*.md"))
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(shoal.__path__, "shoal.")
    if not info.name.endswith(("._core", ".__main__"))
)


def public_objects():
    for name in shoal.__all__:
        value = getattr(shoal, name)
        if isinstance(value, types.ModuleType):
            yield from ((f"{name}.{inner}", getattr(value, inner)) for inner in value.__all__)
        elif not isinstance(value, str):
            yield name, value


def run(tests):
    """The report of what failed, and how many examples ran."""
    report = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for test in tests:
        runner.run(test, out=report.append)
    return "".join(report), runner.summarize(verbose=False)


@pytest.mark.parametrize("name", ["shoal", *MODULES])
def test_examples_in_docstrings_run(name):
    module = importlib.import_module(name)
    report, _ = run(doctest.DocTestFinder(exclude_empty=True).find(module, name))
    assert not report, report


@pytest.mark.parametrize(("name", "value"), list(public_objects()))
def test_a_public_name_has_an_executed_example(name, value):
    assert inspect.getdoc(value), f"shoal.{name} has no docstring"
    found = doctest.DocTestFinder(recurse=False).find(value, name, module=inspect.getmodule(value))
    assert sum(len(test.examples) for test in found) > 0, f"shoal.{name} shows no example"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_on_a_page_runs(page, tmp_path, monkeypatch):
    """Blocks share their names from top to bottom, as a reader would type them."""
    monkeypatch.chdir(tmp_path)
    names = {}
    parser = doctest.DocTestParser()
    text = page.read_text(encoding="utf-8")
    for block in re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, block.start()) + 1
        if ">>>" in block[1]:
            test = parser.get_doctest(block[1], names, page.name, str(page), line)
            test.globs = names  # not a copy: the next block goes on with them
            report = []
            doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append, clear_globs=False)
            assert not report, "".join(report)
        else:
            exec(compile("\n" * line + block[1], str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


SPECIFICATION = sorted((ROOT / "docs" / "specification").glob("*.md"))


@pytest.mark.parametrize("page", SPECIFICATION, ids=lambda page: page.name)
def test_tests_named_on_a_specification_page_exist(page):
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("**/*.py"))
    defined = set(re.findall(r"^ *def (test_\w+)", tests, re.MULTILINE))
    named = re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if name not in defined] == []


def test_the_two_commands_of_the_readme_come_first():
    blocks = re.findall(
        r"^```bash\n(.*?)^```", PAGES[0].read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert [block.strip() for block in blocks] == [
        "pip install '.[app]' && shoal demo",
        "pip install '.[test]' && pytest",
    ]


@pytest.mark.parametrize("room", ["", "metrics", "datasets", "report", "plotting", "evaluation"])
def test_every_public_name_is_in_the_reference(room):
    listed = set(re.findall(r"^   (\w+)$", "\n".join(page.read_text() for page in API), re.MULTILINE))
    package = importlib.import_module(f"shoal.{room}".rstrip("."))
    public = {name for name in package.__all__ if callable(getattr(package, name))}
    assert not public - listed
