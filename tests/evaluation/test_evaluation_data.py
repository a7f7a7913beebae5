"""Where data come from, and what is known of made data."""

import gzip
import struct

import numpy as np
import pytest
from scipy import integrate
from scipy.stats import multivariate_normal, norm
from sklearn.datasets import load_iris, load_wine

from shoal.evaluation import datasets, find_sets
from shoal.evaluation.files import read_idx, read_openml_arff
from shoal.evaluation.synthetic import FAMILIES, Mixture, error_rate


def idx(array, code):
    """The bytes of an IDX file: http://yann.lecun.com/exdb/mnist."""
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize(
    ("code", "dtype"), [(8, "u1"), (9, "i1"), (11, "i2"), (12, "i4"), (13, "f4"), (14, "f8")]
)
def test_idx_files_of_every_type_are_read(tmp_path, rng, code, dtype):
    array = rng.integers(0, 100, (3, 4, 5)).astype(dtype)
    (tmp_path / "plain").write_bytes(idx(array, code))
    (tmp_path / "packed.gz").write_bytes(gzip.compress(idx(array, code)))
    for name in ("plain", "packed.gz"):
        found = read_idx(tmp_path / name)
        assert found.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda raw: b"\1" + raw[1:], "no IDX file"),
        (lambda raw: raw[:2] + b"\7" + raw[3:], "no IDX file"),
        (lambda raw: raw[:6], "ends within its head"),
        (lambda raw: raw[:-1], "must hold 12 values"),
        (lambda raw: raw + b"\0", "must hold 12 values"),
        (lambda raw: gzip.compress(raw)[:-9], "cannot be unpacked"),
    ],
)
def test_a_damaged_idx_file_is_refused(tmp_path, damage, message):
    raw = idx(np.arange(12, dtype="u1").reshape(3, 4), 8)
    (tmp_path / "file").write_bytes(damage(raw))
    with pytest.raises(ValueError, match=message):
        read_idx(tmp_path / "file")


def write_images(folder, part, n, rng):
    folder.mkdir(parents=True, exist_ok=True)
    X, y = rng.integers(0, 256, (n, 4, 4)).astype("u1"), (np.arange(n) % 10).astype("u1")
    (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(X, 8)))
    (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(y, 8)))
    return X.reshape(n, -1), y


def test_images_are_found_in_a_folder_and_the_two_sets_are_told_apart(tmp_path, rng):
    digits, y = write_images(tmp_path / "mnist" / "raw", "t10k", 20, rng)
    clothes, _ = write_images(tmp_path / "fashion", "t10k", 20, rng)
    for name, X in (("mnist10k", digits), ("fashion_mnist10k", clothes)):
        sample = find_sets([name], [tmp_path])[0].load(0)
        np.testing.assert_allclose(sample.X, X / 255)
        np.testing.assert_array_equal(sample.references[0], y)


def test_debians_folder_is_looked_into(tmp_path, rng, monkeypatch):
    X, _ = write_images(tmp_path / "debian", "train", 30, rng)
    monkeypatch.setattr(datasets, "FASHION_FOLDER", tmp_path / "debian")
    (tmp_path / "debian").rename(tmp_path / "fashion-mnist")
    monkeypatch.setattr(datasets, "FASHION_FOLDER", tmp_path / "fashion-mnist")
    np.testing.assert_allclose(find_sets(["fashion_mnist60k"])[0].load(0).X, X / 255)


def test_scikit_learns_cache_is_read_without_asking_anyone(tmp_path, rng, monkeypatch):
    rows = rng.integers(0, 256, (60_003, 2))
    lines = "".join(f"{a},{b},'{i % 10}'\n" for i, (a, b) in enumerate(rows))
    text = f"% a table\n@RELATION mnist\n@ATTRIBUTE a INTEGER\n@attribute class {{0,1}}\n@DATA\n{lines}"
    place = tmp_path / "openml" / "openml.org" / "data" / "v1" / "download"
    place.mkdir(parents=True)
    (place / "52667.gz").write_bytes(gzip.compress(text.encode()))
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    sample = find_sets(["mnist10k"])[0].load(0)
    np.testing.assert_allclose(sample.X, rows[60_000:] / 255)
    assert sample.references[0].tolist() == [0, 1, 2]
    (place / "52667.gz").write_bytes(b"@relation x\n")
    with pytest.raises(ValueError, match="no @DATA"):
        read_openml_arff(place / "52667.gz")


def test_an_image_set_that_is_nowhere_is_refused_and_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    monkeypatch.setattr(datasets, "FASHION_FOLDER", tmp_path / "none")
    with pytest.raises(
        ValueError, match=r"fashion_mnist10k is not in the folders given, nor in scikit-learn's cache"
    ):
        find_sets(["fashion_mnist10k"])


def test_archives_in_a_folder_keep_every_reference_labelling(tmp_path, rng):
    (tmp_path / "suite").mkdir()
    X, y = rng.normal(size=(6, 2)), np.array([0, 0, 1, 1, 2, -1])
    np.savez(tmp_path / "suite" / "wut_some.npz", X=X.astype("f4"), y=y, y1=y[::-1])
    np.savez(tmp_path / "unlabelled.npz", X=X)
    (tmp_path / "flowers.csv").write_text("a,b,label\n1,2,x\n3,4,y\n5,6,y\n")
    found = {entry.name: entry for entry in find_sets(["files"], [tmp_path])}
    assert list(found) == ["flowers", "wut_some"]  # without labels there is nothing to score against
    assert [entry.name for entry in find_sets(["suite"], [tmp_path])] == ["wut_some"]
    sample = found["wut_some"].load(0)
    assert (found["wut_some"].group, found["wut_some"].n_clusters, sample.X.dtype) == ("suite", 3, np.float64)
    assert [r.tolist() for r in sample.references] == [y.tolist(), y[::-1].tolist()]
    assert found["flowers"].load(0).references[0].tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (np.array([0, 0, 3, -1, -1]), [0, 0, 3, -1, -1]),
        (np.array([0.0, 0.0, 3.0, -1.0, -2.0]), [0, 0, 3, -1, -1]),
        (np.array([0.25, 0.25, 0.5, 1.5, 1.5]), [0, 0, 1, 2, 2]),
        (np.array(["b", "b", "a", "c", "c"]), [1, 1, 0, 2, 2]),
        (np.array([b"b", b"b", b"a", b"c", b"c"]), [1, 1, 0, 2, 2]),
        (np.array([True, True, False, True, True]), [1, 1, 0, 1, 1]),
    ],
)
def test_reference_labels_of_any_kind_are_classes_and_negative_numbers_noise(tmp_path, y, expected):
    X = np.arange(10.0).reshape(5, 2)
    np.savez(tmp_path / "archive.npz", X=X, y=y)
    lines = [
        f"{a},{b},{v}\n" for (a, b), v in zip(X, y.astype(str) if y.dtype.kind == "S" else y, strict=True)
    ]
    (tmp_path / "table.csv").write_text("a,b,y\n" + "".join(lines))
    for entry in find_sets(["files"], [tmp_path]):
        assert entry.load(0).references[0].tolist() == expected
        assert entry.n_clusters == len({label for label in expected if label >= 0})


def test_an_archive_without_numbers_in_each_place_is_refused(tmp_path):
    path = tmp_path / "bad.npz"
    np.savez(path, X=np.ones((2, 2)), y=np.array([0, np.nan]))
    with pytest.raises(ValueError, match=r"bad.npz must have a reference label for each row; got nan"):
        find_sets(["bad"], [tmp_path])
    np.savez(path, X=np.array([[1, 2], [3, np.inf]]), y=np.array([0, 1]))
    with pytest.raises(ValueError, match="X must be finite; got inf at row 1, column 1"):
        find_sets(["bad"], [tmp_path])
    np.savez(path, X=np.ones((2, 2), dtype=complex), y=np.array([0, 1]))
    with pytest.raises(ValueError, match="X must be numeric; its type is complex128"):
        find_sets(["bad"], [tmp_path])


def test_two_sets_of_one_name_are_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "data.csv").write_text("x,y\n1,0\n2,1\n")
    with pytest.raises(
        ValueError, match=r"b.data.csv must have another name: .*a.data.csv is the data set data"
    ):
        find_sets(["files"], [tmp_path])
    chosen = find_sets(["files"], [tmp_path, tmp_path / "b" / "data.csv"])  # named directly
    assert [entry.name for entry in chosen] == ["data"]
    (tmp_path / "a" / "data.csv").rename(tmp_path / "a" / "moons.csv")
    with pytest.raises(
        ValueError, match=r"moons.csv must have another name: moons is a data set of shoal's own"
    ):
        find_sets(None, [tmp_path])


def test_shipped_sets_are_scikit_learns_and_scaled_as_they_say():
    iris, wine = (find_sets([name])[0] for name in ("iris", "wine"))
    np.testing.assert_array_equal(iris.load(0).X, load_iris().data)
    assert wine.scaling == "standard"
    X = wine.load(0).X
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(X.std(axis=0), 1)
    np.testing.assert_array_equal(wine.load(0).references[0], load_wine().target)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_family_has_the_clusters_it_promises_and_a_new_sample_per_seed(name):
    entry = find_sets([name], n_samples=400)[0]
    sample, again, other = entry.load(3), entry.load(3), entry.load(4)
    assert sample.X.shape[0] == 400
    y = sample.references[0]
    assert np.unique(y[y >= 0]).size == entry.n_clusters == FAMILIES[name].n_clusters
    np.testing.assert_array_equal(sample.X, again.X)
    assert not np.array_equal(sample.X, other.X)


def test_noise_is_a_fifth_and_uniform_over_the_box_of_the_rest():
    X, y = FAMILIES["noise"].draw(np.random.default_rng(0), 5000)
    noise, rest = X[y < 0], X[y >= 0]
    assert len(noise) == 1000
    place = (noise - rest.min(axis=0)) / np.ptp(rest, axis=0)
    assert ((place >= 0) & (place <= 1)).all()
    np.testing.assert_allclose(place.mean(axis=0), 0.5, atol=0.05)


def test_shares_of_the_imbalanced_family():
    _, y = FAMILIES["imbalanced"].draw(np.random.default_rng(0), 1000)
    assert np.bincount(y).tolist() == [700, 200, 70, 30]


@pytest.mark.parametrize("percent", [1, 5, 10, 20])
def test_the_bayes_error_of_two_equal_gaussians_is_the_promised_one(percent):
    mixture = FAMILIES[f"overlap_{percent:02d}"].mixture
    error = mixture.bayes_error()
    assert error.value == pytest.approx(percent / 100, abs=1e-12)
    assert error.standard_error == 0
    gap = np.linalg.norm(mixture.means[1] - mixture.means[0])
    assert norm.cdf(-gap / 2) == pytest.approx(percent / 100)  # the textbook's form


def test_the_bayes_error_of_unequal_weights_is_that_of_numerical_integration():
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    mixture = Mixture(np.array([0.8, 0.2]), np.array([[0.0, 0.0], [2.0, 1.0]]), np.stack([covariance] * 2))
    parts = [multivariate_normal(mean, covariance).pdf for mean in mixture.means]
    value, _ = integrate.dblquad(
        lambda y, x: min(0.8 * parts[0]([x, y]), 0.2 * parts[1]([x, y])), -8, 10, -6, 7, epsabs=1e-5
    )
    assert mixture.bayes_error().value == pytest.approx(value, abs=1e-4)


def test_the_bayes_error_by_sampling_is_that_of_a_grid_within_its_standard_error():
    mixture = FAMILIES["overlap_three"].mixture
    axis = np.linspace(-7, 9, 500)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    densities = [
        w * multivariate_normal(m, c).pdf(grid)
        for w, m, c in zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
    ]
    right = np.max(densities, axis=0).sum() * (axis[1] - axis[0]) ** 2
    error = mixture.bayes_error(100_000, seed=5)
    assert 0 < error.standard_error < 1e-3
    assert abs(error.value - (1 - right)) < 5 * error.standard_error


def test_the_error_rate_is_the_least_over_all_matches(rng):
    from itertools import permutations

    y, labels = rng.integers(0, 4, 50), rng.integers(0, 4, 50)
    best = min(float(np.mean(np.array(p)[labels] != y)) for p in permutations(range(4)))
    assert error_rate(y, labels) == pytest.approx(best)
    assert error_rate([0, 0, 1, 1], [0, 1, 2, 3]) == 0.5  # clusters without a class of their own are wrong


def test_unknown_sets_and_folders_are_refused(tmp_path):
    with pytest.raises(ValueError, match="got 'nothing', known are iris, wine"):
        find_sets(["nothing"])
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        find_sets(["iris"], [tmp_path / "gone"])
    with pytest.raises(ValueError, match="at least one data set"):
        find_sets(["files"], [tmp_path])
    np.savez(tmp_path / "bad.npz", X=np.zeros((3, 2)), y=np.zeros(2))
    with pytest.raises(ValueError, match=r"y must have shape \(3,\)"):
        find_sets(["bad"], [tmp_path])
