"""The source keeps its shape: layers import downwards, and no file grows past one sitting.

One test a property, over all files at once: a test a file took longer to collect than to run.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from toolworthy import wire
from toolworthy.content import PACKAGE
from toolworthy.wire.ir import Api

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
FILES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES, MAX_BODY = 400, 60


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def imports(path: Path) -> set[str]:
    """First names under toolworthy that a file imports."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("toolworthy."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.ImportFrom) and node.module == "toolworthy":
            found |= {alias.name for alias in node.names if not alias.name.startswith("_")}
    return found


def test_layers_import_downwards() -> None:
    wrong, last = set(), len(LAYERS) - 1
    for path in FILES:
        own = named(path).partition("/")[0].removesuffix(".py")
        if own != "__init__":
            known = {other for other in imports(path) if other != own}
            wrong |= {(named(path), other) for other in known if not (LAYER[other] < LAYER[own] or LAYER[own] == last)}
    assert not wrong


@pytest.mark.parametrize("package", [name for names in LAYERS for name in names if (PACKAGE / name).is_dir()])
def test_a_package_says_what_it_is_and_what_it_may_import(package: str) -> None:
    text = ast.get_docstring(ast.parse((PACKAGE / package / "__init__.py").read_text())) or ""
    assert "May import: " in text
    assert "Does not belong here: " in text


def test_the_architecture_names_every_layer() -> None:
    text = (PACKAGE.parents[1] / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if re.match(r"\| +\d* \|", line)]
    layers: list[set[str]] = []
    for _, number, packages, *_ in rows:
        names = set(re.findall(r"`(\w+)(?:/|\.py)`", packages))
        layers = [*layers, names] if number.strip() else [*layers[:-1], layers[-1] | names]
    assert layers == [set(names) - {"__main__"} for names in LAYERS]


LATE = (
    "__init__.py",
    "cli/_dispatch.py",
    "cli/_values.py",
    "cli/commands/run.py",
    "cli/fixtures.py",
    "cli/main.py",
    "output/write.py",
    "plugin.py",
    "records/exchange.py",
    "wire/__init__.py",
)
"""They import some things only once these are needed, so that the command line and pytest start at once."""


def edges(path: Path, modules: dict[str, Path]) -> set[str]:
    """Modules that a file imports, wherever in it, and the packages around them, but for its own."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    own = name_of(path) if path.is_relative_to(PACKAGE) else "elsewhere"
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


OPEN = {
    "agents.loop",
    "agents.actions",
    "sandbox.guard",
    "sandbox.launcher",
    "sandbox.userns",
    "work.cases.world.lookers",
}
"""Programs of their own, which run inside or beside a sandbox."""
OPEN |= {"records.model", "cli.main"}


def test_a_module_is_private_where_only_its_own_package_imports_it() -> None:
    """Its name begins with an underscore then, and only then. Tests may look inside."""
    root = PACKAGE.parents[1]
    modules = {name_of(path): path for path in FILES}
    programs = [path for path in (root / "scripts").iterdir() if path.is_file() and b"python" in path.read_bytes()[:40]]
    importers: dict[str, set[str]] = {name: set() for name in modules}
    for path in [*FILES, *root.glob("suites/**/*.py"), *root.glob("benchmarks/*.py"), *programs]:
        for name in edges(path, modules):
            importers[name].add(name_of(path) if path in FILES else "elsewhere")
    wrong = set()
    for name, path in modules.items():
        package, _, leaf = name.rpartition(".")
        short = name.removeprefix("toolworthy.")
        if path.name == "__init__.py" or package == "toolworthy" or short in OPEN or short.startswith("cli.commands."):
            continue
        if leaf.startswith("_") != all(user == package or user.startswith(f"{package}.") for user in importers[name]):
            wrong.add(name)
    assert not wrong


def test_no_two_public_classes_share_a_name() -> None:
    """One name means one thing; a class that only its own file uses begins with an underscore."""
    places: dict[str, list[str]] = {}
    for path in FILES:
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(named(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_imports_stand_at_the_top() -> None:
    late = {
        (named(path), node.lineno)
        for path in FILES
        if named(path) not in LATE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom)
        and node not in tree(path).body
        and (node.module or "").startswith("toolworthy")
    }
    assert not late


def test_the_page_that_follows_a_request_names_what_exists() -> None:
    text = (PACKAGE.parents[1] / "docs" / "request.md").read_text(encoding="utf-8")
    places = re.findall(r"`([\w/]+\.py)`(?: `(\w+)`)?", text)
    assert len(places) > 30
    for file, name in places:
        body = tree(PACKAGE / file).body
        defined = {node.name for node in body if hasattr(node, "name")}
        defined |= {alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}
        assert not name or name in defined, (file, name)


def test_documents_name_sources_that_exist() -> None:
    root = PACKAGE.parents[1]
    named = {
        (file.name, path)
        for file in (*root.glob("*.md"), *(root / "docs").glob("*.md"))
        for path in re.findall(r"src/toolworthy/[\w./-]*\w", file.read_text(encoding="utf-8"))
    }
    assert len(named) > 10
    assert not {(file, path) for file, path in named if not (root / path).exists() and "NAME" not in path}


PRINTS = {"base/sanitize.py", "agents/loop.py", "work/cases/world/lookers.py"}
"""The one way, and programs of their own that run inside the sandbox."""


def test_everything_is_printed_in_one_way() -> None:
    """By `visible.show`: no terminal obeys what came from a server, a model, or a file."""
    wrong = set()
    for path in FILES:
        for node in ast.walk(tree(path)) if named(path) not in PRINTS else ():
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if (node.value.id, node.attr) == ("console", "print"):
                    wrong.add((named(path), node.lineno))
            elif isinstance(node, ast.Name) and node.id == "print":
                wrong.add((named(path), node.lineno))
    assert not wrong


def test_the_wire_needs_nothing_but_the_standard_library() -> None:
    import sys

    for path in (PACKAGE / "wire").rglob("*.py"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {(node.module or "").split(".")[0]}
            else:
                continue
            assert names <= sys.stdlib_module_names | {"toolworthy"}, path


def test_no_file_grows_past_one_sitting() -> None:
    long = {named(path) for path in FILES if len(path.read_text(encoding="utf-8").splitlines()) > MAX_LINES}
    for path in FILES:
        for node in ast.walk(tree(path)):
            body = node.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else []
            if body and (body[-1].end_lineno or 0) - body[0].lineno >= MAX_BODY:
                long.add(f"{named(path)}: {body[0].lineno}")
    assert not long


APIS = get_args(Api)
DECLARED = [wire.api(name) for name in APIS]
OF_ONE_API = {re.sub(r"^/v\d\w*|.*\{model\}", "", api.completion) for api in DECLARED}
"""Paths and headers of one API."""
OF_ONE_API |= {name for api in DECLARED for name in (*api.headers, api.auth) if name != "bearer"}


def names_apis(node: ast.AST) -> bool:
    """Whether code asks for an API by its name, or lists several."""

    def constants(nodes: Iterable[ast.AST | None]) -> list[object]:
        return [part.value for part in nodes if isinstance(part, ast.Constant) and part.value in APIS]

    match node:
        case ast.Compare(left=left, comparators=others):
            return bool(constants([left, *others]))
        case ast.MatchValue(value=value):
            return bool(constants([value]))
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements) | ast.Dict(keys=elements):
            return len(constants(elements)) > 1
        case ast.Constant(value=str(text)):
            return "\n" not in text and any(mark in text for mark in OF_ONE_API)
    return False


def test_what_a_wire_api_is_like_stands_in_its_declaration() -> None:
    """Another API is a package of ``wire/`` and a file of rules; no other module is to learn its name."""
    others = [path for path in FILES if not named(path).startswith(("wire/", "rules/"))]
    found = {(named(path), ast.unparse(node)) for path in others for node in ast.walk(tree(path)) if names_apis(node)}
    assert not found


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "ARCHITECTURE.md"])
def test_the_paths_of_a_page_exist(page: str) -> None:
    """Every path between backticks: from here, from the package or a folder that the page names, or of a task."""
    root = PACKAGE.parents[1]
    text = (root / page).read_text(encoding="utf-8")
    named = {path for path in re.findall(r"`([\w.-]+/[\w./-]*)`", text) if not re.search(r"[A-Z]{2}", path)}
    inside = (PACKAGE / name for name in ("output", "output/html", "work", "judgement"))
    places = (root, PACKAGE, *inside, root / "tests" / "servers", *(root / "fixtures" / "tasks").iterdir())
    assert [path for path in sorted(named) if not any((place / path).exists() for place in places)] == []
