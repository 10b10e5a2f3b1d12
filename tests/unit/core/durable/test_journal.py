from __future__ import annotations

import struct
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.core.calls.completion import CallRecord, Reason, rejected_outcome
from airflow_provider_aimlapi.core.durable.journal import (
    FRAME_BYTES_MAX,
    Record,
    answer_record,
    decode_segment,
    encode_segment,
    rejection_record,
)

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
ROW = st.integers(0, 8191)
ATTEMPTS = st.integers(0, 2**31 - 1)
MOMENT = st.integers(0, 253_402_300_799_999_999)
ANSWERS = st.builds(
    Answer,
    status=st.integers(200, 299),
    content_type=TEXT,
    body=st.binary(),
    inference_id=st.none() | TEXT,
    credits_used=st.none() | TEXT,
    usd_spent=st.none() | TEXT,
)
CALLS = st.builds(CallRecord, row=ROW, request_hash=TEXT, attempts=ATTEMPTS, completed_at_us=MOMENT)
RECORDS = st.builds(answer_record, ANSWERS, CALLS) | st.builds(
    Record,
    kind=st.just("rejected"),
    row=ROW,
    request_hash=TEXT,
    attempts=ATTEMPTS,
    completed_at_us=MOMENT,
    reason=TEXT,
)

SMALL = [
    answer_record(
        Answer(status=200, content_type="application/json", body=b'{"a":1}', inference_id="inf-1"),
        CallRecord(row=row, request_hash="ab" * 4, attempts=1, completed_at_us=row),
    )
    for row in range(3)
]
SEGMENT = encode_segment(SMALL)


@given(records=st.lists(RECORDS, max_size=8))
def test_records_read_back_as_they_were_written(records):
    assert list(decode_segment(encode_segment(records))) == records


@given(answer=ANSWERS)
def test_an_answer_comes_back_as_it_was_received(answer):
    record = answer_record(
        answer, CallRecord(row=1, request_hash="h", attempts=2, completed_at_us=3)
    )
    (read,) = decode_segment(encode_segment([record]))
    assert read.received_answer() == answer
    assert (read.kind, read.row, read.request_hash, read.attempts) == ("answer", 1, "h", 2)


def test_a_rejection_keeps_its_reason() -> None:
    reason = Reason("HTTP 400: too long", "HTTP 400: 'my text' is too long")
    outcome = rejected_outcome(
        reason, CallRecord(row=7, attempts=1, request_hash="h", completed_at_us=9)
    )
    (read,) = decode_segment(encode_segment([rejection_record(outcome)]))
    assert (read.kind, read.row, read.reason, read.in_full) == ("rejected", 7, *reason)
    assert (read.request_hash, read.attempts, read.completed_at_us) == ("h", 1, 9)


def records_before(place: int) -> list[Record]:
    """The records that end at or before a byte; all frames are of one length."""
    return SMALL[: place * len(SMALL) // len(SEGMENT)]


def test_segment_cut_anywhere_gives_whole_records_before_the_cut() -> None:
    for length in range(len(SEGMENT) + 1):
        assert list(decode_segment(SEGMENT[:length])) == records_before(length), length


@pytest.mark.parametrize("bit", range(8))
def test_flipped_bit_costs_records_and_never_makes_wrong_one(bit):
    for place in range(len(SEGMENT)):
        damaged = bytearray(SEGMENT)
        damaged[place] ^= 1 << bit
        assert list(decode_segment(bytes(damaged))) == records_before(place), place


@given(tail=st.binary(max_size=40))
def test_a_foreign_tail_adds_no_record(tail):
    assert list(decode_segment(SEGMENT + tail)) == SMALL


def test_a_tail_of_zeros_adds_no_record() -> None:
    """A frame of zeros has a true checksum: that of nothing."""
    for zeros in range(40):
        assert list(decode_segment(SEGMENT + bytes(zeros))) == SMALL


def frame(payload: bytes) -> bytes:
    return struct.pack("<II", len(payload), zlib.crc32(payload)) + payload


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        msgspec.msgpack.encode({"kind": "answer"}),
        msgspec.msgpack.encode(["answer", 0, "h", 1]),
        msgspec.msgpack.encode(["lost", 0, "h", 1, 2]),
        msgspec.msgpack.encode(["answer", "0", "h", 1, 2]),
        msgspec.msgpack.encode(SMALL[0]) + b"\x00",
        msgspec.msgpack.encode(SMALL[0]).replace(b"inf-1", b"inf-\xff"),
    ],
)
def test_a_sound_frame_without_a_record_ends_the_reading(payload):
    assert list(decode_segment(SEGMENT + frame(payload) + SEGMENT)) == SMALL


def test_a_frame_above_the_limit_ends_the_reading():
    too_large = msgspec.structs.replace(SMALL[0], body=bytes(FRAME_BYTES_MAX))
    assert list(decode_segment(SEGMENT + encode_segment([too_large]) + SEGMENT)) == SMALL


def test_record_with_more_fields_is_still_read() -> None:
    """A later release may have written it."""
    longer = [*msgspec.to_builtins(SMALL[0]), *([None] * 20)]
    longer[7] = SMALL[0].body
    assert list(decode_segment(frame(msgspec.msgpack.encode(longer)))) == SMALL[:1]
