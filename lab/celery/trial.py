"""A scenario from beginning to end on a running site: fill, run, judge."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.celery import dag_run
from lab.celery.checks import bill_violations, published_ids
from lab.celery.scenarios import REQUEST_TIMEOUT_S
from lab.soak.bucket import Bucket
from lab.soak.checks import Spending, published_violations, spending_of
from lab.soak.data_set import texts_of
from lab.soak.round_plan import MAX_TOKENS, PROMPT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.celery.dag_run import Ended
    from lab.celery.scenarios import Scenario
    from lab.celery.site import Site
    from lab.soak.servers import ApiBooks

POOL = "aimlapi"
KILLED_AT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of a scenario.

    Attributes:
        calls_s: from the first call to the last. run_s: of the DAG run.
        throttled, requests: answers 429, and all. in_flight_peak: at the API, over all workers.
        violations: promises that were broken, in words.
    """

    scenario: Scenario
    calls_s: float
    run_s: float
    throttled: int
    requests: int
    in_flight_peak: int
    tries: int
    at_once: int
    memory_mb: float
    spending: Spending
    violations: tuple[str, ...]

    @property
    def rows_per_s(self) -> float:
        """Rows per second while calls were made."""
        return self.scenario.rows / self.calls_s


def play(scenario: Scenario, site: Site, api: ApiBooks, s3_url: str) -> Result:
    """Run a scenario."""
    texts = texts_of(scenario.data)
    bucket = Bucket(s3_url, f"{scenario.name}-{time.time_ns()}")
    bucket.fill(texts.files, row_group_rows=scenario.data.row_group_rows)
    site.set_workers(scenario.workers)
    site.rest.patch(
        f"/pools/{POOL}", {"name": POOL, "slots": scenario.slots, "include_deferred": False}
    )
    api.begin(scenario.script)
    watch = _Watch(scenario, site, api)
    ended = dag_run.play(site.rest, _conf(scenario, bucket.name), watch.look)
    bills, stats = api.bills(), api.stats()
    spending = spending_of(
        bills,
        set(texts.prompts()),
        events=watch.kills,
        at_risk_rows=scenario.data.times.at_risk_rows,
    )
    violations = [
        *spending.violations,
        *_run_violations(scenario, ended, kills=watch.kills),
        *published_violations(bucket, texts, bills),
        *bill_violations(ended.summary, api.charges_usd(), published_ids(bucket, texts)),
    ]
    bucket.close()
    return Result(
        scenario=scenario,
        calls_s=api.calls_took_s(),
        run_s=ended.elapsed_s,
        throttled=int(stats["statuses"].get("429", 0)),
        requests=int(stats["requests"]),
        in_flight_peak=int(stats["in_flight_peak"]),
        tries=sum(ended.tries),
        at_once=ended.at_once,
        memory_mb=watch.memory_mb,
        spending=spending,
        violations=tuple(violations),
    )


class _Watch:
    """What happens, and is seen, while the DAG run lasts."""

    def __init__(self, scenario: Scenario, site: Site, api: ApiBooks) -> None:
        self._scenario = scenario
        self._site = site
        self._api = api
        self.kills = 0
        self.memory_mb = 0.0

    def look(self) -> None:
        """Measure, and kill or change what is due."""
        paid = self._api.billed_calls() / self._scenario.rows
        if paid > KILLED_AT and not self.memory_mb:
            self.memory_mb = self._site.memory_mb()
        if self._scenario.is_killed and paid > KILLED_AT and not self.kills:
            self._site.kill_worker()
            self.kills += 1


def _conf(scenario: Scenario, bucket: str) -> dict[str, object]:
    return {
        "lake": f"s3://{bucket}",
        "prompt": PROMPT,
        "max_tokens": MAX_TOKENS,
        "request_timeout_s": REQUEST_TIMEOUT_S,
        "workers": scenario.workers,
        "max_concurrency": scenario.max_concurrency,
    }


def _run_violations(scenario: Scenario, ended: Ended, *, kills: int) -> Iterator[str]:
    if ended.state != "success":
        yield f"the DAG run ended as {ended.state} after {ended.elapsed_s:.0f} s"
    if ended.at_once != scenario.at_once_max and not kills:
        yield f"{ended.at_once} shares were worked on at a time, not {scenario.at_once_max}"
    if scenario.is_killed and max(ended.tries, default=0) < 2:
        yield "no share was tried again, so that the kill struck none"
