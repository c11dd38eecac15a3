"""What to do is told for the server that answers, not for the name that the user gave it."""

from __future__ import annotations

import pytest

from toolworthy.content import providers
from toolworthy.endpoint.preflight import _models as models
from toolworthy.judgement.analysis.remedy import server_of
from toolworthy.records.meta import RunMeta
from toolworthy.records.probe import ProbeKey, ProbeResult

SAID = 'HTTP 400: "auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'


def refused(detail: str) -> list[ProbeResult]:
    key = ProbeKey(probe="one-call", api="chat", stream=True)
    return [ProbeResult(key=key, title="one call", verdict="rejected", detail=detail)]


@pytest.mark.parametrize(
    ("told", "detail", "named", "wanted"),
    [
        ("llamacpp", SAID, "openai", "llamacpp"),  # its own word first
        ("", SAID, "openai", "vllm"),  # then the words of its errors
        ("", "no", "openai", "openai"),
        ("", "no", "generic", "generic"),
    ],
)
def test_the_server_that_was_recognized_comes_first(told: str, detail: str, named: str, wanted: str) -> None:
    about = {"endpoint": {"provider": named}, "preflight": {"server": told}}
    assert server_of(RunMeta.model_validate(about), refused(detail)).id == wanted


def test_a_list_of_models_tells_its_server() -> None:
    assert models.server([{"id": "m", "owned_by": "vllm"}]) == "vllm"
    assert models.server([{"id": "m", "owned_by": "llamacpp"}]) == "llamacpp"
    assert models.server([{"id": "m", "owned_by": "somebody"}, {"id": "n"}]) == ""


def test_no_two_servers_share_a_sign() -> None:
    owners = [owner for one in providers.every() for owner in one.signs.owner]
    assert len(owners) == len(set(owners))
