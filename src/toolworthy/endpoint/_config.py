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
    """Which of the provider's `other_urls`, where no URL is given."""
    url: str | None = None
    """Base URL of all wire APIs; `urls` says otherwise for single ones."""
    urls: dict[Api, str] = Field(default_factory=dict)
    model: str | None = None
    key_env: str | None = None
    """Environment variable that holds the key; the key itself is never in a file."""
    key_command: tuple[str, ...] = ()
    """Prints the key, where no variable holds it: a program and its arguments, without a shell."""
    context: int | None = None
    """Context window in tokens, where the endpoint does not tell."""
    auth: AuthName | None = None
    """How the key is sent; as the provider has it where not said."""
    ca_file: Path | None = None
    """Certificates to trust, PEM. This and the other files: from the folder of the config."""
    client_cert: Path | None = None
    """The certificate that we show, PEM."""
    client_key: Path | None = None
    """Its private key, if it is not in the same file."""
    proxy: str | None = None
    """URL of an HTTP proxy; ``env:NAME`` for one with a password."""
    unix_socket: Path | None = None
    """Socket on which the server listens; the URL says host and path alone."""

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
            raise ValueError("a key does not stand in a file: give a command that prints it")
        return value

    @field_validator("proxy")
    @classmethod
    def _no_password(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"env:\w+", value) and ("@" in value or not re.match(r"https?://[^/\s]+", value)):
            raise ValueError('the proxy must be an HTTP URL. Give "env:VARIABLE" if it has a password.')
        return value

    def placed(self, folder: Path) -> NamedEndpoint:
        """The same, its files found from `folder`."""
        files: dict[str, object] = {name: folder / path for name in _FILES if (path := getattr(self, name))}
        if "/" in "".join(self.key_command[:1]):
            files["key_command"] = (str(folder / self.key_command[0]), *self.key_command[1:])
        return self.model_copy(update=files)


def check_variable(name: str | None, where: str) -> None:
    """Refuse what is not a name of an environment variable. It may be the key itself, so the message does not quote it.

    Raises:
        ToolworthyError: it is none.
        ValueError: likewise, for pydantic.
    """
    if name is not None and (looks_like_key(name) or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)):
        raise VariableError(
            f"{where} takes the name of the environment variable that holds the key, not the key itself"
        )


class VariableError(ToolworthyError, ValueError):
    """What should name an environment variable names none."""


class Config(Strict):
    """The whole file."""

    endpoints: dict[str, NamedEndpoint] = Field(default_factory=dict)
    prices: dict[str, Prices] = Field(default_factory=dict)
    """Model id to what it costs, where that is not the provider's list price."""
    plugins: tuple[Path, ...] = ()
    """Folders with rules, probes, agents, providers, tasks and cases of your own; as the file has them from its own."""

    @field_validator("endpoints")
    @classmethod
    def _not_the_oracle(cls, value: dict[str, NamedEndpoint]) -> dict[str, NamedEndpoint]:
        if taken := [name for name in value if oracle.names(name)]:
            raise ValueError(f"{taken[0]!r} names the reference server. Choose another name.")
        return value


def load_config(start: Path) -> Config:
    """The nearest config at or above `start`; an empty one where there is none.

    Raises:
        ToolworthyError: the file is not TOML or has a field that does not belong; one line with its path.
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
