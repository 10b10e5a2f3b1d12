"""Why the run page shows no progress, in fixed words: nothing from a store reaches the page.

What the store itself reported goes to the server's log.
"""

from __future__ import annotations


class ProgressUnreadable(Exception):
    """Progress is kept, and this server cannot show it; the text is for the page."""

    status = 502

    def __init__(
        self,
        text: str = (
            "The run keeps its progress beside its output, and this server cannot read it there. "
            "The API server's log has the reason."
        ),
    ) -> None:
        super().__init__(text)


class ProgressInvalid(ProgressUnreadable):
    """What is stored is no progress of this run."""

    def __init__(self) -> None:
        super().__init__(
            "What is stored of this run's progress cannot be read: another version of the provider "
            "wrote it, or it was changed. Install the same version in workers and API server."
        )


class TeamNeedsConnection(ProgressUnreadable):
    """The DAG belongs to a team, and its task names no connection that the team may use."""

    def __init__(self) -> None:
        super().__init__(
            "This DAG belongs to a team. The server reads the output of a team's task only through "
            "an Airflow connection: set storage_conn_id. It reads no local path for a team."
        )


class ServerBusy(ProgressUnreadable):
    """Too many reads are under way; the next request may succeed."""

    status = 503

    def __init__(self) -> None:
        super().__init__("The server is reading the progress of other runs. Try again.")


class StoreTooSlow(ProgressUnreadable):
    """The store did not answer in time."""

    status = 504

    def __init__(self) -> None:
        super().__init__("The store of the run's output does not answer in time. Try again.")
