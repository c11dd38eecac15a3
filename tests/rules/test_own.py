"""A user's own rules: declared anywhere, judged as ours are, and refused in one line where they cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.examples import chat
from toolworthy import rules
from toolworthy.base.errors import ToolworthyError
from toolworthy.cli.commands import rules as commands
from toolworthy.output.rule_pages import write_pages
from toolworthy.rules import RULES, Rule, rule
from toolworthy.rules.model import Violations
from toolworthy.rules.view import View

HELLO = chat([{"role": "user", "content": "hi"}], {"content": "hello"})


@pytest.fixture(autouse=True)
def _only_here() -> Iterator[None]:
    before = RULES.copy()
    yield
    RULES[:] = before


def greets(code: str = "MY101") -> Rule:
    @rule(code, "a greeting", "cosmetic")
    def greeting(view: View) -> Violations:
        """Nobody greets a machine."""
        if "hello" in view.response.text:
            yield "it greets", view.tail()

    return greeting


def test_it_judges_as_ours_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert "MY101" not in {finding.code for finding in rules.check([HELLO])}
    greets()
    (found,) = (finding for finding in rules.check([HELLO]) if finding.code == "MY101")
    assert (found.title, found.severity, found.detail) == ("a greeting", "cosmetic", "it greets")
    assert commands.run("MY101", None) == 0
    page = capsys.readouterr().out
    assert "Nobody greets a machine." in page
    assert page.startswith("# MY101 a-greeting: a greeting\n")
    assert not [one for one in ("Example", "Use instead", "References") if f"## {one}" in page]
    commands.run(None, None)
    assert "MY101 a-greeting  " in capsys.readouterr().out


@pytest.mark.parametrize("name", ["TW101", "tw101", "missing-tool-call-id", "Missing-Tool-Call-Id"])
def test_a_rule_is_found_by_code_and_slug(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.run(name, None) == 0
    assert capsys.readouterr().out.startswith("# TW101 missing-tool-call-id: ")


@pytest.mark.parametrize(("name", "meant"), [("TW10", "TW101"), ("missing-tol-call-id", "missing-tool-call-id")])
def test_the_nearest_rule_is_suggested(name: str, meant: str) -> None:
    with pytest.raises(ToolworthyError, match=rf"no rule is called {name}; did you mean '{meant}'\?"):
        commands.run(name, None)


def test_its_page_stands_beside_ours(tmp_path: Path) -> None:
    greets()
    write_pages(tmp_path)
    assert (tmp_path / "MY101.md").is_file()
    assert "## Rules of your own\n" in (tmp_path / "README.md").read_text()


def test_what_is_declared_again_replaces_itself() -> None:
    greets()
    greets()
    assert [one.code for one in RULES].count("MY101") == 1
    assert [one.code for one in RULES] == sorted(one.code for one in RULES)


def test_a_code_belongs_to_one_rule() -> None:
    greets()
    with pytest.raises(ToolworthyError, match=r"test_own\.py: .*other: .*greeting has the code MY101 already"):

        @rule("MY101", "another", "cosmetic")
        def other(view: View) -> Violations:
            yield from ()


@pytest.mark.parametrize("code", ["TW101", "TW999", "my101", "M1", "MY-101", "../MY101", "MY101\n"])
def test_a_code_that_cannot_be(code: str) -> None:
    with pytest.raises(ToolworthyError, match="cannot be a rule's code"):
        greets(code)


@pytest.mark.parametrize("wrong", ["it greets", 5, [5], [("a", "b", "c")]], ids=str)
def test_one_that_fails_is_named(wrong: object) -> None:
    @rule("MY102", "broken", "cosmetic")
    def broken(view: View) -> Violations:
        return wrong  # type: ignore[return-value]

    with pytest.raises(ToolworthyError, match=r"test_own\.py: .*broken: rule MY102 fails with (Type|Value)Error: "):
        rules.check([HELLO])
