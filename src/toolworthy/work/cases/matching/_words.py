"""Decide whether a text answer says what is wanted: a fact, a refusal, a question, and no false claim.

The matcher is an object with these fields, all optional:

=========== ==========================================================================================================
``all``     statements, each of which the text makes
``any``     statements, one of which the text makes
``none``    statements, none of which the text makes
``with``    words that the clauses of the facts must contain ("fails")
``against`` words that they must not contain ("passes"); negated, they count as ``with`` ("did not pass")
``only``    a regular expression: each match in a clause with a word of ``with`` must be one of the facts
=========== ==========================================================================================================

A statement is a term, or a list of terms in the same clause. A term is

* ``"1912"``, ``"3.4"``: a number, in any notation ("1,912", "1 912", "sixteen");
* ``"limits/limits.go"``: a whole word or name, without case; ``"fail*"`` is the beginning of one; ``"a|b"`` is either;
* ``"/.../"``: a regular expression;
* ``"@refuses"``: a phrase of this class of ``fixtures/words.toml``. Other terms in its list are in its sentence, or
  in the one before if it refers to "it".

A fact is not stated if it is negated ("not 16"), doubted ("either 16 or 19") or next to a word of ``against``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import Field, ValidationError, model_validator

from toolworthy.base.loading import Strict, misfit
from toolworthy.work.cases.matching import _clauses as clauses
from toolworthy.work.cases.matching._numbers import as_number, numbers


class _Declared(Strict):
    """A matcher as written in a case."""

    all: tuple[str | tuple[str, ...], ...] = ()
    any: tuple[str | tuple[str, ...], ...] = ()
    none: tuple[str | tuple[str, ...], ...] = ()
    goes_with: str = Field(default="", alias="with")
    against: str = ""
    only: str = ""

    @model_validator(mode="after")
    def _whole(self) -> _Declared:
        if not (self.all or self.any or self.none):
            raise ValueError("it has `all`, `any` or `none` at least")
        if "" in (*self.all, *self.any, *self.none) or () in (*self.all, *self.any, *self.none):
            raise ValueError("a statement is empty")
        if self.only and not self.goes_with:
            raise ValueError("`only` needs the words that the facts go with, in `with`")
        return self


_LETTERS = r"A-Za-z0-9_À-ÿ"
_PART = re.compile(r"\b(?:of|von)\s(?:the\s|all\s|a total of\s)?$", re.I)
_PAST = re.compile(r"\b(?:were|had|there was|before|previously)\b", re.I)
_IT = re.compile(r"\b(?:it|its|that|this|them|they|those|one)\b", re.I)


@dataclass(frozen=True)
class Term:
    """One term of a statement."""

    group: str = ""
    """A class of phrases."""
    pattern: re.Pattern[str] | None = None
    values: frozenset[float] = frozenset()

    def places(self, text: str, *, wide: bool = True) -> Iterator[tuple[int, int]]:
        """Its places in `text`.

        Args:
            text: a clause or a sentence.
            wide: accept a number in any notation, not only the English one.
        """
        if self.pattern:
            yield from (match.span() for match in self.pattern.finditer(text))
        for number in numbers(text) if self.values else ():
            if self.values & (number.readings if wide else {number.value}):
                yield number.start, number.end


@dataclass(frozen=True)
class Words:
    """What a text must say."""

    all: tuple[tuple[Term, ...], ...]
    any: tuple[tuple[Term, ...], ...]
    none: tuple[tuple[Term, ...], ...]
    goes_with: re.Pattern[str] | None
    against: re.Pattern[str] | None
    topic: re.Pattern[str] | None
    """Either."""
    only: re.Pattern[str] | None

    def fit(self, text: str) -> bool:
        """Whether `text` says it."""
        sentences = clauses.sentences(clauses.plain(text))
        return (
            all(self._made(sentences, statement) for statement in self.all)
            and (not self.any or any(self._made(sentences, statement) for statement in self.any))
            and not any(self._made(sentences, statement, none=True) for statement in self.none)
            and not (self.only and any(self._other(sentence) for sentence in sentences))
            and not (self._facts() and any(clauses.phrases("unsure").match(sentence) for sentence in sentences))
        )

    def _facts(self) -> bool:
        return any(not term.group for statement in (*self.all, *self.any) for term in statement[:1])

    def _made(self, sentences: list[str], statement: tuple[Term, ...], *, none: bool = False) -> bool:
        groups = [term.group for term in statement if term.group]
        words = [term for term in statement if not term.group]
        if groups:
            deed = any(clauses.phrases(group).kind for group in groups)
            return any(
                all(clauses.phrases(group).match(sentence) for group in groups)
                and (_stand(words, sentence, deed) or (bool(_IT.search(sentence)) and _stand(words, before, deed)))
                for before, sentence in zip(["", *sentences], sentences, strict=False)
            )
        if len(words) > 1 or none:
            parts = [clause for sentence in sentences for clause in clauses.clauses(sentence, self.topic)]
            return any(_stand(words, clause, wide=not none) for clause in parts)
        return self._stated(sentences, words[0])

    def _stated(self, sentences: list[str], term: Term) -> bool:
        signs = {
            self._sign(clause)
            for sentence in sentences
            for clause in clauses.clauses(sentence, self.topic)
            for start, end in term.places(clause)
            if not clauses.doubted(clause, start) and not clauses.denied(clause, start, end, self.topic)
        }
        return 1 in signs or signs == {0}

    def _sign(self, clause: str) -> int:
        """1 if a clause has words of ``with``, -1 if it has words of ``against``, 0 if it has neither."""
        signs = set()
        for pattern, sign in ((self.goes_with, 1), (self.against, -1)):
            for match in pattern.finditer(clause) if pattern else ():
                signs.add(-sign if clauses.refused(clause, match.start()) else sign)
        return -1 if -1 in signs else max(signs, default=0)

    def _named(self, clause: str) -> bool:
        """Whether a clause has a word of ``with`` that is not negated."""
        matches = self.goes_with.finditer(clause) if self.goes_with else ()
        return any(not clauses.refused(clause, match.start()) for match in matches)

    def _other(self, sentence: str) -> bool:
        """Whether the text states something else as a fact."""
        assert self.only is not None
        for clause in clauses.clauses(sentence, self.topic):
            if _PAST.search(clause) or self._sign(clause) <= 0 or not self._named(clause):
                continue
            facts = [
                place for statement in (*self.all, *self.any) for term in statement for place in term.places(clause)
            ]
            for match in self.only.finditer(clause):
                start, end = match.span()
                if any(first < end and start < last for first, last in facts) or _PART.search(clause[:start]):
                    continue
                if not clauses.doubted(clause, start) and not clauses.denied(clause, start, end, self.topic):
                    return True
        return False


def _stand(terms: list[Term], text: str, stated: bool = True, *, wide: bool = True) -> bool:
    """Whether each of `terms` is in `text`; if `stated`, not negated."""
    return all(
        any(
            not stated or not (clauses.refused(text, start) or clauses.doubted(text, start))
            for start, _ in term.places(text, wide=wide)
        )
        for term in terms
    )


def read(wanted: Mapping[str, Any]) -> Words:
    """Parse the matcher `wanted`.

    Raises:
        ValueError: it has an unknown field or class, or says nothing.
    """
    return _parse_words(json.dumps(wanted))


@cache
def _parse_words(text: str) -> Words:
    try:
        declared = _Declared.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(f"$words.{misfit(_Declared, error)}") from error
    try:
        return Words(
            all=tuple(_statement(statement) for statement in declared.all),
            any=tuple(_statement(statement) for statement in declared.any),
            none=tuple(_statement(statement) for statement in declared.none),
            goes_with=_words(declared.goes_with),
            against=_words(declared.against),
            topic=_words("|".join(words for words in (declared.goes_with, declared.against) if words)),
            only=re.compile(rf"(?<![\w./-])(?<!\w:)(?:{declared.only})(?![\w/-]|[.:]\w)") if declared.only else None,
        )
    except re.error as error:
        raise ValueError(f"$words: {error.pattern!r} is not a regular expression: {error}") from error


def _statement(alternatives: str | tuple[str, ...]) -> tuple[Term, ...]:
    return tuple(_term(term) for term in ([alternatives] if isinstance(alternatives, str) else alternatives))


def _term(text: str) -> Term:
    if text.startswith("@"):
        clauses.phrases(text[1:])
        return Term(group=text[1:])
    if len(text) > 2 and text.startswith("/") and text.endswith("/"):
        return Term(pattern=re.compile(text[1:-1], re.I))
    values = {choice: as_number(choice) for choice in text.split("|")}
    words = [word for word, value in values.items() if value is None]
    numbers_ = frozenset(value for value in values.values() if value is not None)
    return Term(pattern=_words("|".join(words)), values=numbers_)


def _words(text: str) -> re.Pattern[str] | None:
    """A pattern for words separated by ``|``: whole words, or the beginning of words for those that end with ``*``."""
    return re.compile("|".join(_word(word) for word in text.split("|")), re.I) if text else None


def _word(word: str) -> str:
    beginning = word.endswith("*")
    text = re.escape(word.removesuffix("*"))
    if not word.isascii():
        return text
    name = re.search(r"[^A-Za-z* ]", word)
    before = rf"(?<![{_LETTERS}])" + (r"(?<![\w][-.])" if name else "")
    after = "" if beginning else rf"(?![{_LETTERS}])" + (r"(?![-.]\w)" if name else "")
    return before + text + after
