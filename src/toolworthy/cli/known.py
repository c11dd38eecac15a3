"""Turns failures that show only known root causes into expected failures, after the last item.

Not before: root causes, and whether findings have changed, depend on all results.
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
    """Do not count known failures.

    Args:
        session: the session, whose items have all run.
        run: their results.
        keys: keys of the results that an item uses.
    """
    if run is None or not run.triage:
        return
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    run_outcome = outcome(run)
    results = {result.key: result for result in run.measured()}
    items = {item.nodeid: item for item in session.items}
    known: list[Any] = []
    remaining: list[Any] = []
    for report in reporter.stats.get("failed", ()) if reporter else ():
        item = items[report.nodeid]
        rule = getattr(getattr(item, "callspec", None), "params", {}).get("ruled")
        own = [results[key] for key in keys(item) if key in results]
        (known if (run_outcome.excuses(rule.code) if rule else _known(run_outcome, own)) else remaining).append(report)
    for report in known:
        report.outcome, report.wasxfail = "skipped", "known, see triage.toml"
    if known:
        reporter.stats["failed"] = remaining
        reporter.stats.setdefault("xfailed", []).extend(known)
        session.testsfailed -= len(known)


def _known(run_outcome: RunOutcome, results: Sequence[Result]) -> bool:
    """Whether an item fails only because of its results; a user's own test may fail for another reason."""
    failed = [one for one in results if kind_of(one.key).outcome_of(one).status == "failure"]
    return bool(failed) and all(str(one.key) in run_outcome.excused for one in failed)
