"""select_gaussian_mixture: the table it makes and what it picks."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import shoal

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def three(rng):
    centers = np.array([[0.0, 0.0], [14.0, 0.0], [0.0, 14.0]])
    root = np.array([[1.5, 0.0], [1.0, 0.4]])
    return centers[rng.integers(0, 3, 600)] + rng.normal(size=(600, 2)) @ root


@pytest.mark.parametrize("criterion", ["bic", "icl"])
def test_it_finds_the_model_the_data_come_from(rng, criterion):
    selection = shoal.select_gaussian_mixture(three(rng), range(1, 6), criterion=criterion, random_state=0)
    assert (selection.best.n_components, selection.best.covariance_type) == (3, "tied")


def test_the_table_holds_what_the_fits_say(rng):
    X, weight = three(rng), rng.uniform(0.5, 2, 600)
    selection = shoal.GaussianMixture.select(
        X, [2, 3], covariance_types=["diag", "full"], sample_weight=weight, random_state=0, criterion="aic"
    )
    assert selection.n_components.tolist() == [2, 3, 2, 3]
    assert selection.covariance_type.tolist() == ["diag", "diag", "full", "full"]
    assert selection.n_parameters.tolist() == [9, 14, 11, 17]
    for i in range(4):
        model = shoal.GaussianMixture(
            selection.n_components[i], covariance_type=selection.covariance_type[i], random_state=0
        ).fit(X, sample_weight=weight)
        for name in ("bic", "aic", "icl"):
            assert getattr(selection, name)[i] == getattr(model, name)(X, sample_weight=weight)
    lines = selection.table().splitlines()
    assert len(lines) == 5
    assert [line[0] for line in lines[1:]].index("*") == int(np.argmin(selection.aic))
    assert selection.best.aic(X, sample_weight=weight) == selection.aic.min()


def test_a_singular_fit_is_left_out_and_said(rng):
    X = np.column_stack([rng.normal(size=40), np.zeros(40)])
    selection = shoal.select_gaussian_mixture(
        X + np.array([0.0, 1.0]), [1, 2], covariance_types=["full", "spherical"], reg_covar=0, random_state=0
    )
    assert selection.best.covariance_type == "spherical"
    assert np.isnan(selection.bic[:2]).all()
    assert all("singular" in reason for reason in selection.failure[:2])
    assert "singular" in selection.table()
    with pytest.raises(
        ValueError, match="no mixture could be fitted: the covariance of component 0 is singular"
    ):
        shoal.select_gaussian_mixture(X, [1], covariance_types="full", reg_covar=0)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"criterion": "gap"}, "criterion must be one of 'bic', 'aic', 'icl'"),
        ({"covariance_types": ["round"]}, "covariance_types must be one of"),
        ({"n_components": [50]}, "n_components and covariance_types must name a model for n_samples=4"),
        ({"n_components": [0]}, r"n_components must be in \[1, inf\)"),
        ({"tol": -1.0}, "tol must be in"),
    ],
)
def test_what_cannot_be_selected_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        shoal.select_gaussian_mixture(np.arange(8.0).reshape(4, 2), **{"n_components": [1], **parameters})


def test_fits_that_did_not_converge_are_counted(rng):
    with pytest.warns(ConvergenceWarning, match="2 of 2 fits did not converge in max_iter=1"):
        shoal.select_gaussian_mixture(three(rng), [2, 3], covariance_types="full", max_iter=1, tol=0)


def test_the_plot_marks_the_best(rng):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    selection = shoal.select_gaussian_mixture(three(rng), range(1, 5), random_state=0)
    ax = selection.plot()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "full",
        "tied",
        "diag",
        "spherical",
        "best: 3, tied",
    ]
    matplotlib.pyplot.close(ax.figure)
