"""Compare a JSON value from a model with the expected one.

The expected value is plain data, or contains matchers at any depth: objects whose one key begins with ``$``.

=============================== ======================================================================================
``{"$one_of": [a, b]}``         any of these values
``{"$regex": "a+"}``            a string that the pattern matches entirely
``{"$contains": "x"}``          a string that contains this one, or each of a list
``{"$words": {...}}``           a text with these statements: facts, refusals, questions (see ``_words``)
``{"$path": "src/a.py"}``       the same place, in any spelling
``{"$near": 5, "within": 0.1}`` a number at most that far away
``{"$command": "pytest -q"}``   an equivalent command, or one of a list; may be given as a list of arguments
``{"$code": "x", "language"}``  equivalent code
``{"$text": "x"}``              the same text, except white space at the ends of lines and of the text
``{"$optional": a}``            as `a`, or absent
``{"$any": true}``              any value, but not absent
``{"$set": [a, b]}``            an array of these values in any order
``{"$exact": a}``               `a` itself, even if it looks like a matcher
=============================== ======================================================================================

The strict reading demands the same types: ``1`` is ``1.0``, but ``true`` is not ``1``, nor ``"5"`` ``5``. With
`lenient`, a value may also be right after one conversion: strings to numbers and booleans and back,
JSON text to an object or array, the contents of a fenced code block, null for an optional value. No conversion may
change the meaning: ``"null"`` is a string and not null, ``4417`` is not ``"004417"``, ``3.0`` is not ``"3.00"``,
and no value is an array of itself; if a tool accepts both, use ``$one_of``.

A mismatch is a "wrong type" if the JSON type differs from the expected one, even if a conversion makes it right; with
`lenient`, only if no conversion applies. Everything else is a "wrong argument".
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from toolworthy.base.paths import absolute
from toolworthy.work.cases.matching import _words as words
from toolworthy.work.cases.matching._code import same_code, typed
from toolworthy.work.cases.matching._equivalent import same_command

Kind = Literal["missing argument", "extra argument", "wrong argument", "wrong type"]
_FENCE = re.compile(r"\s*```[^\n`]*\n(.*?)\n?```\s*", re.S)
_NULLS = ("", "null", "none", "nil", "undefined")
_BESIDE = {"$near": "within", "$code": "language"}


@dataclass(frozen=True)
class Mismatch:
    """The first place where a value differs from the expected one."""

    kind: Kind
    path: str
    """Dotted, from the top: ``edits.0.path``."""
    wanted: Any
    given: Any


def compare(wanted: Any, given: Any, *, lenient: bool = False) -> Mismatch | None:
    """How `given` differs from `wanted`; None if it does not.

    Raises:
        ValueError: `wanted` has an unknown matcher.
    """
    return _compare(wanted, given, "", lenient)


def _compare(wanted: Any, given: Any, path: str, lenient: bool) -> Mismatch | None:
    name = _matcher(wanted)
    if name in _DEEP:
        return _DEEP[name](wanted[name], given, path, lenient)
    if name is not None:
        return _leaf(name, wanted, given, path, lenient)
    return _compare_data(wanted, given, path, lenient)


def _matcher(wanted: Any) -> str | None:
    """The name of the matcher in `wanted`."""
    if not isinstance(wanted, dict):
        return None
    names = [key for key in wanted if isinstance(key, str) and key.startswith("$")]
    if len(names) != 1:
        return None
    known = names[0] in _DEEP or names[0] in _LEAVES
    beside = set(wanted) - {names[0], _BESIDE.get(names[0], "")}
    if beside and not known:
        return None
    if beside or not known:
        raise ValueError(f"{sorted(wanted)} is not a matcher; known: {', '.join(sorted((*_DEEP, *_LEAVES)))}")
    return names[0]


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


# ---- plain data --------------------------------------------------------------------------------------------------


def _compare_data(wanted: Any, given: Any, path: str, lenient: bool) -> Mismatch | None:
    """Compare `given` or, with `lenient`, its conversions with plain data."""
    kind = _type(wanted)
    if _type(given) != kind:
        if wanted is None and isinstance(given, str) and given.strip().lower() not in _NULLS:
            return Mismatch("wrong argument", path, wanted, given)  # a different value, where null is allowed
        if not lenient:
            return Mismatch("wrong type", path, wanted, given)
        readings = [value for value in _readings(given, kind) if _type(value) == kind]
        if not readings or (kind == "string" and not _is_json_of(wanted, given)):
            return Mismatch("wrong type", path, wanted, given)
        return _first(_same_type(wanted, value, path, lenient) for value in readings)
    mismatch = _same_type(wanted, given, path, lenient)
    if mismatch and lenient and kind == "string" and (inside := _unfenced(given)) is not None:
        return None if inside == wanted else mismatch
    return mismatch


def _same_type(wanted: Any, given: Any, path: str, lenient: bool) -> Mismatch | None:
    if isinstance(wanted, dict):
        return _objects(wanted, given, path, lenient)
    if isinstance(wanted, (list, tuple)):
        return _arrays(wanted, given, path, lenient)
    return None if wanted == given else Mismatch("wrong argument", path, wanted, given)


def _objects(wanted: dict[str, Any], given: dict[str, Any], path: str, lenient: bool) -> Mismatch | None:
    """Report missing keys first, then wrong values, then extra keys."""
    for key, value in wanted.items():
        if key not in given and _matcher(value) != "$optional":
            return Mismatch("missing argument", _join(path, key), value, None)
    for key, value in wanted.items():
        if key in given and (mismatch := _compare(value, given[key], _join(path, key), lenient)):
            return mismatch
    for key, value in given.items():
        if key not in wanted:
            return Mismatch("extra argument", _join(path, key), None, value)
    return None


def _arrays(wanted: Sequence[Any], given: Sequence[Any], path: str, lenient: bool) -> Mismatch | None:
    if len(wanted) != len(given):
        return Mismatch("wrong argument", path, wanted, given)
    pairs = enumerate(zip(wanted, given, strict=True))
    return next(
        (bad for at, (expected, actual) in pairs if (bad := _compare(expected, actual, _join(path, at), lenient))), None
    )


def _type(value: Any) -> str:
    """The JSON type of a value; integers and other numbers are one type."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if value is None:
        return "null"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, dict) else "array"


def _readings(given: Any, kind: str) -> Iterator[Any]:
    """The conversions of `given` to the type `kind`."""
    if kind == "string" and isinstance(given, (bool, int, float)):
        yield _json_text(given)
    elif isinstance(given, str) and kind not in ("string", "null"):
        inside = _unfenced(given)
        yield _json_value(given if inside is None else inside)


def _is_json_of(text: str, value: Any) -> bool:
    """Whether `text` is exactly the JSON of a value of the same type: ``"007"`` is not that of any number."""
    read = _json_value(text)
    return _type(read) == _type(value) and _json_text(read) == text


def _json_text(value: Any) -> str:
    try:
        return json.dumps(value)
    except (ValueError, RecursionError):
        return ""


def _json_value(text: str) -> Any:
    """The JSON value in `text`, or `text` itself if it is not JSON. Accepts ``True``, since models write Python."""
    try:
        return json.loads({"True": "true", "False": "false"}.get(text.strip(), text))
    except (ValueError, RecursionError):
        return text


def _unfenced(text: str) -> str | None:
    """The contents of `text` if it is a single fenced code block."""
    match = _FENCE.fullmatch(text)
    return match[1] if match else None


def _first(mismatches: Iterator[Mismatch | None]) -> Mismatch | None:
    """None if any fits, else the first mismatch."""
    worst: Mismatch | None = None
    for mismatch in mismatches:
        if mismatch is None:
            return None
        worst = worst or mismatch
    return worst


# ---- matchers around others ------------------------------------------------------------------------------------------


def _one_of(choices: Sequence[Any], given: Any, path: str, lenient: bool) -> Mismatch | None:
    """Any of several values. The type is wrong only if it is so for each, or if a conversion makes the value right."""
    mismatches = [_compare(choice, given, path, lenient) for choice in choices]
    if any(mismatch is None for mismatch in mismatches):
        return None
    converts = not lenient and any(_compare(choice, given, path, True) is None for choice in choices)
    of_type = bool(mismatches) and all(
        mismatch and (mismatch.kind, mismatch.path) == ("wrong type", path) for mismatch in mismatches
    )
    return Mismatch("wrong type" if converts or of_type else "wrong argument", path, {"$one_of": choices}, given)


def _optional(wanted: Any, given: Any, path: str, lenient: bool) -> Mismatch | None:
    return None if lenient and given is None else _compare(wanted, given, path, lenient)


def _exact(wanted: Any, given: Any, path: str, lenient: bool) -> Mismatch | None:
    if typed(wanted) == typed(given):
        return None
    return Mismatch("wrong argument" if _type(wanted) == _type(given) else "wrong type", path, wanted, given)


def _set(wanted: Sequence[Any], given: Any, path: str, lenient: bool) -> Mismatch | None:
    """An array in any order. Each value needs a matcher of its own, so that matchers may overlap."""
    if not isinstance(given, (list, tuple)):
        readings = [value for value in _readings(given, "array") if isinstance(value, list)] if lenient else []
        if not readings:
            return Mismatch("wrong type", path, {"$set": wanted}, given)
        return _first(_set(wanted, value, path, lenient) for value in readings)
    fits = [
        [at for at, value in enumerate(given) if _compare(matcher, value, path, lenient) is None] for matcher in wanted
    ]
    if len(wanted) == len(given) and _paired(fits):
        return None
    rest = [value for at, value in enumerate(given) if not any(at in places for places in fits)]
    free = [matcher for matcher, places in zip(wanted, fits, strict=True) if not places]
    kinds = {_nearest(free, value, lenient) for value in rest} if len(wanted) == len(given) and free else set()
    return Mismatch(kinds.pop() if len(kinds) == 1 else "wrong argument", path, {"$set": wanted}, given)


def _nearest(wanted: Sequence[Any], given: Any, lenient: bool) -> Kind:
    """What is wrong with a value, compared with the most similar one of `wanted`."""

    def others(matcher: Any) -> int:
        if not (isinstance(matcher, dict) and isinstance(given, dict)):
            return 0
        return sum(
            key not in given or _compare(inner, given[key], "", lenient) is not None for key, inner in matcher.items()
        )

    mismatch = _compare(min(wanted, key=others), given, "", lenient)
    return mismatch.kind if mismatch else "wrong argument"


def _paired(fits: Sequence[Sequence[int]]) -> bool:
    """Whether each matcher can be assigned a value of its own."""
    owner: dict[int, int] = {}

    def find(matcher: int, tried: set[int]) -> bool:
        for value in fits[matcher]:
            if value not in tried:
                tried.add(value)
                if value not in owner or find(owner[value], tried):
                    owner[value] = matcher
                    return True
        return False

    return all(find(matcher, set()) for matcher in range(len(fits)))


_DEEP: dict[str, Callable[[Any, Any, str, bool], Mismatch | None]] = {
    "$one_of": _one_of,
    "$optional": _optional,
    "$any": lambda wanted, given, path, lenient: None,
    "$exact": _exact,
    "$set": _set,
}


# ---- matchers of one value -------------------------------------------------------------------------------------------


def _leaf(name: str, wanted: dict[str, Any], given: Any, path: str, lenient: bool) -> Mismatch | None:
    """Compare one value with a matcher for one type."""
    fits = _LEAVES[name]
    kind = "number" if name == "$near" else "string"
    readings = [given] if _type(given) == kind else []
    if name == "$command" and (line := _line(given)) is not None:
        readings = [line]
    if lenient:
        readings += [value for value in _readings(given, kind) if _type(value) == kind]
        readings += [inside for text in readings if isinstance(text, str) and (inside := _unfenced(text)) is not None]
    if not readings:
        return Mismatch("wrong type", path, wanted, given)
    if any(fits(wanted, value, lenient) for value in readings):
        return None
    number = kind == "string" and isinstance(given, (bool, int, float))
    return Mismatch("wrong type" if number else "wrong argument", path, wanted, given)


def _line(given: Any) -> str | None:
    """The command line for a list of arguments, since some tools take commands as lists."""
    if not isinstance(given, (list, tuple)) or not given or not all(isinstance(part, str) for part in given):
        return None
    return shlex.join(given)


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _near(wanted: dict[str, Any], given: Any, lenient: bool) -> bool:
    number = wanted["$near"]
    within = wanted.get("within", 1e-9 * max(1.0, abs(number)))
    try:
        return bool(abs(given - number) <= within)
    except OverflowError:
        return False


def _text(wanted: dict[str, Any], given: str, lenient: bool) -> bool:
    expected, actual = (_trimmed(text, lenient) for text in (wanted["$text"], given))
    return expected == actual


def _trimmed(text: str, lenient: bool) -> str:
    if lenient:
        return " ".join(text.casefold().split())
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip()


_LEAVES: dict[str, Callable[[dict[str, Any], Any, bool], bool]] = {
    "$regex": lambda wanted, given, lenient: re.fullmatch(wanted["$regex"], given) is not None,
    "$contains": lambda wanted, given, lenient: all(part in given for part in _several(wanted["$contains"])),
    "$words": lambda wanted, given, lenient: words.read(wanted["$words"]).fit(given),
    "$path": lambda wanted, given, lenient: absolute(wanted["$path"]) == absolute(given),
    "$near": _near,
    "$command": lambda wanted, given, lenient: any(
        same_command(command, given) for command in _several(wanted["$command"])
    ),
    "$code": lambda wanted, given, lenient: same_code(wanted["$code"], given, wanted.get("language", "text")),
    "$text": _text,
}
