"""Run the engine for callers without an event loop: its loop has a thread of its own.

The calling thread waits, so that its signal handlers and time-outs act at once.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_aimlapi.api.account import fetch_account
from airflow_provider_aimlapi.api.client import CompletionClient
from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.api.messages.wire import RequestEncoder
from airflow_provider_aimlapi.api.price_list import fetch_prices
from airflow_provider_aimlapi.core.arrival.first_answers import ArrivalCheck
from airflow_provider_aimlapi.core.calls.answer_form import forms_of
from airflow_provider_aimlapi.engine.calls.descriptors import fit_to_descriptors
from airflow_provider_aimlapi.engine.calls.single import complete_body
from airflow_provider_aimlapi.engine.calls.typed.single_typed import complete_typed
from airflow_provider_aimlapi.engine.estimate.inquiry import estimate_run
from airflow_provider_aimlapi.engine.prepare import prepare_run
from airflow_provider_aimlapi.engine.replaced_run import warn_of_replaced
from airflow_provider_aimlapi.engine.request_maker import log_assumption, log_form
from airflow_provider_aimlapi.engine.run import run
from airflow_provider_aimlapi.engine.runtime.clock import SystemClock
from airflow_provider_aimlapi.engine.runtime.event_loop import new_event_loop
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.engine.world import World
from airflow_provider_aimlapi.errors import AimlapiError
from airflow_provider_aimlapi.page.report import render_report
from airflow_provider_aimlapi.storage.runs.progress_object import ProgressObject
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence

    from airflow_provider_aimlapi.api.account import Account
    from airflow_provider_aimlapi.core.calls.completion import Completion
    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
    from airflow_provider_aimlapi.core.calls.message import ExampleTurn, Message
    from airflow_provider_aimlapi.core.calls.request import CompletionSpec
    from airflow_provider_aimlapi.core.durable.keys import RunNames
    from airflow_provider_aimlapi.core.money.estimate_report import Estimate
    from airflow_provider_aimlapi.core.money.pricing import TokenPrices
    from airflow_provider_aimlapi.core.reporting.lineage import Lineage
    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary
    from airflow_provider_aimlapi.core.reporting.task_facts import TaskFacts
    from airflow_provider_aimlapi.engine.calls.typed.single_typed import Send, Typed
    from airflow_provider_aimlapi.engine.estimate.inquiry import Inquiry
    from airflow_provider_aimlapi.engine.job import Job
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.engine.world import ProgressSink
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

T = TypeVar("T")

# A host that has accepted no connection by then is down. The call fails, and its row waits without
# a permit.
CONNECT_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """Where an attempt reports.

    Attributes:
        open_sink: opens the sink for progress: an object beside the output, or another one.
        task: the task instance that the report names; None for none.
    """

    open_sink: Callable[[ObjectStore, RunNames], ProgressSink] = ProgressObject
    task: TaskFacts | None = None

    def added_to(self, world: World) -> World:
        """Return an environment that reports here."""
        report = partial(render_report, task=self.task)
        return replace(world, open_sink=self.open_sink, render_report=report)


def run_job(
    job: Job,
    settings: Settings,
    *,
    share: int | None = None,
    stop: StopSignal | None = None,
    page: RunPage | None = None,
    emit_lineage: Callable[[Lineage], None] = lambda _lineage: None,
) -> RunSummary:
    """Run a job to its end.

    Args:
        share: process the rows of this share only, and do not publish; None for the whole run.
        stop: a request for a clean end, made by another thread.
        page: where progress and report go; None for an object beside the output.
        emit_lineage: called once, when the run may start, with what it reads and adds.

    Raises:
        AimlapiError: see `errors`; what was paid for is kept.
    """
    settings = fit_to_descriptors(settings)
    quiet = _real_world(job, settings, stop)
    world = (page or RunPage()).added_to(replace(quiet, emit_lineage=emit_lineage))
    return _in_own_thread(lambda: run(job, settings, world, share), world.stop.request_stop)


def plan_job(job: Job, settings: Settings, workers: int, *, stop: StopSignal | None = None) -> int:
    """Store a job's plan, divided for this number of workers, and make no call.

    Returns:
        The number of shares. A plan that was stored before stays; a published run has 1.

    Raises:
        AimlapiError: as for a run, before its first call.
    """
    world = _real_world(job, settings, stop)

    async def store_plan() -> int:
        check = world.stop.raise_if_requested
        prepared = await world.scan(
            prepare_run, job, world.open_store, world.clock, workers=workers, check=check
        )
        await warn_of_replaced(prepared.replaced, world)
        return 1 if prepared.manifest is not None else len(prepared.plan.shares)

    return _in_own_thread(store_plan, world.stop.request_stop)


def estimate_job(
    job: Job,
    settings: Settings,
    inquiry: Inquiry,
    *,
    stop: StopSignal | None = None,
    page: RunPage | None = None,
) -> Estimate:
    """Return what a job will probably cost. Only a paid sample writes or spends anything.

    Args:
        page: where progress and report of a paid sample go; None for an object beside the output.

    Raises:
        AimlapiError: see `engine.estimate.inquiry`.
    """
    settings = fit_to_descriptors(settings)
    world = (page or RunPage()).added_to(_real_world(job, settings, stop))

    async def make_estimate() -> Estimate:
        return await estimate_run(
            job, settings, inquiry, world, ask_account=lambda: ask_account(job.endpoint)
        )

    return _in_own_thread(make_estimate, world.stop.request_stop)


def _real_world(job: Job, settings: Settings, stop: StopSignal | None) -> World:
    """Return the real environment, without a sink for progress."""
    return World(
        clock=SystemClock(),
        random=Random(secrets.randbits(64)),  # noqa: S311  # jitter, not secrecy
        open_client=lambda: open_client(job.endpoint, settings, is_streaming=job.completion.stream),
        ask_prices=lambda model: ask_prices(job.endpoint, model),
        ask_account=lambda: ask_account(job.endpoint),
        open_store=lambda location: FsspecStore(location.fs, location.path),
        stop=stop or StopSignal(),
    )


def complete_one(
    endpoint: Endpoint,
    spec: CompletionSpec,
    message: Message,
    settings: Settings,
    *,
    examples: Sequence[ExampleTurn] = (),
) -> Completion:
    """Return one completion, with the retry rules of a run.

    Raises:
        ApiError: there will be none; the class says who must act.
        InstructionsDropped: the answer was certainly made without the system text.
    """
    log_assumption(spec.model)
    body = RequestEncoder(spec, examples).encode_request(message)
    completion = _complete_in_thread(endpoint, spec, settings, lambda send: send(body))
    check_arrival(spec, message, settings)(body, completion)
    return completion


def complete_one_typed(
    endpoint: Endpoint,
    spec: CompletionSpec,
    message: Message,
    settings: Settings,
    typed: Typed,
    *,
    examples: Sequence[ExampleTurn] = (),
) -> Completion:
    """Return one completion whose text follows a schema.

    Raises:
        AnswerInvalid: it does not follow the schema after all repairs.
        ApiError: there will be none; the class says who must act.
        InstructionsDropped: the answer was certainly made without the system text.
    """
    log_assumption(spec.model)
    forms = forms_of(spec, typed.validator.schema.canonical_json)
    log_form(forms[0].name)
    encoders = [RequestEncoder(spec, examples, form) for form in forms]
    check = check_arrival(spec, message, settings)
    return _complete_in_thread(
        endpoint,
        spec,
        settings,
        lambda send: complete_typed(send, message, encoders, typed, check_first=check),
    )


def check_arrival(
    spec: CompletionSpec, message: Message, settings: Settings
) -> Callable[[bytes, Completion], None]:
    """Return a check of the first answer to a request. It raises InstructionsDropped."""
    check = ArrivalCheck(
        model=spec.model, is_open=settings.check_arrival and any(message.system or ())
    )

    def check_first(body: bytes, completion: Completion) -> None:
        if check.is_open:
            check.note_answer(body, completion)
            check.judge_and_close()
        if check.error_to_raise is not None:
            raise check.error_to_raise

    return check_first


def _complete_in_thread(
    endpoint: Endpoint,
    spec: CompletionSpec,
    settings: Settings,
    make_calls: Callable[[Send], Awaitable[Completion]],
) -> Completion:
    """Return the completion of single calls, which a thread of their own makes."""
    stop = StopSignal()

    async def make_all_calls() -> Completion:
        async with open_client(endpoint, settings, is_streaming=spec.stream) as client:
            random = Random(secrets.randbits(64))  # noqa: S311  # jitter, not secrecy
            wall_us = SystemClock().wall_us

            async def send_body(body: bytes) -> Completion:
                return await complete_body(client, body, settings, random, stop, wall_us=wall_us)

            return await make_calls(send_body)

    return _in_own_thread(make_all_calls, stop.request_stop)


@asynccontextmanager
async def open_client(
    endpoint: Endpoint, settings: Settings, *, is_streaming: bool
) -> AsyncIterator[CompletionClient]:
    """Open a client with one connection for each call in flight."""
    transport = open_transport(
        connections_max=settings.max_concurrency,
        route=endpoint.route,
        connect_timeout_s=min(CONNECT_TIMEOUT_S, settings.request_timeout_s),
    )
    async with CompletionClient(
        endpoint,
        transport=transport,
        request_timeout_s=settings.request_timeout_s,
        is_streaming=is_streaming,
    ) as client:
        yield client


async def ask_prices(endpoint: Endpoint, model: str) -> TokenPrices | None:
    """Fetch a model's prices over a connection of its own; see `api.price_list`."""
    async with open_transport(connections_max=1, route=endpoint.route) as transport:
        return await fetch_prices(endpoint, transport, model)


async def ask_account(endpoint: Endpoint) -> Account:
    """Fetch balance and key over a connection of its own; see `api.account`."""
    async with open_transport(connections_max=1, route=endpoint.route) as transport:
        return await fetch_account(endpoint, transport)


def _in_own_thread(work: Callable[[], Coroutine[None, None, T]], stop: Callable[[], None]) -> T:
    """Run a coroutine on a loop in a new thread and wait for it.

    If an exception reaches the waiting thread, such as Airflow's task time-out, request a stop, wait
    until the work has ended, and raise the exception.

    The wait uses an event, because before Python 3.13 a `join` that an exception interrupts marks the
    thread as ended, and later ones return at once.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    ended = threading.Event()

    def run_loop() -> None:
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                results.append(runner.run(work()))
        except BaseException as error:  # noqa: BLE001  # raised in the waiting thread
            errors.append(_unwrapped_error(error))
        finally:
            ended.set()

    thread = threading.Thread(target=run_loop, name="aimlapi-engine")
    try:
        thread.start()
        ended.wait()
    except BaseException:
        stop()
        # A thread that could not be started never ends the wait.
        if thread.ident is not None:
            ended.wait()
        raise
    if errors:
        raise errors[0]
    return results[0]


def _unwrapped_error(error: BaseException) -> BaseException:
    """Return the first of our errors in a TaskGroup's group; else the group."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    # A group wraps even a single error, and callers catch errors by their class.
    for inner in map(_unwrapped_error, error.exceptions):
        if isinstance(inner, AimlapiError):
            return inner
    return error
