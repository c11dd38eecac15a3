"""JSON Schemas of tools: compiled once, and arguments fitted to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from toolworthy.wire.lenient import as_dict, as_list, parse_json


def validator(schema: Mapping[str, Any]) -> Any:
    """A compiled validator of `schema`; None if it is not a JSON Schema."""
    return _compiled(json.dumps(schema, sort_keys=True))


@lru_cache(maxsize=512)
def _compiled(schema: str) -> Any:
    import jsonschema_rs

    try:
        return jsonschema_rs.validator_for(json.loads(schema))
    except (jsonschema_rs.ValidationError, ValueError):
        return None


def misfit(schema: Mapping[str, Any], arguments: Any) -> str | None:
    """The first violation of `schema` by `arguments`, as text; None if they fit, or if it is not a JSON Schema."""
    check = validator(schema)
    if check is None:
        return None
    try:
        error = next(iter(check.iter_errors(arguments)), None)
    except (ValueError, RecursionError) as fault:  # lone surrogates, numbers of any length, unlimited nesting
        return f"no validator reads them: {fault}"
    if error is None:
        return None
    where = ".".join(str(part) for part in error.instance_path)
    return f"{where}: {error.message}" if where else str(error.message)


def fitted(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """`arguments`, with text converted to the type in `schema`; None if they do not fit or it has none of them.

    Notations without types (XML parameters, lines of ``key: value``) write every value as text.
    """
    properties = as_dict(schema.get("properties"))
    if set(as_list(schema.get("required"))) - set(arguments) or (properties and set(arguments) - set(properties)):
        return None
    made = {name: _converted(value, as_dict(properties.get(name))) for name, value in arguments.items()}
    return None if schema and misfit(schema, made) is not None else made


def _converted(value: Any, schema: Mapping[str, Any]) -> Any:
    wanted = schema.get("type")
    if not isinstance(value, str) or wanted in (None, "string") or (isinstance(wanted, list) and "string" in wanted):
        return value
    read = parse_json(value.strip().lower() if wanted in ("boolean", "null") else value)
    return value if read is None else read
