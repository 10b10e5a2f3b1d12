"""Note that a run's instructions were dropped, so that its answers are not used.

The note is create-once, and stays until the folder is removed. Another model is another run. With
`check_arrival=False` the note is not read, because the user vouches for the answers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.arrival.first_answers import ArrivalCheck
from airflow_provider_aimlapi.core.durable.object_sizes import SMALL_BYTES_MAX
from airflow_provider_aimlapi.core.durable.stored_json import REMOVE_FOLDER
from airflow_provider_aimlapi.errors import InstructionsDropped
from airflow_provider_aimlapi.storage.stores.object_store import create_settled

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.arrival.judgement import Judgement
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.settings import Settings


def watch_arrival(prepared: Prepared, settings: Settings) -> ArrivalCheck:
    """Return the check of an attempt; it is closed if there is nothing to check."""
    job = prepared.job
    return ArrivalCheck(
        model=job.completion.model, is_open=settings.check_arrival and bool(job.system)
    )


def leave_note(prepared: Prepared, judgement: Judgement) -> None:
    """Mark the answers of this run as unusable."""
    measured_answers = {
        "model": prepared.job.completion.model,
        "rows": judgement.rows,
        "prompt_tokens": judgement.prompt_tokens,
        "expected_tokens": judgement.expected_tokens,
    }
    # The note has figures for a person who looks at the folder. Only its existence is read.
    create_settled(
        prepared.store, prepared.names.instructions_dropped, json.dumps(measured_answers).encode()
    )


def refuse_note(prepared: Prepared) -> None:
    """Refuse to make calls if an earlier attempt has left a note.

    Raises:
        InstructionsDropped: there is a note.
    """
    names = prepared.names
    if prepared.store.read(names.instructions_dropped, bytes_max=SMALL_BYTES_MAX) is None:
        return
    raise InstructionsDropped(
        f"Use another model id, or set check_arrival=False if you are sure that the instructions arrived: "
        f"{prepared.store.uri(names.instructions_dropped)} shows that those of this run were dropped, so "
        f"its answers are not used. If the API delivers them now: {REMOVE_FOLDER}"
    )
