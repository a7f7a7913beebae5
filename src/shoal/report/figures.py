"""Plotly figures of a clustering, without colours of page or text: the page sets those for its light and dark
theme.

Text from data goes through :func:`plain`: Plotly reads HTML tags in titles and hover boxes.
"""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from shoal.plotting.palette import NOISE, PALETTE, color_of
from shoal.report.clustering import Clustering
from shoal.report.summary import FeatureSummary, Projection

# Up to this many points SVG is as fast as WebGL, and sharper.
_SVG_POINTS = 1_500
# More clusters than this share one trace: a legend of hundreds helps nobody.
_MAX_TRACES = 40
# Bars in the chart of sizes.
MAX_BARS = 60
# Leaves of a dendrogram.
MAX_LEAVES = 50
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "star", "pentagon", "hexagon", "triangle-down")


def plain(value: Any) -> str:
    """`value` as text that Plotly shows as it is."""
    return html.escape(str(value), quote=False).replace("%{", "%\u200b{")


def name_of(label: int) -> str:
    return "noise" if label < 0 else f"cluster {label}"


def scatter_figure(result: Clustering, projection: Projection) -> go.Figure:
    """The points, one colour per cluster, with centers; the legend switches clusters on and off."""
    rows = projection.rows
    labels = result.labels[rows]
    numbers = rows if result.rows is None else result.rows[rows]
    kind = go.Scattergl if rows.size > _SVG_POINTS else go.Scatter
    size = 7 if rows.size <= 500 else 5 if rows.size <= 5_000 else 4
    opacity = 0.85 if rows.size <= 5_000 else 0.6
    names, codes = result.classes
    y_of = np.array([plain(name) for name in names], dtype=object)[codes[rows]] if names else None
    figure = go.Figure()
    ids, sizes = result.ids, result.sizes
    if ids.size <= _MAX_TRACES:
        for label, count in zip(ids, sizes, strict=True):
            mine = labels == label
            hover = f"<b>{name_of(label)}</b><br>row %{{text}}"
            extra: dict[str, Any] = {}
            if y_of is not None:
                hover += f"<br>{plain(result.y_name)}: %{{customdata}}"
                extra["customdata"] = y_of[mine].tolist()
            figure.add_trace(
                kind(
                    x=projection.points[mine, 0],
                    y=projection.points[mine, 1],
                    mode="markers",
                    name=f"{'noise' if label < 0 else label}  ({count:,})",
                    marker={
                        "color": color_of(label),
                        "size": size if label >= 0 else size - 1,
                        "opacity": opacity if label >= 0 else opacity / 2,
                        "symbol": "circle" if label < 0 else _SYMBOLS[label // len(PALETTE) % len(_SYMBOLS)],
                    },
                    text=numbers[mine].astype(str),
                    hovertemplate=hover + "<extra></extra>",
                    **extra,
                )
            )
    else:
        figure.add_trace(
            kind(
                x=projection.points[:, 0],
                y=projection.points[:, 1],
                mode="markers",
                name=f"{result.n_clusters:,} clusters",
                marker={"color": [color_of(label) for label in labels], "size": size, "opacity": opacity},
                text=[f"{name_of(label)}<br>row {row}" for label, row in zip(labels, numbers, strict=True)],
                hovertemplate="%{text}<extra></extra>",
            )
        )
    if projection.centers is not None:
        centers = projection.centers
        figure.add_trace(
            kind(  # the same kind as the points: WebGL covers SVG
                x=centers[:, 0],
                y=centers[:, 1],
                mode="markers",
                name="centers",
                meta="centers",
                marker={"symbol": "x", "size": 10 if len(centers) <= 60 else 7, "line": {"width": 1.5}},
                text=[name_of(label) for label in range(len(centers))],
                hovertemplate="<b>center of %{text}</b><extra></extra>",
            )
        )
    figure.update_layout(
        xaxis={"title": plain(projection.axes[0]), "zeroline": False},
        yaxis={"title": plain(projection.axes[1]), "zeroline": False},
        legend={"title": {"text": "cluster (rows)"}, "itemsizing": "constant"},
        showlegend=ids.size <= _MAX_TRACES,
        hovermode="closest",
        dragmode="pan",
    )
    if result.X.shape[1] == 1:
        figure.update_yaxes(visible=False, range=[-4, 4])
    elif result.X.shape[1] > 2 or result.metric == "cosine":
        figure.update_yaxes(scaleanchor="x", scaleratio=1)  # components share one unit
    return figure


def sizes_figure(result: Clustering, *, most: int = MAX_BARS) -> go.Figure:
    """Rows per cluster, in label order; the largest only when there are very many."""
    ids, sizes = result.ids, result.sizes
    if ids.size > most:
        chosen = np.sort(np.argsort(-sizes, kind="stable")[:most])
        ids, sizes = ids[chosen], sizes[chosen]
    names = ["noise" if label < 0 else str(label) for label in ids]
    step = -(-ids.size // 16)
    figure = go.Figure(
        go.Bar(
            x=names,
            y=sizes,
            marker={"color": [color_of(label) for label in ids], "line": {"width": 0}},
            text=[f"{count:,}" for count in sizes] if ids.size <= 10 else None,
            textposition="outside",
            textangle=0,
            cliponaxis=False,
            customdata=sizes / result.labels.size,
            hovertemplate="<b>cluster %{x}</b><br>%{y:,} rows (%{customdata:.1%})<extra></extra>",
        )
    )
    figure.update_layout(
        xaxis={
            "title": "cluster",
            "type": "category",
            "tickangle": 0,
            "tickvals": names[::step],
            "showgrid": False,
        },
        yaxis={"title": "rows", "rangemode": "tozero"},
        showlegend=False,
        bargap=0.25,
    )
    return figure


def dendrogram_figure(result: Clustering, *, most: int = MAX_LEAVES) -> tuple[go.Figure, str]:
    """The last merges, the clusters in their colours, the cut as a line; and what the leaves stand for."""
    Z = result.dendrogram
    assert Z is not None
    n, count = len(Z) + 1, result.n_clusters
    shown = min(max(most, min(count, 2 * most)) - 1, n - 1)
    first = 2 * n - 1 - shown  # nodes below are leaves of the picture
    pair, height, size = Z[:, :2].astype(np.intp), Z[:, 2], Z[:, 3]

    position: dict[int, float] = {}
    leaves: list[int] = []
    todo = [2 * n - 2]
    while todo:  # from left to right
        node = todo.pop()
        if node < first:
            position[node] = len(leaves)
            leaves.append(node)
        else:
            todo += [int(pair[node - n, 1]), int(pair[node - n, 0])]

    def label_below(node: int) -> int:
        """The cluster of a node: -2 where it holds several."""
        if node > 2 * n - 1 - count:
            return -2
        while node >= n:  # the lighter half, so there are few steps
            left, right = pair[node - n]
            node = int(min((left, right), key=lambda child: 1 if child < n else size[child - n]))
        return int(result.labels[node])

    lines: dict[int, tuple[list[Any], list[Any]]] = {}
    tops: list[tuple[float, float, str]] = []
    for node in range(first, 2 * n - 1):
        left, right = (int(child) for child in pair[node - n])
        xl, xr, y = position[left], position[right], float(height[node - n])
        position[node] = (xl + xr) / 2
        low = [float(height[child - n]) if child >= first else 0.0 for child in (left, right)]
        if label_below(node) >= -1:
            x, ys = lines.setdefault(label_below(node), ([], []))
            x += [xl, xl, xr, xr, None]
            ys += [low[0], y, y, low[1], None]
        else:  # each branch in its own colour, what joins them in none
            for child, at, bottom in ((left, xl, low[0]), (right, xr, low[1])):
                x, ys = lines.setdefault(label_below(child), ([], []))
                x += [at, at, None]
                ys += [bottom, y, None]
            x, ys = lines.setdefault(-2, ([], []))
            x += [xl, xr, None]
            ys += [y, y, None]
        tops.append((position[node], y, f"{size[node - n]:,.6g} rows<br>height {y:.4g}"))
    figure = go.Figure()
    for label, (x, ys) in sorted(lines.items()):
        figure.add_trace(
            go.Scatter(
                x=x,
                y=ys,
                mode="lines",
                line={"color": color_of(label) if label >= 0 else NOISE, "width": 1.6},
                name=name_of(label) if label > -2 else "above the cut",
                hoverinfo="skip",
            )
        )
    figure.add_trace(
        go.Scatter(
            x=[x for x, _, _ in tops],
            y=[y for _, y, _ in tops],
            mode="markers",
            marker={"size": 5, "color": NOISE},
            name="merges",
            text=[text for _, _, text in tops],
            hovertemplate="<b>merge</b><br>%{text}<extra></extra>",
        )
    )
    between = _cut_height(height, count)
    if between is not None:
        figure.add_trace(
            go.Scatter(
                x=[-0.5, len(leaves) - 0.5],
                y=[between, between],
                mode="lines",
                line={"color": NOISE, "width": 1.2, "dash": "dash"},
                name="the cut",
                hovertemplate=f"<b>the cut</b><br>{count:,} clusters at {between:.4g}<extra></extra>",
            )
        )
    step = -(-len(leaves) // 40)
    figure.update_layout(
        xaxis={
            "title": "rows below each leaf",
            "tickvals": list(range(0, len(leaves), step)),
            "ticktext": [f"{1 if node < n else size[node - n]:,.6g}" for node in leaves[::step]],
            "tickangle": 90 if len(leaves) > 20 else 0,
            "range": [-0.5, len(leaves) - 0.5],
            "showgrid": False,
            "zeroline": False,
        },
        yaxis={"title": "height of the merge", "rangemode": "tozero", "zeroline": False},
        showlegend=False,
        hovermode="closest",
        dragmode="pan",
    )
    hidden = n - 1 - shown
    note = (
        f"The last {shown:,} of {n - 1:,} merges; a leaf stands for the rows below it."
        if hidden
        else "All merges."
    )
    return figure, note if between is None else note + " The dashed line is the cut."


def _cut_height(height: NDArray[Any], n_clusters: int) -> float | None:
    """Between the last merge that was done and the first that was not; None where no height is."""
    n = len(height) + 1
    if not 1 < n_clusters < n:
        return None
    done, undone = height[: n - n_clusters].max(), height[n - n_clusters :].min()
    return float(done + undone) / 2 if done <= undone else None


def condensed_figure(result: Clustering, *, most: int = 300) -> tuple[go.Figure, str]:
    """The condensed tree of HDBSCAN as icicles, selected clusters in their colours; and what was left out."""
    from shoal.plotting.hierarchy import icicles

    assert result.condensed_tree is not None
    arrays = result.condensed_tree.arrays()
    tree = icicles(*arrays, most_clusters=most, most_steps=120)
    figure = go.Figure()
    x: list[Any] = []
    y: list[Any] = []
    for one, other, at in tree.joins:
        x += [one, other, None]
        y += [at, at, None]
    figure.add_trace(
        go.Scatter(x=x, y=y, mode="lines", line={"color": NOISE, "width": 1}, hoverinfo="skip", name="splits")
    )
    for ice in tree.shapes:
        name = (
            name_of(ice.label)
            if ice.chosen
            else f"part of cluster {ice.label}"
            if ice.label >= 0
            else "not selected"
        )
        figure.add_trace(
            go.Scatter(
                x=ice.outline[:, 0],
                y=ice.outline[:, 1],
                mode="lines",
                line={"width": 0},
                fill="toself",
                fillcolor=color_of(ice.label) if ice.label >= 0 else NOISE,
                hoveron="fills",
                name=name,
                text=f"<b>{name}</b><br>{ice.size:,.6g} rows at birth<br>lambda {ice.birth:.4g} to {ice.end:.4g}",
                hoverinfo="text",
            )
        )
    chosen = [ice for ice in tree.shapes if ice.chosen]
    if len(chosen) <= _MAX_TRACES:
        figure.add_trace(
            go.Scatter(
                x=[ice.middle for ice in chosen],
                y=[ice.end for ice in chosen],
                mode="text",
                text=[str(ice.label) for ice in chosen],
                textposition="bottom center",
                textfont={"color": [color_of(ice.label) for ice in chosen]},
                hoverinfo="skip",
                name="labels",
            )
        )
    figure.update_layout(
        xaxis={
            "title": "width: rows of the cluster",
            "range": [-0.51 * tree.width, 0.51 * tree.width],
            "showticklabels": False,
            "showgrid": False,
            "zeroline": False,
        },
        yaxis={"title": "lambda = 1 / distance", "range": [tree.top * 1.08, 0], "zeroline": False},
        showlegend=False,
        hovermode="closest",
        dragmode="pan",
    )
    total = arrays[0].size
    return figure, f" The {most} heaviest of {total:,} clusters." if total > most else ""


def features_figure(result: Clustering, summary: FeatureSummary, *, most: int = 60) -> go.Figure:
    """How far each cluster's mean is from the overall mean, in overall standard deviations."""
    ids = result.ids
    kept = (
        np.arange(ids.size) if ids.size <= most else np.sort(np.argsort(-result.sizes, kind="stable")[:most])
    )
    names = [result.feature_names[j] for j in summary.shown]
    clusters = ["noise" if label < 0 else str(label) for label in ids[kept]]
    difference = summary.difference[kept].T
    limit = float(max(1.0, np.abs(difference).max(initial=0)))
    statistics = np.stack([summary.mean[kept], summary.std[kept], summary.median[kept]], axis=-1)
    details = [
        [
            [plain(name), cluster, *statistics[i, j].tolist(), float(summary.overall_mean[j])]
            for i, cluster in enumerate(clusters)
        ]
        for j, name in enumerate(names)
    ]
    return _heatmap(
        difference,
        rows=names,
        columns=clusters,
        colorbar="std. from<br>overall mean",
        meta="diverging",
        zmin=-limit,
        zmax=limit,
        text=np.round(difference, 1) + 0.0 if kept.size <= 16 else None,
        texttemplate="%{text:.1f}" if kept.size <= 16 else None,
        customdata=details,
        hovertemplate="<b>%{customdata[0]}</b><br>cluster %{customdata[1]}<br>%{z:+.2f} standard deviations"
        "<br>mean %{customdata[2]:.4g} (overall %{customdata[5]:.4g})<br>std %{customdata[3]:.4g}"
        "<br>median %{customdata[4]:.4g}<extra></extra>",
    )


def contingency_figure(result: Clustering, *, most: int = 40) -> tuple[go.Figure, str]:
    """Counts of reference class x cluster, the best matches on the diagonal; and what was left out."""
    from scipy.optimize import linear_sum_assignment

    from shoal.metrics import contingency_matrix

    names, codes = result.classes
    assert result.y is not None
    table = np.asarray(contingency_matrix(codes, result.labels))
    rows = np.sort(np.argsort(-table.sum(axis=1), kind="stable")[:most])
    columns = np.sort(np.argsort(-table.sum(axis=0), kind="stable")[:most])
    note = ""
    if rows.size < table.shape[0] or columns.size < table.shape[1]:
        note = (
            f"The {rows.size} largest of {table.shape[0]} classes and the {columns.size} largest of "
            f"{table.shape[1]} clusters."
        )
    table = table[np.ix_(rows, columns)]
    is_noise = result.ids[columns] < 0
    matched_row, matched_column = linear_sum_assignment(-np.where(is_noise, 0, table))
    order = table.argmax(axis=0) + 0.5  # unmatched clusters stand after their largest class
    order[matched_column] = matched_row
    order[is_noise] = np.inf
    by = np.argsort(order, kind="stable")
    table, columns = table[:, by], columns[by]
    total = np.maximum(table.sum(axis=1), 1)
    shown = [names[row] for row in rows]
    clusters = ["noise" if label < 0 else str(label) for label in result.ids[columns]]
    few = max(table.shape) <= 20
    figure = _heatmap(
        table / total[:, None],
        rows=shown,
        columns=clusters,
        colorbar="share of<br>the class",
        meta="sequential",
        zmin=0,
        zmax=1,
        text=[[f"{count:,}" if count else "" for count in line] for line in table] if few else None,
        texttemplate="%{text}" if few else None,
        customdata=[
            [
                [plain(name), cluster, int(count), int(total[i])]
                for cluster, count in zip(clusters, table[i], strict=True)
            ]
            for i, name in enumerate(shown)
        ],
        hovertemplate="<b>%{customdata[0]}</b> in cluster %{customdata[1]}"
        "<br>%{customdata[2]:,} of %{customdata[3]:,} rows (%{z:.1%})<extra></extra>",
    )
    figure.update_traces(colorbar_tickformat=".0%")
    return figure, note


def _heatmap(
    z: NDArray[Any], *, rows: list[str], columns: list[str], colorbar: str, **trace: Any
) -> go.Figure:
    """Cells with a gap between them, the first row on top. Axes are numbered, because names may repeat."""
    figure = go.Figure(
        go.Heatmap(
            z=z,
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": colorbar}, "thickness": 12, "outlinewidth": 0, "len": 0.9},
            **trace,
        )
    )
    step = max(1, -(-len(columns) // 40))
    figure.update_layout(
        xaxis={
            "title": "cluster",
            "tickvals": list(range(0, len(columns), step)),
            "ticktext": columns[::step],
            "showgrid": False,
            "zeroline": False,
        },
        yaxis={
            "tickvals": list(range(len(rows))),
            "ticktext": [plain(_short(name)) for name in rows],
            "autorange": "reversed",
            "showgrid": False,
            "zeroline": False,
        },
        dragmode=False,
        height=max(260, 130 + (30 if len(rows) <= 15 else 22) * len(rows)),
    )
    return figure


def _short(name: str, most: int = 24) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
