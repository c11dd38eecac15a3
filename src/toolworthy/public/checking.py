"""What the rules find in recorded answers, and what the gate says of two runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from toolworthy import rules
from toolworthy.endpoint.plugins import load_plugins
from toolworthy.judgement.gate.baseline import load
from toolworthy.judgement.gate.decide import Decision, decide
from toolworthy.judgement.gate.policy import load_policy
from toolworthy.public.results import Run
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import read_all
from toolworthy.records.finding import Finding


def check(exchanges: Iterable[Exchange] | Path | str) -> tuple[Finding, ...]:
    """Every finding of every rule, in the order of the exchanges.

    Args:
        exchanges: what a run has recorded, or what ``Exchange.of`` has made; or the path of a file of exchanges, as
            ``toolworthy proxy`` writes it.

    Raises:
        ToolworthyError: the file cannot be read, or a rule of your own fails.
    """
    load_plugins(Path.cwd())
    if isinstance(exchanges, (str, Path)):
        exchanges = read_all(Path(exchanges))
    return rules.check(exchanges)


def gate(baseline: Run | Path | str, candidate: Run | Path | str, policy: Path | str | None = None) -> Decision:
    """May the candidate replace the baseline?

    Args:
        baseline: a run, its directory, or a file that ``toolworthy baseline save`` wrote.
        candidate: the same.
        policy: a file; the default policy where none is given (``toolworthy gate --show-policy``).

    Returns:
        The answer ``pass``, ``fail`` or ``inconclusive``, and what was judged, with figures.

    Raises:
        ToolworthyError: one of them cannot be read.
    """
    before, after = (load(one.path if isinstance(one, Run) else Path(one)) for one in (baseline, candidate))
    return decide(before, after, load_policy(None if policy is None else Path(policy)))
