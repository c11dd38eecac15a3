"""Anthropic Messages.

Source: Anthropic API reference, Messages; what agents send beyond it as noted where it is handled.
"""

from toolworthy.wire.failure import parse_error
from toolworthy.wire.messages.request import parse_request, render_request
from toolworthy.wire.messages.response import parse_response, render_error, render_response
from toolworthy.wire.messages.stream import Decoder, Encoder

COMPLETION_PATH = "/v1/messages"

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
