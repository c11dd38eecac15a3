"""In which order keys begin, what waits for the end, and what need not be asked a second time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from toolworthy.records.result import Result, ResultKey
from toolworthy.work.kinds import kind_of
from toolworthy.work.run.plan import Options


def in_order(keys: Iterable[ResultKey]) -> list[ResultKey]:
    """What tells most comes first; else keys keep their order."""
    return sorted(keys, key=lambda key: kind_of(key).rank(key))


def sent(plan: Options, keys: Iterable[ResultKey]) -> list[ResultKey]:
    """`keys` without those that are asked only if the first of their like shows a fault."""
    first_of_kind: dict[object, ResultKey] = {}
    for key in in_order(keys):
        first_of_kind.setdefault(kind_of(key).once(plan, key) or key, key)
    return list(first_of_kind.values())


def apart(keys: Sequence[ResultKey]) -> tuple[list[ResultKey], list[ResultKey]]:
    """What may run at once, and what must wait for it and runs alone."""
    late = [key for key in keys if kind_of(key).late(key)]
    return [key for key in keys if key not in late], late


@dataclass
class _Like:
    """Items of which one is enough: each waits for the one before it."""

    ended: dict[ResultKey, asyncio.Event] = field(default_factory=dict)
    sound: str = ""
    """Why no other is needed, where the first shows no fault."""
    fails: bool = False


class Once:
    """What is asked once, and in other ways only if that shows a fault."""

    def __init__(self, plan: Options) -> None:
        self._plan = plan
        self._likes: dict[str, _Like] = {}

    def expect(self, keys: Iterable[ResultKey]) -> None:
        """These are going to be run, in this order."""
        for key in keys:
            if name := kind_of(key).once(self._plan, key):
                self._likes.setdefault(name, _Like()).ended.setdefault(key, asyncio.Event())

    async def why_not(self, key: ResultKey) -> str:
        """Why `key` need not be asked, once those before it have been; empty where it must be."""
        if (like := self._like(key)) is None:
            return ""
        before = list(like.ended)[: list(like.ended).index(key)]
        for other in before:
            await like.ended[other].wait()
        return "" if like.fails else like.sound

    def done(self, key: ResultKey, result: Result | None) -> None:
        """`key` is over, with this result if there is one."""
        if (like := self._like(key)) is None:
            return
        if result is not None and result.judged:
            if result.ok and all(finding.severity == "cosmetic" for finding in result.findings):
                like.sound = like.sound or f"asked once, {key.asker}: {result.status_word}"
            else:
                like.fails = True
        like.ended[key].set()

    def _like(self, key: ResultKey) -> _Like | None:
        like = self._likes.get(kind_of(key).once(self._plan, key))
        return like if like and key in like.ended else None
