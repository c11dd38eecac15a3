"""What is under test: base URLs, model, wire APIs and the variable that holds the key."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from toolworthy import wire
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.nearest import near
from toolworthy.base.redact import Redactor, looks_like_key
from toolworthy.content import adapters
from toolworthy.content.adapters import Prices, ProviderAdapter
from toolworthy.endpoint._base_url import join, looks_like_one, places, tidy
from toolworthy.endpoint._config import Config, NamedEndpoint, check_variable, load_config
from toolworthy.endpoint.plugins import load_plugins
from toolworthy.records.meta import KEY_ENV, EndpointTold
from toolworthy.reference.defects import defect
from toolworthy.wire.declaration import Auth, Operation
from toolworthy.wire.ir import Api, Dialect

ORACLE = "oracle"
"""Name of the reference endpoint."""


def nearest(agent_api: Api, served: Container[Api]) -> Api | None:
    """The API, of those served, that an agent is asked in: its own, else the nearest relative; None where none is."""
    return next((api for api in wire.relatives(agent_api) if api in served), None)


@dataclass(frozen=True)
class Header:
    """A header that every request carries. A value from the environment is a secret, and shows in no repr."""

    name: str
    """In lower case."""
    value: str = field(repr=False)
    variable: str | None = None
    """Environment variable that holds it; None where it stands in the config."""

    @property
    def public(self) -> str:
        """As the config has it."""
        return f"env:{self.variable}" if self.variable else self.value


@dataclass(frozen=True)
class Endpoint:
    """An endpoint, ready to be asked. Its key shows in no repr."""

    name: str
    """As the user named it."""
    provider: ProviderAdapter
    base_urls: Mapping[Api, str]
    """What stands before the paths of every API that the endpoint has."""
    model: str
    key: str | None = field(default=None, repr=False)
    key_env: str | None = None
    forced_api: Api | None = None
    """``--wire``: every agent is translated to this API."""
    context: int | None = None
    """Context window in tokens, if known."""
    given: str = ""
    """The one base URL for all APIs, as the user gave it."""
    variants: Mapping[Api, tuple[str, ...]] = field(default_factory=dict)
    """Other base URLs that the user may have meant, in the order in which to try them."""
    auth: Auth | None = None
    """How the key is sent, where not as the provider has it."""
    extra: tuple[Header, ...] = ()
    """Further headers of every request."""

    @classmethod
    def of(
        cls, name: str, *, model: str | None = None, key_env: str | None = None, wire: Api | None = None
    ) -> Endpoint:
        """The endpoint that a user names; see :func:`resolve`."""
        load_plugins(Path.cwd())
        return resolve(name, model=model, key_env=key_env, wire=wire)

    @property
    def is_oracle(self) -> bool:
        """Whether this is the embedded reference endpoint."""
        return self.name.partition(":")[0] == ORACLE

    @property
    def defects(self) -> tuple[str, ...]:
        """Defects that the oracle is to show: ``oracle:ID,ID``."""
        return tuple(name for name in self.name.partition(":")[2].split(",") if name) if self.is_oracle else ()

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine; proxies of the environment are not for it."""
        return self.is_oracle or _is_local(self.base_urls)

    @property
    def dialect(self) -> Dialect:
        """What the provider wants otherwise than the plain API."""
        return self.provider.dialect

    @property
    def prices(self) -> Prices | None:
        """What the model costs here, where that is known."""
        return self.provider.prices.get(self.model)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must never be written down."""
        return tuple(filter(None, (self.key, *(header.value for header in self.extra if header.variable))))

    def api_for(self, agent_api: Api) -> Api:
        """The API to ask in for an agent that speaks `agent_api`: its own if the endpoint has it.

        Raises:
            ToolworthyError: the endpoint has no wire API at all, or not the forced one.
        """
        if self.forced_api:
            found = self.forced_api if self.forced_api in self.base_urls else None
        else:
            found = nearest(agent_api, self.base_urls)
        if found is None:
            wanted = (self.forced_api,) if self.forced_api else wire.relatives(agent_api)
            raise ToolworthyError(f"{self.name} speaks none of {', '.join(wanted)}; check the base URL")
        return found

    def url(self, api: Api, operation: Operation = "completion", model: str = "", *, stream: bool = False) -> str:
        """The whole URL of one operation.

        Args:
            api: the wire API asked in.
            operation: what is asked for.
            model: the model asked, where it is not the endpoint's own.
            stream: whether the answer is to be streamed.
        """
        return self._under(api, wire.api(api).path(operation, model or self.model, stream=stream))

    def sent(self, api: Api, body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """The whole URL and the JSON of a completion request."""
        path, rest = wire.api(api).sent(body)
        return self._under(api, path), rest

    def _under(self, api: Api, path: str) -> str:
        return join(self.base_urls[api], path.removeprefix(wire.api(api).base))

    def headers(self, api: Api) -> dict[str, str]:
        """The headers that authenticate, and the version that the API wants."""
        own = wire.api(api).authorised(self.key, self.auth or self.provider.auth.get(api))
        return own | {header.name: header.value for header in self.extra}

    def public(self) -> EndpointTold:
        """What a run directory may say of it: everything but keys."""
        return EndpointTold(
            name=self.name,
            provider=self.provider.id,
            model=self.model,
            base_urls={api: _without_userinfo(url) for api, url in self.base_urls.items()},
            key_env=self.key_env,
            forced_api=self.forced_api,
            context=self.context,
            headers={header.name: header.public for header in self.extra},
            auth=self.auth,
        )

    def priced(self, prices: Prices) -> Endpoint:
        """The same endpoint at other prices."""
        known = {**self.provider.prices, self.model: prices}
        return replace(self, provider=self.provider.model_copy(update={"prices": known}))

    def speaking(self, dialect: Dialect) -> Endpoint:
        """The same endpoint, whose dialect turned out to be another."""
        return replace(self, provider=self.provider.model_copy(update={"dialect": dialect}))

    def at(self, base_urls: Mapping[Api, str]) -> Endpoint:
        """The same endpoint with other base URLs (the oracle's once it is up, or those that answered)."""
        return replace(self, base_urls=dict(base_urls))


def resolve(
    name: str,
    *,
    model: str | None = None,
    key_env: str | None = None,
    wire: Api | None = None,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Endpoint:
    """The endpoint that a user named: ``oracle`` or ``oracle:defect,…``, a URL, a configured name, or a provider's.

    Args:
        name: what was given to ``--endpoint``.
        model: model id; needed unless the config or the provider has a default.
        key_env: environment variable of the key, instead of the provider's.
        wire: force this API upstream.
        folder: where ``toolworthy.toml`` is looked for; the working directory if None.
        environ: environment variables; the process' own if None.

    Raises:
        ToolworthyError: unknown name, no model, missing key, or a URL that is none.
    """
    environ = os.environ if environ is None else environ
    check_variable(key_env, "--key-env")
    if name.partition(":")[0] == ORACLE:
        for spoilt in filter(None, name.partition(":")[2].split(",")):
            defect(spoilt)
        return Endpoint(name, adapters.provider("generic"), {}, "oracle", forced_api=wire)
    config = load_config(folder or Path.cwd())
    named = _named(name, config)
    provider = adapters.provider(named.provider)
    given = tidy(named.url) if named.url else ""
    read = places(given) if given else {}
    urls = (
        {**{api: bases[0] for api, bases in read.items()}, **{api: tidy(url) for api, url in named.urls.items()}}
        if named.url or named.urls
        else dict(provider.base_urls)
    )
    if wire and wire not in urls:
        raise ToolworthyError(f"{name} has no {wire} API; it has {', '.join(urls) or 'none'}")
    extra = tuple(_header(name, header, value, environ) for header, value in named.headers.items())
    variable = key_env or named.key_env or (None if named.auth == "none" else provider.key_env)
    key = _secret(environ, variable or KEY_ENV) if variable or named.auth != "none" else ""
    if variable and not key and (key_env or named.key_env or not _is_local(urls)):
        raise ToolworthyError(f"{name} needs a key, and {_unset(variable, environ)}")
    if any(Redactor([key]).text(text) != text for text in (name, *urls.values())):
        raise ToolworthyError("--endpoint holds the key, which reports would show; leave it out, --key-env is enough")
    chosen = model or named.model or provider.default_model
    if not chosen:
        known = f"; for instance --model {provider.models[0]}" if provider.models else ""
        raise ToolworthyError(f"{name} needs a model. Give --model ID{known}.")
    if chosen == key:
        raise ToolworthyError("--model is given the key; give the model's id")
    context = named.context or provider.context.get(chosen)
    found = Endpoint(
        name,
        provider,
        urls,
        chosen,
        key or None,
        variable,
        wire,
        context,
        given=given,
        variants={api: bases[1:] for api, bases in read.items() if api not in named.urls},
        auth=named.auth,
        extra=extra,
    )
    return found.priced(config.prices[chosen]) if chosen in config.prices else found


def _named(name: str, config: Config) -> NamedEndpoint:
    if name in config.endpoints:
        return config.endpoints[name]
    bare = name.strip().strip("\"'<>")
    known = [provider.id for provider in adapters.providers() if provider.id != "generic"]
    if bare.lower() in known:
        return NamedEndpoint(provider=bare.lower())
    if looks_like_one(bare):
        url = tidy(bare)
        return NamedEndpoint(url=url, provider=_provider_of(url))
    names = [ORACLE, *sorted(config.endpoints), *known]
    if looks_like_key(bare):
        raise ToolworthyError(
            "--endpoint is given a key: put it into an environment variable and name it with --key-env"
        )
    meant = near(bare.lower(), names) or "."
    raise ToolworthyError(f"no endpoint is called {name!r}{meant} Give a URL, or one of {', '.join(names)}.")


def _header(endpoint: str, name: str, value: str, environ: Mapping[str, str]) -> Header:
    """A header of the config; ``env:NAME`` stands for what the environment variable NAME holds."""
    kind, _, variable = value.partition(":")
    if kind != "env":
        return Header(name.lower(), value)
    if not (found := _secret(environ, variable, blanks=True)):
        raise ToolworthyError(f"{endpoint} needs its header {name}, and {_unset(variable, environ)}")
    return Header(name.lower(), found, variable)


def _secret(environ: Mapping[str, str], variable: str, *, blanks: bool = False) -> str:
    """What an environment variable holds, without the line break that a file or ``echo`` left at its end.

    Args:
        environ: environment variables.
        variable: the name of one.
        blanks: whether blanks may stand inside, as in a header's value.

    Raises:
        ToolworthyError: no header can carry it; the message has no part of it.
    """
    value = environ.get(variable, "").strip()
    if re.search(r"[\r\n]", value):
        what = "has a line break in it"
    elif not value.isascii():
        what = "is not ASCII"
    elif not value.isprintable() or (" " in value and not blanks):
        what = "has a blank or a control character in it"
    else:
        return value
    raise ToolworthyError(f"the key in the environment variable {variable} {what}. Put the key there alone.")


def _unset(variable: str, environ: Mapping[str, str]) -> str:
    meant = near(variable, [held for held in environ if held.endswith(("KEY", "TOKEN"))]) or "."
    return f"{variable} is not set{meant} Put the key into that environment variable."


def _provider_of(url: str) -> str:
    host = urlsplit(url).hostname
    for provider in adapters.providers():
        if (
            host
            and not _is_local(provider.base_urls)
            and any(urlsplit(known).hostname == host for known in provider.base_urls.values())
        ):
            return provider.id
    return "generic"


def _is_local(urls: Mapping[Api, str]) -> bool:
    return any(urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1", "0.0.0.0") for url in urls.values())


def _without_userinfo(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
