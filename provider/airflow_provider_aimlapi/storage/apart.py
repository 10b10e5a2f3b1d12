"""Whether an output path stays clear of its input. Compares names; asks no store."""

from __future__ import annotations

from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.storage.globs import may_reach, split_glob


def check_apart(input_uri: str, output_uri: str) -> None:
    """Refuse an output path that a later run would read as its own input, or that holds its input.

    Args:
        input_uri: a file, a folder or a glob. output_uri: a folder. Both as `uri_of` spells them.

    Raises:
        InvalidSpec: when the output is the input, lies inside of it, or contains it.
    """
    root, pattern = split_glob(input_uri.rstrip("/"))
    output = output_uri.rstrip("/")
    if _is_at_or_below(output, root) and _may_read(pattern, output[len(root) :].strip("/")):
        raise InvalidSpec(
            f"output_path {output_uri} is input_path {input_uri}, or inside of it: the next run "
            f"would read its own output. Choose a folder beside it."
        )
    if _is_at_or_below(root, output):
        raise InvalidSpec(
            f"output_path {output_uri} contains input_path {input_uri}: whoever reads the output "
            f"would read the input too. Choose a folder beside it."
        )


def _may_read(pattern: str, folder: str) -> bool:
    """Whether an input reads files of a folder below its root; "" is the root itself."""
    return not pattern or not folder or may_reach(pattern, folder)


def _is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
