"""Apply the limits that the user has set: requests and tokens per minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

    from airflow_provider_aimlapi.core.calls.completion import Completion
    from airflow_provider_aimlapi.core.pacing.allowance import RequestAllowance, TokenAllowance
    from airflow_provider_aimlapi.engine.settings import Settings


class Allowances:
    """The allowances for requests and tokens per minute; either may be missing."""

    def __init__(
        self, *, requests: RequestAllowance | None = None, tokens: TokenAllowance | None = None
    ) -> None:
        self._requests = requests
        self._tokens = tokens
        self._reserved: dict[
            int, tuple[int, int]
        ] = {}  # of each call: tokens, bytes of the request
        self.is_any = requests is not None or tokens is not None

    @classmethod
    def of_settings(cls, settings: Settings, max_tokens: int | None) -> Self:
        """Return the allowances of a run's settings; `max_tokens` bounds the first answers."""
        return cls(
            requests=settings.request_allowance(), tokens=settings.token_allowance(max_tokens)
        )

    def wait_s(self, now_s: float, body_bytes: int) -> float:
        """Return the seconds until a request of this size may be sent; 0 or less for now."""
        wait_s = 0.0
        if self._requests is not None:
            wait_s = self._requests.wait_s(now_s)
        if self._tokens is not None:
            wait_s = max(wait_s, self._tokens.wait_s(now_s, body_bytes))
        return wait_s

    def count_sent(self, number: int, now_s: float, body_bytes: int) -> None:
        """Count the call with this number, which is being sent."""
        if self._requests is not None:
            self._requests.count_request(now_s)
        if self._tokens is not None:
            self._reserved[number] = (self._tokens.reserve_for_call(now_s, body_bytes), body_bytes)

    def settle_call(self, number: int, now_s: float, completion: Completion) -> None:
        """Replace a call's reservation by the usage that its answer reports."""
        reserved = self._reserved.pop(number, None)
        if reserved is not None and self._tokens is not None:
            tokens, body_bytes = reserved
            self._tokens.settle_reservation(
                now_s,
                tokens,
                body_bytes=body_bytes,
                prompt=completion.prompt_tokens or 0,
                answer=completion.completion_tokens or 0,
            )

    def end_call(self, number: int, now_s: float, *, is_free: bool = False) -> None:
        """Count the end of a call; without a reported usage, its reservation counts as used."""
        reserved = self._reserved.pop(number, None)
        # Each call ends here, also one that `settle_call` has counted. That one has no reservation
        # left.
        if reserved is not None and self._tokens is not None:
            tokens, _ = reserved
            self._tokens.end_reservation(now_s, tokens, 0 if is_free else tokens)
