"""Runs of whole jobs, as in tests/runs."""

from __future__ import annotations

from tests.runs.conftest import place, sim

__all__ = ["place", "sim"]
