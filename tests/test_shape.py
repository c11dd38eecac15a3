"""The house keeps its shape: floors import downwards, and no room grows past one sitting."""

import ast
from pathlib import Path

import pytest

from toolworthy.content import PACKAGE

FLOORS = (
    ("wire", "situations"),
    (
        "exchange",
        "conversation",
        "rules",
        "matching",
        "adapters",
        "breakage",
        "vocabulary",
        "content",
        "redact",
        "packing",
        "cleaned",
        "refusal",
        "retry",
        "visible",
        "errors",
        "loading",
        "whole",
        "config",
        "statistics",
        "rates",
        "records",
        "schemas",
        "tree",
    ),
    ("config", "asgi", "door", "base_url"),
    ("endpoint", "sandbox", "tasks", "oracle"),
    ("gateway", "agents", "world"),
    ("probes", "scoring", "cases", "field"),
    ("runs", "replay"),
    ("analysis",),
    ("gate",),
    ("history",),
    ("report",),
    ("commands",),
    (
        "plugin",
        "live",
        "options",
        "command_line",
        "interrupt",
        "cli",
        "doctor",
        "serve",
        "matrix",
        "catalogue",
        "__main__",
    ),
)
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
FILES = sorted(PACKAGE.rglob("*.py"))
# Pages and lists are made by commands of the same room, which the doors call.
MAX_LINES, MAX_BODY = 400, 60


def imports(path: Path) -> set[str]:
    """First names under toolworthy that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("toolworthy."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.ImportFrom) and node.module == "toolworthy":
            found |= {alias.name for alias in node.names if not alias.name.startswith("_")}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_floors_import_downwards(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room == "__init__":
        return
    above = {name for name in imports(path) if FLOOR[name] > FLOOR[room]}
    assert not above


PRINTS = {"visible.py", "agents/loop.py", "world/lookers.py"}
"""The one way, and programs of their own that run inside the sandbox."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_everything_is_printed_in_one_way(path: Path) -> None:
    """By `visible.show`: no terminal obeys what came from a server, a model, or a file."""
    if str(path.relative_to(PACKAGE)) in PRINTS:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        assert not (isinstance(node, ast.Name) and node.id == "print"), f"line {node.lineno}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) != ("console", "print"), f"line {node.lineno}"


def test_the_wire_needs_nothing_but_the_standard_library() -> None:
    import sys

    for path in (PACKAGE / "wire").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {(node.module or "").split(".")[0]}
            else:
                continue
            assert names <= sys.stdlib_module_names | {"toolworthy"}, path


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_room_grows_past_one_sitting(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.body[0].lineno < MAX_BODY, node.name
