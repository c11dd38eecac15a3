"""A TOML file is read into its model, or refused in one line: path, place, fault, and the key that was meant."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.loading import load_toml
from toolworthy.content import PACKAGE


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Small(Strict):
    colour: str = ""


class Large(Strict):
    weight: int = 0


@dataclass(frozen=True)
class Plain:
    height: int = 0


class Row(Strict):
    id: str = ""
    price: float = Field(0, alias="cost")
    inner: Small | None = None


class Box(Strict):
    name: str = ""
    given: str = Field("", exclude=True)
    row: tuple[Row, ...] = ()
    rows: dict[str, Row] = {}
    either: Large | int | None = None
    plain: Plain = Plain()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("nam = 'x'", "unknown key 'nam'; did you mean 'name'?"),
        ("qqqqq = 'x'", "unknown key 'qqqqq'. Use one of name, row, rows, either, plain."),
        (
            "[[row]]\nid = 'first'\n[[row]]\nid = 'second'\ncots = 1",
            "row.second: unknown key 'cots'; did you mean 'cost'?",
        ),
        ("[[row]]\ninner = {color = 'red'}", "row.0.inner: unknown key 'color'; did you mean 'colour'?"),
        ("[rows.cost]\nkost = 1", "rows.cost: unknown key 'kost'; did you mean 'cost'?"),
        ("[rows.a]\ncost = 'x'\nid = 3", "(and 1 more)"),
        ("[either]\nwait = 3", "either.Large: unknown key 'wait'; did you mean 'weight'?"),
        ("[plain]\nhight = 3", "plain: unknown key 'hight'; did you mean 'height'?"),
        ("name = =", "(at line 1, column 8)"),
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("name = '\udcff'", "'utf-8' codec can't decode"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "box.toml"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ToolworthyError) as error:
        load_toml(Box, path)
    said = str(error.value)
    assert said.startswith(f"{path}: ")
    assert told in said
    assert "\n" not in said


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "box.toml"
    path.write_bytes(b"\xef\xbb\xbfname = 'x'")
    assert load_toml(Box, path, given="y") == Box(name="x", given="y")


def test_only_a_table_of_it_can_be_the_model(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text("[tool.box]\nname = 'x'\n[tool.other]\nsize = 3\n")
    assert load_toml(Box, path, table=("tool", "box")).name == "x"
    path.write_text("tool = 3")
    with pytest.raises(ToolworthyError, match="give a table"):
        load_toml(Box, path, table=("tool", "box"))


def test_nothing_else_reads_toml() -> None:
    readers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import) and any(alias.name == "tomllib" for alias in node.names)
    }
    assert {name.rpartition("/")[2] for name in readers} == {"toml.py"}
