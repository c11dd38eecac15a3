"""OpenAI Responses.

Source: OpenAI API reference, Responses; what Codex sends beyond it as noted where it is handled.
"""

import re

from toolworthy.wire.declaration import WireApi
from toolworthy.wire.responses._encode import ResponsesEncoder
from toolworthy.wire.responses._request import parse_request, render_request
from toolworthy.wire.responses._response import parse_response, render_response
from toolworthy.wire.responses._stream import ResponsesDecoder
from toolworthy.wire.shapes import CONTEXT_LENGTH_EXCEEDED, openai_error, openai_models

API = WireApi(
    name="responses",
    base="/v1",
    completion="/v1/responses",
    models="/v1/models",
    auth="bearer",
    conversation="input",
    id_prefix="resp_",
    stops=frozenset(),
    fields=frozenset({"output", "response"}),
    kinds=re.compile(r"response"),
    answer_kind="response",
    reasoning="reasoning_item",
    namespaces=True,
    text_part={"type": "input_text"},
    decoder=ResponsesDecoder,
    encoder=ResponsesEncoder,
    parse_request=parse_request,
    render_request=render_request,
    parse_response=parse_response,
    render_response=render_response,
    overflow=(
        "Your input exceeds the context window of this model: {tokens} tokens > {window}. "
        "Please adjust your input and try again."
    ),
    overflow_code=CONTEXT_LENGTH_EXCEEDED,
    overflow_streamed=True,
    render_error=openai_error,
    render_models=openai_models,
)
