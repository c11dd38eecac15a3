"""Google Gemini's generateContent and streamGenerateContent.

Source: Gemini API reference (ai.google.dev/api/generate-content) and Google's own SDKs; what servers that emulate it do
otherwise as noted where it is handled.
"""

import re

from toolworthy.wire.declaration import WireApi
from toolworthy.wire.gemini._request import parse_request, render_request
from toolworthy.wire.gemini._response import (
    STOPS,
    GeminiDecoder,
    parse_response,
    render_error,
    render_models,
    render_response,
)
from toolworthy.wire.gemini._stream import GeminiEncoder

API = WireApi(
    name="gemini",
    base="",
    completion="/v1beta/models/{model}:generateContent",
    streaming="/v1beta/models/{model}:streamGenerateContent?alt=sse",
    models="/v1beta/models",
    count_tokens="/v1beta/models/{model}:countTokens",
    auth="x-goog-api-key",
    mark="x-goog-api-key",
    conversation="contents",
    id_prefix="response_",
    stops=frozenset(STOPS),
    fields=frozenset({"candidates", "promptFeedback"}),
    kinds=re.compile(r"(?!)"),
    lists=frozenset({"candidates"}),
    whole_calls="always",
    reasoning="thought",
    signs_calls=True,
    text_part={},
    parts="parts",
    overflow="The input token count ({tokens}) exceeds the maximum number of tokens allowed ({window}).",
    decoder=GeminiDecoder,
    encoder=GeminiEncoder,
    parse_request=parse_request,
    render_request=render_request,
    parse_response=parse_response,
    render_response=render_response,
    render_error=render_error,
    render_models=render_models,
    render_count=lambda tokens: {"totalTokens": tokens},
)
