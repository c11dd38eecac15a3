"""Anthropic Messages.

Source: Anthropic API reference, Messages; what agents send beyond it as noted where it is handled.
"""

import re

from toolworthy.wire.declaration import WireApi
from toolworthy.wire.messages._request import parse_request, render_request
from toolworthy.wire.messages._response import STOPS, parse_response, render_error, render_models, render_response
from toolworthy.wire.messages._stream import MessagesDecoder, MessagesEncoder

API = WireApi(
    name="messages",
    base="",
    completion="/v1/messages",
    models="/v1/models",
    count_tokens="/v1/messages/count_tokens",
    auth="x-api-key",
    headers={"anthropic-version": "2023-06-01"},
    mark="anthropic-version",
    conversation="messages",
    id_prefix="msg_",
    stops=frozenset(STOPS),
    fields=frozenset({"content", "content_block", "stop_reason"}),
    kinds=re.compile(r"message|content_block"),
    answer_kind="message",
    whole_calls="outside streams",
    reasoning="thinking",
    overloaded=529,
    overflow="prompt is too long: {tokens} tokens > {window} maximum",
    decoder=MessagesDecoder,
    encoder=MessagesEncoder,
    parse_request=parse_request,
    render_request=render_request,
    parse_response=parse_response,
    render_response=render_response,
    render_error=render_error,
    render_models=render_models,
)
