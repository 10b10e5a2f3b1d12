"""Which Airflow on which Python is tried, and what each needs to install. Nothing is installed here."""

from __future__ import annotations

from dataclasses import dataclass

PYTHONS = ("3.11", "3.12", "3.13")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The last patch of a minor version of Airflow.

    Attributes:
        airflow: the version, all three parts of it.
        pythons: on which it installs.
        needs: what pip must be told besides, so that it runs.
        until: no package younger than this day, where those that came later broke it. Empty for
            none. Our own needs are exempt, see `YOUNGER`.
        why: the reason for `pythons`, `needs` and `until`.
    """

    airflow: str
    pythons: tuple[str, ...] = PYTHONS
    needs: tuple[str, ...] = ()
    until: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One Airflow on one Python."""

    release: Release
    python: str

    @property
    def name(self) -> str:
        """As `make matrix ONLY=` takes it: minor version of Airflow, and Python's."""
        return f"{'.'.join(self.release.airflow.split('.')[:2])}-{self.python}"


RELEASES = (
    Release(
        airflow="3.0.6",
        pythons=("3.11", "3.12"),
        needs=("fastapi<0.118", "wtforms"),
        why="Airflow 3.0 refuses Python 3.13, takes a FastAPI too young for its own task API, and "
        "draws connection forms with wtforms, which comes with the FAB provider",
    ),
    Release(airflow="3.1.8"),
    Release(
        airflow="3.2.2",
        needs=("fastapi<0.137",),
        until="2026-06-15",
        why="no task runs with what came later: first pydantic 2.14, then others",
    ),
    Release(airflow="3.3.2"),
)

CELLS = tuple(
    Cell(release=release, python=python) for release in RELEASES for python in release.pythons
)

YOUNGER = {
    "apache-airflow-providers-common-compat": "2026-11-01",
    "moto": "2026-11-01",
    # What these send is tested request by request.
    "s3fs": "2026-11-01",
    "fsspec": "2026-11-01",
    "obstore": "2026-11-01",
    "aiobotocore": "2026-11-01",
    "botocore": "2026-11-01",
}
"""What we and our tests need, however old Airflow is: exempt from `until`, to a day of its own."""
