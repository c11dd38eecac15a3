"""Edits that a model writes as text, well-formed or not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolworthy.wire.ir import Message, Request, Text, Tool
from toolworthy.wire.text_edits import TextEdit, read_text_edits, wants_text_edits, written

LINES = st.lists(st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"))), max_size=4)
BLOCK = "a/b.py\n```python\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n```\n"


@given(LINES, LINES)
def test_what_is_written_is_read_back(old: list[str], new: list[str]) -> None:
    whole = [TextEdit("src/a.py", *("".join(line + "\n" for line in lines) for lines in (old, new)))]
    marks = any(line.rstrip().startswith(("<<<<<", "=====", ">>>>>")) for line in (*old, *new))
    assert marks or read_text_edits("\n".join(map(written, whole))) == tuple(whole)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("I changed the file.", ()),
        (BLOCK, (("a/b.py", "old\n", "new\n", ""),)),
        (BLOCK.replace("```python\n", "").replace("```\n", ""), (("a/b.py", "old\n", "new\n", ""),)),
        (BLOCK.replace("a/b.py\n```python\n", "```python\na/b.py\n"), (("a/b.py", "old\n", "new\n", ""),)),
        (BLOCK.replace("a/b.py", "**a/b.py**"), (("a/b.py", "old\n", "new\n", ""),)),
        (BLOCK.replace("a/b.py", "a b/c d.py"), (("a b/c d.py", "old\n", "new\n", ""),)),
        (BLOCK.replace("\n", "\r\n"), (("a/b.py", "old\r\n", "new\r\n", ""),)),
        (BLOCK.replace("old\n", ""), (("a/b.py", "", "new\n", ""),)),
        (BLOCK.replace("new\n", ""), (("a/b.py", "old\n", "", ""),)),
        (BLOCK.replace("<<<<<<< SEARCH", "<<<<< SEARCH"), (("a/b.py", "old\n", "new\n", ""),)),
        (BLOCK[BLOCK.index("<<<") :], (("", "old\n", "new\n", "no path"),)),
        (BLOCK[: BLOCK.index(">>>")], (("a/b.py", "", "", "no end"),)),
        (BLOCK.replace("=======\n", ""), (("a/b.py", "", "", "no end"),)),
        (BLOCK.replace("=======", "---"), (("a/b.py", "", "", "no end"),)),
        (BLOCK.replace("<<<<<<< SEARCH", "<<<<<<< HEAD"), ()),
        (BLOCK.replace("old", "=== old ==="), (("a/b.py", "=== old ===\n", "new\n", ""),)),
        (
            BLOCK + BLOCK[BLOCK.index("<<<") :].replace("old", "two"),
            (("a/b.py", "old\n", "new\n", ""), ("a/b.py", "two\n", "new\n", "")),
        ),
        (
            BLOCK[: BLOCK.index("=======")] + "\n" + BLOCK.replace("a/b.py", "c.py"),
            (("a/b.py", "", "", "no end"), ("c.py", "old\n", "new\n", "")),
        ),
    ],
)
def test_a_response_is_read(text: str, expected: tuple[tuple[str, ...], ...]) -> None:
    assert read_text_edits(text) == tuple(TextEdit(*one) for one in expected)


def test_a_request_asks_for_them_in_its_system_prompt_and_offers_no_tools() -> None:
    system = Message("system", (Text("Use *SEARCH/REPLACE blocks* for every edit."),))
    user = Message("user", (Text("What is a SEARCH/REPLACE block?"),))
    assert wants_text_edits(Request("m", (system, user)))
    assert not wants_text_edits(Request("m", (user,)))
    assert not wants_text_edits(Request("m", (system, user), tools=(Tool("run", "", {}),)))
