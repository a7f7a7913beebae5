"""The typed signatures of the kernels, src/shoal/_core.pyi: made from the compiled module, never by hand.

python tools/stub.py            fails, with a diff, when the stub is not what the installed module says
python tools/stub.py --write    writes it
"""

from __future__ import annotations

import argparse
import difflib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

STUB = Path(__file__).resolve().parents[1] / "src" / "shoal" / "_core.pyi"


def generated() -> str:
    """What nanobind says of the module; values are left out, they differ from build to build.

    Where nanobind knows no type it says ``object``, of which nothing can be used; ``Any`` is meant.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "_core.pyi"
        command = [
            sys.executable,
            "-m",
            "nanobind.stubgen",
            "-q",
            "--exclude-values",
            "-m",
            "shoal._core",
            "-o",
        ]
        subprocess.run([*command, str(path)], check=True)
        stub = path.read_text()
    stub = re.sub(r"-> object\b", "-> Any", stub)
    stub = re.sub(r"-> tuple:", "-> tuple[Any, ...]:", stub)
    return stub.replace("from typing import Annotated,", "from typing import Annotated, Any,", 1)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write the stub instead of comparing it")
    made = generated()
    if parser.parse_args().write:
        STUB.write_text(made)
        return 0
    kept = STUB.read_text() if STUB.exists() else ""
    if made == kept:
        return 0
    sys.stdout.writelines(
        difflib.unified_diff(kept.splitlines(True), made.splitlines(True), str(STUB), "the compiled module")
    )
    print(f"\n{STUB.name} is not what the compiled module says: run python tools/stub.py --write")
    return 1


if __name__ == "__main__":
    sys.exit(main())
