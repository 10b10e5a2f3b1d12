"""Checks paths that people type, before anything is opened. No I/O.

fsspec has far more file systems than object stores. Some of them open a second URL, and old ones run
code from it. So a path is used only if its scheme is on a list and it can name one location only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from airflow_provider_aimlapi.errors import InvalidSpec

SCHEMES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "file"})
"""The schemes that are always allowed.

`s3n` is left out, because Hadoop has retired it and fsspec does not have it. `adl` is left out,
because Azure has closed that store, and Airflow and fsspec open two different stores by that name.
"""
SECTION = "aimlapi"
OPTION = "allowed_schemes"
VARIABLE = f"AIRFLOW__{SECTION.upper()}__{OPTION.upper()}"
"""Sets the option in Airflow, and for the command line, which does not read Airflow's settings."""
NEVER_ALLOWED = frozenset(
    {
        "async_wrapper",
        "asyncwrapper",
        "blockcache",
        "cached",
        "dask",
        "data",
        "dir",
        "filecache",
        "generic",
        "libarchive",
        "local",
        "reference",
        "simplecache",
        "tar",
        "zip",
    }
)
"""Schemes that take a second URL, or, as `data` and `local`, name no location on a store."""
FILE = "file"
PATH_CHARACTERS_MAX = 4096
WILDCARDS = frozenset("*?[")

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+._-]{1,31}")
_BUCKET = re.compile(r"[A-Za-z0-9._$:-]+")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_QUOTABLE = re.compile(r"[\w./=*?-]{1,200}")
_EXAMPLES = "s3://bucket/folder/"


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedPath:
    """A path that names one location.

    Attributes:
        scheme: in lower case; "file" for an absolute local path.
        authority: the bucket, container or host, and a connection id before its @, which is not
            checked here; "" for a local path.
        key: the rest, as typed; "" or beginning with a slash.
    """

    scheme: str
    authority: str
    key: str

    @property
    def url(self) -> str:
        """The whole path as a URL."""
        return f"{self.scheme}://{self.authority}{self.key}"


def parse_allowed_schemes(setting: str) -> frozenset[str]:
    """Return the schemes that a deployment allows: SCHEMES and those of the setting.

    Args:
        setting: scheme names, separated by commas or white space.

    Raises:
        InvalidSpec: an entry is not a scheme, or cannot be allowed.
    """
    more = frozenset(setting.lower().replace(",", " ").split())
    for scheme in sorted(more):
        if not _SCHEME.fullmatch(scheme):
            raise InvalidSpec(
                f"[{SECTION}] {OPTION} holds an entry that is not a scheme. Write names separated by "
                f"commas, such as: ftp, memory."
            )
        if scheme in NEVER_ALLOWED:
            raise InvalidSpec(
                f"[{SECTION}] {OPTION} names {scheme}, which cannot be allowed: such a path leads to "
                f"a second one, which is not checked. Remove it from the option."
            )
    return SCHEMES | more


def parse_typed_path(typed: str, *, what: str, allowed: frozenset[str]) -> TypedPath:
    """Parse a URL or an absolute local path.

    Args:
        what: the path's name in errors, such as "input_path".
        allowed: the allowed schemes, from `parse_allowed_schemes`.

    Raises:
        InvalidSpec: it is neither, its scheme is not allowed, or it could lead to another location.
    """
    if not typed:
        raise InvalidSpec(f"{what} is empty. Give a URL such as {_EXAMPLES}.")
    _check_characters(typed, what)
    if typed.startswith("/"):
        typed = f"{FILE}://{typed}"
    scheme, separator, rest = typed.partition("://")
    if not separator:
        shown = f"={typed!r}" if _QUOTABLE.fullmatch(typed) else ""
        raise InvalidSpec(
            f"{what}{shown} is neither a URL such as {_EXAMPLES} "
            f"nor an absolute path such as /data/folder/."
        )
    _check_scheme(scheme, what, allowed)
    # fsspec opens what follows in some schemes, which is not checked here.
    if "://" in rest:
        raise InvalidSpec(f"{what} holds a second URL. Give the path of the data alone.")
    authority, slash, key = rest.partition("/")
    path = TypedPath(scheme=scheme.lower(), authority=authority, key=slash + key)
    _check_location(path, what)
    return path


def _check_characters(typed: str, what: str) -> None:
    if len(typed) > PATH_CHARACTERS_MAX:
        raise InvalidSpec(f"{what} has more than {PATH_CHARACTERS_MAX:,} characters. Shorten it.")
    if "::" in typed:
        raise InvalidSpec(
            f"{what} contains '::', which chains file systems. Chains are not opened, whatever "
            f"schemes are allowed. Give the path of the data itself, such as {_EXAMPLES}."
        )
    if _UNPRINTABLE.search(typed):
        raise InvalidSpec(f"{what} contains a control character, or a byte that is not text.")


def _check_scheme(scheme: str, what: str, allowed: frozenset[str]) -> None:
    if _SCHEME.fullmatch(scheme) and scheme.lower() in allowed - NEVER_ALLOWED:
        return
    shown = f"{scheme.lower()}://" if _SCHEME.fullmatch(scheme) else "its scheme"
    raise InvalidSpec(
        f"{what}: {shown} is not allowed. Use s3://, s3a://, gs://, gcs://, abfs://, abfss://, az://, "
        f"file:// or an absolute local path. A deployment allows other schemes by Airflow's option "
        f"[{SECTION}] {OPTION} ({VARIABLE})."
    )


def _check_location(path: TypedPath, what: str) -> None:
    if path.scheme == FILE:
        _check_local(path, what)
        return
    bucket = path.authority.rpartition("@")[2]
    if not bucket:
        raise InvalidSpec(f"{what}={path.scheme}://…: the bucket or container is missing.")
    if not _BUCKET.fullmatch(bucket) or not bucket.strip("."):
        raise InvalidSpec(
            f"{what}: the bucket or container must be a plain name of letters, digits, dots and hyphens. "
            f"A wildcard may only follow it."
        )
    if not {".", ".."}.isdisjoint(path.key.split("/")):
        raise InvalidSpec(
            f"{what} has a folder named '.' or '..', which object stores do not resolve. Write the "
            f"path without it."
        )


def _check_local(path: TypedPath, what: str) -> None:
    if path.authority.rpartition("@")[2] or not path.key:
        raise InvalidSpec(
            f"{what}: a local path is absolute and its URL has three slashes, file:///folder/."
        )
    if not path.key.strip("/"):
        raise InvalidSpec(f"{what} is the whole disk. Give a folder.")
    if not WILDCARDS.isdisjoint(path.key.lstrip("/").partition("/")[0]):
        raise InvalidSpec(
            f"{what}: the first folder of a local path holds a wildcard, so the whole disk would be "
            f"listed. Write that folder out."
        )
