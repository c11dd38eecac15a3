"""OpenAI Responses.

Source: OpenAI API reference, Responses; what Codex sends beyond it as noted where it is handled.
"""

from toolworthy.wire.failure import parse_error
from toolworthy.wire.responses.encode import Encoder
from toolworthy.wire.responses.request import parse_request, render_request
from toolworthy.wire.responses.response import parse_response, render_error, render_response
from toolworthy.wire.responses.stream import Decoder

COMPLETION_PATH = "/responses"

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
