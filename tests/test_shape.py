"""The house keeps its shape: floors import downwards, and no room grows past one sitting."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolworthy.content import PACKAGE

LAYERS = (
    ("base", "wire"),
    ("content", "statistics"),
    ("records",),
    ("rules",),
    ("reference",),
    ("endpoint",),
    ("sandbox",),
    ("agents",),
    ("gateway",),
    ("work",),
    ("judgement",),
    ("output",),
    ("public",),
    ("cli", "plugin", "__main__"),
)
"""Packages, lowest first; those of one layer do not know each other. ARCHITECTURE.md says what each is for."""
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names}
NOT_YET = {
    ("records/case.py", "work"),
    ("records/score.py", "rules"),
    ("records/trial.py", "rules"),
    ("records/trial.py", "work"),
}
"""Records that still know who makes them."""
FILES = sorted(PACKAGE.rglob("*.py"))
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
def test_layers_import_downwards(path: Path) -> None:
    name = str(path.relative_to(PACKAGE))
    own = name.partition("/")[0].removesuffix(".py")
    if own == "__init__":
        return
    known = {other for other in imports(path) if other != own and (name, other) not in NOT_YET}
    last = len(LAYERS) - 1
    assert not {other for other in known if not (LAYER[other] < LAYER[own] or LAYER[own] == last)}


@pytest.mark.parametrize("package", [name for names in LAYERS for name in names if (PACKAGE / name).is_dir()])
def test_a_package_says_what_it_is_and_what_it_may_import(package: str) -> None:
    text = ast.get_docstring(ast.parse((PACKAGE / package / "__init__.py").read_text())) or ""
    assert "May import: " in text
    assert "Does not belong here: " in text


def test_the_architecture_names_every_layer() -> None:
    text = (PACKAGE.parents[1] / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if re.match(r"\| +\d* \|", line)]
    named: list[set[str]] = []
    for _, number, packages, *_ in rows:
        names = set(re.findall(r"`(\w+)(?:/|\.py)`", packages))
        named = [*named, names] if number.strip() else [*named[:-1], named[-1] | names]
    assert named == [set(names) - {"__main__"} for names in LAYERS]


LATE = (
    "__init__.py",
    "cli/main.py",
    "cli/options.py",
    "output/write.py",
    "plugin.py",
    "records/exchange.py",
    "wire/__init__.py",
)
"""They import some things only once these are needed, so that the command line and pytest start at once."""


def edges(path: Path, modules: dict[str, Path]) -> set[str]:
    """Modules that a file imports, wherever in it, and the packages around them, but for its own."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    own = name_of(path)
    around = {outer for name in found for outer in outside(name) if not own.startswith(f"{outer}.")}
    return (around & modules.keys()) - {own}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def outside(name: str) -> Iterator[str]:
    """`name` and every package that it is in."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def test_no_file_imports_itself_through_others() -> None:
    """A cycle is not mended by an import inside a function or under TYPE_CHECKING: these count too."""
    modules = {name_of(path): path for path in FILES}
    left = {name: edges(path, modules) for name, path in modules.items()}
    while ready := {name for name, needs in left.items() if not needs & left.keys()}:
        left = {name: needs for name, needs in left.items() if name not in ready}
    assert not {name: needs & left.keys() for name, needs in left.items()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_stand_at_the_top(path: Path) -> None:
    if str(path.relative_to(PACKAGE)) in LATE:
        return
    tree = ast.parse(path.read_text())
    late = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node not in tree.body]
    assert not [node.lineno for node in late if (node.module or "").startswith("toolworthy")]


def test_the_page_that_follows_a_request_names_what_exists() -> None:
    text = (PACKAGE.parents[1] / "docs" / "request.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.py)`(?: `(\w+)`)?", text)
    assert len(named) > 30
    for file, name in named:
        tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
        defined = {node.name for node in tree.body if hasattr(node, "name")}
        defined |= {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
        assert not name or name in defined, (file, name)


PRINTS = {"base/visible.py", "agents/loop.py", "work/cases/world/lookers.py"}
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
