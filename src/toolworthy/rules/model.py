"""What a rule is, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from toolworthy.exchange import Exchange

Severity = Literal["blocks", "degrades", "cosmetic"]


class Evidence(BaseModel):
    """Where something can be seen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exchange: int
    """Index of the exchange in its trial."""
    excerpt: str = ""
    """The offending bytes, as text, cut to a line."""


class Finding(BaseModel):
    """One violation of one rule."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    title: str
    severity: Severity
    detail: str
    evidence: Evidence


@dataclass(frozen=True)
class Rule:
    """A small pure function over one exchange, and what is known of it."""

    code: str
    title: str
    severity: Severity
    look: Callable[[Exchange], Iterator[tuple[str, str]]]
    """Yields (detail, excerpt) for every violation."""

    def findings(self, exchange: Exchange) -> Iterator[Finding]:
        """The violations in one exchange."""
        for detail, excerpt in self.look(exchange):
            yield Finding(
                code=self.code,
                title=self.title,
                severity=self.severity,
                detail=detail,
                evidence=Evidence(exchange=exchange.index, excerpt=excerpt[:300]),
            )
