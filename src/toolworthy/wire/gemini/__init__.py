"""Google Gemini's generateContent and streamGenerateContent.

Source: Gemini API reference (ai.google.dev/api/generate-content) and Google's own SDKs; what servers that emulate it do
otherwise as noted where it is handled.
"""

from toolworthy.wire.failure import parse_error
from toolworthy.wire.gemini.request import parse_request, render_request
from toolworthy.wire.gemini.response import parse_response, render_error, render_response
from toolworthy.wire.gemini.stream import Decoder, Encoder

COMPLETION_PATH = "/v1beta/models/{model}:generateContent"

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
