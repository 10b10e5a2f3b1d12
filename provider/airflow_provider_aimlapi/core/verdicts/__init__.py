"""Decisions after calls without a completion: for the row, and for the run."""
