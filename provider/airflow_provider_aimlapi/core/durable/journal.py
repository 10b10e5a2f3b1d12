"""Journal records and their frames: length, crc32, payload. Bytes in, values out; no store.

A reader stops at the first frame that is cut off, damaged, or holds a record that no run writes.
All records before it are valid.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.core.calls.answer_form import FormName  # noqa: TC001  msgspec reads it
from airflow_provider_aimlapi.core.durable.bounds import SHARD_ROWS_MAX, Attempts, MomentUs, NanoUsd
from airflow_provider_aimlapi.core.durable.stored_json import decode_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_aimlapi.core.calls.completion import (
        CallRecord,
        Completion,
        Outcome,
        Reason,
    )

_FRAME_HEAD = struct.Struct("<II")
FRAME_BYTES_MAX = 64 * 1024 * 1024


class Record(msgspec.Struct, frozen=True, kw_only=True, array_like=True, omit_defaults=True):
    """A paid result: the raw answer to a row, so that it can be parsed again without a call.

    Attributes:
        kind: "answer" for a completion; "invalid" for one that does not follow the schema; "interim"
            for one after which the row is sent again; "settled" if the last interim one stays,
            because no better one came; "rejected" for a row that will not be sent again; "unread"
            for an answer that could not be parsed, though it may have been charged; "failed" for a
            row whose calls have failed so far, of which the last record counts.
        row: the index within the shard.
        request_hash: hex sha256 of the exact request body.
        attempts: the row's calls, without those answered 429. For a failed row: the failures that
            count against it, over all attempts.
        completed_at_us: microseconds since 1970, UTC.
        failing_since_us: for a failed row: the first failure after which no row was answered.
        status, content_type, body, inference_id, credits_used, usd_spent: the answer as received.
            For a failed row: the status of a refusal that was undecided when an attempt ended.
        reason: why a row was rejected, or an answer could not be parsed or is invalid.
        in_full: the same with the API's own words.
        unread_cost_nano_usd: the charges that unreadable answers to this row reported.
        form: the form in which the answer was requested; "" without a schema.
        text: the answer as its columns hold it, if it follows the schema. It is not checked again,
            because the check may be the user's own code.
    """

    kind: Literal["answer", "invalid", "interim", "settled", "rejected", "unread", "failed"]
    row: Annotated[int, msgspec.Meta(ge=0, lt=SHARD_ROWS_MAX)]
    request_hash: str
    attempts: Attempts
    completed_at_us: MomentUs
    status: Annotated[int, msgspec.Meta(ge=0, le=999)] = 0
    content_type: str = ""
    body: bytes = b""
    inference_id: str | None = None
    credits_used: str | None = None
    usd_spent: str | None = None
    reason: str | None = None
    unread_cost_nano_usd: NanoUsd = 0
    in_full: str | None = None
    failing_since_us: MomentUs = 0
    form: FormName = ""
    text: str | None = None

    def received_answer(self) -> Answer:
        """Return the answer as it was received."""
        return Answer(
            status=self.status,
            content_type=self.content_type,
            body=self.body,
            inference_id=self.inference_id,
            credits_used=self.credits_used,
            usd_spent=self.usd_spent,
        )


def answer_record(answer: Answer, call: CallRecord) -> Record:
    """Return the record of an accepted answer."""
    return Record(
        kind="answer",
        row=call.row,
        request_hash=call.request_hash or "",
        attempts=call.attempts,
        completed_at_us=call.completed_at_us,
        status=answer.status,
        content_type=answer.content_type,
        body=answer.body,
        inference_id=answer.inference_id,
        credits_used=answer.credits_used,
        usd_spent=answer.usd_spent,
        unread_cost_nano_usd=call.unread_cost_nano_usd,
    )


def checked_record(
    answer: Answer, completion: Completion, call: CallRecord, form: FormName
) -> Record:
    """Return the record of an answer that was checked against a schema."""
    is_invalid = completion.status == "invalid"
    return msgspec.structs.replace(
        answer_record(answer, call),
        kind="invalid" if is_invalid else "answer",
        form=form,
        text=completion.text,
        reason=completion.reason if is_invalid else None,
        in_full=completion.error if is_invalid else None,
    )


def interim_record(record: Record) -> Record:
    """Return the record of an answer after which the row is sent again."""
    return msgspec.structs.replace(
        record,
        kind="interim",
        unread_cost_nano_usd=0,  # as for `unread_record`
    )


def settled_record(call: CallRecord) -> Record:
    """Return the record of a row whose last interim answer stays."""
    return Record(
        kind="settled",
        row=call.row,
        request_hash=call.request_hash or "",
        attempts=call.attempts,
        completed_at_us=call.completed_at_us,
        unread_cost_nano_usd=call.unread_cost_nano_usd,
    )


def unread_record(answer: Answer, reason: Reason, call: CallRecord) -> Record:
    """Return the record of an answer that could not be parsed, with its cost, for a later attempt."""
    return msgspec.structs.replace(
        answer_record(answer, call),
        kind="unread",
        reason=reason.shown,
        in_full=reason.in_full,
        unread_cost_nano_usd=0,  # of earlier answers: each has a record of its own
    )


def rejection_record(outcome: Outcome) -> Record:
    """Return the record of a row that is not sent again."""
    return Record(
        kind="rejected",
        row=outcome.row,
        request_hash=outcome.request_hash or "",
        attempts=outcome.attempts,
        completed_at_us=outcome.completed_at_us or 0,
        reason=outcome.reason,
        in_full=outcome.error,
        unread_cost_nano_usd=outcome.cost_nano_usd or 0,
    )


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


def encode_segment(records: Iterable[Record]) -> bytes:
    """Return the frames of records, one after another."""
    pieces: list[bytes] = []
    for record in records:
        payload = _encode(record)
        pieces.append(_FRAME_HEAD.pack(len(payload), zlib.crc32(payload)))
        pieces.append(payload)
    return b"".join(pieces)


def decode_segment(data: bytes) -> Iterator[Record]:
    """Yield the valid records at the start of a segment."""
    offset = 0
    while len(data) - offset >= _FRAME_HEAD.size:
        length, checksum = _FRAME_HEAD.unpack_from(data, offset)
        start = offset + _FRAME_HEAD.size
        payload = data[start : start + length]
        # 1. No record is so long: the length is damaged.
        # 2. The frame was cut off, as by a process that was killed.
        # 3. The bytes are not those that were written.
        if length > FRAME_BYTES_MAX or len(payload) < length or zlib.crc32(payload) != checksum:
            return
        record = decode_record(payload, _decode)
        if record is None:
            return
        yield record
        offset = start + length
