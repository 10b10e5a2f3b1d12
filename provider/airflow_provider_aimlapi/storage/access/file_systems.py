"""The differences between fsspec's file systems, as values: kind, path, URI, version. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsspec import AbstractFileSystem

Kind = Literal["local", "memory", "s3", "gcs", "azure", "other"]

_KINDS: dict[str, Kind] = {
    "file": "local",
    "local": "local",
    "memory": "memory",
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "abfs": "azure",
    "abfss": "azure",
    "az": "azure",
}
# Here an @ in a URL ends the id of an Airflow connection. In Azure's, it ends the container.
_NAMED_BY_BUCKET = frozenset({"s3", "gcs"})


def kind_of(fs: AbstractFileSystem) -> Kind:
    """Return the kind of a file system, among those that we can write to."""
    return _KINDS.get(_protocols_of(fs)[0], "other")


def path_in(fs: AbstractFileSystem, path: str) -> str:
    """Return a path or URL as its file system names it, without slash at the end or connection id."""
    stripped = str(fs._strip_protocol(path)).rstrip("/")  # noqa: SLF001  fsspec's own extension point
    if kind_of(fs) not in _NAMED_BY_BUCKET:
        return stripped
    bucket, slash, key = stripped.partition("/")
    return bucket.rpartition("@")[2] + slash + key


def is_taken_literally(fs: AbstractFileSystem, path: str) -> bool:
    """Return whether a file system takes a path as an object's name, and nothing else.

    Some read a version at its end: for s3fs, `a?versionId=1` is another spelling of `a`.
    """
    split = getattr(fs, "split_path", None)
    if split is None:
        return True
    bucket, key, *version = split(path)
    return bool(f"{bucket}/{key}" == path and not any(version))


def name_below(root: str, path: str) -> str:
    """Return a path relative to a root that it begins with; "" for any other path."""
    return path[len(root) + 1 :] if path.startswith(f"{root}/") else ""


def uri_of(fs: AbstractFileSystem, path: str) -> str:
    """Return a URI in the one spelling that enters run keys, without a connection id."""
    location = path_in(fs, path)
    if "://" in location:  # in http's file system the path is the URL
        return location
    return f"{_protocols_of(fs)[0]}://{location}"


def version_of(info: Mapping[str, Any]) -> str:
    """Return a text that changes with an object, the same from a listing and from a single request.

    S3's version id is left out, because a listing does not have it.
    """
    # Google has a generation, S3 and Azure an ETag. A disk and fsspec's memory have neither, so
    # time and size stand in.
    for field in ("generation", "ETag", "etag", "md5Hash"):
        if info.get(field):
            return str(info[field]).strip('"')
    changed = info.get("mtime_ns") or info.get("mtime") or info.get("created")
    return f"{changed}-{info.get('size')}"


def _protocols_of(fs: AbstractFileSystem) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
