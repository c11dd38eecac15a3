"""What results of trials, probes, cases and replays have in common."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from toolworthy.records.finding import Finding
from toolworthy.records.score import Leaks, Limit
from toolworthy.wire.ir import Api

NOT_RUN = "not run"
NO_ANSWER = "no answer"
REFERENCES = ("k2vv-reference", "reference")
"""Askers for whom the reference answers, not the endpoint that is measured."""


class ResultKey(Protocol):
    """Which result: unique in a run; as a string, its name."""

    @property
    def suite(self) -> str: ...  # tasks, tools, wire or replay
    @property
    def item(self) -> str: ...  # the task, case, probe or recorded request, of which there may be several attempts
    @property
    def asker(self) -> str: ...  # the agent, or whose toolset; of a probe its API and mode, of a replay its side


class Result(Protocol):
    """A line of ``results.jsonl``."""

    @property
    def key(self) -> ResultKey: ...
    @property
    def judged(self) -> bool: ...  # whether what the endpoint answered could be judged
    @property
    def ok(self) -> bool: ...  # judged, and as it should be
    @property
    def uncounted(self) -> str: ...  # why it was not judged, the same wherever it is said: time limit, not run, …
    @property
    def limit(self) -> Limit | None: ...  # the run limit at which it ended without having been judged
    @property
    def status_word(self) -> str: ...  # how it went, in the word of its suite
    @property
    def findings(self) -> tuple[Finding, ...]: ...  # of the rules; a replay keeps codes only, with each answer
    @property
    def leaks(self) -> Leaks: ...  # how often the server left a call of the model's in the text
    @property
    def api(self) -> Api | None: ...  # what the endpoint was asked in; None where it was not asked
    @property
    def started(self) -> float: ...  # Unix time, seconds
    @property
    def seconds(self) -> float: ...
    @property
    def exchanges(self) -> str: ...  # file with its exchanges, relative to the run directory
    @property
    def reproduce(self) -> str: ...  # the command that does it again; empty where there is none


class Named(NamedTuple):
    """What the name of a key says. Exchanges are recorded under such names."""

    suite: str
    item: str
    asker: str

    @classmethod
    def of(cls, name: str) -> Named:
        """Of a name that no key has, `item` and `asker` may be empty."""
        suite, _, rest = name.partition("/")
        item, _, asker = rest.rpartition("/")
        return cls(suite, item, asker.partition("#")[0])


def at(limit: str) -> str:
    """How an attempt is called that ended at a run limit."""
    return f"{limit} limit"
