"""What is told of a cause: its code, whose fault it is, at which limit and exchange, and in which words."""

from __future__ import annotations

import pytest

from tests.support.trials import answered, call, said, trial, why
from toolworthy.records.exchange import Exchange

WITHOUT_ID = {**call(), "tool_calls": [{**call()["tool_calls"][0], "id": None}]}
NO_JSON = call(arguments='{"command": ls}')
UNKNOWN = call(name="fly")
MISFIT = call(arguments='{"cmd": "ls"}')
LOOP = [answered(call("ls", number=number)) for number in range(3)]
ANNOUNCES = said("Now I will run the tests.")
SORRY = said("I cannot find the file.")


@pytest.mark.parametrize(
    ("exchanges", "ended", "found"),
    [
        *(
            (trial(answered(call())), {"ended": ended}, ("took too much", "model", None, 0, f"{said}, after 1 call"))
            for ended, said in (
                ("memory", "the commands exceeded the run limit on memory"),
                ("processes", "the commands exceeded the run limit on processes"),
                ("disk", "the commands exceeded the run limit on disk space"),
            )
        ),
        (
            trial(answered(call()), answered(call("pwd", number=1))),
            {"ended": "timeout"},
            ("stopped", "our limit", "time", 1, "stopped by timeout after 10 s and 2 calls"),
        ),
        (
            trial(answered(call())),
            {"ended": "timeout"},
            ("stopped", "our limit", "time", 0, "stopped by timeout after 10 s and 1 call"),
        ),
        (
            trial(answered(call())),
            {"ended": "turns", "max_turns": 1},
            ("turns used up", "our limit", "turns", 0, "stopped by toolworthy's limit of 1 turn"),
        ),
        (
            trial(answered(call())),
            {"ended": "turns"},
            ("turns used up", "our limit", "turns", 0, "stopped by toolworthy's limit of 60 turns"),
        ),
        (
            trial(answered(call()), answered(ANNOUNCES, "length")),
            {},
            ("answer cut", "our limit", "tokens", 1, "the token limit cut the last response"),
        ),
        (
            trial(answered(NO_JSON), answered(said()), results={0: "Error"}),
            {},
            ("arguments no JSON", "model", None, 0, 'the arguments of run are not JSON: {"command": ls}'),
        ),
        (
            trial(answered(call(arguments="x" * 300)), answered(said()), results={0: "Error"}),
            {},
            ("arguments no JSON", "model", None, 0, f"the arguments of run are not JSON: {'x' * 200}"),
        ),
        (
            trial(answered(UNKNOWN), answered(said())),
            {},
            ("tool unknown", "model", None, 0, "the response calls fly, which the request does not offer"),
        ),
        (
            trial(answered(MISFIT), answered(said())),
            {},
            (
                *("arguments misfit", "model", None, 0),
                "run: Additional properties are not allowed ('cmd' was unexpected)",
            ),
        ),
        (
            trial(*LOOP, answered(said())),
            {},
            ("same call again", "model", None, 2, "run was called three times in a row with the same arguments"),
        ),
        (
            trial(answered(call()), answered(ANNOUNCES)),
            {},
            (
                *("only announced", "model", None, 1),
                "the last response only announces an action: 'Now I will run the tests.'",
            ),
        ),
        (
            trial(answered(call()), answered(SORRY)),
            {},
            ("gave up", "model", None, 1, "the last response says: 'I cannot find the file.'"),
        ),
        (
            trial(answered(SORRY)),
            {},
            ("no call", "model", None, 0, "no tool call in 1 response: 'I cannot find the file.'"),
        ),
        (
            trial(answered(call()), answered(said())),
            {"ceiling": "turns $$ into $"},
            (
                *("above the ceiling", "agent", None, 1),
                "this agent fails this task with every model: turns $$ into $",
            ),
        ),
        (
            trial(answered(call()), answered(said())),
            {},
            ("tests fail", "model", None, 1, "the agent finished, but the hidden tests fail"),
        ),
        (
            trial(answered(WITHOUT_ID)),
            {"exit_code": 1},
            (
                *("broken rule", "server", None, 0),
                "TW101 missing-tool-call-id: tool call 0 of run has no id; "
                "the agent ended without running the call of run",
            ),
        ),
        (
            [],
            {"exit_code": 127},
            ("nothing asked", "infrastructure", None, None, "the agent sent no request (exit 127): "),
        ),
        (
            [],
            {"ended": "memory"},
            ("nothing asked", "infrastructure", None, None, "the agent sent no request (run limit on memory): "),
        ),
        (
            [],
            {"ended": "timeout"},
            (
                *("nothing asked in time", "our limit", "time", None),
                "stopped by timeout after 10 s, before the agent sent a request: ",
            ),
        ),
    ],
)
def test_a_cause_tells_whose_fault_it_is_where_and_by_how_much(
    exchanges: list[Exchange], ended: dict[str, object], found: tuple[object, ...]
) -> None:
    told = why(exchanges, **ended)
    assert (told.code, told.fault, told.limit, told.exchange, told.detail) == found
