"""Base classes of all records in a run directory."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Record(BaseModel):
    """Strict and frozen. Any text may come from an endpoint or a model: lone surrogates, which UTF-8 cannot encode,
    become replacement characters."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _encodable(cls, value: Any) -> Any:
        return {name: _clean(item) for name, item in value.items()} if isinstance(value, dict) else value


class ResultRecord(Record):
    """A line of ``results.jsonl``: the fields of every kind of result."""

    kind: str
    key: Any
    started: float = 0.0
    """Unix time, seconds."""
    exchanges: str = ""
    """File with its exchanges, relative to the run directory."""
    reproduce: str = ""
    """The command that repeats exactly this."""


class Document(Record):
    """A JSON file, or a part of one; every field is written. The default of a field that earlier versions did not write
    is the value that applied then."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _encodable(cls, value: Any) -> Any:
        return _clean_all(value)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, (tuple, list)):
        return type(value)(map(_clean, value)) if type(value) in (tuple, list) else value
    return value


def _clean_all(value: Any) -> Any:
    """Recursively, including the keys of objects."""
    return (
        {_clean(name): _clean_all(item) for name, item in value.items()} if isinstance(value, dict) else _clean(value)
    )
