"""A run whose rows repeat each other, in bad weather: each request is paid for once.

Duplicates lie in the same part and in others. Attempts are killed between an original's answer and its
duplicates, and originals are rejected, refused, or fail whatever is tried.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import pyarrow as pa
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.calls import completion
from airflow_provider_aimlapi.core.calls.completion import Outcome
from airflow_provider_aimlapi.core.reuse import hash_index
from airflow_provider_aimlapi.core.verdicts.verdict import WIRE_VIOLATIONS_MAX
from airflow_provider_aimlapi.engine.durable.collector import OpenShard
from airflow_provider_aimlapi.engine.durable.paid_answers import PaidAnswers
from airflow_provider_aimlapi.engine.reuse import duplicates
from airflow_provider_aimlapi.engine.reuse.duplicates import Duplicates
from airflow_provider_aimlapi.errors import AccessRefused, ApiUnavailable
from airflow_provider_aimlapi.storage.runs.answer_table import AnswerTable
from lab.simulation.scenario import Scenario, scenario_of
from lab.simulation.simulated_api import cost_nano_usd
from lab.simulation.simulation import Simulation, Verdict
from lab.simulation.swapping import swapped
from lab.simulation.watch import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from airflow_provider_aimlapi.engine.row import Row
    from lab.simulation.dataset_shapes import Shape

DISTINCT = (3, 7, 11, 16)


def duplicate_scenario_of(seed: int) -> Scenario:
    """Draw everything that a seed decides before the start."""
    scenario = scenario_of(seed)
    random = Random(f"{seed} duplicates")
    shape = _repeated(scenario.shape, random.choice(DISTINCT))
    settings = replace(scenario.settings, max_rejected_rows=len(shape.rejected))
    return replace(scenario, shape=shape, settings=settings)


def _repeated(shape: Shape, distinct: int) -> Shape:
    """Repeat the first rows of a shape up to its number of rows."""
    rows = range(sum(shape.rows))

    def repeated(numbers: frozenset[int]) -> frozenset[int]:
        return frozenset(row for row in rows if row % distinct in numbers)

    failing = dict(shape.failing)
    return replace(
        shape,
        distinct=distinct,
        nulls=repeated(shape.nulls),
        poison=repeated(shape.poison),
        forbidden=repeated(shape.forbidden),
        failing=tuple((row, failing[row % distinct]) for row in rows if row % distinct in failing),
    )


class DuplicateWatcher(Watcher):
    """Watches a run in which a prompt stands for several rows."""

    def _saw_part(self, part: int, data: bytes) -> None:
        """Note the answers of a part. A rejected request may be sent for its next row."""
        infos = pq.read_table(pa.BufferReader(data))["completion_info"].to_pylist()
        answered = {
            prompt
            for prompt, info in zip(self._data.prompts[part], infos, strict=True)
            if prompt and info["status"] != "rejected" and info["same_as"] is None
        }
        copied = {
            prompt
            for prompt, info in zip(self._data.prompts[part], infos, strict=True)
            if prompt and info["status"] != "rejected" and info["same_as"] is not None
        }
        self._answers_become_durable(answered)
        if copied - self._durable:
            self.blame("a duplicate is durable, and the charge of its original is not")


class DuplicateSimulation(Simulation):
    """One scenario, up to a re-run of the published run."""

    watcher_class: ClassVar[type[Watcher]] = DuplicateWatcher

    def _was_in_vain(self) -> bool:
        error = self.processes[-1].error
        if isinstance(error, (AccessRefused, ApiUnavailable)):
            return bool(self.scenario.shape.forbidden or self.scenario.shape.failing)
        return super()._was_in_vain()

    def _judge(self) -> None:
        super()._judge()
        if self.watcher.manifest is None:
            return
        rows = self._rows()
        costs: Counter[str] = Counter()
        for position, row in rows.items():
            info = row["completion_info"]
            costs[f"Q: {row['body']}"] += round((info["cost_usd"] or 0) * 1e9)
            if info["same_as"] is not None:
                self._check_duplicate(position, row, rows.get(info["same_as"]))
        for prompt, cost in costs.items():
            if cost not in (0, cost_nano_usd(prompt)) and not self._is_page(prompt):
                self.watcher.blame(f"the rows with {prompt!r} cost {cost} together")

    def _check_pages(self) -> None:
        """Check that each row buys an unreadable answer at most three times."""
        rows = Counter(prompt for part in self._data.prompts for prompt in part)
        most = WIRE_VIOLATIONS_MAX * (1 + len(self.watcher.misfortunes))
        for prompt, bought in self.api.pages.items():
            if bought > most * rows[prompt]:
                self.watcher.blame(f"{prompt!r} was bought {bought} times")

    def _is_page(self, prompt: str) -> bool:
        return bool(self.api.pages[prompt])

    def _check_duplicate(
        self, position: str, row: dict[str, Any], original: dict[str, Any] | None
    ) -> None:
        info = row["completion_info"]
        if original is None or original["body"] != row["body"]:
            self.watcher.blame(f"duplicate {position} names {info['same_as']}")
            return
        paid = original["completion_info"]
        if paid["same_as"] is not None or not paid["attempts"]:
            self.watcher.blame(f"the original of duplicate {position} was not sent")
        if info["attempts"] or info["cost_usd"]:
            self.watcher.blame(f"duplicate {position} was paid for: {info}")
        if (row["completion"], info["status"]) != (original["completion"], paid["status"]):
            self.watcher.blame(f"duplicate {position} has another answer than its original")

    def _rows(self) -> dict[str, dict[str, Any]]:
        """Return the published rows by part and number."""
        rows: dict[str, dict[str, Any]] = {}
        names = sorted(name for name in self.objects.objects if not name.startswith("_"))
        for part, name in enumerate(names):
            file = pq.ParquetFile(pa.BufferReader(self.objects.objects[name]), pre_buffer=False)
            for number, row in enumerate(file.read(use_threads=False).to_pylist()):
                rows[f"{part}:{number}"] = row
        return rows


def simulate_duplicates(seed: int) -> Verdict:
    """Run a seed and judge it."""
    return DuplicateSimulation(duplicate_scenario_of(seed)).run()


# Seeded bugs.

_decided = Duplicates.decided
_repeated_outcome = completion.repeated
_find = AnswerTable.find_answer


def _give_answer_of_another(self: Duplicates, row: Row, outcome: Outcome, **options: Any) -> None:
    """Serve the duplicates of the row that was decided before."""
    before: Outcome = getattr(self, "_before", outcome)
    self._before = outcome  # type: ignore[attr-defined]
    _decided(self, row, before if outcome.status == "ok" else outcome, **options)


def _lose_duplicates(
    self: Duplicates, row: Row, outcome: Outcome, *, is_final: bool = True
) -> None:
    """Forget the rows that wait for a rejected row."""
    if outcome.status == "rejected":
        row.duplicates = None
    _decided(self, row, outcome, is_final=is_final)


def _find_any(self: AnswerTable, request_hash: str) -> tuple[int, Outcome] | None:
    """Compare no more than the digits that the index keeps."""
    for offset in self._index.find(request_hash):
        data = self._read(offset)
        return msgspec.msgpack.decode(data, type=tuple[int, Outcome])
    return None


@contextmanager
def _compare_by_prefix() -> Iterator[None]:
    with (
        swapped(hash_index, "KEY_DIGITS", 1),
        swapped(AnswerTable, "find_answer", _find_any),
    ):
        yield


def _charge_again(original: Outcome, **options: Any) -> Outcome:
    outcome = _repeated_outcome(original, **options)
    return msgspec.structs.replace(outcome, cost_nano_usd=outcome.saved_nano_usd)


def _forget_all(_self: PaidAnswers, *_: object) -> Iterator[tuple[int, Outcome]]:
    return iter(())


DUPLICATE_BUGS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "duplicate gets another's answer": lambda: swapped(
        Duplicates, "decided", _give_answer_of_another
    ),
    "duplicate of a rejected row is lost": lambda: swapped(Duplicates, "decided", _lose_duplicates),
    "hash compared by prefix": _compare_by_prefix,
    "duplicate is charged": lambda: swapped(duplicates, "repeated", _charge_again),
    "answers before the resume serve nobody": lambda: swapped(
        PaidAnswers, "read_around", _forget_all
    ),
    "duplicate is durable before its original": lambda: swapped(
        OpenShard, "has_duplicates", property(lambda _self: False)
    ),
}
SEEDS_MAX = 200


def caught_with_duplicates(name: str) -> str | None:
    """Return the violation that shows a bug, with its seed; None if there is none."""
    with DUPLICATE_BUGS[name]():
        for seed in range(SEEDS_MAX):
            violations = simulate_duplicates(seed).violations
            if violations:
                return f"seed {seed}: {violations[0]}"
    return None
