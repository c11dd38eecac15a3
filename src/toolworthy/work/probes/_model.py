"""What a probe says of an endpoint."""

from __future__ import annotations

from toolworthy.records.probe import Verdict


class ProbeOutcome(Exception):
    """Ends a probe with another verdict than ``supported``; its text is the detail."""

    verdict: Verdict = "broken"


class Broken(ProbeOutcome):
    """The endpoint does it wrong."""


class Rejected(ProbeOutcome):
    """The endpoint says clearly that it does not do it."""

    verdict: Verdict = "rejected"


class Ignored(ProbeOutcome):
    """The endpoint takes it, and nothing happens."""

    verdict: Verdict = "ignored"


class Unmeasured(ProbeOutcome):
    """It cannot be told."""

    verdict: Verdict = "unmeasured"
