"""A newcomer's adapter is taken through its steps, and what is missing is told in order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from toolworthy import content
from toolworthy.cli.main import main

pytestmark = pytest.mark.process

BUILTIN = (content.ADAPTERS / "agents" / "builtin.toml").read_text()


def checked(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    (tmp_path / "mine.toml").write_text(text)
    code = main(["agents", "check", str(tmp_path / "mine.toml")])
    return code, capsys.readouterr().out


def test_one_that_works_passes_every_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = checked(tmp_path, BUILTIN.replace("600", "60_000"), capsys)
    assert code == 0, said
    steps = re.findall(r"^(?:ok  |note) mine: (first request|one call|one task)", said, re.MULTILINE)
    assert steps == ["first request", "one call", "one task"]
    assert re.search(r"prompt_tokens = \d{3}: its first request is that large, not 60000", said)
    assert "[full_window]" in said


def test_one_that_never_asks_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = re.sub(r"command = \[.*", 'command = ["/bin/sh", "-c", "echo no key >&2; exit 3"]', BUILTIN, count=1)
    code, said = checked(tmp_path, command, capsys)
    assert code == 1
    assert re.search(r"BAD  mine: first request: none with tools reached \{base_url\}; .*exit 3, .*: no key", said)
    assert "one call" not in said


def test_a_file_that_is_none_is_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["agents", "check", str(tmp_path / "none.toml")])
    assert code == 4
    assert "none.toml" in capsys.readouterr().err
