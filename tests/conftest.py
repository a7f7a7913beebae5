"""What every room's tests share: the seed, settings given back, hard data."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator

import hard_data as hard_data_sets
import numpy as np
import pytest
from hypothesis import settings

import shoal
from shoal import _core
from shoal.base.config import config as shoal_config

# A shell that starts the tests in the background leaves Ctrl-C ignored, here and in every child.
signal.signal(signal.SIGINT, signal.default_int_handler)

# With CI set the data and Hypothesis's examples are the same in every run; elsewhere they are new ones each time.
CI = bool(os.environ.get("CI"))
SEED = int(os.environ.get("SHOAL_TEST_SEED") or (1 if CI else secrets.randbits(32)))
# xdist's workers take the seed of the process that started them
os.environ["SHOAL_TEST_SEED"] = str(SEED)

# Timing belongs to the benchmarks; a failing example is printed so that it can be run again.
settings.register_profile("shoal", deadline=None, print_blob=True, derandomize=CI)
settings.load_profile("shoal")


def pytest_report_header() -> list[str]:
    facts = shoal_config()
    return [
        f"shoal: {facts['version']} from {os.path.dirname(shoal.__file__)}, {facts['build_type']} build, "
        f"instruction set {facts['isa']} of {', '.join(facts['isa_available'])}, {facts['threads']} threads",
        f"seed: {SEED} (SHOAL_TEST_SEED={SEED} repeats this run)",
    ]


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers of this test alone; another run has others unless CI or SHOAL_TEST_SEED is set."""
    return np.random.default_rng([SEED, *request.node.nodeid.encode()])


@pytest.fixture(autouse=True)
def settings_given_back() -> Iterator[None]:
    """No test leaves its threads, block length or instruction set to the next one."""
    isa = _core.isa()
    limit = _core.thread_limit()
    yield
    _core.force_block_length(0)
    assert _core.thread_limit() == limit
    assert _core.isa() == isa


@pytest.fixture
def short_blocks() -> None:
    """Every loop over samples in blocks of 4, so that little data make many blocks."""
    _core.force_block_length(4)


@pytest.fixture(params=list(hard_data_sets.finite()))
def hard_data(request: pytest.FixtureRequest) -> np.ndarray:
    """Finite data that break careless kernels, float64; one test per kind."""
    return hard_data_sets.finite()[request.param]


@pytest.fixture
def run_python() -> Callable[..., str]:
    """Runs code in a fresh interpreter, environment variables set (None: unset); returns what it prints."""

    def run(code: str, *, returncode: int = 0, timeout: float = 120, **variables: str | None) -> str:
        environment = {**os.environ, **{k: v for k, v in variables.items() if v is not None}}
        for name in [name for name, value in variables.items() if value is None]:
            environment.pop(name, None)
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == returncode, done.stderr
        return done.stdout if returncode == 0 else done.stderr

    return run
