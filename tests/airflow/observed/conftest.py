"""Real receivers of what Airflow sends about a task: lineage, metrics, spans."""

from __future__ import annotations

import json
import re
import socket
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

LINE = re.compile(r"airflow\.(?P<name>[\w.]+),(?P<tags>[^:]*):(?P<value>[^|]+)\|(?P<kind>\w+)")


@dataclass(frozen=True)
class Metric:
    """One packet of StatsD, as InfluxDB's line protocol has tags."""

    name: str
    tags: dict[str, str]
    value: float
    kind: str


class StatsdServer:
    """A UDP socket, and what came to it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self.packets: list[str] = []

    def metrics(self) -> list[Metric]:
        """Ours, in order."""
        while True:
            try:
                self.packets.append(self._socket.recv(65_536).decode())
            except BlockingIOError:
                break
        found = [match for packet in self.packets if (match := LINE.fullmatch(packet))]
        return [
            Metric(
                match["name"],
                dict(tag.split("=") for tag in match["tags"].split(",")),
                float(match["value"]),
                match["kind"],
            )
            for match in found
            if match["name"].startswith("aimlapi.")
        ]

    def counted(self) -> Counter[str]:
        """Counters, added up."""
        sums: Counter[str] = Counter()
        for metric in self.metrics():
            if metric.kind == "c":
                sums[metric.name] += int(metric.value)
        return sums

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def events(
    airflow_database: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Airflow's listener, switched on as by its configuration; gives the events written so far.

    The plugin itself decides once in a process whether it listens, and has decided not to.
    """
    from airflow.providers.openlineage import conf
    from airflow.providers.openlineage.plugins import openlineage
    from airflow.providers.openlineage.plugins.listener import OpenLineageListener
    from airflow.sdk.listener import get_listener_manager

    assert openlineage.OpenLineageProviderPlugin.listeners == []
    written = tmp_path / "lineage.jsonl"
    options = {
        "TRANSPORT": json.dumps({"type": "file", "log_file_path": str(written), "append": True}),
        "EXECUTE_IN_THREAD": "True",  # a fork would take the servers of this process along
        "EXECUTION_TIMEOUT": "120",
        "NAMESPACE": "tests",
    }
    for name, value in options.items():
        monkeypatch.setenv(f"AIRFLOW__OPENLINEAGE__{name}", value)

    def forget() -> None:
        for option in vars(conf).values():
            if hasattr(option, "cache_clear"):
                option.cache_clear()

    forget()
    listeners: Any = get_listener_manager()
    listener = OpenLineageListener()  # type: ignore[no-untyped-call]
    listeners.add_listener(listener)

    def read() -> list[dict[str, Any]]:
        lines = written.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    yield read
    listeners.pm.unregister(listener)
    monkeypatch.undo()
    forget()


@pytest.fixture
def statsd(airflow_database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[StatsdServer]:
    """Airflow's metrics, switched on as by its configuration, and as its task runner does it."""
    from airflow.sdk._shared.observability.metrics import stats
    from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger
    from airflow.sdk.observability.metrics import stats_utils

    server = StatsdServer()
    options = {
        "STATSD_ON": "True",
        "STATSD_HOST": "127.0.0.1",
        "STATSD_PORT": str(server.port),
        "STATSD_INFLUXDB_ENABLED": "True",
    }
    for name, value in options.items():
        monkeypatch.setenv(f"AIRFLOW__METRICS__{name}", value)
    stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
    yield server
    backend: Any = stats._get_backend()
    backend.statsd.close()  # Airflow leaves its socket to the end of the process
    stats.initialize(factory=NoStatsLogger, export_legacy_names=False)
    server.close()


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """OpenTelemetry with a provider of its own, for this test alone, and what it exports."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    # OpenTelemetry lets a process set its provider once.
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    return exporter
