"""Classifies the errors of object stores. No other module interprets foreign exceptions.

It uses the type, the HTTP status and the store's error code, never an exception's text.
"""

from __future__ import annotations

import errno
import http.client
import re
import traceback
from typing import TYPE_CHECKING, Literal

from airflow_provider_aimlapi.core.durable.keys import RUNS_FOLDER
from airflow_provider_aimlapi.errors import StoreUnavailable, StoreUnsafe
from airflow_provider_aimlapi.storage.access.local_files import NotFollowed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.errors import StorageError

Meaning = Literal["absent", "exists", "forbidden", "passing", "changed", "past its end", "unknown"]
Action = Literal["read", "list", "create", "write", "copy", "delete"]

_BY_CODE: dict[str, Meaning] = {
    "NoSuchBucket": "forbidden",  # an object in a missing bucket is not "absent"
    "ContainerNotFound": "forbidden",
    "ConditionalRequestConflict": "passing",
    "OperationAborted": "passing",
    "ExpiredToken": "passing",  # a retry of the task gets new credentials
    "RequestTimeTooSkewed": "passing",
    "RequestTimeout": "passing",
    "SlowDown": "passing",
}
_NO_BUCKET = frozenset({"NoSuchBucket", "ContainerNotFound"})
# 412 is the answer to "only if absent". 409 is a conflict with another request at that moment.
_BY_STATUS: dict[int, Meaning] = {
    401: "forbidden",
    403: "forbidden",
    404: "absent",
    408: "passing",
    409: "passing",
    412: "exists",
    416: "past its end",
    425: "passing",
    429: "passing",
}
_BY_ERRNO: dict[int, Meaning] = {
    errno.EROFS: "forbidden",
    errno.ENOTDIR: "forbidden",
    errno.EISDIR: "forbidden",
    errno.ENOTSUP: "forbidden",
    errno.EXDEV: "forbidden",
    errno.ELOOP: "forbidden",
    errno.ENAMETOOLONG: "forbidden",
    errno.EINVAL: "unknown",
}
# By name, because none of these packages must be installed.
_BY_CLASS: dict[str, Meaning] = {
    "aiohttp.client_exceptions.ClientConnectionError": "passing",
    "aiohttp.client_exceptions.ClientPayloadError": "passing",
    "azure.core.exceptions.ClientAuthenticationError": "forbidden",
    "azure.core.exceptions.ResourceExistsError": "exists",
    "azure.core.exceptions.ResourceNotFoundError": "absent",
    "azure.core.exceptions.ServiceRequestError": "passing",
    "azure.core.exceptions.ServiceResponseError": "passing",
    "botocore.exceptions.ConnectionError": "passing",
    "botocore.exceptions.HTTPClientError": "passing",
    "botocore.exceptions.NoCredentialsError": "forbidden",
    "botocore.exceptions.PartialCredentialsError": "forbidden",
    "botocore.parsers.ResponseParserError": "passing",
    "google.auth.exceptions.DefaultCredentialsError": "forbidden",
    "google.auth.exceptions.GoogleAuthError": "passing",
    "gcsfs.retry.ChecksumError": "passing",
    "requests.exceptions.RequestException": "passing",
    "s3fs.utils.FileExpired": "changed",
    "urllib3.exceptions.HTTPError": "passing",
}
_BY_BUILTIN: tuple[tuple[type[BaseException], Meaning], ...] = (
    (FileNotFoundError, "absent"),
    (FileExistsError, "exists"),
    (PermissionError, "forbidden"),
    (NotImplementedError, "forbidden"),  # the package is too old, so waiting does not help
    (TimeoutError, "passing"),
    (ConnectionError, "passing"),
    (http.client.HTTPException, "passing"),
)
_CONTRIBUTE = "Storage Blob Data Contributor"
_PERMISSIONS: dict[Action, str] = {
    "read": "read objects (s3:GetObject, storage.objects.get, Storage Blob Data Reader)",
    "list": "list objects (s3:ListBucket, storage.objects.list, Storage Blob Data Reader)",
    "create": f"write objects (s3:PutObject, storage.objects.create, {_CONTRIBUTE})",
    "write": f"overwrite objects (s3:PutObject, storage.objects.create and .delete, {_CONTRIBUTE})",
    "copy": f"read and write objects (s3:GetObject and s3:PutObject, storage.objects.get and "
    f".create, {_CONTRIBUTE})",
    "delete": f"delete objects (s3:DeleteObject, storage.objects.delete, {_CONTRIBUTE})",
}
_NOT_REACHED = frozenset(
    {"botocore.exceptions.EndpointConnectionError", "botocore.exceptions.ConnectTimeoutError"}
)
_ADDRESS = re.compile(
    r"""([a-z][a-z0-9+.-]*://)(?:[^\s"'`<>]*@)?([^\s"'`<>/?\#]*)[^\s"'`<>]*""", re.IGNORECASE
)
_IS_A_FILE = (errno.ENOTDIR, errno.EISDIR)
BUGS = (TypeError, AttributeError, NameError, AssertionError)
_LINKS_MAX = 10  # the longest chain of causes that is followed


def meaning_of(error: BaseException) -> Meaning:
    """Return what an error means for the object, looking into its causes.

    1. Codes, classes and statuses come first, because s3fs raises a plain OSError for most of them.
    2. Classes come before statuses: an answer that broke off has a cause that claims status 400.
    """
    chain = tuple(_chain_of_causes(error))
    for read in (_by_code, _by_class, _by_status, _by_origin, _by_builtin):
        for link in chain:
            meaning = read(link)
            if meaning is not None:
                return meaning
    return "unknown"


def store_error(error: BaseException, *, action: Action, uri: str) -> StorageError:
    """Return the error to raise in the place of a foreign one.

    Returns:
        StoreUnavailable if another try may succeed, or if that is unknown.
        StoreUnsafe if a person must change permissions, the path or the store.

    Raises:
        TypeError, AttributeError, NameError, AssertionError: unchanged, because they are bugs, of
            ours or of a library's, and waiting does not fix them.
    """
    if isinstance(error, BUGS):
        raise error
    detail = describe_error(error)
    if uri.startswith("file://"):
        return _local_error(error, action, _shown_path(uri), detail)
    where = "output_path: " if f"/{RUNS_FOLDER}" in uri else ""
    if _is_without_bucket(error):
        bucket = "/".join(uri.split("/")[:3])
        return StoreUnsafe(
            f"{where}{bucket} does not exist. Correct the path, or create the bucket. ({detail})"
        )
    # "passing", "unknown" and the rest may succeed at another try, so they are StoreUnavailable.
    match meaning_of(error):
        case "forbidden":
            permission, _, names = _PERMISSIONS[action].partition(" (")
            return StoreUnsafe(
                f"{where}Check the path, and that the connection is allowed to {permission}. "
                f"May not {action} {uri}: {detail}. It needs one of: {names.rstrip(')')}."
            )
        case "absent":
            return StoreUnsafe(f"{where}Cannot {action} {uri}: it does not exist: {detail}")
        case _:
            return StoreUnavailable(
                f"{where}Could not {action} {uri}: {detail}{_advice_on_address(error)}"
            )


def _local_error(error: BaseException, action: Action, path: str, detail: str) -> StorageError:
    """Return an error as in `store_error`, for a disk: without connections and named permissions."""
    verb = "read" if action in ("read", "list") else "write"
    match meaning_of(error):
        case "forbidden":
            return StoreUnsafe(f"{_local_refusal(error, path, verb)} ({detail})")
        case "absent":
            what = "it does not exist" if verb == "read" else "no file can be created there"
            return StoreUnsafe(f"Check {path}: {what}. ({detail})")
        case _:
            return StoreUnavailable(f"Could not {action} {path}: {detail}")


def _local_refusal(error: BaseException, path: str, verb: str) -> str:
    if isinstance(error, NotFollowed):
        return f"Remove {path}: links and special files are not followed there."
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return f"Choose shorter names, because a name is too long for this disk: {path}."
    if isinstance(error, PermissionError):
        return f"{path}: this user may not {verb} there."
    if isinstance(error, OSError) and error.errno in _IS_A_FILE:
        return f"{path} is a file, or lies below one; give a folder."
    return f"Choose another folder. {path}: no user can {verb} there."


def _shown_path(uri: str) -> str:
    """Return a local path as people write it. For a run's own objects, return the output path."""
    path = uri.removeprefix("file://")
    output_path, runs, _ = path.partition(f"/{RUNS_FOLDER}/")
    return f"output_path {output_path}" if runs else path


def _advice_on_address(error: BaseException) -> str:
    """Return what to check if nothing answers at an S3 store's address; "" for other errors."""
    kinds = (cls for link in _chain_of_causes(error) for cls in type(link).__mro__)
    if _NOT_REACHED.isdisjoint(f"{cls.__module__}.{cls.__qualname__}" for cls in kinds):
        return ""
    return ". Check endpoint_url and region of the storage connection."


def describe_error(error: BaseException) -> str:
    """Return an error's class and text, without values that a connection's fields may hold.

    Only the host of an address is kept. botocore's errors about its settings quote them, so only
    their class is kept.
    """
    name = type(error).__name__
    if type(error).__module__ == "botocore.exceptions" and meaning_of(error) == "unknown":
        return name
    text = _ADDRESS.sub(r"\1\2", str(error).strip() or repr(error))
    return f"{name}: {text}"[:1000].rstrip(".")


def _chain_of_causes(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    for _ in range(_LINKS_MAX):
        if link is None:
            return
        yield link
        link = link.__cause__


def _response_in(error: BaseException) -> dict[str, dict[str, object]]:
    """Return the answer that botocore keeps in an error; {} for other errors."""
    response = getattr(error, "response", None)
    return response if isinstance(response, dict) else {}


def _code_of_error(error: BaseException) -> str:
    return str(
        _response_in(error).get("Error", {}).get("Code") or getattr(error, "error_code", None)
    )


def _is_without_bucket(error: BaseException) -> bool:
    return any(_code_of_error(link) in _NO_BUCKET for link in _chain_of_causes(error))


def _by_code(error: BaseException) -> Meaning | None:
    return _BY_CODE.get(_code_of_error(error))


def _by_status(error: BaseException) -> Meaning | None:
    status: object = _response_in(error).get("ResponseMetadata", {}).get("HTTPStatusCode")
    for attribute in ("status_code", "status", "code"):
        status = status or getattr(error, attribute, None)
    try:
        number = int(str(status))
    except ValueError:
        return None
    if number >= http.client.INTERNAL_SERVER_ERROR:
        return "passing"
    if number >= http.client.BAD_REQUEST:
        return _BY_STATUS.get(number, "forbidden")
    return None


def _by_class(error: BaseException) -> Meaning | None:
    for cls in type(error).__mro__:
        meaning = _BY_CLASS.get(f"{cls.__module__}.{cls.__qualname__}")
        if meaning is not None:
            return meaning
    return None


def _by_origin(error: BaseException) -> Meaning | None:
    """Return the meaning by the module that raised: a 403 of gcsfs is an OSError without any number.

    An error of this kind from pyarrow means that the file is not Parquet.
    """
    if type(error) is not OSError or error.errno is not None:
        return None
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    is_gcsfs = bool(frames) and frames[-1].f_globals.get("__name__") == "gcsfs.retry"
    return "forbidden" if is_gcsfs else None


def _by_builtin(error: BaseException) -> Meaning | None:
    for kind, meaning in _BY_BUILTIN:
        if isinstance(error, kind):
            return meaning
    if isinstance(error, OSError) and error.errno is not None:
        return _BY_ERRNO.get(error.errno, "passing")
    return None
