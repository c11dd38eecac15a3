"""Probes that fail with the same message, such as an error of the endpoint: one root cause, however many probes meet
it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from toolworthy.content.situations import NEVER
from toolworthy.records.finding import rank
from toolworthy.records.probe import ProbeResult

_REFUSED = re.compile(r"HTTP \d{3}\b.*", re.DOTALL)
_PAIRED = re.compile(r" \(\d of \d times with .*", re.DOTALL)
"""The part of a detail about the rejected field, which differs between probes."""
_ENOUGH = 3
"""How many probes must share a message before it is a root cause; one is enough if requests were rejected."""
_VARIES = re.compile(r"\b\w*\d\w*\b")
"""Ids and figures, which differ between errors with the same cause."""


@dataclass(frozen=True)
class SameWords:
    """Probes that failed with the same message."""

    code: str
    """Code of the rule that explains it; else the id of the plainest, most severe probe."""
    title: str
    """Title of the root cause; "" if it is that of the rule or probe."""
    message: str
    results: tuple[ProbeResult, ...]
    joined: frozenset[str]
    """Codes that only follow from it."""
    refused: bool
    """Whether requests were rejected with an HTTP error."""


def same_words(probes: Sequence[ProbeResult]) -> Iterator[SameWords]:
    """All groups among the failed probes that agents can meet: rejections, and messages of several probes."""
    grouped: dict[str, list[ProbeResult]] = {}
    for result in probes:
        if result.judged and not result.ok and result.situation not in NEVER and (words := _wording(result)):
            grouped.setdefault(_VARIES.sub("#", words), []).append(result)
    for group in grouped.values():  # a fault in the form of an error explains nothing
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
        yield SameWords(code, "" if ruled or not joined else title, words, tuple(group), joined, refused)


def _wording(result: ProbeResult) -> str:
    """Status and message of a rejection; else the first clause of the detail, if no finding in the last response
    explains it."""
    if result.cause:
        return ""
    if _REFUSED.match(result.detail):
        return _PAIRED.sub("", result.detail)
    explained = any(finding.evidence.exchange >= result.requests - 1 for finding in result.findings)
    return "" if explained else result.detail.partition(";")[0]


def _weight(result: ProbeResult) -> tuple[bool, int, float, str]:
    """Sort key: the plainest, most severe probe first."""
    return result.main_path, rank(result.severity), result.started, result.key.probe


def roots(same: Sequence[SameWords]) -> Mapping[str, str]:
    """Code to the code of the root cause that it follows from; "" for the root cause itself."""
    return {one.code: "" for one in same} | {code: one.code for one in same for code in one.joined}
