"""Requests that the endpoint refuses in the same words: one cause, however many probes meet it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from toolworthy.content.situations import NEVER
from toolworthy.records.probe import ProbeResult

_REFUSED = re.compile(r"HTTP \d{3}\b.*", re.DOTALL)
_VARIES = re.compile(r"\b\w*\d\w*\b")
"""Ids and figures, in which two errors of one cause differ."""


@dataclass(frozen=True)
class SameRefusal:
    """Probes that were refused in the same words."""

    code: str
    """Of the rule that explains it; else the id of the plainest probe."""
    ruled: bool
    """Whether a rule explains it. What is wrong with the form of the error explains nothing."""
    said: str
    """Status and words."""
    results: tuple[ProbeResult, ...]
    joined: frozenset[str]
    """Codes that say nothing but this refusal."""


def refusals(probes: Sequence[ProbeResult]) -> Iterator[SameRefusal]:
    """All refusals of what agents send."""
    grouped: dict[str, list[ProbeResult]] = {}
    for result in probes:
        refused = _REFUSED.match(result.detail)
        if refused and result.judged and not result.ok and result.situation not in NEVER:
            grouped.setdefault(_VARIES.sub("#", refused.group()), []).append(result)
    for group in grouped.values():
        ruled = set.intersection(*({f.code for f in one.findings if f.severity == "blocks"} for one in group))
        plainest = min(group, key=lambda one: (one.main_path, one.key.probe)).key.probe
        code = min(ruled, default=plainest)
        own = set(map(id, group))
        elsewhere = {f.code for one in probes if id(one) not in own for f in one.findings}
        only = {f.code for one in group for f in one.findings} - elsewhere
        joined = frozenset({*only, *(one.key.probe for one in group)} - {code})
        yield SameRefusal(code, bool(ruled), " ".join(group[0].detail.split()), tuple(group), joined)


def roots(probes: Sequence[ProbeResult]) -> Mapping[str, str]:
    """Code to that of the refusal that it is nothing but; "" where it is the refusal's own."""
    found = [*refusals(probes)]
    return {one.code: "" for one in found} | {code: one.code for one in found for code in one.joined}
