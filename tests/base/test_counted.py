"""A number and its noun agree, and nobody else makes plurals."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import toolworthy
from toolworthy.base.counted import counted


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 calls"), (1, "1 call"), (2, "2 calls"), (1_000, "1,000 calls"), (1.0, "1 call"), (0.001, "0.001 calls")],
)
def test_only_one_is_singular(number: float, text: str) -> None:
    assert counted(number, "call") == text


def test_plurals_are_made_in_one_place() -> None:
    source = Path(toolworthy.__file__).parent
    made = re.compile(r"""["']s["'] (\*|if)|else ["']s["']""")
    assert [str(path) for path in source.rglob("*.py") if made.search(path.read_text(encoding="utf-8"))] == []
