"""Probes: crafted request sequences that provoke one behaviour of an endpoint. Probes provoke, rules judge."""

from toolworthy.work.probes.answer import Answer
from toolworthy.work.probes.ask import Ask
from toolworthy.work.probes.bench import ProbeBench
from toolworthy.work.probes.model import (
    EVERY_AGENT,
    PROBES,
    Broken,
    Ignored,
    Outcome,
    Probe,
    ProbeKey,
    ProbeResult,
    Rejected,
    Unmeasured,
    Verdict,
    load_suite,
    probe,
)

__all__ = [
    "EVERY_AGENT",
    "PROBES",
    "Answer",
    "Ask",
    "Broken",
    "Ignored",
    "Outcome",
    "Probe",
    "ProbeBench",
    "ProbeKey",
    "ProbeResult",
    "Rejected",
    "Unmeasured",
    "Verdict",
    "load_suite",
    "probe",
]
