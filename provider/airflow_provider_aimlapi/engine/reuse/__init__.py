"""Answers that earlier runs have paid for: which runs, which parts of them, which rows."""
