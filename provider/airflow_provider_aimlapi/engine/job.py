"""What a run is to do: model and prompt, input and output. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from airflow_provider_aimlapi.core.prompts.examples import check_examples
from airflow_provider_aimlapi.core.schemas.refusal import NEEDS_SCHEMA
from airflow_provider_aimlapi.core.texts.setting_ranges import (
    OnExisting,
    OnTruncated,
    check_settings,
)
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from airflow_provider_aimlapi.core.answers.schema import AnswerSchema
    from airflow_provider_aimlapi.core.answers.validation import ClassCheck
    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
    from airflow_provider_aimlapi.core.calls.request import CompletionSpec
    from airflow_provider_aimlapi.core.prompts.examples import Example


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLocation:
    """A path on a file system that is ready to use and has its credentials."""

    fs: AbstractFileSystem
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A completion for each row of a Parquet data set.

    Attributes:
        completion: model and parameters, the same for all rows.
        prompt: a template with `{column}` placeholders.
        system: the same for the system prompt; None for none.
        output_column: receives the answer; `<output_column>_info` receives the rest. None: with a
            schema, each property has a column of its own beside `completion_info`.
        limit_rows: the number of first rows to process, to try a prompt; None for all.
        endpoint: receives the calls.
        input: the location of the data set.
        output: the location of the result.
        on_existing: whether to replace the result of another run at the output path once this run
            is complete, or to refuse before money is spent.
        schema: the form of each answer; None for a text.
        check_class: a further check of an answer that follows the schema. It may block.
        examples: few-shot examples: the values of a row by column, and the answer to it.
        repairs: how often an answer that does not follow the schema is sent back, 0 to 3.
        on_truncated: whether to keep an answer that max_tokens cut off, or to raise max_tokens for one
            more call.
        constant_prompt: whether a prompt without any column may be sent for more than one row.
        ask_once: whether rows with the same request are sent once, and share the answer.
        reuse_from: outputs whose answers are taken beside those at `output`; None to take none.
    """

    completion: CompletionSpec
    prompt: str
    system: str | None
    output_column: str | None
    limit_rows: int | None
    endpoint: Endpoint
    input: OpenLocation
    output: OpenLocation
    on_existing: OnExisting = "replace"
    examples: tuple[Example, ...] = ()
    repairs: int = 1
    on_truncated: OnTruncated = "keep"
    constant_prompt: bool = False
    schema: AnswerSchema | None = None
    check_class: ClassCheck | None = None
    ask_once: bool = True
    reuse_from: tuple[OpenLocation, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse values that are wrong for any data."""
        if not isinstance(self.prompt, str) or not self.prompt.strip():
            raise InvalidSpec("prompt is empty. Give a text with {column} placeholders.")
        if self.output_column is None and self.schema is None:
            raise InvalidSpec(NEEDS_SCHEMA)
        name = self.output_column
        if name is not None and (not isinstance(name, str) or not name.strip()):
            raise InvalidSpec("output_column is empty. Give the new column's name.")
        check_examples(self.examples, self.prompt)
        check_settings({"limit_rows": self.limit_rows, "repairs": self.repairs})
        if self.on_truncated not in get_args(OnTruncated):
            raise InvalidSpec(f'on_truncated={self.on_truncated!r}: give "keep" or "raise".')
        if self.on_existing not in get_args(OnExisting):
            raise InvalidSpec(f'on_existing={self.on_existing!r}: give "replace" or "error".')
