"""The command ``shoal``: clustering of a file from a terminal. Needs ``pip install 'shoal[app]'``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

# What `shoal[app]` brings; anything else that cannot be imported is a fault to be seen in full.
_EXTRA = ("typer", "rich", "polars", "plotly")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line.

    The exit code is 0, or 2 for wrong input, 130 after Ctrl-C, 1 without the extra packages.

    Parameters
    ----------
    argv : sequence of str, default=None
        The arguments after the program's name; by default those of the process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:  # answered before anything heavy is imported
        import shoal

        print(f"shoal {shoal.__version__}")
        return 0
    try:
        from shoal.cli.app import run

        code = run(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (
        OSError
    ) as error:  # a full disk under standard output, for instance: the system's word, not our fault
        print(f"shoal: {(error.strerror or str(error)).lower()}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("shoal: interrupted", file=sys.stderr)
        return 130
    except ImportError as error:
        missing = (error.name or "").split(".")[0]
        if missing in _EXTRA:
            print(f"shoal: the package {missing!r} is missing; pip install 'shoal[app]'", file=sys.stderr)
            return 1
        if error.name is None:  # raised by shoal itself, about a setting such as SHOAL_ISA
            print(f"shoal: {error}", file=sys.stderr)
            return 2
        raise
