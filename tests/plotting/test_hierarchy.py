"""Trees as pictures: those of HDBSCAN, and dendrograms."""

from __future__ import annotations

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")

import matplotlib.pyplot as plt  # noqa: E402

import shoal  # noqa: E402
from shoal.density.hdbscan import HDBSCAN  # noqa: E402
from shoal.plotting import (  # noqa: E402
    NOISE,
    color_of,
    plot_condensed_tree,
    plot_dendrogram,
    plot_single_linkage,
    plot_spanning_tree,
)


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    yield
    plt.close("all")


@pytest.fixture
def model(rng):
    X = np.concatenate(
        [rng.normal(size=(60, 2)), rng.normal(size=(40, 2)) + 9, rng.uniform(-20, 20, (10, 2))]
    )
    return HDBSCAN(8).fit(X)


def test_icicles_are_as_wide_as_clusters_and_wear_the_colours_of_labels(model):
    ax = model.condensed_tree_.plot()
    icicles = ax.collections[0]
    tree = model.condensed_tree_.to_numpy()
    assert len(icicles.get_paths()) == len(np.unique(tree["parent"]))
    colors = [matplotlib.colors.to_hex(color) for color in icicles.get_facecolors()]
    wanted = {NOISE.lower(), *(color_of(label).lower() for label in range(model.labels_.max() + 1))}
    assert set(colors) == wanted
    top = icicles.get_paths()[0].vertices
    assert np.ptp(top[:, 0]) == pytest.approx(110)  # the root holds all
    low, high = ax.get_ylim()
    assert low > high == 0  # lambda grows downwards
    assert {text.get_text() for text in ax.texts} == {str(label) for label in range(model.labels_.max() + 1)}


def test_icicles_of_duplicates_end_where_the_picture_ends():
    model = HDBSCAN(3, 2).fit(np.repeat([[0.0], [5.0], [5.5], [9.0]], 4, axis=0))
    ax = model.condensed_tree_.plot(max_lambda=3.0)
    for path in ax.collections[0].get_paths():
        assert np.isfinite(path.vertices).all()
        assert path.vertices[:, 1].max() <= 3.0
    HDBSCAN(3, 2).fit(np.zeros((6, 1))).condensed_tree_.plot()


def test_weights_are_widths():
    X, weight = [[0.0], [0.1], [0.2], [8.0], [8.1], [8.2]], [5, 5, 5, 1, 1, 1]
    ax = HDBSCAN(3, 2).fit(X, sample_weight=weight).condensed_tree_.plot()
    assert np.ptp(ax.collections[0].get_paths()[0].vertices[:, 0]) == pytest.approx(18)


def test_a_dendrogram_shows_the_highest_merges(model):
    ax = model.single_linkage_tree_.plot(max_leaves=12)
    lines = ax.collections[0].get_segments()
    assert len(lines) == 11
    Z = model.single_linkage_tree_.to_numpy()
    assert sorted(line[1][1] for line in lines) == pytest.approx(Z[-11:, 2].tolist())
    assert sum(float(tick.get_text()) for tick in ax.get_xticklabels()) == 110
    whole = plot_single_linkage(Z[:, :], max_leaves=1000)
    assert len(whole.collections[0].get_segments()) == 109
    with pytest.raises(ValueError, match="Z must have 4 columns; got 2"):
        plot_single_linkage(Z[:, :2])
    with pytest.raises(ValueError, match=r"max_leaves must be in \[2, inf\); got 1"):
        plot_single_linkage(Z, max_leaves=1)


def test_a_spanning_tree_has_its_edges(model):
    ax = model.minimum_spanning_tree_.plot(linewidths=2.0)
    edges = ax.collections[0]
    assert len(edges.get_segments()) == 109
    assert edges.get_array()[0] >= edges.get_array()[-1]  # short ones on top
    assert edges.get_linewidths() == [2.0]
    flat = HDBSCAN(3).fit(np.arange(12.0)[:, None])
    with pytest.raises(ValueError, match="data of 2 features; got 1 features"):
        flat.minimum_spanning_tree_.plot()
    with pytest.raises(ValueError, match="X must have 2 columns; got 3"):
        plot_spanning_tree(np.zeros((3, 3)), [0], [1], [1.0])


def test_axes_given_are_drawn_on(model):
    _, axes = plt.subplots(1, 3)
    assert model.condensed_tree_.plot(axes[0]) is axes[0]
    assert model.single_linkage_tree_.plot(axes[1]) is axes[1]
    assert model.minimum_spanning_tree_.plot(axes[2]) is axes[2]
    assert callable(plot_condensed_tree)


@pytest.mark.parametrize("method", ["ward", "centroid"])
def test_a_dendrogram_has_the_colours_of_its_clusters(rng, method):
    X = np.concatenate([rng.normal(size=(30, 2)), rng.normal(size=(20, 2)) + 40])
    Z = shoal.linkage(X, method)
    ax = plot_dendrogram(Z, n_clusters=2, max_leaves=20)
    lines = ax.collections[0]
    assert len(lines.get_segments()) == 19
    colors = [matplotlib.colors.to_hex(color) for color in lines.get_colors()]
    assert colors[-1] == NOISE.lower()
    assert set(colors[:-1]) == {color_of(0).lower(), color_of(1).lower()}
    assert ax.get_ylim()[1] >= Z[:, 2].max()


def test_a_merge_lower_than_its_part_has_no_colour_of_a_cluster():
    Z = shoal.linkage([[0, 0], [1, 0], [0.5, 0.87]], "centroid")
    lines = plot_dendrogram(Z, n_clusters=2).collections[0]
    colors = [matplotlib.colors.to_hex(color) for color in lines.get_colors()]
    assert colors == [color_of(0).lower(), NOISE.lower()]
