"""When an agent meets a fault: in every plain task, or only in a situation."""

from __future__ import annotations

from typing import Literal, get_args

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
"""In the order in which agents meet them: what comes first weighs most in a verdict."""

PHRASES: dict[Situation, str] = {
    "always": "",
    "parallel-calls": "the model makes several calls in one answer",
    "long-input": "a prompt, a result or an argument is long (16 KiB or more)",
    "markup": "text or arguments hold markup or special tokens",
    "unicode": "text or arguments go beyond ASCII",
    "token-limit": "an answer is cut by the token limit",
    "refused-request": "the endpoint refuses a request",
    "broken-stream": "a stream breaks off",
    "interrupted-turn": "the user interrupts a turn",
    "full-context": "the context window is full",
    "compaction": "the agent summarizes its conversation",
    "image": "an image or a document is in the conversation",
    "thinking": "thinking is switched on",
    "tool-choice": "a request forces or forbids a call",
    "json-output": "the model is asked for JSON",
    "unusual-schema": "a tool has an unusual schema, as MCP servers send them",
    "many-tools": "a request offers 128 tools or more",
    "other-endpoint": "the conversation began at another endpoint",
    "known-model": "the agent takes the model for one that it knows",
    "settings": "the user sets an option of the request",
    "token-counts": "the agent relies on token counts",
    "side-request": "the agent asks for something besides an answer",
    "client-library": "a program uses the vendor's own client library",
    "field": "",
    "bad-request": "",
}
"""What follows "fails when"."""

NEVER: frozenset[Situation] = frozenset({"field", "bad-request"})
"""Never change the level of an agent. ``field``: one field of a request alone, which explains why an agent's own
request fails. ``bad-request``: no agent sends it."""


def order(situation: Situation) -> int:
    """Its place in a verdict: 0 is what every plain task meets."""
    return get_args(Situation).index(situation)


def met_in(probe: Situation, rule: Situation) -> Situation:
    """When agents meet what a rule finds in the answers to a probe.

    Args:
        probe: of the probe that provoked it; ``always`` for a trial.
        rule: of the rule; ``always`` where any answer may show it.
    """
    if probe in NEVER and (probe == "bad-request" or rule == "refused-request"):
        return probe
    if probe == "field":  # but for that field it is an answer like any other
        return rule
    return probe if rule == "always" else rule
