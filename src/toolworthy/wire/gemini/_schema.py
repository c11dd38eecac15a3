"""Convert between JSON Schema and Gemini's schemas, a subset of OpenAPI 3.0's.

Source: Gemini API reference, ``Schema``. The API rejects unknown keywords ("Cannot find field"), references, lists of
types, and enums of anything but strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolworthy.wire.lenient import as_dict, as_list, as_str

_PLAIN = (
    "title",
    "description",
    "nullable",
    "default",
    "required",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
)
"""Keywords that mean the same in both."""
_FORMATS = frozenset({"enum", "date-time", "float", "double", "int32", "int64"})
_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
"""Whole numbers, which protobuf's JSON writes as strings."""
_DEPTH = 24


def subset(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`schema`, which is JSON Schema, reduced to Gemini's subset. A recursive reference becomes any object."""
    return _narrowed(schema, schema, _DEPTH)


def _narrowed(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if not depth:
        return {"type": "object"}
    schema = _resolved(schema, root, depth)
    out = {name: schema[name] for name in _PLAIN if name in schema}
    out |= _typed(schema)
    if schema.get("format") in _FORMATS:
        out["format"] = schema["format"]
    values = [schema["const"]] if "const" in schema else as_list(schema.get("enum"))
    if values and all(isinstance(value, str) for value in values if value is not None):
        out["enum"] = [value for value in values if value is not None]
        out.setdefault("type", "string")
    if properties := as_dict(schema.get("properties")):
        out["properties"] = {name: _narrowed(as_dict(item), root, depth - 1) for name, item in properties.items()}
    if isinstance(schema.get("items"), dict):
        out["items"] = _narrowed(schema["items"], root, depth - 1)
    elif out.get("type") == "array":
        out["items"] = {"type": "string"}
    choices = [as_dict(item) for item in as_list(schema.get("anyOf")) or as_list(schema.get("oneOf"))]
    kept = [_narrowed(item, root, depth - 1) for item in choices if item.get("type") != "null"]
    if len(kept) < len(choices):
        out["nullable"] = True
    if len(kept) == 1:
        return {**kept[0], **out}
    return out | ({"anyOf": kept} if kept else {})


def _typed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The type; of several, null becomes ``nullable`` and the others ``anyOf``."""
    declared = schema.get("type")
    if not isinstance(declared, list):
        return {"type": declared} if declared in _TYPES else {}
    kinds = [kind for kind in declared if kind in _TYPES and kind != "null"]
    nullable = {"nullable": True} if "null" in declared else {}
    if len(kinds) == 1:
        return {"type": kinds[0], **nullable}
    return ({"anyOf": [{"type": kind} for kind in kinds]} if kinds else {}) | nullable


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Mapping[str, Any]:
    """`schema` with its references and ``allOf`` merged in."""
    for _ in range(depth):
        path = as_str(schema.get("$ref"))
        if not path:
            break
        target: Any = root
        for step in path.removeprefix("#").strip("/").split("/") if path != "#" else ():
            target = as_dict(target).get(step.replace("~1", "/").replace("~0", "~"))
        schema = {**as_dict(target), **{name: value for name, value in schema.items() if name != "$ref"}}
    for each in as_list(schema.get("allOf")):
        part = _resolved(as_dict(each), root, depth - 1) if depth > 1 else {}
        properties = {**as_dict(part.get("properties")), **as_dict(schema.get("properties"))}
        required = [*as_list(schema.get("required")), *as_list(part.get("required"))]
        schema = {**part, **schema, **({"properties": properties} if properties else {})}
        schema = {**schema, **({"required": required} if required else {})}
    return schema


def json_schema(schema: Mapping[str, Any], depth: int = _DEPTH) -> dict[str, Any]:
    """A schema of Gemini's as JSON Schema: types in lower case, counts as numbers, ``nullable`` as a type."""
    out = {name: value for name, value in schema.items() if name not in ("nullable", "propertyOrdering", "example")}
    if isinstance(out.get("type"), str):
        out["type"] = out["type"].lower()
        if out["type"] == "type_unspecified":
            del out["type"]
    for name in _COUNTS:
        if isinstance(out.get(name), str) and out[name].isdecimal() and len(out[name]) < 16:
            out[name] = int(out[name])
    if not depth:
        return out
    if isinstance(out.get("properties"), dict):
        out["properties"] = {name: json_schema(as_dict(item), depth - 1) for name, item in out["properties"].items()}
    if isinstance(out.get("items"), dict):
        out["items"] = json_schema(out["items"], depth - 1)
    if isinstance(out.get("anyOf"), list):
        out["anyOf"] = [json_schema(as_dict(item), depth - 1) for item in out["anyOf"]]
    if schema.get("nullable") is True and isinstance(out.get("type"), str):
        out["type"] = [out["type"], "null"]
    return out
