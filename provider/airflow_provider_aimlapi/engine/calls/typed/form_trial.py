"""Try the next form of requests if the API refuses the present one for every row of the opening.

The opening is the first rows that are sent, as in `core.verdicts.opening`, or all rows of a small run. A
refused row is not rejected meanwhile, because the form may be the cause. It waits and is sent again,
which costs nothing. The trial ends with the first answer. A form is changed once, and a note in the run's
folder makes later attempts begin with the new form.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.object_sizes import SMALL_BYTES_MAX
from airflow_provider_aimlapi.core.verdicts.opening import OPENING_ROWS
from airflow_provider_aimlapi.engine.runtime.retry import persist_in_thread
from airflow_provider_aimlapi.errors import TooManyRejections
from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.storage.stores.object_store import create_settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.row import Row
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.errors import RequestRejected

log = logger(__name__)

REFUSED_FORM = 400
"""The status for a request of a wrong form."""


PAUSE_S = 1.0
"""A refused row waits so long, so that others are sent first. Nothing is gained by sending it sooner."""


@dataclass(slots=True, kw_only=True)
class FormTrial:
    """Whether the API accepts the form of the requests.

    Attributes:
        prepared: the run, whose maker makes the requests.
        clock: for the note.
        has_new_rows: returns whether more rows may be sent for the first time.
        is_open: whether nothing but refusals has come, and the form has changed or may change.
    """

    prepared: Prepared
    clock: Clock
    has_new_rows: Callable[[], bool]
    is_open: bool = False
    _rows: dict[tuple[int, int], str] = field(
        default_factory=dict
    )  # the first rows; "" = no result
    _refusals: list[str] = field(default_factory=list)  # the first answer to each earlier form
    _is_refused: bool = False  # the present form is, and the next one is not used yet
    _is_changing: bool = False  # a worker writes the note

    @property
    def is_due(self) -> bool:
        """Whether `change_form` must be called."""
        return self._is_refused and not self._is_changing

    def note_sent(self, row: Row) -> None:
        """Note that a row is sent."""
        if len(self._rows) < OPENING_ROWS:
            self._rows.setdefault(row.row_position, "")

    def end_trial(self) -> None:
        """End the trial: an answer shows that the API accepts the form, or refuses for another reason."""
        self.is_open = False

    def note_refusal(self, row: Row, error: RequestRejected) -> TooManyRejections | None:
        """Note a refusal. Return the error if the API has refused the last form, too."""
        if row.form != self.prepared.maker.form or self._is_refused:
            return None  # the form is being changed, or has changed since the row was sent
        if row.row_position in self._rows:
            self._rows[row.row_position] = str(error)
        # A small run never fills the opening, so it is whole once no new row can come.
        is_whole = len(self._rows) == OPENING_ROWS or not self.has_new_rows()
        if not is_whole or not all(self._rows.values()):
            return None
        if self.prepared.maker.next_form is None:
            return self._error_of_forms()
        self._is_refused = True
        return None

    async def change_form(self) -> None:
        """Make all further requests in the next form, once a note of it is durable.

        Raises:
            StorageError: the note cannot be written.
        """
        maker = self.prepared.maker
        form = maker.next_form
        if form is None:
            return
        # Before the wait, so that no second worker writes the note and changes the form twice.
        self._is_changing = True
        await persist_in_thread(self.clock, leave_note, self.prepared, form)
        refusal = f"'{maker.form}': {self._first_refusal()}"
        log.warning(
            "The API refused the form of the requests for all of the first %d rows, so they are sent "
            "again as '%s'. The first answer to %s",
            len(self._rows),
            form,
            refusal,
        )
        self._refusals.append(refusal)
        self._rows = {}
        self._is_refused = self._is_changing = False
        maker.use_form(form)

    def _first_refusal(self) -> str:
        return next(iter(self._rows.values()))

    def _error_of_forms(self) -> TooManyRejections:
        refusals = [*self._refusals, f"'{self.prepared.maker.form}': {self._first_refusal()}"]
        return TooManyRejections(
            f"The first {len(self._rows)} rows sent were all rejected with HTTP {REFUSED_FORM}, in each "
            f"form of a typed request. Nothing was published. Correct output_schema, the prompt, the "
            f"model or its parameters. The answers: {' '.join(refusals)}"
        )


def leave_note(prepared: Prepared, form: str) -> None:
    """Make later attempts use a form."""
    note = json.dumps({"form": form}).encode()
    create_settled(prepared.store, prepared.names.answer_form, note)


def use_noted_form(prepared: Prepared) -> None:
    """Use the form that an earlier attempt has changed to. Blocking.

    Raises:
        StoreUnavailable: the note may be there, but cannot be read.
    """
    maker = prepared.maker
    form = maker.next_form
    if form is None:
        return
    if prepared.store.read(prepared.names.answer_form, bytes_max=SMALL_BYTES_MAX) is not None:
        log.info("The API refused '%s' in an earlier attempt. '%s' is used.", maker.form, form)
        maker.use_form(form)
