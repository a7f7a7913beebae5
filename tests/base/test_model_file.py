"""Model files: what goes in comes out, and nothing in them is run."""

import io
import json
import os
import stat
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import sparse
from sklearn.preprocessing import MinMaxScaler, Normalizer, RobustScaler, StandardScaler

import shoal
from shoal.base.files import replacing
from shoal.base.model_file import BIT_GENERATORS, _Reader, _Writer
from shoal.cli.registry import ALGORITHMS

RNG = np.random.default_rng(3)
X = np.concatenate([RNG.normal(c, 1, size=(30, 3)) for c in (-6, 0, 6)])


def through_json(value):
    """`value` written and read, as in a file."""
    writer = _Writer()
    text = json.dumps(writer.encode(value, "value"), allow_nan=False)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for i, array in enumerate(writer.arrays):
            with archive.open(f"arrays/{i}.npy", "w") as file:
                np.save(file, array, allow_pickle=False)
    with zipfile.ZipFile(buffer) as archive:
        return _Reader(archive).decode(json.loads(text))


def equal(one, other):
    """The same type, structure and bits."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        if one.dtype == object:
            return one.shape == other.shape and one.tolist() == other.tolist()
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if sparse.issparse(one):
        return (
            equal(one.data, other.data)
            and equal(one.indices, other.indices)
            and equal(one.indptr, other.indptr)
            and one.shape == other.shape
        )
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, np.random.RandomState):
        return equal(one.get_state(legacy=False), other.get_state(legacy=False))
    if isinstance(one, np.random.Generator):
        return equal(one.bit_generator.state, other.bit_generator.state)
    if hasattr(one, "__dict__"):
        return equal(vars(one), vars(other))
    return one == other or (one != one and other != other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_estimator_comes_back_whole(tmp_path, name, dtype):
    model = ALGORITHMS[name].load()()
    wanted = {"n_clusters": 3, "random_state": 0, "eps": 2.0}
    model.set_params(**{key: value for key, value in wanted.items() if key in model.get_params()})
    model.fit(X.astype(dtype))
    shoal.save_model(model, tmp_path / "m.shoal")
    again = shoal.load_model(tmp_path / "m.shoal").estimator
    assert type(again) is type(model)
    assert equal(vars(again), vars(model))
    new = RNG.normal(0, 6, size=(50, 3)).astype(dtype)
    for method in ("predict", "transform"):
        if hasattr(model, method):
            np.testing.assert_array_equal(getattr(again, method)(new), getattr(model, method)(new))


@pytest.mark.parametrize("name", ["HDBSCAN", "AgglomerativeClustering"])
def test_a_file_of_a_version_that_kept_less_is_refused_with_what_is_missing(tmp_path, name):
    cls = getattr(shoal, name)
    path = tmp_path / "m.shoal"
    model = cls().fit(X)
    private = {key for key in vars(model) if key.startswith("_")} - {"_fitted_with"}
    assert private == set(cls._kept_by_fit)  # what a fit keeps, a file must have
    shoal.save_model(cls(), path)
    assert not hasattr(shoal.load_model(path).estimator, "labels_")  # not fitted: nothing is missing
    for key in private:
        older = cls().fit(X)
        delattr(older, key)
        shoal.save_model(older, path)
        with pytest.raises(ValueError, match=rf"m\.shoal must hold a {name} with {key}, .* fit again"):
            shoal.load_model(path)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), RobustScaler()])
def test_new_rows_go_through_the_scaler_first(tmp_path, scaler):
    stretched = X * [1, 100, 1e-3] + [0, 5, 0]
    model = shoal.KMeans(3, random_state=0).fit(scaler.fit_transform(stretched))
    shoal.save_model(model, tmp_path / "m.shoal", scaler=scaler)
    saved = shoal.load_model(tmp_path / "m.shoal")
    np.testing.assert_array_equal(saved.scale(stretched), scaler.transform(stretched))
    np.testing.assert_array_equal(saved.predict(stretched), model.labels_)


def test_names_facts_and_version_are_kept(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    shoal.save_model(
        shoal.KMeans(3).fit(frame), tmp_path / "m.shoal", about={"source": "here", "n_samples": 90}
    )
    saved = shoal.load_model(tmp_path / "m.shoal")
    assert saved.feature_names == ["a", "b", "c"]
    assert saved.about == {"source": "here", "n_samples": 90}
    assert saved.version == shoal.__version__
    assert saved.estimator.feature_names_in_.tolist() == ["a", "b", "c"]


def test_array_parameters_and_generators_come_back(tmp_path):
    model = shoal.KMeans(3, init=X[[0, 40, 80]], n_init=1, random_state=np.random.RandomState(7)).fit(X)
    shoal.save_model(model, tmp_path / "m.shoal")
    again = shoal.load_model(tmp_path / "m.shoal").estimator
    assert equal(again.init, model.init)
    assert again.random_state.randint(1 << 30) == model.random_state.randint(1 << 30)


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.floats(width=32).map(np.float32)
)
values = st.recursive(
    scalars
    | arrays(st.sampled_from([np.float64, np.int32, np.bool_, "<U3"]), array_shapes(max_dims=3, max_side=3)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values)
def test_any_plain_value_comes_back_to_the_bit(value):
    assert equal(through_json(value), value)


@pytest.mark.parametrize(
    "value",
    [
        sparse.csr_matrix(np.eye(3)),
        sparse.csr_array(np.eye(3, dtype=np.float32)),
        np.array(["a", "b"], dtype=object),
        np.random.RandomState(5),
        *(np.random.Generator(getattr(np.random, name)(5)) for name in BIT_GENERATORS),
    ],
)
def test_other_values_come_back(value):
    assert equal(through_json(value), value)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            lambda: shoal.KMeans(3, init=lambda X, k, random_state: X[:k]),
            r"KMeans\.init must be numbers, text or",
        ),
        (lambda: Normalizer(), "Normalizer must be numbers, text or arrays"),
        (lambda: shoal.kmeans([[0.0], [1.0]], 2), "KMeansResult must be numbers, text or arrays"),
        (lambda: {"a": [object()]}, r"dict\['a'\]\[0\] must be"),
        (lambda: np.array([1, None], dtype=object), "is an array of Python objects"),
    ],
)
def test_what_needs_pickle_is_refused_by_name_and_leaves_no_file(tmp_path, model, message):
    with pytest.raises(TypeError, match=message):
        shoal.save_model(model(), tmp_path / "m.shoal")
    assert list(tmp_path.iterdir()) == []


def forge(path, estimator, **changes):
    content = {
        "format": "shoal-model",
        "format_version": 1,
        "shoal_version": "0.1.0",
        "feature_names": None,
        "scaler": None,
        "estimator": estimator,
        "about": {},
        **changes,
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.json", json.dumps(content))


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "subprocess:Popen",
        "builtins:eval",
        "shoal.base.files:Path",  # imported there, not made there
        "shoal.base.files:replacing",  # ours, but no class
        "shoal.report.page:Report",  # ours, but no estimator
        "shoal.nowhere:Thing",
        "shoalx:Thing",
        "sklearn.preprocessing:FunctionTransformer",
        "sklearn.pipeline:Pipeline",
        "shoal",
    ],
)
def test_a_file_cannot_name_any_other_class(tmp_path, name):
    forge(tmp_path / "m.shoal", {"$object": name, "state": {}})
    with pytest.raises(ValueError, match="which is not an estimator of this version of shoal"):
        shoal.load_model(tmp_path / "m.shoal")


def test_a_file_cannot_name_another_generator(tmp_path):
    forge(tmp_path / "m.shoal", {"$generator": {"$dict": [["bit_generator", "default_rng"]]}})
    with pytest.raises(ValueError, match="names the generator 'default_rng'"):
        shoal.load_model(tmp_path / "m.shoal")


def test_arrays_are_not_unpickled(tmp_path):
    forge(tmp_path / "m.shoal", {"$array": 0})
    buffer = io.BytesIO()
    np.save(buffer, np.array([object()], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "m.shoal", "a") as archive:
        archive.writestr("arrays/0.npy", buffer.getvalue())
    with pytest.raises(ValueError, match="allow_pickle=False"):
        shoal.load_model(tmp_path / "m.shoal")


def test_a_newer_format_is_named(tmp_path):
    forge(tmp_path / "m.shoal", None, format_version=2, shoal_version="9.9")
    with pytest.raises(ValueError, match=r"must have a model format up to 1; got 2, written by shoal 9.9"):
        shoal.load_model(tmp_path / "m.shoal")


def test_another_file_is_no_model(tmp_path):
    path = tmp_path / "m.shoal"
    with pytest.raises(FileNotFoundError, match="no such file"):
        shoal.load_model(path)
    with pytest.raises(IsADirectoryError, match="is a directory"):
        shoal.load_model(tmp_path)
    path.write_text("hello")
    with pytest.raises(ValueError, match="is not a shoal model file"):
        shoal.load_model(path)
    np.savez(tmp_path / "arrays.npz", X=X)
    with pytest.raises(ValueError, match="not a shoal model file"):
        shoal.load_model(tmp_path / "arrays.npz")
    forge(path, None, format="another")
    with pytest.raises(ValueError, match="is not a shoal model file"):
        shoal.load_model(path)
    forge(path, {"$new": 1})
    with pytest.raises(ValueError, match="unknown kind"):
        shoal.load_model(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.floats(0, 1, exclude_max=True), cut=st.booleans())
def test_a_damaged_file_is_refused_or_reads_right(tmp_path, position, cut):
    path = tmp_path / "m.shoal"
    model = shoal.KMeans(3, random_state=0).fit(X)
    shoal.save_model(model, path)
    data = bytearray(path.read_bytes())
    at = int(position * len(data))
    if cut:
        del data[at:]
    else:
        data[at] ^= 0x55
    path.write_bytes(data)
    try:
        again = shoal.load_model(path).estimator
    except ValueError as error:
        told = str(error)
    else:
        told = f"{path} is whole"
        np.testing.assert_array_equal(again.cluster_centers_, model.cluster_centers_)
    assert told.startswith(f"{path} is ")


def test_an_estimator_without_predict_says_so():
    saved = shoal.base.model_file.SavedModel(StandardScaler())
    with pytest.raises(
        ValueError, match="StandardScaler labels only the rows it was fitted on: it has no predict"
    ):
        saved.predict(X)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def fail():
        with replacing(path) as beside:
            beside.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    with replacing(path) as beside:
        beside.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name")
def test_a_link_and_a_pipe_stay_what_they_are(tmp_path):
    target, link, pipe = tmp_path / "target", tmp_path / "link", tmp_path / "pipe"
    target.write_text("old")
    link.symlink_to(target)
    with replacing(link) as beside:
        beside.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # with it, opening for writing does not wait
    with replacing(pipe) as beside:
        beside.write_text("through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe", "target"]


def test_names_of_columns_may_come_in_any_sequence_and_are_counted(tmp_path):
    model = shoal.KMeans(3, random_state=0).fit(X)
    for names in (np.array(["a", "b", "c"]), ("a", "b", "c"), {"a": 1, "b": 2, "c": 3}.keys()):
        shoal.save_model(model, tmp_path / "m.shoal", feature_names=names)
        assert shoal.load_model(tmp_path / "m.shoal").feature_names == ["a", "b", "c"]
    with pytest.raises(ValueError, match="feature_names must have n_features_in_=3 names; got 1"):
        shoal.save_model(model, tmp_path / "m.shoal", feature_names=["a"])
    with pytest.raises(
        TypeError, match="scaler must be one of StandardScaler, MinMaxScaler, RobustScaler; got 3"
    ):
        shoal.save_model(model, tmp_path / "m.shoal", scaler=3)
    with pytest.raises(TypeError, match=r"about must hold text, finite numbers, lists and dicts; .*int64"):
        shoal.save_model(model, tmp_path / "m.shoal", about={"n": np.int64(3)})
    with pytest.raises(ValueError, match="about must hold"):
        shoal.save_model(model, tmp_path / "m.shoal", about={"n": np.nan})


def changed(path, change):
    """The model file with its JSON changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    content = json.loads(parts["model.json"])
    change(content)
    parts["model.json"] = json.dumps(content).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def test_a_parameter_that_came_later_is_at_its_default_and_one_that_went_is_named(tmp_path):
    path = tmp_path / "m.shoal"
    model = shoal.KMeans(3, random_state=0).fit(X)
    shoal.save_model(model, path)
    changed(path, lambda content: content["estimator"]["state"].pop("metric"))
    again = shoal.load_model(path)
    assert again.estimator.metric == "euclidean"
    np.testing.assert_array_equal(again.predict(X), model.labels_)
    changed(path, lambda content: content["estimator"]["state"].update(shape="round"))
    with pytest.raises(
        ValueError, match=r"was written by shoal .*KMeans of this version has no parameter 'shape'"
    ):
        shoal.load_model(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["estimator"]["state"].update(metric={}),
        lambda content: content["estimator"].update(state=[]),
        lambda content: content.update(estimator="KMeans"),
        lambda content: content.update(scaler=3),
        lambda content: content.update(feature_names=7),
        lambda content: content["estimator"].update({"$object": 3}),
    ],
)
def test_what_makes_no_sense_is_damage(tmp_path, change):
    path = tmp_path / "m.shoal"
    shoal.save_model(shoal.KMeans(3, random_state=0).fit(X), path)
    changed(path, change)
    with pytest.raises(ValueError, match=r"m.shoal is damaged or not a shoal model file"):
        shoal.load_model(path)
