"""HTML by function calls: text is escaped unless it is markup already."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any


class Markup(str):
    """Text that is HTML and is not escaped again."""


def tag(name: str, *children: Any, **attributes: Any) -> Markup:
    """An element. A trailing underscore in an attribute's name is dropped, others become hyphens; None leaves
    it out.

    Examples
    --------
    >>> from shoal.report.markup import tag
    >>> tag("p", "a < b ", tag("b", "c"), class_="lead", data_n=3)
    '<p class="lead" data-n="3">a &lt; b <b>c</b></p>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(parts: Iterable[Any], separator: str = "") -> Markup:
    """Parts one after another, those that are not markup escaped."""
    return Markup(
        separator.join(part if isinstance(part, Markup) else html.escape(str(part)) for part in parts)
    )


def table(
    head: Iterable[tuple[Any, str | None]],
    rows: Iterable[Iterable[tuple[Any, str | None]]],
    class_: str | None = None,
) -> Markup:
    """A table that scrolls sideways; cells are (content, class), the first of a row is its heading."""
    lines = []
    for first, *others in rows:
        cells = [tag("td", content, class_=kind) for content, kind in others]
        lines.append(
            tag("tr", tag("th", first[0], scope="row", class_=first[1], title=_title(first[0])), *cells)
        )
    top = tag("tr", *(tag("th", content, scope="col", class_=kind) for content, kind in head))
    return tag("div", tag("table", tag("thead", top), tag("tbody", *lines), class_=class_), class_="scroll")


def _title(content: Any) -> str | None:
    """The whole text of a heading that the page may cut short."""
    return None if isinstance(content, Markup) else str(content)
