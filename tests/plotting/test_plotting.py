"""Colours of clusters, and the static scatter."""

import matplotlib as mpl
import matplotlib.pyplot
import numpy as np
import pytest

import shoal
from shoal.plotting import (
    NOISE,
    PALETTE,
    color_of,
    plot_clusters,
    plot_k_distances,
    plot_reachability,
    plot_spanning_tree,
)

mpl.use("agg")

X = np.array([[0.0, 0.0], [0.0, 1.0], [5.0, 5.0], [9.0, 0.0]])


def luminance(color):
    channels = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_colours_differ_and_repeat_after_the_palette():
    assert len({*PALETTE, NOISE}) == len(PALETTE) + 1
    assert [color_of(label) for label in range(12, 24)] == list(PALETTE)
    assert color_of(-1) == NOISE


@pytest.mark.parametrize("background", ["#ffffff", "#181e26"])
def test_every_colour_stands_out_from_light_and_dark_pages(background):
    worst = min(contrast(color, background) for color in (*PALETTE, NOISE))
    assert worst > 1.6  # 1 is invisible; marks, not text


def test_one_series_per_cluster_noise_below_and_centers_on_top():
    ax = plot_clusters(X, [0, 0, 1, -1], centers=[[0, 0.5], [5, 5]], s=30)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["noise (1)", "0 (2)", "1 (1)"]
    noise, first, second, centers = ax.collections
    assert noise.get_zorder() < first.get_zorder() == second.get_zorder() < centers.get_zorder()
    assert first.get_sizes().tolist() == [30]
    assert mpl.colors.to_hex(first.get_facecolor()[0]) == PALETTE[0].lower()
    assert centers.get_offsets().tolist() == [[0, 0.5], [5, 5]]


def test_it_draws_where_it_is_told():
    figure, (left, right) = mpl.pyplot.subplots(1, 2)
    assert plot_clusters(X, np.zeros(4, dtype=int), ax=right) is right
    assert not left.collections
    mpl.pyplot.close(figure)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.zeros((4, 3)), "labels": [0, 0, 0, 0]}, "X must have 2 columns; got 3"),
        ({"X": X, "labels": [0, 0]}, "labels must have n_samples=4 entries; got 2"),
        ({"X": X, "labels": [0, 0, 1, 1], "centers": [[1.0]]}, "centers must have 2 columns; got 1"),
    ],
)
def test_wrong_shapes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_clusters(**arguments)


@pytest.mark.parametrize("labels", [["a", "a", "b", "b"], [0.0, 0.0, 1.0, 1.0]])
def test_labels_without_a_colour_are_refused(labels):
    with pytest.raises(TypeError, match="labels must be integers; got"):
        plot_clusters(X, labels)
    with pytest.raises(TypeError, match="labels must be integers; got"):
        plot_reachability([1.0] * 4, [0, 1, 2, 3], labels)


@pytest.mark.parametrize("ordering", [[0, 1, 7], [0, 0, -1], [0.0, 1.0, 2.0], [0, 1, 1]])
def test_an_ordering_has_each_sample_once(ordering):
    with pytest.raises(ValueError, match="ordering must hold each of the samples 0 to 2 once"):
        plot_reachability([1.0, 2.0, 3.0], ordering)


def test_distances_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="distances must be numbers; got nan at 1"):
        plot_k_distances([1.0, np.nan])


@pytest.mark.parametrize(
    ("v", "message"),
    [
        ([1, 9], r"v must be in \[0, n_samples - 1=3\]; got 1 to 9"),
        ([1, -1], r"v must be in \[0, n_samples - 1=3\]; got -1 to 1"),
        ([1.0, 2.0], "v must be row numbers, one per distance; got float64"),
        ([1], "v must be row numbers, one per distance"),
    ],
)
def test_edges_join_rows_that_are_there(v, message):
    with pytest.raises(ValueError, match=message):
        plot_spanning_tree(X, [0, 1], v, [1.0, 2.0])


# --- density -------------------------------------------------------------------------------------------------


def test_a_k_distance_curve_ascends_and_tells_the_share_below_eps():
    ax = plot_k_distances([3.0, 1.0, 2.0, 9.0], 2.0)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [1, 2, 3, 9])
    assert ax.get_legend().get_texts()[0].get_text() == "eps = 2: 50 % of samples at or below"
    with pytest.raises(ValueError, match=r"distances must be 1D and not empty; got shape \(0,\)"):
        plot_k_distances([])


def test_a_reachability_plot_has_an_area_per_cluster_and_a_line_per_cluster_of_the_hierarchy():
    X = np.concatenate([np.arange(20.0) * 0.1, 30 + np.arange(20.0)])[:, None]
    model = shoal.OPTICS(min_samples=3).fit(X)
    ax = plot_reachability(
        model.reachability_, model.ordering_, model.labels_, hierarchy=model.cluster_hierarchy_, eps=0.5
    )
    assert len(ax.collections) == len(np.unique(model.labels_))
    assert len(ax.lines) == len(model.cluster_hierarchy_) + 1
    assert ax.get_ylim()[0] < 0
    plain = plot_reachability(model.reachability_, model.ordering_)
    assert len(plain.collections) == 1
    assert plain.get_ylim()[0] == 0
    with pytest.raises(ValueError, match=r"must be 1D of one length; got shapes \(3,\) and \(4,\)"):
        plot_reachability(np.ones(3), np.arange(4))
