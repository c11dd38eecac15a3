"""What a rule found wrong in one exchange."""

from __future__ import annotations

from typing import Literal, get_args

from toolworthy.content.situations import Situation
from toolworthy.records.model import Record

Severity = Literal["blocks", "degrades", "cosmetic"]


def rank(severity: Severity) -> int:
    """How bad it is: 0 is the worst."""
    return get_args(Severity).index(severity)


class Evidence(Record):
    """Where something can be seen."""

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
    """When agents meet it: the rule's own, or what the exchange itself shows; ``always`` where it shows in whatever
    situation the request made."""
    detail: str
    follows: str = ""
    """Code of the fault in the same exchange of which this is a consequence."""
    evidence: Evidence
