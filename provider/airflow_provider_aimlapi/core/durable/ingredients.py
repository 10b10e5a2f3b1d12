"""The ingredients of a run key, as `plan.json` keeps them. Decodes them within limits. No I/O.

`engine.prepare` chooses the ingredients. Another run reads them to state why it is another run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from airflow_provider_aimlapi.core.durable.bounds import Count, RunKey
from airflow_provider_aimlapi.core.durable.object_sizes import MIB, PLAN_BYTES_MAX
from airflow_provider_aimlapi.core.durable.plan import BRACKETS_MAX
from airflow_provider_aimlapi.core.durable.stored_json import decode_stored
from airflow_provider_aimlapi.errors import JournalUnreadable

T = TypeVar("T")

VALUES_BYTES_MAX = 2 * MIB
"""All ingredients without the input files. Values of any type take up to fifty times as much memory as
their text. Each row's request holds most of them, so larger ones could not be sent anyway."""
FOLLOWS_FROM_OTHERS = "columns"
"""The ingredient that only repeats the placeholders of the prompts."""


class InputOfRun(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An input file as the run key knows it."""

    uri: str
    version: str
    size_bytes: Count
    rows: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredients:
    """What a run key was made of.

    Attributes:
        inputs: the input files, in order.
        parameters: the fields that each request has, the model among them.
        values: all other ingredients by name, such as the prompt and the origin.
    """

    inputs: tuple[InputOfRun, ...]
    parameters: dict[str, object]
    values: dict[str, object]

    @property
    def limit_rows(self) -> int | None:
        """The number of first rows that the run takes; None for all."""
        found = self.values.get("limit_rows")
        return found if isinstance(found, int) else None


class _Lengths(msgspec.Struct, frozen=True):
    inputs: msgspec.Raw


class _MadeOf(msgspec.Struct, frozen=True):
    inputs: tuple[InputOfRun, ...]


class _PlanWithIngredients(msgspec.Struct, frozen=True):
    run_key: RunKey
    made_of: msgspec.Raw


def decode_plan_ingredients(data: bytes, *, run_key: str) -> Ingredients:
    """Return what a stored plan says that its run key was made of.

    Raises:
        JournalUnreadable: it is not a plan, or that of another run.
    """
    what = f"plan.json of run {run_key}"
    if data.count(b"[") > BRACKETS_MAX:
        raise JournalUnreadable(f"{what} has more files than a run has.")
    plan = decode_stored(data, _PlanWithIngredients, what=what, bytes_max=PLAN_BYTES_MAX)
    if plan.run_key != run_key:
        raise JournalUnreadable(f"{what} names another run.")
    return decode_ingredients(bytes(plan.made_of), what=what)


def decode_ingredients(made_of: bytes, *, what: str) -> Ingredients:
    """Return the ingredients in the JSON that a run key was made of.

    Raises:
        JournalUnreadable: they are not of the right types, or too large to be compared.
    """
    # The list of files may be long, because its type is known. Everything else is bounded before
    # it becomes objects of any type.
    lengths = decode_stored(made_of, _Lengths, what=what, bytes_max=PLAN_BYTES_MAX)
    if len(made_of) - len(bytes(lengths.inputs)) > VALUES_BYTES_MAX:
        raise JournalUnreadable(f"{what} has larger values than can be compared.")
    inputs = decode_stored(made_of, _MadeOf, what=what, bytes_max=PLAN_BYTES_MAX).inputs
    raw = decode_stored(made_of, dict[str, msgspec.Raw], what=what, bytes_max=PLAN_BYTES_MAX)
    parameters = raw.pop("parameters", msgspec.Raw(b"{}"))
    return Ingredients(
        inputs=inputs,
        parameters=_decode_value(parameters, dict[str, object], what),
        values={
            name: _decode_value(value, object, what)
            for name, value in raw.items()
            if name not in ("inputs", FOLLOWS_FROM_OTHERS)
        },
    )


def _decode_value(raw: msgspec.Raw, kind: type[T], what: str) -> T:
    return decode_stored(bytes(raw), kind, what=what, bytes_max=VALUES_BYTES_MAX)
