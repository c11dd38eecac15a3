"""Translate a neutral step into a call of the tools that a request offers, and such a call back."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolworthy.base.paths import ROOT
from toolworthy.content.adapters import Action, AgentAdapter, ToolSpec, Use
from toolworthy.wire.ir import Request, Text, Tool

_PLACEHOLDER = re.compile(r"\{(command|path|content|old|new|patch|pattern|session)\}")
_TYPES = {"string", "integer", "number", "boolean", "object", "array"}


@dataclass(frozen=True)
class Way:
    """One way to do a step: a call of an offered tool."""

    tool: str
    """Flat name."""
    arguments: str
    """JSON text, or free text for a custom tool."""
    native: bool
    """Whether the tool is made for this action; else it is a shell."""
    spec: ToolSpec
    custom: bool = False


# ---- tools as schemas --------------------------------------------------------------------------------------------


def tool_schema(spec: ToolSpec) -> dict[str, Any]:
    """The JSON Schema of a tool's arguments, from the short types of its adapter.

    ``"string"``, ``"integer?"`` (optional), ``"string[]"``; a table is a schema already.
    """
    properties: dict[str, Any] = {}
    required: list[str] = []
    for name, short in spec.parameters.items():
        if isinstance(short, dict):
            properties[name] = {key: value for key, value in short.items() if key != "optional"}
            optional = bool(short.get("optional"))
        else:
            optional = short.endswith("?")
            properties[name] = _short(short.rstrip("?"))
        if not optional:
            required.append(name)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def due(spec: ToolSpec) -> tuple[str, ...]:
    """Names of the required arguments, and of those that the tool's action needs."""
    if spec.custom:
        return ()
    templates = [use.call if isinstance(use.call, dict) else {} for use in spec.uses] or [{}]
    names = dict.fromkeys((*tool_schema(spec)["required"], *templates[0]))
    return tuple(name for name in names if all(placeholders(template.get(name)) for template in templates))


def _short(name: str) -> dict[str, Any]:
    if name.endswith("[]"):
        return {"type": "array", "items": _short(name[:-2])}
    if name not in _TYPES:
        raise ValueError(f"{name!r} is not a type. Use one of {', '.join(sorted(_TYPES))}.")
    return {"type": name}


# ---- templates ---------------------------------------------------------------------------------------------------


def fill(template: Any, values: Mapping[str, str]) -> Any:
    """`template` with its placeholders replaced, at any depth."""
    if isinstance(template, str):
        return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)
    if isinstance(template, dict):
        return {key: fill(value, values) for key, value in template.items()}
    if isinstance(template, (list, tuple)):
        return [fill(value, values) for value in template]
    return template


def placeholders(template: Any) -> set[str]:
    """The names that `template` has places for."""
    if isinstance(template, str):
        return set(_PLACEHOLDER.findall(template))
    if isinstance(template, dict):
        return set().union(*map(placeholders, template.values()))
    if isinstance(template, (list, tuple)):
        return set().union(*map(placeholders, template))
    return set()


# ---- calls as operations -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Operation:
    """What a call does, independent of the tool."""

    action: Action
    values: tuple[dict[str, str], ...]
    """The values of the placeholders in the tool's template; several sets if the tool takes a list (of edits)."""
    scope: Mapping[str, Any] = field(default_factory=dict)
    """Where the call acts, by the fields of :class:`toolworthy.content.adapters.Scope`."""


def understand(spec: ToolSpec, arguments: Any) -> Operation | None:
    """What a call of this tool does; None if the tool has no neutral action or the arguments do not fit its template.

    Args:
        spec: the tool.
        arguments: its parsed arguments; text for a free-form tool.
    """
    fields = arguments if isinstance(arguments, dict) else {}
    use = next((use for use in spec.uses if use.when.items() <= fields.items()), None)
    if use is None or use.does is None or use.call is None:
        return None
    values = _unfill(use.call, arguments)
    if values is None:
        return None
    scope = {name: fields[parameter] for name, parameter in use.scope if fields.get(parameter) is not None}
    return Operation(use.does, tuple(values), scope)


def _unfill(template: Any, value: Any) -> list[dict[str, str]] | None:
    """The placeholders' values; None if `value` lacks one."""
    if isinstance(template, str):
        match = _PLACEHOLDER.fullmatch(template)
        if match is None:
            return [{}]
        return [{match[1]: str(value)}] if isinstance(value, (str, int)) else None
    if isinstance(template, list):
        rows = [_unfill(template[0], item) for item in value] if isinstance(value, list) and value else [None]
        return None if None in rows else [values for row in rows for values in row or ()]
    if not isinstance(template, dict):
        return [{}]
    combinations: list[dict[str, str]] = [{}]
    for name, inner in template.items():
        if not placeholders(inner):
            continue
        inside = _unfill(inner, value[name]) if isinstance(value, dict) and name in value else None
        if inside is None:
            return None
        combinations = [{**outer, **values} for outer in combinations for values in inside]
    return combinations


# ---- steps as calls ------------------------------------------------------------------------------------------------


def speaker(tools: Sequence[Tool], adapters: Sequence[AgentAdapter]) -> AgentAdapter | None:
    """The agent whose toolset was offered: it uses the most of the offered tools, and has the fewest that are not
    offered."""
    offered = {tool.name: tool for tool in tools}

    def likeness(adapter: AgentAdapter) -> tuple[int, int, int]:
        known = offered.keys() & adapter.tools.keys()
        usable = sum(_takes(offered[name], adapter.tools[name]) for name in known)
        return usable, -len(adapter.tools.keys() - known), len(known)

    best = max(adapters, key=likeness, default=None)
    return best if best is not None and likeness(best)[0] else None


def _takes(tool: Tool, spec: ToolSpec) -> bool:
    """Whether a tool has a neutral action, and the parameters that its calls need."""
    has = (tool.parameters or {}).get("properties")
    calls = [use.call.keys() for use in spec.uses if isinstance(use.call, dict)]
    return bool(spec.uses) and (not has or all(call <= has.keys() for call in calls))


def ways(
    action: Action, values: Mapping[str, str], tools: Sequence[Tool], adapter: AgentAdapter | None
) -> tuple[Way, ...]:
    """Every way to do `action` with the tools offered, the tool made for it first, a shell last.

    Args:
        action: the action to do.
        values: ``command``, or ``path`` (relative) with ``content`` or ``old`` and ``new``, or ``pattern``, or
            ``session``.
        tools: the tools that the request offers.
        adapter: the agent whose toolset it is; None if no known agent's: then the action is guessed from the schemas.
    """
    absolute = adapter is not None and adapter.paths == "absolute"
    shown = {**values, "path": f"{ROOT}/{values['path']}"} if absolute and "path" in values else dict(values)
    known = list(_known(tools, adapter))
    wanted = ("view", "read") if action == "read" and values["path"].endswith(".png") else (action,)
    native = [_way(tool, spec, use, shown, True) for does in wanted for tool, spec, use in known if use.does == does]
    if action in ("run", "wait", "patch"):
        return tuple(native)
    command = {"command": shell(action, values)}
    return (*native, *(_way(tool, spec, use, command, False) for tool, spec, use in known if use.does == "run"))


def finishing(tools: Sequence[Tool], adapter: AgentAdapter | None) -> Way | None:
    """The call that tells the agent that the work is done; None if it needs none."""
    if adapter is None or adapter.finish is None:
        return None
    tool = next((tool for tool in tools if tool.name == adapter.finish.tool), None)
    use = Use(call=adapter.finish.call)
    return _way(tool, adapter.tools[tool.name], use, {}, True) if tool else None


def of_server(
    server: str, name: str, arguments: Mapping[str, str], request: Request, adapter: AgentAdapter | None
) -> tuple[Way, ...]:
    """How to call a tool of an MCP server: by the agent's name for it, else by a name with the same ending, else
    through the agent's bridge."""
    exact = adapter.mcp.tool(server, name) if adapter else ""
    alike = re.compile(re.sub(r"\W", "_", name) + r"(?:_[0-9a-f]{8,})?$")  # some add a hash to a name
    like = [tool for tool in request.tools if alike.search(re.sub(r"\W", "_", tool.flat_name))]
    if like:
        tool = min(like, key=lambda tool: (tool.flat_name != exact, not tool.flat_name.startswith(exact)))
        call = _complete(dict(arguments), tool.parameters or {})  # some add a required parameter
        return (Way(tool.flat_name, json.dumps(call, ensure_ascii=False), True, ToolSpec()),)
    bridge = adapter.mcp.bridge if adapter else None
    if bridge is None or not any(tool.name == bridge.tool for tool in request.tools):
        return ()
    texts = (part.text for message in request.messages for part in message.parts if isinstance(part, Text))
    named = re.search(rf"{re.escape(exact)}\w*", "\n".join(texts))  # some agents add a hash to a name that they changed
    call = {bridge.name: named[0] if named else exact, bridge.arguments: dict(arguments)}
    return (Way(bridge.tool, json.dumps(call, ensure_ascii=False), True, ToolSpec()),)


def revealing(server: str, name: str, tools: Sequence[Tool], adapter: AgentAdapter | None) -> Way | None:
    """How to make the agent offer a tool of an MCP server; None if it has no tool for that."""
    how = adapter.mcp.revealing if adapter else None
    tool = next((tool for tool in tools if how and tool.name == how.tool), None)
    if adapter is None or how is None or tool is None:
        return None
    wanted = adapter.mcp.tool(server, name)
    call = {parameter: text.replace("{tool}", wanted) for parameter, text in how.call.items()}
    return Way(tool.flat_name, json.dumps(_complete(call, tool.parameters or {})), True, ToolSpec())


def _known(tools: Sequence[Tool], adapter: AgentAdapter | None) -> Iterator[tuple[Tool, ToolSpec, Use]]:
    for tool in tools:
        if tool.server or tool.deferred:
            continue
        spec = adapter.tools.get(tool.name) if adapter else guess(tool)
        if spec is not None:
            yield from ((tool, spec, use) for use in spec.uses if use.call is not None)


def _way(tool: Tool, spec: ToolSpec, use: Use, values: Mapping[str, str], native: bool) -> Way:
    filled = fill(use.call, values)
    if isinstance(filled, str):
        return Way(tool.flat_name, filled, native, spec, custom=True)
    complete = _complete({**use.when, **filled}, tool.parameters or {})
    return Way(tool.flat_name, json.dumps(complete, ensure_ascii=False), native, spec)


def _complete(arguments: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """`arguments` in the schema's types, with plausible values for other required parameters."""
    properties = schema.get("properties") or {}
    out = {name: _typed(value, properties.get(name, {})) for name, value in arguments.items()}
    for name in schema.get("required") or ():
        if name not in out:
            out[name] = sample(properties.get(name, {}))
    return out


def _typed(value: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(value, str) and schema.get("type") in ("number", "integer") and re.fullmatch(r"-?\d+", value):
        return int(value)
    return value


def sample(schema: Mapping[str, Any]) -> Any:
    """The smallest value that fits a simple JSON Schema."""
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if schema.get(word):
            return sample(schema[word][0])
    kind = schema.get("type", "string")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: sample(properties.get(name, {})) for name in schema.get("required") or ()}
    simple: dict[str, Any] = {"integer": 1, "number": 1, "boolean": False, "array": [], "null": None}
    return simple.get(kind, "one step of the task")


def guess(tool: Tool) -> ToolSpec | None:
    """What an unknown tool does, judged by its parameters; None if they do not show it."""
    schema = tool.parameters or {}
    names = list(schema.get("properties") or {})
    strings = [name for name in names if (schema["properties"][name] or {}).get("type") == "string"]

    def named(*wanted: str) -> str | None:
        return next((name for name in strings if name.lower().replace("_", "") in wanted), None)

    command = named("command", "cmd", "script", "code")
    path = named("path", "filepath", "filename", "file")
    content = named("content", "contents", "text", "filetext")
    old, new = named("old", "oldstring", "oldstr", "oldtext"), named("new", "newstring", "newstr", "newtext")
    if command and not path:
        return ToolSpec(does="run", call={command: "{command}"})
    if path and old and new:
        return ToolSpec(does="edit", call={path: "{path}", old: "{old}", new: "{new}"})
    if path and content:
        return ToolSpec(does="write", call={path: "{path}", content: "{content}"})
    if path and re.search(r"read|view|open|cat", tool.name, re.IGNORECASE):
        return ToolSpec(does="read", call={path: "{path}"})
    return None


def shell(action: Action, values: Mapping[str, str]) -> str:
    """A file action as a shell command, right for any content."""
    if action == "search":
        return f"grep -rnE -- {shlex.quote(values['pattern'])} ."
    if action == "find":
        start, deep, name = values["pattern"].rpartition("**/")
        if deep and "*" not in start and "/" not in name:
            return f"find {shlex.quote(f'./{start}'.rstrip('/'))} -type f -name {shlex.quote(name)}"
        if "/" in values["pattern"]:
            return f"find . -type f -path {shlex.quote('./' + values['pattern'])}"
        return f"find . -type f -name {shlex.quote(values['pattern'])}"
    path = values["path"]
    if action == "list":
        return f"ls -A -- {shlex.quote(path)}"
    if action == "read":
        return f"cat -- {shlex.quote(path)}"
    if action == "write":
        content = values["content"]
        plain = content.endswith("\n") and "\r" not in content and "\nEND_OF_FILE\n" not in f"\n{content}"
        if plain and "\0" not in content:
            folder = path.rpartition("/")[0]
            make = f"mkdir -p {shlex.quote(folder)} && " if folder else ""
            return f"{make}cat > {shlex.quote(path)} <<'END_OF_FILE'\n{content}END_OF_FILE"
        return _python(
            f"path = pathlib.Path({path!a})\n"
            "path.parent.mkdir(parents=True, exist_ok=True)\n"
            f"path.write_bytes({content!a}.encode())"
        )
    return _python(
        f"path = pathlib.Path({path!a})\n"
        f"old, new = {values['old']!a}.encode(), {values['new']!a}.encode()\n"
        "data = path.read_bytes()\n"
        "assert data.count(old) == 1, f'found {data.count(old)} times'\n"
        "path.write_bytes(data.replace(old, new))"
    )


def _python(program: str) -> str:
    return f"python3 - <<'END_OF_PROGRAM'\nimport pathlib\n{program}\nEND_OF_PROGRAM"
