"""Tool schemas as agents and MCP servers send them: does the endpoint take them, and keep to them?"""

from typing import Any

from toolworthy.wire.ir import Tool
from toolworthy.work.probes import EVERY_AGENT, Ask, Rejected, probe
from toolworthy.work.probes.material import TOOLS, schema


async def used(ask: Ask, parameters: Any, arguments: Any, *, name: str = "do_it", **more: Any) -> None:
    """A tool of this schema is offered and called."""
    tool = Tool(name, more.pop("description", "Does it."), parameters, **more)
    await ask.calls((name, arguments), tools=(*TOOLS, tool))


@probe("a schema with objects in arrays", severity="blocks", agents=EVERY_AGENT, situation="unusual-schema")
async def test_schema_nested(ask: Ask) -> None:
    """Three levels deep."""
    inner = schema("name", name="string", options=schema(on="boolean"))
    value = {"items": [{"name": "a", "options": {"on": True}}, {"name": "b", "options": {}}]}
    await used(ask, schema("items", items={"type": "array", "items": inner}), value)


@probe("a schema with $ref and $defs", severity="degrades", agents=EVERY_AGENT, situation="unusual-schema")
async def test_schema_ref(ask: Ask) -> None:
    """What Pydantic and many MCP servers make."""
    point = schema("x", "y", x="integer", y="integer")
    parameters = {**schema("at", at={"$ref": "#/$defs/Point"}), "$defs": {"Point": point}}
    await used(ask, parameters, {"at": {"x": 1, "y": 2}})


@probe("$ref with a sibling title", modes="whole", severity="degrades", situation="unusual-schema")
async def test_schema_ref_beside(ask: Ask) -> None:
    """What generators make of a described field. Gemini refuses it, in words."""
    point = schema("x", "y", x="integer", y="integer")
    at = {"$ref": "#/$defs/Point", "title": "Place", "description": "Where."}
    await used(ask, {**schema("at", at=at), "$defs": {"Point": point}}, {"at": {"x": 1, "y": 2}})


@probe("anyOf with a sibling type", modes="whole", severity="degrades", situation="unusual-schema")
async def test_schema_any_of_typed(ask: Ask) -> None:
    """``type: object`` with ``anyOf`` for one of two fields. Moonshot refuses it, in words."""
    parameters = {**schema(a="string", b="string"), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    await used(ask, parameters, {"a": "x"})


@probe("conditions in a schema", modes="whole", severity="degrades", situation="unusual-schema")
async def test_schema_conditional(ask: Ask) -> None:
    """``allOf`` of ``if`` and ``then``. Moonshot refuses it, in words."""
    rules = [
        {"if": {"properties": {"kind": {"const": kind}}}, "then": {"required": [field]}}
        for kind, field in (("file", "path"), ("url", "address"))
    ]
    parameters = {**schema("kind", kind="string", path="string", address="string"), "allOf": rules}
    await used(ask, parameters, {"kind": "file", "path": "a"})


@probe("a recursive schema", modes="whole", severity="degrades", situation="unusual-schema")
async def test_schema_recursive(ask: Ask) -> None:
    """A tree that refers to itself; a server that unfolds references must not do so for ever."""
    node = schema("name", name="string", children={"type": "array", "items": {"$ref": "#/$defs/Node"}})
    parameters = {**schema("root", root={"$ref": "#/$defs/Node"}), "$defs": {"Node": node}}
    await used(ask, parameters, {"root": {"name": "a", "children": [{"name": "b", "children": []}]}})


@probe("a schema with an enum", severity="blocks", agents=EVERY_AGENT, situation="unusual-schema")
async def test_schema_enum(ask: Ask) -> None:
    """One of several words."""
    modes = {"type": "string", "enum": ["read-only", "workspace-write", "full"]}
    await used(ask, schema("mode", mode=modes), {"mode": "workspace-write"})


@probe("a schema with an enum of mixed types", modes="whole", severity="cosmetic", situation="unusual-schema")
async def test_schema_mixed_enum(ask: Ask) -> None:
    """Numbers, words and null."""
    await used(ask, schema("level", level={"enum": [1, "auto", None]}), {"level": "auto"})


@probe("a schema with anyOf", severity="degrades", agents=EVERY_AGENT, situation="unusual-schema")
async def test_schema_any_of(ask: Ask) -> None:
    """A string or a list of them."""
    either = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    await used(ask, schema("command", command=either), {"command": ["ls", "-l"]})


@probe("a schema with oneOf and const", modes="whole", severity="degrades", situation="unusual-schema")
async def test_schema_one_of(ask: Ask) -> None:
    """A tagged union."""
    kinds = [schema("kind", kind={"const": word}, value="string") for word in ("file", "url")]
    await used(ask, schema("source", source={"oneOf": kinds}), {"source": {"kind": "url", "value": "x"}})


@probe("a schema with allOf", modes="whole", severity="degrades", situation="unusual-schema")
async def test_schema_all_of(ask: Ask) -> None:
    """Parts put together."""
    both = {"type": "object", "allOf": [schema("a", a="string"), schema("b", b="integer")]}
    await used(ask, both, {"a": "x", "b": 1})


@probe("a schema with null among the types", severity="degrades", agents=EVERY_AGENT, situation="unusual-schema")
async def test_schema_nullable(ask: Ask) -> None:
    """``anyOf`` with null, as optional fields of Pydantic have it."""
    maybe = {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}
    await used(ask, schema("path", path="string", limit=maybe), {"path": "a.py", "limit": None})


@probe("a schema with a list of types", severity="degrades", agents=EVERY_AGENT, situation="unusual-schema")
async def test_schema_type_list(ask: Ask) -> None:
    """``type: ["string", "null"]``, on which chat templates stumble that compare the type with a word."""
    await used(ask, schema("name", name={"type": ["string", "null"]}), {"name": "a"})


@probe("a schema without properties", severity="blocks", agents=EVERY_AGENT, situation="unusual-schema")
async def test_schema_empty(ask: Ask) -> None:
    """``{"type": "object", "properties": {}}``: a tool without arguments."""
    await used(ask, {"type": "object", "properties": {}}, {})


@probe("an empty schema", severity="degrades", agents=EVERY_AGENT, situation="unusual-schema")
async def test_schema_bare(ask: Ask) -> None:
    """``{"type": "object"}``, as MCP servers send it for tools without arguments."""
    await used(ask, {"type": "object"}, {})


@probe("a tool without a schema", "chat", modes="whole", severity="degrades", situation="unusual-schema")
async def test_schema_missing(ask: Ask) -> None:
    """``parameters`` may be left out of a chat function."""
    body = ask.body(ask.order([("ping", {})], (*TOOLS, Tool("ping", "Pings."))))
    for tool in body["tools"]:
        if tool["function"]["name"] == "ping":
            tool["function"].pop("parameters", None)
    await ask.accepted(body)


@probe("a tool without a description", modes="whole", severity="degrades", situation="unusual-schema")
async def test_description_missing(ask: Ask) -> None:
    """Descriptions are optional."""
    await used(ask, schema("path", path="string"), {"path": "a"}, description="")


@probe("a strict schema", "chat", "responses", severity="degrades", agents=("codex",), situation="unusual-schema")
async def test_schema_strict(ask: Ask) -> None:
    """``strict: true`` with all fields required and no others allowed."""
    parameters = {**schema("path", "limit", path="string", limit="integer"), "additionalProperties": False}
    await used(ask, parameters, {"path": "a.py", "limit": 10}, strict=True)


@probe(
    "additionalProperties, true and false",
    modes="stream",
    severity="blocks",
    agents=EVERY_AGENT,
    situation="unusual-schema",
)
async def test_schema_additional_properties(ask: Ask) -> None:
    """Every agent's schemas say something of it."""
    free = {"type": "object", "properties": {}, "additionalProperties": True}
    await used(ask, {**schema("env", env=free), "additionalProperties": False}, {"env": {"A": "1"}})


@probe(
    "additionalProperties as a schema",
    modes="stream",
    severity="degrades",
    agents=EVERY_AGENT,
    situation="unusual-schema",
)
async def test_schema_map(ask: Ask) -> None:
    """A map from names to strings."""
    values = {"type": "object", "additionalProperties": {"type": "string"}}
    await used(ask, schema("env", env=values), {"env": {"PATH": "/bin", "LANG": "C"}})


@probe("the keywords of JSON Schema", modes="stream", severity="blocks", agents=EVERY_AGENT, situation="unusual-schema")
async def test_schema_keywords(ask: Ask) -> None:
    """$schema, title, default, format, pattern, bounds, examples: none of them may make the request fail."""
    parameters = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Fetch",
        **schema(
            "url",
            url={"type": "string", "format": "uri", "minLength": 1, "maxLength": 2_000, "examples": ["https://a"]},
            size={"type": "integer", "minimum": 0, "exclusiveMaximum": 10, "default": 3, "multipleOf": 1},
            name={"type": "string", "pattern": "^[a-z][a-z0-9_-]*$", "title": "Name", "deprecated": True},
            list={"type": "array", "items": {"type": "string"}, "minItems": 0, "maxItems": 5, "uniqueItems": True},
        ),
    }
    await used(ask, parameters, {"url": "https://example.org/a?b=c"})


@probe("JSON Schema draft 2020-12", modes="stream", severity="degrades", agents=EVERY_AGENT, situation="unusual-schema")
async def test_schema_draft_2020(ask: Ask) -> None:
    """``prefixItems``, ``$defs``, ``propertyNames``; Claude Code names this draft in every tool."""
    parameters = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema(
            "pair",
            pair={"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": {}},
            env={"type": "object", "propertyNames": {"type": "string"}, "additionalProperties": {}},
        ),
    }
    await used(ask, parameters, {"pair": ["a", 1]})


@probe("a schema with empty parts", modes="whole", severity="degrades", situation="unusual-schema")
async def test_schema_any(ask: Ask) -> None:
    """``{}``, or only a description: anything is allowed there."""
    await used(ask, schema("value", value={"description": "Anything."}), {"value": "x"})


@probe("an array without items", modes="whole", severity="degrades", situation="unusual-schema")
async def test_schema_array_bare(ask: Ask) -> None:
    """``{"type": "array"}`` alone."""
    await used(ask, schema("list", list={"type": "array"}), {"list": ["a", "b"]})


@probe("a description of 8 KiB", modes="stream", severity="blocks", agents=("claude-code",), situation="unusual-schema")
async def test_schema_long_description(ask: Ask) -> None:
    """Agents explain their tools at length."""
    text = 'Runs a command. Quote paths with spaces: `cd "a b"`. Never use `rm -rf`. ' * 110
    await used(ask, schema("command", command="string"), {"command": "ls"}, description=text)


@probe(
    "a description with braces and markers", modes="stream", severity="degrades", agents=EVERY_AGENT, situation="markup"
)
async def test_schema_odd_description(ask: Ask) -> None:
    """Template braces, angle brackets and quotes in a description."""
    text = "Use {{name}} or {% x %}, <example>a</example>, 'b', \"c\", `d`, \\n, 100 %, <|im_end|>."
    await used(ask, schema("command", command="string"), {"command": "ls"}, description=text)


@probe("128 tools", severity="degrades", agents=EVERY_AGENT, situation="many-tools")
async def test_many_tools(ask: Ask) -> None:
    """What several MCP servers add up to; OpenAI's own limit."""
    made = tuple(Tool(f"server_{n:03}_tool", f"Tool {n}.", schema("a", a="string")) for n in range(127))
    await ask.calls(("read_file", {"path": "a.py"}), tools=(*made, TOOLS[0]))


@probe("a tool's name of 64 characters", severity="degrades", agents=EVERY_AGENT, situation="unusual-schema")
async def test_name_64(ask: Ask) -> None:
    """MCP tools carry their server's name; 64 is the documented limit."""
    await used(
        ask, schema("a", a="string"), {"a": "b"}, name="mcp__" + "very_long_server_name_" * 2 + "and_tool_number_1"[:15]
    )


@probe("a tool's name with dashes and digits", severity="degrades", agents=EVERY_AGENT, situation="unusual-schema")
async def test_name_dashes(ask: Ask) -> None:
    """``mcp__my-server__get-2-files``."""
    await used(ask, schema("a", a="string"), {"a": "b"}, name="mcp__my-server__get-2-files")


@probe("a tool's name in mixed case", severity="degrades", agents=EVERY_AGENT, situation="unusual-schema")
async def test_name_case(ask: Ask) -> None:
    """``TodoWrite``: the name comes back as it was offered."""
    await used(ask, schema("a", a="string"), {"a": "b"}, name="TodoWrite")


@probe("a tool's name with dots", modes="whole", severity="cosmetic", situation="unusual-schema")
async def test_name_dots(ask: Ask) -> None:
    """Not allowed by OpenAI, used by some; refused in words is right too."""
    await used(ask, schema("a", a="string"), {"a": "b"}, name="files.read")


@probe(
    "unusual parameter names",
    modes="stream",
    severity="degrades",
    agents=("claude-code",),
    situation="unusual-schema",
)
async def test_parameter_names(ask: Ask) -> None:
    """Claude Code's Grep has ``-A`` and ``-n``; others ``$filter`` or ``type``."""
    parameters = schema(
        "pattern", "-n", "type", **{"pattern": "string", "-n": "boolean", "type": "string", "$x": "string"}
    )
    await used(ask, parameters, {"pattern": "a", "-n": True, "type": "py"})


@probe("a tool's name that begins with a digit", modes="whole", severity="degrades", situation="unusual-schema")
async def test_name_digit(ask: Ask) -> None:
    """Gemini and Moonshot want a letter first."""
    await used(ask, schema("a", a="string"), {"a": "b"}, name="3d_print")


@probe("tool names of more than 64 characters", modes="whole", severity="cosmetic", situation="unusual-schema")
async def test_name_128(ask: Ask) -> None:
    """Beyond the documented limit; refused in words is right too, and the detail says how far it goes."""
    for length in (65, 96, 128):
        try:
            await used(ask, schema("a", a="string"), {"a": "b"}, name=("mcp__server__" + "name_" * 30)[:length])
        except Rejected as no:
            raise Rejected(f"{length} characters are too many: {no}") from no
