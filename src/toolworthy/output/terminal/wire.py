"""The wire suite's part of the pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import get_args

from toolworthy.judgement.analysis.levels import served_apis
from toolworthy.records.probe import ProbeResult, Verdict


def tallies(results: Sequence[ProbeResult]) -> list[tuple[str, list[tuple[str, int]]]]:
    """For every API that answers, how many probes have which verdict."""
    return [(api, _tally(results, api)) for api in served_apis(results)]


def _tally(results: Sequence[ProbeResult], api: str) -> list[tuple[str, int]]:
    counted = Counter(result.verdict for result in results if result.key.api == api)
    return [(word, counted[word]) for word in get_args(Verdict) if counted[word]]
