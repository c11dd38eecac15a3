"""``toolworthy cases list|check``."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from toolworthy import adapters
from toolworthy.cases.bench import executor
from toolworthy.cases.check import problems
from toolworthy.cases.files import Execute
from toolworthy.cases.model import CATEGORIES, Case
from toolworthy.errors import UserError
from toolworthy.sandbox import choose
from toolworthy.visible import show


def run(what: Literal["list", "check"], cases: Sequence[Case], sandbox: Literal["auto", "bubblewrap", "none"]) -> int:
    """List the cases by category, or prove each in every vocabulary; exit code 1 where one is unsound."""
    if what == "list":
        for case in cases:
            show(f"{case.category:12} {case.id:40} {' '.join(case.turns[0].user.split())[:100]}")
        counted = Counter(case.category for case in cases)
        show("\n".join(f"{counted[name]:4} {name:12} {about}" for name, about in CATEGORIES.items()))
        return 0
    try:
        execute: Execute | None = executor(choose(sandbox))
    except UserError:
        execute = None
    found = asyncio.run(_all(cases, execute))
    for line in found:
        show(f"BAD  {line}")
    show(f"{len(cases)} cases in {len(adapters.agents())} vocabularies, {len(found)} problems")
    return 1 if found else 0


async def _all(cases: Sequence[Case], execute: Execute | None) -> list[str]:
    return [line async for line in problems(cases, adapters.agents(), execute)]
