"""A badge says what was measured, to eyes and ears, and nothing in it is obeyed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.support.commands import run
from toolworthy.base.errors import ToolworthyError
from toolworthy.output.exports.badge import _COLOURS, badge
from toolworthy.records.case import CaseKey, CaseResult
from toolworthy.records.meta import RunMeta
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult

SVG = "{http://www.w3.org/2000/svg}"


def made(tmp_path: Path, model: str = "m", **agents: tuple[int, int]) -> RunDirectory:
    about = {"toolworthy": "0", "started": 0.0, "endpoint": {"name": "e", "model": model}, "agents": {}}
    written = RunDirectory.create(tmp_path, RunMeta.model_validate(about))
    for agent, (passed, failed) in agents.items():
        for number, status in enumerate(["passed"] * passed + ["failed"] * failed):
            key = TrialKey(suite="tasks", task=f"t{number}", agent=agent)
            written.append(TrialResult(key=key, status=status))
    return written


def case(number: int, status: Any) -> CaseResult:
    return CaseResult(key=CaseKey(case=f"c{number}", toolset="codex"), category="edit", status=status)


@pytest.mark.parametrize(
    ("agents", "message", "colour"),
    [
        ({"codex": (28, 2)}, "Codex 28/30", "yellow"),
        ({"codex": (3, 0), "opencode": (2, 1)}, "Codex 3/3 · OpenCode 2/3", "yellow"),
        ({"codex": (3, 0)}, "Codex 3/3", "brightgreen"),
        ({"codex": (0, 3), "opencode": (3, 0)}, "Codex 0/3 · OpenCode 3/3", "red"),
        ({"a": (1, 0), "b": (1, 0), "c": (1, 0), "d": (1, 1)}, "4 agents 4/5", "yellow"),
    ],
)
def test_tasks(tmp_path: Path, agents: dict[str, tuple[int, int]], message: str, colour: str) -> None:
    told = json.loads(badge(made(tmp_path, **agents)).shields())
    assert told == {"schemaVersion": 1, "label": "toolworthy: m", "message": message, "color": colour}


@pytest.mark.parametrize(
    ("right", "wrong", "word"),
    [(60, 0, "works"), (30, 10, "works, fails when"), (2, 30, "broken"), (0, 0, "untested")],
)
def test_tools(tmp_path: Path, right: int, wrong: int, word: str) -> None:
    written = made(tmp_path)
    for number, status in enumerate(["right"] * right + ["wrong"] * wrong + ["unmeasured"]):
        written.append(case(number, status))
    found = badge(written)
    assert found.word == word
    figure = f"{right}/{right + wrong}" if right + wrong else "not measured"
    assert found.message == f"tool calls {figure} (+1 not counted)"


@pytest.mark.parametrize(
    "model",
    ["</text><script>alert(1)</script>", '"><a href="javascript:x"', "\x1b[0m\u202e\ud800", "模型-" * 50, "&amp;"],
)
def test_the_image_is_whole_and_obeys_nothing(tmp_path: Path, model: str) -> None:
    text = badge(made(tmp_path, model.encode("utf-8", "replace").decode(), codex=(1, 0))).svg()
    root = ET.fromstring(text)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {"svg", "title", "rect", "path", "g", "text"}
    assert root.attrib["role"] == "img"
    title = root.find(f"{SVG}title")
    assert title is not None
    assert title.text == root.attrib["aria-label"]
    assert "(works)" in (title.text or "")
    assert int(root.attrib["width"]) < 1_200


def test_white_text_can_be_read_on_every_colour() -> None:
    def light(colour: str) -> float:
        parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    for _, colour in _COLOURS.values():
        assert 1.05 / (light(colour) + 0.05) >= 4.5, colour


@pytest.mark.process
def test_the_command(tmp_path: Path) -> None:
    path = made(tmp_path, codex=(1, 1)).path
    done = run("toolworthy", "badge", str(path), "-o", "badge.svg", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Codex 1/2" in (tmp_path / "badge.svg").read_text()
    told = run("toolworthy", "badge", str(path), "--json", cwd=tmp_path)
    assert json.loads(told.stdout)["message"] == "Codex 1/2"
    missing = run("toolworthy", "badge", str(path), "--suite", "wire", cwd=tmp_path)
    assert (missing.returncode, len(missing.stderr.splitlines())) == (4, 1)
    nowhere = run("toolworthy", "badge", str(path), "-o", "no/such/badge.svg", cwd=tmp_path)
    assert (nowhere.returncode, len(nowhere.stderr.splitlines())) == (4, 1)


def test_nothing_measured_is_no_badge(tmp_path: Path) -> None:
    with pytest.raises(ToolworthyError, match="has no results"):
        badge(made(tmp_path))
