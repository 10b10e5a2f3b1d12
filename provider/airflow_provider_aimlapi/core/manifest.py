"""The manifest: the summary whose existence publishes a run. Its bytes never change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.errors import JournalUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_aimlapi.core.completion import Outcome, Status


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """Rows by status, tokens and money of a set of outcomes.

    Attributes:
        ok, truncated, refused, rejected, skipped: rows.
        cost_nano_usd: the sum of what the API said it charged for these rows' answers.
        rows_without_cost: answers whose cost the API did not say; they are in no sum.
    """

    ok: int = 0
    truncated: int = 0
    refused: int = 0
    rejected: int = 0
    skipped: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost_nano_usd: int = 0
    rows_without_cost: int = 0

    @property
    def rows(self) -> int:
        """All rows, whatever their status."""
        return self.ok + self.truncated + self.refused + self.rejected + self.skipped

    @property
    def completed(self) -> int:
        """Rows with an answer."""
        return self.ok + self.truncated + self.refused

    def __add__(self, other: Tally) -> Tally:
        """The tally of both sets together."""
        return Tally(
            **{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__}
        )


def tally_of(outcomes: Iterable[Outcome]) -> Tally:
    """Count outcomes."""
    counts: dict[Status, int] = {}
    prompt = completion = cached = cost = unknown = 0
    for outcome in outcomes:
        counts[outcome.status] = counts.get(outcome.status, 0) + 1
        prompt += outcome.prompt_tokens or 0
        completion += outcome.completion_tokens or 0
        cached += outcome.cached_tokens or 0
        cost += outcome.cost_nano_usd or outcome.partial_cost_nano_usd
        if outcome.cost_nano_usd is None and outcome.status not in ("rejected", "skipped"):
            unknown += 1
    return Tally(
        ok=counts.get("ok", 0),
        truncated=counts.get("truncated", 0),
        refused=counts.get("refused", 0),
        rejected=counts.get("rejected", 0),
        skipped=counts.get("skipped", 0),
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached,
        cost_nano_usd=cost,
        rows_without_cost=unknown,
    )


class PartEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A published part.

    Attributes:
        part: its number. staged_name, visible_name: relative to the output path.
        sha256: hex, of the object's bytes. size_bytes: of the object.
        tally: of its rows.
    """

    part: int
    staged_name: str
    visible_name: str
    sha256: str
    size_bytes: int
    tally: Tally


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A published run: its parts in order, and their sum."""

    run_key: str
    tally: Tally
    parts: tuple[PartEntry, ...]

    def visible_names(self) -> frozenset[str]:
        """What plain readers see of this run, relative to the output path."""
        return frozenset(entry.visible_name for entry in self.parts)


def manifest_of(run_key: str, parts: Iterable[PartEntry]) -> Manifest:
    """The manifest of all parts of a run."""
    ordered = tuple(sorted(parts, key=lambda entry: entry.part))
    total = Tally()
    for entry in ordered:
        total += entry.tally
    return Manifest(run_key=run_key, tally=total, parts=ordered)


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest as JSON, to be read by people too."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def decode_manifest(data: bytes, *, run_key: str) -> Manifest:
    """Read a manifest back.

    Raises:
        JournalUnreadable: when it does not parse, is another run's, or its sums do not add up.
    """
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise JournalUnreadable(f"manifest.json of run {run_key} does not parse: {error}") from None
    if manifest.run_key != run_key or manifest_of(run_key, manifest.parts) != manifest:
        raise JournalUnreadable(
            f"manifest.json of run {run_key} is another run's, or its sums do not add up"
        )
    return manifest
