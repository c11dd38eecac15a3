"""``toolworthy check FILE…``: findings in files, as text or JSON."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from toolworthy.base.counted import counted
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import one_line, show
from toolworthy.public.checking import CheckedFile, FileFinding, check_file
from toolworthy.records.finding import rank
from toolworthy.rules import by_code

_WIDTH = 120


def check_files(what: Sequence[str], *, as_json: bool) -> int:
    """Print the findings in files; exit code 1 if a finding blocks an agent.

    Raises:
        ToolworthyError: a file cannot be read, or has no response; the others are judged first.
    """
    checked: dict[str, CheckedFile] = {}
    wrong: list[ToolworthyError] = []
    for name in dict.fromkeys(what):
        try:
            source = (Path("standard input"), sys.stdin.buffer.read()) if name == "-" else (Path(name), None)
            checked[name] = check_file(*source)
        except ToolworthyError as error:
            wrong.append(error)
    if as_json:
        show(json.dumps({"files": [_json(name, report) for name, report in checked.items()]}, indent=2))
    else:
        for name, report in checked.items():
            show("\n".join(_lines(name, report)))
    for mistake in wrong[:-1]:
        show(f"error: {mistake}", sys.stderr)
    if wrong:
        raise wrong[-1]
    return int(any(report.finding.severity == "blocks" for each in checked.values() for report in each.findings))


def _lines(name: str, checked: CheckedFile) -> Iterator[str]:
    """The content of a file, then each fault once with the correct form, the worst first."""
    exchanges = checked.exchanges
    apis = ", ".join(dict.fromkeys(one.endpoint_api for one in exchanges if one.endpoint_api))
    count = counted(len(exchanges), "response")
    yield f"{one_line(name)}: {count}{f' ({apis})' if apis else ''}: {_result(checked)}"
    if any(not (place.request_body or place.upstream_body) for place in exchanges):
        yield "  without a request: rules that compare the response with its request were not applied"
    if checked.cut:
        yield "  a stream is incomplete: rules about its end were not applied"
    faults: dict[tuple[str, str], list[FileFinding]] = {}
    for place in sorted(checked.findings, key=lambda place: rank(place.finding.severity)):
        if not place.finding.follows:
            faults.setdefault((place.finding.code, place.finding.detail), []).append(place)
    for same in faults.values():
        yield from _fault(same)
    if faults:
        yield f"  explain a rule: toolworthy rules {next(iter(faults))[0]}"


def _fault(same: Sequence[FileFinding]) -> Iterator[str]:
    finding, line = same[0].finding, same[0].line
    rule = by_code(finding.code)
    assert rule is not None
    times = f" ×{len(same)}" if len(same) > 1 else ""
    where = f"response {finding.evidence.exchange + 1}" if line is None else f"line {line} (byte {same[0].offset})"
    yield f"  {finding.code} {rule.slug} ({finding.severity}{times}), {where}"
    yield from _wrapped("what", f"{finding.title}: {finding.detail}")
    if finding.evidence.excerpt.strip():
        yield from _wrapped("bytes", finding.evidence.excerpt)
    yield from _wrapped("use instead", rule.right)


def _wrapped(label: str, text: str) -> list[str]:
    begin = f"      {label}: "
    return textwrap.wrap(
        one_line(text),
        _WIDTH,
        initial_indent=begin,
        subsequent_indent=" " * len(begin),
        break_on_hyphens=False,
        max_lines=3,
        placeholder=" …",
    )


def _result(checked: CheckedFile) -> str:
    blocking = sum(one.finding.severity == "blocks" for one in checked.findings if not one.finding.follows)
    every = sum(not one.finding.follows for one in checked.findings)
    return f"{counted(every, 'finding')}, {blocking} blocking" if every else "no findings"


def _json(name: str, checked: CheckedFile) -> dict[str, Any]:
    held = [
        {"api": one.endpoint_api, "status": one.status, "streamed": one.streamed, "request": bool(one.request_body)}
        for one in checked.exchanges
    ]
    findings = [
        {**one.finding.model_dump(mode="json"), "line": one.line, "offset": one.offset} for one in checked.findings
    ]
    return {"file": name, "responses": held, "cut": checked.cut, "findings": findings}
