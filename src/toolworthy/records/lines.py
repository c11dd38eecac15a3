"""Read the lines of ``results.jsonl``, and recover what it can from broken ones."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pydantic import ConfigDict, ValidationError

from toolworthy.records.case import CaseResult
from toolworthy.records.model import Record
from toolworthy.records.probe import ProbeResult
from toolworthy.records.replay import ReplayResult
from toolworthy.records.trial import TrialResult

MODELS: dict[str, type[Any]] = {
    "trial": TrialResult,
    "probe": ProbeResult,
    "case": CaseResult,
    "replay": ReplayResult,
}
"""The model of a line with this `kind`. Other kinds of work add theirs."""


BLANK = b"\0 \t\r\n"
"""Characters around a line, including NULs that a power loss may leave."""
_KIND = re.compile(rb'\{ ?"kind": ?"([a-z0-9-]+)"')
_BEGIN = re.compile(rb'\{ ?"(?:key": ?\{ ?"suite"|kind": ?"[a-z0-9-]+", ?"key")')


class _ForeignKey(Record):
    model_config = ConfigDict(extra="allow")

    suite: str


class Foreign(Record):
    """A result of an unknown kind of work."""

    model_config = ConfigDict(extra="allow")

    kind: str
    key: _ForeignKey


class ResultLines(NamedTuple):
    """The content of a file of results."""

    latest: Mapping[type[Any], tuple[Any, ...]]
    """The latest result of every key, by kind."""
    read: int
    """The number of results."""
    broken: tuple[int, ...] = ()
    """Numbers of unreadable lines, from 1."""
    cut: bool = False
    """Whether the last unreadable line is the file's last one, without a line end: the run was killed while writing
    it."""


NOTHING = ResultLines({}, 0)


def read_lines(path: Path) -> ResultLines:
    """Read a whole file."""
    latest: dict[type[Any], dict[Any, Any]] = {}
    broken: list[int] = []
    read, cut = 0, False
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if text := raw.strip(BLANK):
                whole = read_line(text)
                if whole is None:
                    broken.append(number)
                    cut = not raw.endswith(b"\n")
                for result in [whole] if whole else salvaged(text):
                    latest.setdefault(type(result), {})[result.key] = result
                    read += 1
    return ResultLines({kind: tuple(results.values()) for kind, results in latest.items()}, read, tuple(broken), cut)


def read_line(text: bytes) -> Any:
    """The result in a line, by its kind; older runs have no kind: the first model that fits."""
    kind = _KIND.match(text)
    for model in (MODELS.get(kind[1].decode(), Foreign),) if kind else tuple(MODELS.values()):
        with contextlib.suppress(ValidationError):
            return model.model_validate_json(text)
    return None


def salvaged(text: bytes) -> Iterator[Any]:
    """Complete results within a broken line, whose line end, or the previous one, was lost."""
    for match in _BEGIN.finditer(text):
        piece = text[match.start() :].decode("utf-8", "replace")
        with contextlib.suppress(ValueError):
            _, end = json.JSONDecoder().raw_decode(piece)
            if result := read_line(piece[:end].encode()):
                yield result


def last_line(file: BinaryIO) -> bytes:
    """The last line of the file, read from the end in increasing steps."""
    size = file.seek(0, os.SEEK_END)
    for many in (2**power for power in range(12, 64)):
        file.seek(-min(many, size), os.SEEK_END)
        tail = file.read()
        if many >= size or b"\n" in tail[:-1]:
            return tail[tail[:-1].rfind(b"\n") + 1 :]
    return b""
