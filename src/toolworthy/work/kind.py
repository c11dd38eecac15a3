"""The interface of every kind of work (trials, cases, probes, replays), from its plan to the report of its results."""

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
    """What a kind of work may use after preflight."""

    plan: Options
    endpoint: Endpoint
    gateway: Gateway
    listener: Listener
    refused: Mapping[str, str]
    """Agent id to the reason why it cannot run here."""
    stack: contextlib.AsyncExitStack
    """Contexts that end with the run."""
    reach: Callable[[Endpoint, Sequence[AgentAdapter]], Awaitable[tuple[Endpoint, Gateway]]]
    """Runs preflight on another endpoint, and returns it with a gateway of its own."""


class Bench(Protocol[_K, _R]):
    """Runs the items of one kind in one run."""

    async def run(self, key: _K) -> _R:
        """Run one item. Failures become results.

        Raises:
            ToolworthyError: no further item can succeed.
        """


@dataclass(frozen=True)
class ItemOutcome:
    """How a test that shows a result ends."""

    status: Literal["", "failure", "error", "skipped", "harmless"] = ""
    """Empty if it passes; ``error``: not the endpoint's fault; ``harmless``: a fault that affects no agent."""
    kind: str = ""
    message: str = ""
    text: str = ""
    """Details beyond the message."""


class Kind(ABC, Generic[K, R]):
    """One kind of work. Only the abstract methods are required."""

    suite: str
    """Its name in keys and on the command line."""
    many: str
    """The plural of its items' name."""
    fixture: str
    """The fixture that runs a pytest test once per item; empty if pytest does not run this kind."""
    result: type[R]
    """A line of ``results.jsonl``: a pydantic model that begins with a `kind` of its own, and a `key`."""
    words: tuple[str, ...]
    """Every possible `status_word` of a result, best first."""
    heavy = False
    """Whether an item is an agent that works for minutes: it has its own slots and terminal line."""
    quick = False
    """Whether an item is so quick that its test should skip pytest's hooks and fixtures, which would cost more."""
    options: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Options of its own: ``--name`` to what `add_argument` takes, with a default. Their values are JSON values, in the
    plan's `own`; a resumed run restores them."""
    measures_model = True
    """Whether results measure the model, and so belong in an evaluation log."""
    settles = False
    """Whether the fixture is a function that passes or fails when the test calls it."""

    @property
    def command(self) -> tuple[str, ...]:
        """The first words of a command line for this kind."""
        return "run", self.suite

    # ---- plan ----------------------------------------------------------------------------------------------------

    @abstractmethod
    def keys(self, plan: Options) -> Sequence[K]:
        """The keys of all items in a plan."""

    def items(self, plan: Options, test: Any) -> Sequence[K]:
        """The keys that a test function is run for, including those that only other plans select."""
        return self.keys(plan)

    def planned(self, plan: Options, key: K) -> bool:
        """Whether this plan includes an item."""
        return True

    def label(self, key: K, repeated: bool) -> str:
        """The item's id in pytest."""
        return f"{key.item}-{key.asker}" + f"-{attempt(key)}" * repeated

    def alone(self, plan: Options, key: K) -> tuple[Options, Sequence[str]]:
        """A plan for this item only, and the options that select it."""
        return plan, ()

    def reproduce(self, plan: Options, key: K) -> str:
        """The command that repeats this item and nothing else."""
        own = replace(plan, adapters=tuple(path for path in plan.adapters if Path(path).stem == key.asker))
        own, chosen = self.alone(own, key)
        return shlex.join(["toolworthy", *self.command, *conditions.arguments(own, self.suite), *chosen])

    def instead(self, plan: Options) -> Mapping[str, Options]:
        """Larger and smaller plans, by the option that selects each."""
        return {}

    def plays(self, plan: Options) -> Sequence[Any]:
        """Players by which :class:`toolworthy.reference.Oracle` gives the right responses."""
        return ()

    def asked(self, plan: Options, served: Container[Api], key: K) -> bool:
        """Whether an item sends requests to an endpoint with these APIs."""
        return True

    # ---- run -----------------------------------------------------------------------------------------------------

    def rank(self, key: K) -> tuple[int, ...]:
        """Sort key for starting items: the most informative first."""
        return ()

    def late(self, key: K) -> bool:
        """Whether an item must run alone, after all others."""
        return False

    def api(self, key: K) -> Api | None:
        """The only wire API that the item's requests use; None: any. A rate limit of one API does not delay items of
        the others."""
        return None

    def once(self, plan: Options, key: K) -> str:
        """A name shared by items of which one is enough unless it shows a fault; empty for an item that always runs."""
        return ""

    def agents(self, plan: Options) -> Sequence[AgentAdapter]:
        """The agents that preflight checks.

        Raises:
            ToolworthyError: this machine lacks something they need.
        """
        return ()

    @abstractmethod
    async def open(self, site: Site) -> Bench[K, R]:
        """Prepare once, before the first item."""

    @abstractmethod
    def unrun(self, plan: Options, key: K, why: str) -> R:
        """The result of an item that toolworthy decided not to run."""

    def final(self, result: R) -> bool:
        """Whether a resumed run keeps a result. An attempt that ended at a run limit would end there again."""
        return result.judged or result.limit is not None

    # ---- report --------------------------------------------------------------------------------------------------

    def outcome_of(self, result: R) -> ItemOutcome:
        """The outcome of a result as a test."""
        if result.ok:
            return ItemOutcome()
        if not result.judged:
            return ItemOutcome("skipped", "unmeasured", f"unmeasured: {result.uncounted}")
        return ItemOutcome("failure", result.status_word, result.status_word, f"again: {result.reproduce}")

    def reasons(self, results: Sequence[R]) -> Iterator[str]:
        """Why a run failed, a few words each."""
        wrong = sum(self.outcome_of(result).status in ("failure", "error") for result in results)
        if wrong:
            yield f"{wrong} of {len(results)} {self.many} failed"

    def lines(self, results: Sequence[R]) -> Iterator[str]:
        """Lines for the terminal and ``summary.md``; none if the agents' verdicts cover this kind."""
        if results:
            words = [result.status_word for result in results]
            counts = [f"{words.count(word)} {word}" for word in self.words if word in words]
            yield f"{self.suite}: {len(results)} {self.many}, {', '.join(counts)}"
        for result in results:
            if (outcome := self.outcome_of(result)).status in ("failure", "error"):
                yield f"  {result.key}: {outcome.message}"

    def columns(self, result: R, meta: RunMeta) -> Mapping[str, Any]:
        """Cells in ``results.csv`` that only this kind of result has, by column."""
        return {}


def attempt(key: ResultKey) -> int:
    """Number of a key's attempt, from 1."""
    return getattr(key, "repeat", 1)
