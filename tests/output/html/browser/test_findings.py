"""What a finding says of how often it was seen, over what, and what else may be all of it."""

from __future__ import annotations

from pathlib import Path

from tests.support import made
from toolworthy.output.html._findings import groups


def test_shares_are_of_what_was_asked_over_the_same_api(tmp_path: Path) -> None:
    run = made.begun(tmp_path)
    zero = made.finding("TW702", "degrades", title="usage of zero")
    for api, found in (("chat", (zero,)), ("messages", ())):
        for name, verdict, own in (
            ("one-call", "supported", found),
            ("usage-grows", "broken" if found else "supported", found),
            ("usage", "supported", ()),
        ):
            asked = made.probe(name, api, verdict, findings=own)
            file = made.recorded(run, asked.key, [made.exchange(asked.key)])
            run.append(asked.model_copy(update={"exchanges": file}))
    told = {group.cause.code: group.cause for group in groups(0, run)}
    assert told["TW702"].count == "2 of 3 probes over chat"
    assert told["usage-grows"].count == "1 of 3 probes over chat"
    assert told["TW702"].unaffected.startswith("Not seen over Messages")
    assert "toolworthy proxy" not in told["TW702"].remedy, "who gets along with it needs no way round it"


def test_what_fails_by_a_fault_is_folded_beneath_it(tmp_path: Path) -> None:
    run = made.begun(tmp_path)
    leak = made.finding("TW201", "blocks", title="a call stands in the text")
    for name, found in (("session-opencode", (leak,)), ("two-rounds", (leak,)), ("unicode-text", ())):
        own = {"agents": ("opencode",), "main_path": True} if name.startswith("session") else {"situation": "thinking"}
        asked = made.probe(name, "chat", "broken", findings=found, detail=f"as {name} goes", **own)
        file = made.recorded(run, asked.key, [made.exchange(asked.key)])
        run.append(asked.model_copy(update={"exchanges": file}))
    told = {group.cause.code: group.cause for group in groups(0, run)}
    assert [*told] == ["TW201", "unicode-text"], "what breaks an agent comes first"
    assert {one.partition(":")[0] for one in told["TW201"].follows} == {"session-opencode", "two-rounds"}
