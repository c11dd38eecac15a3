"""The rules: what an answer must be like for an agent to use it. Pure functions over recorded exchanges.

A rule judges what the endpoint sent, never what the model decided: a wrong tool is the scorer's business, a call that
no client could read is a rule's. The same rules judge a probe and the live traffic of an agent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from functools import cache

from toolworthy.exchange import Exchange
from toolworthy.rules import (
    announced,
    calls,
    chat,
    errors,
    fragments,
    framing,
    items,
    leaks,
    messages,
    reasoning,
    responses,
    usage,
)
from toolworthy.rules.model import AREAS, Evidence, Finding, Rule, Severity
from toolworthy.rules.view import View
from toolworthy.wire.ir import Api

__all__ = ["AREAS", "RULES", "Evidence", "Finding", "Rule", "Severity", "check"]

_MODULES = (calls, announced, leaks, chat, fragments, reasoning, messages, responses, items, framing, errors, usage)

RULES: tuple[Rule, ...] = tuple(
    sorted(
        (value for module in _MODULES for value in vars(module).values() if isinstance(value, Rule)),
        key=lambda rule: rule.code,
    )
)
"""Every rule, by code."""
_BY_CODE = {rule.code: rule for rule in RULES}


def check(exchanges: Iterable[Exchange]) -> tuple[Finding, ...]:
    """Every finding of every rule, in the order of the exchanges. One that another fault in its exchange brought about
    says so."""
    return tuple(
        finding
        for exchange in exchanges
        if exchange.kind == "completion" and not exchange.local
        for finding in _rooted(View(exchange))
    )


def _rooted(view: View) -> Iterator[Finding]:
    found = [finding for rule in _of_api(view.api) for finding in rule.findings(view)]
    present = {finding.code for finding in found}
    for finding in found:
        root = _root(finding.code, present)
        yield finding.model_copy(update={"follows": root}) if root != finding.code else finding


def _root(code: str, present: Set[str]) -> str:
    """The fault among those present that brought this one about, at last; itself where there is none."""
    cause = next((cause for cause in _BY_CODE[code].follows if cause in present), None)
    return code if cause is None else _root(cause, present)


@cache
def _of_api(api: Api | None) -> tuple[Rule, ...]:
    return tuple(rule for rule in RULES if api in rule.apis)
