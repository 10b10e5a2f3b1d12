"""The checks after a round, from outside: the bucket's bytes and the API's accounts.

No reader, parser or name of the provider is used here.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet as pq

from lab.soak.bucket import OUTPUT
from lab.soak.data_set import answer_to, prompt_name, prompt_of
from lab.soak.sightings import run_keys, unknown_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.soak.bucket import Bucket
    from lab.soak.data_set import Texts
    from lab.soak.servers import Bill


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """The charges of a round, and the most that it may have.

    Attributes:
        twice: calls that were charged beyond one for each row.
        bound: of these, how many the misfortunes allow.
        violations: rows and sums beyond what is allowed.
    """

    twice: int
    bound: int
    violations: tuple[str, ...]


def spending_of(
    bills: Sequence[Bill], prompts: set[str], *, events: int, at_risk_rows: int
) -> Spending:
    """Compare the charges with the rows.

    Args:
        prompts: one for each row that must be paid for.
        events: kills and freezes. at_risk_rows: what each of them may cost.
    """
    paid = Counter(bill.prompt for bill in bills)
    lost = Counter(bill.prompt for bill in bills if bill.is_lost)
    twice = len(bills) - len(paid)
    bound = events * at_risk_rows + lost.total()
    found = []
    if paid.keys() != prompts:
        missing, strange = len(prompts - paid.keys()), len(paid.keys() - prompts)
        found.append(f"{missing} rows were never paid for, {strange} unknown prompts were")
    often = [prompt for prompt, count in paid.items() if count > 1 + events + lost[prompt]]
    if often:
        found.append(f"{len(often)} rows were paid for more often than something befell them")
    if twice > bound:
        found.append(f"{twice} calls were paid for again, and only {bound} may be")
    return Spending(twice=twice, bound=bound, violations=tuple(found))


def published_violations(bucket: Bucket, texts: Texts, bills: Sequence[Bill]) -> list[str]:
    """Return the violations in the published files, the manifest and the remaining names."""
    names = set(bucket.listing(OUTPUT))
    visible = [visible_name(name) for name in texts.files]
    found = [f"{name} has no business there" for name in unknown_names(names, set(visible))]
    found += [f"{name} is left of the journal" for name in sorted(names) if "/journal/" in name]
    runs = run_keys(names)
    if len(runs) != 1 or "_SUCCESS" not in names:
        return [*found, f"{len(runs)} run keys, and among the names: {sorted(names)[-3:]}"]
    manifest = bucket.read(f"{OUTPUT}_aimlapi/{runs.pop()}/manifest.json")
    if manifest is None:
        return [*found, "there is no manifest"]
    found += _manifest_violations(bucket, json.loads(manifest), visible)
    paid = {bill.inference_id: bill.prompt for bill in bills if not bill.is_lost}
    for name, table in texts.files.items():
        data = bucket.read(f"{OUTPUT}{visible_name(name)}")
        if data is None:
            found.append(f"{visible_name(name)} is not there")
        else:
            found += table_violations(name, pq.read_table(pa.BufferReader(data)), table, paid)
    return found


def visible_name(input_name: str) -> str:
    """Return the name under which an input file is published. In a round, each file is one part."""
    return f"{input_name.removesuffix('.parquet')}-00000.parquet"


def table_violations(
    name: str, published: pa.Table, given: pa.Table, paid: dict[str, str]
) -> list[str]:
    """Return the violations in a file's rows.

    Args:
        paid: the prompt of each call whose answer arrived, by the answer's id.
    """
    if not published.select(given.column_names).replace_schema_metadata().equals(given):
        return [f"{name}: the input's columns are not what they were"]
    bodies = given["body"].to_pylist()
    if published["completion"].to_pylist() != [answer_to(body) for body in bodies]:
        return [f"{name}: a row has not its own answer"]
    return list(_info_violations(name, published["completion_info"].to_pylist(), bodies, paid))


def _info_violations(
    name: str, infos: list[dict[str, Any]], bodies: list[str | None], paid: dict[str, str]
) -> Iterator[str]:
    for row, (info, body) in enumerate(zip(infos, bodies, strict=True)):
        if info["status"] != ("skipped" if body is None else "ok"):
            yield f"{name}: row {row} is {info['status']}"
        elif body and paid.get(info["inference_id"]) != prompt_name(prompt_of(body)):
            yield f"{name}: row {row} holds an answer that was not paid for as its own"


def _manifest_violations(
    bucket: Bucket, manifest: dict[str, Any], visible: list[str]
) -> Iterator[str]:
    parts = manifest["parts"]
    if [part["visible_name"] for part in parts] != visible:
        yield "the manifest names other files, or in another order"
    for part in parts:
        for name in (part["staged_name"], part["visible_name"]):
            data = bucket.read(f"{OUTPUT}{name}") or b""
            footer_bytes = 8 + int.from_bytes(data[-8:-4], "little")  # as Parquet has it
            if sha256(data[:-footer_bytes]).hexdigest() != part["sha256"]:
                yield f"{name} is not what the manifest says"
