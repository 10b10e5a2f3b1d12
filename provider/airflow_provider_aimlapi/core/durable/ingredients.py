"""The ingredients of a run key, as `plan.json` keeps them. Decodes them within limits. No I/O.

`engine.prepare` chooses the ingredients. Another run reads them to state why it is another run.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from airflow_provider_aimlapi.core.durable.bounds import Count, RunKey
from airflow_provider_aimlapi.core.durable.object_sizes import MIB, PLAN_BYTES_MAX
from airflow_provider_aimlapi.core.durable.plan import BRACKETS_MAX
from airflow_provider_aimlapi.core.durable.stored_json import decode_stored
from airflow_provider_aimlapi.errors import JournalUnreadable

T = TypeVar("T")

VALUES_BYTES_MAX = 1 * MIB
"""Values of any type take up to fifty times as much memory as their text. Each row's request has these
fields, so a megabyte of them would make each request too large for the API."""


class InputOfRun(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An input file as the run key knows it."""

    uri: str
    version: str
    size_bytes: Count
    rows: Count


class Ingredients(msgspec.Struct, frozen=True, kw_only=True):
    """What a run key was made of, without what follows from the rest.

    Attributes:
        inputs: the input files, in order.
        prompt, system: the templates.
        examples: the JSON of the few-shot examples.
        origin: scheme, host and port of the base URL.
        dialect: the name of the model's dialect.
        parameters: the JSON of the fields that each request has, the model among them.
        output_column: the name of the new column; None if each property of the schema has its own.
        output_schema: the canonical JSON of the answers' schema; None for texts.
        limit_rows: None for all rows.
    """

    inputs: tuple[InputOfRun, ...]
    prompt: str
    system: str | None
    examples: msgspec.Raw
    origin: str
    dialect: str
    parameters: msgspec.Raw
    output_column: str | None
    output_schema: str | None
    limit_rows: Count | None

    def fields(self) -> dict[str, object]:
        """Return the parameters by name.

        Raises:
            JournalUnreadable: they are not an object, or too large to be compared.
        """
        return _decode_values(self.parameters, dict[str, object])

    def examples_list(self) -> list[object]:
        """Return the few-shot examples.

        Raises:
            JournalUnreadable: they are not a list, or too large to be compared.
        """
        return _decode_values(self.examples, list[object])


def _decode_values(raw: msgspec.Raw, kind: type[T]) -> T:
    what = "plan.json: a value of the run key"
    return decode_stored(bytes(raw), kind, what=what, bytes_max=VALUES_BYTES_MAX)


class _PlanWithIngredients(msgspec.Struct, frozen=True):
    run_key: RunKey
    made_of: Ingredients


def decode_ingredients(data: bytes, *, run_key: str) -> Ingredients:
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
    return plan.made_of
