"""What the built-in agent does for a model, where a file is none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from toolworthy.agents.actions import Refused, perform


def use(action: str, call: dict[str, str], **when: str) -> dict[str, object]:
    return {"does": action, "when": when, "call": call}


@pytest.mark.parametrize("action", ["read", "write", "edit"])
def test_a_named_pipe_is_told_and_not_waited_for(tmp_path: Path, action: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    values = {"path": "pipe", "content": "x", "old": "x", "new": "y"}
    tool = {"name": "t", "custom": None, "uses": [use(action, {name: f"{{{name}}}" for name in values})]}
    with pytest.raises(Refused, match="pipe: it is not a regular file"):
        perform(tool, "t", json.dumps(values), tmp_path)


def test_one_tool_that_does_several_things_does_the_one_that_is_chosen(tmp_path: Path) -> None:
    uses = [
        use("write", {"path": "{path}", "text": "{content}"}, command="create"),
        use("read", {"path": "{path}"}, command="view"),
    ]
    tool = {"name": "editor", "custom": False, "uses": uses}
    assert perform(tool, "editor", '{"command": "create", "path": "a", "text": "x"}', tmp_path) == "wrote a"
    assert perform(tool, "editor", '{"command": "view", "path": "a"}', tmp_path) == "x"
    with pytest.raises(Refused, match="editor is offered but does nothing here"):
        perform(tool, "editor", '{"command": "insert", "path": "a"}', tmp_path)
