"""The secrets of docker-compose.yml: made at the first start, and handed to each service."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.configuration import conf
from cryptography.fernet import Fernet

from lab.celery import compose

SECRETS = {
    "admin_password",
    "api_secret_key",
    "fernet_key",
    "jwt_secret",
    "postgres_password",
    "redis_password",
    "s3_secret_key",
}
SPECIAL = ("a\nb", "a'b", 'a"b', "$(id)", "a:b", "a@b", "a/b", "a#b", "a%b", "a\\b", "ä")
IS_SECRET = re.compile(r"PASSWORD|SECRET|_KEY$|_KEY_CMD$|TOKEN|BROKER_URL|PASSFILE")
STARTERS = ("postgres", "redis", "s3")
"""Services whose command reads a secret before it starts the image's own entry point."""
STUB = """#!/bin/sh
echo "arguments: $*"; env; echo "stdin:"; cat
"""


def _make(folder: Path, **chosen: str) -> subprocess.CompletedProcess[str]:
    """Run the service's own command and environment on a folder of ours."""
    environment = compose.variables(compose.services()["make-secrets"])
    assert {name.lower() for name in environment} >= SECRETS
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, *_here(compose.one_off("make-secrets")[1:], folder)],
        env=environment | chosen,
        capture_output=True,
        text=True,
        check=False,
    )


def _here(words: list[str], folder: Path) -> list[str]:
    return [word.replace(compose.SECRETS, str(folder)) for word in words]


def _files(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert _make(tmp_path / "secrets").returncode == 0
    return tmp_path / "secrets"


def test_the_first_start_makes_strong_secrets(tmp_path: Path, folder: Path) -> None:
    made = _files(folder)
    assert made.keys() == SECRETS | {"login.json", "pgpass", "aws_credentials"}
    _make(tmp_path / "other")
    other = _files(tmp_path / "other")
    for name in SECRETS:
        assert len(made[name]) >= 44, name
        assert made[name] != other[name]
        assert made[name].strip() == made[name], "Airflow takes the file as it is"
    assert len(set(map(made.get, SECRETS))) == len(SECRETS)
    Fernet(made["fernet_key"])
    assert len(made["jwt_secret"].encode()) >= 64, "HS512 wants as many"


def test_the_secrets_are_readable_by_their_owner_alone(folder: Path) -> None:
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert set(modes.values()) == {0o600}


def test_no_secret_is_printed(tmp_path: Path) -> None:
    done = _make(tmp_path / "secrets", REDIS_PASSWORD="chosen-by-hand")
    for secret in _files(tmp_path / "secrets").values():
        assert secret.strip() not in done.stdout + done.stderr


def test_a_later_start_keeps_every_secret(folder: Path) -> None:
    before = _files(folder)
    assert _make(folder).returncode == 0
    assert _files(folder) == before


def test_a_value_from_the_environment_wins_and_stays(folder: Path) -> None:
    before = _files(folder)
    _make(folder, REDIS_PASSWORD="chosen-by-hand", ADMIN_PASSWORD="mine")
    _make(folder)
    after = _files(folder)
    assert after["redis_password"] == "chosen-by-hand"
    assert json.loads(after["login.json"]) == {"admin": "mine"}
    assert after["postgres_password"] == before["postgres_password"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "a b") for name in sorted({*SECRETS, "s3_access_key"})),
        *(("redis_password", value) for value in SPECIAL),
    ],
)
def test_a_value_with_a_special_character_is_refused(folder: Path, name: str, value: str) -> None:
    before = _files(folder)
    done = _make(folder, **{name.upper(): value})
    assert done.returncode == 1
    assert name.upper() in done.stderr
    assert value not in done.stderr
    assert _files(folder) == before


def test_programs_find_their_password_in_their_own_file(folder: Path) -> None:
    made = _files(folder)
    assert json.loads(made["login.json"]) == {"admin": made["admin_password"]}
    assert made["pgpass"] == f"*:*:*:airflow:{made['postgres_password']}\n"
    aws = configparser.ConfigParser()
    aws.read(folder / "aws_credentials")
    s3 = compose.variables(compose.services()["s3"])
    assert dict(aws["default"]) == {
        "aws_access_key_id": s3["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": made["s3_secret_key"],
    }


def test_no_secret_stands_in_the_file() -> None:
    for name, service in compose.services().items():
        if name == "make-secrets":
            continue
        for variable, value in compose.variables(service).items():
            if IS_SECRET.search(variable):
                assert f"{compose.SECRETS}/" in value, f"{name}: {variable}"
            assert not re.search(r"://[^/@]*:(?!%s)[^/@]+@", value), f"{name}: {variable}"
    made = compose.services()["make-secrets"]["environment"]
    defaults = {compose.with_defaults(value) for name, value in made.items() if "SECRET" in name}
    assert defaults == {""}


def test_airflow_has_a_login_and_no_way_around_it() -> None:
    for name in compose.airflow_services():
        told = compose.variables(compose.services()[name])
        assert not [variable for variable in told if "ALL_ADMINS" in variable]
        assert told["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] == "admin:admin"
        file = told["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"]
        assert file == f"{compose.SECRETS}/login.json"


def test_airflow_takes_each_secret_from_its_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = compose.variables(compose.services()["api-server"])
    commands = {name: value for name, value in told.items() if name.endswith("_CMD")}
    options = {
        "AIRFLOW__CORE__FERNET_KEY_CMD": ("core", "fernet_key"),
        "AIRFLOW__API__SECRET_KEY_CMD": ("api", "secret_key"),
        "AIRFLOW__API_AUTH__JWT_SECRET_CMD": ("api_auth", "jwt_secret"),
    }
    assert commands.keys() == options.keys() | {"AIRFLOW__CELERY__BROKER_URL_CMD"}
    made = _files(folder)
    for variable, (section, option) in options.items():
        monkeypatch.delenv(variable.removesuffix("_CMD"), raising=False)
        monkeypatch.setenv(variable, *_here([commands[variable]], folder))
        (_, file) = shlex.split(commands[variable])
        assert conf.get(section, option) == made[Path(file).name]


def test_the_broker_url_carries_the_password_of_redis(folder: Path) -> None:
    told = compose.variables(compose.services()["airflow-worker-1"])
    command = shlex.split(told["AIRFLOW__CELERY__BROKER_URL_CMD"])
    url = subprocess.run(_here(command, folder), capture_output=True, text=True, check=True).stdout
    assert url == f"redis://:{_files(folder)['redis_password']}@redis:6379/0"


def _start(name: str, folder: Path, stubs: Path) -> subprocess.CompletedProcess[str]:
    """Run a service's command on an entry point that prints what it is given."""
    stubs.mkdir()
    for entry in ("docker-entrypoint.sh", "entrypoint.sh"):
        (stubs / entry).write_text(STUB, encoding="utf-8")
        (stubs / entry).chmod(0o755)
    command = _here(compose.one_off(name), folder)
    environment = compose.variables(compose.services()[name])
    return subprocess.run(
        [word.replace(" /entrypoint.sh", f" {stubs}/entrypoint.sh") for word in command],
        env=environment | {"PATH": f"{stubs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("postgres", "\nPOSTGRES_PASSWORD={postgres_password}\n"),
        ("s3", "\nAWS_SECRET_ACCESS_KEY={s3_secret_key}\n"),
        ("redis", "stdin:\nrequirepass {redis_password}\n"),
    ],
)
def test_a_server_starts_with_its_password(
    name: str, given: str, folder: Path, tmp_path: Path
) -> None:
    done = _start(name, folder, tmp_path / "stubs")
    assert done.returncode == 0, done.stderr
    assert given.format(**_files(folder)) in done.stdout
    (arguments,) = re.findall(r"^arguments: (.*)$", done.stdout, re.MULTILINE)
    assert not [secret for secret in _files(folder).values() if secret in arguments]


@pytest.mark.parametrize("name", STARTERS)
def test_a_server_without_its_password_does_not_start(name: str, tmp_path: Path) -> None:
    done = _start(name, tmp_path / "nothing", tmp_path / "stubs")
    assert done.returncode != 0
    assert "arguments:" not in done.stdout


def test_only_s3_leaves_the_container_of_the_store() -> None:
    words = shlex.split(compose.one_off("s3")[-1])
    given = dict(word.split("=", 1) for word in words if word.startswith("-") and "=" in word)
    assert given["-ip.bind"] == given["-ip"] == "127.0.0.1"
    assert given["-s3.ip.bind"] == "0.0.0.0"  # noqa: S104  # in the network of the containers
    assert "server" in words


def test_every_reader_waits_until_the_secrets_are_made() -> None:
    services: dict[str, Any] = compose.services()
    readers = {
        name
        for name, service in services.items()
        if any(volume.startswith("secrets:") for volume in service.get("volumes", []))
    }
    assert readers >= {*STARTERS, "fill-lake", *compose.airflow_services()}
    assert readers - {"make-secrets"} == {
        name for name in readers if "make-secrets" in _awaited(services, name)
    }


def _awaited(services: dict[str, Any], name: str) -> set[str]:
    awaited = set(services[name].get("depends_on", {}))
    return awaited.union(*(_awaited(services, other) for other in awaited))


def test_only_two_services_may_write_the_secrets() -> None:
    writers = {
        name
        for name, service in compose.services().items()
        for volume in service.get("volumes", [])
        if volume.startswith("secrets:") and not volume.endswith(":ro")
    }
    assert writers == {"make-secrets", "api-server"}


def test_the_health_check_of_redis_sends_the_password(folder: Path, tmp_path: Path) -> None:
    stub = tmp_path / "redis-cli"
    stub.write_text('#!/bin/sh\nprintf %s "$REDISCLI_AUTH $*"\n', encoding="utf-8")
    stub.chmod(0o755)
    (check,) = _here([compose.health_check("redis")], folder)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-c", check], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{_files(folder)['redis_password']} -e ping"
