"""Ellipses of Gaussians, moving seeds, the ladder of separations."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import shoal
from shoal.plotting import plot_centroid_paths, plot_ellipses, plot_separation_path

mpl.use("agg")


@pytest.fixture(autouse=True)
def figures_closed():
    yield
    plt.close("all")


def test_an_ellipse_holds_its_share_of_the_component(rng):
    covariance = np.array([[4.0, 1.5, 0.2], [1.5, 1.0, 0.1], [0.2, 0.1, 2.0]])
    points = rng.multivariate_normal([1.0, -2.0, 3.0], covariance, 20_000)
    for features in ((0, 1), (2, 0)):
        ax = plot_ellipses([[1.0, -2.0, 3.0]], [covariance], mass=0.8, features=features)
        path = ax.patches[0].get_path().transformed(ax.patches[0].get_patch_transform())
        assert path.contains_points(points[:, features]).mean() == pytest.approx(0.8, abs=0.015)


def test_shared_and_diagonal_covariances_are_drawn_as_the_full_ones_they_stand_for():
    means = [[0.0, 0.0], [3.0, 0.0], [0.0, 5.0]]
    shared = np.array([[2.0, 0.3], [0.3, 1.0]])
    for short, full in (
        (shared, np.broadcast_to(shared, (3, 2, 2))),
        (np.array([[1.0, 2.0], [3.0, 1.0], [1.0, 1.0]]), None),
    ):
        full = short[:, :, None] * np.eye(2) if full is None else full
        for a, b in zip(plot_ellipses(means, short).patches, plot_ellipses(means, full).patches, strict=True):
            assert (a.width, a.height, a.angle) == (b.width, b.height, b.angle)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ([[0.0, 0.0]], [[[1.0]]]),
            r"covariances must have shape \(1, 2, 2\) or \(2, 2\) or \(1, 2\) or \(1,\); got \(1, 1, 1\)",
        ),
        (([[0.0, 0.0]], [[1.0, np.nan]]), "covariances must be finite"),
        (([[0.0, 0.0], [1.0, 1.0]], np.eye(2)), "give covariance_type 'tied' or 'diag'"),
        (([[0.0]], [[[1.0]]]), r"features must be two numbers in \[0, n_features - 1=0\]; got \(0, 1\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_ellipses(*arguments)


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_every_type_of_a_mixture_is_drawn_by_its_name(rng, kind):
    X = rng.normal(size=(300, 2)) @ [[2.0, 0.6], [0.0, 0.5]] + rng.choice([-9.0, 9.0], (300, 1))
    model = shoal.GaussianMixture(2, covariance_type=kind, random_state=0).fit(X)
    short = plot_ellipses(model.means_, model.covariances_, covariance_type=kind)
    C = model.covariances_
    full = {
        "full": lambda: C,
        "tied": lambda: np.stack([C, C]),
        "diag": lambda: np.stack([np.diag(c) for c in C]),
        "spherical": lambda: np.stack([c * np.eye(2) for c in C]),
    }[kind]()
    for a, b in zip(short.patches, plot_ellipses(model.means_, full).patches, strict=True):
        assert (a.width, a.height, a.angle) == (b.width, b.height, b.angle)
    with pytest.raises(ValueError, match=r"covariances must have shape \(2, 2, 2\); got \(2,\)"):
        plot_ellipses(model.means_, [1.0, 2.0], covariance_type="full")


@pytest.mark.parametrize(
    ("path", "separation", "message"),
    [
        ([[0, 1], [8, 3]], None, "path must hold numbers above 0; got 0"),
        ([[4, 1]], 0.0, r"separation must be in \(0"),
    ],
)
def test_a_separation_that_has_no_logarithm_is_refused(path, separation, message):
    with pytest.raises(ValueError, match=message):
        plot_separation_path(path, separation)


def test_paths_begin_at_seeds_and_end_at_centroids(rng):
    X = np.concatenate([rng.normal(c, 1, (200, 2)) for c in ([0, 0], [9, 0])])
    model = shoal.LocalGaussian(2.5, store_paths=True).fit(X)
    ax = plot_centroid_paths(model.centroid_paths_)
    seeds, deleted, stayed = (np.asarray(c.get_offsets()) for c in ax.collections)
    assert len(seeds) == model.n_seeds_ == len(deleted) + len(stayed)
    for center in model.cluster_centers_:
        assert np.linalg.norm(stayed - center, axis=1).min() < 1e-9
    with pytest.raises(ValueError, match=r"paths must have shape \(n_steps, n_seeds, 2\); got \(4, 3\)"):
        plot_centroid_paths(np.zeros((4, 3)))


def test_the_separation_is_marked_with_its_number_of_clusters():
    ax = plot_separation_path([[16.0, 1.0], [8.0, 3.0], [4.0, 3.0], [2.0, 9.0]], 8.0)
    assert [text.get_text() for text in ax.texts] == ["8: 3"]
