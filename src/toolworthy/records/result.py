"""What results of trials, probes, cases and replays have in common."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from toolworthy.records.finding import Finding
from toolworthy.records.score import Leaks, Limit
from toolworthy.wire.ir import Api

NOT_RUN = "not run"
NO_ANSWER = "no answer"


class ResultKey(Protocol):
    """Which result: unique in a run; as a string, its name."""

    @property
    def suite(self) -> str:
        """``tasks``, ``tools``, ``wire`` or ``replay``."""

    @property
    def item(self) -> str:
        """The task, case, probe or recorded trial, of which there may be several attempts."""

    @property
    def asker(self) -> str:
        """The agent, or that in whose words it was asked; of a probe its API and mode, of a replay its side."""


class Result(Protocol):
    """A line of ``results.jsonl``."""

    @property
    def key(self) -> ResultKey: ...
    @property
    def judged(self) -> bool:
        """Whether what the endpoint answered could be judged."""

    @property
    def ok(self) -> bool:
        """Whether it was judged, and is as it should be."""

    @property
    def uncounted(self) -> str:
        """Why it counts in no rate, in a word or two that are the same wherever it is said: ``infrastructure``, ``time
        limit``, ``rate limited``, ``not run`` …; empty where it was judged."""

    @property
    def limit(self) -> Limit | None:
        """The limit of ours at which it ended without having been judged."""

    @property
    def status_word(self) -> str:
        """How it went, in the word of its suite."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the rules found in it; a replay keeps their codes only, with each answer."""

    @property
    def leaks(self) -> Leaks:
        """How often the server left a call of the model's in the text."""

    @property
    def api(self) -> Api | None:
        """What the endpoint was asked in; None where it was not asked."""

    @property
    def started(self) -> float:
        """Unix time, seconds."""

    @property
    def seconds(self) -> float: ...
    @property
    def exchanges(self) -> str:
        """File with its exchanges, relative to the run directory; empty where there are none."""

    @property
    def reproduce(self) -> str:
        """The command that does it again; empty where there is none."""


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
    """How an attempt is called that ended at a limit of ours."""
    return f"{limit} limit"
