"""What is taken out of prompts and headers before they are compared, form by form."""

from __future__ import annotations

import calendar
from dataclasses import replace

import pytest

from tests.support.trials import answered, said, trial
from toolworthy.records.meta import AgentPrint
from toolworthy.wire.ir import Message, Request, Text, Tool
from toolworthy.work.run.fingerprint import MANY, Seen, agent_print, renamed, server_says, steady, system_prompt

DATES = [
    "2026-11-25",
    "2026/1/5",
    "2026.11.25",
    "1999-11-25",
    "2026-11-25T08:51",
    "2026-11-25 08:51:46",
    "2026-11-25T08:51:46.123",
    "2026-11-25T08:51:46Z",
    "2026-11-25T08:51:46+02:00",
    "2026-11-25T08:51:46-0930",
    "11/25/2026",
    "Nov 25 2026",
    "Nov. 25, 2026",
    "November 1st, 2026",
    "November 2nd 2026",
    "November 3rd, 2026",
    "November 25th, 2026",
    "Nov 25 08:51:46 2026",
    "25 November 2026",
    "25. Nov. 2026",
    "November 2026",
    "Wednesday, November 25, 2026",
    "Wed Nov 25 2026",
    "Wed, 25 Nov 2026",
    "2026-11-25, 08:51",
    "2026-11-25 at 8:51 PM",
    "2026-11-25 (Wednesday)",
    "2026-11-25 UTC",
    "2026-11-25 08:51:46 GMT",
    "Wednesday, 2026-11-25",
]
ROOTS = ("app", "tmp", "home", "root", "opt", "usr", "var", "private", "Users", "mnt", "workspace")


@pytest.mark.parametrize("date", DATES)
def test_a_date_is_a_date_however_it_is_written(date: str) -> None:
    assert steady(f"It is {date}.") == "It is <DATE>."


@pytest.mark.parametrize("number", range(1, 13))
def test_every_month_is_known(number: int) -> None:
    for name in (calendar.month_name[number], calendar.month_abbr[number]):
        assert steady(f"on {name} 5, 2026;") == steady(f"on 5 {name} 2026;") == "on <DATE>;"


@pytest.mark.parametrize("number", range(7))
def test_every_day_of_the_week_is_known(number: int) -> None:
    for name in (calendar.day_name[number], calendar.day_abbr[number]):
        assert steady(f"on {name}, 2026-11-25;") == steady(f"on {name} Nov 5 2026;") == "on <DATE>;"


@pytest.mark.parametrize("time", ["8:51", "08:51", "08:51:46", "08:51:46.25", "8:51 pm", "08:51:46AM"])
def test_a_time_is_a_time(time: str) -> None:
    assert steady(f"It is {time}.") == "It is <TIME>."


@pytest.mark.parametrize("root", ROOTS)
def test_a_path_is_known_by_its_root(root: str) -> None:
    for path in (f"/{root}", f"/{root}/a/b.txt", f"~/{root}/a", f"/{root}/"):
        assert steady(f"in {path}, or not") == "in <PATH>, or not"
    assert steady(f"in `/{root}/a`.") == "in `<PATH>`."
    assert steady(f"in /{root}/a.") == "in <PATH>."


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("http://127.0.0.1:8377/v1", "<HOST>/v1"),
        ("https://localhost/v1", "<HOST>/v1"),
        ("http://[::1]:80/v1", "<HOST>/v1"),
        ("http://example.com/v1", "http://example.com/v1"),
        ("3FA85F64-5717-4562-b3fc-2c963f66afa6", "<ID>"),
        ("abcdef1", "<ID>"),
        ("abcdef", "abcdef"),
        ("abcdefabcdef", "abcdefabcdef"),
        ("a1" * 10, "<ID>"),
        ("z1" * 10, "<ID>"),
        ("z1" * 9 + "z", "z1" * 9 + "z"),
        ("123456789", "<NUMBER>"),
        ("12345678", "12345678"),
        ("Linux 6.8.0-45-generic", "<OS>"),
        ("Darwin/24.1", "<OS>"),
        ("windows 11", "<OS>"),
        ("Debian GNU/Linux 12", "<OS>"),
        ("ubuntu-24.04", "<OS>"),
        ("Linux v6", "<OS>"),
        ("cc_version=2.1.330.730;", "cc_version=<ID>;"),
        ("git repo: yes", "git repo: <ANSWER>"),
        ("git repository: false", "git repo: <ANSWER>"),
        ("git repo: maybe", "git repo: maybe"),
        ("folder: / ", "folder: <PATH>"),
        ("and/or / so", "and/or / so"),
        ("disk/tmp", "disk/tmp"),
        ("a.b/tmp", "a.b/tmp"),
        ("  many \n\t blanks ", "many blanks"),
    ],
)
def test_other_things_that_change_are_taken_out_and_no_more(text: str, left: str) -> None:
    assert steady(text) == left


NAMES = {
    "server": True,
    "via": True,
    "x-powered-by": True,
    "openai-version": True,
    "openai-model": True,
    "x-model": True,
    "x-gen-model": True,
    "x-model-id": True,
    "x-version": True,
    "x-api-version": True,
    "x-compute-type": True,
    "x-inference-type": True,
    "openai-organization": False,
    "x-request-id": False,
    "server-timing": False,
    "date": False,
}


@pytest.mark.parametrize("name", NAMES)
def test_headers_that_name_software_are_kept(name: str) -> None:
    one = replace(answered(said()), response_headers={name.title(): "value", "x-empty-version": ""})
    assert dict(server_says(one, "another")) == ({name: "value"} if NAMES[name] else {})
    redacted = replace(one, response_headers={name: "with [redacted]"})
    assert dict(server_says(redacted, "another")) == {}


def test_a_header_is_kept_in_short_and_without_ids() -> None:
    told = dict(
        server_says(replace(answered(said()), response_headers={"server": "x " * 500, "via": "1-" + "a" * 18}), "")
    )
    assert told["server"] == ("x " * 500)[:200]
    assert told["via"] == "<ID>"


def test_an_error_names_no_model_and_an_answer_its_own() -> None:
    (one,) = trial(answered(said()))
    assert dict(server_says(one, "m")) == {"model": "m"}
    assert dict(server_says(replace(one, status=400), "m")) == {}
    assert dict(server_says(replace(one, status=399), "m")) == {"model": "m"}
    assert dict(server_says(replace(one, kind="models"), "m")) == {}


def test_a_print_counts_what_it_was_made_of() -> None:
    tools = (Tool("a", "x"), Tool("b", "y", server=True, raw={"type": "b"}), Tool("c", "z", grammar={"g": 1}))
    request = Request("m", (Message("system", (Text("One m."),)), Message("developer", (Text("Two."),))), tools)
    assert system_prompt(request) == "One m.\nTwo."
    told = agent_print(request, "1.0")
    assert (told.version, told.tool_count, told.system_chars) == ("1.0", 3, len("One <MODEL>. Two."))
    assert told.tool_chars == len(
        steady(
            "\n".join(
                (
                    '["a", "x", null, null, null]',
                    '["b", "y", null, null, {"type": "b"}]',
                    '["c", "z", null, {"g": 1}, null]',
                )
            )
        )
    )
    assert len(told.tools) == len(told.system) == 16
    for other in (
        replace(tools[0], parameters={}),
        replace(tools[0], namespace="n"),
        replace(tools[0], grammar={}),
        replace(tools[0], server=True, raw={"type": "a"}),
    ):
        assert agent_print(replace(request, tools=(other, *tools[1:])), "1.0").tools != told.tools
    assert agent_print(replace(request, tools=(replace(tools[0], raw={"any": 1}), *tools[1:])), "1.0") == told


def test_of_very_many_faces_some_are_kept() -> None:
    seen = Seen("m", {"codex": "1"})
    for number in range(12):
        made = trial(answered(said()))[0]
        body = made.request_body.replace(b'"run"', f'"run{number}"'.encode())
        seen.add(replace(made, trial=f"tasks/t{number}/codex#1", request_body=body))
    assert len(seen.about()["fingerprints"]["codex"]) == 8
    assert isinstance(seen.about()["fingerprints"]["codex"][0], AgentPrint)


def test_what_has_ever_new_values_tells_nothing_of_a_change() -> None:
    assert list(renamed({"model": ["a"]}, {"model": ["b", "c"]})) == [
        "the server names another model: b, c (before: a)"
    ]
    assert list(renamed({"model": ["a"]}, {"model": ["b", MANY]})) == []
    assert list(renamed({"model": ["a", MANY]}, {"model": ["b"]})) == []
    assert list(renamed({}, {"model": ["b"]})) == []
    assert list(renamed({"via": ["a"], "model": ["a"]}, {"via": ["a"], "model": ["b"]})) != []
