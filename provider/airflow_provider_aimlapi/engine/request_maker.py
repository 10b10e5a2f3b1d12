"""Make the request of a row from its texts, as the job's prompt, examples and schema describe it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.wire import RequestEncoder
from airflow_provider_aimlapi.core.answers.typed_examples import typed_examples
from airflow_provider_aimlapi.core.calls.answer_form import FORCED_TOOL, FREE, forms_of
from airflow_provider_aimlapi.core.calls.completion import (
    CallRecord,
    Reason,
    rejected_outcome,
    skipped_outcome,
)
from airflow_provider_aimlapi.core.calls.dialect import assumption_about_model
from airflow_provider_aimlapi.core.calls.message import Message, message_of
from airflow_provider_aimlapi.core.durable.keys import request_hash
from airflow_provider_aimlapi.core.prompts.examples import example_turns
from airflow_provider_aimlapi.core.prompts.template import (
    UnreadableRow,
    first_placeholder,
    near_misses,
    parse_template,
)
from airflow_provider_aimlapi.engine.row import Row
from airflow_provider_aimlapi.engine.typed_answers import validator_of
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
    from airflow_provider_aimlapi.core.calls.answer_form import FormName
    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.prompts.template import PromptTemplate, RowTexts
    from airflow_provider_aimlapi.engine.job import Job
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.storage.input.dataset import DataSet

log = logger(__name__)


class RequestMaker:
    """Makes the exact bytes of each row's request.

    Args:
        encoders: one for each form of requests, the best form first. Without a schema there is one.
        quoted_columns: the columns that answers may quote.

    Attributes:
        columns: the columns whose texts a request needs, in order.
        frame_bytes: the size of a request whose prompt and system are empty, without examples.
        can_raise: whether the model allows more than `max_tokens`.
        form: the form of the requests that are made now.
        head_marks: the cache mark of the requests in each form, if they have a head.
    """

    def __init__(
        self,
        prompt: PromptTemplate,
        system: PromptTemplate | None,
        encoders: Sequence[RequestEncoder],
        quoted_columns: Collection[str] = (),
    ) -> None:
        used = prompt.columns + (system.columns if system else ())
        self.columns = tuple(dict.fromkeys(used))
        self._prompt = prompt.filler_for(self.columns)
        self._system = system.filler_for(self.columns) if system else None
        # By form, the best first. Rows that were sent keep the form of their first answer.
        self._encoders = {encoder.form: encoder for encoder in encoders}
        self._quoted = [
            (name, index) for index, name in enumerate(self.columns) if name in quoted_columns
        ]
        self._encoder = encoders[0]
        self.form = self._encoder.form
        empty = self._encoder.encode_request(message_of("", None if system is None else ""))
        self.frame_bytes = len(empty) - self._encoder.constant_bytes
        self.can_raise = self._encoder.can_raise
        marks = {encoder.form: encoder.head_mark(prompt, system) for encoder in encoders}
        self.head_marks = {form: mark for form, mark in marks.items() if mark is not None}

    def make_row(self, part: int, index: int, texts: RowTexts, clock: Clock) -> Row | Outcome:
        """Return a row that is ready to be sent, or the outcome of a row that cannot be sent.

        A value that cannot be read rejects its row, and a null skips it.

        Args:
            part: the part that the row belongs to.
            index: the row's number in the part.
            texts: the row's texts in the order of `columns`.
        """
        if isinstance(texts, UnreadableRow):
            call = CallRecord(
                row=index, attempts=0, request_hash=None, completed_at_us=clock.wall_us()
            )
            return rejected_outcome(Reason(texts.reason, texts.reason), call)
        if None in texts:  # a prompt with a gap would be paid for, and answered with nonsense
            return skipped_outcome(f"null in column '{self.columns[texts.index(None)]}'", row=index)
        body = self._make_body(texts)  # type: ignore[arg-type]  # no null is left
        row = Row(part=part, row=index, body=body, request_hash=request_hash(body), form=self.form)
        if self._quoted:
            row.cells = {name: texts[index] for name, index in self._quoted}  # type: ignore[misc]
        return row

    @property
    def next_form(self) -> FormName | None:
        """Return the form to try if the API refuses the present one; None if it is the last."""
        names = list(self._encoders)
        return names[names.index(self.form) + 1] if self.form != names[-1] else None

    def use_form(self, form: FormName) -> None:
        """Make all further requests in another form."""
        self._encoder, self.form = self._encoders[form], form

    def renew_request(self, row: Row) -> None:
        """Make the request of a row again, in the present form."""
        # The texts are not kept, so that a waiting row takes little memory. Its request contains
        # them.
        message = self._encoders[row.form].message_in(row.body)
        row.body = self._encoder.encode_request(message)
        row.request_hash, row.form = request_hash(row.body), self.form
        row.rejections = 0  # they were about another request

    def raised_request(self, row: Row) -> bytes:
        """Return the row's request with twice `max_tokens`, up to the model's maximum."""
        return self._encoders[row.form].with_raised_limit(row.body)

    def repair_request(self, row: Row, first_body: bytes, answer: str, complaint: str) -> bytes:
        """Return the request for a better answer: the prompt, the last answer and what is wrong."""
        encoder = self._encoders[row.form]
        return encoder.encode_repair(encoder.message_in(first_body), answer, complaint)

    def _make_body(self, texts: Sequence[str]) -> bytes:
        system = self._system(texts) if self._system else None
        return self._encoder.encode_request(Message(self._prompt(texts), system))


def request_maker_of(job: Job, data_set: DataSet) -> tuple[RequestMaker, AnswerValidator | None]:
    """Return what makes the requests, and what checks the answers; None for answers of any text.

    Raises:
        InvalidSpec: the prompt, the examples or the schema do not fit the input.
    """
    columns = data_set.shapes_by_column
    prompt = parse_template(job.prompt, columns=columns, argument="prompt")
    system = None
    if job.system:
        system = parse_template(job.system, columns=columns, argument="system")
    validator = validator_of(job, prompt.columns + (system.columns if system else ()))
    turns = example_turns(typed_examples(job.examples, validator), prompt)
    quoted = job.schema.quoted_columns if job.schema else ()
    forms = forms_of(job.completion, job.schema.canonical_json) if job.schema else (FREE,)
    encoders = [RequestEncoder(job.completion, turns, form) for form in forms]
    maker = RequestMaker(prompt, system, encoders, quoted)
    log_assumption(job.completion.model)
    log_form(forms[0].name)
    data_set.check_promptable(maker.columns)
    for literal, column in near_misses(job.prompt + (job.system or ""), columns):
        log.warning("%s is sent to the API as it is. Did you mean {%s}?", literal, column)
    _check_uses_column(job, data_set, maker)
    return maker, validator


def log_assumption(model: str) -> None:
    """Log which dialect is used for a model that is not listed."""
    if (assumed := assumption_about_model(model)) is not None:
        log.info("%s", assumed)


def log_form(form: FormName) -> None:
    """Log in which form typed answers are requested."""
    if form:
        more = " It adds a few hundred prompt tokens per row." if form == FORCED_TOOL else ""
        log.info("Answers are requested as '%s'.%s", form, more)


def _check_uses_column(job: Job, data_set: DataSet, maker: RequestMaker) -> None:
    """Refuse to pay for the same prompt once per row, unless `constant_prompt` allows it."""
    rows = sum(file.rows for file in data_set.files)
    rows = min(rows, job.limit_rows or rows)
    if maker.columns or rows <= 1 or job.constant_prompt:
        return
    example = first_placeholder((*data_set.column_names, *data_set.partition_names))
    fix = f"Write a column's name in braces, such as {{{example}}}"
    if example is None:
        fix = "Give a column a name with a letter, because digits in braces are plain text"
    raise InvalidSpec(
        f"{fix}, or set constant_prompt=True: the prompt uses no column, so all {rows:,} rows would "
        f"make the same request."
    )
