"""Read TOML files into pydantic models. An error is one line: file, place, problem, nearest name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.nearest import did_you_mean
from toolworthy.base.toml import read_toml

M = TypeVar("M", bound=BaseModel)
_NAME = re.compile(r"\{\{(\w+)\}\}")
_SHAPES = {
    **dict.fromkeys(("tuple_type", "list_type"), "a list"),
    **dict.fromkeys(("dict_type", "model_type", "dataclass_type"), "a table"),
    "string_type": "a text in quotes",
}
"""What pydantic's errors ask for, in TOML's words."""
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")  # of a model, of a dataclass


class Strict(BaseModel):
    """Base of models of files: unknown keys are errors, and values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def load_toml(model: type[M], path: Path, *, table: Iterable[str] = (), **preset: Any) -> M:
    """A TOML file as its model.

    Args:
        model: what it must fit.
        path: the file.
        table: names of tables, outermost first, in which the model is; the whole file without.
        preset: values of fields that the file does not give.

    Raises:
        ToolworthyError: as `read_toml` and `fit`.
    """
    data: Any = read_toml(path)
    for name in table:
        data = data.get(name, {}) if isinstance(data, dict) else data
    return fit(model, preset | data if isinstance(data, dict) else data, path)


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSONL file, each with its line number.

    Raises:
        ToolworthyError: it cannot be read, is a pointer of Git LFS, or a line is not an object.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ToolworthyError(f"cannot read {path}: {error.strerror}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise ToolworthyError(f"{path} is not UTF-8 text. Convert it.") from error
    if text.startswith("version https://git-lfs"):
        raise ToolworthyError(f"{path} is a Git LFS pointer. Get the file itself with `git lfs pull`.")
    for number, part in enumerate(text.split("\n"), 1):
        if part.strip():
            try:
                line = json.loads(part)
            except ValueError as error:
                raise ToolworthyError(f"{path}: line {number} is not JSON. Correct or delete it.") from error
            if not isinstance(line, dict):
                raise ToolworthyError(f"{path}: line {number} is not a JSON object. Correct or delete it.")
            yield number, line


def texts_of(data: dict[str, Any]) -> dict[str, str]:
    """The texts of a file's [text] table, by name."""
    return {name: _text(entry) for name, entry in data.get("text", {}).items()}


def _text(entry: Any) -> str:
    """A text of [text]: a string, or ``{line = "row {n}", lines = 400}``: 400 lines, numbered from 1 or `from`."""
    if isinstance(entry, str):
        return entry
    first = entry.get("from", 1)
    return "".join(entry["line"].replace("{n}", str(n)) + "\n" for n in range(first, first + entry["lines"]))


def filled(value: Any, texts: dict[str, str]) -> Any:
    """`value` with ``{{NAME}}`` replaced by that text, and ``{"$json" = "null"}`` by the JSON value: TOML has no
    null."""
    if isinstance(value, str):
        return _NAME.sub(lambda match: texts[match[1]], value)
    if isinstance(value, list):
        return [filled(item, texts) for item in value]
    if isinstance(value, dict) and set(value) == {"$json"}:
        return json.loads(filled(value["$json"], texts))
    if isinstance(value, dict):
        return {name: inner if name == "text" else filled(inner, texts) for name, inner in value.items()}
    return value


def fit(model: type[M], data: Any, source: object) -> M:
    """`data` as a model.

    Args:
        model: what it must fit.
        data: as it was read.
        source: where it was read: the path and the part of the file.

    Raises:
        ToolworthyError: it does not fit; one line that begins with `source`.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ToolworthyError(f"{source}: {misfit(model, error, data)}") from error


def misfit(model: type[BaseModel], error: ValidationError, data: Any = None) -> str:
    """The first error, in one line: its place, the problem, and the number of further errors.

    A row of a list is named by its ``id``, if it has one in `data`.
    """
    first = error.errors(include_url=False)[0]
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    unknown = first["type"] in _UNKNOWN  # then the message names the key, and the place is its table
    place = ".".join(_place(first["loc"][:-1] if unknown else first["loc"], data))
    return ": ".join(filter(None, [place, _message(model, first)])) + more


def _message(model: type[BaseModel], error: ErrorDetails) -> str:
    if shape := _SHAPES.get(error["type"]):
        return f"give {shape}"
    if error["type"] not in _UNKNOWN:
        message = error["msg"].removeprefix("Value error, ")
        return message if message is not error["msg"] else message[0].lower() + message[1:]
    *place, key = error["loc"]
    keys = [name for inner in _at(model, tuple(place)) for name in _keys(inner)]
    return f"unknown key {key!r}" + (did_you_mean(str(key), keys) if keys else "")


def _place(loc: tuple[str | int, ...], data: Any) -> Iterator[str]:
    for part in loc:
        try:
            data = data[part]
        except (LookupError, TypeError):
            data = None
        named = isinstance(part, int) and isinstance(data, dict) and isinstance(data.get("id"), str)
        yield data["id"] if named else str(part)


def _keys(model: type[Any]) -> Iterator[str]:
    """The keys that a file may have. Excludes fields that are not written (`exclude`)."""
    if is_dataclass(model):
        return (field.name for field in fields(model))
    return (field.alias or name for name, field in model.model_fields.items() if not field.exclude)


def _at(kind: Any, place: tuple[str | int, ...]) -> Iterator[type[Any]]:
    """The models and dataclasses that a type has at a place, as pydantic names places."""
    if not place and isinstance(kind, type) and is_dataclass(kind):
        yield kind
        return
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        known = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
        if not place:
            yield kind
        elif place[0] in known:
            yield from _at(known[str(place[0])], place[1:])
        return
    origin = get_origin(kind)
    many = isinstance(origin, type) and issubclass(origin, (Mapping, list, tuple))
    for inner in get_args(kind):
        tagged = bool(place) and place[0] == getattr(inner, "__name__", None)
        yield from _at(inner, place[1:] if many or tagged else place)
