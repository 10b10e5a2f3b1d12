"""Nothing of other tests is left when simulated runs begin."""

from __future__ import annotations

import gc

import pytest


@pytest.fixture(scope="module", autouse=True)
def _no_garbage_of_others() -> None:
    """What s3fs leaves is closed by the garbage collector, on whatever loop runs: not on a simulated one."""
    gc.collect()
