"""No part of our own code reads a sentence that another wrote: what one tells the other is a value of a type."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from toolworthy.content import SUITES
from toolworthy.rules import RULES
from toolworthy.work.probes import PROBES, load_suite

TOP = SUITES.parent
SENTENCE = re.compile(r"[A-Za-z]{2,}[,:;]? +[A-Za-z]|[a-z]{2,}[,:]? $|^ ?[a-z]+ $")
"""Two words, or one word and the space before the next."""
LOOKS = {"startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition", "split", "find", "index"}
FOREIGN = {
    "src/toolworthy/agents/_npm.py": "npm's own words",
    "src/toolworthy/agents/_pypi.py": "uv's own words",
    "src/toolworthy/base/asgi.py": "uvicorn's, in its log",
    "src/toolworthy/base/loading.py": "pydantic's, and a file of Git LFS",
    "src/toolworthy/cli/_pytest_hooks.py": "argparse's, through pytest",
    "src/toolworthy/rules/calls.py": "the standard library's, of JSON",
    "src/toolworthy/sandbox/_bubblewrap.py": "bubblewrap's",
    "src/toolworthy/work/cases/matching/patch.py": "the grammar of apply_patch",
    "src/toolworthy/work/cases/matching/_displayed.py": "a command line of git's",
    "src/toolworthy/work/cases/matching/unified.py": "the grammar of diffs",
    "suites/wire/test_requests.py": "the grammar of apply_patch",
    "suites/wire/test_text.py": "what a model was told to repeat",
}
"""Where such a text is another program's, and whose."""

Named = Mapping[str, ast.expr]


def test_no_sentence_of_ours_is_compared() -> None:
    files = [path for name in ("src", "suites", "scripts") for path in sorted((TOP / name).rglob("*.py"))]
    trees = {str(path.relative_to(TOP)): ast.parse(path.read_text()) for path in files}
    kinds = {kind for tree in trees.values() for kind in members(tree)}
    public = {name: value for tree in trees.values() for name, value in constants(tree).items() if name[0] != "_"}
    found = {name: [one for one in compared(tree, public) if one[1] not in kinds] for name, tree in trees.items()}
    assert {name: texts for name, texts in found.items() if texts and name not in FOREIGN} == {}
    assert [name for name in FOREIGN if not found.get(name)] == [], "not needed any more"


def test_every_way_to_compare_is_seen() -> None:
    source = """
BEGIN = "the endpoint went silent"
A, B = "given up at", "our own limit"
error.startswith("the endpoint broke")
error.startswith(BEGIN)
error.startswith((A, f"agent {name} hung up"))
"cannot be reached" in error
error == "agent hung up"
error.startswith(ELSEWHERE)
error.startswith(b"bytes of words")
word.startswith("TW")
word == "our limit"
Kind = Literal["our limit"]
"""
    tree = ast.parse(source)
    found = list(compared(tree, {"ELSEWHERE": ast.Constant("defined in another file")}))
    assert {line for line, text in found if text not in members(tree)} == {4, 5, 6, 7, 8, 9, 10}


def compared(tree: ast.Module, public: Named) -> Iterator[tuple[int, str]]:
    """The sentences that a program looks for in texts, with their lines."""
    named = {**public, **constants(tree)}
    for node in ast.walk(tree):
        operands: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOOKS:
            operands = node.args[:1]
        elif isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
        for operand in operands:
            yield from ((operand.lineno, text) for text in texts(operand, named) if SENTENCE.search(text))


def constants(tree: ast.Module) -> dict[str, ast.expr]:
    """What a module's own names stand for."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            (target, value) = node.targets[0], node.value
            pairs = [(target, value)]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = list(zip(target.elts, value.elts, strict=True))
            found |= {name.id: one for name, one in pairs if isinstance(name, ast.Name)}
    return found


def members(tree: ast.Module) -> set[str]:
    """Of all literal types: these may be of two words."""
    every = [
        node.slice for node in ast.walk(tree) if isinstance(node, ast.Subscript) and _name(node.value) == "Literal"
    ]
    return {text for one in every for text in texts(one, {})}


def texts(node: ast.AST, named: Named) -> Iterator[str]:
    """The constant texts of an expression, and of the names in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
        yield node.value if isinstance(node.value, str) else node.value.decode("latin-1")
    elif isinstance(node, ast.Name) and isinstance(value := named.get(node.id), (ast.Constant, ast.Tuple)):
        yield from texts(value, {})
    elif isinstance(node, (ast.Tuple, ast.List, ast.Set, ast.JoinedStr)):
        for part in ast.iter_child_nodes(node):
            yield from texts(part, named)


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def test_no_page_has_the_markup_of_docstrings() -> None:
    """What rules and probes say, and the generated docs, are Markdown: one backtick, not two."""
    load_suite()
    said = [text for probe in PROBES.values() for text in (probe.title, probe.explanation)]
    said += [text for rule in RULES for text in rule.model_dump(mode="python").values() if isinstance(text, str)]
    said += [
        path.read_text(encoding="utf-8") for path in (TOP / "docs").rglob("*.*") if path.suffix in (".md", ".json")
    ]
    assert [found[0] for text in said if (found := re.search(r"(?<!`)``[^`\n]+``(?!`)", text))] == []
