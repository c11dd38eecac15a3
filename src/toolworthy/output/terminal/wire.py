"""The wire suite's part of the pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import get_args

from toolworthy.judgement.analysis.levels import served_apis
from toolworthy.records.probe import ProbeResult, Verdict

_NAMED = 3
"""Probes of a verdict that a line names."""


def tallies(results: Sequence[ProbeResult]) -> list[tuple[str, list[tuple[str, int]]]]:
    """For every probed API, the number of probes by verdict."""
    counted = {api: Counter(one.verdict for one in results if one.key.api == api) for api in served_apis(results)}
    tallied = {api: [(word, own[word]) for word in get_args(Verdict) if own[word]] for api, own in counted.items()}
    return [(api, tally) for api, tally in tallied.items() if tally]


def lines(results: Sequence[ProbeResult]) -> Iterator[str]:
    """A line for each API. Failed probes are named, even if they harm no known agent."""
    for api, tally in tallies(results):
        counts = (f"{count} {word}{_which(results, api, word)}" for word, count in tally)
        yield f"  wire, {api}: " + " · ".join(counts)


def _which(results: Sequence[ProbeResult], api: str, verdict: str) -> str:
    if verdict in ("supported", "unmeasured"):
        return ""
    ids = [*dict.fromkeys(one.key.probe for one in results if one.key.api == api and one.verdict == verdict)]
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return f" ({', '.join(ids[:_NAMED])}{more})"
