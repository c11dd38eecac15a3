"""Build a plan from the command line and, for ``--resume``, from the recorded run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from toolworthy.base.errors import ToolworthyError
from toolworthy.endpoint.oracle import ORACLE, in_dialect
from toolworthy.endpoint.target import resolve
from toolworthy.records.conditions import chosen, difference, restore
from toolworthy.records.meta import Budget, RunMeta
from toolworthy.records.store import RunDirectory
from toolworthy.records.triage import triage_of
from toolworthy.work.replay.recording import Recording
from toolworthy.work.run.plan import (
    Options,
    choose_agents,
    choose_cases,
    choose_field,
    choose_tasks,
    choose_toolsets,
    field_of,
)


def read_options(given: argparse.Namespace, folder: Path) -> Options:
    """The plan of a run.

    Args:
        given: the options of ``plugin.pytest_addoption``.
        folder: where relative paths begin, and ``toolworthy.toml`` is.

    Raises:
        ToolworthyError: a mistake in any of it.
    """
    given, run = _restored(given, replay=False)
    old = run or RunMeta()
    adapters, folders = ([(folder / path).resolve() for path in paths] for paths in (given.adapter, given.tasks))
    paths = _specs(given.cases or [spec for spec in old.cases if field_of(spec)], folder)
    named = in_dialect(given.endpoint or ORACLE, given.dialect)
    endpoint = resolve(named, model=given.model, key_env=given.key_env, wire=given.wire, folder=folder)
    prices = given.price or old.options.prices
    field = choose_field(given.case, paths)
    if given.reference and (field is None or field.kind != "k2vv"):
        raise ToolworthyError("--reference belongs to --cases k2vv:PATH. Give both, or neither.")
    if given.toolset and not choose_toolsets([given.toolset], adapters):
        raise ToolworthyError(f"--toolset {given.toolset}: this agent offers no tools. Choose another one.")
    plan = Options(
        endpoint=endpoint.priced(prices) if prices else endpoint,
        budget=Budget(given.budget_usd, given.budget_tokens, given.budget_minutes).after(old.options.budget),
        agents=choose_agents(given.agent or list(old.agents), adapters),
        tasks=choose_tasks(given.task or list(old.tasks), folders),
        cases=() if field else choose_cases(given.case or list(old.cases), paths),
        field=field,
        reference=resolve(given.reference, folder=folder) if given.reference else None,
        toolsets=choose_toolsets(given.agent or old.toolsets, adapters),
        adapters=tuple(map(str, adapters)),
        task_folders=tuple(map(str, folders)),
        case_paths=tuple(paths),
        selected=tuple(old.selected) if old.selected else None,
        concurrency=given.concurrency,
        out=given.out or folder / "reports",
        resume=given.resume,
        agreed=bool(given.yes),
        triage=triage_of(given.triage, folder),
        **chosen(given),
    )
    _check_same(run, plan)
    _check_budget(plan)
    return plan


def read_replay(given: argparse.Namespace, folder: Path) -> Options:
    """The plan of a replay.

    Args:
        given: the options of ``toolworthy replay``.
        folder: as above.

    Raises:
        ToolworthyError: a mistake in any of it, or nothing is recorded there.
    """
    given, run = _restored(given, replay=True)
    replayed = run.replay if run else None
    path = given.recorded or (Path(replayed.of) if replayed else None)
    if path is None or not given.endpoint:
        raise ToolworthyError("nothing to replay. Give the RUN to send again and --endpoint X, or --resume RUN alone.")
    recording = Recording.open(folder / path)
    recorded = recording.summary()
    if replayed and (replayed.recording, replayed.recorded) != (recorded.recording, recorded.recorded):
        raise ToolworthyError(f"{given.resume} is not a replay of {path}, but of {replayed.of}")
    model = recording.endpoint.model
    plan = Options(
        endpoint=resolve(given.endpoint, model=given.model, key_env=given.key_env, wire=given.wire, folder=folder),
        reference=resolve(given.reference, model=model, folder=folder) if given.reference else None,
        recording=recording,
        agents=(),
        tasks=(),
        concurrency=given.concurrency,
        out=given.out or folder / "reports",
        resume=given.resume,
        **chosen(given),
    )
    _check_same(run, plan)
    return plan


def _restored(given: argparse.Namespace, *, replay: bool) -> tuple[argparse.Namespace, RunMeta | None]:
    """The options given, completed from the run that is continued, and what that run recorded about itself."""
    run = RunDirectory.open(given.resume).meta if given.resume else None
    if run and bool(run.replay) is not replay:
        fact, command = ("is not a replay", "run") if replay else ("is a replay", "replay")
        raise ToolworthyError(
            f"{given.resume} {fact}. Type `toolworthy {command} --resume {given.resume}` to continue it."
        )
    given = argparse.Namespace(**vars(given))
    restore(given, run)
    return given, run


def _check_same(run: RunMeta | None, plan: Options) -> None:
    if run and (other := difference(run, plan.meta())):
        raise ToolworthyError(f"{plan.resume} {other}. --resume needs the same conditions.")


def _specs(given: Sequence[str], folder: Path) -> list[str]:
    """Absolute paths of cases; that of a benchmark's file keeps its prefix."""
    split = [(kind, text.removeprefix(f"{kind}:") if kind else text) for text in given for kind in [field_of(text)]]
    return [(f"{kind}:" if kind else "") + str((folder / path).resolve()) for kind, path in split]


def _check_budget(options: Options) -> None:
    """Refuse dollars without a price."""
    for endpoint in (options.endpoint, options.reference):
        if options.budget.usd is not None and endpoint is not None and endpoint.prices is None:
            raise ToolworthyError(
                f"--budget-usd needs to know what {endpoint.model} costs at {endpoint.name}. Give --price IN,OUT "
                f'(US dollars per million tokens), or [prices."{endpoint.model}"] in toolworthy.toml.'
            )
