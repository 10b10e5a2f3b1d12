"""What a run that goes well publishes: every row once, in order, with its own answer."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from s3fs import S3FileSystem

from aimlapi_simulator import Fault, Forms
from airflow_provider_aimlapi.errors import InvalidSpec
from tests.runs.conftest import Workplace, expected, script, texts_table


def test_each_row_gets_its_own_answer_in_order(place: Workplace) -> None:
    place.write(texts_table(700), row_group_size=100)
    report = place.run(max_concurrency=64)
    result = place.result()
    assert result["id"].to_pylist() == list(range(700))
    assert result["completion"].to_pylist() == [expected(b) for b in result["body"].to_pylist()]
    assert report.tally.ok == report.tally.rows == 700
    assert len(place.paid_prompts()) == 700


def test_the_info_column_tells_what_the_api_told(place: Workplace) -> None:
    place.write(texts_table(3))
    report = place.run()
    billed = {record.inference_id: record for record in place.sim.ledger.billed}
    for info in place.result()["completion_info"].to_pylist():
        record = billed[info["inference_id"]]
        assert info["status"] == "ok"
        assert info["error"] is None
        assert info["cost_usd"] == record.usd
        assert info["prompt_tokens"] == record.prompt_tokens
        assert info["completion_tokens"] == record.completion_tokens
        assert info["request_hash"] == record.body_sha256
        assert info["attempts"] == 1
        assert info["model"] == "claude-sonnet-4-6"
        assert abs(info["completed_at"].timestamp() - record.at_s) < 60
    assert report.as_return_value()["cost_usd"] == place.sim.ledger.total_usd


def test_the_summary_is_the_contracts(place: Workplace) -> None:
    place.write(texts_table(5))
    summary = place.run().as_return_value()
    counts = {
        "rows": 5,
        "ok": 5,
        "truncated": 0,
        "refused": 0,
        "invalid": 0,
        "rejected": 0,
        "skipped": 0,
    }
    assert counts.items() <= summary.items()
    assert summary["requests"] == 5
    assert summary["reused"] == summary["throttled"] == 0
    assert str(summary["manifest"]).endswith(f"_aimlapi/{summary['run_key']}/manifest.json")
    manifest = json.loads(Path(str(summary["manifest"]).removeprefix("file://")).read_bytes())
    assert manifest["tally"]["ok"] == 5


def test_a_second_run_of_the_same_job_asks_nothing(place: Workplace) -> None:
    place.write(texts_table(40))
    first = place.run()
    again = place.run()
    assert again.requests == 0
    assert again.reused == 40
    assert again.as_return_value()["cost_usd"] == first.as_return_value()["cost_usd"]
    assert len(place.sim.ledger.requests) == 40


def test_changed_prompt_takes_the_place_of_the_old_result(
    place: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    place.write(texts_table(20))
    place.run()
    assert "replaces it once" not in caplog.text
    place.run(place.job(prompt="Translate: {body}"))
    assert "replaces it once" in caplog.text
    bodies = place.result()["body"].to_pylist()
    wanted = [expected(body, "Translate: {body}") for body in bodies]
    assert place.result()["completion"].to_pylist() == wanted
    place.run()
    assert place.result()["completion"].to_pylist() == [expected(body) for body in bodies]
    assert len(place.sim.ledger.billed) == 40


def test_an_old_result_may_be_kept_from_being_replaced(place: Workplace) -> None:
    place.write(texts_table(20))
    usual = place.job(on_existing="error")
    place.run(usual)
    bodies = place.result()["body"].to_pylist()
    with pytest.raises(InvalidSpec, match="on_existing='replace'"):
        place.run(place.job(prompt="Translate: {body}", on_existing="error"))
    assert place.result()["completion"].to_pylist() == [expected(body) for body in bodies]
    assert len(place.sim.ledger.requests) == 20
    assert place.run(usual).requests == 0


def test_fewer_files_leave_no_old_part_behind(place: Workplace) -> None:
    place.write(texts_table(5), "a.parquet")
    place.write(texts_table(5, 5), "b.parquet")
    place.run()
    place.fs.rm(f"{place.input}/b.parquet")
    place.run()
    assert place.visible() == ["a-00000.parquet"]


def test_columns_come_through_untouched(place: Workplace) -> None:
    table = pa.table(
        {
            "id": pa.array([1, 2, None], pa.uint8()),
            "body": pa.array(["a", "b", "c"], pa.large_string()),
            "price": pa.array([Decimal("1.10"), None, Decimal("-3.00")], pa.decimal128(7, 2)),
            "at": pa.array([0, 1, None], pa.timestamp("ns", "Europe/Vienna")),
            "tags": pa.array([["x", None], [], None], pa.list_(pa.string())),
            "kind": pa.array(["p", "q", "p"]).dictionary_encode(),
            "blob": pa.array([b"\x00\xff", b"", None], pa.binary()),
            "nested": pa.array([{"a": {"b": 1}}, {"a": None}, None]),
        }
    ).replace_schema_metadata({"origin": "warehouse"})
    place.write(table)
    place.run()
    result = place.result()
    assert result.select(table.column_names).equals(table)
    assert result.schema.field("kind").type == table.schema.field("kind").type
    assert result.schema.metadata[b"origin"] == b"warehouse"
    assert result.column_names == [*table.column_names, "completion", "completion_info"]


def test_folders_are_mirrored_and_hive_keys_are_usable(place: Workplace) -> None:
    """A prompt may contain a Hive key."""
    place.write(texts_table(3), "ds=2026-01-01/x.parquet")
    place.write(texts_table(3, 3), "ds=2026-01-02/x.parquet")
    place.run(place.job(prompt="On {ds}: {body}"))
    assert place.visible() == ["ds=2026-01-01/x-00000.parquet", "ds=2026-01-02/x-00000.parquet"]
    frame = pd.read_parquet(place.output)
    wanted = [expected(row.body, f"On {row.ds}: {{body}}") for row in frame.itertuples(index=False)]
    assert frame["completion"].tolist() == wanted
    assert len(frame) == 6


def test_a_glob_reads_only_what_it_matches(place: Workplace) -> None:
    place.write(texts_table(2), "wanted-1.parquet")
    place.write(texts_table(2, 2), "other.parquet")
    job = place.job()
    job = place.job(input=type(job.input)(fs=place.fs, path=f"{place.input}/wanted-*.parquet"))
    assert place.run(job).tally.rows == 2


@pytest.mark.parametrize(
    ("glob", "names"),
    [
        ("_*", ["%5Fa-00000.parquet", "%5Fc/d-00000.parquet"]),
        (".*", ["%2Eb-00000.parquet"]),
        ("_a.parquet", ["%5Fa-00000.parquet"]),
    ],
)
def test_output_of_hidden_input_is_seen_by_plain_readers(
    place: Workplace, glob: str, names: list[str]
) -> None:
    for name in ("_a.parquet", ".b.parquet", "_c/d.parquet"):
        place.write(texts_table(3), name=name)
    place.run(place.job(input=replace(place.job().input, path=f"{place.input}/{glob}")))
    assert place.visible() == names
    assert len(pd.read_parquet(place.output)) == 3 * len(names)


def test_null_rows_are_skipped_and_cost_nothing(place: Workplace) -> None:
    place.write(pa.table({"id": [1, 2, 3], "body": ["a", None, "c"]}))
    report = place.run()
    assert (report.tally.ok, report.tally.skipped) == (2, 1)
    info = place.result()["completion_info"].to_pylist()[1]
    assert info["status"] == "skipped"
    assert info["error"] == "null in column 'body'"
    assert info["attempts"] == 0
    assert place.result()["completion"].to_pylist()[1] is None
    assert len(place.sim.ledger.requests) == 2


def test_a_file_without_rows_becomes_an_empty_part(place: Workplace) -> None:
    place.write(texts_table(0))
    report = place.run()
    assert report.tally.rows == 0
    assert place.result().num_rows == 0
    assert "completion_info" in place.result().column_names
    assert place.fs.exists(f"{place.output}/_SUCCESS")


def test_limit_rows_asks_only_the_first_ones(place: Workplace) -> None:
    place.write(texts_table(10), "a.parquet")
    place.write(texts_table(10, 10), "b.parquet")
    assert place.run(place.job(limit_rows=13)).tally.rows == 13
    assert place.result()["id"].to_pylist() == list(range(13))
    assert len(place.sim.ledger.billed) == 13


def test_a_shard_becomes_a_part_each(place: Workplace) -> None:
    place.write(texts_table(9_000), row_group_size=3_000)
    report = place.run(max_concurrency=256)
    assert place.visible() == ["a-00000.parquet", "a-00001.parquet"]
    assert place.result()["id"].to_pylist() == list(range(9_000))
    manifest = json.loads(Path(report.manifest.removeprefix("file://")).read_bytes())
    assert [part["visible_name"] for part in manifest["parts"]] == place.visible()
    assert sum(part["tally"]["ok"] for part in manifest["parts"]) == 9_000


def test_hostile_text_goes_there_and_comes_back(place: Workplace) -> None:
    hostile = [
        "nul \x00 inside",
        "{ lone brace",
        "{{ 7*7 }} {% if x %}",
        "{body} {unknown} \\{",
        "right to left \u202e mark",
        '"quotes" \\ and \ud7ff \U0001f9ea',
        "x" * 5_000_000,
    ]
    place.write(pa.table({"body": hostile}))
    report = place.run()
    assert report.tally.ok == len(hostile)
    wanted = [expected(body) for body in hostile]
    assert place.result()["completion"].to_pylist() == wanted


def test_refused_and_truncated_answers_are_kept_with_their_reason(place: Workplace) -> None:
    place.sim.follow(
        script(
            faults=(
                Fault(kind="refusal", contains="Ticket 1."),
                Fault(kind="truncated", contains="Ticket 2."),
                Fault(kind="null-content", contains="Ticket 3."),
                Fault(kind="201", contains="Ticket 4."),
            )
        )
    )
    place.write(texts_table(6))
    report = place.run()
    assert (report.tally.ok, report.tally.refused, report.tally.truncated) == (4, 1, 1)
    infos = place.result()["completion_info"].to_pylist()
    assert [info["status"] for info in infos] == ["ok", "refused", "truncated", "ok", "ok", "ok"]
    assert infos[1]["error"]
    assert infos[3]["error"] == "the model returned no text"
    assert place.result()["completion"].to_pylist()[3] is None
    assert len(place.sim.ledger.billed) == 6


def test_unreported_cost_is_null_and_counted(place: Workplace) -> None:
    place.sim.follow(script(faults=(Fault(kind="cost-nowhere", contains="Ticket 1."),)))
    place.write(texts_table(3))
    report = place.run()
    costs = [info["cost_usd"] for info in place.result()["completion_info"].to_pylist()]
    assert costs[1] is None
    assert None not in (costs[0], costs[2])
    assert report.tally.rows_without_cost == 1


def test_every_form_of_telling_cost_gives_the_same_sum(place: Workplace) -> None:
    place.sim.follow(script(forms=Forms(cost="seeded", finish_reasons="seeded")))
    place.write(texts_table(60))
    report = place.run()
    costs = [info["cost_usd"] for info in place.result()["completion_info"].to_pylist()]
    told = [round(cost * 1e9) for cost in costs if cost is not None]
    assert report.tally.cost_nano_usd == sum(told)
    assert report.tally.rows_without_cost == costs.count(None) == 60 - len(told)
    billed = {record.inference_id: record.usd for record in place.sim.ledger.billed}
    for info in place.result()["completion_info"].to_pylist():
        assert info["cost_usd"] in (None, billed[info["inference_id"]])


def test_the_whole_job_on_s3(place: Workplace, s3_bucket: str) -> None:
    place.fs = S3FileSystem(skip_instance_cache=True, use_listings_cache=False)
    place.input, place.output = f"{s3_bucket}/in", f"{s3_bucket}/out"
    place.write(texts_table(300), "ds=1/a.parquet", row_group_size=50)
    report = place.run(max_concurrency=32)
    assert report.manifest.startswith(f"s3://{s3_bucket}/out/_aimlapi/")
    assert place.visible() == ["ds=1/a-00000.parquet"]
    result = place.result()
    assert result["completion"].to_pylist() == [expected(b) for b in result["body"].to_pylist()]
    assert place.run().requests == 0
    assert not place.fs.find(f"{place.output}/_aimlapi/{report.run_key}/journal")


def test_odd_keys_are_published_under_safe_names(place: Workplace, s3_bucket: str) -> None:
    fs = S3FileSystem()
    place.fs, place.input, place.output = fs, f"{s3_bucket}/in", f"{s3_bucket}/out"
    for name in ("a//b.parquet", "c\td.parquet", "e\\f.parquet"):
        place.write(texts_table(2), name)
    assert place.run().tally.ok == 6
    assert place.visible() == ["a/b-00000.parquet", "c%09d-00000.parquet", "e%5Cf-00000.parquet"]
    assert place.run().as_return_value()["reused"] == 6


def test_nothing_of_the_key_is_written_anywhere(place: Workplace, tmp_path: Path) -> None:
    place.write(texts_table(5))
    place.run()
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            assert b"runs-secret-key" not in path.read_bytes()


def test_plain_readers_do_not_see_the_runs_own_folder(place: Workplace) -> None:
    place.write(texts_table(8))
    place.run()
    assert len(pd.read_parquet(place.output)) == 8
    assert pq.read_table(place.output).num_rows == 8
