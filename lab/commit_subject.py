"""Check the subject of a commit: `python -m lab.commit_subject FILE`, run by a commit-msg hook.

A subject is `area: imperative`, with at most 72 characters and one subject. The subjects that git
writes itself (merges, reverts, fixups) pass.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from lab.counts.counts import starts_with_verb

CHARACTERS_MAX = 72
FORM = re.compile(r"[a-z][a-z0-9_/-]*: (?P<sentence>\S.*)")
WRITTEN_BY_GIT = re.compile(r"Merge |Revert \"|(?:fixup|squash|amend)! ")
NO_IMPERATIVE = re.compile(
    r"(?:made|kept|wrote|gave|took)\b|(?!(?:embed|shed|bring)\b)\w+(?:[^\We]ed|ing)\b"
)
"""A past form or a participle. `feed` and `need` are neither."""
TWO_SENTENCES = re.compile(r"[.;!?] |[.;,:]$")


def fault_of(subject: str) -> str:
    """Return what is wrong with a subject, and how to fix it; empty if it is right."""
    if WRITTEN_BY_GIT.match(subject):
        return ""
    match = FORM.fullmatch(subject)
    if match is None:
        return "Write `area: imperative`, such as `pacing: keep a known level`."
    if len(subject) > CHARACTERS_MAX:
        return f"It has {len(subject)} characters. Shorten it to {CHARACTERS_MAX}."
    return _fault_of_sentence(match["sentence"])


def _fault_of_sentence(sentence: str) -> str:
    if not starts_with_verb(sentence) or NO_IMPERATIVE.match(sentence):
        return f"Write an imperative after the area, not `{sentence.split(maxsplit=1)[0]}`."
    if TWO_SENTENCES.search(sentence):
        return "Write one subject, without a full stop. Move the rest to the body."
    return ""


def main(message: Path) -> int:
    """Check the message that git has written to a file; 1 if its subject is wrong."""
    lines = message.read_text(encoding="utf-8").splitlines()
    subject = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    fault = fault_of(subject)
    if fault:
        print(f"The subject of the commit is wrong: {subject!r}\n{fault}", file=sys.stderr)
    return int(bool(fault))


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
