"""Split prose into sentences and clauses, and tell which words of a clause are negated, doubted or only planned."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from toolworthy import content
from toolworthy.base.toml import read_toml

_MARKUP = str.maketrans(dict.fromkeys('*`“”„«»"', None) | dict.fromkeys("’‘ʼ", "'") | {"|": " "})
_SENTENCE = re.compile(
    r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)(?=\s)|(?<=[。！？;])|\n|(?<!\S)[(\[]|[)\]](?=[\s.,;:!?]|$)|\s[-–—]+\s|—"
)
_SHORT = re.compile(r".{1,999}(?!\S)|.{1,999}", re.S)
"""The longest sentence: work within a sentence may grow with the square of its length."""
_NEAR, _FAR = 3, 5
"""The most words between a negation and a fact, and between a negation and a verb."""


@cache
def lists() -> dict[str, Any]:
    """The words and phrases of ``fixtures/words.toml``."""
    return read_toml(content.FIXTURES / "words.toml")


@cache
def _any(name: str) -> re.Pattern[str]:
    """A pattern for any of the words of a list, as whole words; ``n't`` also matches the end of a word."""
    words = "|".join(lists()[name])
    inside = "|".join(lists()["denies_inside"]) if name == "denies" else "(?!)"
    return re.compile(rf"(?:(?<![a-zà-ÿ'])|(?<=[a-z])(?=n't))(?:{words})(?![a-zà-ÿ])|{inside}", re.I)


def plain(text: str) -> str:
    """`text` without Markdown and quotes, with ordinary spaces and apostrophes."""
    return unicodedata.normalize("NFKC", text).translate(_MARKUP)


def sentences(text: str) -> list[str]:
    """The sentences of a plain text. Lines, and text in brackets or between dashes, are separate sentences."""
    parts = (part.strip().rstrip(".!。！") for whole in _SENTENCE.split(text) for part in _SHORT.findall(whole))
    return [part for part in parts if part.strip("-–—.")]


def pieces(sentence: str) -> list[str]:
    """The smallest clauses of a sentence."""
    parts = re.split(rf"[,:;](?=\s)|\s(?={_either('breaks', 'joins')}\s)", sentence, flags=re.I)
    return [part.strip(" ,:;") for part in parts if part.strip(" ,:;")]


def clauses(sentence: str, topic: re.Pattern[str] | None) -> list[str]:
    """The clauses of a sentence: split at words like "but", and where both sides have a word of `topic`."""
    joined: list[str] = []
    for part in re.split(rf"(?<=,)\s|\s(?={_either('breaks', 'joins')}\s)", sentence, flags=re.I):
        turns = re.match(_either("breaks"), part, re.I)
        alone = topic is not None and joined and topic.search(joined[-1]) and topic.search(part)
        follows = re.match(r"(?:and |but )?(?:also|including|except|even|too)\b", part, re.I)
        if joined and not turns and (follows or not alone):
            joined[-1] += f" {part}"
        else:
            joined.append(part)
    return [clause.strip(" ,") for clause in joined]


def _either(*names: str) -> str:
    return f"(?:{'|'.join(word for name in names for word in lists()[name])})\\b"


def denied(clause: str, start: int, end: int, topic: re.Pattern[str] | None = None) -> bool:
    """Whether the words next to the text from `start` to `end` negate it.

    A negation before a word of `topic` belongs to that word.
    """
    before = re.split(r"[,:]\s", clause[:start])[-1]
    number = clause[start:end].strip().isdigit()
    if _denial(before, _NEAR, topic) or (number and re.search(r"\d\s(?:or|oder)\s(?:\w+\s){0,2}$", before)):
        return True
    after = clause[end:].lstrip(" ,")
    if re.match(rf"(?:{'|'.join(lists()['denied_after'])})(?![a-z])", after, re.I):
        return topic is None or not topic.search(after)
    return bool(number and re.match(r"(?:or|oder)\s(?:\w+\s){0,2}\d", after))


def refused(clause: str, start: int) -> bool:
    """Whether a verb that begins at `start` is negated."""
    return _denial(re.split(r"[,:]\s", clause[:start])[-1], _FAR, None)


def _denial(before: str, words: int, topic: re.Pattern[str] | None) -> bool:
    denials = list(_any("denies").finditer(before))
    if not denials:
        return False
    between = before[denials[-1].end() :]
    return len(between.split()) <= words and not (topic and topic.search(between))


def doubted(clause: str, start: int = 0) -> bool:
    """Whether a clause casts doubt on the text at `start`; only the part between colons counts."""
    before = re.split(r":\s", clause[:start])[-1]
    after = re.split(r":\s", clause[start:])[0]
    return bool(_any("doubts").search(before) or _any("past").search(before + after))


def planned(before: str) -> bool:
    """Whether an action that `before` leads up to is only a condition, a wish, a plan or a question, or is negated."""
    return bool(_any("conditions").search(before) or _any("denies").search(before))


@dataclass(frozen=True)
class PhraseClass:
    """A class of phrases."""

    patterns: tuple[re.Pattern[str], ...]
    kind: str = ""
    """"deed" or "event": those may be negated, planned or asked for."""

    def match(self, sentence: str) -> bool:
        """Whether `sentence` contains one of the phrases."""
        if not self.kind:
            return any(pattern.search(sentence) for pattern in self.patterns)
        if sentence.endswith("?"):
            return False
        parts = pieces(sentence)
        return any(
            not planned(_before(parts, number) + piece[: match.end() if self.kind == "deed" else match.start()])
            for number, piece in enumerate(parts)
            for pattern in self.patterns
            for match in pattern.finditer(piece)
        )


def _before(parts: Sequence[str], number: int) -> str:
    """The piece that a piece without a subject continues: "nothing was staged", "and committed"."""
    return (
        f"{parts[number - 1]} "
        if number and re.match(r"(?:and|or|nor|und) (?!i\b|we\b)\w+(?:$| \w+$)", parts[number])
        else ""
    )


@cache
def phrases(name: str) -> PhraseClass:
    """The class with this name.

    Raises:
        ValueError: there is no such class.
    """
    known = lists()["class"]
    if name not in known:
        raise ValueError(
            f"@{name} is not a class of phrases; known: {', '.join(f'@{class_name}' for class_name in sorted(known))}"
        )
    entry = known[name]
    deeds = "|".join(entry.get("deeds", "").split())
    patterns = (re.compile(pattern.replace("{deeds}", deeds), re.I) for pattern in entry["patterns"])
    return PhraseClass(tuple(patterns), entry.get("kind", ""))
