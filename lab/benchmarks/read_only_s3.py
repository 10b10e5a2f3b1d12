"""An S3 server of one Parquet file under many keys: to read from, quick enough to measure a client by.

    python -m lab.benchmarks.read_only_s3 --files 10000

moto takes milliseconds of CPU a request, so that ten thousand of them measure moto. This one answers
what planning asks of a real store: a listing, 1,000 keys a page, and ranges of objects. Whoever
tests takes moto. The first line printed is its URL; every bucket has the same keys, `in/…`.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from aiohttp import web

from airflow_provider_aimlapi.engine.runtime.event_loop import new_event_loop

ROWS = 100
PAGE_KEYS = 1000
DATE = "2026-01-01T00:00:00.000Z"


def small_file(rows: int = ROWS) -> bytes:
    """Make a Parquet file of short texts."""
    target = io.BytesIO()
    pq.write_table(pa.table({"id": range(rows), "text": ["A text."] * rows}), target)
    return target.getvalue()


class Bucket:
    """Answers requests for the keys `in/file-00000.parquet` and on."""

    def __init__(self, files: int) -> None:
        self._body = small_file()
        self._etag = hashlib.md5(self._body, usedforsecurity=False).hexdigest()
        self._keys = [f"in/file-{number:05}.parquet" for number in range(files)]

    async def answer(self, request: web.Request) -> web.Response:
        """Answer with a page of the listing, or with an object's bytes."""
        if "list-type" in request.query:
            prefix = request.query.get("prefix", "")
            return self._page(prefix, int(request.query.get("continuation-token", "0")))
        key = request.path.partition("/")[2].partition("/")[2]
        if not key.startswith("in/"):
            return web.Response(status=404)
        asked = request.http_range
        start, end, _ = slice(asked.start, asked.stop).indices(len(self._body))
        status = 206 if "Range" in request.headers else 200
        headers = {"ETag": f'"{self._etag}"', "Accept-Ranges": "bytes"}
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(self._body)}"
        return web.Response(status=status, body=self._body[start:end], headers=headers)

    def _page(self, prefix: str, first: int) -> web.Response:
        found = [key for key in self._keys if key.startswith(prefix)]
        keys = found[first : first + PAGE_KEYS]
        after = first + len(keys)
        is_more = after < len(found)
        entries = "".join(
            f"<Contents><Key>{key}</Key><LastModified>{DATE}</LastModified>"
            f"<ETag>&quot;{self._etag}&quot;</ETag><Size>{len(self._body)}</Size></Contents>"
            for key in keys
        )
        more = f"<NextContinuationToken>{after}</NextContinuationToken>" if is_more else ""
        text = (
            f"<ListBucketResult><IsTruncated>{str(is_more).lower()}</IsTruncated>"
            f"<KeyCount>{len(keys)}</KeyCount>{more}{entries}</ListBucketResult>"
        )
        return web.Response(text=text, content_type="application/xml")


async def serve(files: int) -> None:
    """Serve until the process is killed."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", Bucket(files).answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    sys.stdout.write(f"http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve(parser.parse_args().files))


if __name__ == "__main__":
    main()
