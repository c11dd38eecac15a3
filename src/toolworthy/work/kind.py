"""A kind of work, from its plan to what is said of its results: the interface of trials, cases, probes, and others."""

from __future__ import annotations

import contextlib
import shlex
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

from toolworthy.content.adapters import AgentAdapter
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway
from toolworthy.records import conditions
from toolworthy.records.meta import RunMeta
from toolworthy.records.result import Result, ResultKey
from toolworthy.wire.ir import Api
from toolworthy.work.run.observer import Listener
from toolworthy.work.run.plan import Options

K = TypeVar("K", bound=ResultKey)
R = TypeVar("R", bound=Result)
_K = TypeVar("_K", bound=ResultKey, contravariant=True)
_R = TypeVar("_R", bound=Result, covariant=True)


@dataclass(frozen=True)
class Site:
    """What is known of a run once its endpoint has been looked at."""

    plan: Options
    endpoint: Endpoint
    gateway: Gateway
    listener: Listener
    refused: Mapping[str, str]
    """Agent to why it cannot work here."""
    stack: contextlib.AsyncExitStack
    """Is closed with the run."""
    reach: Callable[[Endpoint, Sequence[AgentAdapter]], Awaitable[tuple[Endpoint, Gateway]]]
    """Looks at another endpoint that is asked, too, as agents will use it; the endpoint, with a gateway before it."""


class Bench(Protocol[_K, _R]):
    """What all items of one kind share in one run."""

    async def run(self, key: _K) -> _R:
        """Do one item. What goes wrong becomes a result.

        Raises:
            ToolworthyError: it would be the same for all that come.
        """


@dataclass(frozen=True)
class ItemOutcome:
    """What a result comes to as a test."""

    status: Literal["", "failure", "error", "skipped", "harmless"] = ""
    """Nothing where all is well; ``error`` is no fault of the endpoint; ``harmless`` is wrong, and harms none."""
    kind: str = ""
    message: str = ""
    text: str = ""
    """More than the message, for whoever wants to know all."""


class Kind(ABC, Generic[K, R]):
    """One kind of work. What is not abstract need not be said."""

    suite: str
    """What its keys, and the command line, call it."""
    many: str
    """What its items are called."""
    fixture: str
    """What a test of pytest's asks for, to be run once for each item; empty where pytest does not run it."""
    result: type[R]
    """A line of ``results.jsonl``: a pydantic model that begins with a `kind` of its own, and a `key`."""
    words: tuple[str, ...]
    """All that a result's `status_word` may be, the best first."""
    heavy = False
    """Whether an item is an agent that works for minutes: such have slots of their own, and a line in the terminal."""
    quick = False
    """Whether an item is so quick that pytest's hooks and fixtures would cost more: its test then runs without them."""
    options: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Options of its own: ``--name`` to what `add_argument` takes, with a default. Their values are JSON's, and are in
    the plan's `own`; a run that is continued has them as they were."""
    measures_model = True
    """Whether results say how well the model does, and so belong in an evaluation log."""
    settles = False
    """Whether a test only has to call what its fixture gives to pass or fail as the result says."""

    @property
    def command(self) -> tuple[str, ...]:
        """How a command line for work of this kind begins."""
        return "run", self.suite

    # ---- plan ----------------------------------------------------------------------------------------------------

    @abstractmethod
    def keys(self, plan: Options) -> Sequence[K]:
        """Every item of a plan."""

    def items(self, plan: Options, test: Any) -> Sequence[K]:
        """Those that a test function is run for, in other plans like this one too."""
        return self.keys(plan)

    def planned(self, plan: Options, key: K) -> bool:
        """Whether one of them is for this plan."""
        return True

    def label(self, key: K, repeated: bool) -> str:
        """What pytest calls it."""
        return f"{key.item}-{key.asker}" + f"-{attempt(key)}" * repeated

    def alone(self, plan: Options, key: K) -> tuple[Options, Sequence[str]]:
        """The plan of just this item, and the options that choose it."""
        return plan, ()

    def reproduce(self, plan: Options, key: K) -> str:
        """The command that does one item again, and nothing else."""
        own = replace(plan, adapters=tuple(path for path in plan.adapters if Path(path).stem == key.asker))
        own, chosen = self.alone(own, key)
        return shlex.join(["toolworthy", *self.command, *conditions.arguments(own, self.suite), *chosen])

    def instead(self, plan: Options) -> Mapping[str, Options]:
        """Other plans of more or less, by the option that asks for each."""
        return {}

    def plays(self, plan: Options) -> Sequence[Any]:
        """Players of :class:`toolworthy.reference.Oracle` that know the right answers."""
        return ()

    def asked(self, plan: Options, served: Container[Api], key: K) -> bool:
        """Whether an item sends requests to an endpoint that has these APIs."""
        return True

    # ---- run -----------------------------------------------------------------------------------------------------

    def rank(self, key: K) -> tuple[int, ...]:
        """Sorts what begins: what tells most comes first."""
        return ()

    def late(self, key: K) -> bool:
        """Whether it must wait for all others, and runs alone."""
        return False

    def once(self, plan: Options, key: K) -> str:
        """What of several items one is enough of, unless it shows a fault; empty for one that always runs."""
        return ""

    def agents(self, plan: Options) -> Sequence[AgentAdapter]:
        """Whom preflight is to look at.

        Raises:
            ToolworthyError: this machine lacks what they need.
        """
        return ()

    @abstractmethod
    async def open(self, site: Site) -> Bench[K, R]:
        """Set up, once, before the first item."""

    @abstractmethod
    def unrun(self, plan: Options, key: K, why: str) -> R:
        """The result of what was not run for a reason of ours."""

    def final(self, result: R) -> bool:
        """Whether a run that is continued keeps a result. What ended at a run limit would end there again."""
        return result.judged or result.limit is not None

    # ---- report --------------------------------------------------------------------------------------------------

    def outcome_of(self, result: R) -> ItemOutcome:
        """What a result comes to as a test."""
        if result.ok:
            return ItemOutcome()
        if not result.judged:
            return ItemOutcome("skipped", "unmeasured", f"unmeasured: {result.uncounted}")
        return ItemOutcome("failure", result.status_word, result.status_word, f"again: {result.reproduce}")

    def reasons(self, results: Sequence[R]) -> Iterator[str]:
        """Why a run did not go well, a few words each."""
        wrong = sum(self.outcome_of(result).status in ("failure", "error") for result in results)
        if wrong:
            yield f"{wrong} of {len(results)} {self.many} failed"

    def lines(self, results: Sequence[R]) -> Iterator[str]:
        """What the terminal and ``summary.md`` say; nothing where the verdicts of agents tell it."""
        if results:
            words = [result.status_word for result in results]
            counts = [f"{words.count(word)} {word}" for word in self.words if word in words]
            yield f"{self.suite}: {len(results)} {self.many}, {', '.join(counts)}"
        for result in results:
            if (outcome := self.outcome_of(result)).status in ("failure", "error"):
                yield f"  {result.key}: {outcome.message}"

    def columns(self, result: R, meta: RunMeta) -> Mapping[str, Any]:
        """Cells of its row in ``results.csv`` that not every result has, by name of the column."""
        return {}


def attempt(key: ResultKey) -> int:
    """Number of a key's attempt, from 1."""
    return getattr(key, "repeat", 1)
