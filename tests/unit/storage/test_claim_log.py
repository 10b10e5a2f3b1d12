"""Claims in a store: every entry is made with all earlier ones in view, whoever is faster."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_aimlapi.core.claims import Claim, Claims
from airflow_provider_aimlapi.core.keys import RunNames
from airflow_provider_aimlapi.engine.clock import SystemClock
from airflow_provider_aimlapi.errors import JournalUnreadable, StoreUnavailable
from airflow_provider_aimlapi.storage.claim_log import ClaimLog
from tests.fakes.memory_store import MemoryStore

NAMES = RunNames(run_key="0" * 32)
SPREAD = SystemClock().spread


def test_an_entry_is_seen_by_who_reads_after_it() -> None:
    store = MemoryStore()
    ours, theirs = (ClaimLog(store, NAMES, SPREAD) for _ in range(2))
    claim = Claim(epoch=1, nano_usd={0: 5}, is_open=True)
    assert ours.append(lambda _: claim) == claim
    assert theirs.read().of(0) == 5
    assert theirs.append(lambda _: None) is None
    assert sorted(store.objects) == [NAMES.claim(1)]


def test_many_who_take_what_is_left_take_no_more_than_there_is() -> None:
    store = MemoryStore()

    def take(share: int) -> None:
        log = ClaimLog(store, NAMES, SPREAD)
        for _ in range(5):

            def some(claims: Claims) -> Claim | None:
                left = 100 - claims.elsewhere(share) - claims.of(share)
                wanted = claims.of(share) + min(left, 7)
                return Claim(epoch=share, nano_usd={share: wanted}, is_open=True)

            log.append(some)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(take, range(8)))
    claims = ClaimLog(store, NAMES, SPREAD).read()
    assert sum(claims.of(share) for share in range(8)) == 100
    assert sorted(store.objects) == [NAMES.claim(number) for number in range(1, 41)]


def test_an_entry_that_does_not_parse_is_not_passed_over() -> None:
    store = MemoryStore()
    store.create(NAMES.claim(1), b"?")
    with pytest.raises(JournalUnreadable):
        ClaimLog(store, NAMES, SPREAD).read()


def test_an_entry_that_cannot_be_read_is_not_taken_for_absent() -> None:
    store = MemoryStore()
    store.create(NAMES.claim(1), b"gone when it is read")

    class Forgetful(MemoryStore):
        def list(self, prefix: str) -> list[str]:
            return store.list(prefix)

    with pytest.raises(StoreUnavailable, match="was listed"):
        ClaimLog(Forgetful(), NAMES, SPREAD).read()
