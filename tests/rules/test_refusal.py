"""What kind of error an answer is, and what it says, wherever the server put it."""

import json
import time
from email.utils import formatdate
from typing import Any

import pytest

from toolworthy.rules.refusal import classify

_OPENAI = {"message": "You exceeded your current quota, please check your plan and billing details."}
_GOOGLE = {
    "error": {
        "code": 429,
        "message": "You exceeded your current quota, please check your plan and billing details.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}],
    }
}
_SHARED = {"message": "The provider limits this model. This is not a budget problem: do not ask billing."}


def _error(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


KINDS: list[tuple[str, int, Any]] = [
    ("rate limited", 429, _error("Rate limit reached for requests")),
    ("rate limited", 429, {"error": {**_SHARED, "type": "rate_limit_error"}}),
    ("rate limited", 429, _error("Rate limit reached on tokens per day. Upgrade at https://x.example/billing")),
    ("rate limited", 429, _error("No deployments available for selected model, Try again in 5 seconds")),
    ("rate limited", 429, _GOOGLE),
    ("rate limited", 429, b""),
    ("rate limited", 500, _error("upstream: Rate limit exceeded")),
    ("unavailable", 503, _error("Loading model", type="unavailable_error")),
    ("unavailable", 529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    ("unavailable", 502, b"upstream connect error or disconnect/reset before headers"),
    ("unavailable", 500, _error("Internal server error")),
    ("rate limited", 200, {"error_code": 17, "error_msg": "daily request limit reached"}),
    ("rate limited", 403, {"message": "Out of call volume quota. Quota will be replenished in 03:12:09."}),
    ("rate limited", 200, b"event: error\ndata: rate limit exceeded, retry in 3s\n\n"),
    ("unavailable", 429, _error("The engine is currently overloaded, please try again later")),
    ("unavailable", 429, {"error": "Model is overloaded", "error_type": "overloaded"}),
    ("unavailable", 408, _error("Timed out waiting for a free slot")),
    ("empty account", 403, _error("The free tier of the model has been exhausted.")),
    ("empty account", 403, _error("Your trial has ended. Add a payment method.", code="trial_expired")),
    ("bad key", 400, [_error("Missing or invalid Authorization header.")]),
    ("bad key", 400, {"fault": {"faultstring": "Failed to resolve API Key variable"}}),
    ("unknown model", 404, _error("Not found the model x or Permission denied", type="resource_not_found_error")),
    ("unknown model", 400, _error("Unavailable model: x", code="unavailable_model")),
    ("unknown model", 400, {"message": "The provided model identifier is invalid."}),
    ("unknown model", 503, _error("当前分组 default 下对于模型 x 无可用渠道")),
    ("wrong route", 403, {"message": "Missing Authentication Token"}),
    ("wrong route", 404, _error("File Not Found", type="not_found_error")),
    ("wrong route", 403, b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"),
    (
        "bad request",
        413,
        _error("Request too large: tokens per minute (TPM)", code="rate_limit_exceeded"),
    ),
    ("bad request", 429, {"code": 8, "message": "grpc: received message larger than max"}),
    ("bad request", 200, b'data: {"error": {"message": "too long", "type": "BadRequestError", "code": 400}}\n\n'),
    ("bad request", 500, _error("Jinja Exception: System message must be at the beginning.")),
    ("empty account", 402, _error("Insufficient Balance")),
    ("empty account", 402, b""),
    ("empty account", 429, {"error": {**_OPENAI, "type": "insufficient_quota", "code": "insufficient_quota"}}),
    ("empty account", 429, _error("余额不足或无可用资源包,请充值。", code="1113")),
    ("empty account", 400, _error("Your credit balance is too low to access the API. Purchase credits.")),
    (
        "empty account",
        403,
        _error("用户额度不足, 剩余额度: 0.00", type="new_api_error", code="insufficient_user_quota"),
    ),
    ("empty account", 403, _error("Your team doesn't have any credits yet.")),
    ("empty account", 401, {"detail": "quota of this key used"}),
    ("empty account", 400, _error("Budget has been exceeded! Current cost: 1.2", type="budget_exceeded", code="400")),
    ("bad key", 401, {"detail": "Unauthorized"}),
    ("bad key", 401, {"message": "No API key found in request"}),
    ("bad key", 403, _error("Forbidden")),
    ("bad key", 400, _error("API key not valid. Please pass a valid API key.", status="INVALID_ARGUMENT")),
    ("unknown model", 503, _error("No available channel for model x under group default", code="model_not_found")),
    ("unknown model", 404, _error("The model `x` does not exist.", type="NotFoundError", code=404)),
    ("unknown model", 404, {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}}),
    ("unknown model", 404, {"error": 'model "x" not found, try pulling it first'}),
    ("unknown model", 400, _error("Model Not Exist")),
    ("unknown model", 400, _error("x is not a valid model ID", code=400)),
    ("unknown model", 404, _error("No endpoints found for x.")),
    (
        "unknown model",
        401,
        _error("key not allowed to access model. Tried to access x", type="key_model_access_denied"),
    ),
    ("wrong route", 404, {"detail": "Not Found"}),
    ("wrong route", 404, b"404 page not found"),
    ("wrong route", 404, {"message": "Route POST:/responses not found", "error": "Not Found", "statusCode": 404}),
    ("wrong route", 404, {"message": "The requested URL /v1/messages was not found on this server."}),
    ("bad request", 404, _error("Response with id 'resp_1' not found.")),
    ("wrong route", 405, {"detail": "Method Not Allowed"}),
    ("wrong route", 200, {"error": "Unexpected endpoint or method. (POST /v1/messages)"}),
    ("wrong route", 200, b"<!DOCTYPE html><html><head><title>My Router</title></head><body></body></html>"),
    ("wrong route", 302, b""),
    ("bad request", 400, _error("max_tokens must be positive")),
    ("bad request", 422, {"detail": [{"loc": ["body", "messages"], "msg": "Field required", "type": "missing"}]}),
    ("bad request", 400, _error("This model does not support image input")),
    ("bad request", 404, _error("No endpoints found that support tool use")),
    ("bad request", 404, _error("Previous response with id 'resp_1' not found.")),
    ("other client", 403, _error("Not available in your country")),
    ("other client", 401, _error("unauthorized client detected")),
]


@pytest.mark.parametrize(("kind", "status", "body"), KINDS, ids=lambda value: str(value)[:60])
def test_the_kind_of_an_error_is_told_from_status_codes_and_words(kind: str, status: int, body: Any) -> None:
    found = classify(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())
    assert found is not None
    assert found.kind == kind


def test_a_limit_that_says_when_to_come_again_is_a_limit_of_the_rate() -> None:
    body = json.dumps({"error": {**_OPENAI, "code": "insufficient_quota"}}).encode()
    kinds = [found.kind for headers in ({}, {"retry-after": "2"}) if (found := classify(429, headers, body))]
    assert kinds == ["empty account", "rate limited"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"error": {"message": "said"}}, "said"),
        ({"error": "said"}, "said"),
        ({"message": "said"}, "said"),
        ({"detail": "said"}, "said"),
        ({"detail": {"error": {"message": "said"}}}, "said"),
        ({"detail": [{"loc": ["body", "model"], "msg": "said"}]}, "body.model: said"),
        ({"errors": [{"message": "said"}]}, "said"),
        ({"errors": ["said"]}, "said"),
        ({"errors": {"model": ["said"]}}, "model: said"),
        ([{"error": {"message": "said"}}], "said"),
        ({"type": "error", "error": {"type": "x", "message": "said"}}, "said"),
        ({"type": "https://x.example/e", "title": "said", "status": 400}, "said"),
        ({"error": {"message": '{"error": {"message": "said"}}'}}, "said"),
        ({"error": {"message": "Provider error", "metadata": {"raw": '{"error": "said"}'}}}, "Provider error: said"),
        ({"code": 400, "msg": "said", "success": False}, "said"),
        ({"fault": {"faultstring": "said", "detail": {"errorcode": "x"}}}, "said"),
        ({"error": None, "message": "said"}, "said"),
        ({"error": "Not Found", "message": "said", "statusCode": 404}, "said"),
        (
            b"<html><title>Tunnel</title><body>The tunnel is offline.</body></html>",
            "a web page: Tunnel: The tunnel is offline.",
        ),
        ({"error": {"x": 1}}, '{"x":1}'),
        (b"said", "said"),
        (b"<html><head><title>said</title></head><body>x</body></html>", "a web page: said"),
        (b"<!-- x -->\n<html><head><title>Error</title></head><body><pre>said</pre></body></html>", "a web page: said"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_the_servers_own_words_are_found_wherever_they_stand(body: Any, says: str) -> None:
    found = classify(400, {}, body if isinstance(body, bytes) else json.dumps(body).encode())
    assert found is not None
    assert found.message == says


_FAILED: dict[str, Any] = {"type": "response.failed", "response": {"status": "failed", "error": None, "output": []}}


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("error", {"type": "error", "error": {"type": "overloaded_error", "message": "said"}}),
        ("error", {"code": "Throttling", "message": "said"}),
        ("error", {"type": "error", "code": "x", "message": "said", "param": None}),
        ("", {"error": {"message": "said", "code": 500}}),
        ("", {"id": "x", "choices": [{"delta": {}, "error": {"message": "said"}}]}),
        ("", {"object": "error", "message": "said"}),
        ("response.failed", {**_FAILED, "error": {"message": "said"}}),
        ("response.failed", {**_FAILED, "response": {"error": {"message": "said"}}}),
    ],
    ids=str,
)
def test_an_error_in_a_stream_is_found_under_http_200(event: str, data: dict[str, Any]) -> None:
    head = f"event: {event}\n" if event else ""
    body = f'data: {{"type": "ping"}}\n\n{head}data: {json.dumps(data)}\n\n'.encode()
    found = classify(200, {"content-type": "text/event-stream"}, body)
    assert found is not None
    assert found.message == "said"


@pytest.mark.parametrize(
    "body",
    [
        {"choices": [{"message": {"role": "assistant", "content": "no rate limit, no error"}}]},
        {"id": "r", "object": "response", "status": "completed", "error": None, "output": []},
        {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "error"}]},
        {"object": "list", "data": []},
        {"input_tokens": 3},
        {"choices": [], "base_resp": {"status_code": 0, "status_msg": ""}},
    ],
    ids=str,
)
def test_an_answer_is_no_error(body: dict[str, Any]) -> None:
    assert classify(200, {}, json.dumps(body).encode()) is None


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after": "7"}, {}, 7),
        ({"retry-after": "1.5"}, {}, 1.5),
        ({"retry-after": "9", "retry-after-ms": "250"}, {}, 0.25),
        ({"date": formatdate(0, usegmt=True), "retry-after": formatdate(90, usegmt=True)}, {}, 90),
        ({"retry-after": "soon"}, {}, None),
        ({}, _GOOGLE, 34),
        ({}, _error("Please try again in 1m2.5s."), 62.5),
        ({}, _error("Please try again in 120ms."), 0.12),
        ({}, _error("Try again in 10m4s"), 604),
        ({}, {"error": "loading", "estimated_time": 20.0}, 20),
        ({"x-ratelimit-reset-requests": "1m2s", "x-ratelimit-remaining-requests": "0"}, {}, 62),
        ({"x-ratelimit-reset-requests": "1m2s", "x-ratelimit-remaining-requests": "7"}, {}, None),
        ({"date": formatdate(1_764_410_400, usegmt=True), "x-ratelimit-reset": "1764410490"}, {}, 90),
        (
            {"date": formatdate(1_764_410_400, usegmt=True), "x-ratelimit-requests-reset": "2025-11-29T10:00:30+00:00"},
            {},
            30,
        ),
        ({}, _error("Too many requests"), None),
    ],
    ids=str,
)
def test_when_to_ask_again_is_read_in_all_its_forms(
    headers: dict[str, str], body: dict[str, Any], seconds: float | None
) -> None:
    found = classify(429, headers, json.dumps(body).encode())
    assert found is not None
    assert found.retry_after == seconds


def test_a_date_without_the_servers_own_clock_is_read_by_ours() -> None:
    found = classify(429, {"retry-after": formatdate(time.time() + 600, usegmt=True)}, b"{}")
    assert found is not None
    assert found.retry_after is not None
    assert 500 < found.retry_after <= 601
