"""Thought signatures, reasoning of other APIs carried in them, and generated ids for calls without one.

Gemini signs the part after its reasoning, usually a call, and requires the signature on that part in later requests. In
the neutral form the signature is a reasoning part of its own, without text, which names the call. Reasoning of another
API goes to an agent that speaks Gemini as the signature of a call, since such agents keep those and often drop the
thoughts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from toolworthy.wire._carried_reasoning import fields, restored
from toolworthy.wire.ir import Thinking
from toolworthy.wire.lenient import as_list, dump_json, parse_json

NOBODYS = "skip_thought_signature_validator"
"""The documented substitutes for calls that no endpoint signed (ai.google.dev, "Thought signatures")."""
_OTHERS = frozenset({NOBODYS, "context_engineering_is_the_way_to_go"})
_MADE = "call_tw_"
_SEALED = b"tw1."
_URL_SAFE = str.maketrans("-_", "+/")


def made_id(*seed: Any) -> str:
    """An id for a call that came without one: always the same for the same call."""
    text = dump_json(seed).encode("utf-8", "replace")
    return _MADE + hashlib.sha256(text).hexdigest()[:20]


def own(call_id: str) -> str | None:
    """The id that Gemini gave a call; None if :func:`made_id` generated it."""
    return None if call_id.startswith(_MADE) or not call_id else call_id


def signed(thinking: Sequence[Thinking]) -> str:
    """A thought signature, which must be base64, that holds other APIs' reasoning."""
    return base64.b64encode(_SEALED + json.dumps(list(map(fields, thinking)), separators=(",", ":")).encode()).decode()


def read(signature: str) -> list[Thinking] | None:
    """The reasoning that :func:`signed` put into a signature; None for a signature of an endpoint's own."""
    text = (_text(signature) or "").encode()
    thoughts = (
        [restored(each) for each in as_list(parse_json(text.removeprefix(_SEALED)))] if _SEALED in text[:4] else []
    )
    return [thought for thought in thoughts if thought] or None


def given(signature: str) -> bool:
    """Whether an endpoint made this signature: it is not a documented substitute, plain or in base64."""
    return not {signature, _text(signature)} & _OTHERS


def _text(signature: str) -> str | None:
    """The ASCII text in it, in either alphabet of base64: Google's SDK for Python changes one into the other."""
    try:
        return base64.b64decode(signature.translate(_URL_SAFE), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
