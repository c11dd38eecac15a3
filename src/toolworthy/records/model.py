"""Base classes of everything that is written to a run directory."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Record(BaseModel):
    """Strict and frozen. Any text may come from an endpoint or a model: lone surrogates, which no file
    can hold, become replacement marks."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _encodable(cls, value: Any) -> Any:
        return {name: _clean(item) for name, item in value.items()} if isinstance(value, dict) else value


class ResultRecord(Record):
    """A line of ``results.jsonl``: what a result of each kind of work holds."""

    kind: str
    key: Any
    started: float = 0.0
    """Unix time, seconds."""
    exchanges: str = ""
    """File with its exchanges, relative to the run directory."""
    reproduce: str = ""
    """The command that does just this again."""


class Document(Record):
    """A file of its own, or a part of one; every field is written. What an earlier version did not write has, as its
    default, what held then."""

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
    """With what objects hold, names included."""
    return (
        {_clean(name): _clean_all(item) for name, item in value.items()} if isinstance(value, dict) else _clean(value)
    )
