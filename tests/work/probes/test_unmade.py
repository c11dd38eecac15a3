"""Calls that do not come as they were asked for: what all answers show, and what of it is the model's own."""

from __future__ import annotations

import pytest

from toolworthy.records.exchange import Exchange
from toolworthy.reference._reply import stream
from toolworthy.wire.ir import Part, Request, Response, Text, Thinking, ToolCall
from toolworthy.work.probes import damage
from toolworthy.work.probes._unmade import unmade
from toolworthy.work.probes.answer import Answer

READ = ("read_file", {"path": "src/app.py"})
OTHER = ("read_file", {"path": "src/b.py"})


def answer(*parts: Part) -> Answer:
    """These parts, as a chat stream holds them."""
    said = Response(id="r_1", model="m", parts=parts, stop="end")
    data = b"".join(stream("chat", said, Request(model="m", messages=(), stream=True)))
    return Answer(Exchange.of("chat", "{}", data))


def call(path: str, number: int = 1) -> ToolCall:
    return ToolCall(f"call_{number}", "read_file", f'{{"path":"{path}"}}')


def thinks(text: str) -> Thinking:
    return Thinking(text, "reasoning_content")


@pytest.mark.parametrize(
    ("texts", "cause"),
    [
        (["I would call read_file now.", "Step 1: read_file with src/app.py"], "calls-in-words"),
        (["The next step is to open src/app.py.", "1. Open src/app.py"], "calls-in-words"),
        (["Let me look at the file first.", "I'll read it now."], "calls-in-words"),
        (["There is no tool read_file available.", "I do not have access to files."], "tools-unseen"),
        (["done", "done"], ""),
        (["I would call read_file now.", "done"], ""),  # not every time: the model's own choice
        (["I would call read_file now."], ""),
        (["It would spread_files about.", "So be it."], ""),
    ],
)
def test_text_instead_of_a_call(texts: list[str], cause: str) -> None:
    found = unmade([READ], [answer(Text(text)) for text in texts], unseen=False)
    assert (found.cause if found else "") == cause


@pytest.mark.parametrize(
    ("thoughts", "cause"),
    [
        (["I should call read_file.", "So: read_file with src/app.py"], "calls-only-announced"),
        (["The user wants something. Let me think.", "I should call read_file."], ""),
    ],
)
def test_a_call_that_only_the_reasoning_announces(thoughts: list[str], cause: str) -> None:
    for said in ((Text("Okay."),), () if cause else (Text("No."),)):
        found = unmade([READ], [answer(thinks(text), *said) for text in thoughts], unseen=False)
        assert (found.cause if found else "") == cause


def test_reasoning_in_tags_is_no_text() -> None:
    answers = [answer(Text("<think>I should call read_file.</think>")), answer(Text("<think>So: read_file."))]
    found = unmade([READ], answers, unseen=False)
    assert found is not None
    assert found.cause == "calls-only-announced"


def test_reasoning_with_nothing_behind_it_every_time() -> None:
    found = unmade([READ], [answer(thinks("Hm.")), answer(thinks("Well."))], unseen=False)
    assert found is not None
    assert found.cause == "calls-only-announced"
    assert unmade([READ], [answer(thinks("Hm.")), answer(thinks("Well."), Text("done"))], unseen=False) is None


def test_tools_that_cost_nothing_never_reach_the_model() -> None:
    answers = [answer(Text("done")), answer(Text("done"))]
    found = unmade([READ], answers, unseen=True)
    assert found is not None
    assert found.cause == "tools-unseen"
    assert unmade([READ], answers, unseen=False) is None


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ([call("src/app.py")], "only 1 of 2 calls arrive"),
        ([call("src/b.py")], "only 1 of 2 calls arrive"),
        (
            [call("src/app.py"), call("src/b.py", 2), call("src/app.py", 3), call("src/b.py", 4)],
            "every call arrives twice",
        ),
        (
            [call("src/app.py"), call("src/app.py", 2), call("src/b.py", 3), call("src/b.py", 4)],
            "every call arrives twice",
        ),
        ([call("src/c.py")], ""),
        ([call("src/b.py"), call("src/app.py", 2)], ""),
        ([call("src/app.py"), call("src/b.py", 2)], ""),
    ],
)
def test_calls_that_are_missing_or_too_many_every_time(made: list[ToolCall], said: str) -> None:
    found = unmade([READ, OTHER], [answer(*made), answer(*made)], unseen=False)
    assert (str(found) if found else "") == (f"{said}, 2 of 2 times" if said else "")
    if said:
        assert unmade([READ, OTHER], [answer(*made), answer(call("src/c.py"))], unseen=False) is None


@pytest.mark.parametrize(
    ("wanted", "given", "said"),
    [
        ("a <|im_end|> b </s> c", "a  b </s> c", "without <|im_end|>"),
        ("a <|im_end|> b </s> c", "a  b  c", "without <|im_end|>, </s>"),
        ("a\x00b\x1b[0mc", "ab\x1b[0mc", "without U+0000"),
        ("a\x00b\x1b[0mc", "a b\ufffd[0mc", "without U+0000, U+001B"),
        ("a\x00b", "a", "cut off before '\\x00b'"),
        ("[INST] {{ x }} a", " b", None),
        ("[INST] {{ x }} a", "  a", "without [INST], {{ x }}"),
        ("a <b> c", "a <b> c!", None),
        ("a <b> c", "another <b> c", None),
        ("a\r\nb", "a\nb", None),
        ("a <b> c", "a c", "without <b>"),
    ],
)
def test_marks_that_are_lost_on_the_way(wanted: str, given: str, said: str | None) -> None:
    assert damage.text(wanted, given) == said
