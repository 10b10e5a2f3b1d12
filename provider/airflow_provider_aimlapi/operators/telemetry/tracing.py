"""The OpenTelemetry span around a run. The only module that imports OpenTelemetry's API.

It starts no tracer and exports nothing. Airflow sets up a tracer provider when its traces are on.
Without one no span is recorded.
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
    """Record a try as a span below the task's span, with the run's facts at its end.

    An error is recorded by its type alone, because its text may quote the API, which may repeat a
    prompt.
    """
    # OpenTelemetry would record the error's text by itself, so its two switches are off.
    tracer = trace.get_tracer("airflow_provider_aimlapi")
    with tracer.start_as_current_span(
        SPAN,
        context=_find_parent(context),
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
                    {f"aimlapi.{name}": fact for name, fact in seen.facts_of_try().items()}
                )


def _find_parent(context: Mapping[str, Any]) -> TraceContext | None:
    """Return the context of the task's span; None if that span is the current one.

    From Airflow 3.2 on it is the current one. Before, the task instance carries it.
    """
    carrier = getattr(context.get("ti"), "context_carrier", None)
    if not carrier or trace.get_current_span().get_span_context().is_valid:
        return None
    return TraceContextTextMapPropagator().extract(carrier)
