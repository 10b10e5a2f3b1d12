"""Makes the secrets of docker-compose.yml at the first start. Later starts keep them.

Run it before all other services: python make_secrets.py FOLDER
An environment variable with a secret's name in capitals, such as POSTGRES_PASSWORD, takes precedence.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import sys
from pathlib import Path

NAMES = (
    "admin_password",
    "api_secret_key",
    "fernet_key",
    "jwt_secret",
    "postgres_password",
    "redis_password",
    "s3_secret_key",
)
"""Each is a file of that name, without a newline at the end: Airflow takes the file as it is."""
ALLOWED = re.compile(r"[A-Za-z0-9.,_~=-]*")
"""Other characters have a meaning in URLs, configuration files or shell scripts."""


def main(folder: Path) -> None:
    """Write each secret, and the files from which programs read a password."""
    found = {name: _secret(folder, name) for name in NAMES}
    files = found | {
        "login.json": json.dumps({"admin": found["admin_password"]}) + "\n",
        "pgpass": f"*:*:*:airflow:{found['postgres_password']}\n",
        "aws_credentials": (
            "[default]\n"
            f"aws_access_key_id = {_chosen('S3_ACCESS_KEY')}\n"
            f"aws_secret_access_key = {found['s3_secret_key']}\n"
        ),
    }
    for name, text in files.items():
        _write(folder / name, text)
    print(f"{len(files)} files in {folder}")


def _secret(folder: Path, name: str) -> str:
    """Return the value that was chosen in .env, else the kept one, else a new one."""
    kept = folder / name
    if chosen := _chosen(name.upper()):
        return chosen
    if kept.exists():
        return kept.read_text(encoding="utf-8")
    if name == "fernet_key":
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(48)  # 64 characters, because HS512 needs them for jwt_secret


def _chosen(variable: str) -> str:
    chosen = os.environ.get(variable, "")
    if ALLOWED.fullmatch(chosen) is None:
        raise SystemExit(
            f"{variable} may contain only letters, digits and the characters . , _ ~ = -. "
            "Choose another value in .env."
        )
    return chosen


def _write(file: Path, text: str) -> None:
    """Replace a file at once, so that a container killed here leaves no half secret."""
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(text, encoding="utf-8")
    part.replace(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
