"""Decide which calls are marked, and which one goes alone. Pure: it has no clock and does not wait.

The API can read a head from its cache once the answer to the call that wrote it has begun. So 256 calls
at once are 256 writes, and each costs a quarter more. That gives three rules:

1. One call, the lead, goes alone. The others wait for its answer, and then read what it wrote. They wait
   20 seconds at most. If three leads fail, they go on without marks until a lead is answered.
2. The cache keeps a head for five minutes after its last use. Four minutes after the last use that was
   answered, there is a new lead.
3. Nothing is taken on trust. The first answer shows whether the head is long enough, and later ones
   whether they read it. Marks that bring too little are dropped for the rest of the run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Literal

from airflow_provider_aimlapi.core.texts.wording import format_usd

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import Completion

MARKED_ROWS_MIN = 2
"""The first row writes the head at a higher price, so a second one must read it."""
PAUSE_S = 240.0
"""The cache forgets a head after 300 seconds. The rest is for calls that wait, and for clocks."""
LEAD_S = 20.0
"""The most that other calls wait. An answer begins within seconds, even if it takes minutes to end. With
twice as much, a run whose first answers are long would stand still for longer than that saves."""
LEADS_MAX = 3
"""If so many fail, the API or the rows have another problem, and waiting would only add to it."""
MISSES_MAX = 20
"""Answers in a row that read nothing. Others have seen 60% of reads miss: then 20 in a row are rare."""
CHECKED_ANSWERS = 200
"""Of so many answers, half must read the head."""
OWN_BYTES_A_TOKEN = 2
"""The fewest bytes of a token, in texts of any language. It makes a head look shorter, never longer."""

RowName = tuple[int, int]
WhyOff = Literal[
    "", "few rows", "few reads before", "too short", "refused", "no reads", "few reads"
]


@dataclass(slots=True, kw_only=True)
class HeadCache:
    """What an attempt knows of its head in the API's prompt cache.

    Attributes:
        tokens_min: the shortest head that the model's cache keeps.
        why_off: why no call is marked any more; "" while calls are.
        answers, reads: marked answers that could read the head, and those that did.
        cached_tokens, written_tokens: of all marked answers.
    """

    tokens_min: int
    why_off: WhyOff = ""
    answers: int = 0
    reads: int = 0
    cached_tokens: int = 0
    written_tokens: int = 0
    _lead: RowName | None = None  # the row whose call goes alone
    _is_lead_sent: bool = False  # not while it waits for a permit
    _lead_ends_s: float = inf  # when the others stop waiting for it
    _failed_leads: int = 0  # since the last answer
    _kept_until_s: float = -inf  # how long the head is taken to be in the cache
    _ready_s: float | None = None  # calls sent since then could read it; None before an answer
    _misses: int = 0  # answers in a row that read nothing
    _block: list[bool] = field(
        default_factory=list
    )  # whether each answer since the last check read
    _head_tokens: float | None = None  # at least so many, by the first answer
    _doubter: RowName | None = None  # the row that shows whether the API refuses marks

    @property
    def is_on(self) -> bool:
        """Whether calls may be marked."""
        return not self.why_off

    def wait_s(self, row: RowName, now_s: float) -> float:
        """Return the seconds that a row must wait for the lead; 0 if it may be sent.

        If there must be a lead and is none, this row becomes the lead.
        """
        if not self._needs_lead(now_s) or self._failed_leads >= LEADS_MAX:
            return 0.0
        self._lead = self._lead or self._begin(row, now_s)
        return 0.0 if self._lead == row else self._lead_ends_s - now_s

    def marks(self, row: RowName, now_s: float) -> bool:
        """Return whether the call of a row that is sent now is marked.

        A row may have waited for minutes since `wait_s`. So it may have become the lead, or it goes
        without a mark beside the lead, because it could only write what the lead writes.
        """
        if not self.is_on or self._doubter is not None:
            return False
        if not self._needs_lead(now_s):
            return True
        self._lead = self._lead or self._begin(row, now_s)
        if self._lead != row:
            return False
        self._is_lead_sent, self._lead_ends_s = True, now_s + LEAD_S
        return True

    def answered(
        self, completion: Completion, *, own_bytes: int, sent_s: float, now_s: float
    ) -> None:
        """Note the answer to a marked call.

        Args:
            own_bytes: of the request, without the head.
            sent_s: when the call was sent.
        """
        if now_s < sent_s + PAUSE_S:
            self._keep_until(sent_s + PAUSE_S)
        read, written = completion.cached_tokens or 0, completion.cache_write_tokens or 0
        self.cached_tokens += read
        self.written_tokens += written
        if self._head_tokens is None:
            prompt_tokens = completion.prompt_tokens or 0
            self._head_tokens = max(read + written, prompt_tokens - own_bytes / OWN_BYTES_A_TOKEN)
            if self._head_tokens < self.tokens_min:
                self._drop("too short")
        if self._ready_s is None:
            self._ready_s = now_s
        elif sent_s >= self._ready_s:
            self._check_read(is_read=read > 0)

    def ended(self, row: RowName) -> None:
        """Note that the call of a row has ended. If it was the lead and has no answer, it has failed."""
        if self._lead == row:
            self._lead = None
            self._failed_leads += 1

    def refused(self, row: RowName) -> None:
        """Note that a marked request was refused with 400. It is sent again without a mark.

        Until that is answered, no other call is marked, unless one was answered before.
        """
        if self._head_tokens is None and self._doubter is None:
            self._doubter = row

    def answered_without(self, row: RowName) -> None:
        """Note that a request was answered, whose marked form was refused: the mark was the cause."""
        if self._doubter == row:
            self._doubter = None
            self._drop("refused")

    def refused_without(self, row: RowName) -> None:
        """Note that a request was refused without a mark, too: the row is the cause."""
        if self._doubter == row:
            self._doubter = None

    def heed_earlier(self, *, answers: int, reads: int, written_tokens: int) -> None:
        """Mark nothing if earlier attempts at the run have written the head, and hardly read it.

        Answers after their marks were dropped count, too. So marks that were dropped stay so.

        Args:
            answers, reads: of earlier attempts, those that read the prompt cache among them.
            written_tokens: the tokens that they wrote to it.
        """
        if written_tokens and answers > MISSES_MAX and 2 * reads < answers:
            self._drop("few reads before")

    def leave_off(self) -> None:
        """Mark nothing, because fewer than two rows are left: the second would be the first to read."""
        self._drop("few rows")

    def report(self, saved_nano_usd: int | None) -> str:
        """Return a sentence for the log: why nothing is marked, and what that has cost.

        Args:
            saved_nano_usd: what reads saved less what writes cost; None if no price is known.
        """
        if self.why_off == "refused":
            return (
                "The API refuses cache marks for this model, so requests are sent without them. "
                "Nothing was charged for that."
            )
        if self.why_off == "too short":
            return (
                f"No request is marked for the prompt cache, because the text that all requests begin "
                f"with has about {max(0, self._head_tokens or 0):,.0f} tokens. The cache of this model "
                f"keeps {self.tokens_min:,} or more."
            )
        tokens = f"{self.written_tokens:,} tokens were written and {self.cached_tokens:,} read"
        return (
            f"Cache marks are dropped for the rest of the run, because {self.reads:,} of "
            f"{self.answers:,} answers read the prompt cache. {tokens}{_cost(saved_nano_usd)}."
        )

    def _needs_lead(self, now_s: float) -> bool:
        """Return whether one call must go alone. If a lead takes too long, the others go on."""
        if self._lead is not None and now_s >= self._lead_ends_s:
            # Its answer has begun by now, if it was sent at all.
            if self._is_lead_sent:
                self._keep_until(now_s + PAUSE_S)
            else:
                self._lead, self._failed_leads = None, LEADS_MAX
        return self.is_on and self._doubter is None and now_s >= self._kept_until_s

    def _begin(self, row: RowName, now_s: float) -> RowName:
        self._is_lead_sent, self._lead_ends_s = False, now_s + LEAD_S
        self._ready_s = None
        return row

    def _keep_until(self, until_s: float) -> None:
        """Take the head to be in the cache until then, so that no call waits."""
        self._lead, self._failed_leads = None, 0
        self._kept_until_s = max(self._kept_until_s, until_s)

    def _check_read(self, *, is_read: bool) -> None:
        self.answers += 1
        self.reads += is_read
        self._misses = 0 if is_read else self._misses + 1
        self._block.append(is_read)
        if self._misses >= MISSES_MAX:
            self._drop("no reads")
        elif len(self._block) >= CHECKED_ANSWERS:
            if 2 * sum(self._block) < len(self._block):
                self._drop("few reads")
            self._block.clear()

    def _drop(self, why: WhyOff) -> None:
        self.why_off = self.why_off or why


def _cost(saved_nano_usd: int | None) -> str:
    if saved_nano_usd is None:
        return ", and no price is known for that"
    if not saved_nano_usd:
        return ", which cost nothing"
    if saved_nano_usd < 0:
        return f", which cost {format_usd(-saved_nano_usd)} more than no marks"
    return f", which cost {format_usd(saved_nano_usd)} less than no marks"
