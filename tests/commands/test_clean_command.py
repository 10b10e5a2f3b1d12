"""`airflow-aimlapi clean` on the folders of real runs: what is removed, kept and printed."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import fsspec
import pytest

from airflow_provider_aimlapi.commands.entry import main
from tests.commands.conftest import grow_old, names_in, run_folder, stop_half_way
from tests.runs.conftest import Workplace, expected, texts_table

if TYPE_CHECKING:
    from pathlib import Path

    from aimlapi_simulator import Simulator

OTHER_PROMPT = "In one word:\n\n{body}"
COMMAND = "import sys; from airflow_provider_aimlapi.commands.entry import main; sys.exit(main())"


def two_runs(place: Workplace) -> tuple[str, str]:
    """An old run, and the one that took its place."""
    old = place.run().run_key
    return old, place.run(place.job(prompt=OTHER_PROMPT)).run_key


def test_old_run_goes_and_visible_one_stays(
    place: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = two_runs(place)
    grow_old(place.output, days=40)
    before = {path: place.fs.cat_file(path) for path in place.fs.find(run_folder(place, new))}
    gone = list(place.fs.find(run_folder(place, old)))
    size_bytes = sum(place.fs.size(path) for path in gone)
    assert main(["clean", place.output, "--older-than", "30d", "--yes"]) == 0
    assert names_in(place, old) == ["heartbeat/00000002", "lease/00000002"]
    assert {path: place.fs.cat_file(path) for path in before} == before
    said = capsys.readouterr().out
    assert f"{new}  {len(before)} objects" in said
    assert "stays: it is in place" in said
    assert f"Removed: {len(gone)} objects, {size_bytes / 1000:.1f} kB." in said
    bodies = place.result()["body"].to_pylist()
    assert place.result()["completion"].to_pylist() == [expected(b, OTHER_PROMPT) for b in bodies]
    assert place.run(place.job(prompt=OTHER_PROMPT)).requests == 0


def test_remains_of_a_removal_go_when_old(place: Workplace) -> None:
    old, _ = two_runs(place)
    grow_old(place.output, days=40)
    for _ in range(2):
        assert main(["clean", place.output, "--older-than", "30d", "--yes"]) == 0
        assert names_in(place, old) == ["heartbeat/00000002", "lease/00000002"]
    grow_old(run_folder(place, old), days=31)
    assert main(["clean", place.output, "--older-than", "30d", "--yes"]) == 0
    assert names_in(place, old) == []


def test_removed_run_starts_again_without_waiting(place: Workplace) -> None:
    two_runs(place)
    grow_old(place.output, days=40)
    main(["clean", place.output, "--older-than", "30d", "--yes"])
    report = place.run()
    assert (report.reused, report.tally.ok) == (0, 60)
    assert place.result()["completion"].to_pylist() == [
        expected(body) for body in place.result()["body"].to_pylist()
    ]


def test_dry_run_removes_nothing(place: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    old, _ = two_runs(place)
    grow_old(place.output, days=40)
    before = place.fs.find(place.output)
    assert main(["clean", place.output, "--older-than", "30d", "--dry-run"]) == 0
    assert place.fs.find(place.output) == before
    said = capsys.readouterr().out
    assert f"{old}  {len(names_in(place, old))} objects" in said
    assert "changed 40 days ago; can be removed" in said
    assert "Nothing was removed." in said


def test_one_young_object_keeps_a_run(place: Workplace) -> None:
    old, _ = two_runs(place)
    names = names_in(place, old)
    grow_old(place.output, days=40)
    os.utime(f"{run_folder(place, old)}/plan.json")
    assert main(["clean", place.output, "--older-than", "30d", "--yes"]) == 0
    assert names_in(place, old) == names


def test_failed_runs_are_removed(place: Workplace) -> None:
    run_key = stop_half_way(place, 30)
    assert main(["clean", place.output, "--older-than", "1h", "--yes"]) == 0
    grow_old(place.output, days=0.5)
    assert any(name.startswith("journal/") for name in names_in(place, run_key))
    assert main(["clean", place.output, "--older-than", "1h", "--yes"]) == 0
    assert names_in(place, run_key) == ["heartbeat/00000002", "lease/00000002"]


def test_unreleased_lease_keeps_a_run_for_a_day(
    place: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    """The attempt that holds it may still be alive."""
    run_key = stop_half_way(place, 30)
    heartbeat = f"{run_folder(place, run_key)}/heartbeat/00000001"
    place.fs.pipe_file(heartbeat, b'{"state":"running","beat":7}')
    names = names_in(place, run_key)
    grow_old(place.output, days=0.9)
    assert main(["clean", place.output, "--older-than", "1h", "--yes"]) == 0
    assert names_in(place, run_key) == names
    assert "has not let go" in capsys.readouterr().out
    grow_old(place.output, days=1.1)
    assert main(["clean", place.output, "--older-than", "1h", "--yes"]) == 0
    assert names_in(place, run_key) == ["heartbeat/00000002", "lease/00000002"]


def test_without_success_a_run_whose_parts_are_visible_stays(
    place: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = two_runs(place)
    place.fs.rm_file(f"{place.output}/_SUCCESS")
    grow_old(place.output, days=40)
    assert main(["clean", place.output, "--older-than", "30d", "--yes"]) == 0
    assert "manifest.json" in names_in(place, old)
    assert "manifest.json" in names_in(place, new)
    assert "0-00000.parquet is a part of it, and visible" in capsys.readouterr().out


def test_unreadable_manifest_keeps_its_run(
    place: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person must look at it first."""
    old, _ = two_runs(place)
    place.fs.pipe_file(f"{run_folder(place, old)}/manifest.json", b"{")
    grow_old(place.output, days=40)
    assert main(["clean", place.output, "--older-than", "30d", "--yes"]) == 0
    assert "plan.json" in names_in(place, old)
    assert "cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("manifest.json", b"[" * 100_000, "cannot be read"),
        ("plan.json", b"[" * 100_000, "cannot be read"),
        ("plan.json", b"{}", "cannot be read"),
        ("plan.json", None, "a manifest and no plan"),
        ("lease/99999999", b"planted", "99,999,999"),
    ],
)
def test_planted_object_keeps_its_own_folder_only(
    place: Workplace,
    capsys: pytest.CaptureFixture[str],
    name: str,
    data: bytes | None,
    said: str,
) -> None:
    first = place.run().run_key
    second = place.run(place.job(prompt=OTHER_PROMPT)).run_key
    place.run(place.job(prompt="A third:\n\n{body}"))
    old, other = sorted((first, second))
    path = f"{run_folder(place, old)}/{name}"
    place.fs.rm_file(path) if data is None else place.fs.pipe_file(path, data)
    before = names_in(place, old)
    grow_old(place.output, days=40)
    assert main(["clean", place.output, "--older-than", "30d", "--yes"]) == 0
    assert names_in(place, old) == before
    assert names_in(place, other) == ["heartbeat/00000002", "lease/00000002"]
    assert said in capsys.readouterr().out


def test_on_s3(sim: Simulator, s3_bucket: str) -> None:
    fs = fsspec.filesystem("s3")
    place = Workplace(fs=fs, input=f"{s3_bucket}/in", output=f"{s3_bucket}/out", sim=sim)
    place.write(texts_table(20))
    old, new = two_runs(place)
    kept = names_in(place, new)
    assert main(["clean", f"s3://{s3_bucket}/out", "--older-than", "0h", "--yes"]) == 0
    fs.invalidate_cache()
    assert names_in(place, old) == ["heartbeat/00000002", "lease/00000002"]
    assert names_in(place, new) == kept
    assert main(["clean", f"s3://{s3_bucket}/out", "--older-than", "0h", "--yes"]) == 0
    fs.invalidate_cache()
    assert names_in(place, old) == []
    assert place.run(place.job(prompt=OTHER_PROMPT)).requests == 0


@pytest.mark.parametrize(("typed", "goes"), [(b"y\n", True), (b"n\n", False), (b"\n", False)])
def test_removal_asks_at_a_terminal(place: Workplace, typed: bytes, goes: bool) -> None:
    old, _ = two_runs(place)
    grow_old(place.output, days=40)
    ours, theirs = pty.openpty()
    try:
        os.write(ours, typed)
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, "clean", place.output, "--older-than", "30d"],
            stdin=theirs,
            check=True,
            capture_output=True,
            text=True,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert "[y/N]" in done.stdout
    assert ("plan.json" not in names_in(place, old)) is goes


def test_nothing_is_removed_without_a_terminal(place: Workplace) -> None:
    two_runs(place)
    grow_old(place.output, days=40)
    before = place.fs.find(place.output)
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "clean", place.output, "--older-than", "30d"],
        stdin=subprocess.DEVNULL,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "Add --yes to remove, or --dry-run" in done.stderr
    assert place.fs.find(place.output) == before


@pytest.mark.parametrize("age", ["30", "d", "-3d", "1y", "1.5d", ""])
def test_an_age_that_is_none_is_refused(
    tmp_path: Path, age: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["clean", str(tmp_path), f"--older-than={age}"])
    assert ended.value.code == 2
    assert "such as 30d" in capsys.readouterr().err


def test_age_is_required(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["clean", str(tmp_path)])
    assert "--older-than" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "status", "sentence"),
    [
        ("s3://aws_default@bucket/out", 2, "names an Airflow connection"),
        ("nowhere://bucket/out", 2, "nowhere:// is not allowed"),
        ("simplecache::s3://bucket/out", 2, "contains '::'"),
        ("s3://no-such-bucket-here/out", 1, "no-such-bucket-here"),
    ],
)
def test_unreadable_outputs_are_reported(
    s3_bucket: str, url: str, status: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["clean", url, "--older-than", "30d", "--yes"]) == status
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.err.startswith("airflow-aimlapi: ")


def test_a_path_without_runs_has_nothing_to_remove(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "_aimlapi" / "notes").mkdir(parents=True)
    (tmp_path / "_aimlapi" / "notes" / "mine.txt").write_text("keep me")
    assert main(["clean", str(tmp_path), "--older-than", "0h", "--yes"]) == 0
    assert (tmp_path / "_aimlapi" / "notes" / "mine.txt").read_text() == "keep me"
    assert "Nothing to remove below file://" in capsys.readouterr().out
