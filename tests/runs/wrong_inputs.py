"""Forty-odd wrong inputs, each by the words of its row in `provider/docs/wrong-inputs.md`."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from pyarrow import parquet as pq

from aimlapi_simulator import simulator_thread
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.job import OpenLocation
from tests.fakes.footers import in_codec, int96, int96_array, int96_file, written
from tests.interop.parquet_classes import encrypted
from tests.runs.conftest import KEY, MODEL, Workplace, script, texts_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.engine.job import Job

UUID = "1f0e3dad-9908-4a2b-8f57-1f0e3dad9908"
SOUND = written(texts_table(3))
BODY = pa.array(["a", "b"])
Case = "Callable[[Workplace], Job]"


def files(**contents: bytes | pa.Table) -> Callable[[Workplace], Job]:
    """Return a case whose input folder holds these files; a name's `__` stands for `/`, `_0` for `.`."""

    def make(place: Workplace) -> Job:
        for name, content in contents.items():
            data = written(content) if isinstance(content, pa.Table) else content
            put(place, name.replace("__", "/").replace("_0", "."), data)
        return place.job()

    return make


def put(place: Workplace, name: str, data: bytes) -> None:
    """Write a file below the input folder."""
    path = Path(place.input) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def job(**changes: Any) -> Callable[[Workplace], Job]:
    """Return a case of sound input and a job that differs in some fields."""

    def make(place: Workplace) -> Job:
        put(place, "a.parquet", SOUND)
        return place.job(**changes)

    return make


def path(below: str) -> Callable[[Workplace], Job]:
    """Return a case of sound input and a path that does not mean it."""

    def make(place: Workplace) -> Job:
        put(place, "é.parquet", SOUND)
        put(place, "rows.csv", b"id,body\n1,a\n")
        return place.job(input=OpenLocation(fs=place.fs, path=f"{place.input}/{below}"))

    return make


def spec(**parameters: Any) -> Callable[[Workplace], Job]:
    """Return a case of sound input and parameters that the model does not take."""

    def make(place: Workplace) -> Job:
        put(place, "a.parquet", SOUND)
        return place.job(completion=CompletionSpec(model=MODEL, **parameters))

    return make


def table(**columns: object) -> pa.Table:
    """Return a table of two rows with more columns."""
    return pa.table({"body": BODY, **columns})


def linked(target: str) -> Callable[[Workplace], Job]:
    """Return a case of a link below the input."""

    def make(place: Workplace) -> Job:
        put(place, "a.parquet", SOUND)
        (Path(place.input).parent / "secret.parquet").write_bytes(SOUND)
        (Path(place.input) / "b.parquet").symlink_to(target)
        return place.job()

    return make


def _pipe(place: Workplace) -> Job:
    put(place, "a.parquet", SOUND)
    os.mkfifo(Path(place.input) / "b.parquet")
    return place.job()


def _inside(place: Workplace) -> Job:
    put(place, "a.parquet", SOUND)
    return place.job(output=OpenLocation(fs=place.fs, path=f"{place.input}/out"))


def _foreign(place: Workplace) -> Job:
    put(place, "a.parquet", SOUND)
    Path(place.output).mkdir()
    (Path(place.output) / "a-00000.parquet").write_bytes(SOUND)
    return place.job()


def _partition_of_a_table(place: Workplace) -> Job:
    put(place, f"metadata/00001-{UUID}.metadata.json", b"{}")
    put(place, "data/ds=1/a.parquet", SOUND)
    return place.job(input=OpenLocation(fs=place.fs, path=f"{place.input}/data/ds=1"))


def _damaged_neighbour(place: Workplace) -> Job:
    rows = 3000
    columns = {name: [f"{name} of row {row}" for row in range(rows)] for name in ("body", "note")}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, compression="zstd", use_dictionary=False)
    data = bytearray(sink.getvalue().to_pybytes())
    chunk = pq.read_metadata(pa.BufferReader(bytes(data))).row_group(0).column(1)
    end = chunk.data_page_offset + chunk.total_compressed_size
    data[end - 400 : end - 300] = b"\xaa" * 100
    put(place, "a.parquet", bytes(data))
    return place.job()


def _glob(place: Workplace) -> Job:
    put(place, "rows.csv", b"id,body\n1,a\n")
    return place.job(input=OpenLocation(fs=place.fs, path=f"{place.input}/*.csv"))


def _numbered(place: Workplace) -> Job:
    put(place, "a.parquet", written(pa.table({"0": BODY, "1": BODY})))
    return place.job(prompt="Say {0}")


def _wide_integers() -> bytes:
    sink = io.BytesIO()
    pl.DataFrame({"body": ["a"], "n": pl.Series([2**100], dtype=pl.Int128)}).write_parquet(sink)
    return sink.getvalue()


def _other_run(place: Workplace) -> Job:
    put(place, "a.parquet", SOUND)
    with simulator_thread(script()) as other:
        place.run(place.job(endpoint=Endpoint(base_url=other.url, key=KEY)))
    return replace(place.job(), on_existing="error")


CASES: dict[str, Callable[[Workplace], Job]] = {
    "a folder that is not there": path("none/"),
    "a glob that matches nothing": path("x*.parquet"),
    "a name in other Unicode characters": path("e\u0301.parquet"),
    "a folder without Parquet": files(rows_0csv=b"1,2\n"),
    "a glob that matches a CSV file": _glob,
    "a Delta Lake table": files(_delta_log__0_0json=b"{}", a_0parquet=SOUND),
    "a partition of an Iceberg table": _partition_of_a_table,
    "a Hudi table": files(_0hoodie__hoodie_0properties=b"", a_0parquet=SOUND),
    "a folder above a table": files(t___delta_log__0_0json=b"{}", t__a_0parquet=SOUND),
    "the output of a streaming query": files(_spark_metadata__0=b"v1", a_0parquet=SOUND),
    "a link that leads out": linked("../secret.parquet"),
    "a link to nothing": linked("gone.parquet"),
    "a pipe named like a file": _pipe,
    "two files for one output name": files(a=SOUND, a_0parquet=SOUND),
    "a file's name of 250 bytes": files(**{"n" * 242 + "_0parquet": SOUND}),
    "an output folder inside the input": _inside,
    "a foreign file where a part would go": _foreign,
    "another run's result, with on_existing='error'": _other_run,
    "an empty file": files(a_0parquet=b""),
    "a damaged footer": files(a_0parquet=SOUND[:-30] + b"\xff" * 22 + SOUND[-8:]),
    "a file cut short": files(a_0parquet=SOUND[:-10]),
    "a damaged page in any column": _damaged_neighbour,
    "an encrypted footer": files(a_0parquet=encrypted(table(ssn=[1, 2]), ["ssn"])),
    "an encrypted column": files(
        a_0parquet=encrypted(table(ssn=[1, 2]), ["ssn"], plaintext_footer=True)
    ),
    "a column in a codec that Arrow lacks": files(
        a_0parquet=SOUND, b_0parquet=in_codec(SOUND, 3, column=0)
    ),
    "a column of 128-bit integers": files(a_0parquet=_wide_integers()),
    "a column of two types": files(a_0parquet=table(n=[1, 2]), b_0parquet=table(n=["x", "y"])),
    "large integers next to floats": files(
        a_0parquet=table(n=[2**53 + 1, 1]), b_0parquet=table(n=[0.5, 1.5])
    ),
    "two columns of one name": files(
        a_0parquet=pa.Table.from_arrays([BODY, BODY], names=["body", "body"])
    ),
    "two columns that differ in case": files(a_0parquet=pa.table({"body": BODY, "Body": BODY})),
    "two files that differ in a column's case": files(
        a_0parquet=table(id=[1, 2]), b_0parquet=table(ID=[1, 2])
    ),
    "two fields of a struct that differ in case": files(
        a_0parquet=table(v=[{"plan": 1, "Plan": 2}, None])
    ),
    "a column named like ours": files(a_0parquet=table(completion=[1, 2])),
    "a column named like ours in capitals": files(a_0parquet=table(COMPLETION_INFO=[1, 2])),
    "INT96 between two microseconds": files(
        a_0parquet=int96_file({"body": BODY, "at": int96_array([int96(2_440_588, 1), None])})
    ),
    "a prompt with an unknown column": job(prompt="Say {bdoy}"),
    "a prompt with blanks in the braces": job(prompt="Say { body }"),
    "a prompt with a conversion": job(prompt="Say {body!r}"),
    "a prompt with an expression": job(prompt="Say {id}: {body.strip()}"),
    "a prompt in another template language": job(prompt='Say {id}: {row["body"]}'),
    "a prompt with a path that leads nowhere": job(prompt="Say {body.text}"),
    "a prompt without any column": job(prompt=r"Match \d{4}"),
    "a prompt with the number of a column": _numbered,
    "a system prompt with an unknown column": job(system="You are {ID2}"),
    "an empty prompt": job(prompt="  "),
    "a column of bytes in the prompt": files(a_0parquet=pa.table({"body": [b"\xff\xfe", b"\x00"]})),
    "limit_rows=0": job(limit_rows=0),
    "an empty output_column": job(output_column=" "),
    "temperature=1.7": spec(temperature=1.7),
    "max_tokens=0": spec(max_tokens=0),
    "a thinking budget above max_tokens": spec(
        max_tokens=1000, thinking={"type": "enabled", "budget_tokens": 1024}
    ),
}
