"""Dialects: which entries of the catalogue make the reference server behave like a provider."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import Field

from toolworthy import content
from toolworthy.base.loading import Strict, load_toml
from toolworthy.content.providers import ProviderAdapter
from toolworthy.reference.defects import Defect, defect


class DialectTrait(Strict):
    """The defects that a provider with certain ``[dialect]`` settings shows."""

    of: dict[str, Any] = Field(min_length=1)
    """Fields of :class:`toolworthy.wire.ir.Dialect` and their values; all must match."""
    shows: tuple[str, ...]
    """Ids of defects."""


class _File(Strict):
    trait: tuple[DialectTrait, ...]


@cache
def traits() -> tuple[DialectTrait, ...]:
    """All traits."""
    return load_toml(_File, content.FIXTURES / "dialects.toml").trait


def shown_by(provider: ProviderAdapter) -> tuple[Defect, ...]:
    """The defects that make the reference server behave like `provider`, limited to the provider's APIs.

    Raises:
        ToolworthyError: a quirk is not in the catalogue.
    """
    defects = [trait.shows for trait in traits() if _holds(trait, provider)]
    names = dict.fromkeys([*provider.quirks, *(name for names in defects for name in names)])
    return tuple(one for one in map(defect, names) if set(one.apis) & set(provider.base_urls))


def _holds(trait: DialectTrait, provider: ProviderAdapter) -> bool:
    return all(getattr(provider.dialect, name) == value for name, value in trait.of.items())


def expected(provider: ProviderAdapter) -> frozenset[str]:
    """Codes of rules and probes that may report findings on the reference server in this dialect."""
    return frozenset(
        [code for one in shown_by(provider) for code in (*one.caught_by, *one.beside)] + [*provider.expected]
    )
