"""What every page of shoal has around its sections: one file, offline, light and dark."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from importlib import resources

from shoal.report.markup import Markup, join, tag

# The page loads nothing and sends nothing. WebGL drawing in Plotly compiles small functions, hence
# 'unsafe-eval'.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:"
)

# (center x, center y, radius, colour) of the mark's dots
_DOTS = (
    (7, 20, 3.2, "#0072B2"),
    (13, 25, 2.4, "#0072B2"),
    (13.5, 17.5, 2.2, "#0072B2"),
    (22, 7, 3.2, "#E69F00"),
    (27, 12, 2.4, "#E69F00"),
    (25, 23, 3.2, "#009E73"),
    (20, 27, 2, "#009E73"),
)


def document(
    title: str,
    links: Iterable[tuple[str, str]],
    body: Iterable[object],
    *,
    scripts: Iterable[str] = (),
    data: Iterable[Markup] = (),
) -> str:
    """A whole page.

    Parameters
    ----------
    title : str
    links : iterable of (id, str)
        Sections named in the head of the page.
    body : iterable
        Parts of the main column.
    scripts : iterable of str
        Libraries, such as Plotly, put before the page's own script.
    data : iterable of Markup
        Script elements with the figures' data.

    Returns
    -------
    str
    """
    import shoal

    top = tag(
        "div",
        tag("span", _mark(), "shoal", class_="brand"),
        tag("nav", *(tag("a", name, href=f"#{key}") for key, name in links), aria_label="Sections"),
        tag("button", "Dark theme", class_="theme", type="button"),
    )
    made = f"Made with shoal {shoal.__version__} on {datetime.now().astimezone():%d %B %Y at %H:%M}."
    head = [
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        tag("title", f"{title} - shoal"),
        tag("style", Markup(_asset("page.css"))),
        *(tag("script", Markup(script)) for script in scripts),
        tag("script", Markup(_asset("page.js"))),
    ]
    page = [
        tag("header", top, class_="top"),
        tag("main", *body),
        tag("footer", made, " This file works offline."),
        *data,
    ]
    content = [tag("head", join(head, "\n")), tag("body", join(page, "\n"))]
    return "<!doctype html>\n" + tag("html", join(content, "\n"), lang="en", data_theme="light") + "\n"


def _mark() -> Markup:
    dots = [tag("circle", cx=x, cy=y, r=radius, fill=color) for x, y, radius, color in _DOTS]
    return tag("svg", *dots, viewBox="0 0 32 32", aria_hidden="true")


def _asset(name: str) -> str:
    return resources.files("shoal.report").joinpath(name).read_text(encoding="utf-8")
