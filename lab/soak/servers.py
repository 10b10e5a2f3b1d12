"""The two services of a soak, each in a process of its own, and the API's books over HTTP."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from demo.children import child

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aimlapi_simulator import Script

PATIENCE_S = 10.0


@contextmanager
def s3_server(log: Path) -> Iterator[str]:
    """Run an S3 server with locked writes, and yield its URL."""
    with _server(["demo.s3_server"], log) as url:
        yield url


@contextmanager
def simulated_api(script: Script, folder: Path) -> Iterator[ApiBooks]:
    """Run an API that follows the script, and yield its accounts."""
    path = folder / "script.json"
    path.write_bytes(msgspec.json.encode(script))
    words = ["aimlapi_simulator", "--port", "0", "--script", str(path)]
    with _server(words, folder / "api.log") as url:
        yield ApiBooks(url=url)


@contextmanager
def _server(words: list[str], log: Path) -> Iterator[str]:
    with (
        log.open("w", encoding="utf-8") as errors,
        child(words, {}, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        assert process.stdout is not None
        url = process.stdout.readline().strip().rpartition(" ")[2]
        assert url.startswith("http"), log.read_text(encoding="utf-8")
        yield url


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A call that was charged.

    Attributes:
        prompt: sha256 of the user's text. is_lost: whether its answer never arrived whole.
    """

    prompt: str
    inference_id: str
    is_lost: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiBooks:
    """What the API has seen and charged."""

    url: str

    def begin(self, script: Script) -> None:
        """Forget everything, and follow another script from now on."""
        self._send("POST", "reset", b"")
        self._send("PUT", "script", msgspec.json.encode(script))

    def billed_calls(self) -> int:
        """Return the number of charged calls so far."""
        return int(self.stats()["billed_calls"])

    def stats(self) -> dict[str, Any]:
        """Return counts and sums, under the simulator's names."""
        return self._get("stats")

    def calls_took_s(self) -> float:
        """Return the seconds from the first call's start to the last call's end."""
        calls = [each for each in self._get("ledger")["requests"] if each["prompt_sha256"]]
        begun = min((each["at_s"] - each["duration_s"] for each in calls), default=0.0)
        return float(max((each["at_s"] for each in calls), default=0.0) - begun)

    def bills(self) -> list[Bill]:
        """Return the bills of all charged calls."""
        return [
            Bill(
                prompt=record["prompt_sha256"],
                inference_id=record["inference_id"],
                is_lost=str(record["fault"]).startswith("disconnect-"),
            )
            for record in self._get("ledger")["billed"]
        ]

    def charges_usd(self) -> dict[str, float]:
        """Return the charge of each call, by its answer's id."""
        return {each["inference_id"]: each["usd"] for each in self._get("ledger")["billed"]}

    def _get(self, name: str) -> dict[str, Any]:
        return self._send("GET", name, None)

    def _send(self, method: str, name: str, body: bytes | None) -> dict[str, Any]:
        address = f"{self.url}/_simulator/{name}"
        request = urllib.request.Request(address, data=body, method=method)  # noqa: S310  # http, ours
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
        return found
