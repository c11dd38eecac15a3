"""``junit.xml``: one test case for each trial, tool-call case, probe and broken rule, for what CI systems show.

It uses the common part of the usual schemas: properties, test cases, output; one outcome per case. Infrastructure and
run limits are errors, never failures; unmeasured items are skipped.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from xml.etree import ElementTree as ET

from toolworthy.judgement.analysis.levels import levels
from toolworthy.judgement.analysis.outcome import RunOutcome, outcome
from toolworthy.judgement.analysis.root_causes import causes_of
from toolworthy.judgement.analysis.tools import figures
from toolworthy.judgement.analysis.verdict import verdicts
from toolworthy.records.finding import Finding
from toolworthy.records.gate import GateReport
from toolworthy.records.meta import RunMeta
from toolworthy.records.probe import ProbeResult
from toolworthy.records.result import Result
from toolworthy.records.store import RunDirectory
from toolworthy.rules import label
from toolworthy.work.kind import Kind, attempt
from toolworthy.work.kinds import by_kind
from toolworthy.work.probes.effects import affected

_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow: control characters, lone surrogates, two non-characters."""
_LONGEST = 8_000
"""Characters of an explanation; all of it is in results.jsonl."""


@dataclass(frozen=True)
class _Case:
    """One test case."""

    group: str
    name: str
    seconds: float
    outcome: Literal["", "failure", "error", "skipped"] = ""
    kind: str = ""
    message: str = ""
    text: str = ""


def document(run: RunDirectory) -> str:
    """The whole file."""
    meta, run_outcome = run.meta, outcome(run)
    verdict = [("outcome", str(run_outcome)), *_fix_first(run)]
    suites: list[tuple[str, list[_Case], list[tuple[str, str]]]] = []
    for kind, own in by_kind(run.measured()):
        cases = [_case(kind, result, str(result.key) in run_outcome.excused) for result in own]
        cases += _rules(own, run_outcome) if kind.suite == "wire" else ()
        suites.append((f"toolworthy.{kind.suite}", cases, [*verdict, *_whole(kind.suite, own)]))
    suites.append(("toolworthy.gate", [*(_criteria(run.gate) if run.gate else ())], []))
    root = ET.Element("testsuites", name="toolworthy")
    nonempty = [suite for suite in suites if suite[1]]
    for number, (name, own, properties) in enumerate(nonempty):
        root.append(_suite(number, name, own, [*_properties(meta), *properties], meta.started))
    for name, many in _counts([case for _, own, _ in nonempty for case in own]).items():
        root.set(name, many)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(
    number: int, name: str, cases: Sequence[_Case], properties: Sequence[tuple[str, str]], started: float
) -> ET.Element:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(started))
    about = {"name": name, "package": name, "id": str(number), "timestamp": stamp, "hostname": "localhost"}
    suite = ET.Element("testsuite", {**about, **_counts(cases), "skipped": _many(cases, "skipped")})
    holder = ET.SubElement(suite, "properties")
    for key, value in properties:
        ET.SubElement(holder, "property", name=_fit(key), value=_fit(value))
    for case in cases:
        place = f"{name}.{_fit(case.group)}"
        element = ET.SubElement(
            suite, "testcase", classname=place, name=_fit(case.name) or "-", time=f"{case.seconds:.3f}"
        )
        if case.outcome:
            attributes = {"message": _fit(" ".join(case.message.split())[:500])}
            attributes |= {} if case.outcome == "skipped" else {"type": _fit(case.kind)}
            ET.SubElement(element, case.outcome, attributes).text = _fit(case.text[:_LONGEST]) or None
    for stream in ("system-out", "system-err"):
        ET.SubElement(suite, stream)
    return suite


def _counts(cases: Sequence[_Case]) -> dict[str, str]:
    return {
        "tests": str(len(cases)),
        "failures": _many(cases, "failure"),
        "errors": _many(cases, "error"),
        "time": f"{sum(case.seconds for case in cases):.3f}",
    }


def _many(cases: Sequence[_Case], outcome: str) -> str:
    return str(sum(case.outcome == outcome for case in cases))


def _fit(text: str) -> str:
    return _UNFIT.sub("", text)


def _case(kind: Kind[Any, Any], result: Result, known: bool) -> _Case:
    outcome, key = kind.outcome_of(result), result.key
    name = key.item + (f" #{attempt(key)}" if attempt(key) > 1 else "")
    came = "" if outcome.status == "harmless" else outcome.status
    case = _Case(key.asker, name, result.seconds, came, outcome.kind, outcome.message, outcome.text)
    return _known(case) if known and came == "failure" else case


def _known(case: _Case) -> _Case:
    return replace(case, outcome="skipped", message=f"known, see triage.toml: {case.message}")


def _rules(results: Sequence[ProbeResult], run: RunOutcome) -> Iterator[_Case]:
    """A failure for every violated rule that harms an agent, as in the suite's own items."""
    by_code: dict[str, list[tuple[ProbeResult, Finding]]] = {}
    for result in results:
        for finding in result.findings:
            by_code.setdefault(finding.code, []).append((result, finding))
    for code, broken in sorted(by_code.items()):
        if not any(affected(result, code) for result, _ in broken):
            continue
        first = broken[0][1]
        more = f" ({len(broken)} findings)" if len(broken) > 1 else ""
        message = f"{label(code)}: {first.title}: {first.detail}{more}"
        case = _Case("rules", code, 0.0, "failure", first.severity, message, f"{message}\n{first.evidence.excerpt}")
        yield _known(case) if run.excuses(code) else case


def _criteria(gate: GateReport) -> Iterator[_Case]:
    """The gate's criteria, if the run was compared with another."""
    for criterion in gate.criteria:
        text = "\n".join([criterion.said, *criterion.next])
        match criterion.answer:
            case "pass":
                yield _Case("criteria", criterion.name, 0.0)
            case "fail":
                yield _Case("criteria", criterion.name, 0.0, "failure", "worse", criterion.said, text)
            case "inconclusive":
                yield _Case("criteria", criterion.name, 0.0, "skipped", "", f"inconclusive: {criterion.said}", text)


def _properties(meta: RunMeta) -> list[tuple[str, str]]:
    return [("endpoint", meta.endpoint.name), ("model", meta.endpoint.model), ("toolworthy", meta.toolworthy)]


def _fix_first(run: RunDirectory) -> Iterator[tuple[str, str]]:
    """The root cause to fix first, as all outputs show it."""
    for cause in [one for one in causes_of(run) if one.is_open][:1]:
        yield "fix first", f"{cause.name}: {cause.harm} ({cause.count})"
        yield "fix", f"{cause.remedy} {cause.unaffected}".strip()


def _whole(suite: str, results: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """The summary of a suite's results, by name."""
    if suite == "tasks":
        for agent in verdicts(results):
            yield f"{agent.agent} {agent.version}".strip(), f"{agent.headline} · {agent.rate}"
    elif suite == "tools" and results:
        whole = figures("all", results)
        yield from (("right, strictly", str(whole.strict)), ("right, leniently", str(whole.lenient)))
    elif suite == "wire":
        yield from ((level.agent.title, str(level.headline)) for level in levels(results))
