"""Checks that the bill is the API's own. The soak's checks judge what was published."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet as pq

from lab.soak.bucket import OUTPUT
from lab.soak.checks import visible_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lab.soak.bucket import Bucket
    from lab.soak.data_set import Texts


def published_ids(bucket: Bucket, texts: Texts) -> list[str]:
    """Return the answers' ids of all published rows that have one."""
    found: list[str] = []
    for name in texts.files:
        data = bucket.read(f"{OUTPUT}{visible_name(name)}")
        if data is not None:
            infos = pq.read_table(pa.BufferReader(data))["completion_info"].to_pylist()
            found += [info["inference_id"] for info in infos if info["inference_id"]]
    return found


def bill_violations(
    summary: Mapping[str, Any], charges_usd: Mapping[str, float], ids: Sequence[str]
) -> Iterator[str]:
    """Return the violations in the cost that the run reports.

    Args:
        summary: what the task that publishes returned. charges_usd: the API's, by answer.
        ids: the answers that are published.
    """
    if unknown := set(ids) - charges_usd.keys():
        yield f"{len(unknown)} published answers were never charged"
        return
    charged_usd = math.fsum(charges_usd[one] for one in ids)
    told_usd = summary.get("cost_usd")
    if told_usd is None or not math.isclose(told_usd, charged_usd, rel_tol=1e-9):
        yield f"the run tells a cost of {told_usd} USD, and its answers were charged {charged_usd}"
