"""The bucket as an outsider sees it: a client, and a watch that reads it during a whole run."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from pyarrow import BufferOutputStream
from pyarrow import parquet as pq

from lab.soak.sightings import Sightings, run_keys

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    import pyarrow as pa

INPUT, OUTPUT = "in/", "out/"
POLL_INTERVAL_S = 0.15


class Bucket:
    """One bucket, read and filled without any code of the provider."""

    def __init__(self, endpoint_url: str, name: str) -> None:
        self.name = name
        self.endpoint_url = endpoint_url
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint_url,
            aws_access_key_id="any",
            aws_secret_access_key="any",
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, proxies={}),
        )

    def fill(self, files: Mapping[str, pa.Table], *, row_group_rows: int) -> None:
        """Make the bucket, with input files."""
        self._client.create_bucket(Bucket=self.name)
        for name, table in files.items():
            sink = BufferOutputStream()
            pq.write_table(table, sink, row_group_size=row_group_rows)
            body = sink.getvalue().to_pybytes()
            self._client.put_object(Bucket=self.name, Key=f"{INPUT}{name}", Body=body)

    def listing(self, prefix: str) -> dict[str, str]:
        """Return the ETags by name, relative to the prefix."""
        pages = self._client.get_paginator("list_objects_v2")
        return {
            entry["Key"].removeprefix(prefix): entry["ETag"]
            for page in pages.paginate(Bucket=self.name, Prefix=prefix)
            for entry in page.get("Contents", ())
        }

    def read(self, key: str) -> bytes | None:
        """Return an object's bytes; None if it does not exist."""
        try:
            body = self._client.get_object(Bucket=self.name, Key=key)["Body"]
        except self._client.exceptions.NoSuchKey:
            return None
        with body:
            return bytes(body.read())

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class BucketWatch:
    """Reads a bucket's output again and again, in a thread, while the block runs."""

    def __init__(self, bucket: Bucket) -> None:
        self.sightings = Sightings()
        self._bucket = Bucket(bucket.endpoint_url, bucket.name)  # a thread's own client
        self._ended = threading.Event()
        self._failures: list[Exception] = []
        self._thread = threading.Thread(target=self._look_always, name="watch")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        try:
            if self._failures:
                raise self._failures[0]
            self.look()
        finally:
            self._bucket.close()

    def look(self) -> None:
        """List first, then read: a manifest that is absent afterwards was absent before."""
        objects = self._bucket.listing(OUTPUT)
        manifests = [name for name in objects if name.endswith("/manifest.json")]
        expected = f"_aimlapi/{self._run_key(objects)}/manifest.json"
        name = manifests[0] if manifests else expected
        self.sightings.see(objects, self._bucket.read(f"{OUTPUT}{name}"))

    def _run_key(self, objects: Mapping[str, str]) -> str:
        return next(iter(run_keys(objects)), "none")

    def _look_always(self) -> None:
        try:
            while not self._ended.wait(POLL_INTERVAL_S):
                self.look()
        except Exception as error:  # noqa: BLE001  # raised again where the block ends
            self._failures.append(error)
