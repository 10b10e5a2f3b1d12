"""Who may spend how much of one budget, while several attempts are at work: their claims. Pure.

Each share of a run is paid for by an attempt of its own, and none of them knows what the others spend.
So an attempt spends only what it has claimed: it creates the next entry of a log, in which every entry
was made with all earlier ones in view, and whoever finds its number taken looks again. The claims
together never exceed the budget.

A claim is not an instalment, but all that was ever spent on a share and what may be spent now; the one
of the newest attempt holds. An attempt that ends lowers its claim to what was spent. One that was killed
could not; the next attempt at that share does, for it knows what was spent.

An attempt at the whole run, which pays while no other does, claims for each share what was spent on it,
and the rest for itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import msgspec

from airflow_provider_aimlapi.core.bounds import Epoch, NanoUsd
from airflow_provider_aimlapi.core.object_sizes import SMALL_BYTES_MAX
from airflow_provider_aimlapi.core.plan import WORKERS_MAX
from airflow_provider_aimlapi.core.stored_json import REMOVE_FOLDER, decode_stored

if TYPE_CHECKING:
    from collections.abc import Mapping

REST = -1
"""In the place of a share's number: what an attempt at the whole run may spend, wherever."""
ShareOrRest = Annotated[int, msgspec.Meta(ge=REST, lt=WORKERS_MAX)]


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the log.

    Attributes:
        epoch: of the attempt.
        nano_usd: by share, and `REST`.
        is_open: whether there is something in it that is not spent, and may be given back yet.
    """

    epoch: Epoch
    nano_usd: dict[ShareOrRest, NanoUsd]
    is_open: bool


def encode_claim(claim: Claim) -> bytes:
    """The claim's durable form."""
    return msgspec.json.encode(claim)


def decode_claim(data: bytes) -> Claim:
    """Read a claim back.

    Raises:
        JournalUnreadable: when it is no claim; what was spent can then not be known.
    """
    return decode_stored(
        data,
        Claim,
        what="A claim on the run's budget",
        bytes_max=SMALL_BYTES_MAX,
        fix=REMOVE_FOLDER,
    )


@dataclass(frozen=True, slots=True)
class _Held:
    """What one share has, and of which attempt."""

    epoch: int = 0
    nano_usd: int = 0
    is_open: bool = False


@dataclass(slots=True)
class Claims:
    """The log, read so far."""

    _held: dict[int, _Held] = field(default_factory=dict)
    _newest_epoch: int = 0

    def add(self, claim: Claim) -> None:
        """Take in the next entry. One that came late, from an attempt that is over, says nothing.

        Whoever claims has waited for all older attempts that might pay for the same rows.
        """
        if REST in claim.nano_usd and claim.epoch < self._newest_epoch:
            return
        self._newest_epoch = max(self._newest_epoch, claim.epoch)
        for share, nano_usd in claim.nano_usd.items():
            if claim.epoch >= self._held.get(share, _Held()).epoch:
                self._held[share] = _Held(claim.epoch, nano_usd, claim.is_open)

    def of(self, share: int) -> int:
        """What is claimed for a share, or for the rest, in nano-dollars."""
        return self._held.get(share, _Held()).nano_usd

    def elsewhere(self, share: int) -> int:
        """What is claimed for all but this."""
        return sum(held.nano_usd for other, held in self._held.items() if other != share)

    def may_fall(self, share: int) -> bool:
        """Whether another one's claim may yet be lowered, so that there is more for this one."""
        return any(held.is_open for other, held in self._held.items() if other != share)

    def says(self, spent: Mapping[int, int]) -> bool:
        """Whether the log says just this of these shares, and that nobody spends more now."""
        return all(
            self.of(share) == nano_usd and not self._held.get(share, _Held()).is_open
            for share, nano_usd in spent.items()
        )


def decide(
    claims: Claims, share: int, *, limit_nano_usd: int, shares: int, spent: int, need: int
) -> int:
    """What an attempt at a share should claim now; what it has, while that will do for a while.

    Of what nobody has spent or claimed, it takes as much as leaves something for the others, should
    they need as much; more only if a single call needs more. So the last money of a budget is
    found by whoever needs it. Where that cannot pay for the next call, it gives back all: another
    may need less.

    Args:
        limit_nano_usd: the budget. shares: how many the run has.
        spent: on this share so far.
        need: what has to be set aside for the next call, if none is in flight; else 0.
    """
    room = limit_nano_usd - claims.elsewhere(share) - spent
    if room < need:
        return spent
    wanted = max(need, room // (2 * shares))
    unspent = claims.of(share) - spent
    does = need <= unspent <= room and 2 * unspent > wanted
    return claims.of(share) if does else spent + wanted
