"""``junit.xml`` is XML whatever a model wrote, has the shape that CI systems take, and agrees with pytest's door."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.support.commands import only_run, run, suites
from toolworthy.output.exports import junit
from toolworthy.output.write import write_report
from toolworthy.records.case import CaseKey, CaseResult, Miss
from toolworthy.records.finding import Finding
from toolworthy.records.meta import RunMeta
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.score import Cause
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult

ABOUT = {
    "toolworthy": "0",
    "python": "3",
    "platform": "p",
    "command": "c",
    "started": 1_790_000_000.0,
    "endpoint": {"name": "e<&\x00", "model": 'm"\x1b', "provider": "generic", "base_urls": {}, "forced_api": None},
    "agents": {"a": "1"},
}
ODD = "\x00\x08\x0b\x1b[31m \x7f \u2028 ]]> <b>&amp; \ufffe\uffff 🎉 \r\n\tx"

SUITE = {"name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors", "skipped", "time"}
CHILDREN = {
    "testsuites": ("testsuite",),
    "testsuite": ("properties", "testcase", "system-out", "system-err"),
    "properties": ("property",),
    "testcase": ("skipped", "error", "failure"),
}
ATTRIBUTES = {
    "testsuites": {"name", "tests", "failures", "errors", "time"},
    "testsuite": SUITE,
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"name", "classname", "time"},
    "skipped": {"message"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "system-out": set(),
    "system-err": set(),
}


def check(element: ET.Element) -> None:
    """What the schemas of Ant, Jenkins and GitLab agree on: elements, their order, attributes, counts, numbers."""
    assert set(element.attrib) == ATTRIBUTES[element.tag]
    names = [child.tag for child in element]
    order = CHILDREN.get(element.tag, ())
    assert names == sorted(names, key=order.index)
    if element.tag == "testsuite":
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", element.attrib["timestamp"])
        assert names.count("properties") == names.count("system-out") == names.count("system-err") == 1
    if element.tag in ("testsuite", "testsuites"):
        for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            assert int(element.attrib[name]) == len(list(element.iter(tag)))
    if element.tag == "testcase":
        assert len(names) <= 1
        assert element.attrib["name"]
    assert re.fullmatch(r"\d+\.\d{3}", element.attrib.get("time", "0.000"))
    for child in element:
        check(child)


def trial(task: str, status: Any, cause: Cause | None = None, repeat: int = 1) -> TrialResult:
    key = TrialKey(suite="tasks", task=task, agent="codex", repeat=repeat)
    return TrialResult(key=key, status=status, cause=cause, reproduce="again", seconds=1.5)


def written(tmp_path: Path) -> RunDirectory:
    made = RunDirectory.create(tmp_path, RunMeta.model_validate(ABOUT))
    made.append(trial("ok", "passed"))
    made.append(trial("ok", "passed", repeat=2))
    made.append(trial("bad", "failed", Cause(kind="wrong result", fault="model", detail=f"it fails {ODD}")))
    made.append(trial("ours", "error", Cause(kind="infrastructure", fault="infrastructure", detail="no disk")))
    made.append(trial("refused", "refused", Cause(kind="endpoint error", fault="endpoint", detail="no tools")))
    made.append(trial("cut", "unmeasured"))
    miss = Miss(kind="wrong argument", wanted="a", given=ODD, detail="<x>")
    for name, status in (("right", "right"), ("mild", "lenient"), ("wrong", "wrong"), ("none", "unmeasured")):
        asked = CaseKey(case=name, toolset="codex")
        misses = (miss,) if status == "wrong" else ()
        made.append(CaseResult(key=asked, category="edit", status=status, misses=misses, detail="no answer"))
    finding: dict[str, Any] = {
        "code": "TW991",
        "title": "no index",
        "severity": "blocks",
        "detail": ODD,
        "evidence": {"exchange": 0, "excerpt": ODD},
    }
    for name, verdict in (("fine", "supported"), ("off", "broken"), ("unsaid", "unmeasured"), ("no", "rejected")):
        key = ProbeKey(probe=name, api="chat", stream=True)
        found = (Finding.model_validate(finding),) if verdict == "broken" else ()
        made.append(
            ProbeResult(
                key=key,
                title=name,
                verdict=verdict,
                detail=ODD,
                severity="blocks",
                situation="image" if verdict == "broken" else "always",
                agents=("opencode",),
                findings=found,
                requests=1,
                served=("chat",),
            )
        )
    return made


def outcomes(root: ET.Element) -> dict[str, str]:
    return {
        f"{case.attrib['classname'].removeprefix('toolworthy.')}/{case.attrib['name']}": case[0].tag
        if len(case)
        else ""
        for case in root.iter("testcase")
    }


def test_every_trial_case_and_probe_is_a_test_case(tmp_path: Path) -> None:
    root = ET.fromstring(junit.document(written(tmp_path)).encode())
    check(root)
    assert outcomes(root) == {
        "wire.chat-stream/fine": "",
        "wire.chat-stream/off": "failure",
        "wire.chat-stream/unsaid": "skipped",
        "wire.chat-stream/no": "",
        "wire.rules/TW991": "failure",
        "tools.codex/right": "",
        "tools.codex/mild": "",
        "tools.codex/wrong": "failure",
        "tools.codex/none": "skipped",
        "tasks.codex/ok": "",
        "tasks.codex/ok #2": "",
        "tasks.codex/bad": "failure",
        "tasks.codex/ours": "error",
        "tasks.codex/refused": "failure",
        "tasks.codex/cut": "skipped",
    }
    properties = {one.attrib["name"]: one.attrib["value"] for one in root.iter("property")}
    assert "works, fails in 1 of 3 trials · 2/3" in properties["codex"]
    assert properties["right, leniently"].startswith("2/3 · 67% (")
    assert properties["model"] == 'm"'


def test_an_explanation_holds_nothing_that_xml_cannot(tmp_path: Path) -> None:
    text = junit.document(written(tmp_path))
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", text)
    (failure,) = [e for e in ET.fromstring(text.encode()).iter("failure") if e.attrib["type"] == "wrong argument"]
    assert "🎉" in (failure.text or "")
    assert "again:" in (failure.text or "")


@pytest.mark.parametrize("odd", ["\ud800", "\udfff x", "\ud83d\ude00", "\x00" * 50_000])
def test_lone_surrogates_and_floods_do_no_harm(odd: str) -> None:
    assert not re.search("[\x00\ud800-\udfff]", junit._fit(odd))
    junit._fit(odd).encode()


def test_the_gates_criteria_are_test_cases_too(tmp_path: Path) -> None:
    made = written(tmp_path)
    criteria = [
        {"name": answer, "answer": answer, "said": "90% → 80%", "next": ["more"]}
        for answer in ("pass", "fail", "inconclusive")
    ]
    made.write("gate.json", json.dumps({"answer": "fail", "criteria": criteria}))
    root = ET.fromstring(junit.document(made).encode())
    check(root)
    found = {name: kind for name, kind in outcomes(root).items() if name.startswith("gate.")}
    assert found == {
        "gate.criteria/pass": "",
        "gate.criteria/fail": "failure",
        "gate.criteria/inconclusive": "skipped",
    }


def test_a_run_without_results_is_an_empty_file(tmp_path: Path) -> None:
    made = RunDirectory.create(tmp_path, RunMeta.model_validate(ABOUT))
    write_report(made)
    root = ET.fromstring((made.path / "junit.xml").read_bytes())
    check(root)
    assert root.attrib["tests"] == "0"


@pytest.mark.process
def test_it_agrees_with_pytests_own(tmp_path: Path) -> None:
    """A real run with a defect: as many failures as pytest counts, and the report writes the same file again."""
    chosen = ("-k", "session or one_call", "--junitxml", "pytest.xml")
    done = suites(*chosen, "--endpoint", "oracle:own-ids-refused", suite="wire", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    path = only_run(tmp_path)
    root = ET.fromstring((path / "junit.xml").read_bytes())
    check(root)
    theirs = ET.fromstring((tmp_path / "pytest.xml").read_bytes())
    rules = [name for name, kind in outcomes(root).items() if kind and "rules" in name]
    assert rules
    assert len(list(root.iter("failure"))) - len(rules) == len(list(theirs.iter("failure"))) > 1
    before = (path / "junit.xml").read_bytes()
    (path / "junit.xml").unlink()
    assert run("toolworthy", "report", str(path), cwd=tmp_path).returncode == 0
    assert (path / "junit.xml").read_bytes() == before
