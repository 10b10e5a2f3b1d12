"""Foreign errors, each with what it means; judged without reading their text."""

from __future__ import annotations

import errno
import http.client

import aiohttp
import botocore.exceptions  # type: ignore[import-untyped]
import pytest
import urllib3.exceptions
from fsspec.exceptions import FSTimeoutError
from s3fs.errors import translate_boto_error

from airflow_provider_aimlapi.errors import StoreUnavailable, StoreUnsafe
from airflow_provider_aimlapi.storage.store_errors import meaning_of, store_error


def s3_error(status: int, code: str, **more: str) -> BaseException:
    response = {
        "Error": {"Code": code, "Message": "words", **more},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    error: BaseException = translate_boto_error(
        botocore.exceptions.ClientError(response, "PutObject")
    )
    return error


class CodedError(Exception):
    """As gcsfs raises it."""

    def __init__(self, code: int | str) -> None:
        super().__init__("words")
        self.code = code


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (s3_error(412, "PreconditionFailed", Condition="If-None-Match"), "exists"),
        (s3_error(412, "PreconditionFailed"), "exists"),  # Ceph names no condition
        (s3_error(404, "NoSuchKey"), "absent"),
        (s3_error(404, "404"), "absent"),
        (s3_error(404, "NoSuchBucket"), "forbidden"),
        (s3_error(403, "AccessDenied"), "forbidden"),
        (s3_error(403, "RequestTimeTooSkewed"), "passing"),
        (s3_error(400, "ExpiredToken"), "passing"),
        (s3_error(400, "InvalidArgument"), "forbidden"),
        (s3_error(409, "ConditionalRequestConflict"), "passing"),
        (s3_error(503, "SlowDown"), "passing"),
        (CodedError(503), "passing"),
        (CodedError("429"), "passing"),
        (CodedError(401), "forbidden"),
        (FileNotFoundError("x"), "absent"),
        (FileExistsError("x"), "exists"),
        (PermissionError("x"), "forbidden"),
        (OSError(errno.EROFS, "x"), "forbidden"),
        (OSError(errno.ENOSPC, "x"), "passing"),
        (OSError("words only"), "unknown"),
        (FSTimeoutError(), "passing"),
        (ConnectionResetError(), "passing"),
        (http.client.IncompleteRead(b""), "passing"),
        (urllib3.exceptions.ProtocolError("x"), "passing"),
        (aiohttp.ClientPayloadError("x"), "passing"),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="x"), "passing"),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="x"), "passing"),
        (botocore.exceptions.NoCredentialsError(), "forbidden"),
        (KeyError("x"), "unknown"),
    ],
    ids=repr,
)
def test_meaning(error: BaseException, meaning: str) -> None:
    assert meaning_of(error) == meaning


def test_what_nobody_knows_may_pass_and_keeps_its_text() -> None:
    error = store_error(KeyError("odd"), action="write", uri="s3://b/x")
    assert isinstance(error, StoreUnavailable)
    assert "s3://b/x" in str(error)
    assert "KeyError" in str(error)
    assert "odd" in str(error)


def test_a_person_is_told_what_to_allow() -> None:
    error = store_error(PermissionError("words"), action="list", uri="s3://b/x")
    assert isinstance(error, StoreUnsafe)
    assert "s3:ListBucket" in str(error)
    assert "words" in str(error)


@pytest.mark.parametrize("kind", [TypeError, AttributeError, NameError, AssertionError])
def test_a_bug_is_not_taken_for_a_store_that_is_away(kind: type[Exception]) -> None:
    with pytest.raises(kind, match="unexpected keyword"):
        store_error(kind("unexpected keyword"), action="read", uri="s3://b/x")
