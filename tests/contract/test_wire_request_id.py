"""`X-Client-Request-Id`: within the alphabet outside of which the API drops it without a word."""

from __future__ import annotations

import hashlib
import re

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.durable.keys import client_request_id

ALLOWED = re.compile(r"[A-Za-z0-9._:-]{1,128}")
RUN_KEYS = st.binary().map(lambda data: hashlib.sha256(data).hexdigest())
PLACES = st.tuples(RUN_KEYS, *[st.integers(0, 10**12)] * 3)


@given(PLACES)
def test_every_attempt_has_an_id_that_the_api_keeps(place):
    assert ALLOWED.fullmatch(client_request_id(*place))


@given(PLACES, PLACES)
def test_two_attempts_never_share_an_id(one, other):
    assert (client_request_id(*one) == client_request_id(*other)) is (one == other)


@given(RUN_KEYS, st.lists(st.integers(0, 30), min_size=6, max_size=6))
def test_numbers_that_run_together_are_told_apart(run_key, numbers):
    one, other = numbers[:3], numbers[3:]
    same = client_request_id(run_key, *one) == client_request_id(run_key, *other)
    assert same is (one == other)
