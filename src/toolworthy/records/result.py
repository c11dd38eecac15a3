"""What results of trials, probes, cases and replays have in common."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from toolworthy.records.finding import Finding
from toolworthy.records.score import Leaks, Limit
from toolworthy.wire.ir import Api

NOT_RUN = "not run"
NO_ANSWER = "no answer"
REFERENCES = ("k2vv-reference", "reference")
"""Askers whose requests go to the reference, not to the measured endpoint."""


class ResultKey(Protocol):
    """Identifies a result: unique in a run; as a string, its name."""

    @property
    def suite(self) -> str: ...  # tasks, tools, wire or replay
    @property
    def item(self) -> str: ...  # the task, case, probe or recorded request, which may have several attempts
    @property
    def asker(self) -> str: ...  # the agent or toolset; for a probe its API and mode, for a replay its side


class Result(Protocol):
    """A line of ``results.jsonl``."""

    @property
    def key(self) -> ResultKey: ...
    @property
    def judged(self) -> bool: ...  # whether there was a response to judge
    @property
    def ok(self) -> bool: ...  # judged, and correct
    @property
    def uncounted(self) -> str: ...  # why it was not judged, the same in every output: time limit, not run, …
    @property
    def limit(self) -> Limit | None: ...  # the run limit that ended it before it could be judged
    @property
    def status_word(self) -> str: ...  # the outcome, in its suite's terms
    @property
    def findings(self) -> tuple[Finding, ...]: ...  # a replay stores only their codes, with each response
    @property
    def leaks(self) -> Leaks: ...  # how often the server left a call in the text
    @property
    def api(self) -> Api | None: ...  # the wire API of the request to the endpoint; None if nothing was sent
    @property
    def started(self) -> float: ...  # Unix time, seconds
    @property
    def seconds(self) -> float: ...
    @property
    def exchanges(self) -> str: ...  # file with its exchanges, relative to the run directory
    @property
    def reproduce(self) -> str: ...  # the command that repeats it; empty if there is none


class Named(NamedTuple):
    """A parsed name of a key. Exchanges are recorded under such names."""

    suite: str
    item: str
    asker: str

    @classmethod
    def of(cls, name: str) -> Named:
        """`item` and `asker` may be empty for a name that is not a key's."""
        suite, _, rest = name.partition("/")
        item, _, asker = rest.rpartition("/")
        return cls(suite, item, asker.partition("#")[0])


def at(limit: str) -> str:
    """The name for an attempt that ended at this run limit."""
    return f"{limit} limit"
