"""Numbers in prose, in the notations of several countries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_UNITS = r"(?:ms|s|[KMGT]i?B|[kx%])?"
# Times, dates, addresses and versions are not numbers, nor are digits within a name.
_DIGITS = re.compile(
    r"(?<![\w.:])(?P<other>\d{1,2}:\d\d(?::\d\d)?(?![\d:])|\d{4}-\d\d-\d\d|\d+(?:\.\d+){3,}(?!\.?\d))"
    r"|(?<![A-Za-z0-9_À-ÿ])(?<![\w)]-)(?<!\w\.)(?<!\d,)"
    r"[Ll]?(?P<number>\d{1,3}(?:[ '_]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)*)"
    rf"{_UNITS}(?![A-Za-z0-9_À-ÿ]|[-.][A-Za-z0-9]*[A-Za-z_]\w)"
)
_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen"""
_TENS = """twenty thirty forty fifty sixty seventy eighty ninety"""
_WORDS = {
    **{word: number for number, word in enumerate(_SMALL.split())},
    **{word: 10 * number for number, word in enumerate(_TENS.split(), 2)},
}
_ONE_WORD = rf"(?:{'|'.join((*_WORDS, 'hundred', 'thousand'))})"
_SPELT = re.compile(rf"\b{_ONE_WORD}(?:(?:[ -]| and ){_ONE_WORD})*\b", re.I)


@dataclass(frozen=True)
class Number:
    """A number in a text."""

    start: int
    end: int
    value: float
    """In English notation: a comma separates thousands, a point begins the fraction."""
    readings: frozenset[float]
    """Its values in all notations: ``1.912`` is 1912 in other countries."""


def numbers(text: str) -> Iterator[Number]:
    """The numbers in `text`, in digits and in English words."""
    for match in _DIGITS.finditer(text):
        if match["number"]:
            value, others = _digits(match["number"])
            yield Number(match.start("number"), match.end(), value, frozenset({value, *others}))
    for match in _SPELT.finditer(text):
        value = _spelt(re.findall(r"[a-z]+", match[0].lower()))
        yield Number(match.start(), match.end(), value, frozenset({value}))


def as_number(text: str) -> float | None:
    """The number that `text` is in plain notation; None if it is a name, as with leading zeros."""
    return float(text) if re.fullmatch(r"(?:0|[1-9]\d*)(?:\.\d+)?", text) else None


def _digits(text: str) -> tuple[float, list[float]]:
    text = re.sub(r"[ '_]", "", text)
    marks = re.sub(r"\d", "", text)
    whole = float(re.sub(r"[.,]", "", text))
    if not marks:
        return whole, []
    if len(set(marks)) == 2:  # 1,234.5 and 1.234,5: the last mark begins the fraction
        head, tail = re.split(r"[.,](?=\d+$)", text)
        return float(f"{re.sub('[.,]', '', head)}.{tail}"), []
    if len(marks) > 1:
        return whole, []
    fraction = float(text.replace(",", "."))
    groups = re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", text)
    if not groups:
        return fraction, []
    return (whole, [fraction]) if marks == "," else (fraction, [whole])


def _spelt(words: list[str]) -> float:
    total = part = 0
    for word in words:
        if word == "hundred":
            part = max(part, 1) * 100
        elif word == "thousand":
            total, part = total + max(part, 1) * 1000, 0
        else:
            part += _WORDS.get(word, 0)
    return float(total + part)
