from __future__ import annotations

import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.verdicts.verdict import RETRY_AFTER_S_MAX
from airflow_provider_aimlapi.engine.runtime.retry import (
    STORE_PATIENCE_S,
    persist_in_thread,
    persist_until_stopped,
    retry_delay_s,
)
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.errors import (
    ApiError,
    ApiUnavailable,
    JournalUnreadable,
    RunInterrupted,
    StorageError,
    StoreUnavailable,
    StoreUnsafe,
    Throttled,
    WireViolation,
)
from tests.fakes.virtual_loop import VirtualClock, run_virtual

FAILURES = st.integers(1, 100_000)
SEED = st.integers(0, 2**32)


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311  # jitter that can be repeated


def cap_s(error: ApiError, failures: int) -> float:
    """The longest wait after so many failures: doubling, up to a limit."""
    first_s, most_s = (0.25, 10.0) if isinstance(error, Throttled) else (1.0, 60.0)
    return min(first_s * 2.0 ** min(failures - 1, 20), most_s)


ERRORS = st.sampled_from([ApiUnavailable("x"), Throttled("x"), WireViolation("x"), ApiError("x")])


@given(error=ERRORS, failures=FAILURES, seed=SEED)
def test_a_row_waits_no_longer_than_its_cap(error: ApiError, failures: int, seed: int) -> None:
    delay_s = retry_delay_s(error, failures=failures, random=seeded(seed))
    assert 0 <= delay_s <= cap_s(error, failures)


@pytest.mark.parametrize("failures", [1, 3, 50])
@pytest.mark.parametrize("error", [ApiUnavailable("x"), Throttled("x")])
def test_waits_are_spread_over_the_whole_span(error: ApiError, failures: int) -> None:
    random = seeded(1)
    cap = cap_s(error, failures)
    shares = [retry_delay_s(error, failures=failures, random=random) / cap for _ in range(1000)]
    tenths = {int(share * 10) for share in shares}
    assert tenths >= set(range(10))
    assert sum(shares) / len(shares) == pytest.approx(0.5, abs=0.05)


@given(
    kind=st.sampled_from([ApiUnavailable, Throttled]),
    asked_s=st.floats(0, 1e9),
    failures=FAILURES,
    seed=SEED,
)
def test_retry_after_is_honoured_up_to_five_minutes(
    kind: type[ApiUnavailable], asked_s: float, failures: int, seed: int
) -> None:
    error = kind("x", retry_after_s=asked_s)
    delay_s = retry_delay_s(error, failures=failures, random=seeded(seed))
    asked_s = min(asked_s, RETRY_AFTER_S_MAX)
    assert asked_s <= delay_s <= asked_s + cap_s(error, failures)
    assert RETRY_AFTER_S_MAX == 300


def fail() -> None:
    raise StoreUnavailable("away")


class Store:
    """Fails as scripted, then answers; keeps when it was asked."""

    def __init__(self, *errors: StorageError) -> None:
        self.asked_s: list[float] = []
        self._errors = list(errors)
        self._clock = VirtualClock()

    def read(self, name: str, *, size: int) -> str:
        self.asked_s.append(self._clock.now_s())
        if self._errors:
            raise self._errors.pop(0)
        return name * size


def persisted(store: Store) -> str:
    return run_virtual(persist_in_thread(VirtualClock(), store.read, "ab", size=2))


def test_a_store_that_answers_is_asked_once() -> None:
    store = Store()
    assert persisted(store) == "abab"
    assert store.asked_s == [0]


def test_an_unavailable_store_is_asked_again_after_growing_pauses() -> None:
    store = Store(*[StoreUnavailable("busy")] * 8)
    assert persisted(store) == "abab"
    pauses_s = [late - early for early, late in zip(store.asked_s, store.asked_s[1:], strict=False)]
    assert len(pauses_s) == 8
    for number, pause_s in enumerate(pauses_s):
        assert min(0.2 * 2**number, 10) <= pause_s + 1e-9
        assert pause_s <= min(0.2 * 2**number + 1, 10) + 1e-9


@pytest.mark.parametrize("error", [StoreUnsafe("no"), JournalUnreadable("no"), StorageError("no")])
def test_what_waiting_cannot_mend_is_raised_at_once(error: StorageError) -> None:
    store = Store(error)
    with pytest.raises(type(error)) as caught:
        persisted(store)
    assert caught.value is error
    assert store.asked_s == [0]


def test_error_after_some_unavailability_is_raised_as_it_is() -> None:
    store = Store(StoreUnavailable("busy"), StoreUnsafe("no"))
    with pytest.raises(StoreUnsafe, match="no"):
        persisted(store)
    assert len(store.asked_s) == 2


def test_unavailable_store_is_given_up_after_two_minutes() -> None:
    last = StoreUnavailable("busy")
    store = Store(*[last] * 1000)
    with pytest.raises(StoreUnavailable) as caught:
        persisted(store)
    assert caught.value is last
    assert 120 <= store.asked_s[-1] <= 130


def test_stop_ends_wait_for_a_store_that_is_away() -> None:
    stop = StopSignal()

    async def main() -> float:
        asyncio.get_running_loop().call_later(1.0, stop.request_stop)
        with pytest.raises(RunInterrupted):
            await persist_until_stopped(stop, VirtualClock(), fail)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 1.0


def test_stop_does_not_end_the_keeping_of_answers() -> None:
    stop = StopSignal()
    stop.request_stop()

    async def main() -> float:
        with pytest.raises(StoreUnavailable):
            await persist_in_thread(VirtualClock(), fail)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) >= STORE_PATIENCE_S
