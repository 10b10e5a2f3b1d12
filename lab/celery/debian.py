"""The database and the broker as Debian packs them: installed where they are missing, found, started.

Each is a server of its own in a folder of its own, on a free port; those that a machine may already
have running are left alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from demo.children import child

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PACKAGES = {"postgres": "postgresql", "redis-server": "redis-server", "curl": "curl"}
"""By program."""
OWNER = "postgres"
"""Who runs the database when we are root, as whom PostgreSQL refuses to run."""
START_S_MAX = 60.0
LOOK_EVERY_S = 0.2


class NotThere(Exception):
    """A program is missing or did not start. The text names the fix."""


def install() -> None:
    """Install missing packages by apt.

    The packages' own servers are not started: RUNLEVEL tells Debian not to.

    Raises:
        NotThere: something is missing, and we are not root.
    """
    missing = [package for name, package in PACKAGES.items() if _found(name) is None]
    if not missing:
        return
    if os.getuid() != 0:
        raise NotThere(f"As root: apt-get install {' '.join(missing)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for words in (("update",), ("install", "--yes", "--no-install-recommends", *missing)):
        subprocess.run(["apt-get", "--quiet", *words], check=True, env=quiet)


def program(name: str) -> str:
    """Return the path of a program. Debian has the database's programs in a folder per version.

    Raises:
        NotThere: it is not installed.
    """
    found = _found(name)
    if found is None:
        raise NotThere(f"{name} is not there")
    return found


def _found(name: str) -> str | None:
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2])
    )
    places = [os.environ.get("PATH", ""), *map(str, reversed(versions))]
    return shutil.which(name, path=os.pathsep.join(places))


@contextmanager
def postgres(folder: Path, port: int, *, name: str, password: str) -> Iterator[None]:
    """Run a cluster with one database. Its owner has the same name.

    Args:
        folder: a new one is made there.
    """
    as_owner = ["--user", OWNER] if os.getuid() == 0 else []
    data, secret = folder / "postgres", folder / "postgres.password"
    data.mkdir()
    secret.write_text(password, encoding="utf-8")
    if as_owner:
        shutil.chown(data, OWNER)
        shutil.chown(secret, OWNER)
    make = [
        program("initdb"),
        "-D",
        str(data),
        "-U",
        name,
        f"--pwfile={secret}",
        "-A",
        "scram-sha-256",
    ]
    serve = [
        *(program("postgres"), "-D", str(data), "-p", str(port)),
        *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="),
        *("-c", "fsync=off"),  # it is gone when we are
    ]
    with _running([*as_owner, *make], folder / "initdb.log") as initdb:
        if initdb.wait() != 0:
            raise NotThere((folder / "initdb.log").read_text(encoding="utf-8"))
    with _running([*as_owner, *serve], folder / "postgres.log") as server:
        place = ["-h", "127.0.0.1", "-p", str(port)]
        _wait(server, [program("pg_isready"), *place], folder / "postgres.log")
        subprocess.run(
            [program("createdb"), *place, "-U", name, name],
            env={**os.environ, "PGPASSWORD": password},
            check=True,
        )
        yield


@contextmanager
def redis(folder: Path, port: int, *, command: Sequence[str], check: str) -> Iterator[None]:
    """Run a broker that stores nothing on disk.

    Args:
        command: of the container, which starts Debian's server here. check: its health check.
    """
    here = f"{program('redis-server')} --port {port} --bind 127.0.0.1 --save ''"
    serve = [word.replace("docker-entrypoint.sh redis-server", here) for word in command]
    probe = check.replace("redis-cli", f"{program('redis-cli')} -p {port}")
    log = folder / "redis.log"
    with _running(serve, log) as server:
        _wait(server, ["sh", "-c", probe], log)
        yield


@contextmanager
def _running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[str]]:
    with (
        log.open("w", encoding="utf-8") as output,
        child(
            ["lab.celery.program", *command], {}, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        yield process


def _wait(server: subprocess.Popen[str], probe: Sequence[str], log: Path) -> None:
    """Wait until the server's own client gets an answer."""
    waiting = threading.Event()
    for _ in range(int(START_S_MAX / LOOK_EVERY_S)):
        if subprocess.run(probe, check=False, capture_output=True).returncode == 0:
            return
        if server.poll() is not None:
            break
        waiting.wait(LOOK_EVERY_S)
    raise NotThere(f"It did not start:\n{log.read_text(encoding='utf-8')}")
