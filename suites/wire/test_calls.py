"""Tool calls: do they come, whole, with the arguments as the model wrote them?"""

from toolworthy import wire
from toolworthy.wire.ir import Tool
from toolworthy.work.probes import EVERY_AGENT, Ask, Broken, Ignored, Unmeasured, probe
from toolworthy.work.probes.material import SOURCE, TOOLS, WRITE, schema

NESTED = Tool(
    "apply_edits",
    "Apply edits to files.",
    schema(
        "edits",
        edits={
            "type": "array",
            "items": schema(
                "path", "range", path="string", range=schema("from", "to", **{"from": "integer", "to": "integer"})
            ),
        },
    ),
)
TYPED = Tool(
    "configure",
    "Set options.",
    schema(
        "count",
        "ratio",
        "on",
        "label",
        "tags",
        count="integer",
        ratio="number",
        on="boolean",
        label="string",
        nothing={"type": ["string", "null"]},
        tags={"type": "array", "items": {"type": "string"}},
    ),
)


async def written(ask: Ask, content: str) -> None:
    """Have a file written with this content."""
    await ask.calls(("write_file", {"path": "src/area.py", "content": content}))


@probe("one tool call", severity="blocks", agents=EVERY_AGENT, tier="quick")
async def test_one_call(ask: Ask) -> None:
    """One call, by name, with its one argument."""
    await ask.calls(("read_file", {"path": "src/app.py"}))


@probe("text and a call in one response", modes="stream-first", agents=EVERY_AGENT)
async def test_text_before_call(ask: Ask) -> None:
    """What the model says before it calls is kept, and the call is not lost behind it."""
    answer = await ask.calls(("read_file", {"path": "src/app.py"}), say="I will look at the file first.")
    if not answer.text.strip():
        raise Unmeasured("the model wrote no text before its call")


@probe("a call without arguments", severity="blocks", agents=EVERY_AGENT)
async def test_no_argument_call(ask: Ask) -> None:
    """The arguments are an empty object, not nothing."""
    answer = await ask.calls(("list_files", {}))
    if answer.calls[0].arguments.strip() == "" and wire.api(ask.api).whole_calls == "never":
        raise Broken("the arguments are an empty string, which is not JSON")


@probe("two calls in one response", severity="degrades", agents=EVERY_AGENT, situation="parallel-calls", tier="quick")
async def test_parallel_calls(ask: Ask) -> None:
    """Both calls arrive, each with its own arguments and id."""
    answer = await ask.calls(("read_file", {"path": "src/a.py"}), ("read_file", {"path": "src/b.py"}))
    if len({call.id for call in answer.calls}) < 2:
        raise Broken("both calls have the same id")


@probe(
    "three calls of different tools",
    modes="stream-first",
    severity="degrades",
    agents=EVERY_AGENT,
    situation="parallel-calls",
)
async def test_parallel_mixed_calls(ask: Ask) -> None:
    """Different tools, one of them without arguments, in their order."""
    await ask.calls(
        ("list_files", {}), ("read_file", {"path": "a.py"}), ("write_file", {"path": "b.py", "content": "pass\n"})
    )


@probe("parallel calls can be disabled", "chat", "responses", "messages", modes="whole", situation="tool-choice")
async def test_parallel_disabled(ask: Ask) -> None:
    """``parallel_tool_calls: false`` (Messages: ``disable_parallel_tool_use``) leaves one call an answer."""
    wanted = [("read_file", {"path": "src/a.py"}), ("read_file", {"path": "src/b.py"})]
    order = ask.order(wanted, parallel_tool_calls=False)
    answer = await ask.accepted(order)
    if len(answer.calls) > 1:
        raise Ignored(f"the response has {len(answer.calls)} calls")
    if not answer.calls:
        raise Unmeasured("the model made no call")


@probe("the same tool twice with the same arguments", modes="stream", situation="parallel-calls")
async def test_same_call_twice(ask: Ask) -> None:
    """Two equal calls are two calls, not one."""
    same = ("read_file", {"path": "src/a.py"})
    await ask.calls(same, same)


@probe("nested arguments", modes="stream-first", severity="blocks", agents=EVERY_AGENT)
async def test_nested_arguments(ask: Ask) -> None:
    """Objects in arrays in an object."""
    edits = [{"path": "a.py", "range": {"from": 1, "to": 2}}, {"path": "b.py", "range": {"from": 10, "to": 12}}]
    await ask.calls(("apply_edits", {"edits": edits}), tools=(*TOOLS, NESTED))


@probe("arguments keep their types", modes="stream-first", severity="degrades", agents=EVERY_AGENT)
async def test_typed_arguments(ask: Ask) -> None:
    """Integers, fractions, booleans, null, and strings that look like JSON."""
    value = {"count": 3, "ratio": 0.5, "on": False, "label": "42", "nothing": None, "tags": ["true", "[1, 2]", ""]}
    await ask.calls(("configure", value), tools=(TYPED,))


@probe("non-ASCII arguments", modes="stream-first", severity="degrades", agents=EVERY_AGENT, situation="unicode")
async def test_unicode_arguments(ask: Ask) -> None:
    """Accents, CJK, emoji in paths and contents."""
    await ask.calls(("write_file", {"path": "naïve/文件-🎉.txt", "content": "привет, 你好, 👩🏽‍💻 ≠ “x”"}))


@probe("arguments with quotes and backslashes", severity="blocks", agents=EVERY_AGENT, tier="quick")
async def test_escaped_arguments(ask: Ask) -> None:
    """Quotes, backslashes, line ends, tabs: what JSON escapes is escaped once."""
    await written(ask, 'print("a\\\\b", \'c\', "\\n")\r\n\tr"\\d+\\.\\w*"\n"""x"""\n')


@probe("arguments with HTML", modes="stream-first", severity="degrades", agents=EVERY_AGENT, situation="markup")
async def test_html_arguments(ask: Ask) -> None:
    """Angle brackets and ampersands stay what they are."""
    await written(ask, "<div class=\"a\">&amp; < > &lt; 'x'</div>\n<!-- y -->")


@probe("arguments with significant whitespace", modes="stream-first", severity="degrades", agents=EVERY_AGENT)
async def test_white_space_arguments(ask: Ask) -> None:
    """Indentation, blank lines and a last line end are kept: an edit that does not match fails."""
    await written(ask, "\n    indented\n\n\t\ttabs  \n  two at the end  \n\n")


@probe("a file as an argument", severity="blocks", agents=EVERY_AGENT)
async def test_file_arguments(ask: Ask) -> None:
    """4 KiB of source, in many pieces."""
    await written(ask, SOURCE * 17)


@probe("an empty string as an argument", modes="stream")
async def test_empty_string_argument(ask: Ask) -> None:
    """An empty file is written with an empty content, not without one."""
    await ask.calls(("write_file", {"path": "src/__init__.py", "content": ""}))


@probe("only the required arguments", modes="stream")
async def test_optional_arguments(ask: Ask) -> None:
    """Optional ones that the model leaves out are not filled in with nulls or defaults."""
    tool = Tool("grep", "Search.", schema("pattern", pattern="string", path="string", limit="integer"))
    await ask.calls(("grep", {"pattern": "TODO"}), tools=(tool, WRITE))
