"""Foreign errors, each with what it means; judged without reading their text."""

from __future__ import annotations

import errno
import http.client
from typing import TYPE_CHECKING

import aiohttp
import botocore.exceptions  # type: ignore[import-untyped]
import pytest
import urllib3.exceptions
from fsspec.exceptions import FSTimeoutError
from s3fs.errors import translate_boto_error

from airflow_provider_aimlapi.errors import StoreUnavailable, StoreUnsafe
from airflow_provider_aimlapi.storage.access.store_errors import meaning_of, store_error

if TYPE_CHECKING:
    from airflow_provider_aimlapi.storage.access.store_errors import Action


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
        (NotImplementedError("x"), "forbidden"),
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
def test_bug_is_not_taken_for_store_that_is_away(kind: type[Exception]) -> None:
    with pytest.raises(kind, match="unexpected keyword"):
        store_error(kind("unexpected keyword"), action="read", uri="s3://b/x")


RUN_OBJECT = "file:///data/x/_aimlapi/0123/probe-1"


@pytest.mark.parametrize(
    ("error", "action", "sentence"),
    [
        (NotADirectoryError(errno.ENOTDIR, "x"), "read", "output_path /data/x is a file"),
        (IsADirectoryError(errno.EISDIR, "x"), "write", "give a folder"),
        (
            PermissionError(errno.EACCES, "x"),
            "create",
            "output_path /data/x: this user may not write",
        ),
        (PermissionError(errno.EACCES, "x"), "list", "output_path /data/x: this user may not read"),
        (
            FileNotFoundError(errno.ENOENT, "x"),
            "create",
            "output_path /data/x: no file can be created",
        ),
        (OSError(errno.EROFS, "x"), "create", "output_path /data/x: no user can write there"),
    ],
)
def test_local_output_error_names_the_argument_without_s3_permissions(
    error: OSError, action: Action, sentence: str
) -> None:
    told = store_error(error, action=action, uri=RUN_OBJECT)
    assert isinstance(told, StoreUnsafe)
    assert sentence in str(told)
    assert "s3:" not in str(told)
    assert "connection" not in str(told)
    assert "_aimlapi" not in str(told)


def test_a_full_disk_may_pass() -> None:
    told = store_error(OSError(errno.ENOSPC, "x"), action="write", uri=RUN_OBJECT)
    assert isinstance(told, StoreUnavailable)


def test_local_file_error_outside_a_run_names_the_path() -> None:
    told = store_error(PermissionError("x"), action="read", uri="file:///data/in/a.parquet")
    assert str(told).startswith("/data/in/a.parquet: this user may not read there.")


def test_address_where_nothing_answers_names_where_it_was_typed() -> None:
    unreached = botocore.exceptions.EndpointConnectionError(endpoint_url="http://nowhere:1")
    told = store_error(unreached, action="list", uri="s3://b/x")
    assert isinstance(told, StoreUnavailable)
    assert "Check endpoint_url and region of the storage connection." in str(told)
    assert "endpoint_url and" not in str(
        store_error(ConnectionError(), action="list", uri="s3://b")
    )
