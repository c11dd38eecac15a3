"""What kind of error an endpoint answered with, told by its status, its codes and its words. Pure: no I/O."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from toolworthy.wire.failure import answer_failure, error_type, page, parse_error, stream_failures
from toolworthy.wire.ir import Failure
from toolworthy.wire.lenient import parse_json

Kind = Literal[
    "rate limited",
    "unavailable",
    "empty account",
    "bad key",
    "other client",
    "unknown model",
    "wrong route",
    "bad request",
]
"""``unavailable``: trouble of the server's own, which may pass; ``other client``: it serves certain programs only, or
certain places; ``bad request``: it refuses this request for what is in it."""


@dataclass(frozen=True)
class Refusal:
    """An error in place of an answer, or in the middle of one."""

    kind: Kind
    message: str
    """The server's own words, not redacted; of a web page, its title."""
    retry_after: float | None = None
    """Seconds after which the server says to ask again."""

    @property
    def passes(self) -> bool:
        """Whether the same request may succeed later with nothing changed."""
        return self.kind in ("rate limited", "unavailable")


def classify(status: int | None, headers: Mapping[str, str], body: bytes) -> Refusal | None:
    """What an answer refuses; None where it reports no error.

    Args:
        status: HTTP status; None where there is none, for instance of an event.
        headers: of the answer, by lower-case name, or in a mapping that ignores case.
        body: the answer, whole or streamed, decoded.
    """
    title = page(body) or ("a web page" if "html" in headers.get("content-type", "") and body.strip() else None)
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
    wait = _retry_after(headers, body, failure.message)
    return Refusal(_kind(status or 200, failure, _codes(failure, body), wait, title is not None), failure.message, wait)


# ---- kinds -----------------------------------------------------------------------------------------------------------

_EMPTY_CODES = re.compile(
    r"insufficient_?(?:\w+_)?(?:quota|balance|credits?|funds)|billing_(?:error|hard_limit\w*|not_active)"
    r"|payment_?required|quota_not_enough|pre_consume_token_quota_failed|arrearage|accountoverdue\w*|budget_exceeded"
    r"|exceeded_current_quota\w*|credits?_(?:exhausted|depleted|required)|balance_(?:not_enough|insufficient)|1113",
    re.IGNORECASE,
)
_EMPTY = re.compile(
    r"insufficient (?:\w+ ){0,2}(?:balance|credits?|funds|quota)|not enough (?:\w+ )?(?:balance|credits?|funds)"
    r"|(?:balance|credits?|funds) (?:\w+ ){0,3}(?:too low|exhausted|insufficient|depleted|used up|run out)"
    r"|(?:out of|no (?:more |remaining )?|any|add|more|purchase|buy) credits?\b|payment required|overdue|arrear"
    r"|(?:monthly )?spend(?:ing)? limit|budget (?:has been |is )?exceeded|recharge|top[ -]?up|prepay"
    r"|余额不足|额度不足|欠费|充值",
    re.IGNORECASE,
)
_MONEY = re.compile(r"\b(?:quota|balance|credits?|billing|funds)\b|余额|额度", re.IGNORECASE)
_RATE = re.compile(
    r"rate[ _-]?limit|too[ _]many[ _]requests|(?:requests|tokens) per (?:second|minute|hour|day)|\b[RT]PM\b|throttl"
    r"|resource_?exhausted|concurren\w+ (?:request )?limit|slow_down|请求过于频繁|限流|速率限制",
    re.IGNORECASE,
)
_MODEL_CODES = re.compile(
    r"model_?not_?(?:found|exist\w*|available|supported)|(?:invalid|unknown)_?model\w*|deployment_?not_?found"
    r"|model_(?:decommissioned|deprecated)|\w*model_access_denied|unsupported_?model|no_such_model",
    re.IGNORECASE,
)
_MODEL = re.compile(
    r"no available channel|no such model|not a valid model|model[ _]not[ _](?:found|exist)|pulling it first"
    r"|(?:unknown|invalid|unrecognized|unsupported) model(?! parameter)\b|access to (?:the )?(?:requested )?model"
    r"|no endpoints? found for (?!.*\b(?:support|handle))"
    r"|\bmodels?\b(?!'s)[^.;]{0,100}?(?:does(?: not|n't) exist|(?:is |was |were )?not (?:be )?(?:found|available|exist)"
    r"|has been (?:decommissioned|deprecated|retired)|not (?:supported when|served|deployed|loaded|allowed))"
    r"|\bmodel\W{1,3}[\w./:@-]+\W{0,2} (?:is )?not supported\s*[.\"']?$|^model: \S+$|unable to access model"
    r"|模型不存在|模型未找到",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"\b(?:api|access|auth\w*)[ _-]?(?:key|token)|unauthori[sz]ed|authenticat|credential|invalid (?:key|token)"
    r"|API_KEY_INVALID|\bbearer\b|virtual key|令牌",
    re.IGNORECASE,
)
_BAD_KEY = re.compile(
    r"(?:invalid|incorrect|missing|wrong|expired|revoked|no) (?:\w+ )?(?:api|access)[ _-]?(?:key|token)"
    r"|api[ _-]?key (?:\w+ ){0,3}(?:not valid|invalid|incorrect|expired|missing|required)|API_KEY_INVALID"
    r"|invalid_api_key|authentication_error|no (?:cookie )?auth",
    re.IGNORECASE,
)
_ROUTE = re.compile(
    r"unexpected endpoint|invalid url|no route|route not found|unknown (?:endpoint|route|path|url)|cannot post"
    r"|path not found|no such (?:route|endpoint|path)|no handler|unknown request url|page not found",
    re.IGNORECASE,
)
_RESOURCE = re.compile(
    r"\b(?:response|conversation|item|file|image|thread|container|message|prompt|tool|function)s?\b[^.]{0,80}"
    r"(?:not found|not exist|n't exist|no longer)|\bthat support|not support (?!.*\b(?:endpoint|route|path|api)\b)",
    re.IGNORECASE,
)
_OVERLOADED = re.compile(
    r"overload|temporarily unavailable|service unavailable|server (?:is )?busy|at capacity|loading model"
    r"|try again later",
    re.IGNORECASE,
)
_POLICY = re.compile(r"moderation|content policy|flagged", re.IGNORECASE)
_ELSEWHERE = re.compile(
    r"\b(?:not|unsupported|restricted|blocked)\b[^.]{0,60}\b(?:country|countries|region|territory|location)\b"
    r"|\b(?:country|region|territory|location)\b[^.]{0,60}\b(?:not|unsupported|restricted|blocked)\b"
    r"|unauthori[sz]ed client|client (?:is )?not (?:allowed|authorized|supported)|user[- ]?agent|coding agents?\b"
    r"|only available (?:for|to|in|with) [^.]{0,60}(?:agents?|clients?|cli)\b",
    re.IGNORECASE,
)


def _kind(status: int, failure: Failure, codes: str, wait: float | None, is_page: bool) -> Kind:
    """The first that fits: what says most about the state of things comes first."""
    words = failure.message
    if _model(status, words, codes):
        return "unknown model"
    if _empty(status, words, codes, wait):
        return "empty account"
    if status == 429 or _RATE.search(words) or re.search("rate_?limit", codes, re.IGNORECASE):
        return "rate limited"
    if status in (503, 529) or "overloaded_error" in codes:
        return "unavailable"
    if status in (400, 401, 403) and _ELSEWHERE.search(words):
        return "other client"
    if status == 401 or (status != 404 and _BAD_KEY.search(f"{words} {codes}")):
        return "bad key"
    if status == 403 and not is_page and not _POLICY.search(words):
        return "bad key"
    if _ROUTE.search(words) or (status in (404, 405, 410, 501) and not _RESOURCE.search(words)):
        return "wrong route"
    return "unavailable" if status >= 500 or status < 400 or _OVERLOADED.search(words) else "bad request"


def _model(status: int, words: str, codes: str) -> bool:
    if _MODEL_CODES.search(codes):
        return True
    return status not in (402, 405) and bool(_MODEL.search(words)) and not (status == 429 or _RATE.search(words))


def _empty(status: int, words: str, codes: str, wait: float | None) -> bool:
    """Whether the account has nothing left. A limit that says when to come again is a limit of the rate, whatever else
    its words speak of."""
    if status == 402:
        return True
    if _EMPTY_CODES.search(codes):
        return wait is None or status != 429
    limited = wait is not None or bool(re.search("rate_?limit", codes, re.IGNORECASE)) or bool(_RATE.search(words))
    if _EMPTY.search(words):
        return not (status == 429 and limited)
    return status in (401, 403, 429) and bool(_MONEY.search(words)) and not limited


def _codes(failure: Failure, body: bytes) -> str:
    """All that names the error for programs, in one text."""
    kind = "" if failure.type == error_type(failure.status) else failure.type  # the status's word, if not its own
    return " ".join([kind, failure.code or "", *_named(parse_json(body), 5)])


def _named(value: Any, depth: int) -> Iterator[str]:
    if not depth:
        return
    if isinstance(value, list):
        for one in value[:8]:
            yield from _named(one, depth - 1)
    elif isinstance(value, dict):
        for name, one in value.items():
            if isinstance(one, (dict, list)):
                yield from _named(one, depth - 1)
            elif name in ("type", "code", "status", "reason", "error_code", "__type", "Code") and one is not None:
                yield str(one)


# ---- when to ask again -----------------------------------------------------------------------------------------------

_AGAIN = re.compile(
    r"(?:try again|retry|available|wait)\D{0,30}?(?:(\d+)h)?(?:(\d+)m(?!s))?(\d+(?:\.\d+)?) ?(ms|s|sec|seconds?)\b",
    re.IGNORECASE,
)
_DELAY = re.compile(rb'"retry_?(?:delay|after(?:_seconds)?)"\s*:\s*"?(\d+(?:\.\d+)?)s?"?', re.IGNORECASE)


def _retry_after(headers: Mapping[str, str], body: bytes, words: str) -> float | None:
    """Seconds, as headers or the error say: ``retry-after-ms``, ``retry-after`` as seconds or as a date (RFC 9110,
    10.2.3), ``retryDelay``, "try again in 1.5s"."""
    milliseconds, said = headers.get("retry-after-ms", "").strip(), headers.get("retry-after", "").strip()
    if _number(milliseconds):
        return float(milliseconds) / 1_000
    if _number(said):
        return float(said)
    if said and (until := _date(said)) is not None:
        theirs = _date(headers.get("date", ""))
        return max(0.0, until - (time.time() if theirs is None else theirs))
    if found := _DELAY.search(body[:8192]):
        return float(found[1])
    if again := _AGAIN.search(words):
        hours, minutes, seconds, unit = again.groups()
        last = float(seconds) / (1_000 if unit.lower() == "ms" else 1)
        return int(hours or 0) * 3_600 + int(minutes or 0) * 60 + last
    return None


def _number(text: str) -> bool:
    return bool(re.fullmatch(r"\d{1,9}(?:\.\d{1,6})?", text))


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
