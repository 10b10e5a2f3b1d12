"""The OpenTelemetry span around a run: the one home of its API. Starts no tracer and exports nothing.

Without a tracer provider, which Airflow sets up when its traces are on, no span is recorded.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.context import Context as TraceContext

    from airflow_provider_aimlapi.operators.telemetry.observation import Observation

SPAN = "aimlapi.run"


@contextmanager
def run_span(context: Mapping[str, Any], seen: Observation) -> Iterator[None]:
    """Around a try: a span below the task's, with what is known of the run at its end.

    An error is told by its kind alone: its words may be the API's, and those may repeat a prompt.
    """
    tracer = trace.get_tracer("airflow_provider_aimlapi")
    with tracer.start_as_current_span(
        SPAN,
        context=_parent(context),
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except BaseException as error:
            kind = type(error).__name__
            span.set_attribute("error.type", kind)
            span.set_status(Status(StatusCode.ERROR, kind))
            raise
        finally:
            if span.is_recording():
                span.set_attributes(
                    {f"aimlapi.{name}": fact for name, fact in seen.facts().items()}
                )


def _parent(context: Mapping[str, Any]) -> TraceContext | None:
    """None for the current span, which is the task's from Airflow 3.2 on; before, a carrier has it."""
    carrier = getattr(context.get("ti"), "context_carrier", None)
    if not carrier or trace.get_current_span().get_span_context().is_valid:
        return None
    return TraceContextTextMapPropagator().extract(carrier)
