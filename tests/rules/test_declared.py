"""A rule of ours is one function and one table. Where one of them is missing or wrong, a line says which."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from toolworthy.base.errors import ToolworthyError
from toolworthy.rules import RULES, model
from toolworthy.rules.model import Violations, builtin, check_complete, rule, tables
from toolworthy.rules.view import View

TABLE = """
slug = "{slug}"
title = "a title"
severity = "cosmetic"
what = "What it does."
why = "Why it is bad."
right = "A right answer."
sources = ["https://example.com"]
"""
Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a file of tables, which is then all that is declared."""
    before = RULES.copy()
    monkeypatch.setattr(model, "_TABLES", tmp_path)

    def write(name: str, text: str) -> None:
        (tmp_path / name).write_text(text)
        tables.cache_clear()

    tables.cache_clear()
    RULES.clear()
    yield write
    RULES[:] = before
    tables.cache_clear()


def declared(code: str, slug: str = "a-slug") -> str:
    return f"[{code}]{TABLE.format(slug=slug)}"


def look(view: View) -> Violations:
    yield from ()


look.__module__ = "toolworthy.rules._test"  # as ours are


def test_a_function_and_its_table_are_a_rule(write: Write) -> None:
    write("chat.toml", 'area = "chat streams"\napis = ["chat"]\n' + declared("TW900"))
    made = builtin("TW900")(look)
    check_complete()
    assert (made.code, made.slug, made.area, made.apis, RULES) == ("TW900", "a-slug", "chat streams", ("chat",), [made])


def test_a_function_without_a_table(write: Write) -> None:
    with pytest.raises(ToolworthyError, match=r"look: no file in .* declares TW900\. Add a table"):
        builtin("TW900")(look)


def test_a_table_without_a_function(write: Write) -> None:
    write("chat.toml", 'area = "chat streams"\n' + declared("TW900"))
    with pytest.raises(ToolworthyError, match=r"chat\.toml: no function in .* has @builtin\('TW900'\)"):
        check_complete()


def test_two_tables(write: Write) -> None:
    write("a.toml", 'area = "chat streams"\n' + declared("TW900"))
    write("b.toml", 'area = "chat streams"\n' + declared("TW900"))
    with pytest.raises(ToolworthyError, match=r"b\.toml: a\.toml declares TW900, too"):
        tables()


def test_two_functions(write: Write) -> None:
    def other(view: View) -> Violations:
        yield from ()

    other.__module__ = look.__module__
    write("a.toml", 'area = "chat streams"\n' + declared("TW900"))
    builtin("TW900")(look)
    with pytest.raises(ToolworthyError, match=r"other: .* has the code TW900 already"):
        builtin("TW900")(other)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (declared("TW900"), "a.toml: TW900: area: field required"),
        ('area = "chat"\n' + declared("TW900"), "a.toml: TW900: area: input should be 'tool calls'"),
        ('area = "chat streams"\n' + declared("TW900", "A_slug"), "a.toml: TW900: slug: string should match"),
        ('area = "chat streams"\n' + declared("TW900") + "titel = 1", "unknown key 'titel'; did you mean 'title'?"),
        ('area = "chat streams"\nTW900 = 1', "a.toml: TW900: "),
    ],
)
def test_a_table_that_does_not_fit(write: Write, text: str, message: str) -> None:
    write("a.toml", text)
    with pytest.raises(ToolworthyError) as refused:
        builtin("TW900")(look)
    assert message.lower() in str(refused.value).lower()
    assert "\n" not in str(refused.value)


def test_every_slug_is_one_rules() -> None:
    slugs = [one.slug for one in RULES]
    assert len(set(slugs)) == len(slugs) == len(tables())


def test_a_users_rule_that_does_not_fit_is_a_line() -> None:
    with pytest.raises(ToolworthyError, match=r"test_declared\.py.*: severity: [^\n]*$"):
        rule("MY101", "a title", "awful")(lambda view: iter(()))
