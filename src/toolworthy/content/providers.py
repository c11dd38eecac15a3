"""TOML files of providers and servers: base URLs, dialect, prices, remedies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.loading import Strict
from toolworthy.base.nearest import did_you_mean
from toolworthy.content import adapters
from toolworthy.content.request_settings import AuthName, RequestSettings
from toolworthy.wire.ir import Api, Dialect
from toolworthy.wire.shapes import EFFORTS


class Rates(Strict):
    """US dollars per million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached: float | None = Field(None, ge=0)
    """Input that is read from a cache; default: `input`."""
    cache_write: float | None = Field(None, ge=0)
    """Input that is written to a cache; default: `input`."""
    cache_write_1h: float | None = Field(None, ge=0)
    """Input that is cached for an hour; default: `cache_write`."""


_HOURS = r"(?:[01]\d|2[0-4]):[0-5]\d-(?:[01]\d|2[0-4]):[0-5]\d"


class OtherRates(Rates):
    """Prices of a request that meets all of these conditions."""

    above: int | None = Field(None, ge=0)
    """Its input, including cached tokens, has more tokens than this."""
    hours: tuple[Annotated[str, StringConstraints(pattern=rf"^{_HOURS}$")], ...] = ()
    """It begins in one of these times of day, UTC: ``"01:00-04:00"``, the end not included."""
    weekdays: bool = False
    """It begins on a day from Monday to Friday, UTC."""

    def holds(self, tokens: int, at: float) -> bool:
        """Whether it applies to a request with so many input tokens that began at this Unix time."""
        began = datetime.fromtimestamp(at, UTC)
        clock = f"{began:%H:%M}"
        return (
            (self.above is None or tokens > self.above)
            and (not self.hours or any(start <= clock < end for start, end in (two.split("-") for two in self.hours)))
            and (not self.weekdays or began.weekday() < _SATURDAY)
        )


_SATURDAY = 5


class Prices(Rates):
    """The prices of a model."""

    when: tuple[OtherRates, ...] = ()
    """Prices for long input or at certain times; the first whose conditions hold applies."""
    source: str = ""
    """Where and when they were read."""

    def rates(self, tokens: int, at: float) -> Rates:
        """The rates of a request.

        Args:
            tokens: of its input, including cached ones.
            at: when it began, Unix time.
        """
        return next((other for other in self.when if other.holds(tokens, at)), self)


class Signs(Strict):
    """Signs by which a server is recognized."""

    owner: tuple[str, ...] = ()
    """``owned_by`` of an entry of its list of models."""
    words: tuple[str, ...] = ()
    """Regular expressions for errors that no other server sends."""


class ProviderAdapter(RequestSettings):
    """A hosted provider or a local server."""

    id: str
    title: str
    homepage: str = ""
    base_urls: dict[Api, str] = Field(default_factory=dict)
    """Wire API to base URL: the part before its paths. ``{name}`` is to be filled in by the user, see `fill`."""
    fill: dict[str, str] = Field(default_factory=dict)
    """Each ``{name}`` to a description of its value."""
    other_urls: dict[str, dict[Api, str]] = Field(default_factory=dict)
    """Base URLs of other regions and plans; ``--endpoint ID:NAME`` uses those called NAME."""
    key_env: str | None = None
    """Environment variable of the key; None if the server needs none."""
    auth: dict[Api, AuthName] = Field(default_factory=dict)
    """How the key is sent, if not as the API's own vendor expects it."""
    models: tuple[str, ...] = ()
    default_model: str | None = None
    dialect: Dialect = Dialect()
    prices: dict[str, Prices] = Field(default_factory=dict)
    context: dict[str, int] = Field(default_factory=dict)
    """Model id to context window, in tokens."""
    signs: Signs = Signs()
    """How the server is recognized."""
    hints: dict[str, str] = Field(default_factory=dict)
    """Code of a rule, probe or cause, or ``setup``, to its remedy on this server."""
    quirks: tuple[str, ...] = ()
    """Deviations that `dialect` does not express: ids of ``fixtures/defects/``."""
    expected: dict[str, str] = Field(default_factory=dict)
    """Code of a rule or probe that its quirks trigger together, to the reason."""
    sources: dict[str, str] = Field(default_factory=dict)
    """Each fact to its source and date; a doubtful one says so."""
    tried: str = ""
    """The version that was tested; empty if all facts are from documentation."""

    def urls(self, name: str = "") -> dict[Api, str]:
        """Base URLs of a region or plan; of the default if `name` is empty.

        Raises:
            ToolworthyError: it has no region or plan of that name.
        """
        if not name:
            return dict(self.base_urls)
        if name not in self.other_urls:
            raise ToolworthyError(f"{self.id} has no {name!r}{did_you_mean(name, sorted(self.other_urls))}")
        return {**self.base_urls, **self.other_urls[name]}

    @property
    def all_urls(self) -> tuple[str, ...]:
        """Base URLs of every API, region and plan."""
        return tuple(url for urls in (self.base_urls, *self.other_urls.values()) for url in urls.values())

    def has_host(self, host: str) -> bool:
        """Whether one of its URLs is on this host."""
        return any(re.fullmatch(_FILLED.sub("[^.]+", re.escape(urlsplit(url).netloc)), host) for url in self.all_urls)


_FILLED = re.compile(r"\\\{\w+\\\}")
"""A ``{name}`` in an escaped URL."""


def to_fill(urls: Iterable[str]) -> tuple[str, ...]:
    """The ``{name}`` in URLs, each once."""
    return tuple(dict.fromkeys(name for url in urls for name in re.findall(r"\{(\w+)\}", url)))


def provider(name: str) -> ProviderAdapter:
    """The provider adapter called `name`.

    Raises:
        ToolworthyError: no provider has that name.
    """
    return adapters.named(ProviderAdapter, "providers", name)


def every() -> tuple[ProviderAdapter, ...]:
    """All provider adapters by id, ours and those of plugins."""
    return adapters.every(ProviderAdapter, "providers")


def by_owner(owners: Iterable[str]) -> ProviderAdapter | None:
    """The server that names itself as the owner of its models; None if no known server does."""
    known = set(owners)
    return next((provider for provider in every() if known & set(provider.signs.owner)), None)


def by_words(text: str) -> ProviderAdapter | None:
    """The server whose typical error texts occur in `text`; None if no known server's do."""
    return next(
        (provider for provider in every() if any(re.search(words, text) for words in provider.signs.words)), None
    )


def hints(code: str) -> list[tuple[str, str]]:
    """Title of every provider with a remedy for a finding, and the remedy."""
    return [(provider.title, provider.hints[code]) for provider in every() if code in provider.hints]


def efforts() -> tuple[str, ...]:
    """Every level of reasoning effort of an agent or provider, rising as far as their order is known."""
    scales = [adapter.efforts for adapter in adapters.agents()] + [adapter.dialect.efforts for adapter in every()]
    words = dict.fromkeys(word for words in scales for word in words)
    return tuple(sorted(words, key=lambda word: (EFFORTS.index(word) if word in EFFORTS else len(EFFORTS), word)))
