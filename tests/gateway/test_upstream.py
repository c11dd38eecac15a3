"""What is sent to the endpoint for a request of another API: all of it, or an error that says what to do."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from tests.support.upstream import endpoint
from toolworthy import wire
from toolworthy.base.packing import Coding, pack
from toolworthy.gateway.upstream import Upstream, plan

BODY = {"model": "m", "input": [{"role": "user", "content": "hi"}], "stream": True}


def planned(body: bytes, **headers: str) -> Upstream:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return plan(endpoint("http://h", "chat"), wire.route("POST", "/v1/responses"), "/v1/responses", named, body)


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
def test_a_packed_request_is_translated(coding: Coding) -> None:
    plain = json.dumps(BODY).encode()
    made = planned(pack(plain, coding), content_encoding=coding)
    assert made.body == planned(plain).body
    assert "content-encoding" not in made.headers


@pytest.mark.parametrize("changed", ["not at all", "by a repair", "by a field"])
def test_a_packed_request_that_changes_is_sent_unpacked(changed: str) -> None:
    plain = json.dumps(BODY).encode()
    target = endpoint("http://h", "responses")
    repaired = {"by a repair": b'{"repaired": true}', "not at all": plain}.get(changed)
    if changed == "by a field":
        target = dataclasses.replace(target, extra_body={"responses": {"top_k": 1}})
    packed = pack(plain, "zstd")
    route, headers = wire.route("POST", "/v1/responses"), [("content-encoding", "zstd")]
    made = plan(target, route, "/v1/responses", headers, packed, repaired)
    if changed == "not at all":
        assert (made.body, made.headers["content-encoding"]) == (packed, "zstd")
    else:
        assert json.loads(made.body) == ({**BODY, "top_k": 1} if changed == "by a field" else {"repaired": True})
        assert "content-encoding" not in made.headers


@pytest.mark.parametrize(
    "stored",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"input": [{"type": "item_reference", "id": "rs_1"}, {"role": "user", "content": "hi"}]},
    ],
)
def test_what_only_the_endpoint_has_stored_is_refused_in_words(stored: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"cannot be translated\. Send all of it"):
        planned(json.dumps({**BODY, **stored}).encode())
