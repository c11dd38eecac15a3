"""Calls that no agent can execute: left in the text, or lost on the wire."""

from __future__ import annotations

from collections.abc import Iterable

from toolworthy.records.exchange import Exchange
from toolworthy.records.score import Leaks
from toolworthy.rules.leaked import lost_calls
from toolworthy.rules.view import View
from toolworthy.wire.lenient import as_dict, as_list

LEAKS = ("TW201", "TW204", "TW205")
"""Rules that name a call in the text."""


def leaks(exchanges: Iterable[Exchange]) -> Leaks:
    """How often a call was left in the text."""
    leaked = calls = 0
    for exchange in exchanges:
        if exchange.is_turn and not exchange.local:
            lost = bool(lost_calls(exchange.request, exchange.response))
            leaked += lost
            calls += lost or bool(exchange.calls)
    return Leaks(leaked=leaked, calls=calls)


def emptied(exchange: Exchange) -> bool:
    """Whether the last delta of a chat stream is empty except perhaps for the field of calls: some servers and gateways
    drop a call this way."""
    choices = [choice for _, choice in View(exchange).choices if not choice.get("finish_reason")]
    deltas = [as_dict(choice.get("delta")) for choice in choices]
    return len(deltas) > 1 and set(deltas[-1]) <= {"tool_calls"} and not any(as_list(deltas[-1].get("tool_calls")))
