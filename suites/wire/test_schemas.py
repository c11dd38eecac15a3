"""Tool schemas as agents and MCP servers send them: does the endpoint take them, and keep to them?"""

import functools
from collections.abc import Callable
from typing import Any

from toolworthy.wire.ir import APIS, Api, Tool
from toolworthy.wire.lenient import parse_json
from toolworthy.work.probes import EVERY_AGENT, Ask, Rejected, probe, senders
from toolworthy.work.probes.material import TOOLS, schema

Offer = tuple[dict[str, Any], dict[str, Any]]
"""The schema of a tool, and arguments."""


class Offers:
    """Tools of several probes, first offered and called in one request; a call that goes wrong there is asked for
    alone, by its probe."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._all: list[tuple[tuple[Api, ...], Tool, dict[str, Any]]] = []

    def offer(self, title: str, *apis: Api, name: str = "", description: str = "Does it.", **declared: Any) -> Any:
        """Make a probe of a function that returns the schema of a tool, and the arguments that it is called with."""
        strict = declared.pop("strict", None)
        declared = {"situation": "unusual-schema", **declared}

        def make(function: Callable[[], Offer]) -> Any:
            parameters, arguments = function()
            tool = Tool(name or function.__name__.removeprefix("test_"), description, parameters, strict=strict)
            self._all.append((apis or APIS, tool, arguments))

            @functools.wraps(function)
            async def asked(ask: Ask) -> None:
                if tool.name not in await ask.surface.shared(self._name, lambda: self._called(ask)):
                    await ask.calls((tool.name, arguments), tools=(*TOOLS, tool))

            return probe(title, *apis, modes="stream-first", **declared)(asked)

        return make

    async def _called(self, ask: Ask) -> set[str]:
        """The names of the tools whose calls come as they should when all are asked for at once."""
        if ask.surface.calls.less:
            return set()
        offered = [(tool, arguments) for apis, tool, arguments in self._all if ask.api in apis]
        wanted = [(tool.name, arguments) for tool, arguments in offered]
        answer = await ask.send(ask.order(wanted, (*TOOLS, *(tool for tool, _ in offered))))
        right = {call.name for call in answer.calls if (call.name, parse_json(call.arguments)) in wanted}
        ask.surface.calls.made += bool(right)
        if len(right) < len(wanted):
            ask.superseded.add(answer.exchange.index)
        return right


PROSE = 'Runs a command. Quote paths with spaces: `cd "a b"`. Never use `rm -rf`. '
SERVER = "mcp__" + "very_long_server_name_" * 2 + "and_tool_number"
MARKUP = "Use {{name}} or {% x %}, <example>a</example>, 'b', \"c\", `d`, \\n, 100 %, <|im_end|>."
SHAPES, KEYWORDS, RARE, ODD = Offers("shapes"), Offers("keywords"), Offers("rare schemas"), Offers("odd schemas")
"""``ODD``: what some endpoints refuse, in words."""


@SHAPES.offer("a schema with objects in arrays", severity="blocks", agents=EVERY_AGENT)
def test_schema_nested() -> Offer:
    """Three levels deep."""
    inner = schema("name", name="string", options=schema(on="boolean"))
    value = {"items": [{"name": "a", "options": {"on": True}}, {"name": "b", "options": {}}]}
    return schema("items", items={"type": "array", "items": inner}), value


@SHAPES.offer("a schema with $ref and $defs", severity="degrades", agents=EVERY_AGENT)
def test_schema_ref() -> Offer:
    """What Pydantic and many MCP servers make."""
    point = schema("x", "y", x="integer", y="integer")
    parameters = {**schema("at", at={"$ref": "#/$defs/Point"}), "$defs": {"Point": point}}
    return parameters, {"at": {"x": 1, "y": 2}}


@ODD.offer("$ref with a sibling title", severity="degrades")
def test_schema_ref_beside() -> Offer:
    """What generators make of a described field. Gemini refuses it, in words."""
    point = schema("x", "y", x="integer", y="integer")
    at = {"$ref": "#/$defs/Point", "title": "Place", "description": "Where."}
    return {**schema("at", at=at), "$defs": {"Point": point}}, {"at": {"x": 1, "y": 2}}


@ODD.offer("anyOf with a sibling type", severity="degrades")
def test_schema_any_of_typed() -> Offer:
    """``type: object`` with ``anyOf`` for one of two fields. Moonshot refuses it, in words."""
    parameters = {**schema(a="string", b="string"), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    return parameters, {"a": "x"}


@ODD.offer("conditions in a schema", severity="degrades")
def test_schema_conditional() -> Offer:
    """``allOf`` of ``if`` and ``then``. Moonshot refuses it, in words."""
    rules = [
        {"if": {"properties": {"kind": {"const": kind}}}, "then": {"required": [field]}}
        for kind, field in (("file", "path"), ("url", "address"))
    ]
    parameters = {**schema("kind", kind="string", path="string", address="string"), "allOf": rules}
    return parameters, {"kind": "file", "path": "a"}


@RARE.offer("a recursive schema", severity="degrades")
def test_schema_recursive() -> Offer:
    """A tree that refers to itself; a server that unfolds references must not do so for ever."""
    node = schema("name", name="string", children={"type": "array", "items": {"$ref": "#/$defs/Node"}})
    parameters = {**schema("root", root={"$ref": "#/$defs/Node"}), "$defs": {"Node": node}}
    return parameters, {"root": {"name": "a", "children": [{"name": "b", "children": []}]}}


@SHAPES.offer("a schema with an enum", severity="blocks", agents=EVERY_AGENT)
def test_schema_enum() -> Offer:
    """One of several words."""
    modes = {"type": "string", "enum": ["read-only", "workspace-write", "full"]}
    return schema("mode", mode=modes), {"mode": "workspace-write"}


@RARE.offer("a schema with an enum of mixed types", severity="cosmetic")
def test_schema_mixed_enum() -> Offer:
    """Numbers, words and null."""
    return schema("level", level={"enum": [1, "auto", None]}), {"level": "auto"}


@SHAPES.offer("a schema with anyOf", severity="degrades", agents=EVERY_AGENT)
def test_schema_any_of() -> Offer:
    """A string or a list of them."""
    either = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    return schema("command", command=either), {"command": ["ls", "-l"]}


@RARE.offer("a schema with oneOf and const", severity="degrades")
def test_schema_one_of() -> Offer:
    """A tagged union."""
    kinds = [schema("kind", kind={"const": word}, value="string") for word in ("file", "url")]
    return schema("source", source={"oneOf": kinds}), {"source": {"kind": "url", "value": "x"}}


@RARE.offer("a schema with allOf", severity="degrades")
def test_schema_all_of() -> Offer:
    """Parts put together."""
    both = {"type": "object", "allOf": [schema("a", a="string"), schema("b", b="integer")]}
    return both, {"a": "x", "b": 1}


@SHAPES.offer("a schema with null among the types", severity="degrades", agents=EVERY_AGENT)
def test_schema_nullable() -> Offer:
    """``anyOf`` with null, as optional fields of Pydantic have it."""
    maybe = {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}
    return schema("path", path="string", limit=maybe), {"path": "a.py", "limit": None}


@SHAPES.offer("a schema with a list of types", severity="degrades", agents=EVERY_AGENT)
def test_schema_type_list() -> Offer:
    """``type: ["string", "null"]``, on which chat templates stumble that compare the type with a word."""
    return schema("name", name={"type": ["string", "null"]}), {"name": "a"}


@SHAPES.offer("a schema without properties", severity="blocks", agents=EVERY_AGENT)
def test_schema_empty() -> Offer:
    """``{"type": "object", "properties": {}}``: a tool without arguments."""
    return {"type": "object", "properties": {}}, {}


@SHAPES.offer("an empty schema", severity="degrades", agents=EVERY_AGENT)
def test_schema_bare() -> Offer:
    """``{"type": "object"}``, as MCP servers send it for tools without arguments."""
    return {"type": "object"}, {}


@probe("a tool without a schema", "chat", modes="whole", severity="degrades", situation="unusual-schema")
async def test_schema_missing(ask: Ask) -> None:
    """``parameters`` may be left out of a chat function."""
    body = ask.body(ask.order([("ping", {})], (*TOOLS, Tool("ping", "Pings."))))
    for tool in body["tools"]:
        if tool["function"]["name"] == "ping":
            tool["function"].pop("parameters", None)
    await ask.accepted(body)


@KEYWORDS.offer("a tool without a description", description="", severity="degrades")
def test_description_missing() -> Offer:
    """Descriptions are optional."""
    return schema("path", path="string"), {"path": "a"}


@KEYWORDS.offer("a strict schema", "chat", "responses", strict=True, severity="degrades", agents=("codex",))
def test_schema_strict() -> Offer:
    """``strict: true`` with all fields required and no others allowed."""
    parameters = {**schema("path", "limit", path="string", limit="integer"), "additionalProperties": False}
    return parameters, {"path": "a.py", "limit": 10}


@KEYWORDS.offer(
    "additionalProperties, true and false",
    severity="blocks",
    agents=EVERY_AGENT,
)
def test_schema_additional_properties() -> Offer:
    """Every agent's schemas say something of it."""
    free = {"type": "object", "properties": {}, "additionalProperties": True}
    return {**schema("env", env=free), "additionalProperties": False}, {"env": {"A": "1"}}


@KEYWORDS.offer(
    "additionalProperties as a schema",
    severity="degrades",
    agents=EVERY_AGENT,
)
def test_schema_map() -> Offer:
    """A map from names to strings."""
    values = {"type": "object", "additionalProperties": {"type": "string"}}
    return schema("env", env=values), {"env": {"PATH": "/bin", "LANG": "C"}}


@KEYWORDS.offer("the keywords of JSON Schema", severity="blocks", agents=EVERY_AGENT)
def test_schema_keywords() -> Offer:
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
    return parameters, {"url": "https://example.org/a?b=c"}


@KEYWORDS.offer("JSON Schema draft 2020-12", severity="degrades", agents=EVERY_AGENT)
def test_schema_draft_2020() -> Offer:
    """``prefixItems``, ``$defs``, ``propertyNames``; Claude Code names this draft in every tool."""
    parameters = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema(
            "pair",
            pair={"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": {}},
            env={"type": "object", "propertyNames": {"type": "string"}, "additionalProperties": {}},
        ),
    }
    return parameters, {"pair": ["a", 1]}


@RARE.offer("a schema with empty parts", severity="degrades")
def test_schema_any() -> Offer:
    """``{}``, or only a description: anything is allowed there."""
    return schema("value", value={"description": "Anything."}), {"value": "x"}


@RARE.offer("an array without items", severity="degrades")
def test_schema_array_bare() -> Offer:
    """``{"type": "array"}`` alone."""
    return schema("list", list={"type": "array"}), {"list": ["a", "b"]}


@KEYWORDS.offer("a description of 8 KiB", description=PROSE * 110, severity="blocks", agents=("claude-code",))
def test_schema_long_description() -> Offer:
    """Agents explain their tools at length."""
    return schema("command", command="string"), {"command": "ls"}


@KEYWORDS.offer(
    "a description with braces and markers",
    description=MARKUP,
    severity="degrades",
    agents=EVERY_AGENT,
    situation="markup",
)
def test_schema_odd_description() -> Offer:
    """Template braces, angle brackets and quotes in a description."""
    return schema("command", command="string"), {"command": "ls"}


@RARE.offer(
    "bounds of 53 bits",
    severity="degrades",
    agents=senders(lambda record: "9007199254740991" in str(record.body.get("tools"))),
)
def test_schema_bounds() -> Offer:
    """The largest and smallest integers of JavaScript, which generators write for any integer."""
    most = 9_007_199_254_740_991
    return schema("line", line={"type": "integer", "minimum": -most, "maximum": most}), {"line": 7}


@ODD.offer("bounds of 64 bits", severity="degrades")
def test_schema_int64() -> Offer:
    """The largest 64-bit integer, which does not fit into a signed one plus one. Anthropic refuses it, in words."""
    return schema("size", size={"type": "integer", "minimum": 0, "maximum": 2**63 - 1}), {"size": 7}


@ODD.offer("a pattern with lookahead", severity="degrades", agents=EVERY_AGENT)
def test_schema_lookahead() -> Offer:
    """What a common library writes for e-mail addresses; grammars cannot express it."""
    address = {"type": "string", "pattern": "^(?!\\.)(?!.*\\.\\.)[A-Za-z0-9_.+-]+@[A-Za-z0-9.-]+$"}
    return schema("to", to=address), {"to": "a.b@example.org"}


@ODD.offer("a pattern of classes inside an array", severity="degrades", agents=EVERY_AGENT)
def test_schema_pattern() -> Offer:
    r"""``\d`` and ``\w`` without anchors, on the items of an array."""
    return schema("ids", ids={"type": "array", "items": {"type": "string", "pattern": "\\d+-\\w+"}}), {"ids": ["1-a"]}


@probe("128 tools", severity="degrades", agents=EVERY_AGENT, situation="many-tools")
async def test_many_tools(ask: Ask) -> None:
    """What several MCP servers add up to; OpenAI's own limit."""
    made = tuple(Tool(f"server_{n:03}_tool", f"Tool {n}.", schema("a", a="string")) for n in range(127))
    await ask.calls(("read_file", {"path": "a.py"}), tools=(*made, TOOLS[0]))


@RARE.offer(
    "a tool's name of 64 characters",
    name=SERVER,
    severity="degrades",
    agents=EVERY_AGENT,
)
def test_name_64() -> Offer:
    """MCP tools carry their server's name; 64 is the documented limit."""
    return schema("a", a="string"), {"a": "b"}


@RARE.offer(
    "a tool's name with dashes and digits", name="mcp__my-server__get-2-files", severity="degrades", agents=EVERY_AGENT
)
def test_name_dashes() -> Offer:
    """``mcp__my-server__get-2-files``."""
    return schema("a", a="string"), {"a": "b"}


@RARE.offer("a tool's name with two dashes", name="local--Command", severity="degrades", agents=("cecli",))
def test_name_two_dashes() -> Offer:
    """cecli puts the server's name and two dashes before the tool's."""
    return schema("a", a="string"), {"a": "b"}


@RARE.offer("a tool's name in mixed case", name="TodoWrite", severity="degrades", agents=EVERY_AGENT)
def test_name_case() -> Offer:
    """``TodoWrite``: the name comes back as it was offered."""
    return schema("a", a="string"), {"a": "b"}


@ODD.offer("a tool's name with dots", name="files.read", severity="cosmetic")
def test_name_dots() -> Offer:
    """Not allowed by OpenAI, used by some; refused in words is right too."""
    return schema("a", a="string"), {"a": "b"}


@KEYWORDS.offer(
    "unusual parameter names",
    severity="degrades",
    agents=("claude-code",),
)
def test_parameter_names() -> Offer:
    """Claude Code's Grep has ``-A`` and ``-n``; others ``$filter`` or ``type``."""
    parameters = schema(
        "pattern", "-n", "type", **{"pattern": "string", "-n": "boolean", "type": "string", "$x": "string"}
    )
    return parameters, {"pattern": "a", "-n": True, "type": "py"}


@ODD.offer("a tool's name that begins with a digit", name="3d_print", severity="degrades")
def test_name_digit() -> Offer:
    """Gemini and Moonshot want a letter first."""
    return schema("a", a="string"), {"a": "b"}


@probe("tool names of more than 64 characters", modes="whole", severity="cosmetic", situation="unusual-schema")
async def test_name_128(ask: Ask) -> None:
    """Beyond the documented limit; refused in words is right too, and the detail says how far it goes."""
    refused: Rejected | None = None
    for length in (128, 96, 65):
        name = ("mcp__server__" + "name_" * 30)[:length]
        try:
            await ask.calls((name, {"a": "b"}), tools=(*TOOLS, Tool(name, "Does it.", schema("a", a="string"))))
        except Rejected as no:
            refused = Rejected(f"{length} characters are too many: {no}")
        else:
            break
    if refused:
        raise refused
