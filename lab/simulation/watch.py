"""The promises, checked from outside, at each operation and at the end of a seed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.durable.journal import decode_segment
from airflow_provider_aimlapi.core.durable.keys import (
    RUNS_FOLDER,
    PublicationNames,
    parse_manifest_name,
    parse_part_name,
    parse_segment_name,
)
from airflow_provider_aimlapi.core.durable.segments import covered_by
from airflow_provider_aimlapi.errors import StoreUnavailable
from airflow_provider_aimlapi.storage.parts.part_footer import footer_bytes
from lab.simulation.simulated_api import PAGE, answer_to

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.journal import Record
    from lab.simulation.dataset_shapes import Input
    from lab.simulation.process import Process
    from lab.simulation.simulated_api import Call, Ledger
    from tests.fakes.memory_store import MemoryStore

PLACES = PublicationNames()
ANSWERS = ("answer", "invalid", "interim", "unread")
FOR_EVER = ("plan.json", "/lease/", "/parts/", "/manifest.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfortune:
    """Something after which rows may be paid for again.

    Attributes:
        at_risk: the prompts that were in flight, or paid for and not durable yet.
    """

    kind: str
    at_s: float
    at_risk: frozenset[str]


class Watcher:
    """Watches the store and the payments.

    Attributes:
        violations: promises that were broken, in words.
        misfortunes: kills, freezes, and runs that gave up on the store.
        manifest: as it was created; None before. manifest_at_s: when.
        risk_max: the most rows that were unflushed or in flight in one process.
    """

    def __init__(
        self,
        data: Input,
        objects: MemoryStore,
        *,
        unflushed_max: int,
        in_flight_max: int,
        rejected_max: int,
    ) -> None:
        self.violations: list[str] = []
        self.misfortunes: list[Misfortune] = []
        self.manifest: bytes | None = None
        self.manifest_at_s = float("inf")
        self.risk_max = 0
        self._data = data
        self._objects = objects
        self._unflushed_max = unflushed_max
        self._in_flight_max = in_flight_max
        self._rejected_max = rejected_max
        self._durable: set[str] = set()
        self._answers: set[str] = set()
        self._known: dict[int, frozenset[str]] = {}
        self._of_shares: set[int] = set()
        self._in_flight: dict[int, list[Call]] = {}
        self._paid: dict[int, set[str]] = {}
        self._released: set[int] = set()
        self._rejected: dict[int, set[str]] = {}
        self._exposed: dict[int, set[str]] = {}
        self._segments: dict[str, bytes] = {}

    def blame(self, violation: str) -> None:
        """Note a broken promise, once."""
        if violation not in self.violations:
            self.violations.append(violation)

    def names_of(self, prompt: str) -> set[str]:
        """Return the names of all calls of a row: of one, which is the prompt."""
        return {prompt}

    def name_of(self, record: Record, prompt: str) -> str:  # noqa: ARG002  others need it
        """Return the name of the call whose answer a record holds."""
        return prompt

    # What a process does to the store.

    def saw(self, process: Process, kind: str, name: str, data: bytes, result: object) -> None:
        """Record that an operation has had its effect."""
        if name.startswith(f"{PLACES.folder}/"):
            self._saw_place_lease(kind, name)
        elif kind == "list" and "/journal/" in name:
            self._saw_journal(process, name)
        elif kind == "create" and result is True:
            self._saw_created(process, name, data)
        elif kind in ("write", "delete", "copy"):
            self._saw_changed(kind, name)
            if "/heartbeat/" in name and kind == "write":
                self._saw_heartbeat(process, data)

    def _saw_journal(self, process: Process, prefix: str) -> None:
        """Record that a process has learned what is durable, in all parts or in one.

        One that lists parts is a share's. If it lists all of them later, it is to sum up their costs.
        """
        part = prefix.removesuffix("/").rpartition("/")[2]
        if part.isdecimal():
            prompts = filter(None, self._data.prompts[int(part)])
            names = {name for prompt in prompts for name in self.names_of(prompt)}
            of_part = frozenset(self._durable & names)
            self._known[process.number] = self._known.get(process.number, frozenset()) | of_part
            self._of_shares.add(process.number)
        elif process.number not in self._of_shares:
            self._known[process.number] = frozenset(self._durable)

    def _saw_place_lease(self, kind: str, name: str) -> None:
        """Check that the newest lease of the output path is never deleted."""
        if kind == "delete" and "/lease/" in name:
            left = [
                other for other in self._objects.objects if other.startswith(PLACES.lease_prefix)
            ]
            if name > max(left, default=""):
                self.blame("the newest lease of the output path was deleted")

    def _saw_heartbeat(self, process: Process, data: bytes) -> None:
        if b'"released"' in data:
            self._released.add(process.number)
        elif process.number in self._released:
            self.blame(f"{process.name} took back that it had released its lease")

    def _saw_created(self, process: Process, name: str, data: bytes) -> None:
        if "/lease/" in name and process.number in self._released:
            self.blame(f"{process.name} took the lease back")
        segment = parse_segment_name(name)
        part = parse_part_name(name)
        if segment is not None:
            self._segments[name] = data
            self._saw_segment(segment[0], data)
        elif part is not None:
            self._saw_part(part[0], data)
        elif parse_manifest_name(name) is not None:
            self._saw_manifest(data)
            self.manifest_at_s = process.scheduler.now_s
        elif not name.startswith(f"{RUNS_FOLDER}/"):
            self._check_published(f"create {name}")

    def _saw_segment(self, part: int, data: bytes) -> None:
        prompts = self._data.prompts[part]
        found = set()
        for record in decode_segment(data):
            prompt = prompts[record.row] or ""
            if record.kind in ANSWERS and record.body != PAGE.body:
                found.add(self.name_of(record, prompt))
                if answer_to(prompt).encode() not in record.body:
                    self.blame(
                        f"the journal gives row {record.row} of part {part} a foreign answer"
                    )
        self._answers_become_durable(found)

    def _saw_part(self, part: int, data: bytes) -> None:
        """Check that all rows of a part are decided, and answered unless they were rejected."""
        prompts = self._data.prompts[part]
        self._durable.update(name for prompt in prompts if prompt for name in self.names_of(prompt))
        infos = pq.read_table(pa.BufferReader(data))["completion_info"].to_pylist()
        self._answers_become_durable(
            {
                name
                for prompt, info in zip(prompts, infos, strict=True)
                if prompt and info["status"] != "rejected"
                for name in self.names_of(prompt)
            }
        )

    def _answers_become_durable(self, prompts: set[str]) -> None:
        self._durable |= prompts
        self._answers |= prompts
        for paid in self._paid.values():
            paid.difference_update(prompts)

    def is_answer_durable(self, prompt: str) -> bool:
        """Return whether an answer was stored that later attempts find."""
        return prompt in self._answers

    def _saw_manifest(self, data: bytes) -> None:
        if self.manifest is not None:
            self.blame("a second manifest was created")
        self.manifest = data
        manifest = json.loads(data)
        rows = tuple(sum(_statuses(entry).values()) for entry in manifest["parts"])
        if rows != self._data.shape.rows:
            self.blame(f"the manifest's parts hold {rows} rows")
        if manifest["tally"].get("rejected", 0) > self._rejected_max:
            self.blame("more rejected rows are published than are allowed")
        for entry in manifest["parts"]:
            part = self._objects.objects.get(entry["staged_name"], b"")
            body = part[: -footer_bytes(part)]
            if sha256(body).hexdigest() != entry["sha256"] or len(part) != entry["size_bytes"]:
                self.blame(f"{entry['staged_name']} is not what the manifest says")

    def _saw_changed(self, kind: str, name: str) -> None:
        if name.startswith(f"{RUNS_FOLDER}/"):
            if any(kept in name for kept in FOR_EVER):
                self.blame(f"{kind} of {name.split('/', 2)[2]}, which must never change")
            if "/journal/" in name and self.manifest is None:
                self._saw_segment_changed(kind, name)
        else:
            self._check_published(f"{kind} {name}")

    def _saw_segment_changed(self, kind: str, name: str) -> None:
        """Check why a segment is deleted before publication.

        Either its part was written after it, or another segment holds all its records.
        """
        segment = parse_segment_name(name)
        if kind != "delete" or segment is None:
            self.blame(f"{kind} of a journal segment")
            return
        if self._is_merged(name):
            return
        part, epoch, *_ = segment
        epochs = [
            int(pq.read_metadata(pa.BufferReader(data)).metadata[b"aimlapi.epoch"])
            for other, data in self._objects.objects.items()
            if (parse_part_name(other) or (None, 0))[0] == part
        ]
        if epoch > max(epochs, default=0):
            self.blame("a segment was deleted whose part does not hold what it says")

    def _is_merged(self, name: str) -> bool:
        """Return whether a stored merged segment has the same frames for readers."""
        data = self._segments.get(name)
        if data is None:  # it was never created
            return True
        there = [other for other in self._objects.objects if parse_segment_name(other)]
        return any(
            data in self._objects.objects[other] and covered_by(other, [name])
            for other in there
            if other.rpartition("/")[0] == name.rpartition("/")[0]
        )

    def _check_published(self, what: str) -> None:
        if self.manifest is None:
            self.blame(f"{what}: visible before the manifest was there")

    # What a process pays for.

    def asks_rejected(self, process: Process, prompts: set[str]) -> None:
        """Record that a process sends these rejected rows again, which have no stored answer."""
        self._rejected[process.number] = prompts

    def sent(self, call: Call) -> None:
        """Record that a call was sent, and check that it may be paid."""
        number = call.process.number
        self._in_flight.setdefault(number, []).append(call)
        if call.process.scheduler.now_s < call.process.cut_off_until_s:
            self._exposed[number].add(call.prompt)
        if call.prompt in self._known.get(number, frozenset()) - self._rejected.get(number, set()):
            self.blame(f"{call.prompt!r} was asked again although it was durable before")
        if call.process.started_s > self.manifest_at_s:
            self.blame(f"{call.prompt!r} was asked although the run was published before")
        if number in self._released:
            self.blame(f"{call.prompt!r} was asked after the lease was released")
        risk = len(self.at_risk(call.process))
        self.risk_max = max(self.risk_max, risk)
        unflushed, in_flight = self._unflushed_max, self._in_flight_max
        if risk > unflushed + in_flight + min(unflushed, in_flight):
            self.blame(f"{risk} rows unflushed or in flight")

    def ended(self, call: Call) -> None:
        """Record that a call's process has received its end."""
        number = call.process.number
        self._in_flight[number].remove(call)
        if call.end == "answered" and call.prompt not in self._answers:
            self._paid.setdefault(number, set()).add(call.prompt)
        elif call.end == "failed":  # if it was billed all the same, that is explained by itself
            self._exposed.get(number, set()).discard(call.prompt)

    def at_risk(self, process: Process) -> frozenset[str]:
        """Return the prompts that may be paid again if this process is lost now."""
        in_flight = {call.prompt for call in self._in_flight.get(process.number, ())}
        return frozenset(in_flight | self._paid.get(process.number, set()))

    def is_cut_off(self, process: Process) -> None:
        """Record that nothing that a process pays for becomes durable from now on."""
        self._exposed[process.number] = set(self.at_risk(process))

    def is_connected(self, process: Process) -> None:
        """Record that a process can store its answers again."""
        exposed = frozenset(self._exposed[process.number])
        self._misfortune(process, "cut off", exposed)

    def befalls(self, process: Process, kind: str) -> None:
        """Record that a process is killed, is frozen or gives up now."""
        self._misfortune(process, kind, self.at_risk(process))

    def _misfortune(self, process: Process, kind: str, at_risk: frozenset[str]) -> None:
        self.misfortunes.append(
            Misfortune(kind=kind, at_s=process.scheduler.now_s, at_risk=at_risk)
        )
        lost = at_risk - self._durable  # what was on its way when it was cut off may have arrived
        if len(lost) > self._unflushed_max + 2 * self._in_flight_max:
            self.blame(f"{len(lost)} rows were at risk when {process.name} was {kind}")

    def process_ended(self, process: Process) -> None:
        """Check that a process that ended by itself has stored what it paid for, unless the store failed."""
        if isinstance(process.error, StoreUnavailable):
            self.befalls(process, "given up")
        elif self.at_risk(process):
            self.blame(f"{process.name} ended, and what it had paid for was not durable")

    # The whole.

    def check_ledger(self, ledger: Ledger) -> None:
        """Check that no prompt was billed more often than misfortune explains."""
        bills: Counter[str] = Counter()
        allowed: Counter[str] = Counter()
        for call in ledger.calls:
            bills[call.prompt] += call.bills
            if call.end == "failed":
                allowed[call.prompt] += call.bills
        for misfortune in self.misfortunes:
            allowed.update(misfortune.at_risk)
        for prompt, count in bills.items():
            if count > 1 + allowed[prompt]:
                self.blame(f"{prompt!r} was billed {count} times, {1 + allowed[prompt]} explained")


def _statuses(entry: dict[str, dict[str, int]]) -> dict[str, int]:
    names = ("ok", "truncated", "refused", "invalid", "rejected", "skipped")
    return {name: entry["tally"].get(name, 0) for name in names}
