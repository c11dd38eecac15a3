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
from toolworthy.base.nearest import meant
from toolworthy.content import adapters
from toolworthy.content.request_settings import AuthName, RequestSettings
from toolworthy.wire.ir import Api, Dialect
from toolworthy.wire.shapes import EFFORTS


class Rates(Strict):
    """US dollars per million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached: float | None = Field(None, ge=0)
    """Input that is read from a cache; as `input` where not said."""
    cache_write: float | None = Field(None, ge=0)
    """Input that is written to one; as `input` where not said."""
    cache_write_1h: float | None = Field(None, ge=0)
    """Input that is written for an hour; as `cache_write` where not said."""


_HOURS = r"(?:[01]\d|2[0-4]):[0-5]\d-(?:[01]\d|2[0-4]):[0-5]\d"


class OtherRates(Rates):
    """What a request costs where all of these hold."""

    above: int | None = Field(None, ge=0)
    """Its input, whatever came from a cache included, has more tokens than this."""
    hours: tuple[Annotated[str, StringConstraints(pattern=rf"^{_HOURS}$")], ...] = ()
    """It begins in one of these times of day, UTC: ``"01:00-04:00"``, the end not included."""
    weekdays: bool = False
    """It begins on a day from Monday to Friday, UTC."""

    def holds(self, tokens: int, at: float) -> bool:
        """Whether it is the price of a request with so many tokens of input that began at a Unix time."""
        began = datetime.fromtimestamp(at, UTC)
        clock = f"{began:%H:%M}"
        return (
            (self.above is None or tokens > self.above)
            and (not self.hours or any(start <= clock < end for start, end in (two.split("-") for two in self.hours)))
            and (not self.weekdays or began.weekday() < _SATURDAY)
        )


_SATURDAY = 5


class Prices(Rates):
    """What a model costs."""

    when: tuple[OtherRates, ...] = ()
    """What it costs otherwise, for long input or at some times; the first that holds applies."""
    source: str = ""
    """Where and when they were read."""

    def rates(self, tokens: int, at: float) -> Rates:
        """What a request costs.

        Args:
            tokens: of its input, whatever came from a cache included.
            at: when it began, Unix time.
        """
        return next((other for other in self.when if other.holds(tokens, at)), self)


class Signs(Strict):
    """What a server says of itself."""

    owner: tuple[str, ...] = ()
    """``owned_by`` of an entry of its list of models."""
    words: tuple[str, ...] = ()
    """Regular expressions: words of its errors that no other server has."""


class ProviderAdapter(RequestSettings):
    """A hosted provider or a local server."""

    id: str
    title: str
    homepage: str = ""
    base_urls: dict[Api, str] = Field(default_factory=dict)
    """Wire API to base URL: the part before its paths. ``{name}`` in one is the user's own, see `fill`."""
    fill: dict[str, str] = Field(default_factory=dict)
    """What is to be put in place of each ``{name}``."""
    other_urls: dict[str, dict[Api, str]] = Field(default_factory=dict)
    """Base URLs of other regions and plans; ``--endpoint ID:NAME`` uses those called NAME."""
    key_env: str | None = None
    """Environment variable of the key; None where the server wants none."""
    auth: dict[Api, AuthName] = Field(default_factory=dict)
    """How the key is sent, where not as the API's own vendor takes it."""
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
    """What it does otherwise besides what `dialect` says: ids of ``fixtures/defects/``."""
    expected: dict[str, str] = Field(default_factory=dict)
    """Code of a rule or probe that its quirks set off together, to why that is true of it."""
    sources: dict[str, str] = Field(default_factory=dict)
    """Fact to where and when it was read; one that is doubtful says so."""
    tried: str = ""
    """The version that was asked; empty where all of this was read only."""

    def urls(self, name: str = "") -> dict[Api, str]:
        """Base URLs of a region or plan; of the usual one if none is named.

        Raises:
            ToolworthyError: it has none of that name.
        """
        if not name:
            return dict(self.base_urls)
        if name not in self.other_urls:
            raise ToolworthyError(f"{self.id} has no {name!r}{meant(name, sorted(self.other_urls))}")
        return {**self.base_urls, **self.other_urls[name]}

    @property
    def all_urls(self) -> tuple[str, ...]:
        """Base URLs of every API, region and plan."""
        return tuple(url for urls in (self.base_urls, *self.other_urls.values()) for url in urls.values())

    def has_host(self, host: str) -> bool:
        """Whether one of its URLs is there."""
        return any(re.fullmatch(_FILLED.sub("[^.]+", re.escape(urlsplit(url).netloc)), host) for url in self.all_urls)


_FILLED = re.compile(r"\\\{\w+\\\}")
"""A place that is to be filled, in an escaped URL."""


def to_fill(urls: Iterable[str]) -> tuple[str, ...]:
    """The ``{name}`` in URLs, each once."""
    return tuple(dict.fromkeys(name for url in urls for name in re.findall(r"\{(\w+)\}", url)))


def provider(name: str) -> ProviderAdapter:
    """The provider adapter called `name`.

    Raises:
        ToolworthyError: there is none of that name.
    """
    return adapters.named(ProviderAdapter, "providers", name)


def every() -> tuple[ProviderAdapter, ...]:
    """All provider adapters by id, ours and those of plugins."""
    return adapters.every(ProviderAdapter, "providers")


def by_owner(owners: Iterable[str]) -> ProviderAdapter | None:
    """The server that names itself as the owner of its models; None where none that is known does."""
    known = set(owners)
    return next((provider for provider in every() if known & set(provider.signs.owner)), None)


def by_words(text: str) -> ProviderAdapter | None:
    """The server whose typical error texts occur in `text`; None if no known server's do."""
    return next(
        (provider for provider in every() if any(re.search(words, text) for words in provider.signs.words)), None
    )


def hints(code: str) -> list[tuple[str, str]]:
    """Title of every provider that can do something about a finding, and what."""
    return [(provider.title, provider.hints[code]) for provider in every() if code in provider.hints]


def efforts() -> tuple[str, ...]:
    """Every word that an agent or a provider has for how deeply to think, rising as far as the words are known."""
    scales = [adapter.efforts for adapter in adapters.agents()] + [adapter.dialect.efforts for adapter in every()]
    words = dict.fromkeys(word for words in scales for word in words)
    return tuple(sorted(words, key=lambda word: (EFFORTS.index(word) if word in EFFORTS else len(EFFORTS), word)))
