"""The wire suite's part of the pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import get_args

from toolworthy.judgement.analysis.levels import served_apis
from toolworthy.records.probe import ProbeResult, Verdict


def tallies(results: Sequence[ProbeResult]) -> list[tuple[str, list[tuple[str, int]]]]:
    """For every API that answers and was probed, how many probes have which verdict."""
    counted = {api: Counter(one.verdict for one in results if one.key.api == api) for api in served_apis(results)}
    told = {api: [(word, own[word]) for word in get_args(Verdict) if own[word]] for api, own in counted.items()}
    return [(api, tally) for api, tally in told.items() if tally]
