"""Probes that go wrong in the same words, as refusals do: one cause, however many probes meet it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from toolworthy.content.situations import NEVER
from toolworthy.records.finding import rank
from toolworthy.records.probe import ProbeResult

_REFUSED = re.compile(r"HTTP \d{3}\b.*", re.DOTALL)
_PAIRED = re.compile(r" \(\d of \d times with .*", re.DOTALL)
"""What a probe adds of the trait that was refused, which differs from probe to probe."""
_ENOUGH = 3
"""Probes that must say the same before that is one cause, unless they were refused."""
_VARIES = re.compile(r"\b\w*\d\w*\b")
"""Ids and figures, in which two errors of one cause differ."""


@dataclass(frozen=True)
class SameWords:
    """Probes that went wrong in the same words."""

    code: str
    """Of the rule that explains it; else the id of the probe that weighs most, the plainest of them."""
    title: str
    """Of the cause; "" if it is that of the rule or probe."""
    said: str
    """The words."""
    results: tuple[ProbeResult, ...]
    joined: frozenset[str]
    """Codes that say nothing but this."""


def same_words(probes: Sequence[ProbeResult]) -> Iterator[SameWords]:
    """All that goes wrong in the same words with what agents send: refusals, and what several probes say."""
    grouped: dict[str, list[ProbeResult]] = {}
    for result in probes:
        if result.judged and not result.ok and result.situation not in NEVER and (words := _wording(result)):
            grouped.setdefault(_VARIES.sub("#", words), []).append(result)
    for group in grouped.values():  # what is wrong with the form of an error explains nothing
        refused = _REFUSED.match(group[0].detail) is not None
        if not refused and len({one.key.probe for one in group}) < _ENOUGH:
            continue
        ruled = set.intersection(*({f.code for f in one.findings if f.severity == "blocks"} for one in group))
        plainest = min(group, key=_weight).key.probe
        code = min(ruled, default=plainest)
        own = set(map(id, group))
        elsewhere = {f.code for one in probes if id(one) not in own for f in one.findings}
        only = {f.code for one in group for f in one.findings} - elsewhere
        joined = frozenset({*only, *(one.key.probe for one in group)} - {code})
        words = " ".join(_PAIRED.sub("", group[0].detail).split())
        title = f"requests are rejected: {words}" if refused else words
        yield SameWords(code, "" if ruled or not joined else title, words, tuple(group), joined)


def _wording(result: ProbeResult) -> str:
    """Status and words of a refusal; else the first clause of what the probe says, if no finding in its last answer
    explains it."""
    if result.cause:
        return ""
    if _REFUSED.match(result.detail):
        return _PAIRED.sub("", result.detail)
    explained = any(finding.evidence.exchange >= result.requests - 1 for finding in result.findings)
    return "" if explained else result.detail.partition(";")[0]


def _weight(result: ProbeResult) -> tuple[bool, int, float, str]:
    """What sorts the probe that says most of a cause to the front: what agents need, in its plainest form."""
    return result.main_path, rank(result.severity), result.started, result.key.probe


def roots(same: Sequence[SameWords]) -> Mapping[str, str]:
    """Code to that of the cause that it is nothing but; "" if it is the cause's own."""
    return {one.code: "" for one in same} | {code: one.code for one in same for code in one.joined}
