"""The verdicts of a probe."""

from __future__ import annotations

from toolworthy.records.probe import Verdict

NO_CALLS = "no-tool-calls"
"""The model calls no tool, however it is asked."""
IN_WORDS = "calls-in-words"
"""Every answer describes or plans the call in its text instead of making it."""
ANNOUNCED = "calls-only-announced"
"""Every answer's reasoning announces the call, and none follows."""
TOOLS_UNSEEN = "tools-unseen"
"""The tools of a request do not reach the model."""
UNMADE = (IN_WORDS, ANNOUNCED, TOOLS_UNSEEN)
"""Causes by which no call comes at all, and of which the answers show that they are not the model's choice."""
KEY_REFUSED = "key-refused"
"""An API refuses the key that another one takes."""
UNTOLD_OVERFLOW = "overflow-not-recognised"
"""An agent does not understand the refusal of a conversation that is longer than the context window."""
SMALL_CONTEXT = "small-context"
"""The context window is too small for an agent's own prompt."""


class ProbeOutcome(Exception):
    """Ends a probe with another verdict than ``supported``; its text is the detail."""

    verdict: Verdict = "broken"

    def __init__(self, detail: str, cause: str = "") -> None:
        super().__init__(detail)
        self.cause = cause
        """As in :class:`ProbeResult`."""


class Broken(ProbeOutcome):
    """The endpoint behaves wrongly."""


class Rejected(ProbeOutcome):
    """The endpoint refuses with a clear message."""

    verdict: Verdict = "rejected"


class Ignored(ProbeOutcome):
    """The endpoint accepts it without effect."""

    verdict: Verdict = "ignored"


class Unmeasured(ProbeOutcome):
    """The behaviour could not be measured."""

    verdict: Verdict = "unmeasured"
