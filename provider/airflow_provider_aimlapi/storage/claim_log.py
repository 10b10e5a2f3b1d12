"""The claims on a run's budget in an object store: a log whose entries are created once. Decides nothing.

What a claim means is in `core.claims`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from airflow_provider_aimlapi.core.claims import Claim, Claims, decode_claim, encode_claim
from airflow_provider_aimlapi.core.keys import parse_claim_name
from airflow_provider_aimlapi.core.object_sizes import SMALL_BYTES_MAX
from airflow_provider_aimlapi.core.stored_json import REMOVE_FOLDER
from airflow_provider_aimlapi.errors import JournalUnreadable, StoreUnavailable
from airflow_provider_aimlapi.storage.object_store import create_settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_aimlapi.core.keys import RunNames
    from airflow_provider_aimlapi.storage.object_store import ObjectStore

RACES_MAX = 100
READERS = 16
"""Entries read at a time by an attempt that comes late."""


class Spread(Protocol):
    """Does the same to each item, in so many threads; the results in the items' order."""

    def __call__(  # noqa: D102  the class says it
        self, call: Callable[[int], Claim], items: Iterable[int], threads: int, /
    ) -> list[Claim]: ...


class ClaimLog:
    """One run's log, as one attempt reads and writes it. Every method may raise StoreUnavailable.

    Attributes:
        claims: as they were read last. entries: of the log, by then.
    """

    def __init__(self, store: ObjectStore, names: RunNames, spread: Spread) -> None:
        self.claims = Claims()
        self.entries = 0
        self._store = store
        self._names = names
        self._spread = spread

    def read(self) -> Claims:
        """The claims as they stand; only what is new is read. Blocking.

        Raises:
            JournalUnreadable: an entry does not parse, or one is missing before another. An attempt
                that had not seen a later entry could still create the missing one.
        """
        parsed = map(parse_claim_name, self._store.list(self._names.claims))
        new = sorted(number for number in parsed if number is not None and number > self.entries)
        if new and new[-1] != self.entries + len(new):
            raise JournalUnreadable(
                f"{self._store.uri(self._names.claims)} lacks an entry before number {new[-1]:,}, "
                f"which no attempt leaves out. {REMOVE_FOLDER}"
            )
        for number, claim in zip(new, self._spread(self._entry, new, READERS), strict=True):
            self.claims.add(claim)
            self.entries = number
        return self.claims

    def _entry(self, number: int) -> Claim:
        data = self._store.read(self._names.claim(number), bytes_max=SMALL_BYTES_MAX)
        if data is None:
            raise StoreUnavailable(
                f"{self._store.uri(self._names.claim(number))} was listed, but cannot be read."
            )
        return decode_claim(data)

    def append(self, decide: Callable[[Claims], Claim | None]) -> Claim | None:
        """Create the next entry, decided with all earlier ones in view. Blocking.

        Args:
            decide: asked again whenever another attempt was faster; None: nothing to add.

        Returns:
            The entry; None when there was nothing to add.

        Raises:
            JournalUnreadable: an entry does not parse.
        """
        for _ in range(RACES_MAX):
            claim = decide(self.read())
            if claim is None:
                return None
            name = self._names.claim(self.entries + 1)
            if create_settled(self._store, name, encode_claim(claim)):
                return claim
        raise StoreUnavailable(
            f"{RACES_MAX} times another process was faster at {self._store.uri(self._names.claims)}"
        )
