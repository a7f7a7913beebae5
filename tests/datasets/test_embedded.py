"""Data that come with scikit-learn, and NumPy archives."""

import numpy as np
import pytest
import sklearn.datasets

from shoal.datasets import load_digits, load_iris, load_npz


def test_iris_is_scikit_learns():
    ours, theirs = load_iris(), sklearn.datasets.load_iris()
    np.testing.assert_array_equal(ours.X, theirs.data)
    np.testing.assert_array_equal(ours.y, theirs.target)
    assert ours.feature_names == ["sepal length", "sepal width", "petal length", "petal width"]


def test_digits_are_scikit_learns_images_row_by_row():
    ours, theirs = load_digits(), sklearn.datasets.load_digits()
    np.testing.assert_array_equal(ours.X.reshape(-1, *ours.image_shape), theirs.images)
    np.testing.assert_array_equal(ours.y, theirs.target)
    assert len(ours.feature_names) == 64


def test_npz_comes_back_with_its_dtype_labels_and_names(tmp_path):
    X = np.arange(6, dtype=np.uint8).reshape(3, 2)
    np.savez(tmp_path / "three.npz", X=X, y=np.array([0, 1, 1]), class_names=np.array(["no", "yes"]))
    data = load_npz(tmp_path / "three.npz")
    assert data.X.dtype == np.uint8
    np.testing.assert_array_equal(data.X, X)
    assert (data.name, data.class_names, data.y.tolist()) == ("three", ["no", "yes"], [0, 1, 1])


def test_npz_without_labels(tmp_path):
    np.savez(tmp_path / "plain.npz", X=np.zeros((2, 2)))
    data = load_npz(tmp_path / "plain.npz")
    assert data.y is None
    assert data.class_names is None


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"Z": np.zeros((2, 2))}, r"must hold a two-dimensional array X; it holds Z \(2, 2\)"),
        ({"X": np.zeros(3)}, r"must hold a two-dimensional array X; it holds X \(3,\)"),
        (
            {"X": np.zeros((2, 2)), "y": np.zeros(3)},
            r"y must have shape \(2,\), one label per row of X; got \(3,\)",
        ),
    ],
)
def test_npz_of_another_shape_is_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "odd.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        load_npz(tmp_path / "odd.npz")


def test_npz_with_pickled_objects_is_refused(tmp_path):
    np.savez(tmp_path / "objects.npz", X=np.array([[object()]], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        load_npz(tmp_path / "objects.npz")


def test_a_single_array_or_another_file_is_no_archive(tmp_path):
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(ValueError, match=r"is a single NumPy array, not an archive; rename it to .npy"):
        load_npz(tmp_path / "one.npy")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(ValueError, match="cannot be read as NPZ: it is no ZIP archive"):
        load_npz(tmp_path / "text.npz")
    with pytest.raises(FileNotFoundError):
        load_npz(tmp_path / "absent.npz")
