"""The model of a probe, and its declaration in a suite."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from toolworthy import content
from toolworthy.base.errors import ToolworthyError, place
from toolworthy.base.sanitize import docstring
from toolworthy.content import adapters
from toolworthy.content.situations import Situation
from toolworthy.records.finding import Severity
from toolworthy.records.meta import Tier
from toolworthy.records.probe import ProbeKey, ProbeResult, Verdict
from toolworthy.wire.ir import APIS, Api
from toolworthy.work.probes import tiers
from toolworthy.work.probes.ask import Ask

Modes = Literal["both", "stream-first", "stream", "whole", "none"]
"""``stream-first``: whole responses only in tier ``full``."""

EVERY_AGENT = ("*",)


@dataclass(frozen=True)
class Probe:
    """A crafted request sequence that provokes one behaviour of an endpoint."""

    id: str
    title: str
    apis: tuple[Api, ...]
    modes: Modes
    severity: Severity
    situation: Situation
    agents: tuple[str, ...]
    explanation: str
    run: Callable[[Ask], Awaitable[None]]
    tier: Tier = "standard"
    main_path: bool = False
    """Whether its agent sends this in every plain task; translated if the endpoint lacks the API."""
    late: bool = False
    """Whether it runs alone, after all others: its requests may disturb an endpoint for a while."""
    once: bool = False
    """Whether one API stands for all: others are probed only if it shows a fault."""
    item: str = ""
    """pytest's name of the user's test that it represents."""

    def node(self, key: ProbeKey) -> str:
        """pytest's name of a way of it in a user's own suite; "" for built-in ones and plugins'."""
        file, _, name = place(self.run).partition(": ")
        known = file == "__main__" or any(
            Path(file).is_relative_to(folder) for folder in (content.SUITES, *content.PLUGINS)
        )
        return self.item or ("" if known else f"{file}::{name}[{key.way}]")

    def result(self, key: ProbeKey, verdict: Verdict, detail: str, **measured: Any) -> ProbeResult:
        """The result for one API and mode."""
        return ProbeResult(
            key=key,
            title=self.title,
            verdict=verdict,
            detail=detail,
            severity=self.severity,
            situation=self.situation,
            agents=self.agents,
            main_path=self.main_path,
            **measured,
        )

    def ways(self, tier: Tier = "full") -> Iterator[ProbeKey]:
        """One key for every API and mode that belongs to `tier`."""
        streams: dict[Modes, tuple[bool | None, ...]] = {
            "both": (True, False),
            "stream-first": (True, False) if tier == "full" else (True,),
            "stream": (True,),
            "whole": (False,),
            "none": (None,),
        }
        for api in self.apis:
            for stream in streams[self.modes]:
                if tiers.within(self.tier, tier, stream):
                    yield ProbeKey(probe=self.id, api=api, stream=stream)

    @property
    def own(self) -> bool:
        """Whether only some agents meet it."""
        return self.agents not in ((), EVERY_AGENT)

    @property
    def uncommon(self) -> tuple[str, ...]:
        """Its agents, if only agents meet it that are not judged by every run."""
        common = {agent.id for agent in adapters.common()}
        return self.agents if self.own and common.isdisjoint(self.agents) else ()

    def rank(self, key: ProbeKey) -> tuple[int, ...]:
        """Sort key: the most informative first."""
        return tiers.rank(self.tier, self.situation, self.own, key.stream, self.late)


PROBES: dict[str, Probe] = {}
"""Every probe that has been declared, by id. Filled as the suite's modules are imported."""


def probe(
    title: str,
    *apis: Api,
    modes: Modes = "both",
    severity: Severity = "degrades",
    situation: Situation = "always",
    agents: tuple[str, ...] = (),
    tier: Tier = "standard",
    main_path: bool = False,
    late: bool = False,
    once: bool = False,
) -> Callable[[Callable[[Ask], Awaitable[None]]], Any]:
    """Make a probe of a coroutine function ``test_<id>(ask)``, and of that a pytest test that waits for its verdict.

    Args:
        title: what is supported, if it is, in a few words.
        apis: wire APIs it makes sense on; all if none is given.
        modes: streamed, whole, both, whole only in tier ``full``, or ``none`` where it makes no difference.
        severity: what it means for `agents` if it is not supported.
        situation: when agents meet it.
        agents: who needs it; :data:`EVERY_AGENT`, ids, or nobody in particular.
        tier: the smallest of a run that asks it.
        main_path: whether it is what its agent sends in every plain task.
        late: whether it is asked after all others, alone; bad requests always are.
        once: whether one API tells it for all.

    Raises:
        ToolworthyError: the function's name does not begin with ``test_``, or another probe has the id.
    """

    def make(function: Callable[[Ask], Awaitable[None]]) -> Any:
        name = function.__name__.removeprefix("test_").replace("_", "-")
        if not function.__name__.startswith("test_"):
            raise ToolworthyError(f"{place(function)}: a probe is called test_…: pytest takes it for a test then")
        if name in PROBES and place(PROBES[name].run) != place(function):
            ours, theirs = sorted((place(PROBES[name].run), place(function)), key=_is_a_users)
            raise ToolworthyError(f"{theirs}: another probe is called {name}, {ours}: take another name")
        declared = Probe(
            name,
            title,
            apis or APIS,
            modes,
            severity,
            situation,
            agents,
            docstring(function.__doc__),
            function,
            tier,
            main_path,
            late or situation == "bad-request",
            once,
        )
        PROBES[name] = declared

        def test(probed: Callable[[], None]) -> None:
            probed()

        test.__name__, test.__doc__, test.__module__ = function.__name__, function.__doc__, function.__module__
        test.probe = declared  # type: ignore[attr-defined]
        return test

    return make


def _is_a_users(where: str) -> bool:
    return not where.startswith(str(content.SUITES))


def load_suite() -> dict[str, Probe]:
    """Every probe of the built-in suite, imported unless pytest has done so."""
    for path in sorted((content.SUITES / "wire").glob("test_*.py")):
        name = f"toolworthy_suite_{path.stem}"
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, path)
            assert spec is not None
            assert spec.loader is not None
            module = sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
    return PROBES
