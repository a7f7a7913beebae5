"""The figures of the report, drawn once by matplotlib: as SVG that takes the page's colours, and as PNG."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.evaluation.results import Results
from shoal.evaluation.statistics import cliques, performance_profile
from shoal.evaluation.summary import OURS, Comparison, Ranking, compare, costs, ranking
from shoal.plotting.palette import PALETTE
from shoal.report.markup import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INK = "#1c2430"  # the page's text; becomes `currentColor` in the SVG
_SOFT = "#8a94a2"  # lines and hints, legible on white and near-black
_STYLE: dict[Any, Any] = {
    "font.size": 10,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _SOFT,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": _SOFT,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "text.parse_math": False,  # a dollar in the name of a set is a dollar
    "savefig.bbox": "tight",
    "savefig.pad_inches": 0.06,
}
_COLORS = {
    "scikit-learn": PALETTE[1],
    "hdbscan": PALETTE[2],
    "fastcluster": PALETTE[5],
    OURS: PALETTE[0],
}


@contextmanager
def _style(name: str) -> Iterator[Any]:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    with plt.rc_context({**_STYLE, "svg.hashsalt": name}):
        yield plt
    plt.close("all")


def draw(results: Results) -> dict[str, tuple[str, Figure]]:
    """Name -> (caption, figure) of everything the results have enough for; the caller closes them."""
    comparisons = compare(results)
    made: dict[str, tuple[str, Figure]] = {}
    with _style("evaluation") as plt:
        del plt
        if comparisons:
            made["differences"] = (
                "ARI of shoal less that of the counterpart, one dot per data set; the bar is the "
                "mean. Right of zero shoal "
                "is better.",
                differences(comparisons),
            )
            if any(c.time_ratio for c in comparisons):
                made["speedups"] = (
                    "Time of the counterpart over shoal's, one dot per data set; the bar is the "
                    "geometric mean. Right of "
                    "1 shoal is faster.",
                    speedups(results, comparisons),
                )
        both = (OURS, "scikit-learn")
        if len(costs(results, "time", both)):
            made["profiles"] = (
                "Performance profiles over all pairs of a method and a data set: the share that a "
                "library solves within a "
                "factor of the best. Higher and further left is better; the value at 1 is the share "
                "it solves best.",
                profiles(results, both),
            )
        ranks = ranking(results)
        if ranks is not None:
            made["ranks"] = (
                f"Average rank by ARI of shoal's methods on {len(ranks.sets)} data sets. Methods that "
                "a bar joins do not "
                "differ by more than the critical difference (Nemenyi, 5 %).",
                ranks_figure(ranks),
            )
        if len(results.plan.sets) > 1:
            made["scores"] = (
                "ARI of shoal's methods on each data set, mean over the seeds.",
                scores(results),
            )
        known = {entry.name for entry in results.plan.sets if entry.bayes_error is not None}
        if any(cell.set in known for cell in results.of(library=OURS, status="measured")):
            made["overlap"] = (
                "Share of samples outside the best match of clusters with components, on mixtures "
                "whose Bayes error (line) "
                "is known: no method can be below it but by luck of the sample.",
                overlap(results),
            )
    return made


def svg(name: str, figure: Figure) -> Markup:
    """The figure as SVG for a page: text in the page's colour."""
    import matplotlib.pyplot as plt

    buffer = io.StringIO()
    with plt.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(_INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # ids of glyphs and clips are the page's: keep those of one figure apart
    text = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r' width="[\d.]+pt" height="[\d.]+pt"', "", text, count=1)
    return Markup(text)


def png(figure: Figure, path: str | os.PathLike[str], dpi: int = 110) -> None:
    """The figure as a picture on white."""
    import matplotlib.pyplot as plt

    with plt.rc_context(_STYLE):
        figure.savefig(path, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})


def _by_pair(
    axes: Any, labels: Sequence[str], values: Sequence[Sequence[float]], peers: Sequence[str], center: Any
) -> None:
    """A line of dots per pair, jittered so that none hides another, with a bar at the center."""
    rng = np.random.default_rng(0)
    for y, (found, peer) in enumerate(zip(values, peers, strict=True)):
        if not len(found):
            continue
        jitter = rng.uniform(-0.24, 0.24, len(found))
        axes.plot(found, y + jitter, "o", ms=3.6, alpha=0.55, mew=0, color=_COLORS[peer])
        axes.plot([center(found)] * 2, [y - 0.38, y + 0.38], color=_INK, lw=1.8, solid_capstyle="butt")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    handles = [axes.plot([], [], "o", ms=5, color=_COLORS[p], label=p)[0] for p in dict.fromkeys(peers)]
    axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, title="beside")


def differences(comparisons: Sequence[Comparison]) -> Figure:
    """Dots of the difference in ARI, by pair."""
    import matplotlib.pyplot as plt

    kept = [c for c in comparisons if c.rows]
    figure, axes = plt.subplots(figsize=(8, 0.34 * len(kept) + 1.2))
    values = [[row.difference for row in c.rows] for c in kept]
    _by_pair(axes, [c.title for c in kept], values, [c.peer for c in kept], np.mean)
    axes.axvline(0, color=_SOFT, lw=1)
    most = max(0.02, *(abs(v) for found in values for v in found))
    # linear near zero, where most dots are, and logarithmic beyond
    axes.set_xscale("symlog", linthresh=0.01, linscale=0.6)
    axes.set_xlim(-1.3 * most, 1.3 * most)
    ticks = [t for t in (0.003, 0.01, 0.03, 0.1, 0.3, 1.0) if t <= 1.3 * most and t >= 0.01]
    at = [-t for t in reversed(ticks)] + [0.0] + ticks
    axes.set_xticks(at, [f"{t:+g}".replace("-", "\N{MINUS SIGN}") if t else "0" for t in at])
    axes.minorticks_off()
    axes.set_xlabel("ARI of shoal less that of the counterpart (linear within ±0.01)")
    return figure


def speedups(results: Results, comparisons: Sequence[Comparison]) -> Figure:
    """Dots of the ratio of times, by pair."""
    import matplotlib.pyplot as plt

    kept = [c for c in comparisons if c.rows]
    means = results.means("time")
    values = [
        [means[row.set, c.method, c.peer] / means[row.set, c.method, OURS] for row in c.rows] for c in kept
    ]
    figure, axes = plt.subplots(figsize=(8, 0.34 * len(kept) + 1.2))
    _by_pair(
        axes, [c.title for c in kept], values, [c.peer for c in kept], lambda v: np.exp(np.mean(np.log(v)))
    )
    axes.set_xscale("log")
    axes.axvline(1, color=_SOFT, lw=1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}\N{MULTIPLICATION SIGN}")
    axes.xaxis.set_minor_formatter(lambda value, _: "")
    axes.set_xlabel("time of the counterpart over shoal's")
    return figure


def profiles(results: Results, libraries: tuple[str, ...]) -> Figure:
    """Performance profiles of time and memory."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, gridspec_kw={"wspace": 0.12})
    for axes, score, most in zip(panels, ("time", "memory"), (1000.0, 100.0), strict=True):
        table = costs(results, score, libraries)
        finite = np.isfinite(table).all(axis=1)
        if finite.any():
            most = float(
                np.clip((table[finite].max(axis=1) / table[finite].min(axis=1)).max() * 1.2, 4, 10_000)
            )
        for library, (factors, shares) in zip(libraries, performance_profile(table), strict=True):
            x = np.concatenate([[1.0], factors, [most]])
            start = shares[0] if factors.size and factors[0] == 1 else 0.0
            y = np.concatenate([[start], shares, shares[-1:] if shares.size else [0.0]])
            axes.step(x, y, where="post", color=_COLORS[library], lw=2, label=library)
        axes.set_xscale("log")
        axes.set_xlim(1, most)
        axes.set_ylim(0, 1.02)
        axes.grid()
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}\N{MULTIPLICATION SIGN}")
        axes.xaxis.set_minor_formatter(
            lambda value, _, most=most: (
                f"{value:g}\N{MULTIPLICATION SIGN}" if most < 20 and value in (2, 3, 5) else ""
            )
        )
        axes.set_title(f"{score}, {len(table)} problems")
        axes.set_xlabel("within this factor of the best")
    panels[0].set_ylabel("share of problems")
    panels[0].legend(loc="lower right")
    return figure


def ranks_figure(ranks: Ranking) -> Figure:
    """The critical-difference diagram: names left and right of an axis of ranks, best on the left."""
    import matplotlib.pyplot as plt

    values, cd = ranks.test.ranks, ranks.test.critical_difference
    order = np.argsort(values, kind="stable")
    k = len(order)
    half = (k + 1) // 2
    bars = cliques(values, cd)
    low, high = 1, k
    top = 0.55 + 0.22 * len(bars)
    height = top + 0.42 * half + 0.9
    figure, axes = plt.subplots(figsize=(9, 0.62 * height))
    axes.set_axis_off()
    axes.set_xlim(low - 0.32 * (k - 1), high + 0.32 * (k - 1))
    axes.set_ylim(-top - 0.42 * half, 1.35)
    axes.plot([low, high], [0, 0], color=_INK, lw=1.2)
    for tick in range(low, high + 1):
        axes.plot([tick, tick], [0, 0.12], color=_INK, lw=1)
        axes.text(tick, 0.2, str(tick), ha="center", va="bottom", fontsize=9)
    axes.plot([low, low + cd], [0.95, 0.95], color=_INK, lw=2, solid_capstyle="butt")
    axes.text(low + cd / 2, 1.02, f"critical difference {cd:.2f}", ha="center", va="bottom", fontsize=9)
    for number, (first, last) in enumerate(bars):
        y = -0.3 - 0.22 * number
        ends = values[order[first]] - 0.05, values[order[last]] + 0.05
        axes.plot(ends, [y, y], color=PALETTE[0], lw=3.5, solid_capstyle="butt", alpha=0.85)
    for place, method in enumerate(order):
        left = place < half
        y = -top - 0.42 * (place if left else k - 1 - place)
        side = low - 0.3 if left else high + 0.3
        axes.plot([values[method]] * 2 + [side], [0, y, y], color=_SOFT, lw=0.9, zorder=0)
        axes.text(
            side + (-0.1 if left else 0.1),
            y,
            f"{ranks.methods[method]}  {values[method]:.2f}"
            if left
            else f"{values[method]:.2f}  {ranks.methods[method]}",
            ha="right" if left else "left",
            va="center",
        )
    return figure


def scores(results: Results) -> Figure:
    """ARI of our methods on every set, as shades."""
    import matplotlib.pyplot as plt
    from matplotlib.colors import LinearSegmentedColormap

    means = results.means("ari")
    sets, methods = results.plan.sets, results.plan.methods
    table = np.array([[means.get((s.name, m.name, OURS), np.nan) for m in methods] for s in sets])
    figure, axes = plt.subplots(figsize=(1.9 + 0.42 * len(methods), 1.3 + 0.215 * len(sets)))
    ramp = LinearSegmentedColormap.from_list("shoal", ["#f3f6fa", "#7db3dd", "#0b4f8a"])
    shades = ramp.with_extremes(bad="#00000000")
    image = axes.imshow(table, aspect="auto", cmap=shades, vmin=0, vmax=1, interpolation="nearest")
    for i, j in np.argwhere(np.isfinite(table)):
        text = f"{max(table[i, j], 0):.2f}".removeprefix("0")
        color = "#ffffff" if table[i, j] > 0.55 else "#26303c"
        axes.text(j, i, text, ha="center", va="center", fontsize=6.5, color=color)
    for i, j in np.argwhere(~np.isfinite(table)):
        axes.text(j, i, "\N{EN DASH}", ha="center", va="center", fontsize=7, color=_SOFT)
    axes.set_xticks(
        range(len(methods)), [m.title for m in methods], rotation=50, ha="left", rotation_mode="anchor"
    )
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(sets)), [s.name for s in sets], fontsize=8)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    bar = figure.colorbar(image, ax=axes, shrink=min(1.0, 8 / max(8, len(sets)) + 0.15), pad=0.015, aspect=30)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8)
    return figure


def overlap(results: Results) -> Figure:
    """Error of our methods over the Bayes error, by mixture."""
    import matplotlib.pyplot as plt

    errors = results.means("error")
    sets = [entry for entry in results.plan.sets if entry.bayes_error is not None]
    kept = [m for m in results.plan.methods if any((s.name, m.name, OURS) in errors for s in sets)]
    figure, panels = plt.subplots(
        1, len(sets), figsize=(1.9 * len(sets) + 1.6, 0.27 * len(kept) + 1), sharey=True, squeeze=False
    )
    for axes, entry in zip(panels[0], sets, strict=True):
        assert entry.bayes_error is not None
        found = [errors.get((entry.name, m.name, OURS), np.nan) for m in kept]
        axes.axvline(entry.bayes_error, color=PALETTE[3], lw=1.5)
        axes.plot(found, range(len(kept)), "o", ms=5, mew=0, color=PALETTE[0])
        axes.set_title(f"{entry.name.removeprefix('overlap_')}\nBayes {entry.bayes_error:.3f}", fontsize=9)
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
        axes.grid(axis="both")
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
    panels[0, 0].set_yticks(range(len(kept)), [m.title for m in kept])
    panels[0, 0].set_ylim(len(kept) - 0.5, -0.5)
    panels[0, len(sets) // 2].set_xlabel("share of samples outside the best match")
    return figure
