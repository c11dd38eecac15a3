"""The reference server's response to an agent that takes edits as text: all edits of the task at once."""

from __future__ import annotations

from pathlib import Path

from toolworthy.content.tasks import Step, Task
from toolworthy.wire.ir import Request
from toolworthy.wire.text_edits import TextEdit, written


def text_edits(request: Request, task: Task) -> str:
    """The writes and edits of the task's solution, as blocks of whole lines. Commands are omitted: no such agent runs
    one by itself."""
    files: dict[str, str] = {}
    seen = "\n".join(message.text for message in request.messages if message.role == "user")
    folder = task.path / "environment" / "app"
    blocks = [written(edit) for step in task.steps if (edit := _edit(folder, step, files, seen))]
    last = next((step.say for step in reversed(task.steps) if step.say), None) or "Done."
    return "\n".join([*blocks, last])


def _edit(folder: Path, step: Step, files: dict[str, str], seen: str) -> TextEdit | None:
    """A step as an edit.

    Args:
        folder: the task's files.
        step: of its solution.
        files: their contents before the step.
        seen: the contents that the agent sent: some files are created at the start.
    """
    path = step.write or step.edit
    if path is None:
        return None
    before = files[path] if path in files else _content(folder / path)
    old, new = (before, step.content or "") if step.write else _lines(before or seen, step.old or "", step.new or "")
    files[path] = new if step.write else before.replace(old, new, 1)
    return TextEdit(path, old, new)


def _content(path: Path) -> str:
    """A file of the workspace; "" if it does not exist yet."""
    return path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""


def _lines(content: str, old: str, new: str) -> tuple[str, str]:
    """An edit extended to whole lines, as blocks require; unchanged if the file is unknown."""
    at = content.find(old)
    if at < 0:
        return old, new
    start = content.rfind("\n", 0, at) + 1
    end = content.find("\n", max(at, at + len(old) - 1)) + 1 or len(content)
    return content[start:end], content[start:at] + new + content[at + len(old) : end]
