"""The whole state of a running simulator."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from typing import TYPE_CHECKING, TypeVar

from aimlapi_simulator.clock import Clock
from aimlapi_simulator.faults.choice import FaultChoice, draw_number
from aimlapi_simulator.http.errors import ENVELOPES, Problem, error_response, vendor_words
from aimlapi_simulator.ledger import Ledger, Record
from aimlapi_simulator.limits import Gates
from aimlapi_simulator.model.prompt_cache import PromptCache
from aimlapi_simulator.periods import period_of
from aimlapi_simulator.pricing import CREDITS_PER_USD, usd_of
from aimlapi_simulator.schema.refusal import InvalidBody, RefusedByVendor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimlapi_simulator.faults.script import Latency, Retention, Script
    from aimlapi_simulator.http.message import Response
    from aimlapi_simulator.model.batch import Batch
    from aimlapi_simulator.schema.hints import Complaint

_DAY_S = 86_400
Option = TypeVar("Option")


class State:
    """Script, clock, ledger, limits and money of one simulator."""

    def __init__(self, script: Script, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.started_at_s = self.clock.now_s()
        self.first_script = script
        self._next_id = 0
        self._id_stem = f"{script.seed:x}{int(self.started_at_s * 1000):x}"
        self.reset_state(script)

    def reset_state(self, script: Script) -> None:
        """Reset everything to the start with this script. Only the ids continue."""
        self.script = script
        self._paid_in_credits = _paid_in_credits(script)
        self.random = random.Random(script.seed)
        self.ledger = Ledger()
        self.gates = Gates()
        self.faults = FaultChoice()
        self.prompt_cache = PromptCache()
        self.batches: dict[str, Batch] = {}
        self.log_reads_s: deque[float] = deque()
        self._credits_by_day: defaultdict[int, int] = defaultdict(int)

    def change_script(self, script: Script) -> None:
        """Follow another script from now on. Limits and money keep their counts."""
        if script.faults != self.script.faults or script.seed != self.script.seed:
            self.faults.forget_counts()
        if script.seed != self.script.seed:
            self.random = random.Random(script.seed)
        self.script = script
        self._paid_in_credits = _paid_in_credits(script)

    def next_id(self) -> str:
        """Return an id that this machine has not used before."""
        self._next_id += 1
        return f"{self._id_stem}-{self._next_id:06x}"

    def latency_s(self) -> float:
        """Draw the time that the next generation takes."""
        latency: Latency = self.script.latency
        if not latency.sigma:
            return latency.median_s
        return latency.median_s * self.random.lognormvariate(0.0, latency.sigma)

    def record_request(self, record: Record) -> None:
        """Record a request, and charge the key for it."""
        self.ledger.add_record(record)
        if record.credits:
            self._credits_by_day[int(record.at_s // _DAY_S)] += record.credits

    def settle_batches(self) -> None:
        """Charge for the batches that have ended since the last call."""
        now_s = self.clock.now_s()
        for batch in self.batches.values():
            for record in batch.settle_charges(now_s):
                self.record_request(record)

    def credits_left(self) -> int:
        """Return the balance in credits. Calls in flight can make it negative."""
        return self._paid_in_credits - self.ledger.total_credits

    def key_usd(self, retention: Retention) -> float:
        """Compute what the key has spent in the current period of this kind."""
        current = period_of(self.clock.now_s(), retention)
        days = self._credits_by_day.items()
        return usd_of(sum(c for day, c in days if period_of(day * _DAY_S, retention) == current))

    def is_key_spent(self) -> bool:
        """Return whether the key's own limit is reached."""
        account = self.script.account
        if account.key_limit_usd is None:
            return False
        return self.key_usd(account.key_limit_retention) >= account.key_limit_usd

    def pick_option(self, options: tuple[Option, ...], *words: object) -> Option:
        """Choose one of the options by the seed and the words."""
        return options[int(draw_number(self.script.seed, *words) * len(options))]

    def pick_for_id(self, options: tuple[Option, ...], word: str, an_id: str) -> Option:
        """Choose one of the options by the seed and the id's number.

        The stem of an id holds the time at which the process started. It is left out here, because
        a seed must give the same forms every time.
        """
        return self.pick_option(options, word, an_id.rpartition("-")[2])

    def refusal_response(self, error: InvalidBody, *, path: str, request_id: str) -> Response:
        """Return the refusal of a body, in the form that the script asks for."""
        message = str(error)
        if isinstance(error, RefusedByVendor) and self._is_passed_on(request_id):
            message = vendor_words(error.status, message)
        return self.error_response(
            status=error.status,
            message=message,
            path=path,
            request_id=request_id,
            details=error.complaints,
        )

    def _is_passed_on(self, request_id: str) -> bool:
        form = self.script.forms.vendor_errors
        if form == "seeded":
            form = self.pick_for_id(("json", "plain"), "vendor", request_id)
        return form == "json"

    def error_response(
        self,
        *,
        status: int,
        message: str,
        path: str,
        request_id: str,
        details: Sequence[Complaint] = (),
    ) -> Response:
        """Return an error in the envelope that the script asks for."""
        # A seeded form depends on the id alone, so that the same request gets it in every run.
        form = self.script.forms.envelope
        return error_response(
            self.pick_for_id(ENVELOPES, "envelope", request_id) if form == "seeded" else form,
            Problem(status=status, message=message, details=details),
            path=path,
            request_id=request_id,
            now_s=self.clock.now_s(),
        )


def _paid_in_credits(script: Script) -> int:
    return round(script.account.balance_usd * CREDITS_PER_USD)
