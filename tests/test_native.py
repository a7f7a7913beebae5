"""The C++ unit tests of the kernels, built without Python, and the check of what each level exports."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_the_cpp_unit_tests_pass():
    # cmake and ninja come with the test extra; they need not be on the PATH of an environment not activated
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
    if shutil.which(os.environ.get("CXX", "c++"), path=path) is None:
        pytest.skip("no C++ compiler here")
    for tool in ("cmake", "ctest", "ninja"):
        if shutil.which(tool, path=path) is None:
            pytest.skip(f"no {tool} here")
    for command in (
        ["cmake", "--preset", "kernels"],
        ["cmake", "--build", "--preset", "kernels"],
        ["ctest", "--preset", "kernels", "--no-tests=error"],
    ):
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout.decode(errors='replace')}"
