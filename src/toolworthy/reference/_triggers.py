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
"""The type of a value: ``empty`` is an array without elements, ``no-json`` a string that should be JSON and is not."""


class Sign(Strict):
    """A condition on a request for a defect to be injected."""

    has: str
    """Path in the request's JSON that must exist."""
    equal: str | int | bool | None = None
    """The value there equals this."""
    none_of: tuple[str | int | bool, ...] = ()
    """The value is none of these."""
    match: str = ""
    """The text there matches this pattern."""
    unlike: str = ""
    """The text there does not match this pattern."""
    above: int | None = None
    """The number there is greater."""
    below: int | None = None
    """The number there is smaller."""
    longer: int | None = None
    """The text or array there is longer."""
    shorter: int | None = None
    """The text or array there is shorter."""
    larger: int | None = None
    """The value's JSON has more bytes."""
    kind: Kind | None = None
    beside: tuple[str, ...] | None = None
    """The object that contains it has keys other than it and these."""
    unanswered: str = ""
    """The value does not occur at this path."""
    twice: bool = False
    """The value occurs twice in a row."""
    absent: bool = False
    """Negation: no such value exists."""
    also: tuple[Sign, ...] = ()
    """All of these hold."""
    unless: tuple[Sign, ...] = ()
    """None of these holds."""

    def holds(self, value: Mapping[str, Any]) -> bool:
        """Whether the request meets the condition."""
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
    """A rejection of requests that the endpoint should accept."""

    status: int = 400
    headers: dict[str, str] = Field(default_factory=dict)
    body: str
    """The body of the rejection; ``{key}`` is the last key of the matching path."""

    def answer(self, value: Mapping[str, Any]) -> str:
        """The body of the rejection of this request."""
        key = next((str(key) for _, key in places(value, self.has)), "")
        return self.body.replace("{key}", key)
