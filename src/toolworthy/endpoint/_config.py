"""The user's ``toolworthy.toml``, or ``[tool.toolworthy]`` in a ``pyproject.toml``: endpoints with names, prices."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, field_validator

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.loading import Strict, load_toml
from toolworthy.base.redact import looks_like_key
from toolworthy.content.providers import Prices
from toolworthy.content.request_settings import AuthName, RequestSettings
from toolworthy.endpoint import oracle
from toolworthy.wire.ir import Api

_FILES = ("ca_file", "client_cert", "client_key", "unix_socket")


class NamedEndpoint(RequestSettings):
    """One ``[endpoints.NAME]`` table."""

    provider: str = "generic"
    plan: str = ""
    """Which of the provider's `other_urls` to use, if no URL is given."""
    url: str | None = None
    """Base URL of all wire APIs; `urls` overrides single ones."""
    urls: dict[Api, str] = Field(default_factory=dict)
    model: str | None = None
    key_env: str | None = None
    """Environment variable that holds the key; the key itself is never in a file."""
    key_command: tuple[str, ...] = ()
    """The command that prints the key, if no variable holds it: a program and its arguments, without a shell."""
    context: int | None = None
    """Context window in tokens, if the endpoint does not report it."""
    auth: AuthName | None = None
    """How the key is sent; default: as the provider expects it."""
    ca_file: Path | None = None
    """Certificates to trust, PEM. Paths are relative to the folder of the config."""
    client_cert: Path | None = None
    """The client certificate, PEM."""
    client_key: Path | None = None
    """Its private key, if it is not in the same file."""
    proxy: str | None = None
    """URL of an HTTP proxy; ``env:NAME`` for one with a password."""
    unix_socket: Path | None = None
    """Unix socket of the server; then the URL gives only host and path."""

    @field_validator("key_env")
    @classmethod
    def _no_key(cls, value: str | None) -> str | None:
        check_variable(value, "key_env")
        return value

    @field_validator("key_command")
    @classmethod
    def _a_command(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not value[0]:
            raise ValueError('give the program and its arguments: ["gcloud", "auth", "print-access-token"]')
        if any(looks_like_key(text, by_looks=False) for text in value):
            raise ValueError("a file must not hold a key: give a command that prints it")
        return value

    @field_validator("proxy")
    @classmethod
    def _no_password(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"env:\w+", value) and ("@" in value or not re.match(r"https?://[^/\s]+", value)):
            raise ValueError('the proxy must be an HTTP URL. Give "env:VARIABLE" if it has a password.')
        return value

    def placed(self, folder: Path) -> NamedEndpoint:
        """A copy with paths relative to `folder` resolved."""
        files: dict[str, object] = {name: folder / path for name in _FILES if (path := getattr(self, name))}
        if "/" in "".join(self.key_command[:1]):
            files["key_command"] = (str(folder / self.key_command[0]), *self.key_command[1:])
        return self.model_copy(update=files)


def check_variable(name: str | None, where: str) -> None:
    """Refuse an invalid name of an environment variable. It may be the key itself, so the message does not quote it.

    Raises: VariableError: it is invalid, or looks like a key.
    """
    if name is not None and (looks_like_key(name) or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)):
        raise VariableError(
            f"{where} takes the name of the environment variable that holds the key, not the key itself"
        )


class VariableError(ToolworthyError, ValueError):
    """A name of an environment variable is invalid."""


class Config(Strict):
    """The whole file."""

    endpoints: dict[str, NamedEndpoint] = Field(default_factory=dict)
    prices: dict[str, Prices] = Field(default_factory=dict)
    """Model id to its prices, if they differ from the provider's list prices."""
    plugins: tuple[Path, ...] = ()
    """Folders with your own rules, probes, agents, providers, tasks and cases; paths are relative to the file's
    folder."""

    @field_validator("endpoints")
    @classmethod
    def _not_the_oracle(cls, value: dict[str, NamedEndpoint]) -> dict[str, NamedEndpoint]:
        if taken := [name for name in value if oracle.names(name)]:
            raise ValueError(f"{taken[0]!r} names the reference server. Choose another name.")
        return value


def load_config(start: Path) -> Config:
    """The nearest config at or above `start`; an empty one if there is none.

    Raises:
        ToolworthyError: the file is not TOML or has an unknown field; one line with its path.
    """
    for folder in (start, *start.parents):
        path = folder / "toolworthy.toml"
        if path.is_file():
            return _placed(load_toml(Config, path), folder)
        path = folder / "pyproject.toml"
        if path.is_file() and "[tool.toolworthy" in path.read_text(encoding="utf-8", errors="replace"):
            return _placed(load_toml(Config, path, table=("tool", "toolworthy")), folder)
    return Config()


def _placed(config: Config, folder: Path) -> Config:
    endpoints = {name: endpoint.placed(folder) for name, endpoint in config.endpoints.items()}
    return config.model_copy(
        update={"plugins": tuple(folder / path for path in config.plugins), "endpoints": endpoints}
    )
