"""An index of numbers by hash."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.reuse.hash_index import HashIndex

FEW_KEYS = st.sampled_from([f"{key:016x}{rest}" for key in (0, 1, 2, 3, 8) for rest in "ab"])
"""Some share a key, and some a slot."""
HASHES = FEW_KEYS | st.text().map(lambda text: sha256(text.encode()).hexdigest())


@given(hashes=st.lists(HASHES, max_size=40), others=st.lists(HASHES, max_size=5))
def test_index_finds_what_a_dictionary_finds(hashes: list[str], others: list[str]) -> None:
    index = HashIndex(len(hashes))
    expected: dict[int, list[int]] = {}
    for number, one in enumerate(hashes):
        index.add(one, number)
        expected.setdefault(int(one[:16], 16) or 1, []).append(number)
    for one in (*hashes, *others):
        assert index.find(one) == expected.get(int(one[:16], 16) or 1, [])


def test_full_index_takes_no_more() -> None:
    index = HashIndex(2)
    for number in range(3):
        assert index.is_full == (number == 2)
        index.add(f"{number + 5:016x}", number)
    assert [index.find(f"{number + 5:016x}") for number in range(3)] == [[0], [1], []]
