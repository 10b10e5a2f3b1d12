"""Answers of an earlier run in a temporary file, found by the hash of their request. Blocking.

SQLite keeps the file in the temporary folder without a name, so that it is gone when the process is,
however that ends. Its memory is bounded by `CACHE_KIB`. Every function may raise sqlite3.Error, for
instance when the disk is full. The table is of no use after that.
"""

from __future__ import annotations

import sqlite3
from shutil import disk_usage
from tempfile import gettempdir
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.calls.completion import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

CACHE_KIB = 16 * 1024
BYTES_MAX = 2 * 1024**3
"""The most bytes of answers in a table: about 2 million of 1 kB. The index adds a few per cent."""
FREE_SHARE = 4
"""At most a quarter of the free disk is taken, because other tasks write there as well."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, Outcome]).decode


class AnswerTable:
    """A table that is filled once, then searched.

    Attributes:
        is_full: whether answers were left out because there was no more room.
    """

    def __init__(self, *, bytes_max: int = BYTES_MAX) -> None:
        self.is_full = False
        self._bytes_left = min(bytes_max, disk_usage(gettempdir()).free // FREE_SHARE)
        # An empty name makes a private file that SQLite deletes. Threads use it one after another.
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        # Nothing is read back after a failure, so nothing has to be safe on the disk.
        for pragma in (f"cache_size=-{CACHE_KIB}", "journal_mode=OFF", "synchronous=OFF"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute("CREATE TABLE answers (key INTEGER NOT NULL, answer BLOB NOT NULL)")

    def add_answers(self, part: int, answers: Iterable[Outcome]) -> None:
        """Add the answers of a part, unless there is no more room."""
        # Python's hash differs in each process, but fits an INTEGER, and no other process reads
        # the table.
        rows = [(hash(one.request_hash), _encode((part, one))) for one in answers]
        self._bytes_left -= sum(len(answer) for _, answer in rows)
        if self._bytes_left < 0:
            self.is_full = True
            return
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO answers VALUES (?, ?)", rows)
        self._db.execute("COMMIT")

    def index(self) -> None:
        """Make the table searchable. Nothing is added after that."""
        self._db.execute("CREATE INDEX by_key ON answers (key)")

    def find(self, request_hash: str) -> tuple[int, Outcome] | None:
        """Return the answer to a request, and its part; None if there is none."""
        # Two hashes may have one key, so the whole hash is compared.
        query = "SELECT answer FROM answers WHERE key = ?"
        for (stored,) in self._db.execute(query, (hash(request_hash),)):
            part, answer = _decode(stored)
            if answer.request_hash == request_hash:
                return part, answer
        return None

    def close(self) -> None:
        """Delete the file."""
        self._db.close()
