"""Files of tasks, as others write them."""

from __future__ import annotations

from toolworthy import content
from toolworthy.content.tasks import load_task

from .files import FOLDER, refused_in_a_line

SEEDS = [path.read_bytes() for path in sorted((content.FIXTURES / "tasks").glob("*/task.toml"))]


def one(data: bytes) -> None:
    """Any ``task.toml`` is a task, or refused in one line."""
    folder = FOLDER / "task"
    folder.mkdir(exist_ok=True)
    (folder / "instruction.md").write_bytes(b"Do it.")
    (folder / "task.toml").write_bytes(data)
    refused_in_a_line(lambda: load_task(folder))
