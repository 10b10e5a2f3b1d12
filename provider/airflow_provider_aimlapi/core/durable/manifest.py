"""The manifest: the summary whose existence publishes a run. Its bytes never change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.calls.completion import COMPLETION_STATUSES, STATUSES
from airflow_provider_aimlapi.core.durable.bounds import (
    Count,
    NanoUsd,
    PartNumber,
    RunKey,
    Sha256Hex,
)
from airflow_provider_aimlapi.core.durable.keys import RunNames, parse_part_name
from airflow_provider_aimlapi.core.durable.object_names import ObjectName
from airflow_provider_aimlapi.core.durable.plan import manifest_bytes_max
from airflow_provider_aimlapi.core.durable.stored_json import decode_stored
from airflow_provider_aimlapi.errors import JournalUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.durable.plan import Plan, Shard

REMOVE_MANIFEST = (
    "Remove the run's manifest.json. A retry of the task makes it again from the run's parts, and pays "
    "for no row again."
)


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of a set of outcomes: rows by status, tokens, and cost.

    Attributes:
        ok, truncated, refused, invalid, rejected, skipped: rows of each of STATUSES.
        repaired: rows whose request was repeated, because an answer did not follow the schema.
        prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens: as the API reported them.
            No sum contains those of reused answers and duplicates, because these rows did not cause
            them.
        cache_reads: rows that read tokens from the prompt cache.
        cost_nano_usd: the charges that the API reported.
        rows_without_cost: answered rows whose charge the API did not report; no sum contains them.
        reused_answers: rows with an answer that another run has paid for.
        duplicates: rows with the answer to another row, which makes the same request.
        saved_nano_usd: what was paid for the answers of both, as far as it is known.
    """

    ok: Count = 0
    truncated: Count = 0
    refused: Count = 0
    invalid: Count = 0
    rejected: Count = 0
    skipped: Count = 0
    repaired: Count = 0
    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    cached_tokens: Count = 0
    cache_write_tokens: Count = 0
    cache_reads: Count = 0
    cost_nano_usd: NanoUsd = 0
    rows_without_cost: Count = 0
    reused_answers: Count = 0
    duplicates: Count = 0
    saved_nano_usd: NanoUsd = 0

    @property
    def rows(self) -> int:
        """All rows, whatever their status."""
        return sum(self.by_status().values())

    @property
    def completed_rows(self) -> int:
        """Rows with an answer."""
        counts = self.by_status()
        return sum(counts[status] for status in COMPLETION_STATUSES)

    @property
    def resendable_rows(self) -> int:
        """Rows that `retry_rejected` sends again."""
        return self.rejected + self.invalid

    @property
    def paid_answers(self) -> int:
        """Rows whose answer this run has paid for."""
        return self.completed_rows - self.reused_answers - self.duplicates

    @property
    def cache_hit_rate(self) -> float:
        """The part of these answers that read tokens from the prompt cache."""
        return self.cache_reads / self.paid_answers if self.paid_answers else 0.0

    def by_status(self) -> dict[str, int]:
        """Return the number of rows of each status."""
        return {status: getattr(self, status) for status in STATUSES}

    def is_of(self, rows: int) -> bool:
        """Return whether this can be the tally of a part with this number of rows."""
        are_reused = self.reused_answers <= self.ok and self.repaired <= rows
        are_paid = self.rows_without_cost <= self.paid_answers
        are_read = self.cache_reads <= min(self.paid_answers, self.cached_tokens)
        return self.rows == rows and are_reused and are_paid and are_read

    def __add__(self, other: Tally) -> Tally:
        """Return the tally of both sets together."""
        return Tally(
            **{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__}
        )


def tally_of(outcomes: Iterable[Outcome]) -> Tally:
    """Count outcomes."""
    counts = dict.fromkeys(STATUSES, 0)
    written = reads = 0  # tokens, and rows
    prompt = completion = cached = cost = unknown = repaired = reused = repeats = saved = 0
    for outcome in outcomes:
        counts[outcome.status] += 1
        cost += outcome.cost_nano_usd or outcome.partial_cost_nano_usd
        # Its tokens were used by the row or the run that paid for it. Only what this run has paid for
        # the row itself counts.
        if outcome.reused_from is not None or outcome.same_as is not None:
            reused += outcome.reused_from is not None
            repeats += outcome.is_duplicate
            saved += outcome.saved_nano_usd or 0
            continue
        prompt += outcome.prompt_tokens or 0
        completion += outcome.completion_tokens or 0
        cached += outcome.cached_tokens or 0
        written += outcome.cache_write_tokens or 0
        reads += bool(outcome.cached_tokens)
        unknown += outcome.is_without_cost
        repaired += outcome.repairs > 0
    return Tally(
        **counts,
        repaired=repaired,
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached,
        cache_write_tokens=written,
        cache_reads=reads,
        cost_nano_usd=cost,
        rows_without_cost=unknown,
        reused_answers=reused,
        duplicates=repeats,
        saved_nano_usd=saved,
    )


class PartEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A published part.

    Attributes:
        part: its number.
        staged_name: relative to the output path.
        visible_name: relative to the output path.
        sha256: hex, of the object's bytes.
        size_bytes: of the object.
        tally: of its rows.
    """

    part: PartNumber
    staged_name: ObjectName
    visible_name: ObjectName
    sha256: Sha256Hex
    size_bytes: Count
    tally: Tally


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A published run: its parts in order, and their sum."""

    run_key: RunKey
    tally: Tally
    parts: tuple[PartEntry, ...]

    def visible_names(self) -> frozenset[str]:
        """Return the names that plain readers see of this run, relative to the output path."""
        return frozenset(entry.visible_name for entry in self.parts)


def manifest_of(run_key: str, parts: Iterable[PartEntry]) -> Manifest:
    """Return the manifest of all parts of a run."""
    ordered = tuple(sorted(parts, key=lambda entry: entry.part))
    total = Tally()
    for entry in ordered:
        total += entry.tally
    return Manifest(run_key=run_key, tally=total, parts=ordered)


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the manifest as JSON, which people read, too."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def decode_manifest(data: bytes, plan: Plan) -> Manifest:
    """Decode the manifest of a run with this plan.

    Raises:
        JournalUnreadable: it is not a manifest, is another run's, names other parts than the plan, or
            its sums do not add up.
    """
    what = f"manifest.json of run {plan.run_key}"
    manifest = decode_stored(
        data, Manifest, what=what, bytes_max=manifest_bytes_max(plan), fix=REMOVE_MANIFEST
    )
    if manifest.run_key != plan.run_key:
        raise JournalUnreadable(f"{REMOVE_MANIFEST} {what} names another run.")
    # The types were checked. Now the content is compared with what the plan and the parts imply.
    if manifest_of(plan.run_key, manifest.parts) != manifest:
        raise JournalUnreadable(f"{REMOVE_MANIFEST} {what} has sums that do not add up.")
    names = RunNames(run_key=plan.run_key)
    # Each part is read and shown under these names, so none may be another run's, or any other
    # file.
    are_planned = len(manifest.parts) == len(plan.shards) and all(
        _is_part_of(entry, shard, names)
        for entry, shard in zip(manifest.parts, plan.shards, strict=True)
    )
    if not are_planned:
        raise JournalUnreadable(f"{REMOVE_MANIFEST} {what} names other parts than its plan.")
    return manifest


def _is_part_of(entry: PartEntry, shard: Shard, names: RunNames) -> bool:
    """Return whether an entry is about the part of a shard, staged under a name of this run."""
    part, edition = parse_part_name(entry.staged_name) or (-1, 0)
    return (
        entry.part == part == shard.part
        and entry.staged_name == names.part_name(part, edition)
        and entry.visible_name == shard.visible_name
        and entry.tally.is_of(shard.rows)
    )
