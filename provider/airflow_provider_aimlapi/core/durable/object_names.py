"""The names of stored objects, checked when one is read back or becomes a path. No I/O.

Anyone who can write to an output can choose the content of a plan or a manifest. So a name is used
only if it can mean nothing but an object below the output path.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

NAME_CHARACTERS_MAX = 1024
"""The longest key of S3, in bytes. A name with non-ASCII letters has fewer characters."""
_SEGMENT = r"(?!\.{1,2}(?:/|\Z))[^/\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+"
_PATTERN = rf"\A{_SEGMENT}(?:/{_SEGMENT})*\Z"
_is_match = re.compile(_PATTERN).match

ObjectName = Annotated[str, msgspec.Meta(pattern=_PATTERN, max_length=NAME_CHARACTERS_MAX)]
"""A string field that msgspec refuses to decode unless `is_object_name` holds for it."""


def is_object_name(text: str) -> bool:
    """Return whether a text names an object below a root, and nothing else.

    Such a name is relative, and its segments are separated by single slashes. No segment is empty,
    `.` or `..`, or holds a backslash, a control character, a line separator or half a surrogate pair.
    """
    return len(text) <= NAME_CHARACTERS_MAX and _is_match(text) is not None
