"""`import shoal` is light: heavy packages load when something that needs them is touched."""

import ast
import inspect
import json

import pytest

import shoal
from shoal.base.config import config

HEAVY = {"sklearn", "scipy", "pandas", "polars", "joblib", "matplotlib", "plotly", "typer", "rich", "tqdm"}

LOADED = """
    import json, sys
    import shoal
    {code}
    print(json.dumps(sorted({{name.split(".")[0] for name in sys.modules}})))
"""


@pytest.mark.parametrize(
    "code",
    ["", "dir(shoal)", "shoal.__version__", "shoal.threads(1)", "shoal.show_config"],
    ids=["import", "dir", "version", "threads", "config"],
)
def test_no_heavy_package_is_imported_before_an_estimator_is_touched(run_python, code):
    loaded = set(json.loads(run_python(LOADED.format(code=code))))
    assert not loaded & HEAVY


def test_importing_and_leaving_prints_nothing(run_python):
    assert run_python("import shoal; shoal.base") == ""


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'shoal' has no attribute 'KMedoids'"):
        _ = shoal.KMedoids
    assert not hasattr(shoal, "__path_of_nothing__")


def test_what_type_checkers_see_is_what_loads():
    """The names imported for type checkers are the lazy ones, from the same modules."""
    seen = {}
    for node in ast.walk(ast.parse(inspect.getsource(shoal))):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            for statement in node.body:
                assert isinstance(statement, ast.ImportFrom)
                seen.update({alias.asname: statement.module for alias in statement.names})
    assert seen == shoal._PUBLIC


def test_config_tells_the_build_and_what_it_runs_on(capsys):
    facts = config()
    assert facts["build_type"] in ("Release", "Debug", "RelWithDebInfo")
    assert facts["isa"] in facts["isa_available"]
    assert facts["threads"] >= 1
    shoal.show_config()
    printed = capsys.readouterr().out
    for value in (
        shoal.__version__,
        facts["build_type"],
        facts["compiler"],
        facts["isa"],
        str(facts["threads"]),
    ):
        assert value in printed
