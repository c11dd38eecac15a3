"""Carry an endpoint's reasoning through an agent that speaks another API, and back.

An agent replays a thinking block's ``signature`` (messages) or a reasoning item's ``encrypted_content`` (responses)
without looking inside. So what the endpoint's own form needs (field name, signature, id) is packed into that field for
the agent and unpacked from its next request. The gateway stores nothing in between.
"""

from __future__ import annotations

import base64
import json
from typing import Any, get_args

from toolworthy.wire.ir import ReasoningForm, Thinking

_PREFIX = "tw1."


def seal(thinking: Thinking) -> str:
    """Pack all of `thinking` into one opaque ASCII token."""
    raw = json.dumps(fields(thinking), separators=(",", ":")).encode()
    return _PREFIX + base64.urlsafe_b64encode(raw).decode()


def unseal(token: str | None) -> Thinking | None:
    """The reasoning that :func:`seal` packed, or None where `token` is not such a token."""
    if not token or not token.startswith(_PREFIX):
        return None
    try:
        return restored(json.loads(base64.urlsafe_b64decode(token[len(_PREFIX) :])))
    except ValueError:
        return None


def fields(thinking: Thinking) -> list[str | None]:
    """All of `thinking` as a JSON object."""
    return [thinking.form, thinking.text, thinking.signature, thinking.id]


def restored(value: Any) -> Thinking | None:
    """The inverse of :func:`fields`; None if the object is not such fields."""
    if not isinstance(value, list) or len(value) != 4:
        return None
    form, text, signature, item_id = value
    if form not in get_args(ReasoningForm) or not isinstance(text, str):
        return None
    return Thinking(text=text, form=form, signature=signature, id=item_id)
