"""What the built-in agent does for a model, where a file is none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from toolworthy.agents.actions import Refused, perform


@pytest.mark.parametrize("action", ["read", "write", "edit"])
def test_a_named_pipe_is_told_and_not_waited_for(tmp_path: Path, action: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    values = {"path": "pipe", "content": "x", "old": "x", "new": "y"}
    tool = {"name": "t", "does": action, "custom": None, "call": {name: f"{{{name}}}" for name in values}}
    with pytest.raises(Refused, match="pipe: it is not a regular file"):
        perform(tool, "t", json.dumps(values), tmp_path)
