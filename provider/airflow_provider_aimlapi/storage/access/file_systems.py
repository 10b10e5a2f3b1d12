"""What differs between fsspec's file systems, as values: kind, path, URI, version. No I/O."""

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
_NAMED_BY_BUCKET = frozenset({"s3", "gcs"})


def kind_of(fs: AbstractFileSystem) -> Kind:
    """Which of the kinds that we know how to write to a file system is."""
    return _KINDS.get(_protocols(fs)[0], "other")


def path_in(fs: AbstractFileSystem, path: str) -> str:
    """A path or URL as its file system names it, without slash at the end or connection id."""
    stripped = str(fs._strip_protocol(path)).rstrip("/")  # noqa: SLF001  fsspec's own extension point
    if kind_of(fs) not in _NAMED_BY_BUCKET:
        return stripped
    bucket, slash, key = stripped.partition("/")
    return bucket.rpartition("@")[2] + slash + key


def is_taken_literally(fs: AbstractFileSystem, path: str) -> bool:
    """Return whether a file system takes a path for an object's name, and for nothing more.

    Some read a version at its end: to s3fs, `a?versionId=1` is another spelling of `a`.
    """
    split = getattr(fs, "split_path", None)
    if split is None:
        return True
    bucket, key, *version = split(path)
    return bool(f"{bucket}/{key}" == path and not any(version))


def name_below(root: str, path: str) -> str:
    """Return a path relative to a root that it begins with, or "" for a path elsewhere."""
    return path[len(root) + 1 :] if path.startswith(f"{root}/") else ""


def uri_of(fs: AbstractFileSystem, path: str) -> str:
    """Where something is, in the one spelling that enters run keys: no connection id in it."""
    place = path_in(fs, path)
    if "://" in place:  # as http's file system has it: there the path is the URL
        return place
    return f"{_protocols(fs)[0]}://{place}"


def version_of(info: Mapping[str, Any]) -> str:
    """What changes when an object does; the same from a listing and from a look at one object.

    S3's version id is left out: a listing does not have it.
    """
    for field in ("generation", "ETag", "etag", "md5Hash"):
        if info.get(field):
            return str(info[field]).strip('"')
    changed = info.get("mtime_ns") or info.get("mtime") or info.get("created")
    return f"{changed}-{info.get('size')}"


def _protocols(fs: AbstractFileSystem) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
