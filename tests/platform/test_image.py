"""What docker/Dockerfile and the images of docker-compose.yml are made from."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab.celery import compose

EXPORT = (
    "uv export --frozen --no-dev --extra s3 --group image --no-emit-project --no-annotate"
    " -o docker/requirements.txt"
)
EXACT = re.compile(r"[a-z./-]+:(?:slim-)?\d+\.\d+(?:\.\d+)?(?:-[a-z]+[\d.]*)?")


@pytest.fixture
def root(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath


@pytest.fixture
def dockerfile(root: Path) -> str:
    return (root / "docker" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")


def _requirements(text: str) -> list[str]:
    """The lines of a requirements file but for what uv says of itself."""
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_every_image_has_an_exact_version() -> None:
    images = {
        name: compose.with_defaults(service["image"])
        for name, service in compose.services().items()
    }
    assert {name: image for name, image in images.items() if not EXACT.fullmatch(image)} == {}


def test_each_image_can_be_replaced_by_a_digest() -> None:
    for name, service in compose.services().items():
        assert ("build" in service) != service["image"].startswith("${"), name


def test_the_base_is_the_airflow_of_the_lock(root: Path, dockerfile: str) -> None:
    (base,) = re.findall(r"^ARG AIRFLOW_IMAGE=(\S+)$", dockerfile, re.MULTILINE)
    assert re.findall(r"^FROM (.+)$", dockerfile, re.MULTILINE) == ["${AIRFLOW_IMAGE}"]
    lock = (root / "docker" / "requirements.txt").read_text(encoding="utf-8")
    (version,) = re.findall(r"^apache-airflow==(\S+)", lock, re.MULTILINE)
    assert re.fullmatch(rf"apache/airflow:slim-{re.escape(version)}-python3\.\d+", base)
    for service in compose.services().values():
        if "build" in service:
            assert compose.with_defaults(service["build"]["args"]["AIRFLOW_IMAGE"]) == base


def test_the_requirements_are_in_step_with_the_lock(root: Path) -> None:
    _, *words = EXPORT.removesuffix(" -o docker/requirements.txt").split()
    exported = subprocess.run(
        [Path(sys.executable).parent / "uv", *words],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    file = (root / "docker" / "requirements.txt").read_text(encoding="utf-8")
    assert _requirements(file) == _requirements(exported), f"Run: {EXPORT}"
    assert EXPORT in file


def test_every_requirement_has_a_version_and_hashes(root: Path) -> None:
    text = (root / "docker" / "requirements.txt").read_text(encoding="utf-8")
    for requirement in "\n".join(_requirements(text)).replace(" \\\n", " ").splitlines():
        assert re.match(r"[a-z0-9._-]+==[\w.]+ ", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement


def test_pip_installs_nothing_but_the_lock(dockerfile: str) -> None:
    installs = re.findall(r"^RUN pip install (.+)$", dockerfile, re.MULTILINE)
    locked, own = (set(install.split()) for install in installs)
    assert {"--require-hashes", "--no-deps", "--only-binary"} <= locked
    assert {"--no-deps", "--no-build-isolation", "/opt/provider"} <= own
    others = set(re.findall(r"^RUN (?!pip install )(.+)$", dockerfile, re.MULTILINE))
    assert others == {"mkdir --mode=0700 /opt/airflow/secrets"}


def test_the_image_runs_as_its_unprivileged_user(dockerfile: str) -> None:
    assert set(re.findall(r"^USER (\S+)$", dockerfile, re.MULTILINE)) == {"airflow"}
    assert not [name for name, service in compose.services().items() if "user" in service]


def test_every_copied_file_reaches_the_builder(root: Path, dockerfile: str) -> None:
    sent = (root / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    copied = re.findall(r"^COPY (?:--\S+ )*(.+) \S+$", dockerfile, re.MULTILINE)
    assert copied
    for source in " ".join(copied).split():
        assert (root / source).exists(), source
        assert f"!{source}" in sent, source
