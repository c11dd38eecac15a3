"""The wire suite's part of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, get_args

from toolworthy import adapters, breakage
from toolworthy.analysis.levels import levels, reasons, served_apis
from toolworthy.probes import ProbeResult, Verdict


def section(results: Sequence[ProbeResult], provider: str) -> dict[str, Any] | None:
    """What the template shows; None where no probe was asked."""
    if not results:
        return None
    found = levels(results)
    shown = reasons(found)
    apis = served_apis(results)
    ways = [way for api in apis for way in dict.fromkeys(r.key.way for r in results if r.key.api == api)]
    cells = {(result.key.probe, result.key.way): result for result in results}
    titles = {result.key.probe: result.title for result in results}
    findings = [finding for result in results for finding in result.findings]
    return {
        "tallies": [(api, _tally(results, api)) for api in apis],
        "levels": found,
        "reasons": shown,
        "hints": adapters.provider(provider).hints,
        "affected": {reason.code: breakage.affected(reason.code) for reason in shown},
        "excerpts": {finding.code: finding.evidence.excerpt for finding in reversed(findings)},
        "ways": ways,
        "rows": [(probe, title, [cells.get((probe, way)) for way in ways]) for probe, title in sorted(titles.items())],
    }


def _tally(results: Sequence[ProbeResult], api: str) -> list[tuple[str, int]]:
    counted = Counter(result.verdict for result in results if result.key.api == api)
    return [(word, counted[word]) for word in get_args(Verdict) if counted[word]]
