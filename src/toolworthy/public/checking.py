"""Judge recorded exchanges by the rules, and compare two runs by the gate."""

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
    """Every finding of every rule, in the order of the exchanges.

    Args:
        exchanges: what a run has recorded, or what ``Exchange.of`` has made; or the path of a run, of a file that
            ``toolworthy proxy`` wrote, or of any other that holds responses (``toolworthy check`` says which).

    Raises:
        ToolworthyError: the file cannot be read, or holds no response; or a rule of your own fails.
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
    """Where its bytes are, from 1; where the response begins, if they cannot be found. None in a recording."""
    offset: int | None = None
    """The same in bytes, from 0."""


@dataclass(frozen=True)
class CheckedFile:
    """The exchanges of a file, and the findings in them."""

    exchanges: tuple[Exchange, ...]
    findings: tuple[FileFinding, ...]
    cut: bool = False
    """Whether some stream goes on after what the file shows of it."""


def check_file(path: Path, data: bytes | None = None) -> CheckedFile:
    """Judge the responses in a file of any known format, or in a run directory.

    Args:
        path: the file.
        data: its bytes, where they come from elsewhere.

    Raises:
        ToolworthyError: it cannot be read, or holds no response.
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
    """The findings with their places, and without the credentials that the file holds."""
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
    """May the candidate replace the baseline?

    Args:
        baseline: a run, its directory, or a file that ``toolworthy baseline save`` wrote.
        candidate: the same.
        policy: a file; the default policy if none is given (``toolworthy gate --show-policy``).

    Returns:
        The ``answer`` (``pass``, ``fail`` or ``inconclusive``) and its ``criteria`` with figures; also written as
        ``gate.json`` into the candidate's run.

    Raises:
        ToolworthyError: one of them cannot be read.
    """
    before, after = (run.path if isinstance(run, Run) else Path(run) for run in (baseline, candidate))
    return judge(before, after, None if policy is None else Path(policy))
