"""What a finding says of how often it was seen, over what, and what else may be all of it."""

from __future__ import annotations

from pathlib import Path

from toolworthy.report.page.findings import groups, often

from . import made


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
    told = {group.code: group for group in groups(0, run)}
    assert often(told["TW702"]) == "2 of 3 probes over chat"
    assert often(told["usage-grows"]) == "1 of 3 probes over chat"
    assert told["usage-grows"].beside == ("TW702",)
    assert told["TW702"].beside == ()
    (mend,) = (line for line in told["TW702"].mend if line.startswith("Over messages no probe met it"))
    assert "toolworthy proxy --endpoint hosted --wire messages" in mend
