"""How many refusals are as usual."""

from __future__ import annotations

from random import Random

import pytest

from airflow_provider_aimlapi.core.pacing.episode import Sent
from airflow_provider_aimlapi.core.pacing.refusal_quota import (
    RATE_MAX,
    TOKENS_AT_FIRST,
    TOKENS_MAX,
    RefusalQuota,
)


def sent(number: int) -> Sent:
    return Sent(number=number, at_s=number / 100, level=50, is_full=True, is_beyond=False)


def learned(share: float, *, seed: int, calls: int = 20_000) -> tuple[RefusalQuota, int]:
    """A quota after calls of which a share was refused, and the refusals beyond it."""
    random = Random(seed)  # noqa: S311  # chance that can be repeated
    quota, beyond = RefusalQuota(refused=20 * share + 8, calls=20 + 8 / share, last=0), 0
    for number in range(1, calls):
        if random.random() < share:
            beyond += not quota.takes_refusal(sent(number))
    return quota, beyond


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_an_even_share_hardly_exceeds_its_allowance(share: float) -> None:
    assert sum(learned(share, seed=seed)[1] for seed in range(5)) <= 5


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_the_share_is_learned_to_a_third(share: float) -> None:
    quota, _ = learned(share, seed=1)
    assert quota.share_at(quota.last) == pytest.approx(share, rel=0.33)


def test_refusals_one_after_the_other_exceed_it_soon() -> None:
    quota, _ = learned(0.05, seed=1)
    taken = [quota.takes_refusal(sent(number)) for number in range(20_001, 20_100)]
    assert sum(taken) <= 1.3 * TOKENS_MAX


def test_a_trial_allows_few_before_the_share_is_proven() -> None:
    quota = RefusalQuota(refused=8, calls=160, last=0)
    taken = [quota.takes_refusal(sent(number)) for number in range(1, 20)]
    assert taken.index(False) <= TOKENS_AT_FIRST + 2


def test_the_rate_never_follows_what_it_allows_upwards() -> None:
    """Refusals that come as fast as they are allowed would raise it for ever."""
    quota, _ = learned(0.05, seed=1)
    rate, number = quota.tokens_a_call, 20_000
    for _ in range(1_000):
        number += round(1 / quota.tokens_a_call)
        quota.takes_refusal(sent(number))
    assert quota.tokens_a_call <= 1.35 * rate
    assert quota.tokens_a_call <= RATE_MAX


def test_calls_without_refusals_lower_the_share() -> None:
    quota, _ = learned(0.05, seed=1)
    assert quota.share_at(quota.last + 100_000) < 0.003
