"""In which order keys begin, what waits for the end, and what need not be asked a second time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from toolworthy.records.meta import Tier
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.result import Result
from toolworthy.records.trial import Key
from toolworthy.work.probes import PROBES
from toolworthy.work.probes.tiers import LONG


def in_order(keys: Iterable[Key]) -> list[Key]:
    """Probes that tell most come first; trials and cases keep their order."""
    return sorted(keys, key=lambda key: PROBES[key.probe].rank(key) if isinstance(key, ProbeKey) else ())


def sent(keys: Iterable[Key], tier: Tier) -> list[Key]:
    """`keys` without those that are asked only if a long prompt shows a fault where it is sent first."""
    found: dict[object, Key] = {}
    for key in in_order(keys):
        long = isinstance(key, ProbeKey) and tier != "full" and PROBES[key.probe].situation in LONG
        found.setdefault(key.probe if long and isinstance(key, ProbeKey) else key, key)
    return list(found.values())


def apart(keys: Sequence[Key]) -> tuple[list[Key], list[ProbeKey]]:
    """What may run at once, and what must wait for it and runs alone: requests that are bad on purpose."""
    late = [key for key in keys if isinstance(key, ProbeKey) and PROBES[key.probe].late]
    return [key for key in keys if key not in late], late


@dataclass
class _Long:
    """The ways of one long probe: each waits for the one before it."""

    ended: dict[Key, asyncio.Event] = field(default_factory=dict)
    supported: str = ""
    """The way in which it is."""
    fails: bool = False


class Once:
    """Long prompts: sent once, and again over other APIs and in other ways only if that shows a fault."""

    def __init__(self, tier: Tier) -> None:
        self._full = tier == "full"
        self._probes: dict[str, _Long] = {}

    def expect(self, keys: Iterable[Key]) -> None:
        """These are going to be run, in this order."""
        for key in keys:
            if isinstance(key, ProbeKey) and not self._full and PROBES[key.probe].situation in LONG:
                self._probes.setdefault(key.probe, _Long()).ended.setdefault(key, asyncio.Event())

    async def why_not(self, key: Key) -> str:
        """Why `key` need not be asked, once those before it have been; empty where it must be."""
        long = self._probes.get(key.probe) if isinstance(key, ProbeKey) else None
        if long is None or key not in long.ended:
            return ""
        before = list(long.ended)[: list(long.ended).index(key)]
        for other in before:
            await long.ended[other].wait()
        return f"asked once, {long.supported}: supported" if long.supported and not long.fails else ""

    def done(self, key: Key, result: Result | None) -> None:
        """`key` is over, with this result if there is one."""
        long = self._probes.get(key.probe) if isinstance(key, ProbeKey) else None
        if long is None or key not in long.ended:
            return
        if isinstance(result, ProbeResult) and result.judged:
            found = any(finding.severity != "cosmetic" for finding in result.findings)
            if result.ok and not found:
                long.supported = long.supported or result.key.way
            else:
                long.fails = True
        long.ended[key].set()
