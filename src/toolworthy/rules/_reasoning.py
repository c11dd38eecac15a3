"""Rules on the field for the model's reasoning."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from toolworthy.rules.model import Violations, builtin
from toolworthy.rules.view import View
from toolworthy.wire.lenient import as_dict, as_list

_KNOWN = {"reasoning_content", "reasoning", "reasoning_details", "reasoning_text"}
"""Fields that clients read: DeepSeek's, vLLM's and OpenRouter's, OpenRouter's list, Copilot's."""
_MEANT = re.compile(r"think|thought|reason", re.IGNORECASE)
_NOT_TEXT = re.compile(r"signature|opaque|encrypted|token|effort|_id$|summary|finish|stop", re.IGNORECASE)


@builtin("TW331")
def _unknown_reasoning_field(view: View) -> Violations:
    for fields, written in _deltas_and_messages(view):
        for name, value in fields.items():
            strange = name not in _KNOWN and _MEANT.search(name) and not _NOT_TEXT.search(name)
            if strange and isinstance(value, str) and value and not any(fields.get(known) for known in _KNOWN):
                yield f"reasoning is in the field {name!r}", written


def _deltas_and_messages(view: View) -> Iterator[tuple[Mapping[str, Any], str]]:
    for event, choice in view.choices:
        yield as_dict(choice.get("delta")), event.data
    for choice in as_list(view.whole.get("choices")):
        yield as_dict(as_dict(choice).get("message")), json.dumps(choice)
