"""The tests keep their own shape: what they share lies in tests/support."""

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = sorted(HERE.rglob("*.py"))


def imported(tree: ast.AST) -> set[str]:
    """Each name that a file's imports write down, with its module before it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module or ''}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HERE)))
def test_nothing_is_shared_but_through_support(path: Path) -> None:
    tree = ast.parse(path.read_text())
    parts = {part for name in imported(tree) for part in name.split(".")[:-1]}
    assert not [part for part in parts if part == "conftest" or part.startswith("test_")], "share it in tests/support"
    changed = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not changed & {"sys.path.insert", "sys.path.append"}, "tests.support can be imported as it is"
