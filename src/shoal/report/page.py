"""The report as one HTML file with style, script and Plotly inside: it opens anywhere, without a network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from shoal.base.files import replacing
from shoal.report import sections
from shoal.report.clustering import Clustering
from shoal.report.markup import Markup, join, tag
from shoal.report.sections import card
from shoal.report.shell import document
from shoal.report.summary import FeatureSummary, project, summarize

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass
class Report:
    """One or more clusterings on one page.

    Parameters
    ----------
    parts : list of Clustering
    title : str
        By default the title of the first part.
    command : str
        The command line that made it, if there was one.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from shoal.report import Clustering, Report
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 8.0]])
    >>> path = os.path.join(tempfile.mkdtemp(), "report.html")
    >>> Report([Clustering(X, np.array([0, 0, 1, 1]), "by hand")], title="Four points").write(path)
    >>> os.path.getsize(path) > 1e6  # Plotly is inside
    True
    """

    parts: list[Clustering]
    title: str = ""
    command: str = ""

    def html(self) -> str:
        """The whole page as text."""
        from plotly.offline import get_plotlyjs

        if not self.parts:
            raise ValueError("parts must hold at least one clustering; got none")
        title = self.title or self.parts[0].title
        several = len(self.parts) > 1
        figures: dict[str, go.Figure] = {}
        body = [_part(i, part, self.command, figures, heading="h2" if several else "h1")
                for i, part in enumerate(self.parts)]  # fmt: skip
        links = (
            [(f"part-{i}", part.title) for i, part in enumerate(self.parts)]
            if several
            else _contents(self.parts[0])
        )
        warning = tag("noscript", tag("p", "The figures of this report need JavaScript; its tables do not."))
        data = [
            tag("script", Markup(_json(figure)), type="application/json", id_=f"{key}-data")
            for key, figure in figures.items()
        ]
        main = (warning, tag("h1", title) if several else "", *body)
        return document(title, links, main, scripts=[get_plotlyjs()], data=data)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page; the file is complete or absent.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        text = self.html()
        with replacing(path) as beside:
            beside.write_text(text, encoding="utf-8")


def write_report(
    model: Any,
    X: ArrayLike,
    path: str | os.PathLike[str],
    *,
    y: ArrayLike | None = None,
    title: str = "",
    command: str = "",
    **fields: Any,
) -> Report:
    """Write the report of a fitted estimator: scores, a scatter, sizes, features, classes and how it was run.

    Parameters
    ----------
    model : estimator
        Fitted, with ``labels_`` or ``predict``; of this package or any that follows scikit-learn's
        conventions.
    X : array-like of shape (n_samples, n_features)
        What it was fitted on.
    path : path-like
        The HTML file to write; about 5 MB, because it contains Plotly and works offline.
    y : array-like of shape (n_samples,), default=None
        Reference labels, for external scores and a contingency table.
    title : str
    command : str
        The command line, to be quoted.
    **fields
        Any attribute of :class:`Clustering`: ``feature_names``, ``original`` (the points before scaling),
        ``class_names``, ``image_shape``, ``seconds``, ``notes``, ...

    Returns
    -------
    Report
        What was written; its parts hold the scores.

    Raises
    ------
    ValueError
        Shapes do not agree.
    OSError
        The file cannot be written.

    Notes
    -----
    O(n · d) for scores and summaries; samples keep the silhouette to about 4e9 pair-features and the
    principal components to 2e7 · d. Memory: the rows of one cluster at a time, and 0.5 GB for the components.

    Examples
    --------
    >>> import os, tempfile, shoal
    >>> from shoal.datasets import load_iris
    >>> iris = load_iris()
    >>> model = shoal.KMeans(3, random_state=0).fit(iris.X)
    >>> path = os.path.join(tempfile.mkdtemp(), "iris.html")
    >>> report = shoal.report.write_report(model, iris.X, path, y=iris.y, feature_names=iris.feature_names)
    >>> print(f"{report.parts[0].scores.internal[0].value:.3f}")
    0.551
    """
    if y is not None:
        fields["y"] = y
    report = Report([Clustering.of(model, X, title=title, **fields)], command=command)
    report.write(path)
    return report


def _part(
    number: int, part: Clustering, command: str, figures: dict[str, go.Figure], *, heading: str
) -> Markup:
    """The sections of one clustering; its figures are put aside by the id of their place on the page."""
    summary = None if part.image_shape else summarize(part)  # single pixels say little by name
    blocks = [
        tag(heading, part.title),
        sections.lead(part),
        sections.scores(number, part),
        _points_and_sizes(number, part, figures),
        _tree(number, part, figures),
        sections.clusters(number, part, summary),
        sections.images(number, part) if summary is None else _features(number, part, summary, figures),
        _classes(number, part, figures) if part.y is not None else "",
        sections.run(number, part, command),
    ]
    return tag("section", join(blocks, "\n"), class_="part", id_=f"part-{number}")


def _contents(part: Clustering) -> Iterator[tuple[str, str]]:
    """The sections of a page with one part."""
    yield from (
        ("scores-0", "Scores"),
        ("picture-0", "Points"),
    )
    if part.dendrogram is not None or part.condensed_tree is not None:
        yield "tree-0", "Tree"
    yield from (("clusters-0", "Clusters"), ("features-0", "Features"))
    if part.y is not None:
        yield "classes-0", "Classes"
    yield "run-0", "How it was run"


def _place(key: str, figure: go.Figure, label: str, figures: dict[str, go.Figure]) -> Markup:
    """Where the script draws a figure."""
    import plotly.graph_objects as go

    figure.update_layout(template=go.layout.Template())
    figures[key] = figure
    return tag("div", class_="plot", id_=key, role="img", aria_label=label)


def _points_and_sizes(number: int, part: Clustering, figures: dict[str, go.Figure]) -> Markup:
    from shoal.report.figures import MAX_BARS, scatter_figure, sizes_figure

    projection = project(part)
    scatter = _place(f"scatter-{number}", scatter_figure(part, projection), "the points by cluster", figures)
    sizes = _place(f"sizes-{number}", sizes_figure(part), "rows in each cluster", figures)
    n_hidden = max(0, part.ids.size - MAX_BARS)
    return tag(
        "div",
        card("The points", scatter, note=projection.note),
        card(
            "Cluster sizes",
            sizes,
            note=f"The {MAX_BARS} largest; {n_hidden:,} more are not drawn." if n_hidden else "",
        ),
        class_="pair",
        id_=f"picture-{number}",
    )


def _tree(number: int, part: Clustering, figures: dict[str, go.Figure]) -> Markup | str:
    """The merges of a hierarchy, or the splits of HDBSCAN's clusters."""
    from shoal.report.figures import condensed_figure, dendrogram_figure

    if part.dendrogram is not None:
        figure, note = dendrogram_figure(part)
        place = _place(f"dendrogram-{number}", figure, "the tree of merges", figures)
        return card("The tree of merges", place, note=note, id_=f"tree-{number}")
    if part.condensed_tree is not None:
        figure, left_out = condensed_figure(part)
        place = _place(f"condensed-{number}", figure, "the condensed tree", figures)
        note = (
            "How clusters split and thin out as the distance shrinks, from top to bottom; those that were selected "
            "are in their colours." + left_out
        )
        return card("The condensed tree", place, note=note, id_=f"tree-{number}")
    return ""


def _features(
    number: int, part: Clustering, summary: FeatureSummary, figures: dict[str, go.Figure]
) -> Markup:
    from shoal.report.figures import features_figure

    label = "difference of each cluster's mean from the overall mean"
    figure = _place(f"difference-{number}", features_figure(part, summary), label, figures)
    note = "Cluster mean minus overall mean, in overall standard deviations. " + sections.which_features(
        part, summary
    )
    return join(
        [
            card("What sets the clusters apart", figure, note=note, id_=f"features-{number}"),
            sections.feature_tables(number, part, summary),
        ]
    )


def _classes(number: int, part: Clustering, figures: dict[str, go.Figure]) -> Markup:
    from shoal.report.figures import contingency_figure

    figure, left_out = contingency_figure(part)
    place = _place(f"contingency-{number}", figure, f"rows of each {part.y_name} in each cluster", figures)
    note = (
        "Rows of each class in each cluster, shaded by share of the class. Clusters are in the order of the "
        "classes they match. " + left_out
    )
    return card(f"Clusters against {part.y_name}", place, note=note.strip(), id_=f"classes-{number}")


def _json(figure: go.Figure) -> str:
    # a string in the data must not be able to close the script element
    return figure.to_json().replace("</", "<\\/").replace("<!--", "<\\u0021--")
