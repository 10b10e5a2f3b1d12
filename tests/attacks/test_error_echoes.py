"""No text of a row and no key leaves by a sink, whatever the API says, in whatever disguise.

A sink is where people look who may not read the data: a log, an exception, a page, a report, an
event, a span, a metric, an XCom, a terminal. The API's own words stay in `completion_info.error`.
"""

from __future__ import annotations

import itertools
import json
import logging
import traceback
import warnings
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.api.messages.error_answers import error_of
from airflow_provider_aimlapi.api.messages.error_messages import tidy_line
from airflow_provider_aimlapi.api.messages.key_removal import KeyRemoval
from airflow_provider_aimlapi.api.messages.wire import decode_answer
from airflow_provider_aimlapi.commands.entry import main
from airflow_provider_aimlapi.errors import ApiError
from tests.attacks.echoes import (
    BODIES,
    DISGUISES,
    HALTING,
    ODD,
    REFUSED,
    UNAVAILABLE,
    error_reply,
    found_in,
    letters,
    traces,
    unusable_replies,
)
from tests.fakes.echoing_api import Reply, echoing, good

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

SECRET = "Quizzaciously Vexilloid 481516"
KEY = "sk-Zq81LmVx0Aw7RtYp2Ks9Bn4cUd"
PIECES = traces(SECRET) | traces(KEY)
PROMPT = "Sort this ticket:\n\n{body}"
MODEL = "anthropic/claude-sonnet-4-6-20260218"
BODY = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": SECRET}]}).encode()
STATUSES = (*REFUSED, *HALTING, *UNAVAILABLE, *ODD)
KEY_SPELLINGS_KNOWN = frozenset(DISGUISES) - {
    "base32", "binary", "codes", "full width", "rot13", "among other words", "in pairs",
}  # fmt: skip
"""Those that are taken out of the rows' own record, too."""


def said_of(disguise: str, prompt: str = SECRET, key: str = KEY) -> str:
    hide = DISGUISES[disguise]
    return f"Invalid value: {hide(prompt)} for key {hide(key)}"


@pytest.mark.parametrize("place", BODIES)
@pytest.mark.parametrize("disguise", DISGUISES)
def test_error_text_holds_nothing_of_an_echo(disguise: str, place: str) -> None:
    for status in STATUSES:
        reply = error_reply(status, place, said_of(disguise))
        body = KeyRemoval(KEY).clean_error(reply.body)
        error = error_of(Answer(status=status, body=body), BODY)
        assert found_in(f"{error} {error!r} {error.args}", PIECES) == []


@pytest.mark.parametrize("disguise", DISGUISES)
def test_unusable_answer_is_told_without_an_echo(disguise: str) -> None:
    for name, reply in unusable_replies(said_of(disguise)):
        if name == "unknown encoding":
            continue  # the exchange refuses it before it is read
        kind = reply.headers.get("Content-Type", "")
        with pytest.raises(ApiError) as failed:
            decode_answer(Answer(status=200, content_type=kind, body=reply.body), BODY)
        assert found_in(f"{failed.value} {failed.value!r}", PIECES) == [], name


class AssetEvents(dict[Any, Any]):
    """Stands for Airflow's: an extra for each outlet that is asked for."""

    def __missing__(self, outlet: object) -> Any:
        self[outlet] = type("Event", (), {"extra": {}})()
        return self[outlet]


class Sinks:
    """Runs a task over rows with a secret, and gathers whatever it tells the world."""

    def __init__(
        self,
        folder: Path,
        spans: InMemorySpanExporter,
        metrics: list[str],
        caplog: pytest.LogCaptureFixture,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self.output = folder / "out"
        self._folder, self._spans, self._metrics = folder, spans, metrics
        self._caplog, self._capsys = caplog, capsys

    def run(self, rows: list[str], **arguments: Any) -> dict[str, str]:
        """What each sink was told by a try of the task."""
        from airflow.sdk import Asset

        from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

        (self._folder / "in").mkdir(exist_ok=True)
        pq.write_table(pa.table({"body": rows}), self._folder / "in" / "a.parquet")
        usual: dict[str, Any] = {
            "prompt": PROMPT,
            "max_concurrency": 1,
            "max_attempts": 1,
            "stall_timeout_s": 0.1,
        }
        operator = ClaudeCompletionOperator(
            task_id="echo",
            input_path=str(self._folder / "in"),
            output_path=str(self.output),
            aimlapi_conn_id="echo",
            outlets=[Asset("answers", uri="s3://lake/answers")],
            **(usual | arguments),
        )
        told: dict[str, str] = {}
        context: Any = {"outlet_events": AssetEvents()}
        try:
            told["xcom"] = json.dumps(operator.execute(context))
        except Exception as error:  # noqa: BLE001  # whatever it raises is looked through
            told["error"] = "\n".join(all_of(error))
        told["facets"] = repr(operator.get_openlineage_facets_on_failure(None))
        told["assets"] = repr([event.extra for event in context["outlet_events"].values()])
        return told | self.gathered()

    def gathered(self) -> dict[str, str]:
        """What was logged, printed, sent and written since the last time."""
        files = [path for path in self.output.rglob("*") if path.is_file()]
        told = {
            "log": self._caplog.text,
            "printed": "".join(self._capsys.readouterr()),
            "spans": "\n".join(span.to_json() for span in self._spans.get_finished_spans()),
            "metrics": "\n".join(self._metrics),
        } | {
            str(path.relative_to(self.output)): path.read_text(encoding="utf-8", errors="replace")
            for path in files
            if path.suffix != ".parquet" and "journal" not in path.parts
        }
        self._caplog.clear()
        self._spans.clear()
        self._metrics.clear()
        return told

    def errors_of_rows(self) -> list[str | None]:
        """`completion_info.error` of the published rows."""
        (part,) = self.output.glob("*.parquet")
        return [info["error"] for info in pq.read_table(part)["completion_info"].to_pylist()]


def all_of(error: BaseException | None) -> Iterator[str]:
    """An error as Airflow shows it, and each link of its chain, shown or not."""
    if error is not None:
        yield "".join(traceback.format_exception(error))
    while error is not None:
        yield f"{error} {error!r} {error.args} {getattr(error, '__notes__', '')}"
        if error.__context__ is not None and error.__context__ is not error.__cause__:
            yield from all_of(error.__context__)
        error = error.__cause__


def check(told: dict[str, str]) -> None:
    """No sink holds a piece of the row or of the key; that each was filled is seen, too."""
    leaks = {sink: found for sink, text in told.items() if (found := found_in(text, PIECES))}
    assert leaks == {}


@pytest.fixture
def sinks(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> Sinks:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a first import of Airflow says
        from airflow_provider_aimlapi.operators.telemetry import metrics
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from airflow_provider_aimlapi.engine.calls import failed_rows, judge, single

    sent: list[str] = []
    stats: Any = type(
        "Stats",
        (),
        {name: staticmethod(lambda *a, **k: sent.append(f"{a} {k}")) for name in ("incr", "gauge")},
    )
    monkeypatch.setattr(metrics, "Stats", stats)
    for module in (failed_rows, judge, single):
        monkeypatch.setattr(module, "retry_delay_s", lambda *_, **__: 0.0)
    for pause in ("BILLED_PAUSE_S", "PAUSE_S", "REST_S"):
        monkeypatch.setattr(failed_rows, pause, 0.01)
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    caplog.set_level(logging.DEBUG)
    return Sinks(tmp_path, exporter, sent, caplog, capsys)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Starts an API that answers so, and points connection and commands at it; gives back its URL."""
    with ExitStack() as started:

        def start(reply: Callable[[str, str], Reply]) -> str:
            url = started.enter_context(echoing(reply)).url
            connection = {"conn_type": "aimlapi", "host": url, "password": KEY}
            monkeypatch.setenv("AIRFLOW_CONN_ECHO", json.dumps(connection))
            monkeypatch.setenv("AIMLAPI_KEY", KEY)
            return url

        yield start


def rotating(statuses: tuple[int, ...]) -> list[tuple[int, str, str]]:
    """Each status with a place and a disguise, so that all places and disguises come up."""
    places, disguises = itertools.cycle(BODIES), itertools.cycle(DISGUISES)
    return [(status, next(places), next(disguises)) for status in statuses]


CROSSED = [
    (status, place, disguise)
    for (place, disguise) in itertools.product(BODIES, DISGUISES)
    for status in (400, 403, 500)
]


def run_and_check(
    sinks: Sinks, serve: Callable[..., str], status: int, place: str, disguise: str
) -> None:
    serve(lambda prompt, key: error_reply(status, place, said_of(disguise, prompt or SECRET, key)))
    told = sinks.run([SECRET, f"{SECRET} again"])
    check(told)
    assert f"HTTP {status}" in told["error"] + told["log"]
    assert {"log", "spans", "metrics", "facets", "error"} <= set(told)
    assert "aimlapi.run" in told["spans"]
    assert [name for name in told if name.endswith("progress.json")]
    assert [name for name in told if name.endswith("report.html")]


@pytest.mark.parametrize(("status", "place", "disguise"), rotating(STATUSES))
def test_failed_run_tells_no_sink_of_the_row(
    sinks: Sinks, serve: Callable[..., str], status: int, place: str, disguise: str
) -> None:
    run_and_check(sinks, serve, status, place, disguise)


@pytest.mark.attack
@pytest.mark.parametrize(("status", "place", "disguise"), CROSSED)
def test_failed_run_shows_no_row_text_in_any_sink(
    sinks: Sinks, serve: Callable[..., str], status: int, place: str, disguise: str
) -> None:
    run_and_check(sinks, serve, status, place, disguise)


@pytest.mark.parametrize("number", range(len(list(unusable_replies("")))))
def test_unusable_answers_tell_no_sink_of_the_row(
    sinks: Sinks, serve: Callable[..., str], number: int
) -> None:
    disguise = list(DISGUISES)[number]
    serve(lambda prompt, key: list(unusable_replies(said_of(disguise, prompt, key)))[number][1])
    told = sinks.run([SECRET])
    check(told)
    assert "HTTP 200, but the answer cannot be used" in told["error"]


@pytest.mark.parametrize("status", REFUSED)
def test_rejected_rows_keep_the_apis_words_alone(
    sinks: Sinks, serve: Callable[..., str], status: int
) -> None:
    disguises = list(DISGUISES)
    rows = ["a good row", *(f"{number} {SECRET}" for number in range(len(disguises)))]
    numbers = {PROMPT.replace("{body}", row): number - 1 for number, row in enumerate(rows)}

    def reply(prompt: str, key: str) -> Reply:
        number = numbers[prompt]
        said = said_of(disguises[number], SECRET, key)
        return good() if number < 0 else error_reply(status, "message", said)

    serve(reply)
    told = sinks.run(rows, max_rejected_rows=None)
    check(told)
    assert json.loads(told["xcom"])["rejected"] == len(disguises)
    assert told["assets"] != "[{}]"
    for disguise, error in zip(disguises, sinks.errors_of_rows()[1:], strict=True):
        assert error is not None
        said = tidy_line(said_of(disguise, SECRET, "")).removesuffix("…").partition(" for key")[0]
        assert error.startswith(f"HTTP {status}: {said}"), disguise
        if disguise in KEY_SPELLINGS_KNOWN:
            assert found_in(error.replace(said, ""), traces(KEY)) == [], disguise


def test_rejection_reason_is_repeated_without_the_row(
    sinks: Sinks, serve: Callable[..., str]
) -> None:
    """A later try finds it in the journal, with the API's words beside it."""
    rows = ["a good row", SECRET]
    said = f"temperature: invalid for {SECRET} and {KEY}"
    serve(lambda prompt, _: error_reply(400, "message", said) if SECRET in prompt else good())
    for _ in range(2):
        told = sinks.run(rows, max_rejected_rows=0)
        check(told)
        assert "HTTP 400: temperature: invalid for …" in told["error"]


def test_hook_tells_nothing_of_the_prompt(sinks: Sinks, serve: Callable[..., str]) -> None:
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    statuses = tuple(status for status in STATUSES if status != 429)  # which is sent again
    for status, place, disguise in rotating(statuses):
        serve(lambda prompt, key, s=(status, place, disguise): error_reply(
            s[0], s[1], said_of(s[2], prompt or SECRET, key)
        ))  # fmt: skip
        hook = AIMLAPIHook("echo")
        is_connected, words = hook.test_connection()
        assert not is_connected
        with pytest.raises(ApiError) as failed:
            hook.complete(SECRET, max_attempts=1)
        error: Any = failed.value
        check({"test": words, "text": f"{error} {error!r} {error.args}", **sinks.gathered()})
        assert place == "nested" or letters(DISGUISES[disguise]("Q"))[:1] in letters(error.in_full)


def test_commands_print_nothing_of_an_echo(sinks: Sinks, serve: Callable[..., str]) -> None:
    serve(lambda _prompt, _key: good())
    sinks.run([SECRET])
    for status, place, disguise in rotating((400, 401, 403, 404, 413, 301)):
        url = serve(lambda _, key, s=(status, place, disguise): error_reply(
            s[0], s[1], said_of(s[2], SECRET, key)
        ))  # fmt: skip
        assert main(["reconcile", str(sinks.output), "--base-url", url]) == 1
        told = sinks.gathered()
        check(told)
        assert f"HTTP {status}" in told["printed"]
    assert main(["clean", str(sinks.output), "--older-than", "1d", "--dry-run"]) == 0
    check(sinks.gathered())


def test_account_page_prints_no_free_text_of_the_api(
    sinks: Sinks, serve: Callable[..., str]
) -> None:
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook

    for disguise in DISGUISES:
        said = said_of(disguise)
        limit = {"threshold": 1, "retention": said}
        value = {
            "current_balance": 5,
            "currency": said,
            "data": {"limit": limit, "scopes": [said, "model:chat"]},
        }
        headers = {"Content-Type": "application/json"}
        account = Reply(headers=headers, body=json.dumps(value).encode())
        serve(lambda *_, account=account: account)
        is_connected, words = AIMLAPIHook("echo").test_connection()
        assert is_connected
        assert words == "Connected. Balance 5.00 XXX. Key limit 1 USD."
