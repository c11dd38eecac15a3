"""Run suites from Python: in a script, a notebook, or a program with an event loop of its own.

A run has its event loop on a thread of its own. It takes no signals: Ctrl-C is raised in whoever waits for it.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Unpack

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.nearest import meant
from toolworthy.content.providers import Prices
from toolworthy.endpoint.plugins import load_plugins
from toolworthy.endpoint.target import Endpoint
from toolworthy.output.terminal.progress import TextProgress
from toolworthy.output.write import write_report
from toolworthy.public.results import Run
from toolworthy.records.meta import SandboxKind, Tier
from toolworthy.records.result import ResultKey
from toolworthy.rules import RULES
from toolworthy.work.kinds import KINDS
from toolworthy.work.run.merge_options import read_options
from toolworthy.work.run.observer import Listener
from toolworthy.work.run.plan import Options
from toolworthy.work.run.session import Session

_Count = Annotated[int, Field(ge=1)]
_Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@with_config(ConfigDict(extra="forbid", arbitrary_types_allowed=True))
class RunOptions(TypedDict, total=False):
    """The options of a run: the same as those of ``toolworthy run``, with the same defaults."""

    suites: str | Sequence[str]
    """``wire`` if nothing is said, which needs nothing but the endpoint; ``tools``, ``tasks``."""
    agents: Sequence[str]
    """Names of agent tools; ``all`` for every one."""
    tasks: Sequence[str]
    cases: Sequence[str]
    adapters: Sequence[Path | str]
    """Files of agents of your own."""
    task_folders: Sequence[Path | str]
    """Folders of tasks of your own, asked instead of ours."""
    case_paths: Sequence[str]
    """Files of cases of your own, asked instead of ours; ``bfcl:PATH``, ``k2vv:PATH``."""
    reference: str
    toolset: str
    tier: Tier
    trials: _Count
    concurrency: _Count
    sandbox: SandboxKind
    timeout_factor: _Amount
    max_turns: _Count
    stream: bool
    budget_usd: _Amount
    budget_tokens: _Count
    budget_minutes: _Amount
    price: Prices
    out: Path
    """Where run directories are made (default ``reports``)."""
    resume: Path
    """A run directory to go on with."""
    triage: Path
    """What is known of findings (default ``triage.toml``, if there)."""
    own: Mapping[str, Any]
    """Values of the options that a plugin's kind of work declares, by name: ``{"pause": 0.1}`` for ``--pause``."""
    say: Callable[[str], None]
    """Gets a line about the run now and then, on another thread: ``print``."""


_LISTS = {
    "agents": "agent",
    "tasks": "task",
    "cases": "case",
    "adapters": "adapter",
    "task_folders": "tasks",
    "case_paths": "cases",
}
"""Options that can be given several times, and what the command line calls each."""


def run(endpoint: Endpoint | str, **options: Unpack[RunOptions]) -> Run:
    """Run suites against an endpoint, and wait for the end.

    Args:
        endpoint: what ``Endpoint.of`` made or would be given: a URL, a provider, a configured name, ``oracle``.
        options: see :class:`RunOptions`.

    Raises:
        ToolworthyError: something that you must fix; what was measured is kept, ``resume`` goes on.
    """
    going = Going(endpoint, options)
    try:
        going.go()
    finally:
        going.close()
    return going.finished()


async def run_async(endpoint: Endpoint | str, **options: Unpack[RunOptions]) -> Run:
    """The same without blocking the event loop; to cancel it ends the run, whose directory stays."""
    going = await asyncio.to_thread(Going, endpoint, options)
    try:
        await asyncio.to_thread(going.go)
    finally:
        await asyncio.to_thread(going.close)
    return await asyncio.to_thread(going.finished)


class Going:
    """One run, from its options to its report.

    Args:
        endpoint: as for :func:`run`.
        given: its options.
        listen: makes the listener, of the plan; where there is none, ``say`` is told.
        began: when the minutes of its budget began, in monotonic seconds; None for now.

    Raises:
        ToolworthyError: a mistake in the options.
    """

    def __init__(
        self,
        endpoint: Endpoint | str,
        given: RunOptions,
        listen: Callable[[Options], Listener] | None = None,
        began: float | None = None,
    ) -> None:
        try:
            values: Any = dict(TypeAdapter(RunOptions).validate_python(given))
        except ValidationError as error:
            first = error.errors()[0]
            raise ToolworthyError(f"run: {first['loc'][0]}: {first['msg']}") from None
        suites, say = values.pop("suites", None), values.pop("say", None)
        load_plugins(Path.cwd())
        options = read_options(_namespace(endpoint, values), Path.cwd())
        self._keys = _keys(options, (suites,) if isinstance(suites, str) else suites or ())
        if not self._keys:
            raise ToolworthyError("run: there is nothing to run in these suites")
        options = replace(options, selected=options.selected or _selected(self._keys), command=_call(options, given))
        listener = listen(options) if listen else TextProgress(options, say) if say else None
        self._session = Session(options, listener, began=began)

    def go(self) -> None:
        """Run everything, then raise the first internal error, if there was one."""
        self._session.start(self._keys)
        for key in self._keys:
            self._session.wait(key)

    def close(self) -> None:
        """Stop what still runs."""
        self._session.close()

    def finished(self) -> Run:
        """The run, with its report."""
        assert self._session.run is not None
        write_report(self._session.run)
        return Run(self._session.run)


def _namespace(endpoint: Endpoint | str, values: dict[str, Any]) -> argparse.Namespace:
    """What the command line would give."""
    given: dict[str, Any] = {name: values.get(name) for name in RunOptions.__annotations__ if name not in _LISTS}
    given |= _own(given.pop("own") or {})
    given |= {name: list(values.get(own, ())) for own, name in _LISTS.items()}
    given |= dict.fromkeys(("dialect", "model", "key_env", "wire", "until_decided", "yes"))
    if isinstance(endpoint, str):
        given["endpoint"] = endpoint
    else:
        key_env = endpoint.key_env if endpoint.key else None  # a local server needs no key, whatever names a variable
        given |= {"endpoint": endpoint.name, "model": endpoint.model, "key_env": key_env}
        given["wire"] = endpoint.forced_api
    return argparse.Namespace(**given)


def _own(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Options that kinds of work declare; no others."""
    known = {name.removeprefix("--").replace("-", "_") for kind in KINDS.values() for name in kind.options}
    if unknown := [name for name in values if name not in known]:
        raise ToolworthyError(f"run: no kind of work has the option {unknown[0]!r}{meant(unknown[0], known)}")
    return values


def _call(options: Options, given: RunOptions) -> str:
    """What asked for the run: never the command line, which is that of another program."""
    arguments = [f"{name}={value!r}" for name, value in given.items() if name != "say"]
    return f"toolworthy.run({', '.join([repr(options.endpoint.name), *arguments])})"


def _keys(options: Options, suites: Sequence[str]) -> tuple[ResultKey, ...]:
    """What is to be run; of a run that is gone on with, what that one selected."""
    if unknown := [suite for suite in suites if suite not in KINDS]:
        raise ToolworthyError(f"run: no suite is called {unknown[0]!r}{meant(unknown[0], KINDS)}")
    chosen = suites or (KINDS if options.selected else ("wire",))
    keys = tuple(key for suite in dict.fromkeys(chosen) for key in KINDS[suite].keys(options))
    return keys if options.selected is None else tuple(key for key in keys if str(key) in options.selected)


def _selected(keys: Sequence[ResultKey]) -> tuple[str, ...]:
    """As the pytest plugin names what it selects: rules are asked wherever probes are."""
    judged = [f"rules/{rule.code}" for rule in RULES] if any(key.suite == "wire" for key in keys) else []
    return (*map(str, keys), *judged)
