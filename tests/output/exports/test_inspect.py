"""Logs for Inspect: its own schema holds, its own metrics come out, and what a model wrote stays data."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.support.commands import only_run, suites
from toolworthy.output.exports import inspect
from toolworthy.output.exports._arguments import arguments
from toolworthy.output.exports.atif import trajectory
from toolworthy.records.case import CaseKey, CaseResult, Miss
from toolworthy.records.exchange import Chunk, Exchange
from toolworthy.records.exchanges import ExchangeWriter, file_name
from toolworthy.records.meta import RunMeta
from toolworthy.records.score import Cause, Score, Tokens
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult, Verification
from toolworthy.wire.ir import ToolCall
from toolworthy.work.cases.field import REFERENCE

STARTED = 1_790_000_000.5
ABOUT: dict[str, Any] = {
    "toolworthy": "0.9",
    "started": STARTED,
    "endpoint": {"name": "near", "model": "m-1", "base_urls": {"chat": "http://127.0.0.1:1/v1"}},
    "agents": {"codex": "1.2"},
    "options": {"reference": {"name": "far", "model": "m-0"}, "concurrency": 2},
}
TOOLS = [{"type": "function", "function": {"name": "run", "parameters": {"type": "object"}}}]
HOSTILE = "<script>alert(1)</script>\x00\x1b[31m\u202e attachment://0 "


def closed(schema: Any) -> Any:
    """The schema, with no more fields than it names: a name that is misspelt is not let through."""
    schema = copy.deepcopy(schema)
    for one in (schema, *schema["$defs"].values()):
        if "properties" in one:
            one.setdefault("additionalProperties", False)
    return schema


SCHEMA = json.loads((Path(__file__).parent / "inspect-eval-log.schema.json").read_text())
VALIDATOR = jsonschema_rs.validator_for(closed(SCHEMA))


def read(log: inspect.Log) -> dict[str, Any]:
    """The log as its readers see it; it is a log by Inspect's own schema."""
    text = "".join(log.parts())

    def no(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    value: dict[str, Any] = json.loads(text.encode("utf-8", "replace"), parse_constant=no)
    errors = [f"{error.instance_path}: {error.message[:300]}" for error in VALIDATOR.iter_errors(value)]
    assert not errors
    assert [name for name in value if name in SCHEMA["properties"]] == [n for n in SCHEMA["properties"] if n in value]
    for stamp in stamps(value):
        assert datetime.fromisoformat(stamp).utcoffset() is not None
    return value


def stamps(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("created", "timestamp", "completed", "started_at", "completed_at") and inner:
                yield inner
            else:
                yield from stamps(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from stamps(inner)


def exchange(trial: str, index: int, messages: list[Any], answer: Any, **more: Any) -> Exchange:
    """A request for a completion over chat, and its answer: a message, or an error's status."""
    failed = isinstance(answer, int)
    said = {"error": {"message": "overloaded"}} if failed else {"choices": [answer], "model": "m-1-0901", "usage": USED}
    told: dict[str, Any] = {
        "trial": trial,
        "index": index,
        "kind": "completion",
        "agent_api": "chat",
        "endpoint_api": "chat",
        "method": "POST",
        "path": "/v1/chat/completions",
        "request_headers": {},
        "request_body": json.dumps({"model": "m-1", "messages": messages, "tools": TOOLS}).encode(),
        "upstream_body": None,
        "losses": (),
        "status": answer if failed else 200,
        "response_headers": {"content-type": "application/json"},
        "chunks": (Chunk(0.1, json.dumps(said).encode()),),
        "started": STARTED + index,
        "seconds": 0.5,
    }
    return Exchange(**told | more)


USED = {"prompt_tokens": 10, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 6}}


def says(text: str, stop: str = "stop", **more: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": text, **more}, "finish_reason": stop}


def calls(*given: str) -> list[dict[str, Any]]:
    return [
        {"id": f"c{n}", "type": "function", "function": {"name": "run", "arguments": one}}
        for n, one in enumerate(given)
    ]


def trial(task: str = "t", status: Any = "passed", repeat: int = 1, **more: Any) -> TrialResult:
    key = TrialKey(suite="tasks", task=task, agent="codex", repeat=repeat)
    return TrialResult(key=key, status=status, started=STARTED, seconds=9.0, reproduce="again", **more)


def made(tmp_path: Path, *results: Any, exchanges: tuple[Exchange, ...] = ()) -> RunDirectory:
    return added(RunDirectory.create(tmp_path, RunMeta.model_validate(ABOUT)), *results, exchanges=exchanges)


def added(run: RunDirectory, *results: Any, exchanges: tuple[Exchange, ...] = ()) -> RunDirectory:
    for one in exchanges:
        writer = ExchangeWriter(run.path / "exchanges" / file_name(one.trial))
        writer.append(one)
        writer.close()
    for result in results:
        file = f"exchanges/{file_name(str(result.key))}"
        run.append(result.model_copy(update={"exchanges": file}))
    return run


def only(run: RunDirectory) -> dict[str, Any]:
    (log,) = inspect.logs(run)
    return read(log)


def talk(last: Any) -> tuple[Exchange, ...]:
    """A trial of two turns: two calls, one of them with a result; then `last`."""
    name = "tasks/t/codex#1"
    begin = [{"role": "system", "content": "be good"}, {"role": "user", "content": "<env>x</env>"}]
    begin.append({"role": "user", "content": "mend it"})
    called = says("I look.", "tool_calls", tool_calls=calls('{"cmd": "ls"}', "{broken"), reasoning_content="hm")
    result = {"role": "tool", "tool_call_id": "c0", "content": "a.py"}
    body = json.dumps({"model": "m-1", "messages": [{"role": "user", "content": "a title?"}]}).encode()
    side = exchange(name, 1, [], says("Title"), request_body=body)
    return (
        exchange(name, 0, begin, called),
        side,
        exchange(name, 2, [*begin, called["message"], result, {"role": "user", "content": "go on"}], last),
    )


def test_a_trial_is_a_sample_with_its_conversation(tmp_path: Path) -> None:
    score = Score(
        tokens=Tokens(input=20, output=8, cached=12, cache_write=5), cost_usd=0.5, models_answered=("m-1-0901",)
    )
    verified = Verification(reward=1.0, output="12 passed", ended="exit", seconds=1)
    log = only(made(tmp_path, trial(score=score, verification=verified), exchanges=talk(says("Done."))))
    (sample,) = log["samples"]
    assert [(m["role"], m["content"] if isinstance(m["content"], str) else "…") for m in sample["messages"]] == [
        ("system", "be good"),
        ("user", "<env>x</env>"),
        ("user", "mend it"),
        ("assistant", "…"),
        ("tool", "a.py"),
        ("user", "go on"),
        ("assistant", "Done."),
    ]
    called, result = sample["messages"][3:5]
    assert called["content"] == [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "I look."}]
    good, bad = called["tool_calls"]
    assert (good["id"], good["function"], good["arguments"]) == ("c0", "run", {"cmd": "ls"})
    assert (bad["arguments"], bad["parse_error"]) == ({"input": "{broken"}, "the arguments are not a JSON object")
    assert (result["tool_call_id"], result["function"], result["error"]) == ("c0", "run", None)
    assert (sample["id"], sample["epoch"], sample["input"]) == ("t", 1, "mend it")
    assert sample["output"]["completion"] == "Done."
    assert sample["output"]["choices"][0]["stop_reason"] == "stop"
    assert sample["scores"]["hidden_tests"] == {"value": "C", "explanation": "12 passed", "metadata": {"cause": None}}
    assert (sample["turn_count"], sample["total_time"], sample["metadata"]["reproduce"]) == (2, 9.0, "again")
    used = {"input_tokens": 3, "input_tokens_cache_read": 12, "output_tokens": 8, "total_tokens": 28}
    assert sample["model_usage"] == {
        "m-1": {**used, "input_tokens_cache_write": 5, "reasoning_tokens": 0, "total_cost": 0.5}
    }
    assert log["stats"]["model_usage"] == sample["model_usage"]
    assert log["eval"]["metadata"]["endpoint"] == "near"
    assert (log["eval"]["model"], log["eval"]["solver"], log["eval"]["solver_args"]) == (
        "m-1",
        "codex",
        {"version": "1.2"},
    )


def test_every_request_is_an_event_that_points_at_what_it_held(tmp_path: Path) -> None:
    (sample,) = only(made(tmp_path, trial(), exchanges=talk(503)))["samples"]
    first, last = sample["events"]
    pool = sample["events_data"]["messages"]
    assert [m["content"] for m in pool[slice(*first["input_refs"][0])]] == ["be good", "<env>x</env>", "mend it"]
    assert pool[slice(*last["input_refs"][0])][-1]["content"] == "go on"
    assert (first["working_start"], first["working_time"], first["error"]) == (0.0, 0.5, None)
    assert first["output"]["usage"]["input_tokens"] == 4
    assert last["error"] == sample["output"]["error"] == "HTTP 503: overloaded"
    assert sample["messages"][-1]["content"] == "", "an error is nothing that the model said"


def test_what_came_before_the_first_question_is_told_too(tmp_path: Path) -> None:
    """A case begins in the middle of a conversation; and it may offer no tool at all."""
    name = "tools/c/codex#1"
    before = [
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": None, "tool_calls": calls('{"cmd": "ls"}')},
        {"role": "tool", "tool_call_id": "c0", "content": "a.py"},
        {"role": "assistant", "content": "there is a.py"},
        {"role": "user", "content": "and now?"},
    ]
    body = json.dumps({"model": "m-1", "messages": before}).encode()
    asked = exchange(name, 0, [], says("nothing"), request_body=body)
    case = CaseResult(key=CaseKey(case="c", toolset="codex"), category="x", status="right", started=STARTED)
    (sample,) = only(made(tmp_path, case, exchanges=(asked,)))["samples"]
    assert [m["role"] for m in sample["messages"]] == ["user", "assistant", "tool", "assistant", "user", "assistant"]
    assert sample["messages"][1]["tool_calls"][0]["arguments"] == {"cmd": "ls"}
    assert (sample["input"], sample["output"]["completion"]) == ("and now?", "nothing")


def test_what_does_not_count_has_an_error_and_no_score(tmp_path: Path) -> None:
    ours = Cause(kind="budget", fault="our limit", detail="time is up")
    lost = Cause(kind="infrastructure", fault="infrastructure", detail="no disk")
    unrun = trial("d", "unmeasured"), trial("e", "error", cause=ours)
    results = (trial("a"), trial("b", "failed"), trial("c", "error", cause=lost), *unrun)
    log = only(made(tmp_path, *results))
    told = {s["id"]: (s["scores"].get("hidden_tests", {}).get("value"), s["error"]) for s in log["samples"]}
    assert (told["a"], told["b"]) == (("C", None), ("I", None))
    assert told["c"][0] is None
    assert told["c"][1]["message"] == "not measured: infrastructure: no disk"
    assert told["d"][1]["message"] == "not measured: unmeasured"
    (score,) = log["results"]["scores"]
    assert (log["status"], log["results"]["completed_samples"], log["results"]["total_samples"]) == ("success", 3, 5)
    assert (score["scored_samples"], score["unscored_samples"]) == (3, 2)
    assert score["metrics"]["accuracy"]["value"] == pytest.approx(1 / 3)
    assert told["e"] == ("I", None), "a run limit: not solved within it"
    assert [s["metadata"]["limit"] for s in log["samples"]][-1] == "unnamed"
    assert "error" not in log, "null is nothing that Inspect's reader of headers takes"


def test_where_nothing_counts_the_log_is_an_error(tmp_path: Path) -> None:
    log = only(made(tmp_path, trial("a", "error")))
    assert (log["status"], log["error"]["message"]) == ("error", "not measured: error")
    assert log["results"]["scores"][0]["metrics"]["accuracy"] == {"name": "accuracy", "value": 0.0, "metadata": None}


def test_metrics_are_inspects_over_the_means_of_epochs(tmp_path: Path) -> None:
    """Of samples with 1, 0.5 and 0: mean 0.5, standard deviation 0.5, over the root of 3."""
    passed = {"a": (True, True), "b": (True, False), "c": (False, False)}
    results = [
        trial(task, "passed" if ok else "failed", repeat)
        for task, oks in passed.items()
        for repeat, ok in enumerate(oks, 1)
    ]
    log = only(made(tmp_path, *results))
    (score,) = log["results"]["scores"]
    assert score["metrics"]["accuracy"]["value"] == 0.5
    assert score["metrics"]["stderr"]["value"] == pytest.approx(0.5 / 3**0.5)
    low, high = score["metrics"]["accuracy"]["metadata"]["interval_95"]
    assert low < 0.5 < high
    assert log["eval"]["config"]["epochs"] == 2
    assert log["eval"]["dataset"] == {"name": "tasks", "samples": 3, "sample_ids": ["a", "b", "c"], "shuffled": False}


def test_cases_have_two_readings_and_say_what_was_missed(tmp_path: Path) -> None:
    mild = Miss(kind="extra call", given="ls", strict=True)
    bad = Miss(kind="wrong argument", turn=1, wanted="a", given=HOSTILE, detail="not a")
    told = {"x": ("right", ()), "y": ("lenient", (mild,)), "z": ("wrong", (mild, bad)), "u": ("unmeasured", ())}
    results = [
        CaseResult.model_validate(
            {"key": {"case": name, "toolset": "codex"}, "category": "k", "status": status, "misses": misses}
        )
        for name, (status, misses) in told.items()
    ]
    log = only(made(tmp_path, *results))
    scored = {score["name"]: score["metrics"]["accuracy"]["value"] for score in log["results"]["scores"]}
    assert scored == {"lenient": pytest.approx(2 / 3), "strict": pytest.approx(1 / 3)}
    assert next(iter(scored)) == "lenient", "what is first stands for the log"
    by_id = {sample["id"]: sample for sample in log["samples"]}
    assert {name: s["value"] for name, s in by_id["y"]["scores"].items()} == {"lenient": "C", "strict": "I"}
    assert by_id["y"]["scores"]["strict"]["explanation"] == (
        "turn 1: extra call (only in the strict reading)\n  given ls"
    )
    assert (
        "turn 2: wrong argument\n  why not a\n  wanted a\n  given <script>"
        in (by_id["z"]["scores"]["lenient"]["explanation"])
    )
    assert by_id["z"]["target"] == "a"
    assert by_id["u"]["error"]


def test_one_log_for_each_agent_and_toolset(tmp_path: Path) -> None:
    def case(word: str) -> CaseResult:
        return CaseResult(key=CaseKey(case="c", toolset=word), category="k", status="right")

    run = made(tmp_path, trial(), case("codex"), case("k2vv"), case(REFERENCE))
    logs = inspect.logs(run)
    assert [(log.suite, log.agent) for log in logs] == [
        ("tasks", "codex"),
        ("tools", "codex"),
        ("tools", "k2vv"),
        ("tools", REFERENCE),
    ]
    read_all = [read(log)["eval"] for log in logs]
    assert [spec["model"] for spec in read_all] == ["m-1", "m-1", "m-1", "m-0"], "the reference is another model"
    assert len({spec["eval_id"] for spec in read_all}) == len({log.file_name for log in logs}) == 4
    assert len({spec["run_id"] for spec in read_all}) == 1
    assert [log.file_name for log in inspect.logs(run)] == [log.file_name for log in logs]
    stamp, task, agent, name = logs[0].file_name.removesuffix(".json").split("_")
    assert (stamp, task, agent, name) == (
        "2026-09-21T14-13-20.500000+00-00",
        "toolworthy-tasks",
        "codex",
        read_all[0]["task_id"],
    )


def test_a_trial_that_was_begun_again_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--resume`, another process, appends to the same file, and counts from 0 again."""
    old = tuple(exchange("tasks/t/codex#1", n, [], says("old"), started=STARTED - 60 + n) for n in range(5))
    with monkeypatch.context() as killed:
        killed.setattr("toolworthy.records.exchanges._PROCESS", "killed")
        run = made(tmp_path, exchanges=old)
    (sample,) = only(added(run, trial(), exchanges=talk(says("new"))))["samples"]
    assert sample["turn_count"] == 2
    assert "old" not in json.dumps(sample)


@pytest.mark.parametrize(
    "given",
    ["[1]", "null", "", '{"a": NaN}', '{"a": [1e999]}', '{"a":' * 150 + "1" + "}" * 150, "[" * 100_000],
)
def test_arguments_that_other_readers_refuse_stand_as_text(tmp_path: Path, given: str) -> None:
    value, wrong = arguments(ToolCall("c", "run", given))
    assert value == {"input": given}
    assert wrong
    hostile = says(HOSTILE, tool_calls=calls(given))
    run = made(tmp_path, trial(), exchanges=(exchange("tasks/t/codex#1", 0, [], hostile),))
    (sample,) = only(run)["samples"]
    assert sample["messages"][0]["tool_calls"][0]["arguments"] == {"input": given}
    steps = trajectory(trial(), talk(hostile), "m")["steps"]
    assert json.loads(json.dumps(steps[-1], allow_nan=False))["tool_calls"][0]["arguments"] == {"input": given}


def test_arguments_of_a_free_form_tool_are_text_without_a_fault() -> None:
    assert arguments(ToolCall("c", "patch", "*** Begin", custom=True)) == ({"input": "*** Begin"}, "")
    assert arguments(ToolCall("c", "run", '{"a": [{"b": null}]}')) == ({"a": [{"b": None}]}, "")


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    answer = says(HOSTILE + "\ud800", tool_calls=calls(json.dumps({"a": "\ud83d"})), reasoning_content=HOSTILE)
    asked = [{"role": "user", "content": HOSTILE}]
    run = made(tmp_path, trial(), exchanges=(exchange("tasks/t/codex#1", 0, asked, answer),))
    (sample,) = only(run)["samples"]
    assert sample["output"]["completion"] == HOSTILE + "?"
    assert sample["input"] == HOSTILE


def test_numbers_of_tokens_that_are_none_are_left_out(tmp_path: Path) -> None:
    score = Score(tokens=Tokens(input=10**30, output=-5, cached=3))
    log = only(made(tmp_path, trial(score=score)))
    told = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0, "input_tokens_cache_read": 3}
    told |= {"input_tokens_cache_write": 0}
    assert log["stats"]["model_usage"]["m-1"] == {**told, "reasoning_tokens": 0, "total_cost": None}


def test_exchanges_that_are_gone_leave_the_scores(tmp_path: Path) -> None:
    (sample,) = only(made(tmp_path, trial()))["samples"]
    assert (sample["messages"], sample["events"], sample["input"]) == ([], [], "t")
    assert sample["scores"]["hidden_tests"]["value"] == "C"


def test_a_run_that_was_killed_has_no_log(tmp_path: Path) -> None:
    assert inspect.logs(RunDirectory.create(tmp_path, RunMeta.model_validate(ABOUT))) == ()


@pytest.mark.process
def test_a_real_run_is_a_log(tmp_path: Path) -> None:
    done = suites("--task", "fix-failing-test", "--endpoint", "oracle:usage-all-zero", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    log = only(RunDirectory.open(only_run(tmp_path)))
    (sample,) = log["samples"]
    roles = [message["role"] for message in sample["messages"]]
    assert roles[:2] == ["system", "user"]
    assert roles[-1] == "assistant"
    assert roles.count("assistant") == len(sample["events"]) == sample["turn_count"] > 3
    made = [call["id"] for message in sample["messages"] for call in message.get("tool_calls") or []]
    assert made == [message["tool_call_id"] for message in sample["messages"] if message["role"] == "tool"]
    assert {finding["code"] for finding in sample["metadata"]["findings"]} == {"TW702"}
    assert log["results"]["scores"][0]["metrics"]["accuracy"]["value"] == 1.0
