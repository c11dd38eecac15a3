"""Failures of pytest's items that show only known root causes: after the last item they become expected failures.

Not before: what a finding follows from, and whether it has changed, is known once all results are there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from toolworthy.judgement.analysis.outcome import RunOutcome, outcome
from toolworthy.records.result import Result, ResultKey
from toolworthy.records.store import RunDirectory
from toolworthy.work.kinds import kind_of


def excuse(
    session: pytest.Session, run: RunDirectory | None, keys: Callable[[pytest.Item], Sequence[ResultKey]]
) -> None:
    """Count no failure that is known.

    Args:
        session: of which all items have run.
        run: their results.
        keys: of the results that an item asks for.
    """
    if run is None or not run.triage:
        return
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    found = outcome(run)
    results = {result.key: result for result in run.measured()}
    items = {item.nodeid: item for item in session.items}
    known: list[Any] = []
    left: list[Any] = []
    for report in reporter.stats.get("failed", ()) if reporter else ():
        item = items[report.nodeid]
        rule = getattr(getattr(item, "callspec", None), "params", {}).get("ruled")
        asked = [results[key] for key in keys(item) if key in results]
        (known if (found.excuses(rule.code) if rule else _known(found, asked)) else left).append(report)
    for report in known:
        report.outcome, report.wasxfail = "skipped", "known, see triage.toml"
    if known:
        reporter.stats["failed"] = left
        reporter.stats.setdefault("xfailed", []).extend(known)
        session.testsfailed -= len(known)


def _known(found: RunOutcome, asked: Sequence[Result]) -> bool:
    """Whether an item fails by what its results are, and not by something else, as a user's own test may."""
    failed = [one for one in asked if kind_of(one.key).outcome_of(one).status == "failure"]
    return bool(failed) and all(str(one.key) in found.excused for one in failed)
