"""What every test starts from: an environment that leaves this machine's own settings out, and S3.

The variables are set here, at import, because botocore and Airflow read theirs once and early.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from demo.s3_server import S3Server

if TYPE_CHECKING:
    from collections.abc import Iterator

S3 = S3Server()
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")  # no test is timed: machines are busy at times
AIRFLOW_HOME = tempfile.mkdtemp(prefix="airflow-home-")
atexit.register(shutil.rmtree, AIRFLOW_HOME, ignore_errors=True)

OURS = ("AWS_", "AZURE_", "GOOGLE_", "STORAGE_EMULATOR_", "AIRFLOW_", "AIMLAPI")
for name in [name for name in os.environ if name.startswith(OURS)]:
    del os.environ[name]
os.environ.update(
    AWS_ACCESS_KEY_ID="test-key",
    AWS_SECRET_ACCESS_KEY="test-secret",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_ENDPOINT_URL=S3.url,
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    AWS_EC2_METADATA_DISABLED="true",
    AIRFLOW_HOME=AIRFLOW_HOME,
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    NO_PROXY="127.0.0.1,localhost",
    no_proxy="127.0.0.1,localhost",
)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A running S3 server; clients find it through the environment, or through its `url`."""
    with S3:
        yield S3


@pytest.fixture
def s3_bucket(s3_server: S3Server) -> str:
    """The name of an empty bucket that no other test uses."""
    bucket = f"test-{uuid.uuid4().hex[:12]}"
    s3_server.create_bucket(bucket)
    return bucket
