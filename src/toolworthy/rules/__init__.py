"""Rules: what a response must be like for an agent to use it. Pure functions over recorded exchanges.

A rule judges what the endpoint sent, never what the model decided: the scorer judges a wrong tool, a rule judges a call
that no client can read. The same rules judge a probe and the live traffic of an agent.

May import: `base`, `wire`, `content`, `records`.
Does not belong here: requests, and the effect of a fault on an agent (`judgement`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from toolworthy.records.exchange import Exchange
from toolworthy.records.finding import Finding
from toolworthy.rules import (  # noqa: F401 - each declares its rules
    _announced,
    _arguments,
    _chat,
    _errors,
    _fragments,
    _framing,
    _gemini,
    _items,
    _messages,
    _outputs,
    _reasoning,
    _responses,
    _usage,
    calls,
    leaks,
)
from toolworthy.rules._translated import removed_by_translation
from toolworthy.rules.model import RULES, Area, Rule, by_code, check_complete, rule
from toolworthy.rules.view import View

__all__ = ["RULES", "Area", "Rule", "by_code", "check", "codes", "label", "removed_by_translation", "rule"]

check_complete()


def check(exchanges: Iterable[Exchange]) -> tuple[Finding, ...]:
    """Every finding of every rule, in the order of the exchanges. A finding caused by another fault in its exchange
    names that fault."""
    return tuple(finding for exchange in exchanges if exchange.reached_endpoint for finding in _rooted(View(exchange)))


def codes(area: Area) -> frozenset[str]:
    """The codes of all rules in an area."""
    return frozenset(rule.code for rule in RULES if rule.area == area)


def label(code: str) -> str:
    """Code and slug of a rule, as all outputs show them; any other code unchanged."""
    return known.label if (known := by_code(code)) else code


def _rooted(view: View) -> Iterator[Finding]:
    findings = [finding for rule in RULES for finding in rule.findings(view)]
    present = {finding.code for finding in findings}
    for finding in findings:
        root = _root(finding.code, present)
        yield finding.model_copy(update={"follows": root}) if root != finding.code else finding


def _root(code: str, present: Set[str]) -> str:
    """The root of this fault among those present; the fault itself if none caused it."""
    follows = next(rule.follows for rule in RULES if rule.code == code)
    cause = next((cause for cause in follows if cause in present), None)
    return code if cause is None else _root(cause, present)
