"""The benchmarks of typed answers compare like with like, and print each form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.answers.schema import answer_schema
from lab.benchmarks import typed, typed_forms
from lab.benchmarks.peers.scripts.article import Article
from lab.benchmarks.typed_peers import PEERS

if TYPE_CHECKING:
    import pytest


def test_peers_and_ours_fill_the_same_columns() -> None:
    assert answer_schema(Article.model_json_schema()).kind == typed.SCHEMA.kind


def test_each_peer_has_its_script_and_environment(pytestconfig: pytest.Config) -> None:
    folder = pytestconfig.rootpath / "lab" / "benchmarks" / "peers"
    for environment, script, _ in PEERS.values():
        assert (folder / "environments" / environment / "uv.lock").is_file()
        assert (folder / "scripts" / f"{script}.py").is_file()


def test_each_form_is_printed_with_its_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    typed_forms.main()
    _, *lines = capsys.readouterr().out.splitlines()
    forms = [line[:16].strip() for line in lines]
    assert forms == ["forced tool", "response_format", "instructed JSON"]
    tokens = [[int(word) for word in line.split() if word.isdecimal()] for line in lines]
    assert tokens[0][1] > tokens[0][0] + 300  # a tool adds hundreds, beside the schema's own
    assert tokens[2][1] > tokens[2][0] + len(typed.SCHEMA.canonical_json) / 5
