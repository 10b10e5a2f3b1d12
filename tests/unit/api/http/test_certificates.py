"""Which certificates are trusted: those that were named, and no others."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from airflow_provider_aimlapi.api.http.certificates import FILE_BYTES_MAX, tls_context
from airflow_provider_aimlapi.core.calls.route import Certificates, Setting
from airflow_provider_aimlapi.errors import ConnectionIncomplete

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


def certificates(path: object, *, may_be_folder: bool = False) -> Certificates:
    setting = Setting(name="SSL_CERT_FILE")
    return Certificates(path=str(path), setting=setting, may_be_folder=may_be_folder)


def subjects(context: ssl.SSLContext) -> list[object]:
    return [found["serialNumber"] for found in context.get_ca_certs()]


def test_named_certificates_replace_all_others(tmp_path: Path, ca: trustme.CA) -> None:
    file = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    context = tls_context(certificates(file))
    assert len(subjects(context)) == 1
    assert len(subjects(tls_context(None))) > 50


def test_comments_and_several_certificates_are_read(tmp_path: Path, ca: trustme.CA) -> None:
    other = trustme.CA()
    file = tmp_path / "ca.pem"
    file.write_bytes(
        "# Zürich\n".encode() + ca.cert_pem.bytes() + b"\n# more\n" + other.cert_pem.bytes()
    )
    assert len(subjects(tls_context(certificates(file)))) == 2


@pytest.mark.parametrize("is_default", [True, False])
def test_every_context_verifies_names_and_certificates(
    tmp_path: Path, ca: trustme.CA, is_default: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the environment says."""
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
    monkeypatch.setenv("CURL_SSL_BACKEND", "none")
    context = tls_context(None if is_default else certificates(tmp_path / "ca.pem"))
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("is_default", [True, False])
def test_no_context_writes_its_secrets_down(
    tmp_path: Path, ca: trustme.CA, is_default: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "secrets.log"))
    context = tls_context(None if is_default else certificates(tmp_path / "ca.pem"))
    assert context.keylog_filename is None


def refused(path: object, *, may_be_folder: bool = False) -> str:
    with pytest.raises(ConnectionIncomplete) as error:
        tls_context(certificates(path, may_be_folder=may_be_folder))
    text = str(error.value)
    assert text.startswith("Give a PEM file ")
    assert ": SSL_CERT_FILE names " in text
    assert "\n" not in text
    return text


def test_a_file_without_certificates_is_refused_by_name(tmp_path: Path, ca: trustme.CA) -> None:
    der = load_pem_x509_certificate(ca.cert_pem.bytes()).public_bytes(Encoding.DER)
    pem = ca.cert_pem.bytes()
    contents = {
        "empty": b"",
        "text": b"root:x:0:0:never-to-be-quoted",
        "der": der,
        "cut": pem[: len(pem) // 2],
        "key": ca.private_key_pem.bytes(),
        "broken": pem.replace(b"A", b"!", 40),
    }
    for name, content in contents.items():
        file = tmp_path / f"{name}.pem"
        file.write_bytes(content)
        text = refused(file)
        assert f"{name}.pem" in text
        assert "holds no certificate" in text
        assert "never-to-be-quoted" not in text


def test_what_is_no_file_is_refused_and_not_opened(tmp_path: Path) -> None:
    """Opening a FIFO would wait for ever, and /dev/zero has no end."""
    fifo, large, loop = tmp_path / "fifo", tmp_path / "large", tmp_path / "loop"
    os.mkfifo(fifo)
    with large.open("wb") as file:
        file.truncate(FILE_BYTES_MAX + 1)
    loop.symlink_to(loop)
    assert "does not exist" in refused(tmp_path / "absent")
    assert "does not exist" in refused(tmp_path / "a\0b")
    assert "does not exist" in refused(loop)
    assert "does not exist" in refused(tmp_path / "two\nlines")
    assert "does not exist" in refused(tmp_path / ("long" * 2000))
    assert "does not exist" in refused("long" * 2000, may_be_folder=True)
    assert "does not exist" in refused(tmp_path / "large" / "below-a-file")
    assert "does not exist" in refused(os.pathsep, may_be_folder=True)
    assert "not a file" in refused(tmp_path)
    assert "not a file" in refused(fifo)
    assert "not a file" in refused("/dev/zero")
    assert "larger than" in refused(large)


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, ca: trustme.CA) -> None:
    """In a process of its own: root may read everything."""
    file = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    file.chmod(0)
    program = (
        "import os, sys\n"
        "from tests.unit.api.http.test_certificates import refused\n"
        "os.geteuid() or os.seteuid(65534)\n"
        "print(refused(sys.argv[1]))"
    )
    if os.geteuid() == 0:  # whoever it becomes must get as far as the file
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
    paths = os.pathsep.join(sys.path)
    ended = subprocess.run(
        [sys.executable, "-c", program, file],
        env={**os.environ, "PYTHONPATH": paths},
        check=True,
        capture_output=True,
        text=True,
    )
    assert "which cannot be read" in ended.stdout


def test_folders_hold_certificates_under_hashed_names(tmp_path: Path, ca: trustme.CA) -> None:
    empty, plain, hashed = (tmp_path / name for name in ("empty", "plain", "hashed"))
    for folder in (empty, plain, hashed):
        folder.mkdir()
    ca.cert_pem.write_to_path(str(plain / "ca.pem"))
    ca.cert_pem.write_to_path(str(hashed / "0a1b2c3d.0"))
    assert "openssl rehash" in refused(empty, may_be_folder=True)
    assert "openssl rehash" in refused(plain, may_be_folder=True)
    tls_context(certificates(hashed, may_be_folder=True))
    tls_context(certificates(f"{empty}{os.pathsep}{hashed}", may_be_folder=True))
    assert "not a file" in refused(hashed)
