"""Findings: violations of rules in exchanges."""

from __future__ import annotations

from typing import Literal, get_args

from toolworthy.content.situations import Situation
from toolworthy.records.model import Record

Severity = Literal["blocks", "degrades", "cosmetic"]


def rank(severity: Severity) -> int:
    """Rank of a severity: 0 is the worst."""
    return get_args(Severity).index(severity)


class Evidence(Record):
    """Where a finding shows."""

    exchange: int
    """Index of the exchange in its trial."""
    excerpt: str = ""
    """The offending bytes, as text, cut to a line."""


class Finding(Record):
    """One violation of one rule."""

    code: str
    title: str
    severity: Severity
    situation: Situation = "always"
    """When agents meet it: the rule's situation, or the one that the exchange shows; ``always`` if it shows in the
    request's situation."""
    detail: str
    follows: str = ""
    """Code of the fault in the same exchange that causes this one."""
    evidence: Evidence
