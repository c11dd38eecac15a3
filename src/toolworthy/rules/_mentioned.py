"""Decide whether a text makes a call or only mentions one, as an example, a quotation or documentation."""

from __future__ import annotations

import re
from collections.abc import Iterable

from toolworthy.rules._notations import LEADS, TAG, TOKEN, Candidate

_CLOSERS = re.compile(
    rf"(?:\s|</[^<>\n]{{0,200}}+>|<[|｜][^<>\n]{{0,200}}+>|{TOKEN}|```|[)\]}}\"'`;,]|@@\w*@@|✿\w+✿)*+"
)
_FENCE = re.compile(r"^[ \t]*(```|~~~)[^\n]*\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"(?<!`)`[^`\n]+`(?!`)")
_EXAMPLE = re.compile(
    r"\b(?:e\.g|examples?|for instance|such as|like (?:this|so)|looks? like|usage|syntax|format(?:s|ted)?|schema"
    r"|documentation|docs|would|you (?:can|could|should|may|might)|previously|earlier|emit(?:s|ted)?|quote[sd]?"
    r"|instead of|do(?:es)? not|don't|never)\b",
    re.IGNORECASE,
)
"""Words of a sentence that introduces an example."""
_TRANSCRIPT = re.compile(r"^\W{0,4}(?:user|human)\W{0,4}:", re.IGNORECASE | re.MULTILINE)
_OUR_FENCE = re.compile(r"\s*```.*", re.DOTALL)


def rows(text: str, calls: Iterable[Candidate]) -> list[list[Candidate]]:
    """Groups of candidates with only markup between them, without candidates inside of others."""
    made: list[list[Candidate]] = []
    for call in calls:
        last = made[-1][-1] if made else None
        if last and (call.start, call.end) != (last.start, last.end):
            if call.start < last.end:
                continue
            between = _CLOSERS.sub("", text[last.end : call.start], count=1)
            if not LEADS.fullmatch(between):
                last = None
        if last:
            made[-1].append(call)
        else:
            made.append([call])
    return made


def spoken_of(text: str, call: Candidate) -> bool:
    """Whether the text only mentions this call."""
    if any(span.start() <= call.start < span.end() for span in _INLINE.finditer(text)):
        return True
    fence = next((match for match in _FENCE.finditer(text) if match.start(2) <= call.start < match.end(2)), None)
    if fence is not None:
        return not _alone(text, call, *fence.span(2), fence.end()) or _announced(text, fence.start())
    if _announced(text, call.start) or _TRANSCRIPT.search(text, 0, call.start):
        return True
    if call.marked:
        return False
    closed = _after(text, call.end)
    line = text.rfind("\n", 0, call.start) + 1
    if text.startswith(("    ", "\t"), line) and re.search(r"\n[ \t]*\n\Z", text[:line]) and closed < len(text):
        return True
    lead = text[line : call.start].rstrip()
    begins = LEADS.fullmatch(lead) is not None or (
        closed == len(text) and lead.endswith((".", "!", "?", ":", "。", "："))
    )
    ends = closed == len(text) or "\n" in text[call.end : closed] or text[call.end - 1] == "\n"
    return not (begins and ends)


def _alone(text: str, call: Candidate, start: int, end: int, closed: int) -> bool:
    """Whether a code fence has only calls, and ends the text."""
    rest = text[closed:].strip()
    assigned = re.search(r"\w\s*=\s*\Z", text[start : call.start]) or re.match(
        r"\s*\w+\s*=\s*[\[{(]", text[call.start :]
    )
    own = not assigned and LEADS.fullmatch(text, start, call.start) and _after(text[:end], call.end) == end
    return bool(own) and (not rest or _OUR_FENCE.fullmatch(rest) is not None or not _CLOSERS.sub("", rest, count=1))


def _after(text: str, end: int) -> int:
    """The end of the markup that closes a call."""
    match = _CLOSERS.match(text, end)
    return match.end() if match else end


def _announced(text: str, at: int) -> bool:
    """Whether the preceding sentence introduces an example."""
    before = re.sub(rf"{TAG}|{TOKEN}", " ", text[max(0, at - 400) : at]).rstrip()
    led = before[before.rfind("\n\n") + 1 :] if before.endswith((":", "：")) else before[before.rfind("\n") + 1 :]
    return _EXAMPLE.search(re.split(r"(?<=[.!?])\s+(?=\S)", led.strip())[-1]) is not None
