"""``toolworthy providers list|check``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from toolworthy.base.sanitize import show
from toolworthy.content import adapters, providers
from toolworthy.content.providers import ProviderAdapter
from toolworthy.judgement.analysis.unruled import UNRULED
from toolworthy.reference.defects import catalogue
from toolworthy.rules import RULES
from toolworthy.work.probes import load_suite

_STATED = ("homepage", "base_urls", "hints", "sources")
"""Fields that every adapter has."""
_DATE = re.compile(r"\b20\d\d\b|from memory|unverified|not documented|unknown")


def run(what: Literal["list", "check"], names: Sequence[str], files: Sequence[Path]) -> int:
    """Do `what` with the named providers, or with all; exit code 1 if one has a mistake."""
    chosen = [providers.provider(name) for name in names]
    chosen += [adapters.load(ProviderAdapter, path) for path in files]
    return {"list": _list, "check": _check}[what](chosen or providers.every())


def _list(chosen: Sequence[ProviderAdapter]) -> int:
    for provider in chosen:
        show(f"{provider.id:14} {'/'.join(provider.base_urls):26} {provider.key_env or '-':24} {provider.title}")
    return 0


def _check(chosen: Sequence[ProviderAdapter]) -> int:
    bad = 0
    for provider in chosen:
        wrong, lacking = [*mistakes(provider)], [*gaps(provider)]
        bad += bool(wrong)
        status = "; ".join(wrong) or provider.tried or "read only, not tried"
        show(f"{'BAD' if wrong else 'ok':4} {provider.id:14} {status}")
        if lacking:
            show(f"     {'':14} does not say: {', '.join(lacking)}")
    return 1 if bad else 0


def mistakes(provider: ProviderAdapter) -> Iterator[str]:
    """The mistakes in an adapter."""
    known = {"setup", *(rule.code for rule in RULES), *load_suite(), *UNRULED}
    yield from (f"hints: nothing is called {code}" for code in provider.hints if code not in known)
    yield from (f"expected: nothing is called {code}" for code in provider.expected if code not in known)
    entries = {entry.id for entry in catalogue()}
    yield from (f"quirks: no defect is called {name}" for name in provider.quirks if name not in entries)
    places = {*providers.to_fill(provider.all_urls)}
    yield from (f"fill does not say what {{{place}}} is" for place in sorted(places - provider.fill.keys()))
    yield from (f"no URL has {{{place}}}, which fill names" for place in sorted(provider.fill.keys() - places))
    yield from (f"the price of {model} has no source with a year" for model in _undated(provider))
    yield from (f"the source of {what} has no year" for what, source in provider.sources.items() if not _dated(source))
    if provider.default_model and provider.default_model not in provider.models:
        yield f"models lacks {provider.default_model}, the default"


def gaps(provider: ProviderAdapter) -> Iterator[str]:
    """The optional fields that an adapter lacks."""
    yield from (name for name in _STATED if not getattr(provider, name))
    if not any("//localhost" in url for url in provider.base_urls.values()):
        yield from (name for name in ("models", "context", "prices") if not getattr(provider, name))
    if provider.dialect.replay == "unknown":
        yield "dialect.replay"
    if provider.dialect.thinking_switch == "none":
        yield "dialect.thinking_switch"


def _undated(provider: ProviderAdapter) -> list[str]:
    return [model for model, prices in provider.prices.items() if not _dated(prices.source)]


def _dated(source: str) -> bool:
    """Whether it has a date, or says that it is unverified."""
    return _DATE.search(source) is not None
