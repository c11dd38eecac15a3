"""Which requests trigger a defect, by their JSON."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from toolworthy.base.loading import Strict
from toolworthy.reference._paths import places
from toolworthy.wire.lenient import parse_json

Kind = Literal["null", "empty", "string", "array", "object", "number", "no-json"]
"""Of a value: ``empty`` is an array without elements, ``no-json`` a string that should hold JSON and does not."""


class Sign(Strict):
    """What a request must have for a defect to show."""

    has: str
    """Path in the request's JSON that sets it off."""
    equal: str | int | bool | None = None
    """Only where the value there is this."""
    none_of: tuple[str | int | bool, ...] = ()
    """Only where it is none of these."""
    match: str = ""
    """Only where the text there has this pattern."""
    unlike: str = ""
    """Only where the text there has not this pattern."""
    above: int | None = None
    """Only where the number there is greater."""
    below: int | None = None
    """Only where the number there is smaller."""
    longer: int | None = None
    """Only where the text or array there is longer."""
    shorter: int | None = None
    """Only where the text or array there is shorter."""
    larger: int | None = None
    """Only where its JSON has more bytes."""
    kind: Kind | None = None
    beside: tuple[str, ...] | None = None
    """Only where the object around it has other keys than it and these."""
    unanswered: str = ""
    """Only where the value is found nowhere at this path."""
    twice: bool = False
    """Only where it is there twice in a row."""
    absent: bool = False
    """Turned round: only where no such value is."""
    also: tuple[Sign, ...] = ()
    """Only where all of these hold."""
    unless: tuple[Sign, ...] = ()
    """Only where none of these holds."""

    def holds(self, value: Mapping[str, Any]) -> bool:
        """Whether the request has it."""
        present = any(self._there(value)) != self.absent
        return present and all(sign.holds(value) for sign in self.also) and not any(s.holds(value) for s in self.unless)

    def _there(self, value: Mapping[str, Any]) -> list[bool]:
        answered = [container[key] for container, key in places(value, self.unanswered)]
        fits = [
            self._fits(container[key])
            and (self.beside is None or bool(set(container) - {key, *self.beside}))
            and container[key] not in answered
            for container, key in places(value, self.has)
        ]
        return [first and second for first, second in itertools.pairwise(fits)] if self.twice else fits

    def _fits(self, value: Any) -> bool:
        text = value if isinstance(value, str) else json.dumps(value)
        sized = isinstance(value, str | list | dict)
        return (
            (self.equal is None or (value == self.equal and isinstance(value, bool) == isinstance(self.equal, bool)))
            and (not self.none_of or value not in self.none_of)
            and (not self.match or re.search(self.match, text) is not None)
            and (not self.unlike or re.search(self.unlike, text) is None)
            and (self.above is None or (isinstance(value, int) and value > self.above))
            and (self.below is None or (isinstance(value, int) and value < self.below))
            and (self.longer is None or (sized and len(value) > self.longer))
            and (self.shorter is None or (sized and len(value) < self.shorter))
            and (self.larger is None or len(json.dumps(value, ensure_ascii=False).encode()) > self.larger)
            and (self.kind is None or _is(value, self.kind))
        )


def _is(value: Any, kind: Kind) -> bool:
    match kind:
        case "null":
            return value is None
        case "empty":
            return value == [] and isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "no-json":
            return isinstance(value, str) and not isinstance(parse_json(value), dict)


class RefusalSign(Sign):
    """The endpoint does not take a request that it should take."""

    status: int = 400
    headers: dict[str, str] = Field(default_factory=dict)
    body: str
    """What it answers; ``{key}`` stands for the last key of the path found."""

    def answer(self, value: Mapping[str, Any]) -> str:
        """What it answers to this request."""
        key = next((str(key) for _, key in places(value, self.has)), "")
        return self.body.replace("{key}", key)
