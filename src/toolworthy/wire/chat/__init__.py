"""OpenAI Chat Completions.

Source: OpenAI API reference, Chat Completions; vendors' deviations as noted where they are handled.
"""

import re

from toolworthy.wire.chat._response import parse_response, render_response
from toolworthy.wire.chat._stream import ChatDecoder, ChatEncoder
from toolworthy.wire.chat.request import parse_request, render_request
from toolworthy.wire.declaration import WireApi
from toolworthy.wire.shapes import CONTEXT_LENGTH_EXCEEDED, openai_error, openai_models

API = WireApi(
    name="chat",
    base="/v1",
    completion="/v1/chat/completions",
    models="/v1/models",
    auth="bearer",
    relatives=("responses",),
    conversation="messages",
    several="n",
    id_prefix="chatcmpl-",
    stops=frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"}),
    fields=frozenset({"choices"}),
    kinds=re.compile(r"chat\.completion"),
    answer_kind="chat.completion",
    lists=frozenset({"choices"}),
    reasoning=None,
    usage_on_request=True,
    decoder=ChatDecoder,
    encoder=ChatEncoder,
    parse_request=parse_request,
    render_request=render_request,
    parse_response=parse_response,
    render_response=render_response,
    overflow=(
        "This model's maximum context length is {window} tokens. However, your messages resulted in {tokens} tokens. "
        "Please reduce the length of the messages."
    ),
    overflow_code=CONTEXT_LENGTH_EXCEEDED,
    render_error=openai_error,
    render_models=openai_models,
)
