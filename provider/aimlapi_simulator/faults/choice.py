"""The choice of a fault by the script, the prompt and the number of times that the prompt was seen."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from aimlapi_simulator.faults.kinds import EFFECTS, Effect

if TYPE_CHECKING:
    from aimlapi_simulator.faults.script import Fault, Script

_FULL_SCALE = 2**64


def draw_number(seed: int, *words: object) -> float:
    """Draw a number in [0, 1) that depends only on the arguments."""
    source = "\0".join(map(str, (seed, *words))).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(source, digest_size=8).digest()) / _FULL_SCALE


class FaultChoice:
    """Counts matching requests for each fault, and picks the first fault that strikes."""

    def __init__(self) -> None:
        # Matching requests by fault, and by prompt if the fault counts each prompt separately.
        self._matches: dict[tuple[int, str], int] = {}
        # Requests by prompt, so that a repeated call gets a new draw.
        self._sightings: dict[str, int] = {}

    def forget_counts(self) -> None:
        """Count from the start, because the script's faults have changed."""
        self._matches.clear()
        self._sightings.clear()

    def pick_fault(self, script: Script, *, path: str, prompt: str, sha256: str) -> Fault | None:
        """Return the first fault of the script that strikes this request.

        Args:
            script: its faults are tried in their order.
            path: the request's path, without its query.
            prompt: the user's text; empty if there is none.
            sha256: the hash of the prompt.
        """
        sighting = self._sightings[sha256] = self._sightings.get(sha256, 0) + 1
        for position, fault in enumerate(script.faults):
            if fault.path != path or (fault.contains and fault.contains not in prompt):
                continue
            if fault.longer_than and len(prompt) <= fault.longer_than:
                continue
            is_due = self._is_due(position, fault, sha256)
            if is_due and _is_drawn(fault, script.seed, position, sha256, sighting):
                return (
                    fault  # later faults do not count this request, so that lists read as sequences
                )
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
    return draw_number(seed, "fault", position, sha256, sighting) < fault.share


@lru_cache(maxsize=1024)
def effect_of(fault: Fault) -> Effect:
    """Return the effect of the fault's kind, with the fault's own delay, charge and status."""
    effect = EFFECTS[fault.kind]
    if fault.delay_s is not None:
        effect = msgspec.structs.replace(effect, extra_delay_s=fault.delay_s)
    if fault.is_billed is not None:
        effect = msgspec.structs.replace(effect, is_billed=fault.is_billed)
    if effect.body == "raw":
        effect = msgspec.structs.replace(effect, status=fault.status)
    return effect
