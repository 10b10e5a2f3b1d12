"""The reasons why the run page shows no progress, as fixed texts: no text of a store reaches the page.

The store's own error goes to the server's log.
"""

from __future__ import annotations


class ProgressUnreadable(Exception):
    """Progress is stored, but this server cannot show it. The page shows the text."""

    status = 502

    def __init__(
        self,
        text: str = (
            "The run's progress is stored beside its output, and this server cannot read it there. "
            "See the API server's log for the reason."
        ),
    ) -> None:
        super().__init__(text)


class ProgressInvalid(ProgressUnreadable):
    """The stored object is no progress of this run."""

    def __init__(self) -> None:
        super().__init__(
            "The stored progress of this run cannot be read: another version of the provider wrote it, "
            "or it was changed. Install the same version on the workers and the API server."
        )


class TeamNeedsConnection(ProgressUnreadable):
    """The DAG belongs to a team, and its task names no connection that the team may use."""

    def __init__(self) -> None:
        super().__init__(
            "This DAG belongs to a team. The server reads the output of a team's task only through "
            "an Airflow connection, and never from a local path. Set storage_conn_id."
        )


class ServerBusy(ProgressUnreadable):
    """Too many reads are under way. The next request may succeed."""

    status = 503

    def __init__(self) -> None:
        super().__init__("The server is reading the progress of other runs. Try again.")


class StoreTooSlow(ProgressUnreadable):
    """The store did not answer in time."""

    status = 504

    def __init__(self) -> None:
        super().__init__("The store of the run's output does not answer in time. Try again.")
