"""Names that identify: the run key, a request's hash, object names. Each name can be parsed back."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aimlapi.core.calls.json_types import Json

# Part of each run key. A change means that no stored run is continued, so it is only for changes
# that would misread one.
PROTOCOL_VERSION = 1
RUN_KEY_HEX_DIGITS = 32
"""128 bits of a sha256: two runs will not get the same key, and a path stays short."""
RUNS_FOLDER = "_aimlapi"
SUCCESS_NAME = "_SUCCESS"


def run_key_of(ingredients: Mapping[str, Json]) -> str:
    """Return the run key: 32 hex digits that are the same for the same run.

    Args:
        ingredients: plain JSON values. The order of keys does not matter, the order of lists does.
    """
    # One text for one value on each machine: sorted, in ASCII, without blanks or infinities.
    canonical = json.dumps(
        {"protocol": PROTOCOL_VERSION, **ingredients},
        sort_keys=True,
        ensure_ascii=True,
        allow_nan=False,
        separators=(",", ":"),
    )
    return sha256(canonical.encode()).hexdigest()[:RUN_KEY_HEX_DIGITS]


def request_hash(body: bytes) -> str:
    """Return the hex sha256 of the exact bytes of a request."""
    return sha256(body).hexdigest()


CALLS_PER_EPOCH = 100_000
"""A call's number contains its epoch: 300002 is the second call of the third epoch."""


def client_request_id(run_key: str, part: int, row: int, call: int) -> str:
    """Return our id of one call, which the API's log shows: `run_key:part:row:call`."""
    return f"{run_key}:{part}:{row}:{call}"


def parse_client_request_id(name: str) -> tuple[str, int, int, int] | None:
    """Return run key, part, row and number in such an id; None for any other id, which is not ours."""
    match = _CLIENT_REQUEST_ID.match(name)
    return (match[1], int(match[2]), int(match[3]), int(match[4])) if match else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNames:
    """The object names of one run, relative to the output path.

    Attributes:
        share: the share whose progress and report are named; None for those of the whole run.
    """

    run_key: str
    share: int | None = None

    @property
    def run_folder(self) -> str:
        """The folder of everything that plain readers do not see."""
        return f"{RUNS_FOLDER}/{self.run_key}"

    @property
    def plan_name(self) -> str:
        """Create-once: the ingredients of the run key, and the split into parts."""
        return f"{self.run_folder}/plan.json"

    @property
    def manifest_name(self) -> str:
        """Create-once: its existence is the publication."""
        return f"{self.run_folder}/manifest.json"

    @property
    def instructions_dropped(self) -> str:
        """Create-once: a note that the answers of this run were made without its instructions."""
        return f"{self.run_folder}/instructions-dropped.json"

    def reuse_pin(self, output_uri: str) -> str:
        """Return the name of the pin (create-once): the runs whose answers this run may take."""
        return f"{self.run_folder}/reuse/{sha256(output_uri.encode()).hexdigest()[:RUN_KEY_HEX_DIGITS]}"

    @property
    def answer_form(self) -> str:
        """Create-once: the form of requests that a run changed to. Without it, the best form is used."""
        return f"{self.run_folder}/answer-form.json"

    @property
    def progress_name(self) -> str:
        """The state of the run or the share, overwritten every few seconds. No decision reads it."""
        return f"{self._page_folder}/progress.json"

    @property
    def report_name(self) -> str:
        """The page as one HTML file, overwritten at each attempt's end."""
        return f"{self._page_folder}/report.html"

    @property
    def _page_folder(self) -> str:
        return (
            self.run_folder if self.share is None else f"{self.run_folder}/share/{self.share:04d}"
        )

    @property
    def lease_prefix(self) -> str:
        """The prefix of the create-once leases."""
        return f"{self.run_folder}/lease/"

    @property
    def journal_prefix(self) -> str:
        """The prefix of the journal segments."""
        return f"{self.run_folder}/journal/"

    @property
    def parts_prefix(self) -> str:
        """The prefix of the staged parts."""
        return f"{self.run_folder}/parts/"

    def lease_name(self, epoch: int) -> str:
        """Return the create-once object whose writer owns this epoch."""
        return f"{self.lease_prefix}{epoch:08d}"

    def heartbeat_name(self, epoch: int) -> str:
        """Return the object in which this epoch's owner states that it is alive. It is overwritten."""
        return f"{self.run_folder}/heartbeat/{epoch:08d}"

    def part_name(self, part: int, edition: int = 0) -> str:
        """Return the staged Parquet file of a shard. A later edition has fewer rejected rows.

        Args:
            edition: 0 for the first; for later ones, the epoch of the attempt that wrote them.
        """
        suffix = f"-{edition:08d}" if edition else ""
        return f"{self.parts_prefix}part-{part:05d}{suffix}.parquet"

    def segment_name(self, part: int, epoch: int, first: int, last: int | None = None) -> str:
        """Return the name of a journal segment.

        Args:
            first: its number; of a merged segment, that of the first one that it contains.
            last: of a merged segment, the number of the last one that it contains.
        """
        end = "" if last is None or last == first else f"-{last:08d}"
        return f"{self.segments_of(part)}{epoch:08d}-{first:08d}{end}"

    def segments_of(self, part: int) -> str:
        """Return the prefix of the journal segments of one part."""
        return f"{self.journal_prefix}{part:05d}/"


class PublicationNames:
    """The object names of the lease under which runs are shown at an output path."""

    folder = f"{RUNS_FOLDER}/publication"
    lease_prefix = f"{folder}/lease/"
    changes = f"{folder}/change/"

    def lease_name(self, epoch: int) -> str:
        """Return the name of a lease, as `RunNames.lease_name`."""
        return f"{self.lease_prefix}{epoch:08d}"

    def heartbeat_name(self, epoch: int) -> str:
        """Return the name of a heartbeat, as `RunNames.heartbeat_name`."""
        return f"{self.folder}/heartbeat/{epoch:08d}"

    def change_name(self, epoch: int) -> str:
        """Return the create-once object that records which run the owner shows, and which it replaces."""
        return f"{self.changes}{epoch:08d}"


RECORDS_FOLDER = f"{RUNS_FOLDER}/records"
"""Input that a task received as records: below the output, where plain readers do not look."""


def records_name(digest: str) -> str:
    """Return the object that holds records with this digest. Its stem names the output."""
    return f"{RECORDS_FOLDER}/{digest}/records.parquet"


_NUMBER = "([0-9]{8})"
_PART_NUMBER = "([0-9]{5}|[1-9][0-9]{5,8})"
_FOLDER = rf"{RUNS_FOLDER}/(?:[0-9a-f]{{{RUN_KEY_HEX_DIGITS}}}|publication)"
_MANIFEST = re.compile(rf"{RUNS_FOLDER}/([0-9a-f]{{{RUN_KEY_HEX_DIGITS}}})/manifest\.json\Z")
_CLIENT_REQUEST_ID = re.compile(
    rf"([0-9a-f]{{{RUN_KEY_HEX_DIGITS}}}):([0-9]{{1,9}}):([0-9]{{1,9}}):([0-9]{{1,13}})\Z"
)
_LEASE = re.compile(rf"{_FOLDER}/lease/{_NUMBER}\Z")
_HEARTBEAT = re.compile(rf"{_FOLDER}/heartbeat/{_NUMBER}\Z")
_CHANGE = re.compile(rf"{_FOLDER}/change/{_NUMBER}\Z")
_PART = re.compile(rf"{_FOLDER}/parts/part-{_PART_NUMBER}(?:-{_NUMBER})?\.parquet\Z")
_RUN = re.compile(rf"{RUNS_FOLDER}/([0-9a-f]{{{RUN_KEY_HEX_DIGITS}}})/")
_SEGMENT = re.compile(rf"{_FOLDER}/journal/{_PART_NUMBER}/{_NUMBER}-{_NUMBER}(?:-{_NUMBER})?\Z")
"""Each number has one form only: a parsed name is the one that `RunNames` makes for these numbers."""


def is_run_key(text: str) -> bool:
    """Return whether a text has the form of a run key."""
    return parse_run_key(f"{RUNS_FOLDER}/{text}/") == text


def parse_run_key(name: str) -> str | None:
    """Return the run key in the name of any object of a run's folder; None for any other name."""
    match = _RUN.match(name)
    return match[1] if match else None


def parse_manifest_name(name: str) -> str | None:
    """Return the run key in a manifest's name; None for any other name."""
    match = _MANIFEST.match(name)
    return match[1] if match else None


def parse_lease_name(name: str) -> int | None:
    """Return the epoch in a lease's name; None for any other name."""
    return _number_in_name(_LEASE, name)


def parse_heartbeat_name(name: str) -> int | None:
    """Return the epoch in a heartbeat's name; None for any other name."""
    return _number_in_name(_HEARTBEAT, name)


def parse_change_name(name: str) -> int | None:
    """Return the epoch in a change's name; None for any other name."""
    return _number_in_name(_CHANGE, name)


def parse_part_name(name: str) -> tuple[int, int] | None:
    """Return part number and edition in a staged part's name; None for any other name."""
    match = _PART.match(name)
    # Edition 0 has no suffix, so a name with one is not ours.
    if match is None or (match[2] is not None and not int(match[2])):
        return None
    return int(match[1]), int(match[2] or 0)


def parse_segment_name(name: str) -> tuple[int, int, int, int] | None:
    """Return part, epoch and the first and last number in a segment's name; None for any other name."""
    match = _SEGMENT.match(name)
    # Epochs begin at 1.
    if match is None or not int(match[2]):
        return None
    first = int(match[3])
    # A merged segment contains two at least, so its range is not empty.
    if match[4] is not None and int(match[4]) <= first:
        return None
    return int(match[1]), int(match[2]), first, int(match[4] or first)


def _number_in_name(pattern: re.Pattern[str], name: str) -> int | None:
    """Return the number, from 1, at a name's end; None for any other name."""
    match = pattern.match(name)
    return int(match[1]) or None if match else None
