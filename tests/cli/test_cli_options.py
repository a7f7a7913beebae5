"""An estimator's parameters as options."""

import inspect

import pytest

from shoal.cli.app import build, named_algorithm
from shoal.cli.options import Parameter, chosen, describe, parameters_of, parse_settings, parse_value
from shoal.cli.registry import ALGORITHMS, find


class Example:
    """An estimator.

    Parameters
    ----------
    n_clusters : int, default=8
        The number of clusters. More sentences
        are left out.
    tol : float, default=1e-4
        Stop below ``tol`` [2]_, see :func:`shoal.kmeans`.

    metric : {"euclidean", "cosine"}, default="euclidean"
        The distance: how far apart points are.
    init, weights : str or array-like
        Two at once.
    random_state : int, RandomState instance or None, default=None
        Seed.

    Attributes
    ----------
    labels_ : ndarray
        Not a parameter.
    """

    def __init__(
        self,
        n_clusters=8,
        *,
        tol=1e-4,
        metric="euclidean",
        init="k-means++",
        weights=None,
        copy=True,
        warm=False,
        random_state=None,
        options=(),
    ):
        pass


def test_parameters_are_those_a_terminal_can_give_with_their_description():
    found = {parameter.name: parameter for parameter in parameters_of(Example)}
    assert list(found) == [name for name in inspect.signature(Example).parameters if name != "options"]
    assert found["n_clusters"] == Parameter("n_clusters", 8, "int", "The number of clusters.")
    assert found["tol"].description == "Stop below tol, see shoal.kmeans."
    assert found["metric"].kind == '{"euclidean", "cosine"}'
    assert found["init"].description == found["weights"].description == "Two at once."
    assert found["random_state"].default == 0  # repeatable unless asked otherwise
    assert found["copy"].description == ""


def test_what_stands_after_an_option():
    found = {parameter.name: parameter.metavar for parameter in parameters_of(Example)}
    assert found["n_clusters"] == "INT"
    assert found["tol"] == "FLOAT"
    assert found["metric"] == "euclidean|cosine"
    assert found["init"] == found["weights"] == "VALUE"
    assert found["random_state"] == "INT"


@pytest.mark.parametrize("docstring", ["", "One line.", "Parameters\n----------\n"])
def test_a_docstring_without_parameters_describes_none(docstring):
    assert describe(docstring) == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-1", -1),
        ("0.5", 0.5),
        ("1e-3", 1e-3),
        ("inf", float("inf")),
        ("none", None),
        ("None", None),
        ("true", True),
        ("False", False),
        ("auto", "auto"),
        ("k-means++", "k-means++"),
        ("", ""),
    ],
)
def test_words_become_values(text, value):
    found = parse_value(text)
    assert found == value
    assert type(found) is type(value)


def test_settings_are_python_literals_or_words():
    settings = ["init=[[0, 1], [2, 3]]", "tol = 1e-3", "n-clusters=4", "metric=cosine", "weights='5'"]
    found = parse_settings(settings, list(inspect.signature(Example).parameters), "Example")
    assert found == {
        "init": [[0, 1], [2, 3]],
        "tol": 1e-3,
        "n_clusters": 4,
        "metric": "cosine",
        "weights": "5",
    }


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("tol", "--set must be name=value; got 'tol'"),
        ("tool=1", "Example has no parameter 'tool'; did you mean 'tol'?"),
        (
            "zzz=1",
            "Example has no parameter 'zzz'; it has n_clusters, tol, ",
        ),
    ],
)
def test_wrong_settings_are_told(setting, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the sentence is compared
        parse_settings([setting], list(inspect.signature(Example).parameters), "Example")
    assert str(caught.value).startswith(message)


def test_only_given_options_have_values_and_a_flag_is_the_opposite_of_its_default():
    given = {"tol": "0.1", "metric": None, "copy": True, "warm": True}
    parameters = [parameter for parameter in parameters_of(Example) if parameter.name in given]
    assert chosen(parameters, given) == {"tol": 0.1, "copy": False, "warm": True}
    assert chosen(parameters, dict.fromkeys(given)) == {}


def test_every_algorithm_of_the_registry_is_a_public_estimator_that_fits():
    import shoal

    for algorithm in ALGORITHMS.values():
        cls = algorithm.load()
        assert cls is getattr(shoal, algorithm.class_name)
        sizes = {"n_clusters": 2, "n_components": 2, "min_samples": 2, "min_cluster_size": 2}
        model = cls().set_params(**{name: sizes[name] for name in sizes if name in cls().get_params()})
        assert model.fit([[0.0], [1.0], [9.0]]).labels_.shape == (3,)
        assert algorithm.summary


def test_every_parameter_of_every_algorithm_is_described():
    for algorithm in ALGORITHMS.values():
        for parameter in parameters_of(algorithm.load()):
            assert parameter.description, (algorithm.name, parameter.name)
            assert parameter.kind, (algorithm.name, parameter.name)


@pytest.mark.parametrize(
    "name", ["minibatch-kmeans", "minibatch_kmeans", "MiniBatchKMeans", "minibatchkmeans"]
)
def test_an_algorithm_is_found_under_its_names(name):
    assert find(name).class_name == "MiniBatchKMeans"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("fit x.csv", "kmeans"),
        ("fit x.csv -a bisecting-kmeans", "bisecting-kmeans"),
        ("fit -abisecting-kmeans x.csv", "bisecting-kmeans"),
        ("fit --algorithm KMeans x.csv", "KMeans"),
        ("fit --algorithm=KMeans x.csv", "KMeans"),
        ("fit -- -a x", "kmeans"),
    ],
)
def test_the_algorithm_is_known_before_its_options_are(line, name):
    assert named_algorithm(line.split()) == name


def test_only_the_algorithm_that_is_named_has_its_options():
    def options(line):
        app = build(line.split())
        command = next(item for item in app.registered_commands if item.name == "fit")
        return set(inspect.signature(command.callback).parameters)

    plain = options("--help")
    assert not any(name.startswith("parameter_") for name in plain)
    for algorithm in ALGORITHMS.values():
        own = {f"parameter_{parameter.name}" for parameter in parameters_of(algorithm.load())}
        assert options(f"fit -a {algorithm.name} x.csv") == plain | own
