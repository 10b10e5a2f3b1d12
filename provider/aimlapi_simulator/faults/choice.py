"""Which fault strikes a request, from the script, the prompt and how often it was seen; no effects."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from aimlapi_simulator.faults.kinds import EFFECTS, Effect

if TYPE_CHECKING:
    from aimlapi_simulator.faults.script import Fault, Script

_FULL_SCALE = 2**64


def draw(seed: int, *words: object) -> float:
    """A number in [0, 1) that depends on nothing but the arguments."""
    source = "\0".join(map(str, (seed, *words))).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(source, digest_size=8).digest()) / _FULL_SCALE


class FaultChoice:
    """Counts matching requests for each fault, and picks the first fault that strikes."""

    def __init__(self) -> None:
        self._matches: dict[tuple[int, str], int] = {}
        self._sightings: dict[str, int] = {}

    def forget(self) -> None:
        """Count from the start; for a script whose faults changed."""
        self._matches.clear()
        self._sightings.clear()

    def pick(self, script: Script, *, path: str, prompt: str, sha256: str) -> Fault | None:
        """The first fault of the script that strikes this request.

        Args:
            script: Its faults are tried in their order.
            path: That was asked for, without its query.
            prompt: The user's text; empty where there is none.
            sha256: Of the prompt, as a short name for it.
        """
        sighting = self._sightings[sha256] = self._sightings.get(sha256, 0) + 1
        for position, fault in enumerate(script.faults):
            if fault.path != path or (fault.contains and fault.contains not in prompt):
                continue
            is_due = self._is_due(position, fault, sha256)
            if is_due and _is_drawn(fault, script.seed, position, sha256, sighting):
                return fault  # later faults do not count this request: lists read as sequences
        return None

    def _is_due(self, position: int, fault: Fault, sha256: str) -> bool:
        if fault.times is None and not fault.after:
            return True
        key = (position, sha256 if fault.per_prompt else "")
        count = self._matches[key] = self._matches.get(key, 0) + 1
        return count > fault.after and (fault.times is None or count <= fault.after + fault.times)


def _is_drawn(fault: Fault, seed: int, position: int, sha256: str, sighting: int) -> bool:
    if fault.share >= 1:
        return True
    return draw(seed, "fault", position, sha256, sighting) < fault.share


@lru_cache(maxsize=1024)
def effect_of(fault: Fault) -> Effect:
    """The effect of the fault's kind, with what the fault itself says about delay, charge and status."""
    effect = EFFECTS[fault.kind]
    if fault.delay_s is not None:
        effect = msgspec.structs.replace(effect, extra_delay_s=fault.delay_s)
    if fault.is_billed is not None:
        effect = msgspec.structs.replace(effect, is_billed=fault.is_billed)
    if effect.body == "raw":
        effect = msgspec.structs.replace(effect, status=fault.status)
    return effect
