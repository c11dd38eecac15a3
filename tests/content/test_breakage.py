"""What agents were seen to do with defects, looked up by code and situation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolworthy.content import breakage

DEFECT = "truncated-call-finish-tool-calls"
"""One that TW103 names, as it does cut-call-unterminated."""
LINES = [
    {"defect": DEFECT, "agent": "a", "version": "1", "outcome": "unaffected", "met": False},
    {"defect": DEFECT, "agent": "a", "version": "1", "situation": "token-limit", "stage": "s", "outcome": "dies"},
    {"defect": DEFECT, "agent": "b", "version": "1", "outcome": "unaffected", "met": False},
    {"defect": "cut-call-unterminated", "agent": "b", "version": "1", "outcome": "unaffected"},
    {"defect": "", "agent": "b", "version": "1", "situation": "token-limit", "stage": "s", "outcome": "hangs"},
]

IGNORED, REJECTED = "max-completion-tokens-ignored", "max-completion-tokens-rejected"
LINES += [
    {"defect": IGNORED, "agent": "a", "version": "1", "outcome": "unaffected"},
    {"defect": REJECTED, "agent": "a", "version": "1", "outcome": "dies"},
]


@pytest.fixture
def _lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    path = tmp_path / "measured.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    breakage.forget()
    monkeypatch.setattr(breakage, "measured", lambda: tuple(row for row in breakage.rows(path) if row.defect))
    yield
    monkeypatch.undo()
    breakage.forget()


@pytest.mark.usefixtures("_lines")
def test_the_situation_decides() -> None:
    assert breakage.did("a", "TW103", "always") == "unaffected"
    assert breakage.did("a", "TW103", "token-limit") == "dies"
    assert breakage.did("a", "TW103") == "dies"
    assert breakage.did("b", "TW103", "token-limit") is None  # a stage alone is no defect
    assert breakage.did("a", "TW104") is None


@pytest.mark.usefixtures("_lines")
def test_of_equal_harm_what_was_met_tells_more() -> None:
    assert not breakage.affected("TW103", "always")["a"].met
    assert breakage.affected("TW103", "always")["b"].met


@pytest.mark.usefixtures("_lines")
def test_of_a_probe_that_names_several_defects_the_one_that_it_speaks_of_decides() -> None:
    probe = "max-completion-tokens"
    assert breakage.did("a", probe, detail="rejected: HTTP 400: unknown field") == "dies"
    assert breakage.did("a", probe, detail="ignored: the text has 900 characters") == "unaffected"
    assert breakage.did("a", probe, detail="broken: something else") is None
    assert breakage.did("a", probe) == "dies"
