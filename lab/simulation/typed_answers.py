"""Runs with a schema, repairs and raised calls, under the same kills, freezes and bad weather.

A row needs one to three calls. Its prompt decides which of its answers are valid, invalid or cut off. Each
call of a row has a name of its own, so that the watcher sees what is paid for, durable, or sent again: the
prompt for the first call, the prompt and a number for each later one.
"""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.core.answers.schema import answer_schema
from lab.simulation.dataset_shapes import body_of, input_of
from lab.simulation.scenario import scenario_of
from lab.simulation.simulated_api import SimulatedApi, answer_to, cost_nano_usd
from lab.simulation.simulation import Simulation, Verdict
from lab.simulation.watch import Misfortune, Watcher

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.journal import Record
    from airflow_provider_aimlapi.engine.job import Job
    from lab.simulation.dataset_shapes import Shape
    from lab.simulation.process import Process
    from lab.simulation.scenario import Scenario
    from lab.simulation.simulated_api import Call

Kind = Literal["valid", "invalid", "cut", "refused"]
REPAIRS = 2
MAX_TOKENS = 64
SCHEMA = answer_schema(
    {
        "type": "object",
        "properties": {"thought": {"type": "string"}, "step": {"type": "integer"}},
        "required": ["thought", "step"],
        "additionalProperties": False,
    }
)
PLANS: tuple[tuple[Kind, ...], ...] = (
    *(("valid",), ("valid",), ("valid",)),
    ("invalid", "valid"),
    ("invalid", "invalid", "valid"),
    ("invalid", "invalid", "invalid"),
    ("cut", "valid"),
    ("cut", "invalid", "valid"),
    ("cut", "refused"),
    ("invalid", "refused"),
)
"""The answers to a row, in order. Without a valid one, the last answer before a refusal is kept."""


class Step(NamedTuple):
    """One answer to a row.

    Attributes:
        name: of the call that requests it.
    """

    name: str
    kind: Kind


def steps_of(prompt: str) -> list[Step]:
    """Return the answers that a row gets, if each call is answered."""
    plan = PLANS[sha256(prompt.encode()).digest()[1] % len(PLANS)]
    return [
        Step(prompt if not index else f"{prompt} #{index}", kind) for index, kind in enumerate(plan)
    ]


def prompt_of(name: str) -> str:
    """Return the prompt of the row that a call is about."""
    return name.partition(" #")[0]


def is_never_valid(prompt: str) -> bool:
    """Return whether a row ends as invalid."""
    return kept_of(steps_of(prompt)).kind == "invalid"


def kept_of(steps: list[Step]) -> Step:
    """Return the answer that a row ends with, if each call is answered."""
    return steps[-2] if steps[-1].kind == "refused" else steps[-1]


def _step_of(name: str) -> int:
    """Return the number of a call among those of its row, from 0."""
    return int(name.rpartition(" #")[2]) if " #" in name else 0


def _kind_of(name: str) -> Kind:
    steps = steps_of(prompt_of(name))
    return steps[min(_step_of(name), len(steps) - 1)].kind


class TypedApi(SimulatedApi):
    """Answers by a forced tool, as the plan of each row says."""

    def name_of(self, body: bytes) -> str:
        """Return the name of a call: a repair shows the answer before, a raised call has more tokens."""
        request = json.loads(body)
        prompt, *later = (turn["content"] for turn in request["messages"])
        if later:
            return f"{prompt} #{_step_in(later[0]) + 1}"
        return steps_of(prompt)[int(request["max_tokens"] > MAX_TOKENS)].name

    def status_for(self, call: Call) -> int:
        """Return the status of a call's answer in good weather."""
        return 400 if _kind_of(call.prompt) == "refused" else super().status_for(call)

    def completion(self, call: Call) -> Answer:
        """Return the answer to a call. Its body names the call."""
        prompt = prompt_of(call.prompt)
        step, kind = _step_of(call.prompt), _kind_of(call.prompt)
        arguments = json.dumps({"thought": answer_to(prompt), "step": step})
        if kind == "invalid":
            arguments = json.dumps({"thought": answer_to(prompt), "step": str(step)})
        message = {
            "content": None,
            "tool_calls": [
                {
                    "id": f"tool-{call.number}",
                    "function": {
                        "name": "record",
                        "arguments": arguments[: -9 * (kind == "cut") or None],
                    },
                }
            ],
        }
        finish = "max_tokens" if kind == "cut" else "tool_use"
        payload = {
            "call": call.prompt,
            "choices": [{"message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 5},
        }
        return Answer(
            status=200,
            content_type="application/json",
            body=json.dumps(payload).encode(),
            inference_id=f"inference-{call.number}",
            usd_spent=f"{cost_nano_usd(call.prompt) / 1e9:.9f}",
        )


def _step_in(answer: str) -> int:
    """Return the step of the invalid answer that a repair shows to the model."""
    return int(json.loads(answer)["step"])


class TypedWatcher(Watcher):
    """Watches calls, several of which may belong to one row."""

    def names_of(self, prompt: str) -> set[str]:
        """Return the names of all calls of a row."""
        return {step.name for step in steps_of(prompt)}

    def asks_rejected(self, process: Process, prompts: set[str]) -> None:
        """Record that a process sends rows again, those with invalid answers among them."""
        super().asks_rejected(process, prompts)
        at_s = process.scheduler.now_s
        again = Misfortune(kind="sent again", at_s=at_s, at_risk=frozenset(prompts))
        self.misfortunes.append(again)

    def name_of(self, record: Record, prompt: str) -> str:  # noqa: ARG002  the body has it
        """Return the name of the call whose answer a record holds."""
        name: str = json.loads(record.body)["call"]
        return name


class TypedSimulation(Simulation):
    """One scenario with typed answers, from its first attempt to a re-run of the published run."""

    def __init__(self, scenario: Scenario) -> None:
        never = sum(map(is_never_valid, _prompts_answered(scenario.shape)))
        rejected = len(scenario.shape.rejected) + never
        settings = replace(scenario.settings, max_rejected_rows=rejected, max_truncated_rows=None)
        super().__init__(replace(scenario, settings=settings))

    api_class: ClassVar[type[SimulatedApi]] = TypedApi
    watcher_class: ClassVar[type[Watcher]] = TypedWatcher

    def _job(self) -> Job:
        return replace(super()._job(), schema=SCHEMA, repairs=REPAIRS, on_truncated="raise")

    def _resent(self) -> set[str]:
        """Return the calls of rows that ended as invalid. They are sent again with the rejected rows."""
        never = filter(is_never_valid, self._data.asked)
        return {name for prompt in never for name in self.watcher.names_of(prompt)}

    def expected(self, prompt: str) -> list[tuple[object, str]]:
        """Return the results that a row may have: that of its plan, or of a step before it.

        A later call may fail for as long as the weather is bad. The last answer is then kept.
        """
        steps = steps_of(prompt)
        found: list[tuple[object, str]] = [
            (None, {"invalid": "invalid", "cut": "truncated"}[step.kind])
            for step in steps
            if step.kind in ("invalid", "cut")
            and (step is kept_of(steps) or self._may_fail(steps, step))
        ]
        if steps[-1].kind == "valid":
            found.append(({"thought": answer_to(prompt), "step": len(steps) - 1}, "ok"))
        return found

    def _may_fail(self, steps: list[Step], step: Step) -> bool:
        later = {other.name for other in steps[steps.index(step) + 1 :]}
        return bool(later & self._exhausted()) or self._has_budget()

    def _has_budget(self) -> bool:
        """Return whether a budget may have been too small for a raised call."""
        return self.scenario.settings.max_cost_usd is not None

    def check_row(self, row: dict[str, Any], prompt: str) -> None:
        """Check a row's sums: each answer up to the last one is in them."""
        info = row["completion_info"]
        names = [step.name for step in steps_of(prompt)]
        bills = dict.fromkeys(names, 0)
        for call in self.api.ledger.billed():
            if call.prompt in bills:
                bills[call.prompt] += call.bills
        is_ok = info["status"] == "ok"
        asked = [name for name in names if bills[name]] if is_ok else names[:1]
        least = sum(map(cost_nano_usd, asked))
        most = sum(cost_nano_usd(name) * count for name, count in bills.items())
        cost = round(info["cost_usd"] * 1e9)
        if not least <= cost <= most:
            self.watcher.blame(f"{prompt!r} costs {cost}, not {least} to {most}")
        if is_ok and info["attempts"] < len(names):
            self.watcher.blame(f"{prompt!r} has {info['attempts']} attempts")
        repairs = sum(step.kind == "invalid" for step in steps_of(prompt)[:-1])
        if is_ok and info["repairs"] < repairs:
            self.watcher.blame(f"{prompt!r} has {info['repairs']} repairs, not {repairs}")


def _prompts_answered(shape: Shape) -> list[str]:
    """Return the prompts of all rows that the API answers."""
    data = input_of(shape)
    numbers = [row for row in range(sum(shape.rows)) if row not in shape.rejected | shape.nulls]
    prompts = {f"Q: {body_of(shape, row)}" for row in numbers}
    return sorted(prompts & data.asked)


def simulate_typed(seed: int) -> Verdict:
    """Run the scenario of a seed with typed answers, and judge it."""
    return TypedSimulation(scenario_of(seed)).run()
