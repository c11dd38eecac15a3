"""Stored types: exchanges, results, findings, causes, scores, run metadata, and the run directory.

May import: `base`, `wire`, `content`, `statistics`.
Does not belong here: creating or judging what is stored.
"""

from toolworthy.records.case import CaseKey, CaseResult, Miss
from toolworthy.records.exchange import Chunk, Exchange, ExchangeFailure
from toolworthy.records.exchanges import ExchangeWriter, read_all, read_exchanges
from toolworthy.records.finding import Evidence, Finding, Severity
from toolworthy.records.meta import AgentPrint, Budget, EndpointRecord, RecordedOptions, Replayed, RunMeta
from toolworthy.records.model import Record
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.replay import ReplayKey, ReplayResult
from toolworthy.records.result import Result, ResultKey
from toolworthy.records.score import Cause, Score
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult

__all__ = [
    "AgentPrint",
    "Budget",
    "CaseKey",
    "CaseResult",
    "Cause",
    "Chunk",
    "EndpointRecord",
    "Evidence",
    "Exchange",
    "ExchangeFailure",
    "ExchangeWriter",
    "Finding",
    "Miss",
    "ProbeKey",
    "ProbeResult",
    "Record",
    "RecordedOptions",
    "ReplayKey",
    "ReplayResult",
    "Replayed",
    "Result",
    "ResultKey",
    "RunDirectory",
    "RunMeta",
    "Score",
    "Severity",
    "TrialKey",
    "TrialResult",
    "read_all",
    "read_exchanges",
]
