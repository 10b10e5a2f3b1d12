from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.claims import (
    REST,
    Claim,
    Claims,
    decide,
    decode_claim,
    encode_claim,
)
from airflow_provider_aimlapi.errors import JournalUnreadable

LIMIT = 1_000


def claims_of(*entries: tuple[int, dict[int, int]], is_open: bool = True) -> Claims:
    """A log of these epochs' claims."""
    claims = Claims()
    for epoch, nano_usd in entries:
        claims.add(Claim(epoch=epoch, nano_usd=nano_usd, is_open=is_open))
    return claims


def test_a_claim_reads_back() -> None:
    claim = Claim(epoch=7, nano_usd={0: 5, 12: 10**15, REST: 3}, is_open=True)
    assert decode_claim(encode_claim(claim)) == claim


@pytest.mark.parametrize("data", [b"", b"{}", b'{"epoch": 1}', b"\xff"])
def test_what_is_no_claim_is_not_taken_for_one(data: bytes) -> None:
    with pytest.raises(JournalUnreadable):
        decode_claim(data)


def test_the_last_claim_of_a_share_counts_and_those_of_all_shares_add_up() -> None:
    claims = claims_of((1, {0: 100}), (2, {1: 50}), (1, {0: 160}))
    assert (claims.of(0), claims.of(1), claims.of(2)) == (160, 50, 0)
    assert (claims.elsewhere(0), claims.elsewhere(1), claims.elsewhere(2)) == (50, 160, 210)


def test_what_comes_late_from_an_older_attempt_says_nothing() -> None:
    claims = claims_of((3, {0: 100}), (1, {0: 20}))
    assert claims.of(0) == 100
    claims.add(Claim(epoch=2, nano_usd={0: 0, 1: 0, REST: 900}, is_open=True))
    assert (claims.of(0), claims.of(REST)) == (100, 0), "the whole run was over, too"


def test_an_attempt_at_the_whole_run_claims_for_all_and_a_newer_one_for_its_share() -> None:
    claims = claims_of((1, {0: 300}), (2, {1: 300}), (3, {0: 120, 1: 80, REST: 800}))
    assert claims.elsewhere(2) == LIMIT
    claims.add(Claim(epoch=4, nano_usd={1: 90}, is_open=True))
    assert claims.elsewhere(1) == 920


def test_only_an_open_claim_of_another_may_fall() -> None:
    claims = claims_of((1, {0: 100}))
    assert claims.may_fall(1)
    assert not claims.may_fall(0)
    claims.add(Claim(epoch=1, nano_usd={0: 70}, is_open=False))
    assert not claims.may_fall(1)


def test_a_log_says_what_was_spent_once_it_is_closed() -> None:
    claims = claims_of((1, {0: 100}))
    assert not claims.says({0: 100})
    claims.add(Claim(epoch=1, nano_usd={0: 100}, is_open=False))
    assert claims.says({0: 100})
    assert not claims.says({0: 99})
    assert claims.says({5: 0})


def test_a_first_claim_leaves_as_much_for_each_of_the_others_twice_over() -> None:
    assert decide(Claims(), 0, limit_nano_usd=LIMIT, shares=4, spent=0, need=0) == 125


def test_a_claim_stays_while_half_of_it_is_there() -> None:
    claims = claims_of((1, {0: 125}))

    def decided(spent: int) -> int:
        return decide(claims, 0, limit_nano_usd=LIMIT, shares=4, spent=spent, need=0)

    assert decided(60) == 125
    assert decided(70) == 70 + (LIMIT - 70) // 8


def test_a_single_call_may_need_all_that_is_left() -> None:
    claims = claims_of((1, {1: 900}))
    assert decide(claims, 0, limit_nano_usd=LIMIT, shares=4, spent=0, need=100) == 100


def test_who_cannot_pay_for_a_call_gives_back_all() -> None:
    claims = claims_of((1, {1: 900}), (2, {0: 60}))
    assert decide(claims, 0, limit_nano_usd=LIMIT, shares=4, spent=20, need=81) == 20


def test_a_lowered_budget_leaves_what_was_spent() -> None:
    claims = claims_of((1, {0: 600, 1: 600}))
    assert decide(claims, 0, limit_nano_usd=LIMIT, shares=2, spent=550, need=0) == 550


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 80), st.integers(0, 60)), max_size=60),
)
def test_however_shares_spend_and_claim_their_claims_never_exceed_the_budget(
    steps: list[tuple[int, int, int]],
) -> None:
    """Each spends within its claim, and claims before it spends more."""
    claims, spent = Claims(), [0] * 4
    for share, cost, need in steps:
        spent[share] = min(spent[share] + cost, claims.of(share))
        wanted = decide(
            claims, share, limit_nano_usd=LIMIT, shares=4, spent=spent[share], need=need
        )
        claims.add(Claim(epoch=share, nano_usd={share: wanted}, is_open=True))
        assert spent[share] <= wanted
        assert claims.of(share) + claims.elsewhere(share) <= LIMIT
