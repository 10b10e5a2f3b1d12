"""Makes the bucket of docker-compose.yml, and copies the sample texts into it. Nothing is deleted.

Run once before the first DAG run: python fill_lake.py SAMPLE_FOLDER BUCKET
The store and its keys come from the environment (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, …).
"""

from __future__ import annotations

import sys
from pathlib import Path

import fsspec


def main(sample: Path, bucket: str) -> None:
    """Copy every file below `sample` to the same path below `bucket`."""
    lake = fsspec.filesystem("s3")
    if not lake.exists(bucket):
        lake.mkdir(bucket)
    files = sorted(sample.rglob("*.parquet"))
    for file in files:
        lake.put_file(str(file), f"{bucket}/{file.relative_to(sample).as_posix()}")
    print(f"{len(files)} files in s3://{bucket}/")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
