"""Decodes the part of a run's stored progress that the list needs. Any task may store anything there."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from airflow_provider_aimlapi.core.durable.bounds import (
    Count,
    MomentUs,
    NanoUsd,
    RunKey,
)
from airflow_provider_aimlapi.core.durable.object_sizes import PROGRESS_BYTES_MAX
from airflow_provider_aimlapi.core.durable.stored_json import decode_stored
from airflow_provider_aimlapi.core.reporting.call_figures import Amount  # noqa: TC001
from airflow_provider_aimlapi.core.reporting.run_progress import Counts  # noqa: TC001
from airflow_provider_aimlapi.errors import JournalUnreadable

Text = Annotated[str, msgspec.Meta(max_length=200)]
LongText = Annotated[str, msgspec.Meta(max_length=2_000)]
REASON_CHARACTERS = 300
"""The reason of a failure in the list. The run's own page shows it whole."""
PAYMENTS_MAX = 64
"""Attempts, or replaced runs, of one task. A run stores 12 of each at most."""
_SHARE = re.compile(r"/share/([0-9]{4})/report\.html\Z")


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a run's progress that the list shows; see `core.reporting.run_progress`."""

    state: Text
    model: Text
    updated_us: MomentUs
    rows: Count = 0
    rows_done: Count = 0
    statuses: Counts = {}
    cost_nano_usd: NanoUsd = 0
    rows_per_s: Amount = 0.0
    expected_left_s: Amount | None = None
    expected_cost_nano_usd: Count | None = None


class _Attempt(msgspec.Struct, frozen=True):
    updated_us: MomentUs = 0
    cost_nano_usd: NanoUsd = 0
    error: LongText | None = None


class _Replaced(msgspec.Struct, frozen=True):
    model: Text = ""
    updated_us: MomentUs = 0
    cost_nano_usd: NanoUsd = 0


class _Progress(Standing, frozen=True, kw_only=True):
    run_key: RunKey | None = None
    output: LongText = ""
    report: LongText = ""
    attempts: Annotated[tuple[_Attempt, ...], msgspec.Meta(max_length=PAYMENTS_MAX)] = ()
    replaced: Annotated[tuple[_Replaced, ...], msgspec.Meta(max_length=PAYMENTS_MAX)] = ()


class Payment(msgspec.Struct, frozen=True, gc=False):
    """What a task paid in an attempt: the day in UTC, the model, and nano-dollars."""

    day: str
    model: str
    nano_usd: int


class StoredRun(msgspec.Struct, frozen=True, kw_only=True):
    """A task's run, decoded.

    Attributes:
        standing: the figures of the run, or of the share.
        group: identifies the run among all tasks that worked on it: its key and its output path.
        share: the number of the share; None for a whole run.
        paid: what the attempts of this task paid for the run, the oldest first.
        paid_before: what earlier runs of the same task cost, which this run has replaced.
        reason: why the last attempt ended early; "" if it did not.
    """

    standing: Standing
    group: tuple[str | None, str]
    share: int | None
    paid: tuple[Payment, ...]
    paid_before: tuple[Payment, ...]
    reason: str


def decode_run(stored: str) -> StoredRun | None:
    """Return a task's run; None if it does not decode. The run's own page explains that."""
    try:
        found = decode_stored(stored, _Progress, what="progress", bytes_max=PROGRESS_BYTES_MAX)
    except JournalUnreadable:
        return None
    share = _SHARE.search(found.report)
    names = Standing.__struct_fields__
    last = found.attempts[-1].error if found.attempts else None
    return StoredRun(
        standing=Standing(**{name: getattr(found, name) for name in names}),
        group=(found.run_key, found.output),
        share=None if share is None else int(share[1]),
        paid=_payments_of(found),
        paid_before=tuple(
            _payment_at(one.updated_us, one.model, one.cost_nano_usd) for one in found.replaced
        ),
        reason=(last or "")[:REASON_CHARACTERS],
    )


def _payments_of(found: _Progress) -> tuple[Payment, ...]:
    if not found.attempts:  # another version's progress, with the run's cost alone
        return (_payment_at(found.updated_us, found.model, found.cost_nano_usd),)
    return tuple(
        _payment_at(one.updated_us, found.model, one.cost_nano_usd) for one in found.attempts
    )


def _payment_at(at_us: int, model: str, nano_usd: int) -> Payment:
    day = datetime.fromtimestamp(at_us // 1_000_000, UTC).date().isoformat()
    return Payment(day, model, nano_usd)
