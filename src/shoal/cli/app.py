"""The commands: what they accept and how errors reach the user. The work itself is in ``work.py``.

The options of ``shoal fit`` depend on the algorithm: the command is built for the one that the arguments
name.
"""

from __future__ import annotations

import inspect
import platform
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

import shoal
from shoal.cli.complaints import Complaint, complaints
from shoal.cli.options import Parameter, chosen, parameters_of
from shoal.cli.registry import ALGORITHMS, Algorithm, find

# What `--labels` may end in.
LABEL_FORMATS = (".csv", ".tsv", ".parquet", ".arrow", ".feather", ".npy")

# click's base of all usage errors, which Typer re-exports only through this one
_UsageError: Any = typer.BadParameter.__mro__[2]

_HELP = """Find the groups in a table of numbers.

[bold]shoal fit FILE[/] reads CSV, TSV, Parquet, Arrow, NPY or NPZ and leaves labels, a model and a report in
[cyan]shoal-report/[/].
"""

# One paragraph per example: some versions of Typer join the lines of a paragraph.
_EXAMPLES = """
[cyan]shoal demo[/]                two small data sets, one report

[cyan]shoal fit iris.csv -k 3[/]   every numeric column, three clusters

[cyan]shoal fit sales.parquet --columns spend,visits --scale standard -k 5[/]

[cyan]shoal predict shoal-report/model.shoal new.csv[/]
"""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; wrong input becomes one line on standard error."""
    try:
        app = build(arguments)
        code = app(args=list(arguments) or ["--help"], prog_name="shoal", standalone_mode=False)
    except _UsageError as error:
        return _complain(_told(error, arguments) + _where_to_look(arguments))
    except Complaint as error:
        return _complain(str(error))
    except typer.Abort:
        code = 130
    if code == 130:
        print("shoal: interrupted", file=sys.stderr)
    return code if isinstance(code, int) else 0


def _complain(message: str) -> int:
    print("shoal: " + " ".join(message.split()), file=sys.stderr)
    return 2


def _told(error: Any, arguments: Sequence[str]) -> str:
    """A usage error in words; of ``fit``, options depend on the algorithm."""
    option = getattr(error, "option_name", None)
    if type(error).__name__ != "NoSuchOption" or "fit" not in arguments:
        return str(error.format_message())
    name = named_algorithm(arguments)
    if option in ("-k", "--n-clusters"):
        return f"{name} has no option {option}: it finds the number of clusters itself"
    near = f"; did you mean {' or '.join(error.possibilities)}?" if error.possibilities else ""
    return f"{name} has no option {option}{near}"


def _where_to_look(arguments: Sequence[str]) -> str:
    commands = [a for a in arguments if a in ("fit", "predict", "demo", "evaluate", "info", "algorithms")]
    name = named_algorithm(arguments)
    chosen = f" -a {name}" if commands[:1] == ["fit"] and name != "kmeans" else ""
    return f" (see 'shoal {commands[0]}{chosen} --help')" if commands else " (see 'shoal --help')"


def named_algorithm(arguments: Sequence[str]) -> str:
    """The value of ``-a`` or ``--algorithm`` among the arguments, ``kmeans`` if there is none."""
    for i, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument in ("-a", "--algorithm") and i + 1 < len(arguments):
            return arguments[i + 1]
        for prefix in ("--algorithm=", "-a"):
            if argument.startswith(prefix) and len(argument) > len(prefix):
                return argument.removeprefix(prefix)
    return "kmeans"


def build(arguments: Sequence[str]) -> typer.Typer:
    """The application; with the options of the named algorithm if the command is ``fit``."""
    app = typer.Typer(
        name="shoal",
        help=_HELP,
        epilog=_EXAMPLES,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    if {"-h", "--help"} & set(arguments):
        _leave_room_for_names()
    command = next((argument for argument in arguments if not argument.startswith("-")), None)
    if command == "fit":
        with complaints():
            algorithm = find(named_algorithm(arguments))
        app.command("fit")(_with_parameters_of(algorithm, shlex.join(["shoal", *arguments])))
    else:
        app.command("fit")(_with_parameters_of(None, ""))
    app.command("predict")(_predict)
    app.command("demo")(_demo)
    app.command("evaluate")(_with_command(_evaluate, shlex.join(["shoal", *arguments])))
    app.command("algorithms")(_algorithms)
    app.command("info")(_info)
    return app


def _leave_room_for_names() -> None:
    """Options in the help are told in full at 80 columns: less space around them, and what does not fit is folded."""
    from typer import rich_utils

    rich_utils.STYLE_OPTIONS_TABLE_PADDING = (0, 1, 0, 0)  # type: ignore[assignment]
    highlighter = rich_utils.highlighter
    rich_utils.highlighter = lambda text: _folded(highlighter(text))  # type: ignore[assignment]


def _folded(text: Any) -> Any:
    text.overflow = "fold"
    return text


def _show_version(asked: bool) -> None:
    if asked:
        print(f"shoal {shoal.__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and leave.", callback=_show_version, is_eager=True),
    ] = False,
) -> None: ...


def _option(*names: str, panel: str | None = None, **more: Any) -> Any:
    """An option whose default, if worth saying, is in its help text."""
    return typer.Option(*names, rich_help_panel=panel, **{"show_default": False, **more})


_data = partial(_option, panel="Data")
_algorithm = partial(_option, panel="Algorithm")
_output = partial(_option, panel="Output")

# Longer choices stand in the description of an option.
_LONGEST_METAVAR = 10

_LABELS_HELP = f"Labels, by suffix: {' '.join(LABEL_FORMATS)}"
_WITH_DATA_HELP = "Labels beside the file's own columns."
_DROP_HELP = "Leave out rows with empty cells."
_SEPARATOR_HELP = (
    "What stands between cells of a text file; [cyan]tab[/] is one too. [dim]By default as seen.[/]"
)
_COMMA_HELP = "In a text file, 1,5 is one and a half."
_THREADS_HELP = "Threads to use. [dim]By default all.[/]"
_QUIET_HELP = "Print nothing."


def _fit(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV, TSV, Parquet, Arrow/Feather, NPY or NPZ, by its suffix.",
            show_default=False,
        ),
    ],
    columns: Annotated[
        list[str] | None,
        _data(
            "--columns",
            "-c",
            metavar="A,B,...",
            help="Feature columns. [dim]By default every numeric one.[/]",
        ),
    ] = None,
    label_column: Annotated[
        str | None,
        _data(
            metavar="NAME",
            help="Reference labels: no feature, but scored against. [dim]By default y of an NPZ file.[/]",
        ),
    ] = None,
    scale: Annotated[
        str,
        _data(
            metavar="KIND",
            help="[cyan]none[/], or per column [cyan]standard[/] (mean 0, deviation 1), "
            "[cyan]minmax[/] (0 to 1), [cyan]robust[/] (median 0, quartile range 1).",
        ),
    ] = "none",
    drop_missing: Annotated[bool, _data("--drop-missing", help=_DROP_HELP)] = False,
    separator: Annotated[str | None, _data(metavar="CHAR", help=_SEPARATOR_HELP)] = None,
    decimal_comma: Annotated[bool, _data("--decimal-comma", help=_COMMA_HELP)] = False,
    algorithm: Annotated[
        str,
        _algorithm(
            "--algorithm",
            "-a",
            metavar="NAME",
            help=f"One of [cyan]{', '.join(ALGORITHMS)}[/]. [dim]-a NAME --help shows its parameters.[/]",
            show_default=True,
        ),
    ] = "kmeans",
    settings: Annotated[
        list[str] | None,
        _algorithm(
            "--set",
            metavar="NAME=VALUE",
            help="Any parameter, as a Python value: [dim]--set init='[[0, 0], [9, 9]]'[/]",
        ),
    ] = None,
    threads: Annotated[int | None, _algorithm(metavar="N", help=_THREADS_HELP)] = None,
    out: Annotated[
        Path, _output("--out", "-o", metavar="FOLDER", help="Where results go.", show_default=True)
    ] = Path("shoal-report"),
    labels: Annotated[
        Path | None, _output(metavar="FILE", help=_LABELS_HELP + " [dim](FOLDER/labels.csv)[/]")
    ] = None,
    with_data: Annotated[bool, _output("--with-data", help=_WITH_DATA_HELP)] = False,
    model: Annotated[
        Path | None,
        _output(metavar="FILE", help="Model for [bold]shoal predict[/]. [dim](FOLDER/model.shoal)[/]"),
    ] = None,
    report: Annotated[
        Path | None, _output(metavar="FILE", help="HTML report. [dim](FOLDER/report.html)[/]")
    ] = None,
    no_model: Annotated[bool, _output("--no-model", help="Save no model.")] = False,
    no_report: Annotated[bool, _output("--no-report", help="Write no report.")] = False,
    title: Annotated[str, _output(metavar="TEXT", help="Title of the report.")] = "",
    image_shape: Annotated[
        str | None,
        _output(
            metavar="HxW", help="Rows are images of this size: the report shows each cluster's mean image."
        ),
    ] = None,
    quiet: Annotated[bool, _output("--quiet", "-q", help=_QUIET_HELP)] = False,
    *,
    parameters: dict[str, Any],
    command: str,
) -> None:
    """Cluster the rows of FILE and write labels, a model and a report.

    Parameters of the algorithm are options too; they are listed last.
    """
    from shoal.cli.work import Fit, fit

    fit(
        Fit(
            file=file,
            algorithm=find(algorithm),
            parameters=parameters,
            columns=columns,
            label_column=label_column,
            scale=scale,
            drop_missing=drop_missing,
            separator=separator,
            decimal_comma=decimal_comma,
            settings=settings or [],
            threads=threads,
            labels=labels or out / "labels.csv",
            with_data=with_data,
            model=None if no_model else model or out / "model.shoal",
            report=None if no_report else report or out / "report.html",
            title=title,
            image_shape=image_shape,
            quiet=quiet,
            command=command,
        )
    )


def _with_parameters_of(algorithm: Algorithm | None, command: str) -> Callable[..., None]:
    """``_fit`` with an option for every parameter of the algorithm in its signature, as Typer reads it."""
    # not typing.get_type_hints: Python 3.10's hides Annotated in an Optional where the default is None
    declared = inspect.signature(_fit, eval_str=True).parameters
    own = [item for name, item in declared.items() if name not in ("parameters", "command")]
    taken = {option for item in own for option in _declared(item)}
    parameters: list[Parameter] = []
    extra = []
    if algorithm is not None:
        cls = algorithm.load()
        parameters = parameters_of(cls)
        for parameter in parameters:
            spelling = parameter.name.replace("_", "-")
            if f"--{spelling}" in taken:  # as `algorithm` of k-means: --kmeans-algorithm
                spelling = f"{algorithm.name}-{spelling}"
            extra.append(_parameter_option(parameter, spelling, f"Parameters of {cls.__name__}"))

    def fit(**values: Any) -> None:
        given = {parameter.name: values.pop(f"parameter_{parameter.name}") for parameter in parameters}
        _fit(**values, parameters=chosen(parameters, given), command=command)

    fit.__signature__ = inspect.Signature([*own, *extra])  # type: ignore[attr-defined]
    fit.__annotations__ = {item.name: item.annotation for item in (*own, *extra)}
    fit.__doc__ = _fit.__doc__
    return fit


def _declared(item: inspect.Parameter) -> list[str]:
    """The spellings of an option that is declared with ``Annotated``."""
    names = item.annotation.__metadata__[0].param_decls or ()
    return [*names, "--" + item.name.replace("_", "-")]


def _parameter_option(parameter: Parameter, spelling: str, panel: str) -> inspect.Parameter:
    # a flag says the opposite of the default
    names = [f"--no-{spelling}" if parameter.default is True else f"--{spelling}"]
    if parameter.name in ("n_clusters", "n_components"):
        names.append("-k")
    described = escape(parameter.description)
    if parameter.default is True:
        described = f"Turns off: {described}"
    if not parameter.is_flag:
        described += f" [dim]\\[{escape(str(parameter.default))}][/]"
    metavar = None if parameter.is_flag else parameter.metavar
    if metavar and len(metavar) > _LONGEST_METAVAR:  # beside it, names and descriptions would have no room
        words = metavar.replace("|", ", ") if "/" not in metavar else metavar.replace("/", ", ")
        described = f"[cyan]{escape(words)}[/]: {described}"
        metavar = "WORD"
    option = _option(*names, metavar=metavar, help=described.strip(), panel=panel)
    return inspect.Parameter(
        f"parameter_{parameter.name}",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[bool | None if parameter.is_flag else str | None, option],
    )


def _predict(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="A model that [bold]shoal fit[/] saved.", show_default=False),
    ],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="New rows; columns are found by name, others ignored.", show_default=False
        ),
    ],
    labels: Annotated[
        str, _option(metavar="FILE", help=_LABELS_HELP + "; - prints them as CSV.", show_default=True)
    ] = "shoal-report/predictions.csv",
    with_data: Annotated[bool, _option("--with-data", help=_WITH_DATA_HELP)] = False,
    drop_missing: Annotated[bool, _option("--drop-missing", help=_DROP_HELP)] = False,
    separator: Annotated[str | None, _option(metavar="CHAR", help=_SEPARATOR_HELP)] = None,
    decimal_comma: Annotated[bool, _option("--decimal-comma", help=_COMMA_HELP)] = False,
    threads: Annotated[int | None, _option(metavar="N", help=_THREADS_HELP)] = None,
    quiet: Annotated[bool, _option("--quiet", "-q", help=_QUIET_HELP)] = False,
) -> None:
    """Label the rows of FILE with a saved model."""
    from shoal.cli.work import predict

    predict(
        model,
        file,
        labels=labels,
        with_data=with_data,
        drop_missing=drop_missing,
        separator=separator,
        decimal_comma=decimal_comma,
        threads=threads,
        quiet=quiet,
    )


def _demo(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the report goes.")] = Path(
        "shoal-report"
    ),
) -> None:
    """Cluster two small data sets that come with scikit-learn; one report.

    Iris flowers (150 x 4, 3 species) and handwritten digits (1797 x 64, 10 classes), scored against their
    true classes.
    """
    from shoal.cli.demo import demo

    demo(out)


def _evaluate(
    out: Annotated[
        Path,
        _output("--out", "-o", metavar="FOLDER", help="Where results and reports go.", show_default=True),
    ] = Path("shoal-evaluation"),
    data: Annotated[
        list[str] | None,
        _data(
            metavar="FOLDER",
            help="Your data: NPZ with X and y, tables with a column y, label or class, IDX files of MNIST and "
            "Fashion-MNIST. [dim]May be given more than once.[/]",
        ),
    ] = None,
    sets: Annotated[
        list[str] | None,
        _data(
            metavar="A,B,...",
            help="Data sets, or [cyan]shipped[/], [cyan]synthetic[/], [cyan]suite[/], [cyan]files[/]. "
            "[dim]By default all that are found.[/]",
        ),
    ] = None,
    samples: Annotated[int, _data(metavar="N", help="Size of synthetic samples.", show_default=True)] = 2000,
    methods: Annotated[
        list[str] | None,
        _algorithm(
            metavar="A,B,...",
            help="Methods, or [cyan]centroid[/], [cyan]density[/], [cyan]hierarchy[/], [cyan]exemplar[/], "
            "[cyan]mixture[/]. [dim]By default all.[/]",
        ),
    ] = None,
    seeds: Annotated[int, _algorithm(metavar="N", help="Seeds 0 to N - 1.", show_default=True)] = 5,
    budget: Annotated[
        float, _algorithm(metavar="SECONDS", help="Processor time that one fit may take.", show_default=True)
    ] = 60.0,
    quick: Annotated[
        bool,
        _algorithm("--quick", help="A reduced plan of about a minute: few methods, small sets, 3 seeds."),
    ] = False,
    quiet: Annotated[bool, _output("--quiet", "-q", help=_QUIET_HELP)] = False,
    *,
    command: str,
) -> None:
    """Every algorithm beside its counterparts on known data; JSON results, an HTML and a Markdown report.

    Quality, time and memory of shoal, scikit-learn, and of hdbscan and fastcluster if they are installed. A second call
    with the same options goes on where the first one stopped.
    """
    from shoal.cli.evaluate import Evaluation, evaluate

    evaluate(
        Evaluation(
            out=out,
            data=data or (),
            sets=sets or (),
            methods=methods or (),
            seeds=seeds,
            budget=budget,
            samples=samples,
            quick=quick,
            quiet=quiet,
            command=command,
        )
    )


def _with_command(function: Callable[..., None], command: str) -> Callable[..., None]:
    """`function` without its last parameter, which is given the command line."""
    declared = inspect.signature(function, eval_str=True).parameters

    def bound(**values: Any) -> None:
        function(**values, command=command)

    kept = [item for name, item in declared.items() if name != "command"]
    bound.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
    bound.__annotations__ = {item.name: item.annotation for item in kept}
    bound.__doc__ = function.__doc__
    return bound


def _algorithms() -> None:
    """List the algorithms."""
    from rich.table import Table

    from shoal.cli.terminal import console

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Name", "Class", "What it does"):
        table.add_column(heading, no_wrap=heading != "What it does")
    for algorithm in ALGORITHMS.values():
        table.add_row(f"[cyan]{algorithm.name}[/]", f"shoal.{algorithm.class_name}", algorithm.summary)
    console().print(table)
    console().print("\n[dim]shoal fit -a NAME --help shows the parameters of one.[/]")


def _info() -> None:
    """Show version, build, instruction set and threads."""
    from importlib.metadata import PackageNotFoundError, version

    shoal.show_config()
    found = []
    for package in ("numpy", "scipy", "scikit-learn", "polars", "plotly", "typer", "rich"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    print(f"python: {platform.python_version()}; {', '.join(found)}")
