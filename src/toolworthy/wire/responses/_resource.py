"""The response object around the output items, with every field that the API promises.

Source: OpenAI API reference, "The response object"; Open Responses 2026-04-24, whose ``ResponseResource`` requires all
of them. Fields of the request are repeated; other fields have the API's default.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from toolworthy.wire.ir import Reasoning, Request, Response, Tool, ToolChoice, Usage
from toolworthy.wire.lenient import as_dict, as_int, as_str
from toolworthy.wire.responses._request import write_tools

_PREFIX = "resp_"


def response_object(
    response: Response, request: Request, output: list[dict[str, Any]], status: str | None = None
) -> dict[str, Any]:
    """The object around the output items."""
    status = status or ("incomplete" if response.stop in ("length", "filter") else "completed")
    reason = "content_filter" if response.stop == "filter" else "max_output_tokens"
    return {
        "id": response_id(response),
        "object": "response",
        "created_at": 0,
        "completed_at": 0 if status == "completed" else None,
        "model": response.model or request.model,
        "status": status,
        "output": _cut(output) if status == "incomplete" else output,
        "error": None,
        "incomplete_details": {"reason": reason} if status == "incomplete" else None,
        **_asked(request),
        **_said_back(request),
        "usage": write_usage(response.usage) if response.usage else None,
    }


def response_id(response: Response) -> str:
    """The response's id, with this API's prefix where it is another's."""
    return response.id if response.id.startswith(_PREFIX) else f"{_PREFIX}{response.id or 0}"


def _cut(output: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items of a truncated response; the last one is incomplete."""
    if not output or output[-1].get("status") != "completed":
        return output
    return [*output[:-1], {**output[-1], "status": "incomplete"}]


def write_usage(usage: Usage | None) -> dict[str, Any]:
    """A usage object in this API's form."""
    usage = usage or Usage()
    input_tokens, output_tokens = usage.input or 0, usage.output or 0
    return {
        "input_tokens": input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached or 0, "cache_write_tokens": usage.cache_write or 0},
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": input_tokens + output_tokens,
    }


def _asked(request: Request) -> dict[str, Any]:
    """Fields of the request that have a neutral form."""
    return {
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "tool_choice": _choice(request.tool_choice, request),
        "tools": list(_tools(request.tools)),
        "temperature": 1.0 if request.temperature is None else request.temperature,
        "top_p": 1.0 if request.top_p is None else request.top_p,
        "max_output_tokens": request.max_tokens,
        "reasoning": _reasoning(request.reasoning),
        "text": {"format": _format(as_dict(request.response_format))},
        "user": request.user,
        "instructions": None,
    }


def _said_back(request: Request) -> dict[str, Any]:
    """Fields that only this API has. Nothing is stored or runs in the background, even if the request asks for it."""
    extra = request.extra
    return {
        "previous_response_id": as_str(extra.get("previous_response_id")) or None,
        "truncation": "auto" if extra.get("truncation") == "auto" else "disabled",
        "max_tool_calls": as_int(extra.get("max_tool_calls")),
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "top_logprobs": 0,
        "store": False,
        "background": False,
        "service_tier": "default",
        "metadata": as_dict(extra.get("metadata")),
        "safety_identifier": as_str(extra.get("safety_identifier")) or None,
        "prompt_cache_key": as_str(extra.get("prompt_cache_key")) or None,
    }


def _choice(choice: ToolChoice | None, request: Request) -> Any:
    if choice is None:
        return "auto"
    if choice.mode != "named":
        return choice.mode
    custom = any(tool.custom for tool in request.tools if tool.name == choice.name)
    return {"type": "custom" if custom else "function", "name": choice.name}


def _tools(tools: tuple[Tool, ...]) -> Iterator[dict[str, Any]]:
    for tool in write_tools(tools):
        absent = {"description": None, "parameters": None, "strict": None} if tool.get("type") == "function" else {}
        yield {**absent, **tool}


def _reasoning(reasoning: Reasoning | None) -> dict[str, Any]:
    settings = reasoning or Reasoning()
    return {"effort": settings.effort, "summary": settings.summary}


def _format(wanted: dict[str, Any]) -> dict[str, Any]:
    if wanted.get("type") != "json_schema":
        return {"type": wanted.get("type") or "text"}
    return {"type": "json_schema", "description": None, "strict": False, **as_dict(wanted.get("json_schema"))}
