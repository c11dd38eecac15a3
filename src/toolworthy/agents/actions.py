"""The actions of the built-in agent's tools. Runs inside the sandbox: standard library only."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_SECONDS = 120
_CHARACTERS = 30_000
_PLACEHOLDER = re.compile(r"\{(command|path|content|old|new|patch|pattern|session)\}")


class Refused(Exception):
    """A call that cannot be executed; the message is for the model."""


def perform(tool: Mapping[str, Any] | None, name: str, arguments: str, workspace: Path) -> str:
    """Execute one call. Returns the tool's output.

    Raises:
        Refused: the tool is unknown, the arguments are invalid, or the action fails.
    """
    if tool is None:
        raise Refused(f"unknown tool {name}")
    action, values = _meant(tool, arguments)
    if action not in ("run", "search", "find", "read", "write", "edit", "list"):
        raise Refused(f"{name} is offered but does nothing here; use another tool")
    try:
        if action == "run":
            return _run(values["command"], workspace)
        if action in ("search", "find"):
            hits = (_search if action == "search" else _find)(workspace, values["pattern"])
            return _cut("\n".join(hits) or "no matches")
        act = {"read": _read, "write": _write, "edit": _edit, "list": _list}[action]
        path = workspace / values["path"]
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise OSError("it is not a regular file")  # a named pipe or a device would block forever
        return act(path, values)
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        # NUL bytes, lone surrogates, overlong names and commands, paths that are not files …
        raise Refused(f"{values.get('path') or action}: {error or type(error).__name__}"[:_CHARACTERS]) from error


def _meant(tool: Mapping[str, Any], arguments: str) -> tuple[str, dict[str, str]]:
    """The action of a call, and its values."""
    if tool["custom"]:
        return tool["uses"][0]["does"] if tool["uses"] else "", {"command": arguments}
    try:
        given = json.loads(arguments or "{}")
    except (ValueError, RecursionError) as error:
        raise Refused(f"the arguments are not JSON: {error}") from error
    if not isinstance(given, dict):
        raise Refused("the arguments are not a JSON object")
    use = next((use for use in tool["uses"] if use["when"].items() <= given.items()), None)
    values: dict[str, str] = {}
    if use is None:
        return "", values
    _match(use["call"], given, values, tool["name"])
    return use["does"], values


def _match(template: Any, given: Any, values: dict[str, str], where: str) -> None:
    """Fill `values` with the parts of `given` that match placeholders of `template`."""
    if isinstance(template, str):
        match = _PLACEHOLDER.fullmatch(template)
        if match:
            if not isinstance(given, str):
                raise Refused(f"{where} must be a string")
            values[match[1]] = given
    elif isinstance(template, dict):
        for key, inner in template.items():
            if _PLACEHOLDER.search(json.dumps(inner)):
                if not isinstance(given, dict) or key not in given:
                    raise Refused(f"{where}: {key} is missing")
                _match(inner, given[key], values, f"{where}.{key}")
    elif isinstance(template, list):
        for number, inner in enumerate(template):
            if not isinstance(given, list) or len(given) <= number:
                raise Refused(f"{where} must be an array of {len(template)}")
            _match(inner, given[number], values, f"{where}[{number}]")


def _run(command: str, workspace: Path) -> str:
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=workspace,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=_SECONDS)
        ending = f"\n[exit {process.returncode}]"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        ending = f"\n[stopped after {_SECONDS} s]"
    return _cut(output.decode("utf-8", "replace")) + ending


def _read(path: Path, _: Mapping[str, str]) -> str:
    return _cut(path.read_bytes().decode("utf-8", "replace"))


def _list(path: Path, _: Mapping[str, str]) -> str:
    return "\n".join(sorted(entry.name + "/" * entry.is_dir() for entry in path.iterdir())) or "empty"


def _search(workspace: Path, pattern: str) -> Iterator[str]:
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        raise Refused(f"{pattern!r} is not a regular expression: {error}") from error
    for path in sorted(workspace.rglob("*")):
        if path.is_file() and not path.is_symlink() and ".git" not in path.relative_to(workspace).parts:
            for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), 1):
                if wanted.search(line):
                    yield f"{path.relative_to(workspace)}:{number}:{line}"


def _find(workspace: Path, pattern: str) -> Iterator[str]:
    try:
        paths = sorted(workspace.glob(pattern) if "/" in pattern else workspace.rglob(pattern))
    except (ValueError, NotImplementedError) as error:
        raise Refused(f"{pattern!r} is not a pattern for file names: {error}") from error
    return (str(path.relative_to(workspace)) for path in paths if path.is_file())


def _write(path: Path, values: Mapping[str, str]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(values["content"].encode("utf-8", "replace"))
    return f"wrote {values['path']}"


def _edit(path: Path, values: Mapping[str, str]) -> str:
    content, old = path.read_bytes(), values["old"].encode("utf-8", "replace")
    if not old or content.count(old) != 1:
        raise Refused(f"the old text occurs {content.count(old) if old else 0} times in {values['path']}, not once")
    path.write_bytes(content.replace(old, values["new"].encode("utf-8", "replace")))
    return f"edited {values['path']}"


def _cut(text: str) -> str:
    if len(text) <= _CHARACTERS:
        return text
    half = _CHARACTERS // 2
    return f"{text[:half]}\n[… {len(text) - _CHARACTERS} characters left out …]\n{text[-half:]}"
