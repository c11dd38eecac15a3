"""When an agent meets a fault: in every plain task, or only in a situation."""

from __future__ import annotations

from typing import Literal, get_args

from toolworthy import content
from toolworthy.base.toml import read_toml

Situation = Literal[
    "always",
    "parallel-calls",
    "long-input",
    "markup",
    "unicode",
    "token-limit",
    "refused-request",
    "broken-stream",
    "interrupted-turn",
    "full-context",
    "compaction",
    "image",
    "thinking",
    "tool-choice",
    "json-output",
    "unusual-schema",
    "many-tools",
    "other-endpoint",
    "known-model",
    "settings",
    "token-counts",
    "side-request",
    "client-library",
    "field",
    "bad-request",
]
"""In the order in which agents meet them: the first weigh most in a verdict."""

PHRASES: dict[Situation, str] = read_toml(content.FIXTURES / "situations.toml")  # type: ignore[assignment]
"""Text that follows "fails when"."""

NEVER: frozenset[Situation] = frozenset({"field", "bad-request"})
"""Situations that never change the level of an agent. ``field``: one field of a request alone, which explains why an
agent's own request fails. ``bad-request``: no agent sends it."""


def order(situation: Situation) -> int:
    """Its rank in a verdict; 0 is met in every plain task."""
    return get_args(Situation).index(situation)


def met_in(probe: Situation, rule: Situation) -> Situation:
    """When agents meet a rule's finding in the responses to a probe.

    Args:
        probe: of the probe that sent the request; ``always`` for a trial.
        rule: of the rule; ``always`` if any response may have the fault.
    """
    if probe in NEVER and (probe == "bad-request" or rule == "refused-request"):
        return probe
    if probe == "field":  # apart from that field, the response is like any other
        return rule
    return probe if rule == "always" else rule
