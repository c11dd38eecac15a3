"""Run suites from Python: in a script, a notebook, or a program with an event loop of its own.

A run has its event loop on a thread of its own. It handles no signals: Ctrl-C raises in the thread that waits for it.
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
from toolworthy.base.nearest import did_you_mean
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
    """``wire`` (the default; it needs only the endpoint), ``tools``, ``tasks``."""
    agents: Sequence[str]
    """Names of agents; ``all`` for every one."""
    tasks: Sequence[str]
    cases: Sequence[str]
    adapters: Sequence[Path | str]
    """Files of agents of your own."""
    task_folders: Sequence[Path | str]
    """Folders of your own tasks, which replace the built-in ones."""
    case_paths: Sequence[str]
    """Files of your own cases, which replace the built-in ones; ``bfcl:PATH``, ``k2vv:PATH``."""
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
    """A run directory to resume."""
    triage: Path
    """A file of triage entries (default ``triage.toml``, if it exists)."""
    own: Mapping[str, Any]
    """Values of options that a plugin's kind of work declares, by name: ``{"pause": 0.1}`` for ``--pause``."""
    say: Callable[[str], None]
    """Called with lines about the progress of the run, on another thread; for example ``print``."""


_LISTS = {
    "agents": "agent",
    "tasks": "task",
    "cases": "case",
    "adapters": "adapter",
    "task_folders": "tasks",
    "case_paths": "cases",
}
"""Options that can be given several times, with their names on the command line."""


def run(endpoint: Endpoint | str, **options: Unpack[RunOptions]) -> Run:
    """Run suites against an endpoint, and wait for the end.

    Args:
        endpoint: an ``Endpoint``, or an argument for ``Endpoint.of``: a URL, a provider, a configured name, ``oracle``.
        options: see :class:`RunOptions`.

    Raises:
        ToolworthyError: something that you must fix; results so far are kept, and ``resume`` continues the run.
    """
    going = Going(endpoint, options)
    try:
        going.go()
    finally:
        going.close()
    return going.finished()


async def run_async(endpoint: Endpoint | str, **options: Unpack[RunOptions]) -> Run:
    """The same without blocking the event loop. Cancellation ends the run and keeps its directory."""
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
        listen: makes the run's listener from the plan; without it, the listener calls ``say``.
        began: the start of its time budget, in monotonic seconds; None for now.

    Raises:
        ToolworthyError: the options are invalid.
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
        """Run everything, then raise the first internal error, if any."""
        self._session.start(self._keys)
        for key in self._keys:
            self._session.wait(key)

    def close(self) -> None:
        """Stop the run."""
        self._session.close()

    def finished(self) -> Run:
        """The run, with its report."""
        assert self._session.run is not None
        write_report(self._session.run)
        return Run(self._session.run)


def _namespace(endpoint: Endpoint | str, values: dict[str, Any]) -> argparse.Namespace:
    """The options as the command line's parser returns them."""
    given: dict[str, Any] = {name: values.get(name) for name in RunOptions.__annotations__ if name not in _LISTS}
    given |= _own(given.pop("own") or {})
    given |= {name: list(values.get(own, ())) for own, name in _LISTS.items()}
    given |= dict.fromkeys(("dialect", "model", "key_env", "wire", "until_decided", "yes"))
    if isinstance(endpoint, str):
        given["endpoint"] = endpoint
    else:
        key_env = (
            endpoint.key_env if endpoint.key else None
        )  # a local server needs no key, even if a variable is configured
        given |= {"endpoint": endpoint.name, "model": endpoint.model, "key_env": key_env}
        given["wire"] = endpoint.forced_api
    return argparse.Namespace(**given)


def _own(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options that kinds of work declare."""
    known = {name.removeprefix("--").replace("-", "_") for kind in KINDS.values() for name in kind.options}
    if unknown := [name for name in values if name not in known]:
        raise ToolworthyError(f"run: no kind of work has the option {unknown[0]!r}{did_you_mean(unknown[0], known)}")
    return values


def _call(options: Options, given: RunOptions) -> str:
    """The call that started the run. Not the command line, which belongs to another program."""
    arguments = [f"{name}={value!r}" for name, value in given.items() if name != "say"]
    return f"toolworthy.run({', '.join([repr(options.endpoint.name), *arguments])})"


def _keys(options: Options, suites: Sequence[str]) -> tuple[ResultKey, ...]:
    """The keys to run; when resuming, those that the earlier run selected."""
    if unknown := [suite for suite in suites if suite not in KINDS]:
        raise ToolworthyError(f"run: no suite is called {unknown[0]!r}{did_you_mean(unknown[0], KINDS)}")
    chosen = suites or (KINDS if options.selected else ("wire",))
    keys = tuple(key for suite in dict.fromkeys(chosen) for key in KINDS[suite].keys(options))
    return keys if options.selected is None else tuple(key for key in keys if str(key) in options.selected)


def _selected(keys: Sequence[ResultKey]) -> tuple[str, ...]:
    """The selection as the pytest plugin names it: the rules are included whenever probes are."""
    judged = [f"rules/{rule.code}" for rule in RULES] if any(key.suite == "wire" for key in keys) else []
    return (*map(str, keys), *judged)
