"""Neutral steps as one bash script: how a task is proved without an agent, and a ``solve.sh`` for Harbor."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from toolworthy.content.tasks import Step
from toolworthy.content.toolset import shell


def as_script(steps: Sequence[Step]) -> str:
    """A script that does the steps in the current directory, in one process group.

    A command that fails does not end it (agents look at failures, too); an edit or a write that fails does.
    """
    lines = ["#!/bin/bash", "# Made from steps.toml.", "set -e"]
    for step in steps:
        if step.run is not None:
            lines.append(f"bash -c {shlex.quote(step.run)} < /dev/null || true")
        elif step.read is not None:
            lines.append(f"test -f {shlex.quote(step.read)}")
        elif step.write is not None:
            lines.append(shell("write", {"path": step.write, "content": step.content or ""}))
        elif step.edit is not None:
            lines.append(shell("edit", {"path": step.edit, "old": step.old or "", "new": step.new or ""}))
    return "\n".join(lines) + "\n"
