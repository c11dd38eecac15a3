"""What the rules find in recorded answers, and what the gate says of two runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from toolworthy import rules
from toolworthy.base.errors import ToolworthyError
from toolworthy.endpoint.plugins import load_plugins
from toolworthy.judgement.gate.answer import judge
from toolworthy.public.results import Run
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import read_all
from toolworthy.records.finding import Finding
from toolworthy.records.gate import GateReport
from toolworthy.records.store import RunDirectory


def check(exchanges: Iterable[Exchange] | Path | str) -> tuple[Finding, ...]:
    """Every finding of every rule, in the order of the exchanges.

    Args:
        exchanges: what a run has recorded, or what ``Exchange.of`` has made; or the path of a run, or of a file of
            exchanges, as ``toolworthy proxy`` writes it.

    Raises:
        ToolworthyError: the file cannot be read, or a rule of your own fails.
    """
    load_plugins(Path.cwd())
    return rules.check(_read(Path(exchanges)) if isinstance(exchanges, (str, Path)) else exchanges)


def _read(path: Path) -> Iterator[Exchange]:
    files = sorted((RunDirectory.open(path).path / "exchanges").glob("*.jsonl.zst")) if path.is_dir() else [path]
    for file in files:
        try:
            yield from read_all(file)
        except OSError as error:
            raise ToolworthyError(f"{file} cannot be read: {error.strerror or error}") from error


def gate(baseline: Run | Path | str, candidate: Run | Path | str, policy: Path | str | None = None) -> GateReport:
    """May the candidate replace the baseline?

    Args:
        baseline: a run, its directory, or a file that ``toolworthy baseline save`` wrote.
        candidate: the same.
        policy: a file; the default policy where none is given (``toolworthy gate --show-policy``).

    Returns:
        The ``answer`` (``pass``, ``fail`` or ``inconclusive``) and its ``criteria`` with figures; also written as
        ``gate.json`` into the candidate's run.

    Raises:
        ToolworthyError: one of them cannot be read.
    """
    before, after = (one.path if isinstance(one, Run) else Path(one) for one in (baseline, candidate))
    return judge(before, after, None if policy is None else Path(policy))
