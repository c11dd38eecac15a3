"""Every cause, each with the exchanges that show it, and which of two is named where both could be."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, get_args

import pytest

from tests.support.made import finding
from tests.support.trials import answered, call, failed_beside, final_only, page, refused, said, streamed, trial, why
from toolworthy import rules
from toolworthy.content import adapters
from toolworthy.content.breakage import did
from toolworthy.records.exchange import Chunk, Exchange, ExchangeFailure
from toolworthy.records.score import CauseKind
from toolworthy.rules import label
from toolworthy.sandbox.model import CommandOutcome
from toolworthy.work.scoring import _cause, _progress

WITHOUT_ID = {**call(), "tool_calls": [{**call()["tool_calls"][0], "id": None}]}
NO_JSON = call(arguments='{"command": ls}')
NO_JSON_LATER = call(arguments=NO_JSON["tool_calls"][0]["function"]["arguments"], number=5)
UNKNOWN = call(name="fly")
MISFIT = call(arguments='{"cmd": "ls"}')
LOOP = [answered(call("ls", number=number)) for number in range(3)]
ANNOUNCES = said("Now I will run the tests.")
BROKEN = replace(answered(said("Well")), error=ExchangeFailure("broken off"))
SORRY = said("I cannot find the file.")


# In the order of precedence: what stands first is named, where exchanges show several.
KINDS: dict[str, tuple[list[Exchange], dict[str, object], str]] = {
    "infrastructure": ([], {"exit_code": 127}, "infrastructure"),
    "endpoint error": (trial(answered(call()), refused(500)), {}, "endpoint"),
    "wire defect": (trial(answered(WITHOUT_ID)), {"exit_code": 1}, "server"),
    "malformed call": (trial(answered(NO_JSON), answered(said()), results={0: "Error"}), {}, "model"),
    "unknown tool": (trial(answered(UNKNOWN), answered(said())), {}, "model"),
    "bad arguments": (trial(answered(MISFIT), answered(said())), {}, "model"),
    "repetition": (trial(*LOOP, answered(said())), {}, "model"),
    "budget": (trial(answered(call())), {"ended": "timeout"}, "our limit"),
    "announced but did not act": (trial(answered(call()), answered(ANNOUNCES)), {}, "model"),
    "gave up": (trial(answered(call()), answered(SORRY)), {}, "model"),
    "agent tool": (trial(answered(call()), answered(said())), {"ceiling": "turns $$ into $"}, "agent"),
    "wrong result": (trial(answered(call()), answered(said())), {}, "model"),
}


@pytest.mark.parametrize("kind", get_args(CauseKind))
def test_each_cause_is_named_where_its_exchanges_show_it(kind: str) -> None:
    exchanges, ended, fault = KINDS[kind]
    found = why(exchanges, **ended)
    assert (found.kind, found.fault) == (kind, fault), found.detail
    if exchanges:
        assert found.exchange is not None


def test_the_table_is_in_the_order_of_precedence() -> None:
    assert list(KINDS) == list(get_args(CauseKind))


@pytest.mark.parametrize(
    ("exchanges", "ended", "kind"),
    [
        (trial(answered(WITHOUT_ID), refused(500)), {}, "endpoint error"),
        (trial(answered(NO_JSON_LATER), answered(WITHOUT_ID)), {"exit_code": 1}, "wire defect"),
        (trial(answered({**WITHOUT_ID, "content": "I will look."})), {}, "wire defect"),
        (trial(answered(NO_JSON), answered(UNKNOWN), results={0: "Error: a", 1: "Error: b"}), {}, "malformed call"),
        (trial(answered(MISFIT), answered(UNKNOWN), answered(said())), {}, "unknown tool"),
        (trial(answered(UNKNOWN), answered(MISFIT), answered(said())), {}, "bad arguments"),
        (trial(*LOOP, answered(MISFIT), answered(said())), {}, "bad arguments"),
        (trial(*LOOP), {"ended": "timeout"}, "repetition"),
        (trial(*LOOP, answered(ANNOUNCES)), {}, "repetition"),
        (trial(answered(call()), answered(ANNOUNCES, "length")), {}, "budget"),
        (trial(answered(call()), answered(said("Sorry, I cannot. Let me try."))), {}, "announced but did not act"),
        (trial(answered(SORRY)), {}, "announced but did not act"),
    ],
)
def test_the_first_in_the_order_is_named(exchanges: list[Exchange], ended: dict[str, object], kind: str) -> None:
    assert why(exchanges, **ended).kind == kind


@pytest.mark.parametrize(
    ("kind", "gives_way"),
    [(kind, kind in ("repetition", "announced but did not act", "gave up")) for kind in list(KINDS)[:-2]],
)
def test_above_the_ceiling_the_agent_tool_is_at_fault_unless_something_explains_more(
    kind: str, gives_way: bool
) -> None:
    exchanges, ended, fault = KINDS[kind]
    above = why(exchanges, **ended, ceiling="turns $$ into $")
    assert (above.kind, above.fault) == (("agent tool", "agent") if gives_way else (kind, fault))
    assert ("turns $$ into $" in above.detail) == gives_way


def test_what_this_agent_was_seen_to_recover_from_gives_way_to_its_ceiling() -> None:
    """And is named beside it; a model that never called a tool did not get as far as the ceiling."""
    exchanges = trial(answered(WITHOUT_ID))
    recovers = next(
        agent
        for agent in ("claude-code", "codex", "opencode", "openclaw", "qwen-code", "builtin")
        if did(agent, "TW101") in ("unaffected", "recovers")
    )
    above = why(exchanges, agent=recovers, ceiling="x")
    assert (above.code, above.notes) == ("above the ceiling", ("in spite of",))
    assert why(trial(answered(SORRY)), ceiling="x").code == "no call"


def test_an_agent_that_we_stop_before_it_asks_was_at_our_limit_and_one_that_ends_could_not_start() -> None:
    stopped = why([], ended="timeout")
    assert (stopped.kind, stopped.fault, stopped.limit) == ("budget", "our limit", "time")
    assert stopped.code == "nothing asked in time"
    for ended in ({"exit_code": 0}, {"exit_code": 127}, {"ended": "memory"}):
        found = why([], **ended)
        assert (found.kind, found.limit) == ("infrastructure", None)


def test_the_same_call_twice_is_no_loop_and_thrice_is() -> None:
    twice = why(trial(*LOOP[:2], answered(said())))
    assert (twice.kind, twice.notes) == ("wrong result", ())
    assert why(trial(*LOOP, answered(said()))).kind == "repetition"
    other = answered(call("pwd", number=9))
    assert why(trial(LOOP[0], LOOP[1], other, LOOP[2], answered(said()))).kind == "wrong result"


def test_the_last_word_429_is_a_limit_of_ours_and_says_so() -> None:
    found = why(trial(answered(call()), refused(429, "slow down"), refused(429, "slow down")), exit_code=1)
    assert (found.code, found.fault, found.refusal) == ("refused", "our limit", "rate limited")
    assert "slow down" in found.detail
    assert why(trial(answered(call()), refused(503, "slow down")), exit_code=1).fault == "endpoint"


def test_an_error_without_a_word_is_said_to_have_none() -> None:
    assert why(trial(refused(500, ""))).detail == "HTTP 500: no body"
    assert why(trial(refused(500, " "))).detail == "HTTP 500: without a reason"
    assert why(trial(refused(500, "no such tool"))).detail == "HTTP 500: no such tool"


@pytest.mark.parametrize(
    ("last", "fault", "refusal", "words"),
    [
        (refused(402, "Insufficient balance"), "infrastructure", "empty account", "HTTP 402: Insufficient balance"),
        (
            refused(429, "You exceeded your quota"),
            "infrastructure",
            "empty account",
            "HTTP 429: You exceeded your quota",
        ),
        (refused(200, "Rate limit reached"), "our limit", "rate limited", "HTTP 200: Rate limit reached"),
        (page(200, "Sign in"), "endpoint", "wrong route", "HTTP 200: a web page: Sign in"),
        (page(502, "Bad gateway"), "endpoint", "unavailable", "HTTP 502: a web page: Bad gateway"),
        (refused(400, "no such parameter"), "endpoint", "bad request", "HTTP 400: no such parameter"),
    ],
)
def test_the_servers_own_words_are_quoted_and_tell_whose_fault_it_is(
    last: Exchange, fault: str, refusal: str, words: str
) -> None:
    found = why(trial(answered(call()), last), exit_code=1)
    assert (found.code, found.fault, found.refusal) == ("refused", fault, refusal)
    assert words in found.detail


@pytest.mark.parametrize(("status", "redirects"), [(201, True), (302, True), (399, True), (200, False), (400, False)])
def test_a_redirection_is_named_with_its_goal_where_it_has_one(status: int, redirects: bool) -> None:
    there = replace(answered(said()), status=status, response_headers={"location": "http://127.0.0.1/login"})
    found = why(trial(answered(call()), there))
    assert (found.code == "redirected") == redirects
    if redirects:
        assert (found.kind, found.fault, found.notes) == ("endpoint error", "endpoint", ("to",))
        assert found.detail == f"HTTP {status} instead of a response, to http://127.0.0.1/login"
        assert why(trial(answered(call()), replace(there, response_headers={}))).notes == ()


@pytest.mark.parametrize(
    ("failure", "status", "fault", "limit"),
    [
        (ExchangeFailure("broken off"), 200, "endpoint", None),
        (ExchangeFailure("silent"), 200, "endpoint", None),
        (ExchangeFailure("no HTTP"), None, "endpoint", None),
        (ExchangeFailure("unreachable"), None, "infrastructure", None),
        (ExchangeFailure("silent"), None, "infrastructure", "time"),
    ],
)
def test_an_answer_that_did_not_come_whole_is_the_endpoints_where_it_said_anything(
    failure: ExchangeFailure, status: int | None, fault: str, limit: str | None
) -> None:
    last = replace(answered(said()), error=failure, status=status)
    found = why(trial(answered(call()), last), exit_code=1)
    assert (found.code, found.fault, found.limit) == ("no whole answer", fault, limit)


def test_an_agent_that_hung_up_before_an_answer_is_not_the_endpoints_failure() -> None:
    gone = replace(answered(said()), error=ExchangeFailure("agent gone"), status=None, chunks=())
    assert why(trial(answered(call()), gone)).code == "tests fail"


def test_an_error_beside_an_empty_one_is_quoted() -> None:
    found = why(failed_beside("the GPU is on fire"), agent="codex", exit_code=1)
    assert (found.kind, found.fault) == ("wire defect", "server")
    assert "the GPU is on fire" in found.detail
    assert "without a reason" not in found.detail


@pytest.mark.parametrize("transient", [refused(500), refused(429), BROKEN])
def test_an_error_that_the_agent_got_over_is_not_the_cause(transient: Exchange) -> None:
    found = why(trial(answered(call()), transient, answered(call("pwd", number=1)), answered(said())))
    assert (found.kind, found.fault) == ("wrong result", "model")


def test_what_was_asked_beside_the_task_decides_only_where_the_agent_died_of_it() -> None:
    exchanges = trial(answered(call()), answered(said()))
    title = replace(refused(500, "no titles here"), index=2)
    assert why([*exchanges, title]).kind == "wrong result"
    died = why([*exchanges, title], exit_code=1)
    assert (died.kind, died.exchange) == ("endpoint error", 2)


# ---- what lies long before the end ----------------------------------------------------------------------------------


def test_a_fault_that_the_agent_got_over_is_mentioned_and_not_the_cause() -> None:
    steps = [answered(call(f"echo {number}", number=number)) for number in range(1, 9)]
    cut = answered(said(), finish="tool_calls")  # speaks of a call, and has none
    found = why(trial(steps[0], cut, *steps[1:], answered(said())))
    assert (found.kind, found.fault) == ("wrong result", "model")
    assert found.notes == ("in spite of",)
    assert "TW113 announced-tool-call-missing (exchange 1)" in found.detail
    at_the_end = why(trial(*steps, cut))
    assert (at_the_end.kind, at_the_end.fault, at_the_end.rule) == ("wire defect", "server", "TW113")
    assert at_the_end.exchange == len(steps)


def test_only_what_blocks_and_is_not_the_cause_itself_is_mentioned_once() -> None:
    """Neither arguments that are no JSON, of which the wire need not be guilty."""
    rows = [("TW101", "cosmetic", 0), ("TW101", "blocks", 1), ("TW101", "blocks", 3), ("TW103", "blocks", 2)]
    rows += [("TW102", "blocks", 2), ("TW113", "blocks", 4), ("TW104", "degrades", 2)]
    findings = [
        SimpleNamespace(code=code, severity=severity, evidence=SimpleNamespace(exchange=at))
        for code, severity, at in rows
    ]
    course = SimpleNamespace(findings=findings)
    told = _cause._overcome(SimpleNamespace(fault="model", rule="TW113"), course)
    assert told == {"in spite of": f"{label('TW101')} (exchange 1), {label('TW103')} (exchange 2)"}
    assert _cause._overcome(SimpleNamespace(fault="server", rule="TW113"), course) == {}


def test_what_the_agent_bore_in_this_very_trial_is_not_the_cause_at_its_end() -> None:
    def endless(number: int) -> Exchange:
        return streamed({"tool_calls": [{"index": 0, **call(number=number)["tool_calls"][0]}]}, finish=None)

    assert why(trial(endless(1)), ended="timeout").rule == "TW308"
    ended = why(trial(endless(1), endless(2)), ended="timeout")
    assert ended.fault == "our limit", "it had taken such an answer before"


def test_an_error_that_was_asked_again_is_not_the_cause_though_the_next_call_was_not_run() -> None:
    """What came of the call is not known: the time was up, or the turns."""
    retried = trial(answered(call()), refused(500), refused(500), answered(call("pwd", number=3)))
    assert why(retried, ended="timeout").fault == "our limit"
    cut = replace(answered(said("So."), finish="tool_calls"), error=None)
    asked_again = trial(answered(call()), cut, answered(call("pwd", number=2)))
    asked_again[2] = replace(asked_again[2], request_body=asked_again[1].request_body)
    assert why(asked_again, ended="timeout").fault == "our limit"
    for_ever = [*asked_again[:2], replace(asked_again[1], index=2)]
    assert why(for_ever, ended="timeout").rule == "TW113"


def test_a_result_that_is_an_error_leaves_the_fault_open() -> None:
    """The agent did not get over an answer whose call failed."""
    well = trial(answered(WITHOUT_ID), answered(said()))
    assert why(well).kind == "wrong result"
    failed = trial(answered(MISFIT), answered(said()))
    assert why(failed).kind == "bad arguments"


@pytest.mark.parametrize(
    ("outcome", "first"),
    [
        *((outcome, True) for outcome in ("wrong result", "dies", "hangs")),
        *((outcome, False) for outcome in ("unaffected", "recovers", None)),
    ],
)
def test_what_harmed_this_agent_comes_before_what_blocks_others(
    monkeypatch: pytest.MonkeyPatch, outcome: str | None, first: bool
) -> None:
    """Else what blocks comes first, and of such the later."""
    monkeypatch.setattr(_cause, "did", lambda _agent, code: outcome if code == "TW104" else None)
    rows = [("TW104", "degrades", 1), ("TW101", "blocks", 0), ("TW103", "blocks", 1)]
    course = SimpleNamespace(agent=adapters.agent("builtin"))
    weights = {code: _cause._weight(finding(code, severity, at), course) for code, severity, at in rows}
    blocking = ["TW101", "TW103"]
    assert sorted(weights, key=weights.__getitem__) == ([*blocking, "TW104"] if first else ["TW104", *blocking])


@pytest.mark.parametrize("without", [{"status": None, "chunks": ()}, {"endpoint_api": None}, {"chunks": ()}])
def test_an_agent_that_ended_without_a_response_missed_no_call(without: dict[str, Any]) -> None:
    outcome = CommandOutcome(0, "exit", b"", b"", 1.0)
    exchanges = trial(answered(call()), replace(answered(said()), **without))
    course = _progress.Course(exchanges, outcome, adapters.agent("builtin"), 60)
    assert _cause._missed(course) == {}


def test_is_error_counts_as_a_failed_call() -> None:
    def asked(*, is_error: bool) -> list[Exchange]:
        tool = {"name": "run", "input_schema": {"type": "object", "properties": {}}}
        bad = {"type": "tool_use", "id": "toolu_1", "name": "run", "input": {}}
        made = []
        for index, content in enumerate(([bad], [{"type": "text", "text": "Done."}])):
            body = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": content}
            body |= {
                "stop_reason": "end_turn" if index else "tool_use",
                "usage": {"input_tokens": 1, "output_tokens": 9},
            }
            messages: list[dict[str, object]] = [{"role": "user", "content": "Do it."}]
            if index:
                result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "boom", "is_error": is_error}
                messages += [{"role": "assistant", "content": [bad]}, {"role": "user", "content": [result]}]
            request = {"model": "m", "max_tokens": 99, "messages": messages, "tools": [tool]}
            exchange = answered(said(), agent_api="messages", endpoint_api="messages", index=index)
            made.append(
                replace(
                    exchange,
                    request_body=json.dumps(request).encode(),
                    chunks=(replace(exchange.chunks[0], data=json.dumps(body).encode()),),
                )
            )
        return made

    from toolworthy.content import adapters
    from toolworthy.work.scoring.calls import judge_calls

    agent = adapters.agent("claude-code")
    assert [call.executed for call in judge_calls(asked(is_error=True), agent)] == [False]
    assert [call.executed for call in judge_calls(asked(is_error=False), agent)] == [True]


# ---- calls that were lost on the wire -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "code", "rule"),
    [
        (streamed({"role": "assistant", "content": "I will look."}, {}), "call emptied", ""),
        (streamed({"role": "assistant", "content": "I will look."}, {"tool_calls": []}), "call emptied", ""),
        (answered(said("I will look."), finish="tool_calls"), "broken rule", "TW113"),
        (answered(said("")), "broken rule", "TW704"),
    ],
)
def test_a_call_that_was_lost_is_not_an_announcement(last: Exchange, code: str, rule: str) -> None:
    found = why(trial(answered(call()), last))
    assert (found.kind, found.fault, found.code, found.rule) == ("wire defect", "server", code, rule)
    assert ("answer emptied" in found.notes) == (rule == "TW704")


def pieces(*arguments: str, number: int = 0) -> Exchange:
    """A streamed call whose arguments come in these fragments."""
    first = {"index": 0, **call(arguments="", number=number)["tool_calls"][0]}
    deltas = [{"tool_calls": [{"index": 0, "function": {"arguments": text}}]} for text in arguments]
    return streamed({"role": "assistant", "content": None, "tool_calls": [first]}, *deltas, finish="tool_calls")


def test_arguments_that_were_sent_twice_are_not_the_models_bad_json() -> None:
    growing = pieces('{"command": ', '{"command": "ls"', '{"command": "ls"}')
    found = why(trial(growing, answered(said()), results={0: "Error: no JSON"}))
    assert (found.kind, found.fault, found.rule) == ("wire defect", "server", "TW323")


def test_a_call_that_was_altered_on_its_way_and_run_is_the_servers_fault() -> None:
    """It went through, and did something else than the model had said."""
    sound = pieces('{"command": ', '"ls', " -l", '"}')
    assert why(trial(sound, answered(said()))).kind == "wrong result"
    lost = replace(sound, chunks=(replace(sound.chunks[0], data=sound.body.replace(b'" -l"', b'"\x01\n"')),))
    found = why(trial(lost, answered(said())))
    assert (found.kind, found.fault, found.rule) == ("wire defect", "server", "TW603")
    assert found.code == "call altered"
    assert why(trial(lost, answered(said())), ended="timeout").fault == "our limit"
    text = streamed({"role": "assistant", "content": "Well."})
    broken = text.body.replace(b"data: [DONE]", b'data: {"arguments": "ls\n\ndata: [DONE]')
    assert broken != text.body
    no_call = replace(text, chunks=(replace(text.chunks[0], data=broken),))
    assert "TW603" in {finding.code for finding in rules.check((no_call,))}
    found = why(trial(no_call, answered(call()), answered(said())))
    assert found.code == "tests fail", "no call of that answer was run"


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (None, "call altered"),
        ("wrong result", "call altered"),
        ("unaffected", "tests fail"),
        ("recovers", "tests fail"),
    ],
)
def test_calls_that_were_glued_together_are_blamed_unless_the_agent_is_known_to_bear_it(
    monkeypatch: pytest.MonkeyPatch, seen: str | None, code: str
) -> None:
    monkeypatch.setattr(_cause, "did", lambda _agent, rule: seen if rule == "TW302" else None)
    both = [
        {"tool_calls": [{"index": 0, **call(name, number=number)["tool_calls"][0]}]}
        for number, name in enumerate(("ls", "pwd"))
    ]
    found = why(trial(streamed(*both, finish="tool_calls"), answered(said())))
    assert (found.code, found.rule) == (code, "TW302" if code == "call altered" else "")


def test_a_root_is_named_and_not_what_follows_from_it() -> None:
    nameless = {**call(), "tool_calls": [{"index": 0, "id": "call_0", "function": {"arguments": '{"command": "ls"}'}}]}
    found = why(trial(streamed(nameless, finish="tool_calls")), exit_code=1)
    assert (found.kind, found.rule) == ("wire defect", "TW304"), "not TW107, which follows from it"


def test_an_answer_of_nothing_at_all_was_not_emptied_on_its_way() -> None:
    assert why(trial(answered(call()), streamed({"tool_calls": []}))).code == "tests fail"


def test_an_answer_in_words_after_an_empty_delta_lost_nothing() -> None:
    words = streamed({"role": "assistant"}, {}, {"content": "I will look."}, {"content": ""})
    assert why(trial(answered(call()), words)).kind == "announced but did not act"


def test_a_call_that_is_not_run_is_no_matter_where_we_stopped_the_agent() -> None:
    denied = answered(call(number=1), "stop")
    assert why(trial(answered(call()), denied)).rule == "TW112"
    assert why(trial(answered(call()), denied), ended="timeout").fault == "our limit"


@pytest.mark.parametrize(
    "text",
    [
        "I will look",
        "i'll look",
        "Let me look",
        "I am going to look",
        "I'm going to look",
        "Next, I look",
        "Going to look",
    ],
)
def test_what_only_announces_is_known_by_its_words(text: str) -> None:
    found = why(trial(answered(call()), answered(said(f"So. {text}."))))
    assert (found.code, found.fault) == ("only announced", "model")
    assert text in found.detail
    long_ago = why(trial(answered(call()), answered(said(f"{text}. " + "It is done. " * 30))))
    assert long_ago.code == "tests fail"


@pytest.mark.parametrize("text", ["I cannot", "We can't", "unable to", "I am not able to", "I give up", "Sorry"])
def test_who_gives_up_is_known_by_its_words(text: str) -> None:
    found = why(trial(answered(call()), answered(said(f"{text}. " + "It is so. " * 40))))
    assert (found.code, found.fault) == ("gave up", "model")
    assert why(trial(answered(call()), answered(said(f"x{text}x")))).code == "tests fail"


def test_a_call_in_the_final_object_alone_was_not_seen() -> None:
    found = why(final_only(), agent="codex")
    assert (found.kind, found.fault) == ("wire defect", "server")
    assert found.rule in ("TW502", "TW503")
    assert found.notes == ("call not run", "agent content")


# ---- our own limits -------------------------------------------------------------------------------------------------


def test_an_agent_that_stops_itself_at_our_limit_of_turns_is_not_the_models_failure() -> None:
    three = trial(*(answered(call(f"echo {number}", number=number)) for number in range(3)))
    for agent, told in (("builtin", True), ("claude-code", True), ("qwen-code", True), ("opencode", False)):
        found = why(three, agent=agent, exit_code=1, max_turns=3)
        assert (found.kind == "budget" and found.fault == "our limit") == told, agent
    assert why(three, agent="builtin", exit_code=1, max_turns=4).kind != "budget"
    ended = trial(answered(call()), answered(call("pwd", number=1)), answered(said()))
    assert why(ended, agent="builtin", max_turns=3).kind == "wrong result", (
        "it ended of its own accord in its last turn"
    )
    errors = trial(answered(call()), refused(500), refused(500), answered(call("pwd", number=3)))
    assert why(errors, agent="builtin", exit_code=1, max_turns=4).kind == "wrong result", "an error is no turn"


def test_a_limit_of_turns_says_nothing_of_the_answer_that_it_cut() -> None:
    found = why(trial(answered(call()), answered(WITHOUT_ID)), ended="turns", max_turns=1)
    assert (found.kind, found.fault) == ("budget", "our limit")
    assert why(trial(answered(call()), answered(MISFIT)), ended="turns", max_turns=1).kind == "budget"
    looped = trial(*LOOP, answered(call("pwd", number=4)))
    assert why(looped, ended="turns", max_turns=4).kind == "repetition", "what came before it counts"
    worn_out = trial(*(answered(said("So."), finish="tool_calls") for _ in range(3)))
    assert why(worn_out, ended="turns", max_turns=2).rule == "TW113", "answers without their calls wore the turns out"


@pytest.mark.parametrize(
    ("seconds", "last_byte", "trial_seconds", "code", "fault", "limit"),
    [
        (70.1, 0.1, 90, "went silent", "endpoint", None),
        (40.1, 0.1, 60, "went silent", "our limit", "time"),
        (60.0, None, 60, "went silent", "endpoint", None),
        (59.9, None, 60, "went silent", "our limit", "time"),
        (70.0, 0.0, 280, "went silent", "endpoint", None),
        (70.0, 0.0, 281, "stopped", "our limit", "time"),
        (70.0, 60.0, 90, "stopped", "our limit", "time"),
    ],
)
def test_silence_at_the_end_is_the_endpoints_after_a_minute(
    seconds: float, last_byte: float | None, trial_seconds: float, code: str, fault: str, limit: str | None
) -> None:
    answer = answered(said("Well"))
    chunks = () if last_byte is None else (Chunk(0.0, b""), Chunk(0.0, b""), Chunk(last_byte, answer.body))
    hung = replace(answer, error=ExchangeFailure("agent gone"), seconds=seconds, chunks=chunks)
    found = why(trial(answered(call()), hung), ended="timeout", seconds=trial_seconds)
    assert (found.code, found.fault, found.limit) == (code, fault, limit)
    assert why(trial(answered(call()), hung), seconds=trial_seconds).code != "went silent", "the agent ended"


def test_an_error_besides_the_task_counts_only_for_an_agent_that_ends_by_itself() -> None:
    [aside] = trial(refused(500), tools=())
    exchanges = [*trial(answered(call())), replace(aside, index=1)]
    assert why(exchanges, exit_code=1).kind == "endpoint error"
    assert why(exchanges, exit_code=0).kind != "endpoint error"
    assert why(exchanges, ended="timeout").kind == "budget"


def test_an_answer_is_used_if_all_its_calls_ran_well(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [(0, True), (0, False), (0, True), (1, None), (1, True), (2, True), (2, True)]
    judged = [SimpleNamespace(exchange=index, executed=executed) for index, executed in calls]
    monkeypatch.setattr(_progress, "judge_calls", lambda *_: judged)
    outcome = CommandOutcome(0, "exit", b"", b"", 1.0)
    course = _progress.Course(trial(answered(call())), outcome, adapters.agent("builtin"), 9)
    assert (course.used, course.settled) == ({2}, 2)


def test_an_answer_is_thrown_away_if_the_last_to_the_same_request_is_sound() -> None:
    def thrown_away(*answers: Exchange) -> frozenset[int]:
        exchanges = trial(*answers)
        exchanges[1] = replace(exchanges[1], request_body=exchanges[0].request_body)
        outcome = CommandOutcome(0, "exit", b"", b"", 1.0)
        return _progress.Course(exchanges, outcome, adapters.agent("builtin"), 9).thrown_away

    broken, sound, last = answered(said("So."), finish="tool_calls"), answered(call("pwd", number=1)), answered(said())
    assert thrown_away(broken, sound, last) == {0}
    assert thrown_away(broken, broken, last) == frozenset()
    assert thrown_away(sound, broken, last) == frozenset()
    assert thrown_away(broken, sound) == {0}
    assert thrown_away(broken, refused(500), last) == {1}
