"""A round's input as tables, and what must come out for each row. No store, no process."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING

import pyarrow as pa

from aimlapi_simulator import answer_for
from lab.soak.round_plan import MAX_TOKENS, MODEL, PROMPT

if TYPE_CHECKING:
    from lab.soak.round_plan import Round

NULL_SHARE = 0.02
WORDS = ("printer", "floor", "seven", "burns", "while", "nobody", "answers", "any", "call")


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The input files, by name relative to the input folder, in the order of the run."""

    files: dict[str, pa.Table]

    def bodies(self) -> list[str | None]:
        """Return the texts of all rows."""
        return [body for table in self.files.values() for body in table["body"].to_pylist()]

    def prompts(self) -> dict[str, str]:
        """Map the names of all payable rows in the API's ledger, by sha256, to their texts."""
        texts = (prompt_of(body) for body in self.bodies() if body is not None)
        return {prompt_name(text): text for text in texts}


def texts_of(plan: Round) -> Texts:
    """Return distinct texts, with a few nulls."""
    random = Random(f"texts {plan.seed}")  # noqa: S311  # chance, not secrecy
    files: dict[str, pa.Table] = {}
    first = 0
    for number, rows in enumerate(plan.file_rows):
        ids = range(first, first + rows)
        bodies = [None if random.random() < NULL_SHARE else _body(random, row) for row in ids]
        folder = f"area={number % 2}/" if plan.seed % 2 else ""
        files[f"{folder}tickets-{number}.parquet"] = pa.table(
            {
                "id": pa.array(ids, pa.int32()),
                "body": pa.array(bodies, pa.string()),
                "tags": pa.array([[row, None] for row in ids], pa.list_(pa.int16())),
            }
        )
        first += rows
    return Texts(files=dict(sorted(files.items())))


def prompt_of(body: str) -> str:
    """Return the prompt of a row."""
    return PROMPT.replace("{body}", body)


def prompt_name(prompt: str) -> str:
    """Return the name of a prompt in the API's ledger."""
    return sha256(prompt.encode()).hexdigest()


def answer_to(body: str | None) -> str | None:
    """Return the answer that must be published for a row."""
    if body is None:
        return None
    return answer_for(MODEL, "", prompt_of(body), MAX_TOKENS)


def _body(random: Random, row: int) -> str:
    return f"Ticket {row}: {' '.join(random.choices(WORDS, k=random.randint(3, 40)))}."
