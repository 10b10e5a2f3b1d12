"""Checks that a quote occurs in the text that it quotes. Pure."""

from __future__ import annotations

import unicodedata

from airflow_provider_aimlapi.core.answers.misfits import Misfit


def check_quote(quote: str, column: str, cell: str) -> None:
    """Refuse a text that is not in a cell.

    Both are compared in Unicode's composed form (NFC), and any white space is one blank.

    Raises:
        Misfit: the text is empty, or does not occur in the cell.
    """
    searched = _comparable_text(quote)
    if not searched:
        raise Misfit(f"is an empty quote of column {column!r}", quote)
    if quote not in cell and searched not in _comparable_text(cell):
        raise Misfit(f"does not occur in column {column!r}", quote)


def _comparable_text(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
