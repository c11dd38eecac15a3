"""Brief responses to agents' side requests: titles, summaries, JSON by a schema."""

from __future__ import annotations

import json

from toolworthy.content.toolset import sample
from toolworthy.wire.ir import Request
from toolworthy.wire.lenient import as_dict


def side_answer(request: Request) -> str:
    """A short text that fits the request."""
    wanted = as_dict(request.response_format)
    if wanted.get("type") == "json_schema":
        return json.dumps(sample(as_dict(as_dict(wanted.get("json_schema")).get("schema"))))
    if wanted.get("type") == "json_object":
        return "{}"
    if request.tools:
        return "I am toolworthy's reference endpoint and play only the tasks that I know; this is none of them."
    return "Working on a coding task"
