"""What every wire API declares of itself."""

import re
from typing import get_args

import pytest

from toolworthy import wire
from toolworthy.wire.declaration import Route
from toolworthy.wire.ir import Api

ALL: tuple[Api, ...] = get_args(Api)
BODY = {"model": "owner/m-1", "stream": True, "more": 1}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ALL)
def test_what_is_sent_is_received(name: Api, stream: bool) -> None:
    api = wire.api(name)
    path, sent = api.sent({**BODY, "stream": stream})
    assert ("model" in sent) != api.in_path
    assert api.received(path, sent) == {**BODY, "stream": stream}
    asked = api.asked("POST", path.partition("?")[0])
    assert asked
    assert asked.kind == "completion"


@pytest.mark.parametrize("name", ALL)
def test_a_path_is_known_without_its_version_and_is_no_part_of_a_base_url(name: Api) -> None:
    api = wire.api(name)
    path = api.path(model="m")
    assert re.fullmatch(r"/v1\w*", api.bare(path))
    assert api.asked("POST", "/" + path.split("/", 2)[2])
    assert not api.asked("GET", path)


def test_a_model_in_the_path_is_read_with_what_is_asked_of_it() -> None:
    api = wire.api("gemini")
    assert api.sent(BODY) == ("/v1beta/models/owner/m-1:streamGenerateContent?alt=sse", {"more": 1})
    told = api.asked("POST", "/v1beta/models/m%3A1:generateContent")
    assert told
    assert (told.model, told.stream) == ("m:1", False)


def test_a_list_of_models_is_of_the_api_whose_header_is_there() -> None:
    assert wire.route("GET", "/v1/models?limit=2") == Route("models", "chat")
    assert wire.route("GET", "/v1/models", {"anthropic-version"}) == Route("models", "messages")
    assert wire.route("GET", "/v1/models/owner/m%3A1") == Route("models", "chat", "owner/m:1")
    assert wire.route("GET", "/v1beta/models/m") == Route("models", "gemini", "m")
    assert wire.route("POST", "/v1/models/m") == Route("other", None)
    assert wire.route("POST", "/v1/messages/count_tokens") == Route("count_tokens", "messages")
    assert wire.route("HEAD", "/v1/") == Route("health", None)
    assert wire.route("GET", "/responses") == Route("other", None)


@pytest.mark.parametrize("name", ALL)
def test_the_key_is_sent_as_the_vendor_takes_it_or_as_told(name: Api) -> None:
    api = wire.api(name)
    assert "k" in "".join(api.authorised("k").values())
    assert api.authorised("k", "bearer") == {**api.headers, "authorization": "Bearer k"}
    assert api.authorised("k", "none") == api.authorised(None) == api.headers


@pytest.mark.parametrize("name", ALL)
def test_an_agent_is_asked_in_its_own_api_first_and_in_all_others(name: Api) -> None:
    assert wire.relatives(name)[0] == name
    assert wire.relatives("messages")[:3] == ("messages", "chat", "responses")
    assert wire.relatives("chat")[:3] == ("chat", "responses", "messages")
