"""Counts of texts, and the tokens that they may come to."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.arrival.text_counts import (
    FEWEST,
    MOST,
    TextCounts,
    count_text,
    fewest_tokens,
    most_tokens,
)
from lab.arrival.texts import LANGUAGES
from lab.arrival.tokenizers import SIMPLE, by_pieces, by_script


def test_prose_is_counted_by_class() -> None:
    counts = count_text("Summarise in 2 sentences:\n\nпривет, 世界! Überraschung 😀")
    assert counts.words == 4
    assert (counts.digits, counts.marks, counts.gaps) == (1, 3, 1)
    assert (counts.accents, counts.cyrillic, counts.east_asian, counts.others) == (1, 6, 2, 1)


def test_repetitions_are_counted_apart() -> None:
    counts = count_text("=" * 200)
    assert counts.marks == 2
    assert counts.repeated == 198
    assert fewest_tokens(counts) < 1


def test_short_words_count_by_their_letters() -> None:
    assert count_text("a b c d e f g h").words == 2


def test_empty_text_has_no_tokens() -> None:
    assert fewest_tokens(count_text("")) == most_tokens(count_text("")) == 0


def test_lone_surrogates_are_counted() -> None:
    assert count_text("\ud800x").characters == 2


def test_each_class_has_its_bounds() -> None:
    classes = TextCounts(*range(17)).counts_by_class
    assert len(classes) == len(FEWEST) == len(MOST)
    assert all(least < most for least, most in zip(FEWEST, MOST, strict=True))


@pytest.mark.parametrize("language", LANGUAGES)
def test_bounds_hold_in_every_language(language: str) -> None:
    text = LANGUAGES[language]
    least, most = fewest_tokens(count_text(text)), most_tokens(count_text(text))
    tokenizers = [SIMPLE["characters / 4"], SIMPLE["bytes / 3"], by_script(1), by_pieces(1)]
    for tokenizer in tokenizers:
        assert least <= tokenizer(text) <= most
