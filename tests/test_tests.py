"""The tests keep their own shape: what they share lies in tests/support."""

import ast
import re
import subprocess
import sys
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


def test_nothing_is_shared_but_through_support() -> None:
    for path in FILES:
        tree = ast.parse(path.read_text())
        parts = {part for name in imported(tree) for part in name.split(".")[:-1]}
        assert not [part for part in parts if part == "conftest" or part.startswith("test_")], path
        changed = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not changed & {"sys.path.insert", "sys.path.append"}, path


SORTS = """
import socket
import subprocess

import pytest


def test_plain():
    pass


def test_starts():
    subprocess.run(["true"], check=True)


def test_reaches_and_hides_it():
    with pytest.raises(BaseException):
        socket.create_server(("127.0.0.1", 0))


@pytest.mark.slow
def test_slow_and_starts():
    subprocess.run(["true"], check=True)


@pytest.mark.process
def test_marked():
    subprocess.run(["true"], check=True)


@pytest.fixture
def visit():
    pass


def test_visits(visit):
    subprocess.run(["true"], check=True)
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("kinds", "passed", "failed"),
    [
        ("unit", {"plain"}, {"starts", "reaches_and_hides_it"}),
        ("slow", set(), {"slow_and_starts"}),
        ("process or browser", {"marked", "visits"}, set()),
    ],
)
def test_a_unit_test_that_starts_or_reaches_anything_fails(
    tmp_path: Path, kinds: str, passed: set[str], failed: set[str]
) -> None:
    (tmp_path / "test_sorts.py").write_text(SORTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = unit\n  slow\n  process\n  browser\n")
    options = ["-q", "-rpf", "--tb=no", "-p", "tests.support.kinds", "-p", "no:cacheprovider", "-m", kinds]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, tmp_path],
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    told = re.findall(r"^(PASSED|FAILED) \S*::test_(\w+)", done.stdout, re.MULTILINE)
    assert {name for word, name in told if word == "PASSED"} == passed, done.stdout
    assert {name for word, name in told if word == "FAILED"} == failed, done.stdout
