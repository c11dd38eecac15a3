"""Decide whether BFCL accepts one argument: it checks the type, then the list of values.

As ``bfcl_eval`` 2026.3.23 (``ast_checker.py``) defines it:

* types are compared exactly (a boolean is not an integer), but an integer is accepted for a float;
* if the first accepted value has another type than the parameter (a variable's name for a number, an integer for
  a float), an argument of that type is accepted, too, and compared unchanged;
* strings are compared without case, spaces and ``,./-_*^``, and all quotes are equal; the same holds for strings
  directly in a list or dict, but deeper ones are compared unchanged;
* an accepted value of ``""`` means "may be left out"; it also accepts an empty list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from toolworthy import content
from toolworthy.base.toml import read_toml
from toolworthy.records.case import MissKind
from toolworthy.work.cases.benchmarks import _literals as literals

Language = Literal["python", "java", "javascript"]
FACTS = read_toml(content.FIXTURES / "bfcl.toml")
"""BFCL's names."""
_READ: dict[str, type] = {kind.__name__: kind for kind in (str, int, float, bool, list, dict)}
TYPES: dict[Language, dict[str, type]] = {
    language: {word: _READ[kind] for word, kind in words.items()} for language, words in FACTS["types"].items()
}
"""BFCL's name of each type, by language, and its Python type."""
LISTS = frozenset({"array", "tuple", "Array", "ArrayList"})
"""Types with an element type."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an answer: the kind of miss, and a sentence."""

    kind: MissKind
    detail: str


def fault(
    name: str, value: Any, accepted: Sequence[Any], declared: Mapping[str, Any], language: Language
) -> Fault | None:
    """What is wrong with an argument; None if BFCL accepts it.

    Args:
        name: the parameter's.
        value: as the model gave it, parsed from JSON.
        accepted: BFCL's list of accepted values.
        declared: BFCL's own declaration of the parameter (``{"type": "array", "items": {"type": "float"}}``).
        language: that of the tool; except in Python, the value must be source code.
    """
    word = declared["type"]
    expected, inner_word = TYPES[language][word], declared["items"]["type"] if word in LISTS else None
    inner = TYPES[language][inner_word] if inner_word else None
    if language != "python":
        if type(value) is not str:
            return Fault(
                "wrong type", f"{name} is to be {language} source text in a string, and is {_shortened(value)}"
            )
        read = literals.java if language == "java" else literals.javascript
        value = read(value, word, inner_word or "any")
    elif word == "float" and type(value) is int:
        value = _as_float(value)
    how = _typed(value, accepted, expected, inner)
    if how is None:
        return Fault("wrong type", f"{name} is to be {word}, and is {_shortened(value)}")
    if how == "declared" and expected is dict:
        return _dict_fault(name, value, accepted)
    if how == "declared" and inner is dict:
        return _dicts_fault(name, value, accepted)
    if how == "declared" and expected in (str, list):
        fits = _standard(value) in [_standard(option) for option in accepted if isinstance(option, expected)]
        if expected is list:
            fits = fits or (value == [] and "" in accepted)
    else:
        fits = value in accepted
    return (
        None if fits else Fault("wrong argument", f"{name} is {_shortened(value)}, not one of {_shortened(accepted)}")
    )


def _typed(
    value: Any, accepted: Sequence[Any], expected: type, inner: type | None
) -> Literal["declared", "as accepted"] | None:
    """How the value's type fits: as declared, or only as that of the accepted values; None if it does not."""
    first = next((type(option) for option in accepted if option != ""), None)
    if type(value) is expected:
        if inner and not any(_elements_typed(value, option, inner) for option in accepted):
            return None
        return "declared" if first in (None, expected) else "as accepted"
    return "as accepted" if first is not None and type(value) is first else None


def _elements_typed(value: Any, option: Any, inner: type) -> bool:
    return not isinstance(option, list) or all(_typed(item, option, inner, None) for item in value)


def _standard(value: Any) -> Any:
    """A string, or the strings of a list, normalized as BFCL compares them."""
    if isinstance(value, str):
        return re.sub(r"[ ,./\-_*^]", "", value).lower().replace("'", '"')
    if isinstance(value, list):
        return [_standard(item) if isinstance(item, str) else item for item in value]
    return value


def _dict_fault(name: str, value: Mapping[str, Any], accepted: Sequence[Any]) -> Fault | None:
    mismatch: Fault | None = Fault("wrong argument", f"{name} is not to be given")
    for option in accepted:
        if option != "":
            mismatch = _entries_fault(name, value, option)
            if mismatch is None:
                return None
    return mismatch


def _entries_fault(name: str, value: Mapping[str, Any], option: Any) -> Fault | None:
    if not isinstance(option, dict):
        return Fault("wrong argument", f"{name} is {_shortened(value)}, not {_shortened(option)}")
    for key, item in value.items():
        if key not in option:
            return Fault("extra argument", f"{name}.{key} is not asked for")
        texts = [_flat(entry) for entry in option[key]]
        if _flat(item) not in texts:
            return Fault("wrong argument", f"{name}.{key} is {_shortened(item)}, not one of {_shortened(option[key])}")
    for key, entries in option.items():
        if key not in value and "" not in entries:
            return Fault("missing argument", f"{name}.{key} is missing")
    return None


def _flat(value: Any) -> Any:
    return _standard(value) if isinstance(value, str) else value


def _dicts_fault(name: str, value: Sequence[Any], accepted: Sequence[Any]) -> Fault | None:
    mismatch: Fault | None = Fault("wrong argument", f"{name} is not to be given")
    for option in accepted:
        if len(option) != len(value):
            mismatch = Fault("wrong argument", f"{name} has {len(value)} entries, not {len(option)}")
            continue
        faults = (_dict_fault(f"{name}[{n}]", item, [option[n]]) for n, item in enumerate(value))
        mismatch = next((entry_fault for entry_fault in faults if entry_fault), None)
        if mismatch is None:
            return None
    return mismatch


def _as_float(value: int) -> float | int:
    try:
        return float(value)
    except OverflowError:
        return value


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
