"""Probes: request sequences that test one behaviour of an endpoint. Rules judge the responses."""

from toolworthy.work.probes._bench import ProbeBench
from toolworthy.work.probes._declare import EVERY_AGENT, PROBES, Probe, load_suite, probe
from toolworthy.work.probes._model import (
    ANNOUNCED,
    IN_WORDS,
    KEY_REFUSED,
    NO_CALLS,
    SMALL_CONTEXT,
    TOOLS_UNSEEN,
    UNMADE,
    UNTOLD_OVERFLOW,
    Broken,
    Ignored,
    ProbeOutcome,
    Rejected,
    Unmeasured,
)
from toolworthy.work.probes._paired import Deviation, Together, Trait, deviations, same_with
from toolworthy.work.probes.answer import Answer
from toolworthy.work.probes.ask import Ask
from toolworthy.work.probes.recorded import senders

__all__ = [
    "ANNOUNCED",
    "EVERY_AGENT",
    "IN_WORDS",
    "KEY_REFUSED",
    "NO_CALLS",
    "PROBES",
    "SMALL_CONTEXT",
    "TOOLS_UNSEEN",
    "UNMADE",
    "UNTOLD_OVERFLOW",
    "Answer",
    "Ask",
    "Broken",
    "Deviation",
    "Ignored",
    "Probe",
    "ProbeBench",
    "ProbeOutcome",
    "Rejected",
    "Together",
    "Trait",
    "Unmeasured",
    "deviations",
    "load_suite",
    "probe",
    "same_with",
    "senders",
]
