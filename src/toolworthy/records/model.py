"""The base of all that is written to a run directory."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Record(BaseModel):
    """Strict and frozen. What endpoints and models wrote may stand in any of its texts: lone surrogates, which no file
    can hold, become replacement marks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _encodable(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: _clean(one) for name, one in value.items()}
        return value


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, (tuple, list)):
        return type(value)(map(_clean, value)) if type(value) in (tuple, list) else value
    return value
