"""`clean --recursive`, `runs` and `--conn-env` on a data set with one output per day."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from s3fs import S3FileSystem

from airflow_provider_aimlapi.commands.entry import main
from airflow_provider_aimlapi.core.texts.wording import format_usd
from airflow_provider_aimlapi.engine.blocking import plan_job, run_job
from airflow_provider_aimlapi.engine.settings import Settings
from tests.commands.conftest import grow_old, names_in, stop_half_way
from tests.runs.conftest import Workplace, texts_table

if TYPE_CHECKING:
    from airflow_provider_aimlapi.engine.job import Job

OTHER = "In one word:\n\n{body}"


def daily_runs(place: Workplace, days: int = 3) -> list[tuple[str, str, str]]:
    """Run twice for each day, and return each day's output, its old run and its visible one."""
    found = []
    for day in range(days):
        output = f"{place.output}/ds=2026-01-0{day + 1}"
        daily = replace(place, output=output)
        old = daily.run(limited(daily, 5))
        new = daily.run(limited(daily, 5, prompt=OTHER))
        found.append((output, old.run_key, new.run_key))
    return found


def limited(place: Workplace, rows: int, **changes: str) -> Job:
    return place.job(limit_rows=rows, **changes)


def billed_nano_usd(place: Workplace) -> int:
    return round(sum(record.usd for record in place.sim.ledger.billed) * 1e9)


def test_recursive_clean_lists_until_yes(
    place: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    days = daily_runs(place)
    grow_old(place.output, days=40)
    usual = ["clean", place.output, "--older-than", "30d"]
    assert main([*usual, "--yes"]) == 0
    assert "add --recursive" in capsys.readouterr().out
    before = place.fs.find(place.output)
    for dry in ([], ["--dry-run"], ["--dry-run", "--yes"]):
        assert main([*usual, "--recursive", *dry]) == 0
        said = capsys.readouterr().out
        assert "Can be removed: 3 runs," in said
        assert "Nothing was removed" in said
        assert all(f"{output}:" in said and old in said for output, old, _ in days)
        assert place.fs.find(place.output) == before
    assert main([*usual, "--recursive", "--yes"]) == 0
    for output, old, new in days:
        daily = replace(place, output=output)
        assert names_in(daily, old) == ["heartbeat/00000002", "lease/00000002"]
        assert any(name == "manifest.json" for name in names_in(daily, new))
        assert daily.run(limited(daily, 5, prompt=OTHER)).requests == 0


def test_runs_are_listed_with_state_rows_and_cost(
    place: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    ((output, old, new),) = daily_runs(place, days=1)
    daily = replace(place, output=output)
    cost = daily.run(limited(daily, 5, prompt=OTHER)).tally.cost_nano_usd
    capsys.readouterr()
    assert main(["runs", output]) == 0
    lines = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines()[:2])
    assert lines[old].startswith("published, 5 rows, ")
    assert lines[new] == f"published, visible, 5 rows, {format_usd(cost)}, changed 0 hours ago"
    assert main(["runs", place.output]) == 0
    assert "No runs below" in capsys.readouterr().out
    assert main(["runs", place.output, "--recursive"]) == 0
    said = capsys.readouterr().out
    assert f"{output}:" in said
    assert f"In total: 2 runs, 10 rows, {format_usd(billed_nano_usd(place))}." in said


def test_unfinished_run_is_listed_by_its_last_report(
    place: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    run_key = stop_half_way(place, 30)
    assert main(["runs", place.output]) == 0
    said = capsys.readouterr().out
    state, rows, cost, _ = said.splitlines()[0].removeprefix(f"{run_key}  ").split(", ")
    done = int(rows.removesuffix(" of 60 rows"))
    assert state == "not published"
    assert 30 <= done < 60
    assert cost == format_usd(billed_nano_usd(place))
    folder = Path(place.output) / "_aimlapi" / run_key
    for file in (*folder.rglob("report.html"), *folder.rglob("progress.json")):
        file.unlink()
    assert main(["runs", place.output]) == 0
    assert "? of 60 rows, cost ?" in capsys.readouterr().out
    (folder / "heartbeat/00000001").write_bytes(b'{"state":"running","beat":7}')
    main(["runs", place.output])
    assert "at work or killed" in capsys.readouterr().out


def test_divided_run_is_listed_by_its_shares(
    place: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each share has a report of its own until the run is published."""
    place.write(texts_table(900), "3.parquet")
    assert plan_job(place.job(), Settings(), workers=2) == 2
    done = run_job(place.job(), Settings(), share=0)
    assert main(["runs", place.output]) == 0
    said = capsys.readouterr().out
    assert f"not published, {done.tally.rows:,} of 960 rows, " in said
    assert format_usd(billed_nano_usd(place)) in said
    run_job(place.job(), Settings(), share=1)
    assert main(["runs", place.output]) == 0
    assert f"not published, 960 rows, {format_usd(billed_nano_usd(place))}" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    "planted",
    [
        b"",
        b"[" * 100_000,
        b'{"run_key": 1}',
        b'<script type="application/json" id="progress">{"x":"\x1b[2J"}</script>',
        b'<script type="application/json" id="progress">' * 80_000,
    ],
)
def test_planted_report_changes_no_line(
    place: Workplace, capsys: pytest.CaptureFixture[str], planted: bytes
) -> None:
    run_key = stop_half_way(place, 10)
    folder = Path(place.output) / "_aimlapi" / run_key
    for name in ("report.html", "progress.json"):
        (folder / name).write_bytes(planted)
    (folder / "share/0001").mkdir(parents=True)
    (folder / "share/0001/report.html").write_bytes(planted)
    assert main(["runs", place.output]) == 0
    assert "? of 60 rows, cost ?" in capsys.readouterr().out


def test_damaged_manifest_is_listed_as_unreadable(
    place: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    run_key = place.run().run_key
    (Path(place.output) / "_aimlapi" / run_key / "manifest.json").write_bytes(b"{}")
    assert main(["runs", place.output]) == 0
    assert f"{run_key}  unreadable" in capsys.readouterr().out


def test_links_and_nested_folders_are_not_followed(
    place: Workplace, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A recursive removal stays below its path, and takes no folder that only looks like a run's."""
    place.run(limited(place, 5))
    place.run(limited(place, 5, prompt=OTHER))
    grow_old(place.output, days=40)
    tree = tmp_path / "tree"
    (tree / "a").mkdir(parents=True)
    (tree / "linked").symlink_to(place.output)
    (tree / "a/_aimlapi").symlink_to(f"{place.output}/_aimlapi")
    (tree / "b/_aimlapi/notes").mkdir(parents=True)
    (tree / "b/_aimlapi/notes/x").write_bytes(b"x")
    before = place.fs.find(place.output)
    assert main(["clean", str(tree), "--older-than", "1h", "--recursive", "--yes"]) == 0
    assert place.fs.find(place.output) == before
    assert "Nothing to remove" in capsys.readouterr().out


def test_connection_in_a_variable_opens_the_store(
    place: Workplace,
    s3_bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fs = S3FileSystem()
    remote = replace(place, fs=fs, input=f"{s3_bucket}/in", output=f"{s3_bucket}/out/ds=1")
    remote.write(texts_table(3))
    run_key = remote.run().run_key
    connection = {
        "conn_type": "aws",
        "login": os.environ["AWS_ACCESS_KEY_ID"],
        "password": os.environ["AWS_SECRET_ACCESS_KEY"],
        "extra": {"endpoint_url": os.environ["AWS_ENDPOINT_URL"], "region_name": "us-east-1"},
    }
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps(connection))
    words = [f"s3://{s3_bucket}/out", "--recursive", "--conn-env", "AIRFLOW_CONN_LAKE"]
    assert main(["runs", *words]) == 0
    assert f"{run_key}  published, visible, 3 rows" in capsys.readouterr().out
    assert main(["clean", *words, "--older-than", "1h"]) == 0
    assert "stays: it is in place" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "is not set"),
        ("not a connection SECRET", "holds no Airflow connection"),
        ('{"conn_type": "aimlapi", "password": "SECRET"}', "does not open s3://"),
        ('{"conn_type": "aws", "extra": {"role_arn": "SECRET"}}', "'role_arn'"),
        ('{"conn_type": "wasb", "password": "SECRET"}', "does not open s3://"),
    ],
)
def test_bad_connection_is_refused_without_a_quote(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    value: str | None,
    said: str,
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_LAKE", raising=False)
    if value is not None:
        monkeypatch.setenv("AIRFLOW_CONN_LAKE", value)
    assert main(["runs", "s3://b/out", "--conn-env", "AIRFLOW_CONN_LAKE"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "SECRET" not in error
