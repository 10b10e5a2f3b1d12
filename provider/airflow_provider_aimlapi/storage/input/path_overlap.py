"""Whether an output path stays clear of its input. Compares paths; lists and opens nothing.

Of local paths the real ones are compared, links followed; of others their normalised text.
"""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import RECORDS_FOLDER
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.storage.input.globs import may_reach, split_glob

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_aimlapi.core.durable.plan import InputFile

LOCAL_SCHEMES = frozenset({"file", "local"})


def check_apart(input_uri: str, output_uri: str) -> None:
    """Refuse an output path that a later run would read as its own input, or that holds its input.

    Records that a task was given lie inside of its output, in a folder that readers pass over.

    Args:
        input_uri: a file, a folder or a glob. output_uri: a folder. Both as `uri_of` spells them.

    Raises:
        InvalidSpec: when the output is the input, lies inside of it, or contains it.
    """
    typed_root, pattern = split_glob(input_uri)
    root, output = _spelled_once(typed_root), _spelled_once(output_uri)
    if _is_at_or_below(output, root) and _may_read(pattern, output[len(root) :].strip("/")):
        raise InvalidSpec(
            f"output_path {output_uri} is input_path {input_uri}, or inside of it: the next run "
            f"would read its own output. Choose a folder beside it."
        )
    if _is_at_or_below(root, output) and not _is_at_or_below(root, f"{output}/{RECORDS_FOLDER}"):
        raise InvalidSpec(
            f"output_path {output_uri} contains input_path {input_uri}: whoever reads the output "
            f"would read the input too. Choose a folder beside it."
        )


def check_files_apart(files: Iterable[InputFile], output_uri: str) -> None:
    """Refuse local files of an input that links lead to, and that lie in the output.

    Args:
        files: as listed; the paths of local ones are real.
        output_uri: as for `check_apart`.

    Raises:
        InvalidSpec: naming such a file.
    """
    output = _spelled_once(output_uri)
    for file in files:
        scheme = file.uri.partition("://")[0]
        place = f"{scheme}:/{file.path}"
        is_inside = scheme in LOCAL_SCHEMES and _is_at_or_below(place, output)
        if is_inside and not _is_at_or_below(place, f"{output}/{RECORDS_FOLDER}"):
            raise InvalidSpec(
                f"{file.uri} is a link into output_path {output_uri}: the next run would read its "
                f"own output. Remove the link, or choose another output_path."
            )


def _spelled_once(uri: str) -> str:
    """The same text for the same place, however it was written: `/x/../in`, `//in`, a link to it.

    An object store takes `..` for a name like any other. It is resolved all the same: to refuse
    such an output costs nobody anything.
    """
    scheme, _, path = uri.partition("://")
    if scheme in LOCAL_SCHEMES:
        path = os.path.realpath(f"/{path}")
    return f"{scheme}:/{posixpath.normpath('/' + path.lstrip('/'))}".rstrip("/")


def _may_read(pattern: str, folder: str) -> bool:
    """Whether an input reads files of a folder below its root; "" is the root itself."""
    return not pattern.strip("/") or not folder or may_reach(pattern.strip("/"), folder)


def _is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
