"""The user's ``toolworthy.toml``, or ``[tool.toolworthy]`` in a ``pyproject.toml``: endpoints with names, prices."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolworthy.adapters import Prices
from toolworthy.errors import UserError
from toolworthy.wire.ir import Api


class NamedEndpoint(BaseModel):
    """One ``[endpoints.NAME]`` table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: str = "generic"
    url: str | None = None
    """Base URL of all wire APIs; `urls` says otherwise for single ones."""
    urls: dict[Api, str] = Field(default_factory=dict)
    model: str | None = None
    key_env: str | None = None
    """Environment variable that holds the key; the key itself never stands in a file."""
    context: int | None = None
    """Context window in tokens, where the endpoint does not tell."""


class Config(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoints: dict[str, NamedEndpoint] = Field(default_factory=dict)
    prices: dict[str, Prices] = Field(default_factory=dict)
    """Model id to what it costs, where that is not the provider's list price."""


def load_config(start: Path) -> Config:
    """The nearest config at or above `start`; an empty one where there is none.

    Raises:
        UserError: the file is no TOML or has a field that does not belong; one line with its path.
    """
    for folder in (start, *start.parents):
        path = folder / "toolworthy.toml"
        if path.is_file():
            return _parse(path, ())
        path = folder / "pyproject.toml"
        if path.is_file() and "[tool.toolworthy" in path.read_text(encoding="utf-8", errors="replace"):
            return _parse(path, ("tool", "toolworthy"))
    return Config()


def _parse(path: Path, table: tuple[str, ...]) -> Config:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        for name in table:
            data = data.get(name, {})
        return Config.model_validate(data)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
