"""Scenarios for bugs that random seeds find too rarely. Each passes unless its bug is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.core.calls.completion import CallRecord
from airflow_provider_aimlapi.core.durable.journal import answer_record, encode_segment
from airflow_provider_aimlapi.core.durable.keys import RunNames
from lab.simulation import failing_scenarios
from lab.simulation.dataset_shapes import Shape
from lab.simulation.merging_bugs import MERGING_SCENARIOS
from lab.simulation.scenario import Attempt, Scenario, Trouble, settings_for
from lab.simulation.simulation import Simulation
from lab.simulation.weather import Refusal, Weather

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPE = Shape(rows=(24, 6))
SEEDS = 12
FOREIGN = b'{"choices": [{"message": {"content": "Of another question."}}]}'


def outage_after_a_twin_began(seed: int) -> tuple[str, ...]:
    """Cut off the store while the newer attempt waits and the older one has much unflushed.

    When it is back it is read before it is written, so that the newer one looks first.
    """
    read_only = Refusal(during=(60.0, 70.0), operations="write .*/heartbeat/|create .*/journal/")
    scenario = Scenario(
        seed=seed,
        shape=SHAPE,
        settings=settings_for(SHAPE, request_timeout_s=10.0, lease_ttl_s=12.0),
        weather=Weather(
            outages=((3.0, 60.0),),
            store_refusals=(read_only,),
            store_timeout_s=2.0,
            api_latency_s=4.0,
        ),
        attempts=(Attempt(twin_after_s=2.1), Attempt()),
    )
    return Simulation(scenario).run().violations


def nothing_can_be_written_while_a_twin_waits(seed: int) -> tuple[str, ...]:
    """Let the newer attempt read, while the older one can write neither heartbeats nor answers."""
    shape = Shape(rows=(100,))
    settings = settings_for(shape)
    lasts_s = 2 * settings.lease_times.silence_s
    read_only = Refusal(during=(4.0, 4.0 + lasts_s), operations="^(write|create) ")
    scenario = Scenario(
        seed=seed,
        shape=shape,
        settings=settings,
        weather=Weather(store_refusals=(read_only,)),
        attempts=(Attempt(twin_after_s=3.0), Attempt()),
    )
    return Simulation(scenario).run().violations


def heartbeats_of_the_elder_are_refused_for_a_while(seed: int) -> tuple[str, ...]:
    """Refuse heartbeats for less time than the right to pay lasts, while a twin waits."""
    shape = Shape(rows=(100,))
    refused = Refusal(during=(4.0, 12.0), operations="write .*/heartbeat/00000001")
    scenario = Scenario(
        seed=seed,
        shape=shape,
        settings=settings_for(shape),
        weather=Weather(store_refusals=(refused,)),
        attempts=(Attempt(twin_after_s=3.0), Attempt()),
    )
    return Simulation(scenario).run().violations


def outage_while_segments_are_written(seed: int) -> tuple[str, ...]:
    """Cut off the store for a minute, so that it is unknown which segments were created."""
    scenario = Scenario(
        seed=seed,
        shape=SHAPE,
        settings=settings_for(SHAPE),
        weather=Weather(outages=((2.0, 62.0),), store_timeout_s=2.0),
        attempts=(Attempt(),),
    )
    return Simulation(scenario).run().violations


def answer_to_another_question(seed: int) -> tuple[str, ...]:
    """Put an answer to another request into the journal, as if the input had changed."""
    scenario = Scenario(
        seed=seed,
        shape=SHAPE,
        settings=settings_for(SHAPE),
        attempts=(Attempt(troubles=(Trouble(kind="kill", at_operation=1, named="/heartbeat/"),)),),
    )
    simulation = Simulation(scenario)
    simulation.scheduler.after(1.0, lambda: _plant(simulation))
    return simulation.run().violations


def frozen_with_the_answer_on_its_way(seed: int) -> tuple[str, ...]:
    """Freeze an attempt between a heartbeat and its answer, while a newer attempt starts."""
    fifth = Trouble(kind="freeze", at_operation=5, named="/lease/", duration_s=100.0)
    scenario = Scenario(
        seed=seed,
        shape=SHAPE,
        settings=settings_for(SHAPE),
        weather=Weather(api_latency_s=8.0),
        attempts=(Attempt(troubles=(fifth,), twin_after_s=5.0),),
    )
    return Simulation(scenario).run().violations


def frozen_in_the_middle(seed: int) -> tuple[str, ...]:
    """Freeze an attempt with rows left until a newer attempt has sent them all."""
    freeze = Trouble(kind="freeze", at_operation=10, named="call", duration_s=150.0)
    scenario = Scenario(
        seed=seed,
        shape=SHAPE,
        settings=settings_for(SHAPE),
        attempts=(Attempt(troubles=(freeze,), twin_after_s=8.0),),
    )
    return Simulation(scenario).run().violations


def suspended_in_the_middle(seed: int) -> tuple[str, ...]:
    """Suspend an attempt's machine until a newer attempt sends the rows that are left."""
    shape = Shape(rows=(100,))
    suspended = Trouble(kind="suspend", at_operation=20, named="call", duration_s=90.0)
    scenario = Scenario(
        seed=seed,
        shape=shape,
        settings=settings_for(shape),
        attempts=(Attempt(troubles=(suspended,), twin_after_s=30.0),),
    )
    return Simulation(scenario).run().violations


def superseded_while_no_segment_can_be_written(seed: int) -> tuple[str, ...]:
    """Refuse segments for longer than a silence, so that only paid answers keep the attempt alive."""
    no_journal = Refusal(during=(4.0, 90.0), operations="create .*/journal/")
    shape = Shape(rows=(100,))
    scenario = Scenario(
        seed=seed,
        shape=shape,
        settings=settings_for(shape),
        weather=Weather(store_refusals=(no_journal,)),
        attempts=(Attempt(twin_after_s=5.0), Attempt()),
    )
    return Simulation(scenario).run().violations


def tidied_away_while_it_is_read(seed: int) -> tuple[str, ...]:
    """Wake an older attempt, which publishes between two listings of a newer, frozen one."""
    shape = Shape(rows=(12,))
    writing_its_part = Trouble(kind="freeze", at_operation=2, named="/parts/", duration_s=60.0)
    listing = Trouble(kind="freeze", at_operation=1, named="/parts/", duration_s=60.0)
    scenario = Scenario(
        seed=seed,
        shape=shape,
        settings=settings_for(shape),
        weather=Weather(store_dawdling=0.5),
        attempts=(
            Attempt(troubles=(writing_its_part,), twin_after_s=10.0),
            Attempt(troubles=(listing,)),
        ),
    )
    return Simulation(scenario).run().violations


def stopped_with_a_heartbeat_on_its_way(seed: int) -> tuple[str, ...]:
    """Stop an attempt whose calls all fail while its last heartbeat travels slowly."""
    stopped = Attempt(troubles=(Trouble(kind="stop", at_operation=4, named="/heartbeat/"),))
    scenario = Scenario(
        seed=seed,
        shape=SHAPE,
        settings=settings_for(SHAPE, max_attempts=100),
        weather=Weather(store_slow=1.0, store_timeout_s=10.0, api_failed=1.0),
        attempts=(stopped,),
    )
    return Simulation(scenario).run().violations


def rejections_in_a_part_of_an_earlier_attempt(seed: int) -> tuple[str, ...]:
    """Two in each part and three allowed: nothing may be published, however many attempts."""
    shape = Shape(rows=(4, 4), poison=frozenset({0, 1, 4, 5}))
    killed = Trouble(kind="kill", at_operation=12, named="create _aimlapi", is_landing=True)
    scenario = Scenario(
        seed=seed,
        shape=shape,
        settings=settings_for(shape, max_rejected_rows=3, max_concurrency=1),
        attempts=(Attempt(troubles=(killed,)),),
    )
    violations = Simulation(scenario).run().violations
    return tuple(violation for violation in violations if "rejected rows are" in violation)


def a_firewall_refuses_a_row(seed: int) -> tuple[str, ...]:
    """Refuse one row, at any position. All other rows must be published by the first attempt."""
    shape = Shape(rows=(12, 8), forbidden=frozenset({seed}))
    scenario = Scenario(seed=seed, shape=shape, settings=settings_for(shape), attempts=(Attempt(),))
    return Simulation(scenario).run().violations


def a_key_is_revoked_while_rows_are_refused(seed: int) -> tuple[str, ...]:
    """Refuse all rows for a while and three for ever. `max_rejected_rows` would allow them all."""
    shape = Shape(rows=(40, 20), forbidden=frozenset({seed, 30, 59}))
    scenario = Scenario(
        seed=seed,
        shape=shape,
        settings=settings_for(shape, max_rejected_rows=60),
        weather=Weather(refusals=((2.0 + seed / 4, 20.0),)),
        attempts=(Attempt(), Attempt()),
    )
    return Simulation(scenario).run().violations


def neighbours_are_refused(seed: int) -> tuple[str, ...]:
    """Refuse two neighbours, so that each is the only row to compare the other with."""
    shape = Shape(rows=(24,), forbidden=frozenset({seed, seed + 1}))
    scenario = Scenario(
        seed=seed,
        shape=shape,
        settings=settings_for(shape, max_concurrency=1),
        attempts=(Attempt(),),
    )
    return Simulation(scenario).run().violations


def an_older_part_comes_while_a_newer_attempt_journals(seed: int) -> tuple[str, ...]:
    """Freeze an attempt with all answers but no segment, before it writes its part."""
    shape = Shape(rows=(8,))
    no_journal = Refusal(during=(0.0, 35.0), operations="create .*/journal/")
    duration_s = 22.0 + 1.2 * seed
    frozen = Trouble(
        kind="freeze", at_operation=2, named="/parts/", duration_s=duration_s, is_landing=False
    )
    scenario = Scenario(
        seed=seed,
        shape=shape,
        settings=settings_for(shape, max_concurrency=4, request_timeout_s=10.0),
        weather=Weather(store_refusals=(no_journal,), api_latency_s=8.0),
        attempts=(Attempt(troubles=(frozen,), twin_after_s=20.0),),
    )
    return Simulation(scenario).run().violations


def rejected_rows_are_answered_after_their_part(seed: int) -> tuple[str, ...]:
    """Kill the second attempt after it has sent rows of a durable part, before it writes the edition."""
    shape = Shape(rows=(6, 18))
    with_its_part = Trouble(kind="kill", at_operation=2, named="/parts/", is_landing=True)
    later = Trouble(kind="kill", at_operation=3, named="/journal/", is_landing=True)
    scenario = Scenario(
        seed=seed,
        shape=shape,
        settings=settings_for(shape, max_attempts=1, max_rejected_rows=24, retry_rejected=True),
        weather=Weather(api_failed=0.5),
        attempts=(Attempt(troubles=(with_its_part,)), Attempt(troubles=(later,))),
    )
    return Simulation(scenario).run().violations


def _plant(simulation: Simulation) -> None:
    """Write a segment as an earlier attempt could have, unseen by the running one."""
    record = answer_record(
        Answer(status=200, content_type="application/json", body=FOREIGN, inference_id="foreign"),
        CallRecord(row=3, request_hash="0" * 64, attempts=1, completed_at_us=1),
    )
    plan = next(name for name in simulation.objects.objects if name.endswith("/plan.json"))
    name = RunNames(run_key=plan.split("/")[1]).segment_name(0, 1, 0)
    assert simulation.objects.create(name, encode_segment([record]))


DIRECTED: dict[str, Callable[[int], tuple[str, ...]]] = {
    "the right is counted from the heartbeat's answer": frozen_with_the_answer_on_its_way,
    "parts are listed before the journal": tidied_away_while_it_is_read,
    "the keeper is cancelled": stopped_with_a_heartbeat_on_its_way,
    "rejections are counted afresh": rejections_in_a_part_of_an_earlier_attempt,
    "an outage expires a lease": outage_after_a_twin_began,
    "looks are counted": nothing_can_be_written_while_a_twin_waits,
    "LastModified is trusted": outage_after_a_twin_began,
    "a silence is shorter than the right": heartbeats_of_the_elder_are_refused_for_a_while,
    "no fence check": frozen_in_the_middle,
    "the right is measured by a clock that a suspended machine stops": suspended_in_the_middle,
    "silent during the drain": superseded_while_no_segment_can_be_written,
    "a heartbeat that looks for nobody": frozen_in_the_middle,
    "no back-pressure": outage_while_segments_are_written,
    "acknowledged before the flush": outage_while_segments_are_written,
    "an unclear segment counts as another's": outage_while_segments_are_written,
    "the hash is not compared": answer_to_another_question,
    "a journal stays once the parts are in place": frozen_in_the_middle,
    "segments of newer epochs are deleted": an_older_part_comes_while_a_newer_attempt_journals,
    "segments of newer epochs are taken for old": rejected_rows_are_answered_after_their_part,
    "one refused row ends the run": a_firewall_refuses_a_row,
    "a refusal is always the row's own": a_key_is_revoked_while_rows_are_refused,
    "an undecided refusal is forgotten": neighbours_are_refused,
    "every failure counts": failing_scenarios.an_outage_at_the_end,
    "failures before an answer count after any pause": failing_scenarios.an_outage_within_one_try,
    "a row is given up at the first stall": failing_scenarios.an_outage_at_the_end,
    "no row is ever given up": failing_scenarios.only_failing_rows_are_left,
    "failures of earlier attempts are forgotten": failing_scenarios.a_parked_run_has_failing_rows,
    "unreadable answers are counted anew": failing_scenarios.a_row_is_always_a_page,
    "a slow answer is a silence": failing_scenarios.one_slow_answer_at_a_time,
    "time in which no call is allowed is a silence": failing_scenarios.no_call_is_allowed,
    "a stall ends calls in flight": failing_scenarios.answers_take_minutes,
    "the first answers are the opening": failing_scenarios.refusals_overtake_answers,
    **MERGING_SCENARIOS,
}
"""The scenario for each bug."""


def directed(name: str) -> tuple[str, ...]:
    """Return the violations of a bug's scenario, with the first seed that has any."""
    for seed in range(SEEDS):
        violations = DIRECTED[name](seed)
        if violations:
            return violations
    return ()
