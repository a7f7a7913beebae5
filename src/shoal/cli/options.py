"""An estimator's parameters as command-line options, from its signature and its docstring."""

from __future__ import annotations

import ast
import difflib
import inspect
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Runs from the command line are repeatable unless the user asks for another seed.
DEFAULT_SEED = 0


@dataclass(frozen=True)
class Parameter:
    """One parameter of an estimator.

    Attributes
    ----------
    name : str
        In Python.
    default : object
    kind : str
        The type the docstring gives, without the default.
    description : str
        Its first sentence there.
    """

    name: str
    default: Any
    kind: str
    description: str

    @property
    def is_flag(self) -> bool:
        return isinstance(self.default, bool)

    @property
    def metavar(self) -> str:
        """What stands after the option in the help: a choice, or the type."""
        choices = re.match(r"\{([^}]*)\}", self.kind)
        if choices:
            names = [part.strip().strip("'\"`") for part in choices[1].split(",")]
            return ("/" if any("|" in name for name in names) else "|").join(names)
        if isinstance(self.default, int):
            return "INT"
        if isinstance(self.default, float):
            return "FLOAT"
        first = self.kind.split(",")[0].split(" ")[0].strip()
        return {"int": "INT", "float": "FLOAT"}.get(first, "VALUE")


def parameters_of(cls: type[Any]) -> list[Parameter]:
    """The parameters of an estimator whose default is a number, text, bool or None."""
    described = describe(inspect.getdoc(cls) or "")
    found = []
    for name, item in inspect.signature(cls).parameters.items():
        default = DEFAULT_SEED if name == "random_state" and item.default is None else item.default
        if default is None or isinstance(default, bool | int | float | str):
            kind, text = described.get(name, ("", ""))
            found.append(Parameter(name, default, kind, text))
    return found


def describe(docstring: str) -> dict[str, tuple[str, str]]:
    """Type and first sentence of each parameter in a numpydoc docstring.

    Examples
    --------
    >>> from shoal.cli.options import describe
    >>> describe('''Cluster.
    ...
    ... Parameters
    ... ----------
    ... tol : float, default=1e-4
    ...     Stop below ``tol``. Zero runs on.
    ... ''')
    {'tol': ('float', 'Stop below tol.')}
    """
    section = re.search(
        r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}$|\Z)", docstring, re.MULTILINE | re.DOTALL
    )
    found = {}
    for entry in re.split(r"^(?=\S)", section[1] if section else "", flags=re.MULTILINE):
        if not entry.strip():
            continue
        head, _, body = entry.partition("\n")
        names, _, kind = head.partition(" : ")
        paragraph = " ".join(inspect.cleandoc(body).split("\n\n")[0].split())
        sentence = re.split(r"(?<=[.!?:])\s+(?=[A-Z*`-])", paragraph)[0]
        sentence = re.split(r"(?<=[.!?:])\s+(?=[A-Z*`-])", paragraph)[0].rstrip(":")
        sentence = re.sub(r"\s*\[\w+\]_", "", sentence)  # references
        sentence = re.sub(r":\w+:`~?([^`]*)`", r"\1", sentence)  # roles
        sentence = re.sub(r"[`*]", "", sentence)
        for name in names.split(","):
            found[name.strip()] = (re.sub(r",?\s*default\s*=.*", "", kind).strip(), sentence)
    return found


def parse_value(text: str) -> Any:
    """A number, True, False, None, or the text itself.

    Examples
    --------
    >>> from shoal.cli.options import parse_value
    >>> parse_value("5"), parse_value("1e-3"), parse_value("none"), parse_value("k-means++")
    (5, 0.001, None, 'k-means++')
    """
    words = {"none": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def parse_settings(settings: Sequence[str], allowed: Collection[str], owner: str) -> dict[str, Any]:
    """``name=value`` pairs; a value is a Python literal (a list, a tuple, a quoted text) or plain text.

    Raises
    ------
    ValueError
        A setting has no ``=`` or names no parameter of the estimator.

    Examples
    --------
    >>> from shoal.cli.options import parse_settings
    >>> parse_settings(["init=[[0, 0], [1, 1]]", "tol=0"], {"init", "tol"}, "KMeans")
    {'init': [[0, 0], [1, 1]], 'tol': 0}
    """
    values = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise ValueError(f"--set must be name=value; got {setting!r}")
        if name not in allowed:
            close = difflib.get_close_matches(name, list(allowed), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(allowed)}"
            raise ValueError(f"{owner} has no parameter {name!r}; {hint}")
        try:
            values[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            values[name] = parse_value(text)
    return values


def chosen(parameters: Sequence[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Python values of the options that were given; a flag means the opposite of its parameter's default."""
    values = {}
    for parameter in parameters:
        value = given[parameter.name]
        if parameter.is_flag and value:
            values[parameter.name] = not parameter.default
        elif isinstance(value, str):
            values[parameter.name] = parse_value(value)
    return values
