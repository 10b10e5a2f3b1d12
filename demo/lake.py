"""The demo's bucket, with the committed sample as input. Results stay on disk between two runs.

The S3 server forgets everything when it stops. So the results are copied to a folder while a run
works, and put back at the next start. In that folder they are plain Parquet files. An object keeps
its ETag, which is the MD5 of its bytes.
"""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING, Any

from demo.feedback import encode_feedback
from demo.tickets import encode_tickets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET = "lake"
INPUT = "documents"
OUTPUT = "document_summaries"
FEEDBACK = "feedback/2026-01-02.jsonl"
TICKETS = "tickets/ds=2026-01-02/tickets.parquet"
OUTPUTS = (OUTPUT, "triaged_tickets")
ACCESS_KEY, SECRET_KEY, REGION = "demo", "demo-secret", "us-east-1"
SAVE_INTERVAL_S = 0.5

Listing = dict[str, str]
"""ETags by key."""


class Lake:
    """A bucket on an S3 server, and the folder that outlives it."""

    def __init__(self, endpoint_url: str, folder: Path) -> None:
        import boto3  # type: ignore[import-untyped]
        from botocore.config import Config  # type: ignore[import-untyped]

        self._folder = folder
        self._saved: Listing | None = None
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint_url,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name=REGION,
            config=Config(s3={"addressing_style": "path"}, proxies={}),
        )

    @property
    def output_folder(self) -> Path:
        """Return the folder of the summaries on disk."""
        return self._folder / OUTPUT

    def fill(self, sample: Path) -> None:
        """Put the sample and the results of earlier runs into the empty bucket."""
        older = _sibling(self._folder, "old")
        if older.exists() and not self._folder.exists():
            older.rename(self._folder)  # the last run was killed between two renames of `save`
        self._client.create_bucket(Bucket=BUCKET)
        for key, body in ((TICKETS, encode_tickets()), (FEEDBACK, encode_feedback())):
            self._client.put_object(Bucket=BUCKET, Key=key, Body=body)
        results = [(self._folder / name, name) for name in OUTPUTS]
        for folder, prefix in ((sample / INPUT, INPUT), *results):
            for file in sorted(path for path in folder.rglob("*") if path.is_file()):
                key = f"{prefix}/{file.relative_to(folder).as_posix()}"
                self._client.put_object(Bucket=BUCKET, Key=key, Body=file.read_bytes())
        self._saved = self._listing()

    def save(self) -> None:
        """Copy the bucket's output to the folder, all of it or nothing."""
        # The objects of one listing are copied beside the folder, and then the two are swapped. So the
        # folder always shows the bucket at one moment, whenever this process dies.
        listing = self._listing()
        if listing == self._saved:
            return
        newer, older = _sibling(self._folder, "new"), _sibling(self._folder, "old")
        shutil.rmtree(newer, ignore_errors=True)
        for key in listing:
            if (body := self._read(key)) is None:
                return  # removed since the listing: the next save copies a later moment
            file = newer / key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
        shutil.rmtree(older, ignore_errors=True)
        if self._folder.exists():
            self._folder.rename(older)
        newer.rename(self._folder)
        shutil.rmtree(older, ignore_errors=True)
        self._saved = listing

    def _listing(self) -> Listing:
        return {
            entry["Key"]: entry["ETag"]
            for page in self._pages()
            for entry in page.get("Contents", [])
        }

    def _pages(self) -> Iterator[dict[str, Any]]:
        paginator = self._client.get_paginator("list_objects_v2")
        for name in OUTPUTS:
            yield from paginator.paginate(Bucket=BUCKET, Prefix=f"{name}/")

    def _read(self, key: str) -> bytes | None:
        try:
            return bytes(self._client.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        except self._client.exceptions.NoSuchKey:
            return None


class Saving:
    """Saves a lake again and again in a thread, and once more at the end of its `with`."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._save_until_ended, name="save", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._lake.save()

    def _save_until_ended(self) -> None:
        while not self._ended.wait(SAVE_INTERVAL_S):
            self._lake.save()


def _sibling(folder: Path, suffix: str) -> Path:
    return folder.with_name(f"{folder.name}.{suffix}")
