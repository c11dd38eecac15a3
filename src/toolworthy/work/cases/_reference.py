"""The reference solution of a case, as calls of the offered tools. The reference server plays it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from toolworthy.content.adapters import Action
from toolworthy.content.toolset import Way, ways
from toolworthy.wire.ir import ToolCall
from toolworthy.work.cases._scene import Scene
from toolworthy.work.cases.model import Want


def calls_for(scene: Scene, wants: Sequence[Want], seed: str) -> list[tuple[int, ToolCall]]:
    """The calls that do what is wanted, each with the number of what it is for; ids are the same every time."""
    return [
        (number, call)
        for number, want in enumerate(wants)
        for inner, (name, arguments, custom) in enumerate(_calls(scene, want))
        for call in [ToolCall(_id(f"{scene.case.id}.{seed}.{number}.{inner}"), name, arguments, custom=custom)]
    ]


def _calls(scene: Scene, want: Want) -> list[tuple[str, str, bool]]:
    if want.tool is not None:
        arguments = want.example if want.example is not None else plain(want.arguments)
        return [(scene.names[want.tool], json.dumps(arguments, ensure_ascii=False), False)]
    steps: list[tuple[Action, dict[str, str]]]
    match want.do:
        case "run":
            steps = [("run", {"command": want.command[0]})]
        case "change":
            steps = [("write", {"path": path, "content": text}) for path, text in want.after.items()]
            steps += [("run", {"command": f"rm -- {path!r}"}) for path in want.gone]
        case "search" | "find":
            steps = [(want.do, {"pattern": want.pattern or ""})]
        case _:
            steps = [("list" if want.do == "list" else "read", {"path": want.path or ""})]
    made = [_first(scene, action, values, want) for action, values in steps]
    return [(way.tool, way.arguments, way.custom) for way in made]


def _first(scene: Scene, action: Action, values: Mapping[str, str], want: Want) -> Way:
    if want.lines and want.do == "read":
        # Tools say parts of a file in many ways; every shell says it the same.
        action, values = "run", {"command": _part(values["path"], want.lines)}
    possible = ways(action, values, scene.tools, scene.adapter)
    if not possible:
        raise LookupError(f"{scene.adapter.id} has no tool to {action}")
    return possible[0]


def _part(path: str, lines: tuple[int, int]) -> str:
    first, last = lines
    return f"tail -n {-first} '{path}'" if first < 0 else f"sed -n '{first},{last}p' '{path}'"


def plain(wanted: Any) -> Any:
    """A value that matchers accept: the first of several, what is in them; optional ones are left out."""
    if isinstance(wanted, list):
        return [plain(item) for item in wanted]
    if not isinstance(wanted, dict):
        return wanted
    special = next((name for name in wanted if name.startswith("$")), None)
    if special is None:
        return {name: plain(value) for name, value in wanted.items() if not _optional(value)}
    value = wanted[special]
    if special in ("$one_of", "$command", "$contains"):
        first = value[0] if isinstance(value, list) else value
        return " ".join(value) if special == "$contains" and isinstance(value, list) else plain(first)
    return plain(value)


def _optional(wanted: Any) -> bool:
    return isinstance(wanted, dict) and "$optional" in wanted


def _id(seed: str) -> str:
    return f"call_{hashlib.sha256(seed.encode()).hexdigest()[:20]}"
