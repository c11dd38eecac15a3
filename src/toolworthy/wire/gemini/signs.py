"""What Gemini signs: the ids that we make up for calls without one, and reasoning carried in thought signatures.

Gemini signs the part behind its reasoning, usually a call, and wants the signature back on that part. In the neutral
form the signature is a reasoning part of its own, without text, which names the call. Reasoning of another API goes to
an agent that speaks Gemini as the signature of a call, since such agents keep those and often drop the thoughts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any

from toolworthy.wire.ir import Thinking
from toolworthy.wire.lenient import dump_json
from toolworthy.wire.seal import seal, unseal

NOBODYS = "skip_thought_signature_validator"
"""What Google's documentation has for calls that no endpoint signed (ai.google.dev, "Thought signatures")."""
_OTHERS = frozenset({NOBODYS, "context_engineering_is_the_way_to_go"})
_MADE = "call_tw_"


def made_id(*seed: Any) -> str:
    """An id for a call that came without one, the same whenever the same is read again."""
    text = dump_json(seed).encode("utf-8", "replace")
    return _MADE + hashlib.sha256(text).hexdigest()[:20]


def own(call_id: str) -> str | None:
    """The id that Gemini gave a call; None where it gave none and we did."""
    return None if call_id.startswith(_MADE) or not call_id else call_id


def signed(thinking: Sequence[Thinking]) -> str:
    """A thought signature, which must be base64, that holds other APIs' reasoning."""
    return base64.b64encode("\n".join(map(seal, thinking)).encode()).decode()


def read(signature: str) -> list[Thinking] | None:
    """The reasoning that :func:`signed` put into a signature; None for a signature of an endpoint's own."""
    try:
        text = base64.b64decode(signature, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    found = [unseal(line) for line in text.split("\n")]
    return [thought for thought in found if thought] if all(found) else None


def given(signature: str) -> bool:
    """Whether an endpoint gave this signature: it is none of the documented dummies, plain or in base64."""
    try:
        plain = base64.b64decode(signature, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        plain = signature
    return not {signature, plain} & _OTHERS
