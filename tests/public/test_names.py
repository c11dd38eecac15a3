"""What ``import toolworthy`` exports: typed, complete, and imported only when it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import toolworthy
from tests.support.commands import environment
from toolworthy.content import PACKAGE

TYPED = """
from typing import assert_type
import toolworthy
run = toolworthy.run("oracle", suites="wire", tier="quick")
assert_type(run, toolworthy.Run)
assert_type(toolworthy.check([]), tuple[toolworthy.Finding, ...])
with toolworthy.ReferenceServer(defects=["a"]) as server:
    assert_type(server.base_url, str)
assert_type(toolworthy.gate(run, run).answer == "pass", bool)
"""


@pytest.mark.parametrize("name", toolworthy.__all__)
def test_every_name_is_there_and_says_what_it_is(name: str) -> None:
    assert getattr(toolworthy, name).__doc__
    assert name in dir(toolworthy)


def test_a_type_checker_sees_the_names_that_there_are() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name))
    seen = {f"toolworthy.{module}": set(names) for module, names in toolworthy._MODULES.items()}
    assert seen == {
        node.module: {alias.name for alias in node.names} for node in block.body if isinstance(node, ast.ImportFrom)
    }
    assert sorted(name for names in seen.values() for name in names) == sorted([*toolworthy.__all__, "__version__"])


def test_what_there_is_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        toolworthy.nonsense  # type: ignore[attr-defined] # noqa: B018


@pytest.mark.process
def test_importing_it_imports_nothing_of_it() -> None:
    code = "import sys; before = set(sys.modules); import toolworthy; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-Sc", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert done.stdout.split() == ["toolworthy"]


WRONG = {
    "toolworthy.rum('oracle')": 'has no attribute "rum"',
    "toolworthy.run('oracle', tier='fast')": 'Argument "tier" to "run" has incompatible type',
    "toolworthy.run('oracle', agent=['codex'])": 'Unexpected keyword argument "agent"',
}


@pytest.mark.process
def test_mypy_knows_them_in_a_users_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("\n".join([*WRONG, TYPED]).replace("", "import toolworthy\n", 1))
    argv = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "mine.py"]
    env = environment({"MYPYPATH": str(PACKAGE.parent)})
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=300)
    told = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(told) == len(WRONG), done.stdout
    for line, says in zip(told, WRONG.values(), strict=True):
        assert says in line
