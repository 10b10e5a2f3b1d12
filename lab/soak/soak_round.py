"""One round from beginning to end: fill, run, watch, judge."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from lab.soak.attempts import Attempt, Stuck
from lab.soak.bucket import OUTPUT, Bucket, BucketWatch
from lab.soak.checks import Spending, published_violations, spending_of
from lab.soak.data_set import texts_of
from lab.soak.misfortunes import Counts, Misfortunes
from lab.soak.round_plan import KEY, MAX_TOKENS, MODEL, PROMPT
from lab.soak.servers import simulated_api

if TYPE_CHECKING:
    from pathlib import Path

    from lab.soak.round_plan import Round
    from lab.soak.servers import ApiBooks

LOG_LINES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a round did, cost and broke.

    Attributes:
        leases: attempts that came so far as to ask for the right to pay.
    """

    seed: int
    rows: int
    counts: Counts
    leases: int
    spending: Spending
    looks: int
    elapsed_s: float
    violations: tuple[str, ...]

    def line(self) -> str:
        """Describe the result for a reader."""
        counts = self.counts
        return (
            f"seed {self.seed:<5} {self.rows:>4} rows  {counts.attempts} attempts  {self.leases} leases  "
            f"{counts.kills} kills  {counts.freezes} freezes  {counts.pauses} pauses  "
            f"{counts.twins} twins  {counts.terms} terms  {self.spending.twice:>3} paid twice of {self.spending.bound:>3}"
            f" allowed  {self.looks:>3} looks  {self.elapsed_s:4.1f} s  "
            f"{'FAILED' if self.violations else 'ok'}"
        )


def play(plan: Round, s3_url: str, folder: Path) -> Result:
    """Run a round against a running S3 server; its logs go to the folder."""
    started_s = time.perf_counter()
    texts = texts_of(plan)
    bucket = Bucket(s3_url, f"soak-{plan.seed}-{time.time_ns()}")
    bucket.fill(texts.files, row_group_rows=plan.row_group_rows)
    with simulated_api(plan.script, folder) as api:
        found, counts, watch = _run(plan, bucket, api, folder)
        bills = api.bills()
    spending = spending_of(
        bills,
        set(texts.prompts()),
        events=counts.at_risk_events,
        at_risk_rows=plan.times.at_risk_rows,
    )
    found += [*spending.violations, *watch.sightings.violations, *_leaks(folder)]
    found += published_violations(bucket, texts, bills)
    result = Result(
        seed=plan.seed,
        rows=plan.rows,
        counts=counts,
        leases=sum(
            "/lease/" in name and "/publication/" not in name for name in bucket.listing(OUTPUT)
        ),
        spending=spending,
        looks=watch.sightings.looks,
        elapsed_s=time.perf_counter() - started_s,
        violations=tuple(found),
    )
    bucket.close()
    return result


def _run(
    plan: Round, bucket: Bucket, api: ApiBooks, folder: Path
) -> tuple[list[str], Counts, BucketWatch]:
    """Play the round while it is watched; return the violations of its attempts."""
    with ExitStack() as owner:
        watch = owner.enter_context(BucketWatch(bucket))
        course = Misfortunes(
            plan,
            spawn=lambda number: Attempt(
                number,
                _order(plan, bucket, api.url),
                folder / f"attempt-{number}.log",
                owner,
            ),
            billed_calls=api.billed_calls,
        )
        try:
            course.run()
        except Stuck as error:
            return [str(error)], course.counts, watch
        return course.violations(), course.counts, watch


def _order(plan: Round, bucket: Bucket, api_url: str) -> dict[str, object]:
    settings = {**asdict(plan.times), "max_attempts": 20, "progress_interval_s": 1.0}
    return {
        "s3_url": bucket.endpoint_url,
        "api_url": api_url,
        "bucket": bucket.name,
        "key": KEY,
        "model": MODEL,
        "max_tokens": MAX_TOKENS,
        "prompt": PROMPT,
        "settings": settings,
    }


def _leaks(folder: Path) -> list[str]:
    logs = sorted(folder.glob("attempt-*.log"))
    return [f"{log.name} holds the key" for log in logs if KEY in log.read_text(encoding="utf-8")]


def tails(folder: Path) -> str:
    """Return the end of each log of a round."""
    return "\n".join(
        "\n".join([f"--- {log.name}", *log.read_text(encoding="utf-8").splitlines()[-LOG_LINES:]])
        for log in sorted(folder.glob("*.log"))
    )
