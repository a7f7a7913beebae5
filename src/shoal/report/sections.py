"""The sections of a report that are text, tables and small images; figures are in ``figures.py``."""

from __future__ import annotations

import json
import platform

import numpy as np

from shoal.plotting.palette import color_of
from shoal.report.clustering import Clustering
from shoal.report.markup import Markup, join, table, tag
from shoal.report.scores import Score
from shoal.report.summary import FeatureSummary, means
from shoal.report.text import MINUS, brief, few, format_score, format_seconds, number_format, plural

_MAX_CLUSTERS = 100  # rows of the cluster table, mean images
_MAX_COLUMNS = 24  # clusters in the feature tables


def card(title: str, *content: object, note: object = "", id_: str | None = None) -> Markup:
    """A framed section with a heading and a line of explanation."""
    return tag("div", tag("h3", title), tag("p", note) if note else "", *content, class_="card", id_=id_)


def name_of(label: int) -> str:
    return "noise" if label < 0 else str(label)


def dot(label: int) -> Markup:
    return tag("span", class_="dot", style=f"background:{color_of(label)}")


def lead(part: Clustering) -> Markup:
    """The line under the title."""
    n_samples, n_features = part.X.shape
    n_noise = int((part.labels < 0).sum())
    facts = [
        tag("b", part.algorithm),
        tag("b", f"{plural(n_samples, 'row')}, {plural(n_features, 'feature')}"),
        tag("b", plural(part.n_clusters, "cluster")),
    ]
    if n_noise:
        facts.append(join([tag("b", f"{plural(n_noise, 'noise row')}"), f" ({n_noise / n_samples:.1%})"]))
    if "fit" in part.seconds:
        facts.append(join(["fitted in ", tag("b", format_seconds(part.seconds["fit"]))]))
    return tag("p", join(facts, " · "), class_="lead")


def scores(number: int, part: Clustering) -> Markup:
    """One small card per score."""
    groups = [_score_group("By their own geometry", part.scores.internal)]
    if part.scores.external:
        groups.append(_score_group(f"Against {part.y_name}", part.scores.external))
    return tag("div", *groups, id_=f"scores-{number}")


def _score_group(title: str, group: list[Score]) -> Markup:
    notes = {score.note for score in group}
    shared = notes.pop() if len(notes) == 1 else ""
    aside = tag("span", shared) if shared else ""
    cards = [_score_card(score, note="" if shared else score.note) for score in group]
    return join([tag("div", title, " ", aside, class_="group"), tag("div", *cards, class_="scores")])


def _score_card(score: Score, note: str) -> Markup:
    direction = "higher is better" if score.higher_is_better else "lower is better"
    if score.low is not None and score.high is not None:
        extent = f"{score.low:g} to {score.high:g}, {direction}".replace("-", MINUS)
    elif score.high is not None:
        extent = f"at most {score.high:g}, {direction}"
    else:
        extent = f"from {score.low:g}, {direction}"
    meter: Markup | str = ""
    if score.value is not None and score.high is not None:
        low = score.low or 0.0
        filled = min(max((score.value - low) / (score.high - low), 0.0), 1.0)
        meter = tag("div", tag("i", style=f"width:{filled:.1%}"), class_="meter")
    return tag(
        "div",
        tag("div", score.name, class_="name"),
        tag("div", format_score(score), class_="value" if score.value is not None else "value none"),
        meter,
        tag("p", extent, class_="range"),
        tag("p", score.meaning),
        tag("p", tag("em", note)) if note else "",
        class_="score",
    )


def clusters(number: int, part: Clustering, summary: FeatureSummary | None) -> Markup:
    """Size and silhouette of each cluster, and the features that set it apart."""
    ids, sizes = part.ids, part.sizes
    kept = np.arange(ids.size)
    notes = []
    if ids.size > _MAX_CLUSTERS:
        kept = np.sort(np.argsort(-sizes, kind="stable")[:_MAX_CLUSTERS])
        notes.append(f"The {_MAX_CLUSTERS} largest of {ids.size:,}.")
    head: list[tuple[object, str | None]] = [
        ("Cluster", None),
        ("Rows", "n"),
        ("Share", "n"),
        ("Silhouette", "n"),
    ]
    if summary is not None:
        head.append(("Sets it apart", None))
        notes.append(
            "What sets a cluster apart: the features whose mean is farthest from the overall mean, in "
            "standard deviations."
        )
    rows = []
    for i in kept:
        label = int(ids[i])
        own = part.scores.silhouette_of.get(label)
        row: list[tuple[object, str | None]] = [
            (join([dot(label), name_of(label)]), None),
            (f"{sizes[i]:,}", "n"),
            (f"{sizes[i] / part.labels.size:.1%}", "n"),
            ("-" if own is None else f"{own:.3f}".replace("-", MINUS), "n"),
        ]
        if summary is not None:
            row.append((_sets_apart(part, summary, int(i)), "wide"))
        rows.append(row)
    content = table(head, rows, class_="narrow" if summary is None else None)
    return card("The clusters", content, note=" ".join(notes), id_=f"clusters-{number}")


def _sets_apart(part: Clustering, summary: FeatureSummary, row: int, most: int = 3) -> Markup:
    difference = summary.difference[row]
    strongest = np.argsort(-np.abs(difference), kind="stable")[:most]
    words = [
        tag(
            "span",
            f"{part.feature_names[summary.shown[j]]} ",
            tag("b", f"{'↑' if difference[j] > 0 else '↓'} {abs(difference[j]):.1f}"),
            class_="apart",
        )
        for j in strongest
        if abs(difference[j]) >= 0.2
    ]
    return join(words, " ") if words else join(["near the overall mean in every feature"])


def which_features(part: Clustering, summary: FeatureSummary) -> str:
    n_features, n_shown = part.X.shape[1], summary.shown.size
    if n_shown < n_features:
        return f"The {n_shown} of {n_features:,} features with most variance between clusters, in order."
    return "Features whose variance lies most between clusters come first."


def feature_tables(number: int, part: Clustering, summary: FeatureSummary) -> Markup:
    """Mean, median and standard deviation per cluster, one table at a time."""
    kept = np.arange(part.ids.size)
    notes = [which_features(part, summary)]
    if part.original is not None:
        notes.append("In the units of the data, before scaling.")
    if kept.size > _MAX_COLUMNS:
        kept = np.sort(np.argsort(-part.sizes, kind="stable")[:_MAX_COLUMNS])
        notes.append(f"The {_MAX_COLUMNS} largest of {part.ids.size:,} clusters.")
    head: list[tuple[object, str | None]] = [("Feature", None), ("All", "n")]
    head += [(join([dot(int(label)), name_of(label)]), "n") for label in part.ids[kept]]
    kinds = [
        ("Mean", summary.mean, summary.overall_mean),
        ("Median", summary.median, summary.overall_median),
        ("Standard deviation", summary.std, summary.overall_std),
    ]
    buttons, panels = [], []
    for i, (name, values, overall) in enumerate(kinds):
        rows = []
        for j, feature in enumerate(summary.shown):
            form = number_format(float(summary.overall_std[j]), float(summary.overall_mean[j]))
            cells = [(form(value), "n") for value in (overall[j], *values[kept, j])]
            rows.append([(part.feature_names[feature], None), *cells])
        key = f"table-{number}-{i}"
        selected = "true" if i == 0 else "false"
        buttons.append(
            tag("button", name, type="button", role="tab", aria_controls=key, aria_selected=selected)
        )
        hidden = None if i == 0 else ""
        panels.append(tag("div", table(head, rows), id_=key, role="tabpanel", hidden=hidden))
    tabs = tag("div", *buttons, class_="tabs", role="tablist")
    return card("Features by cluster", tabs, *panels, note=" ".join(notes))


def images(number: int, part: Clustering) -> Markup:
    """The mean of each cluster's rows as a picture; the script paints the pixels."""
    assert part.image_shape is not None
    height, width = part.image_shape
    mean, _ = means(part.X if part.original is None else part.original, part.labels, part.ids)
    low, high = float(mean.min()), float(mean.max())
    level = np.rint(255 * (mean - low) / (high - low if high > low else 1)).astype(int)
    kept = np.sort(np.argsort(-part.sizes, kind="stable")[:_MAX_CLUSTERS])
    figures = []
    for i in kept:
        label = int(part.ids[i])
        canvas = tag(
            "canvas",
            width=width,
            height=height,
            style=f"border-color:{color_of(label)}",
            data_pixels=json.dumps(level[i].tolist(), separators=(",", ":")),
            role="img",
            aria_label=f"mean image of cluster {name_of(label)}",
        )
        caption = tag("figcaption", tag("b", name_of(label)), f" · {plural(int(part.sizes[i]), 'row')}")
        figures.append(tag("figure", canvas, caption))
    return card(
        "Mean image of each cluster",
        tag("div", *figures, class_="images"),
        note=f"Each row is an image of {height} by {width} values; this is their mean.",
        id_=f"features-{number}",
    )


def run(number: int, part: Clustering, command: str) -> Markup:
    """What was run, on what, with what."""
    import sklearn

    from shoal.base.config import config

    facts = config()
    n_samples, n_features = part.X.shape
    parameters = [
        tag("code", f"{name}={brief(value)}", class_="changed" if name in part.changed else None)
        for name, value in part.parameters.items()
    ]
    results = [tag("code", f"{name}={brief(value)}") for name, value in part.results.items()]
    versions = [
        f"shoal {facts['version']} ({facts['build_type']}, {facts['compiler']})",
        f"Python {platform.python_version()}",
        f"numpy {np.__version__}",
        f"scikit-learn {sklearn.__version__}",
    ]
    size = f"{plural(n_samples, 'row')}, {plural(n_features, 'feature')}, {part.X.dtype}"
    items = [
        ("Command", tag("code", command) if command else ""),
        ("Data", f"{part.source}: {size}" if part.source else size),
        ("Features", few(part.feature_names, 20)),
        ("Scaling", part.scaling),
        ("Algorithm", part.algorithm),
        ("Parameters", tag("div", *parameters, class_="parameters") if parameters else ""),
        ("Results", tag("div", *results, class_="parameters") if results else ""),
        ("Time", ", ".join(f"{step} {format_seconds(value)}" for step, value in part.seconds.items())),
        ("Threads", facts["threads"]),
        ("Instruction set", f"{facts['isa']} (available: {', '.join(facts['isa_available'])})"),
        ("Versions", ", ".join(versions)),
        ("Notes", tag("ul", *(tag("li", note) for note in part.notes), class_="notes") if part.notes else ""),
    ]
    listed = [join([tag("dt", name), tag("dd", value)]) for name, value in items if value]
    note = "Highlighted parameters are not at their default." if part.changed else ""
    return card("How it was run", tag("dl", *listed), note=note, id_=f"run-{number}")
