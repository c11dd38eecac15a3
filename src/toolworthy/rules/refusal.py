"""Classify an endpoint's error by its status, codes and text. Pure: no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toolworthy.base.retry import seconds_to_wait
from toolworthy.wire.failure import RefusalKind, answer_failure, error_type, page, parse_error, stream_failures
from toolworthy.wire.ir import Failure
from toolworthy.wire.lenient import parse_json

BUSY = (429, 503, 529)
"""Statuses that call for a later retry."""


@dataclass(frozen=True)
class Refusal:
    """An error instead of a response, or in the middle of one."""

    kind: RefusalKind
    message: str
    """The server's own words, not redacted; for a web page, its title."""
    retry_after: float | None = None
    """Seconds after which the server asks for a retry."""
    status: int | None = None

    @property
    def busy(self) -> bool:
        """Whether the server is busy, rather than faulty."""
        return self.kind == "rate limited" or (self.kind == "unavailable" and self.status in BUSY)

    @property
    def passes(self) -> bool:
        """Whether the same request may succeed later, unchanged."""
        return self.kind in ("rate limited", "unavailable")


def classify(status: int | None, headers: Mapping[str, str], body: bytes) -> Refusal | None:
    """The error that a response reports; None if it reports none.

    Args:
        status: HTTP status; None if unknown, for instance for an event.
        headers: of the answer, by lower-case name, or in a mapping that ignores case.
        body: the answer, whole or streamed, decoded.
    """
    page_title = page(body)
    title = page_title or ("a web page" if "html" in headers.get("content-type", "") and body.strip() else None)
    if status is None or status < 400:
        if status is not None and 300 <= status < 400:
            return Refusal("wrong route", f"a redirection to {headers.get('location', 'nowhere')}")
        if title:
            return Refusal("wrong route", title)
        failure = answer_failure(parse_json(body)) or next(stream_failures(body), None)
        if failure is None:
            return None
    else:
        failure = parse_error(status, body)
    wait = seconds_to_wait(status or 200, headers, body, failure.message)
    kind = _kind(status or 200, failure, _codes(failure, body), wait, page_title is not None)
    return Refusal(kind, failure.message, wait, status)


_PARSER = (
    (re.compile(r"Receive buffer too long"), "headers of more than 100 KB"),
    (re.compile(r"\w+ status_code should be in range .*, not (\d+)"), r"status \1"),
    (re.compile(r"bytearray\(b(['\"].*['\"])\)"), r"\1"),
)
"""Errors of h11 in its own terms, and what the endpoint sent."""


def broken_http(reason: str) -> str:
    """The endpoint's violation of HTTP, from the parser's error; one line of at most 200 characters."""
    for pattern, plain in _PARSER:
        reason = pattern.sub(plain, reason)
    return " ".join(reason.split())[:200]


def names_empty_account(codes: str) -> bool:
    """Whether the codes of an error name an empty account in a form that agents recognize."""
    return bool(_KNOWN_EMPTY.search(codes))


# ---- kinds -----------------------------------------------------------------------------------------------------------


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_EMPTY_CODES = _any(
    r"insufficient_?(?:\w+_)?(?:quota|balance|credits?|funds)|billing_(?:error|hard_limit\w*|not_active)",
    r"payment_?required|quota_not_enough|pre_consume_token_quota_failed|arrearage|accountoverdue\w*|budget_exceeded",
    r"exceeded_current_quota\w*|credits?_(?:exhausted|depleted|required)|balance_(?:not_enough|insufficient)",
    r"\b1113\b|freetieronly|trial_(?:expired|ended)|setlimitexceeded",
)
_KNOWN_EMPTY = _any(r"insufficient_?quota|billing_error|payment_?required|usage_limit_reached|quota_?exceeded")
_EMPTY = _any(
    r"insufficient (?:\w+ ){0,2}(?:balance|credits?|funds|quota)|not enough (?:\w+ )?(?:balance|credits?|funds)",
    r"(?:balance|credits?|funds) (?:\w+ ){0,3}(?:too low|exhausted|insufficient|depleted|used up|run out)",
    r"(?:out of|no (?:more |remaining )?|any|add|more|purchase|buy) credits?\b|payment (?:required|method)|arrear",
    r"overdue|(?:monthly )?spend(?:ing)? limit|budget (?:has been |is )?exceeded|recharge|top[ -]?up|prepay",
    r"(?:free tier|trial)\b[^.]{0,40}(?:exhausted|ended|expired|used up)|余额不足|额度不足|欠费|充值",
)
_MONEY = _any(r"\b(?:quota|balance|credits?|billing|funds)\b|余额|额度")
_RATE = _any(
    r"rate[ _-]?limit|too[ _]many[ _]requests|(?:requests?|tokens?) per (?:second|minute|hour|day)|\b[RT]PM\b|throttl",
    r"resource_?exhausted|concurren\w+ (?:request )?limit|slow_down|(?:request|daily) limit reached",
    r"请求过于频繁|限流|速率限制",
)
_TOO_LARGE = _any(
    r"context[_ ]length|context window|maximum context|prompt is too long|request too large|larger than max",
    r"too many (?:input |total )?tokens in|longer than the model|context_?overflow|exceeds? the (?:model's )?max",
)
_MODEL_CODES = _any(
    r"model_?not_?(?:found|exist\w*|available|supported)|(?:invalid|unknown|unavailable)_?model\w*",
    r"model_(?:decommissioned|deprecated|forbidden)|\w*model_access_denied|unsupported_?model|no_such_model",
    r"deployment_?not_?found",
)
_MODEL = _any(
    r"no available channel|no such model|not a valid model|model[ _]not[ _](?:found|exist)|pulling it first",
    r"(?:unknown|invalid|unrecogni[sz]ed|unsupported|unavailable) model(?! parameter)\b|not found the model",
    r"access to (?:the )?(?:requested )?model|no endpoints? found for (?!.*\b(?:support|handle))",
    r"\bmodels?\b(?!'s)[^.;]{0,100}?(?:does(?: not|n't) exist|(?:is |was |were )?not (?:be )?(?:found|available|exist)",
    r"has been (?:decommissioned|deprecated|retired)|not (?:supported when|served|deployed|loaded|allowed))",
    r"\bmodel\W{1,3}[\w./:@-]+\W{0,2} (?:is )?not supported\s*[.\"']?$|^model: \S+$|unable to access model",
    r"not allowed to use (?:the )?model|model[ _]?(?:id|identifier|name)?\b[^.]{0,60}\b(?:unrecogni[sz]ed|is invalid)",
    r"模型不存在|模型未找到|无可用渠道",
)
_BAD_KEY = _any(
    r"(?:invalid|incorrect|missing|wrong|expired|revoked|no) (?:or \w+ )?(?:\w+ )?(?:api|access)[ _-]?(?:key|token)",
    r"api[ _-]?key (?:\w+ ){0,3}(?:not valid|invalid|incorrect|expired|missing|required)|API_KEY_INVALID",
    r"(?:missing|invalid) authorization|resolve api key|invalid_api_key|authentication_error|no (?:cookie )?auth",
    r"(?:organization|account|user) has been (?:disabled|suspended|deactivated)",
)
_ROUTE = _any(
    r"unexpected endpoint|invalid url|no route|route not found|unknown (?:endpoint|route|path|url)|cannot post",
    r"path not found|no such (?:route|endpoint|path)|no handler|unknown request url|page not found|^file not found$",
    r"^missing authentication token$|plain HTTP request was sent to HTTPS",
)
_RESOURCE = _any(
    r"(?<![/\w])(?:response|conversation|item|file|image|thread|container|message|prompt|tool|function)s?\b[^.]{0,80}"
    r"(?:not found|not exist|n't exist|no longer)",
    r"\bthat support|not support (?!.*\b(?:endpoint|route|path|api)\b)|no endpoints? found matching",
)
_OVERLOADED = _any(
    r"overload|temporarily unavailable|service unavailable|server (?:is )?busy|loading model|(?:is|currently) loading",
    r"at capacity|capacity[_ ]exceeded|try again later|timed out waiting|访问量过大|负载已饱和",
)
_OWN_FAULT = _any(r"jinja|chat template|must alternate|must be at the beginning|unexpected message role")
_POLICY = _any(r"moderation|content policy|flagged|\bWAF\b")
_ELSEWHERE = _any(
    r"\b(?:not|unsupported|restricted|blocked)\b[^.]{0,60}\b(?:country|countries|region|territory|location)\b",
    r"\b(?:country|region|territory|location)\b[^.]{0,60}\b(?:not|unsupported|restricted|blocked)\b",
    r"unauthori[sz]ed client|client (?:is )?not (?:allowed|authorized|supported)|user[- ]?agent|coding agents?\b",
    r"only available (?:for|to|in|with) [^.]{0,60}(?:agents?|clients?|cli)\b",
)


def _kind(status: int, failure: Failure, codes: str, wait: float | None, is_page: bool) -> RefusalKind:
    """The first kind that fits, most specific first."""
    words = failure.message
    if status == 413 or _TOO_LARGE.search(f"{words} {codes}"):
        return "bad request"
    if _model(status, words, codes):
        return "unknown model"
    if _empty(status, words, codes, wait):
        return "empty account"
    busy = bool(_OVERLOADED.search(f"{words} {codes}"))
    limited = bool(_RATE.search(f"{words} {codes}")) or (wait is not None and bool(_MONEY.search(words)))
    if limited or (status == 429 and not busy):
        return "rate limited"
    if status in (408, 429, 503, 529) or (busy and status != 401):
        return "unavailable"
    return _of_access(status, words, codes, is_page) or _of_place(status, words, codes, is_page)


def _of_access(status: int, words: str, codes: str, is_page: bool) -> RefusalKind | None:
    if status in (400, 401, 403) and _ELSEWHERE.search(words):
        return "other client"
    if status not in (404, 405) and not _ROUTE.search(words) and _BAD_KEY.search(f"{words} {codes}"):
        return "bad key"
    if status == 401 or (status == 403 and not is_page and not _POLICY.search(words) and not _ROUTE.search(words)):
        return "bad key"
    return None


def _of_place(status: int, words: str, codes: str, is_page: bool) -> RefusalKind:
    if _ROUTE.search(words) or (status in (404, 405, 410, 501) and not _RESOURCE.search(words)):
        return "wrong route"
    if is_page and status < 500:
        return "wrong route"
    statuses = {int(code) for code in re.findall(r"\b[45]\d\d\b", codes)} or {status}
    refused = _OWN_FAULT.search(words) or re.search(r"bad_?request|invalid_request", codes, re.IGNORECASE)
    if refused or all(400 <= number < 499 for number in statuses):
        return "bad request"
    return "unavailable"


def _model(status: int, words: str, codes: str) -> bool:
    if _MODEL_CODES.search(codes):
        return True
    return status not in (402, 405) and bool(_MODEL.search(words)) and not (status == 429 or _RATE.search(words))


def _empty(status: int, words: str, codes: str, wait: float | None) -> bool:
    """Whether the account is empty. An error that says when to retry is a rate limit, whatever else it mentions."""
    if status == 402:
        return True
    if _EMPTY_CODES.search(codes):
        return wait is None or status != 429
    limited = wait is not None or bool(_RATE.search(f"{words} {codes}"))
    if _EMPTY.search(words):
        return not (status == 429 and limited)
    return status in (401, 403, 429) and bool(_MONEY.search(words)) and not limited


def _codes(failure: Failure, body: bytes) -> str:
    """All codes and types of the error, in one text."""
    kind = "" if failure.type == error_type(failure.status) else failure.type  # not its own
    return " ".join([kind, failure.code or "", *_named(parse_json(body), 5)])


def _named(value: Any, depth: int) -> Iterator[str]:
    if not depth:
        return
    if isinstance(value, list):
        for item in value[:8]:
            yield from _named(item, depth - 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, (dict, list)):
                yield from _named(item, depth - 1)
            elif name in ("type", "code", "status", "reason", "error_code", "__type", "Code") and item is not None:
                yield str(item)
