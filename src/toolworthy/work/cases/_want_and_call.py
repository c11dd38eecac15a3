"""Compare one want with what one call did, whichever tool did it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from toolworthy.base.paths import ROOT
from toolworthy.content.toolset import Operation
from toolworthy.records.case import MissKind
from toolworthy.wire.ir import ToolCall
from toolworthy.wire.lenient import parse_json
from toolworthy.work.cases._effect import Effect, effect_of, words
from toolworthy.work.cases._execution import Done, Execution, ParsedCall
from toolworthy.work.cases._files import LOOKS, folder_of
from toolworthy.work.cases._output import lacks, same_output, shows_any
from toolworthy.work.cases._reference import calls_for
from toolworthy.work.cases._scene import Scene
from toolworthy.work.cases.matching import shell
from toolworthy.work.cases.matching.values import compare
from toolworthy.work.cases.model import Want
from toolworthy.work.cases.world import Effects


@dataclass(frozen=True)
class CallTrouble:
    """What is wrong with one call."""

    kind: MissKind
    detail: str


@dataclass(frozen=True)
class Reference:
    """The effect of a wanted command."""

    ran: Effects
    effect: Effect


async def references(stage: Execution, wants: Sequence[Want]) -> list[tuple[Reference, ...]]:
    """What each want does, for every way of its own that the case lists; nothing where there is no world."""
    references_by_want: list[tuple[Reference, ...]] = []
    for want in wants:
        ways: list[str] = []
        for command in want.command if stage.world is not None else ():
            # A pipe can only be compared as it is written: what a stand-in says is too little to be cut.
            if not ways or not ("|" in command or any(shell.same_command(other, command) for other in ways)):
                ways.append(command)
        ran = [await stage.run(command) for command in ways]
        references_by_want.append(
            tuple(Reference(effects, effect_of(stage.before, stage.repository, effects)) for effects in ran)
        )
    return references_by_want


def trouble_with(
    scene: Scene, want: Want, done: Done, known: Sequence[Reference], files: Any, *, lenient: bool
) -> list[CallTrouble]:
    """All that is amiss with a call, measured by one want; nothing where it is right.

    Args:
        scene: the case with its toolset.
        want: what is due.
        done: the call, and what it did.
        known: what the wanted command does, where that was seen.
        files: what lay in the working directory.
        lenient: let types pass that can be read as the wanted ones.
    """
    parsed = done.parsed
    if want.tool is not None:
        if parsed.call.name != scene.names[want.tool]:
            return [CallTrouble("wrong tool", f"{parsed.call.name} instead of {scene.names[want.tool]}")]
        return _arguments(want, parsed, lenient=lenient)
    if parsed.operation is None:
        return [CallTrouble("wrong tool", f"{parsed.call.name} cannot {want.do}")]
    # Where it was run, what it did and showed decides.
    if done.ran is None and not done.outputs and _as_reference(scene, want, parsed):
        return []
    if want.do == "run":
        return _run(want, done, known)
    return _look(want, done, files)


def _arguments(want: Want, parsed: ParsedCall, *, lenient: bool) -> list[CallTrouble]:
    mismatch = compare(want.arguments, parsed.arguments, lenient=lenient)
    if mismatch is None:
        return []
    # Another type that cannot be read as the wanted value is a wrong type, even where its text can be compared.
    first = compare(want.arguments, parsed.arguments)
    kind = first.kind if first and first.path == mismatch.path else mismatch.kind
    given = mismatch.given
    if kind == "wrong type" and mismatch.wanted is None and isinstance(given, str) and given.lower() not in _NOTHING:
        kind = "wrong argument"  # a value where there should be none
    return [CallTrouble(kind, _mismatch_text(mismatch))]


_NOTHING = frozenset({"", "null", "none", "nil", "undefined"})


def _mismatch_text(mismatch: Any) -> str:
    where = mismatch.path or "the arguments"
    if mismatch.kind == "missing argument":
        return f"{where} is missing"
    if mismatch.kind == "extra argument":
        return f"{where} was not requested: {mismatch.given!r}"
    return f"{where}: {mismatch.given!r} instead of {mismatch.wanted!r}"[:500]


def _as_reference(scene: Scene, want: Want, parsed: ParsedCall) -> bool:
    """Whether it is what the reference calls, or the same command."""
    if want.do == "run":
        folder = folder_of(parsed.operation) if parsed.operation else ROOT
        given = parsed.command
        return given is not None and any(shell.same_command(way, given, folder=folder) for way in want.command)
    made = [call for _, call in calls_for(scene, [want], "")]
    return len(made) == 1 and _equal(made[0], parsed.call)


def _equal(wanted: ToolCall, given: ToolCall) -> bool:
    if wanted.name != given.name or wanted.custom != given.custom:
        return False
    return wanted.arguments == given.arguments or parse_json(wanted.arguments) == parse_json(given.arguments)


def _run(want: Want, done: Done, known: Sequence[Reference]) -> list[CallTrouble]:
    if done.parsed.command is None:
        return [CallTrouble("wrong tool", f"{_action(done.parsed.operation)} instead of run")]
    detail = f"`{done.parsed.command[:300]}` instead of `{want.command[0]}`"
    if done.ran is None or not known:
        return [CallTrouble("wrong argument", detail)]
    troubles = [_beside(want, reference, done) for reference in known]
    return min(troubles, key=lambda trouble: [amiss.kind != "extra call" for amiss in trouble])


def _beside(want: Want, known: Reference, done: Done) -> list[CallTrouble]:
    """What a command did, besides what the wanted one does."""
    assert done.ran is not None
    if done.ran.code is None:
        return [CallTrouble("wrong argument", f"`{done.parsed.command}` was stopped at a limit")]
    if done.effect.same(known.effect):
        return [CallTrouble("wrong argument", shown)] if (shown := _hidden(want, known, [done.ran])) else []
    # What a command that fails says is not looked for in what does more, and may not fail.
    if done.effect.beyond(known.effect) and (known.ran.code or not _hidden(want, known, [done.ran])):
        return [CallTrouble("extra call", f"more than was requested: {words(done.effect)}")]
    return [CallTrouble("wrong argument", f"`{want.command[0]}`: {words(known.effect)}; here: {words(done.effect)}")]


def _hidden(want: Want, known: Reference, ran: Sequence[Effects]) -> str:
    """What was not shown that the wanted command shows."""
    output = "\n".join(effects.output for effects in ran)
    if want.shows or want.hides:
        return lacks(want, output, {})
    wanted = known.ran.output
    seen = Counter(call for call in known.ran.calls if call.looks and call.program != "git")
    seen -= Counter(call for effects in ran for call in effects.calls)
    if seen:
        return f"`{next(iter(seen)).text}` is not called"
    if known.effect or any(call.looks and call.program != "git" for call in known.ran.calls):
        hidden = bool(wanted.strip()) and known.effect.repository is None and not shows_any(wanted, output)
        return "nothing of the output is shown" if hidden else ""
    return "" if same_output(wanted, output) else f"the output is not that of `{want.command[0]}`: {output[:200]!r}"


def _look(want: Want, done: Done, files: Any) -> list[CallTrouble]:
    operation = done.parsed.operation
    if operation is None or not (done.shows or done.ran is not None):
        return [CallTrouble("wrong tool", f"{_action(operation)} instead of {want.do}")]
    lost = [lacks(want, output, files) for output in done.outputs] or ["what it shows is not known"]
    if not all(lost):
        return [CallTrouble("extra call", words(done.effect))] if done.effect else []
    if want.lines and operation.action == "read" and not {"first", "most"} & operation.scope.keys():
        return [CallTrouble("missing argument", f"the whole file instead of lines {want.lines[0]} to {want.lines[1]}")]
    other = operation.action in LOOKS and {operation.action, want.do} not in ({want.do}, {"find", "list"})
    return [CallTrouble("wrong tool" if other else "wrong argument", lost[0])]


def _action(operation: Operation | None) -> str:
    return operation.action if operation else "nothing"


def all_shown(wants: Sequence[Want], known: Sequence[Sequence[Reference]], done: Sequence[Done], files: Any) -> bool:
    """Whether calls that come together to the wanted effect show all that must be seen, and all went through.

    Args:
        wants: what is due, none of it tools of the case's own.
        known: what each wanted command does.
        done: what the calls did.
        files: what lay in the working directory.
    """
    ran = [call.ran for call in done if call.ran is not None]
    if any(effects.code is None for effects in ran) or any(call.failed or not call.sure for call in done):
        return False
    for want, ways in zip(wants, known, strict=True):
        if want.do == "run" and (not ways or _hidden(want, ways[0], ran)):
            return False
        if want.do in LOOKS:
            outputs = [text for call in done for text in call.outputs]
            if all(lacks(want, text, files) for text in (*outputs, "\n".join(outputs))):
                return False
    return True
