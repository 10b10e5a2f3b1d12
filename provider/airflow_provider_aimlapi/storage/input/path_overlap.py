"""Checks that an output path is separate from its input. Compares paths; lists and opens nothing.

Local paths are compared with links resolved, others by their normalised text.
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


def check_separate(input_uri: str, output_uri: str) -> None:
    """Refuse an output path that a later run would read as its own input, or that holds its input.

    Records that a task received lie inside of its output, in a folder that readers skip.

    Args:
        input_uri: a file, a folder or a glob, as `uri_of` writes it.
        output_uri: a folder, as `uri_of` writes it.

    Raises:
        InvalidSpec: the output is the input, lies inside of it, or contains it.
    """
    typed_root, pattern = split_glob(input_uri)
    # 1. The output lies in the input: the next run would read it, unless the pattern cannot reach
    #    it.
    # 2. The input lies in the output: its readers would read both, unless it is the task's own
    #    records.
    root, output = _spelled_once(typed_root), _spelled_once(output_uri)
    if _is_at_or_below(output, root) and _may_read(pattern, output[len(root) :].strip("/")):
        raise InvalidSpec(
            f"Choose an output_path beside the input: output_path {output_uri} is input_path "
            f"{input_uri}, or inside of it, so the next run would read its own output."
        )
    if _is_at_or_below(root, output) and not _is_at_or_below(root, f"{output}/{RECORDS_FOLDER}"):
        raise InvalidSpec(
            f"Choose an output_path beside the input: output_path {output_uri} contains input_path "
            f"{input_uri}, so a reader of the output would read the input, too."
        )


def check_files_separate(files: Iterable[InputFile], output_uri: str) -> None:
    """Refuse local input files that are reached through links and lie in the output.

    Args:
        files: as listed. The paths of local files are real.
        output_uri: as for `check_separate`.

    Raises:
        InvalidSpec: there is such a file. The text names it.
    """
    output = _spelled_once(output_uri)
    for file in files:
        scheme = file.uri.partition("://")[0]
        location = f"{scheme}:/{file.path}"
        is_inside = scheme in LOCAL_SCHEMES and _is_at_or_below(location, output)
        if is_inside and not _is_at_or_below(location, f"{output}/{RECORDS_FOLDER}"):
            raise InvalidSpec(
                f"Remove a link, or choose another output_path: {file.uri} is a link into output_path "
                f"{output_uri}, so the next run would read its own output."
            )


def _spelled_once(uri: str) -> str:
    """Return the same text for the same location, however it is written: `/x/../in`, `//in`, a link.

    In an object store, `..` is an ordinary name. It is resolved all the same, because refusing such
    an output does no harm.
    """
    scheme, _, path = uri.partition("://")
    if scheme in LOCAL_SCHEMES:
        path = os.path.realpath(f"/{path}")
    return f"{scheme}:/{posixpath.normpath('/' + path.lstrip('/'))}".rstrip("/")


def _may_read(pattern: str, folder: str) -> bool:
    """Return whether an input reads files of a folder below its root; "" is the root itself."""
    return not pattern.strip("/") or not folder or may_reach(pattern.strip("/"), folder)


def _is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
