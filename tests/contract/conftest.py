"""Google Cloud Storage and Azure as they can run here, with a bucket or container for each test."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from adlfs import AzureBlobFileSystem
from gcsfs.core import GCSFileSystem

from tests.fakes.azurite import Azurite
from tests.fakes.gcs_server import GcsServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fsspec import AbstractFileSystem


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[GcsServer]:
    with GcsServer() as server:
        yield server


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    with Azurite() as server:
        yield server


@pytest.fixture
def bucket() -> str:
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def open_gcs(gcs_server: GcsServer, bucket: str) -> Callable[[], AbstractFileSystem]:
    """Opens gcsfs anew, as each worker does; there is an empty bucket."""
    gcs_server.create_bucket(bucket)
    # The plain class: the other asks Google by gRPC for each bucket's kind, which none plays here.
    return lambda: GCSFileSystem(
        token="anon", endpoint_url=gcs_server.url, skip_instance_cache=True
    )


@pytest.fixture
def open_azure(azurite: Azurite, bucket: str) -> Callable[[], AbstractFileSystem]:
    """Opens adlfs anew, as each worker does; there is an empty container."""

    def opened() -> AbstractFileSystem:
        return AzureBlobFileSystem(
            connection_string=azurite.connection_string(), skip_instance_cache=True
        )

    opened().mkdir(bucket)
    return opened
