"""What a run is to do: the question, the data, the place for the answers. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from airflow_provider_aimlapi.core.texts.number_range import check_whole_number
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
    from airflow_provider_aimlapi.core.calls.request import CompletionSpec


OnExisting = Literal["replace", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A path on a file system that is ready to use, its credentials already inside."""

    fs: AbstractFileSystem
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A completion for each row of a Parquet data set.

    Attributes:
        completion: model and parameters, the same for all rows.
        prompt, system: templates with `{column}` placeholders.
        output_column: receives the text; `<output_column>_info` receives the rest.
        limit_rows: only the first so many rows, for trying a prompt out; None for all.
        constant_prompt: whether a prompt without any column may be sent for more than one row.
        endpoint: where calls go. input, output: where data is read and written.
        on_existing: what to do when the result of another run is at the output path: replace it
            once this run is complete, or refuse before money is spent.
    """

    completion: CompletionSpec
    prompt: str
    system: str | None
    output_column: str
    limit_rows: int | None
    endpoint: Endpoint
    input: Place
    output: Place
    on_existing: OnExisting = "replace"
    constant_prompt: bool = False

    def __post_init__(self) -> None:
        """Refuse what no data could make right."""
        if not isinstance(self.prompt, str) or not self.prompt.strip():
            raise InvalidSpec("prompt is empty. Give a text with {column} placeholders.")
        if not isinstance(self.output_column, str) or not self.output_column.strip():
            raise InvalidSpec("output_column is empty. Give the new column's name.")
        if self.limit_rows is not None:
            check_whole_number("limit_rows", self.limit_rows, least=1)
        if self.on_existing not in get_args(OnExisting):
            raise InvalidSpec(f'on_existing={self.on_existing!r}: give "replace" or "error".')

    @property
    def info_column(self) -> str:
        """The struct column's name."""
        return f"{self.output_column}_info"
