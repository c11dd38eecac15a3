"""Check recorded exchanges with the rules, and compare two runs with the gate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from toolworthy import rules
from toolworthy.base.errors import ToolworthyError
from toolworthy.endpoint.plugins import load_plugins
from toolworthy.judgement.gate.answer import judge
from toolworthy.public.results import Run
from toolworthy.records import formats
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import is_recording, parse_all, read_all
from toolworthy.records.finding import Finding
from toolworthy.records.gate import GateReport
from toolworthy.records.store import RunDirectory


def check(exchanges: Iterable[Exchange] | Path | str) -> tuple[Finding, ...]:
    """All findings, in the order of the exchanges.

    Args:
        exchanges: those of a run, or from ``Exchange.of``; or the path of a run, of a file that ``toolworthy proxy``
            wrote, or of another file with responses (``toolworthy check`` names the formats).

    Raises:
        ToolworthyError: the file cannot be read, or contains no response; or one of your own rules fails.
    """
    load_plugins(Path.cwd())
    if isinstance(exchanges, (str, Path)):
        return tuple(located.finding for located in check_file(Path(exchanges)).findings)
    return rules.check(exchanges)


@dataclass(frozen=True)
class FileFinding:
    """A finding in a file."""

    finding: Finding
    line: int | None = None
    """The line of its bytes, from 1; that of the response if they cannot be located. None in a recording."""
    offset: int | None = None
    """The byte offset of the same place, from 0."""


@dataclass(frozen=True)
class CheckedFile:
    """The exchanges of a file, and the findings in them."""

    exchanges: tuple[Exchange, ...]
    findings: tuple[FileFinding, ...]
    cut: bool = False
    """Whether the file contains only the beginning of some stream."""


def check_file(path: Path, data: bytes | None = None) -> CheckedFile:
    """Check the responses in a file of any known format, or in a run directory.

    Args:
        path: the file.
        data: its bytes, if they do not come from the path.

    Raises:
        ToolworthyError: it cannot be read, or contains no response.
    """
    load_plugins(Path.cwd())
    try:
        if data is None and path.is_dir():
            files = sorted((RunDirectory.open(path).path / "exchanges").glob("*.jsonl.zst"))
            return _recorded(tuple(exchange for file in files for exchange in read_all(file)))
        data = path.read_bytes() if data is None else data
    except OSError as error:
        raise ToolworthyError(f"{path} cannot be read: {error.strerror or error}. Check the path.") from error
    if is_recording(data):
        return _recorded(parse_all(data))
    held = formats.read(data)
    if not held.exchanges:
        raise ToolworthyError(f"{path} holds no response of a known format. Give it {formats.KNOWN}.")
    return CheckedFile(held.exchanges, tuple(_located(held)), cut=bool(held.excerpts))


def _recorded(exchanges: tuple[Exchange, ...]) -> CheckedFile:
    return CheckedFile(exchanges, tuple(map(FileFinding, rules.check(exchanges))))


def _located(held: formats.Pasted) -> Iterator[FileFinding]:
    """The findings with their places, without the file's credentials."""
    clean = held.redactor.text
    needing = {rule.code for rule in rules.RULES if rule.needs_end}
    for finding in rules.check(held.exchanges):
        number, excerpt = finding.evidence.exchange, finding.evidence.excerpt
        if number in held.excerpts and finding.code in needing:
            continue
        before = held.text[: held.position(number, excerpt)]
        evidence = finding.evidence.model_copy(update={"excerpt": clean(excerpt)})
        shown = finding.model_copy(update={"detail": clean(finding.detail), "evidence": evidence})
        yield FileFinding(shown, before.count("\n") + 1, len(before.encode("utf-8", "surrogateescape")))


def gate(baseline: Run | Path | str, candidate: Run | Path | str, policy: Path | str | None = None) -> GateReport:
    """Decide whether the candidate may replace the baseline.

    Args:
        baseline: a run, its directory, or a file that ``toolworthy baseline save`` wrote.
        candidate: the same.
        policy: a file; by default, the built-in policy (``toolworthy gate --show-policy``).

    Returns:
        The ``answer`` (``pass``, ``fail`` or ``inconclusive``) and its ``criteria`` with figures; also written as
        ``gate.json`` into the candidate's run.

    Raises:
        ToolworthyError: one of them cannot be read.
    """
    before, after = (run.path if isinstance(run, Run) else Path(run) for run in (baseline, candidate))
    return judge(before, after, None if policy is None else Path(policy))
