"""The rules: what an answer must be like for an agent to use it. Pure functions over recorded exchanges.

A rule judges what the endpoint sent, never what the model decided: a wrong tool is the scorer's business, a call that
no client could read is a rule's.
"""

from __future__ import annotations

from collections.abc import Iterable

from toolworthy.exchange import Exchange
from toolworthy.rules.answers import RULES
from toolworthy.rules.model import Evidence, Finding, Rule, Severity

__all__ = ["RULES", "Evidence", "Finding", "Rule", "Severity", "check"]


def check(exchanges: Iterable[Exchange]) -> tuple[Finding, ...]:
    """Every finding of every rule, in the order of the exchanges."""
    return tuple(
        finding
        for exchange in exchanges
        if exchange.kind == "completion" and not exchange.local
        for rule in RULES
        for finding in rule.findings(exchange)
    )
