"""``toolworthy cases list|check``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from toolworthy import content
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import show
from toolworthy.cli._event_loop import run_until_signal
from toolworthy.content import adapters
from toolworthy.records.meta import SandboxKind
from toolworthy.sandbox import choose
from toolworthy.work.cases.answers import ENOUGH, ExampleAnswer, answers_of, verdicts
from toolworthy.work.cases.check import problems
from toolworthy.work.cases.model import CATEGORIES, Case, case_files, load_cases
from toolworthy.work.cases.world import World


def run(what: Literal["list", "check"], paths: Sequence[Path], sandbox: SandboxKind) -> int:
    """List the cases by category, or prove each with every toolset; exit code 1 if one is unsound."""
    cases = load_cases(tuple(paths))
    if what == "list":
        for case in cases:
            show(f"{case.category:12} {case.id:40} {' '.join(case.turns[0].user.split())[:100]}")
        counted = Counter(case.category for case in cases)
        show("\n".join(f"{counted[name]:4} {name:12} {about}" for name, about in CATEGORIES.items()))
        return 0
    files = [file for path in paths or content.folders("cases") for file in case_files(path)]
    answers = [answer for file in files for answer in answers_of(file)]
    try:
        world: World | None = World(choose(sandbox))
    except ToolworthyError:
        world = None
    faults = run_until_signal(_all(cases, answers, world))
    for line in faults:
        show(f"BAD  {line}")
    counts = {"cases": cases, "toolsets": adapters.toolsets(), "answers": answers, "problems": faults}
    show(" · ".join(f"{name} {len(counted)}" for name, counted in counts.items()))
    _tell_few(cases, answers)
    return 1 if faults else 0


async def _all(cases: Sequence[Case], answers: Sequence[ExampleAnswer], world: World | None) -> list[str]:
    agents = adapters.toolsets()
    lines = [line async for line in problems(cases, agents, world)]
    for judgement in await verdicts(answers, cases, agents, world):
        if judgement.given != judgement.answer.verdict:
            of = f"{judgement.answer.case} ({judgement.answer.toolset})"
            lines.append(
                f"{of}: {judgement.answer.verdict} is due for {judgement.answer.text_in_short!r}, not {judgement.words}"
            )
    return lines


def _tell_few(cases: Sequence[Case], answers: Sequence[ExampleAnswer]) -> None:
    """Print how many cases have few example answers."""
    right = Counter(answer.case for answer in answers if answer.right)
    wrong = Counter(answer.case for answer in answers if not answer.right)
    few = [case.id for case in cases if min(right[case.id], wrong[case.id]) < ENOUGH]
    if few:
        listed = ", ".join(few[:3]) + (", …" if len(few) > 3 else "")
        show(f"{len(few)} of {len(cases)} cases have fewer than {ENOUGH} right and {ENOUGH} wrong answers: {listed}")
