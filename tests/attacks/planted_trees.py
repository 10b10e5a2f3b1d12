"""Trees of files, folders, links and pipes, as someone who can write to a folder may leave them."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

SECRET = b"payroll: nothing outside may be read, changed or removed"
SEGMENTS = ("a", "b", "_aimlapi", "x.parquet")
OUTSIDE = ("outside", "outside/secret", "outside/folder", "outside/folder/x.parquet")


@dataclass(frozen=True)
class Planting:
    """One thing in a tree.

    Attributes:
        name: relative to the root.
        kind: "file", "pipe" or "link".
        target: of a link, as it is written.
    """

    name: str
    kind: str
    target: str = ""


def names(most: int = 3) -> st.SearchStrategy[str]:
    segments = st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=most)
    return segments.map("/".join)


def plantings() -> st.SearchStrategy[list[Planting]]:
    """Links lead outside, upwards, in circles, to each other, to devices and to nothing."""
    targets = st.one_of(
        st.sampled_from([f"@/{place}" for place in OUTSIDE]),
        st.sampled_from(["@/lake", "@/lake/a", "@", "/", "/dev/zero", "/proc/self/environ"]),
        st.sampled_from(["..", ".", "../..", "../outside", "../../outside/secret", "nothing"]),
        names(),
    )
    one = st.one_of(
        st.builds(Planting, names(), st.just("file")),
        st.builds(Planting, names(), st.just("pipe")),
        st.builds(Planting, names(), st.just("link"), targets),
    )
    return st.lists(one, min_size=1, max_size=8)


def plant(base: Path, tree: list[Planting]) -> Path:
    """Make the root and what is outside of it; what cannot be made at its place is left out."""
    root = base / "lake"
    (base / "outside" / "folder").mkdir(parents=True)
    root.mkdir()
    for place in ("outside/secret", "outside/folder/x.parquet"):
        (base / place).write_bytes(SECRET)
        os.utime(base / place, (1, 1))
    for planting in tree:
        path = root / planting.name
        try:
            _without_links(root, path).mkdir(parents=True, exist_ok=True)
            _make(path, planting, base)
        except OSError:  # something stands in its way
            continue
    return root


def _without_links(root: Path, path: Path) -> Path:
    for folder in path.parents:
        if folder == root:
            return path.parent
        if folder.is_symlink():
            raise NotADirectoryError
    raise AssertionError(path)


def _make(path: Path, planting: Planting, base: Path) -> None:
    match planting.kind:
        case "file":
            with path.open("xb") as file:
                file.write(b"inside")
        case "pipe":
            os.mkfifo(path)
        case _:
            path.symlink_to(planting.target.replace("@", str(base)))


def state_of(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything below a folder: kind, mode, size, modification time and bytes; no link followed."""
    found: dict[str, tuple[object, ...]] = {}
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(place, name)  # noqa: PTH118
            status = os.lstat(path)
            data = b""
            if stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:  # noqa: PTH123
                    data = file.read()
            found[path] = (status.st_mode, status.st_size, status.st_mtime_ns, data)
    return found


def ordinary_files(root: Path) -> list[str]:
    """The files below a folder that are reached without a link."""
    found = []
    for place, _, files in os.walk(root):
        for name in files:
            path = os.path.join(place, name)  # noqa: PTH118
            if stat.S_ISREG(os.lstat(path).st_mode):
                found.append(os.path.relpath(path, root))
    return sorted(found)
