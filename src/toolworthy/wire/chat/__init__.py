"""OpenAI Chat Completions.

Source: OpenAI API reference, Chat Completions; vendors' deviations as noted where they are handled.
"""

from toolworthy.wire.chat.request import parse_request, render_request
from toolworthy.wire.chat.response import parse_response, render_error, render_response
from toolworthy.wire.chat.stream import Decoder, Encoder
from toolworthy.wire.failure import parse_error

COMPLETION_PATH = "/chat/completions"

__all__ = [
    "COMPLETION_PATH",
    "Decoder",
    "Encoder",
    "parse_error",
    "parse_request",
    "parse_response",
    "render_error",
    "render_request",
    "render_response",
]
