"""What the tests of this room share."""

from __future__ import annotations

import numpy as np
import pytest

from shoal import _core


@pytest.fixture
def blocks_of_four():
    """All kernels cut their work into blocks of four samples."""
    _core.force_block_length(4)
    yield
    _core.force_block_length(0)


@pytest.fixture
def rng():
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}")  # shown when the test fails
    return np.random.default_rng(seed)
