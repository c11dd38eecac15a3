"""Arguments of the command line: their TOML rows, types of values, and errors."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolworthy.base.nearest import did_you_mean
from toolworthy.base.toml import read_toml
from toolworthy.wire.ir import APIS

if TYPE_CHECKING:
    from toolworthy.content.providers import Prices

Argument = tuple[tuple[str, ...], dict[str, Any]]
"""An argument for `argparse`: its names and keywords."""
PRICE = "IN,OUT[,CACHED[,WRITE[,WRITE_1H]]]"
"""The format of a price: input, output, input read from a cache, written to one, and cached for an hour."""
_PRICED = ("input", "output", "cached", "cache_write", "cache_write_1h")


class GivenOnce(argparse.Action):
    """Stores a value. A second, different one is refused; argparse would silently take the last."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, value: Any, option: str | None = None
    ) -> None:
        held = getattr(namespace, self.dest, None)
        if held not in (None, self.default, value):
            raise argparse.ArgumentError(self, f"'{held}' and '{value}' are both given. Give one.")
        setattr(namespace, self.dest, value)


def once(names: Sequence[str], how: dict[str, Any]) -> dict[str, Any]:
    """Keywords of `add_argument`: an option that takes one value is `GivenOnce`."""
    return how if names[0][:1] != "-" or {"action", "nargs"} & {*how} else {"action": GivenOnce, **how}


def positive(text: str) -> int:
    """A whole number from 1 up."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: give a whole number") from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {value}")
    return value


def at_once(text: str) -> int | None:
    """A whole number from 1 up, or `auto` for None: as many as succeed."""
    return None if text == "auto" else positive(text)


def factor(text: str) -> float:
    """A finite number above 0."""
    return _above_zero(text, text, "give a number above 0, such as 2 or 0.5")


def count(text: str) -> int:
    """A whole number above 0: `2000000`, `500k` or `2M`."""
    scale = {"k": 1_000, "m": 1_000_000}.get(text[-1:].lower(), 1)
    number = text[:-1] if scale > 1 else text
    return round(_above_zero(number, text, "give a number, 500k or 2M") * scale) or 1


def _above_zero(number: str, text: str, expected: str) -> float:
    try:
        value = float(number)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: {expected}")
    return value


def day(text: str) -> date:
    """A date: `2027-01-31`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: give a date, such as 2027-01-31") from None


def price(text: str) -> Prices:
    """US dollars per million tokens, as `PRICE` says."""
    from toolworthy.content.providers import Prices

    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if not 2 <= len(values) <= len(_PRICED) or not all(0 <= value < math.inf for value in values):
        raise argparse.ArgumentTypeError(f"{text!r}: give {PRICE} in US dollars per million tokens")
    return Prices.model_validate({**dict(zip(_PRICED, values, strict=False)), "source": "--price"})


def port(text: str) -> int:
    """A port to listen on; 0 for any free port."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r}: give a port from 0 to 65535")
    return int(text)


@dataclass(frozen=True)
class OneOf:
    """Reads one of several names."""

    names: tuple[str, ...]

    def __call__(self, text: str) -> str:
        if text not in self.names:
            raise argparse.ArgumentTypeError(f"{text!r} is unknown{did_you_mean(text, self.names)}")
        return text


def one_of(names: Sequence[str]) -> dict[str, Any]:
    """Keywords of `add_argument` for an argument that must be one of `names`."""
    return {"type": OneOf(tuple(names)), "metavar": "{" + ",".join(names) + "}"}


_TYPES: Mapping[str, Mapping[str, Any]] = {
    "api": one_of(APIS),
    "at_once": {"type": at_once},
    "count": {"type": count},
    "day": {"type": day},
    "factor": {"type": factor},
    "path": {"type": Path},
    "port": {"type": port},
    "positive": {"type": positive},
    "price": {"type": price, "metavar": PRICE},
}
"""Keywords of `add_argument`, by the argument's `type` in TOML."""


def arguments(rows: Mapping[str, Mapping[str, Any]]) -> tuple[Argument, ...]:
    """The arguments that rows of ``commands.toml`` declare."""
    return tuple((tuple(names.split()), _argument_options(how)) for names, how in rows.items())


def _argument_options(row: Mapping[str, Any]) -> dict[str, Any]:
    how = dict(row)
    if name := how.pop("type", ""):
        how = {**_TYPES[name], **how}
    if names := how.pop("one_of", ()):
        how |= one_of(names)
    return {"default": [], **how} if how.get("action") == "append" else how


def read_table(name: str) -> dict[str, Any]:
    """A TOML file of this package."""
    return read_toml(Path(__file__).with_name(name))
