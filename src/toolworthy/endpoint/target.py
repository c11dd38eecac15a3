"""The endpoint under test: base URLs, model, wire APIs and the variable that holds the key."""

from __future__ import annotations

import os
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from toolworthy import wire
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.nearest import closest
from toolworthy.base.redact import Redactor, looks_like_key
from toolworthy.content import providers
from toolworthy.content.providers import Prices, ProviderAdapter
from toolworthy.endpoint import oracle
from toolworthy.endpoint._base_url import join, looks_like_one, places, tidy
from toolworthy.endpoint._config import Config, NamedEndpoint, check_variable, load_config
from toolworthy.endpoint.connection import Connection, MinuteLimit
from toolworthy.endpoint.environment import Header, printed, read_setting, secret, unset
from toolworthy.endpoint.plugins import load_plugins
from toolworthy.records.meta import KEY_ENV, EndpointRecord
from toolworthy.reference.defects import defect
from toolworthy.reference.dialects import shown_by
from toolworthy.wire.declaration import Auth, Operation
from toolworthy.wire.ir import Api, Dialect

if TYPE_CHECKING:
    import httpx


def nearest(agent_api: Api, served: Container[Api]) -> Api | None:
    """The served API for an agent: its own, else the preferred alternative; None if none is served."""
    return next((api for api in wire.relatives(agent_api) if api in served), None)


@dataclass(frozen=True)
class Endpoint:
    """An endpoint, ready for requests. Its key is in no repr."""

    name: str
    """As the user named it."""
    provider: ProviderAdapter
    base_urls: Mapping[Api, str]
    """Base URL of every available API, to which its paths are added."""
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
    shut: frozenset[Api] = frozenset()
    """APIs that refuse the key that another one accepts."""
    auth: Auth | None = None
    """How the key is sent, if not as the provider expects it."""
    extra: tuple[Header, ...] = ()
    """Further headers of every request."""
    query: Mapping[str, str] = field(default_factory=dict)
    """Parameters of every URL."""
    extra_body: Mapping[Api, Mapping[str, Any]] = field(default_factory=dict)
    """Fields of every completion request, which override a client's."""
    connection: Connection = field(default_factory=Connection)

    @classmethod
    def of(
        cls, name: str, *, model: str | None = None, key_env: str | None = None, wire: Api | None = None
    ) -> Endpoint:
        """The endpoint with this name; see :func:`resolve`."""
        load_plugins(Path.cwd())
        return resolve(name, model=model, key_env=key_env, wire=wire)

    @property
    def is_oracle(self) -> bool:
        """Whether this is the embedded reference endpoint."""
        return oracle.names(self.name)

    @property
    def defects(self) -> tuple[str, ...]:
        """Defects that the oracle injects: those in ``oracle:ID,ID``, and those of the dialect in
        ``oracle@PROVIDER``."""
        return (*(one.id for one in shown_by(self.provider)), *oracle.injected(self.name)) if self.is_oracle else ()

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine; the environment's proxies then do not apply."""
        return self.is_oracle or _is_local(self.base_urls)

    @property
    def dialect(self) -> Dialect:
        """The provider's dialect."""
        return self.provider.dialect

    @property
    def prices(self) -> Prices | None:
        """The model's prices here, if known."""
        return self.provider.prices.get(self.model)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must never be written down."""
        held = (header.value for header in self.extra if header.variable)
        password = self.key.partition(":")[2] if self.key and self.auth == "basic" else None
        return tuple(filter(None, (self.key, password, *held, self.connection.password)))

    def api_for(self, agent_api: Api) -> Api:
        """The endpoint's API for an agent that speaks `agent_api`: the same if available.

        Raises:
            ToolworthyError: the endpoint has no wire API, or not the forced one.
        """
        if self.forced_api:
            api = self.forced_api if self.forced_api in self.base_urls else None
        else:
            api = nearest(agent_api, self.base_urls)
        if api is None:
            wanted = (self.forced_api,) if self.forced_api else wire.relatives(agent_api)
            raise ToolworthyError(f"{self.name} speaks none of {', '.join(wanted)}. Check the base URL.")
        return api

    def url(self, api: Api, operation: Operation = "completion", model: str = "", *, stream: bool = False) -> str:
        """The full URL of one operation.

        Args:
            api: the wire API.
            operation: the operation.
            model: the model, if not the endpoint's own.
            stream: whether to stream the response.
        """
        return self._under(api, wire.api(api).path(operation, model or self.model, stream=stream))

    def sent(self, api: Api, body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """The full URL and the JSON of a completion request."""
        path, rest = wire.api(api).sent(body)
        return self._under(api, path), self.filled(api, rest)

    def filled(self, api: Api, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The JSON of a completion request with the configured fields."""
        return _merged(body, self.extra_body.get(api, {}))

    def _under(self, api: Api, path: str) -> str:
        route = path.removeprefix(wire.api(api).base)
        return join(join(self.base_urls[api], route), f"?{urlencode(self.query)}" if self.query else "")

    def client(self, **options: Any) -> httpx.AsyncClient:
        """A client for this endpoint.

        Args:
            options: httpx's.
        """
        return self.connection.client(local=self.is_local, **options)

    def headers(self, api: Api) -> dict[str, str]:
        """The headers for authentication and the API's version."""
        own = wire.api(api).authorised(self.key, self.auth or self.provider.auth.get(api))
        return own | {header.name: header.value for header in self.extra}

    def public(self) -> EndpointRecord:
        """The endpoint's record in a run directory: everything but keys."""
        return EndpointRecord(
            name=self.name,
            provider=self.provider.id,
            model=self.model,
            base_urls={api: _without_userinfo(url) for api, url in self.base_urls.items()},
            key_env=self.key_env,
            forced_api=self.forced_api,
            context=self.context,
            headers={header.name: header.public for header in self.extra},
            auth=self.auth,
            query=dict(self.query),
            extra_body={api: dict(fields) for api, fields in self.extra_body.items()},
        )

    def priced(self, prices: Prices) -> Endpoint:
        """A copy with other prices."""
        known = {**self.provider.prices, self.model: prices}
        return replace(self, provider=self.provider.model_copy(update={"prices": known}))

    def speaking(self, dialect: Dialect) -> Endpoint:
        """A copy with another dialect."""
        return replace(self, provider=self.provider.model_copy(update={"dialect": dialect}))

    def authorised(self, api: Api, auth: Auth) -> Endpoint:
        """A copy in which one API takes the key in another way."""
        known = {**self.provider.auth, api: auth}
        return replace(self, provider=self.provider.model_copy(update={"auth": known}))

    def without_key(self, api: Api) -> Endpoint:
        """A copy in which one API is known to refuse the key."""
        return replace(self, shut=self.shut | {api})

    def at(self, base_urls: Mapping[Api, str]) -> Endpoint:
        """A copy with other base URLs (those that answered; for the oracle, those of the APIs in its dialect, once it
        runs)."""
        served = self.provider.base_urls if self.is_oracle and self.provider.base_urls else base_urls
        return replace(self, base_urls={api: url for api, url in base_urls.items() if api in served})


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
        name: the value of ``--endpoint``.
        model: model id; required unless the config or the provider has a default.
        key_env: environment variable of the key, instead of the provider's.
        wire: force this API upstream.
        folder: where to search for ``toolworthy.toml``; None: the working directory.
        environ: environment variables; None: the process's own.

    Raises:
        ToolworthyError: unknown name, no model, missing key, or an invalid URL.
    """
    environ = os.environ if environ is None else environ
    check_variable(key_env, "--key-env")
    if oracle.names(name):
        return _oracle(name, wire)
    config = load_config(folder or Path.cwd())
    named = _named(name, config)
    provider = providers.provider(named.provider)
    base_url = tidy(named.url) if named.url else ""
    read = places(base_url) if base_url else {}
    urls = (
        {**{api: bases[0] for api, bases in read.items()}, **{api: tidy(url) for api, url in named.urls.items()}}
        if named.url or named.urls
        else _filled(name, provider, provider.urls(named.plan))
    )
    if not urls:
        raise ToolworthyError(f"{name} has no base URL. Give it a url, urls or a provider in toolworthy.toml.")
    if wire and wire not in urls:
        raise ToolworthyError(f"{name} has no {wire} API. Give --wire, one of {', '.join(urls)}.")
    variable, key = _key(name, key_env, named, provider, environ)
    if variable and not key and (key_env or named.key_env or not _is_local(urls)):
        raise ToolworthyError(f"{name} needs a key, and {unset(variable, environ)}")
    if any(Redactor([key]).text(text) != text for text in (name, *urls.values())):
        raise ToolworthyError("--endpoint contains the key, which reports would show. Remove it; --key-env is enough.")
    chosen = model or named.model or provider.default_model
    if not chosen:
        known = f"; for instance --model {provider.models[0]}" if provider.models else ""
        raise ToolworthyError(f"{name} needs a model. Give --model ID{known}.")
    if chosen == key:
        raise ToolworthyError("--model contains the key. Give the model's id.")
    context = named.context or provider.context.get(chosen)
    endpoint = Endpoint(
        name,
        provider,
        urls,
        chosen,
        key or None,
        variable,
        wire,
        context,
        given=base_url,
        variants={api: bases[1:] for api, bases in read.items() if api not in named.urls},
        **_settings(name, provider, named, environ),
    )
    return endpoint.priced(config.prices[chosen]) if chosen in config.prices else endpoint


def _oracle(name: str, wire: Api | None) -> Endpoint:
    """The reference endpoint: ``oracle``; ``oracle@PROVIDER`` has a dialect, ``oracle:ID,ID`` defects."""
    for one in oracle.injected(name):
        defect(one)
    provider = providers.provider(oracle.dialect(name) or "generic")
    if wire and provider.base_urls and wire not in provider.base_urls:
        raise ToolworthyError(f"{name} has no {wire} API. Give --wire, one of {', '.join(provider.base_urls)}.")
    return Endpoint(name, provider, {}, oracle.ORACLE, forced_api=wire, extra_body=provider.extra_body)


def _key(
    name: str, given: str | None, named: NamedEndpoint, provider: ProviderAdapter, environ: Mapping[str, str]
) -> tuple[str | None, str]:
    """The environment variable for the key, if any, and the key, if there is one."""
    if named.key_command and not given:
        return None, printed(name, named.key_command)
    variable = given or named.key_env or (None if named.auth == "none" else provider.key_env)
    return variable, secret(environ, variable or KEY_ENV) if variable or named.auth != "none" else ""


def _named(name: str, config: Config) -> NamedEndpoint:
    if name in config.endpoints:
        return config.endpoints[name]
    bare = name.strip().strip("\"'<>")
    known = [provider.id for provider in providers.every() if provider.id != "generic"]
    own, _, plan = bare.lower().partition(":")
    if own in known and not plan.isdigit():
        return NamedEndpoint(provider=own, plan=plan)
    if looks_like_one(bare):
        url = tidy(bare)
        return NamedEndpoint(url=url, provider=_provider_of(url))
    names = [oracle.ORACLE, *sorted(config.endpoints), *known]
    if looks_like_key(bare):
        raise ToolworthyError(
            "--endpoint contains a key. Put it into an environment variable and name it with --key-env."
        )
    hint = closest(bare.lower(), names) or "."
    raise ToolworthyError(f"no endpoint is called {name!r}{hint} Give a URL, or one of {', '.join(names)}.")


def _settings(
    endpoint: str, provider: ProviderAdapter, named: NamedEndpoint, environ: Mapping[str, str]
) -> dict[str, Any]:
    """Request settings as fields of :class:`Endpoint`: from the config, else from the provider's file."""
    headers = {**provider.headers, **named.headers}
    apis = dict.fromkeys((*provider.extra_body, *named.extra_body))
    return {
        "auth": named.auth,
        "extra": tuple(
            Header(name.lower(), *read_setting(endpoint, f"header {name}", value, environ))
            for name, value in headers.items()
        ),
        "query": {**provider.query, **named.query},
        "extra_body": {api: _merged(provider.extra_body.get(api, {}), named.extra_body.get(api, {})) for api in apis},
        "connection": _connection(endpoint, provider, named, environ),
    }


def _connection(
    endpoint: str, provider: ProviderAdapter, named: NamedEndpoint, environ: Mapping[str, str]
) -> Connection:
    minute = named.requests_per_minute or provider.requests_per_minute
    made = Connection(
        ca=named.ca_file,
        certificate=named.client_cert,
        certificate_key=named.client_key,
        proxy=read_setting(endpoint, "proxy", named.proxy, environ)[0] if named.proxy else None,
        socket=named.unix_socket,
        silence=named.timeout or provider.timeout,
        concurrency=named.concurrency or provider.concurrency,
        pace=MinuteLimit(minute) if minute else None,
    )
    if made.ca or made.certificate:
        _ = made.tls  # report mistakes in these before any request
    return made


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> Mapping[str, Any]:
    """`under`, overridden by `over`; tables that both have are merged."""
    if not over:
        return under
    return {
        **under,
        **{
            name: _merged(below, value)
            if isinstance(value, Mapping) and isinstance(below := under.get(name), Mapping)
            else value
            for name, value in over.items()
        },
    }


def _provider_of(url: str) -> str:
    host = urlsplit(url).hostname or ""
    hosted = (one for one in providers.every() if not _is_local(one.base_urls) and one.has_host(host))
    return next((one.id for one in hosted), "generic")


def _filled(name: str, provider: ProviderAdapter, urls: dict[Api, str]) -> dict[Api, str]:
    """Base URLs without placeholders that the user must fill in."""
    if names := providers.to_fill(urls.values()):
        what = "; ".join(f"{{{place}}} is {provider.fill[place]}" for place in names)
        raise ToolworthyError(
            f"{name} has a URL of your own. Give --endpoint {next(iter(urls.values()))}, or set provider and url in "
            f"toolworthy.toml; {what}"
        )
    return urls


def _is_local(urls: Mapping[Api, str]) -> bool:
    return any(urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1", "0.0.0.0") for url in urls.values())


def _without_userinfo(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
