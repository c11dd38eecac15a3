"""Triage: what is known fails nothing, comes back when it changes, and is told alike by every output."""

from __future__ import annotations

import csv
import html
import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import only_run, run, suites
from toolworthy.base.errors import ToolworthyError
from toolworthy.judgement.analysis.outcome import outcome
from toolworthy.judgement.analysis.root_causes import causes_of
from toolworthy.judgement.analysis.triage import Sighting, entry, kinds_of, triaged
from toolworthy.records.finding import Evidence, Finding
from toolworthy.records.meta import EndpointName
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.store import RunDirectory
from toolworthy.records.triage import TriageEntry, load_triage, merged, triage_text

TODAY = date(2026, 11, 30)
HERE = EndpointName(name="mine", model="qwen")
SEEN = Sighting("TW101", ("chat",), "blocks", ("codex",), ("tool call # has no id",))


def state(held: TriageEntry, seen: Sighting = SEEN, endpoint: EndpointName = HERE) -> str:
    return triaged([held], seen, endpoint, TODAY).state


def filed(**more: Any) -> TriageEntry:
    return entry(SEEN, "filed", "vllm#123", None, HERE).model_copy(update=more)


def changed(**more: Any) -> Sighting:
    return Sighting(**{**SEEN.__dict__, **more})


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (changed(agents=("codex", "opencode")), "also harms OpenCode"),
        (changed(apis=("chat", "messages")), "also over messages"),
        (changed(says=("the id is null",)), "also says the id is null"),
    ],
)
def test_it_comes_back_when_it_changes(seen: Sighting, why: str) -> None:
    assert state(filed()) == "filed"
    back = triaged([filed()], seen, HERE, TODAY)
    assert (back.state, back.known) == ("open", False)
    assert why in str(back)
    assert "vllm#123" in str(back)


def test_a_worse_severity_brings_it_back_and_a_milder_one_does_not() -> None:
    mild = entry(changed(severity="degrades"), "known", "", None, HERE)
    assert state(mild, changed(severity="degrades")) == "known"
    assert state(mild) == "open"
    assert state(filed(), changed(severity="cosmetic", agents=())) == "filed"


def test_it_holds_for_its_endpoint_and_model_or_for_every_one() -> None:
    assert state(filed(), endpoint=EndpointName(name="other", model="qwen")) == "open"
    assert state(filed(), endpoint=EndpointName(name="mine", model="other")) == "open"
    assert state(filed(endpoint="*", model="*"), endpoint=EndpointName(name="other", model="other")) == "filed"


def test_it_holds_through_its_last_day() -> None:
    assert state(filed(until=TODAY)) == "filed"
    past = triaged([filed(until=TODAY - timedelta(days=1))], SEEN, HERE, TODAY)
    assert past.state == "open"
    assert "2026-11-29, which has passed" in str(past)


def test_entries_for_different_apis_excuse_together() -> None:
    over_messages = entry(changed(apis=("messages",), says=("the id is null",)), "known", "by design", None, HERE)
    both = changed(apis=("chat", "messages"), says=("tool call # has no id", "the id is null"))
    assert merged([filed()], [over_messages]) == (filed(), over_messages)
    for held in ([filed(), over_messages], [over_messages, filed()]):
        told = triaged(held, both, HERE, TODAY)
        assert told.known
        assert "vllm#123" in told.note
        assert "by design" in told.note
    assert "also over responses" in str(triaged(held, changed(apis=("responses", "chat")), HERE, TODAY))
    past = over_messages.model_copy(update={"until": TODAY - timedelta(days=1)})
    assert not triaged([past, filed()], both, HERE, TODAY).known
    assert state(filed(), both) == "open"
    wider = filed(state="fixed", apis=("chat", "messages"))
    assert merged([filed(), over_messages], [wider]) == (wider,), "the newer decision about the same"


def test_what_was_fixed_and_is_seen_again_is_a_regression() -> None:
    again = triaged([filed(state="fixed")], SEEN, HERE, TODAY)
    assert (again.state, again.known) == ("regression", False)


def found(detail: str, code: str = "TW101") -> ProbeResult:
    one = Finding(code=code, title="t", severity="blocks", detail=detail, evidence=Evidence(exchange=0))
    key = ProbeKey(probe="one-call", api="chat", stream=True)
    return ProbeResult(key=key, title="t", verdict="supported", findings=(one,))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tool call 0 has no id", "tool call 3 has no id"),
        ("tool call 0 of edit has no id", "tool call 1 of TodoWrite has no id"),
        ("requested 'a b', received 'c'", "requested 'x', received 'y z'"),
        ("the arguments of read are not a JSON object", "the arguments of run_shell are not a JSON object"),
        ("HTTP 400: id call_1 is too long", "HTTP 400: something else"),
        ('delta is {"a": 1}', "delta is [2]"),
    ],
)
def test_names_and_figures_are_no_change(one: str, other: str) -> None:
    assert kinds_of("TW101", [found(one)]) == kinds_of("TW101", [found(other)])


def test_another_fault_under_the_same_code_is_a_change() -> None:
    assert kinds_of("TW101", [found("tool call 0 has no id")]) != kinds_of("TW101", [found("the id is null")])
    assert kinds_of("TW101", [found("HTTP 400: x")]) != kinds_of("TW101", [found("HTTP 500: x")])


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    odd = filed(note='"quoted" \\ \x7f \t ü', until=TODAY)
    path = tmp_path / "triage.toml"
    path.write_text(triage_text([odd, filed(code="TW102")]))
    assert load_triage(path) == (odd, filed(code="TW102"))
    assert set(merged([odd, filed(code="TW102")], [filed()])) == {filed(), filed(code="TW102")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[finding]]\ncode = "A"\nstate = "filed"\nnotes = "x"', "unknown key 'notes'; did you mean 'note'?"),
        ('[[finding]]\ncode = "A"\nstate = "field"', "state"),
        ('[[finding]]\ncode = "A"\nstate = "ignored"', "an ignored finding needs a reason"),
        ('[[findings]]\ncode = "A"\nstate = "known"', "unknown key 'findings'; did you mean 'finding'?"),
        ('[[finding]]\ncode = "A"\nstate = "known"\n[[finding]]\ncode = "A"\nstate = "filed"', "two entries for A"),
        ("[[finding", "triage.toml"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "triage.toml"
    path.write_text(text)
    with pytest.raises(ToolworthyError) as error:
        load_triage(path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def outputs(path: Path, terminal: str) -> dict[str, str]:
    """All that tells of a run, as text."""
    page = html.unescape(re.sub(r"<[^>]*>", " ", (path / "report.html").read_text()))
    text = {"terminal": terminal, "summary": (path / "summary.md").read_text(), "page": page}
    text["table"] = "\n".join(row["triage"] for row in csv.DictReader((path / "results.csv").read_text().splitlines()))
    return {name: re.sub(r"[`'*\s\\]+", " ", one) for name, one in text.items()}


@pytest.mark.process
def test_every_output_and_the_exit_code_tell_the_same(tmp_path: Path) -> None:
    """A run with a defect; it is filed; the next run and the gate pass; it changes, and they fail again."""
    asked = ("--endpoint", "oracle:call-id-null", "-k", "one_call or session_opencode")
    base, first, second, third = (tmp_path / name for name in ("base", "first", "second", "third"))
    for folder in (base, first, second, third):
        folder.mkdir()
    assert suites("--endpoint", "oracle", *asked[2:], suite="wire", cwd=base).returncode == 0
    told = suites(*asked, suite="wire", cwd=first)
    assert told.returncode == 1, told.stdout
    path = only_run(first)
    cause = causes_of(RunDirectory.open(path))[0]
    code = cause.code
    file = tmp_path / "triage.toml"
    decide = ("toolworthy", "triage", str(path), code, "--state", "filed", "--note", "vllm#123", "--file", str(file))
    done = run(*decide, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"known: {code}" in done.stdout
    assert [one.code for one in load_triage(file)] == [code]

    told = suites(*asked, "--triage", str(file), suite="wire", cwd=second)
    assert told.returncode == 0, told.stdout
    path = only_run(second)
    for name, text in outputs(path, told.stdout).items():
        assert re.search("filed: vllm#123", text, re.IGNORECASE), f"{name} lacks the state"
        assert name == "table" or f"exit 0: known: {cause.name}" in text, f"{name} lacks the exit code"
    assert " failed" not in told.stdout
    assert "<failure" not in (path / "junit.xml").read_text()
    assert "known, see triage.toml" in (path / "junit.xml").read_text()
    gate = run("toolworthy", "gate", str(only_run(base)), str(path), cwd=tmp_path)
    blocks = next(one for one in report(path)["criteria"] if one["name"] == "blocking findings")
    assert blocks["answer"] == "pass", gate.stdout
    assert "filed: vllm#123" in blocks["said"]

    file.write_text(re.sub(r"agents = \[.*", "agents = []", file.read_text()))
    told = suites(*asked, "--triage", str(file), suite="wire", cwd=third)
    assert told.returncode == 1, told.stdout
    path = only_run(third)
    for name, text in outputs(path, told.stdout).items():
        assert "open again: filed, and changed since: also harms" in text, f"{name} lacks the change"
        assert name == "table" or "exit 1" in text
    run("toolworthy", "gate", str(only_run(base)), str(path), "--triage", str(file), cwd=tmp_path)
    blocks = next(one for one in report(path)["criteria"] if one["name"] == "blocking findings")
    assert blocks["answer"] == "fail"
    assert outcome(RunDirectory.open(path)).exit_code == 1


def report(path: Path) -> Any:
    return json.loads((path / "gate.json").read_text())
