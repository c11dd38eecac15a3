"""Whether the calls of one answer are right: which of the alternatives they come nearest to, and what is amiss."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolworthy.cases.deeds import Found, trouble_with
from toolworthy.cases.files import Execute, Failed, changed, looks
from toolworthy.cases.model import Turn, Want
from toolworthy.cases.render import Scene
from toolworthy.cases.result import Miss
from toolworthy.matching.values import compare
from toolworthy.rules.leaked import lost_calls
from toolworthy.rules.leaks import TOOL_SYNTAX
from toolworthy.vocabulary import understand
from toolworthy.wire.ir import Message, Request, Response, Text, ToolCall
from toolworthy.wire.lenient import parse_json

_MAX_PERMUTED = 5
"""Calls up to which every order is tried; beyond, they are taken as they come."""


@dataclass
class Ruling:
    """What is said of one answer."""

    misses: tuple[Miss, ...] = ()
    credit: float = 0.0
    meets: dict[int, int] = field(default_factory=dict)
    """Number of a call to number of what it is for, in the alternative that it was measured by."""
    files: dict[str, str] = field(default_factory=dict)
    """As the answer leaves them."""
    explores: bool = False
    """It does nothing but look, and nothing that was wanted."""

    @property
    def lenient(self) -> bool:
        """Right, but for what only the strict reading minds."""
        return all(miss.strict for miss in self.misses)


async def rule_on(
    scene: Scene, turn: Turn, answer: Response, files: Mapping[str, str], execute: Execute | None
) -> Ruling:
    """Judge an answer to `turn`.

    Args:
        scene: the case in its vocabulary.
        turn: what was asked.
        answer: what the model said.
        files: what lies in the working directory now.
        execute: runs a command where only that can tell what it does.

    Raises:
        Undecided: a command would have to be run to tell, and cannot be.
    """
    lost = _left_in_text(scene, turn, answer)
    if lost and not answer.calls:
        return Ruling(tuple(lost), files=dict(files))
    found = [_read(scene, call) for call in answer.calls]
    explores = bool(found) and all(call.deed is not None and looks(call.deed) for call in found)
    if not turn.right:
        misses = tuple(_no_call(turn, answer, found))
        return Ruling(misses, 0.0 if misses else 1.0, files=dict(files), explores=explores and bool(misses))
    best: Ruling | None = None
    for wants in turn.right:
        ruling = await _against(scene, wants, found, turn.ordered, answer, files, execute)
        if best is None or _badness(ruling) < _badness(best):
            best = ruling
    assert best is not None
    best.explores = explores and not best.lenient
    best.misses = _with_leaks(best.misses, lost)
    return best


def _badness(ruling: Ruling) -> tuple[int, float, int]:
    return sum(not miss.strict for miss in ruling.misses), -ruling.credit, len(ruling.misses)


def _read(scene: Scene, call: ToolCall) -> Found:
    """A call as far as it can be understood."""
    tool = next((tool for tool in scene.tools if call.name in (tool.flat_name, tool.name)), None)
    if tool is None:
        return Found(call, None, None, unknown=True)
    arguments: Any = call.arguments if call.custom else parse_json(call.arguments or "{}")
    if not call.custom and not isinstance(arguments, dict):
        return Found(call, None, None)
    spec = scene.spec(call.name)
    return Found(call, arguments, understand(spec, arguments) if spec else None)


def _left_in_text(scene: Scene, turn: Turn, answer: Response) -> list[Miss]:
    """The calls that the server left in the text; of an answer without calls also what is no whole call, but has the
    marks of one."""
    asked = Request("", (*scene.messages, Message("user", (Text(turn.user or ""),))), scene.tools)
    lost = [f"a call of {call.name} stands in the {call.where}" for call in lost_calls(asked, answer)]
    if not lost and not answer.calls and (mark := TOOL_SYNTAX.search(answer.text)):
        lost = [f"{mark.group()!r} stands in the text"]
    return [Miss(kind="leaked call", given=answer.text[:300], detail=detail) for detail in lost]


def _with_leaks(misses: Sequence[Miss], lost: Sequence[Miss]) -> tuple[Miss, ...]:
    """Calls that are missing since they were left in the text are named as that."""
    missing = [miss for miss in misses if miss.kind == "missing call"]
    for miss, leak in zip(missing, lost, strict=False):
        misses = [leak.model_copy(update={"wanted": miss.wanted}) if one is miss else one for one in misses]
    return tuple(misses)


def _no_call(turn: Turn, answer: Response, found: Sequence[Found]) -> list[Miss]:
    """What is amiss where no call is right."""
    if found:
        return [Miss(kind="call where none is due", given=call.words, detail=call.words) for call in found]
    if not answer.text.strip():
        return [Miss(kind="no answer", detail="neither a call nor a text")]
    if turn.answer is None or compare(turn.answer, answer.text) is None:
        return []
    strict = compare(turn.answer, answer.text, lenient=True) is None
    return [Miss(kind="wrong answer", wanted=str(turn.answer), given=answer.text[:500], strict=strict)]


async def _against(
    scene: Scene,
    wants: tuple[Want, ...],
    found: list[Found],
    ordered: bool,
    answer: Response,
    before: Mapping[str, str],
    execute: Execute | None,
) -> Ruling:
    """Measure calls by one alternative."""
    broken = [_unreadable(call) for call in found if call.arguments is None]
    readable = [call for call in found if call.arguments is not None]
    change = next((want for want in wants if want.do == "change"), None)
    makers = [call for call in readable if change and call.deed is not None and not looks(call.deed)]
    makers = [call for call in makers if not _meets_another(scene, wants, call)]
    others = [call for call in readable if all(call is not maker for maker in makers)]
    plain = tuple(want for want in wants if want is not change)
    order, misses, met = _match(scene, plain, others, ordered)
    files = dict(before)
    if change:
        trouble, files = await _change(change, makers, before, execute)
        misses += trouble
        met += not any(not miss.strict for miss in trouble)
    misses += _left_over(others, order)
    misses += broken
    if not found:
        detail = "the answer was empty" if not answer.text.strip() else "the model answered in words"
        misses = [Miss(kind="no call", wanted=_words(wants), given=answer.text[:300], detail=detail)]
    credit = max(0.0, min(1.0, met / max(len(wants), 1)))
    meets = {_place(found, others[call]): _place(wants, plain[n]) for n, call in enumerate(order) if call >= 0}
    meets |= {_place(found, call): _place(wants, change) for call in makers[:1]}
    return Ruling(tuple(misses), credit, meets, files)


def _place(among: Sequence[object], one: object) -> int:
    """Where it stands; two calls may be equal and are not the same."""
    return next(number for number, other in enumerate(among) if other is one)


def _meets_another(scene: Scene, wants: Sequence[Want], call: Found) -> bool:
    return any(want.do != "change" and not trouble_with(scene, want, call, lenient=True) for want in wants)


def _unreadable(call: Found) -> Miss:
    if call.unknown:
        return Miss(kind="unknown tool", given=call.words, detail=f"{call.call.name} was not offered")
    return Miss(kind="malformed call", given=call.words, detail="the arguments are no JSON object")


def _match(scene: Scene, wants: Sequence[Want], calls: list[Found], ordered: bool) -> tuple[list[int], list[Miss], int]:
    """Which call meets which want best (-1 where none is left), what is amiss, and how many wants are met."""
    costs = [[_cost(scene, want, call) for call in calls] for want in wants]
    order = _assign(costs, len(calls))
    misses: list[Miss] = []
    met = 0
    for want, number, row in zip(wants, order, costs, strict=True):
        amiss = row[number][1] if number >= 0 else [Miss(kind="missing call", wanted=_words([want]))]
        met += all(miss.strict for miss in amiss)
        misses += amiss
    taken = [number for number in order if number >= 0]
    if ordered and taken != sorted(taken) and not any(not miss.strict for miss in misses):
        misses.append(Miss(kind="wrong order", wanted=_words(wants), given=", ".join(c.words for c in calls)))
    return order, misses, met


def _cost(scene: Scene, want: Want, call: Found) -> tuple[int, list[Miss]]:
    lenient = trouble_with(scene, want, call, lenient=True)
    if lenient:
        weight = 100 if any(trouble.kind == "wrong tool" for trouble in lenient) else 10 + len(lenient)
        return weight, [_miss(want, call, trouble, strict=False) for trouble in lenient]
    strict = trouble_with(scene, want, call, lenient=False)
    return len(strict), [_miss(want, call, trouble, strict=True) for trouble in strict]


def _miss(want: Want, call: Found, trouble: Any, *, strict: bool) -> Miss:
    return Miss(kind=trouble.kind, wanted=_words([want]), given=call.words, detail=trouble.detail, strict=strict)


def _assign(costs: Sequence[Sequence[tuple[int, list[Miss]]]], calls: int) -> list[int]:
    """The cheapest way to give each want a call of its own."""
    wants = len(costs)
    if not wants or not calls:
        return [-1] * wants
    if max(wants, calls) > _MAX_PERMUTED:
        return _greedy(costs, calls)
    slots = [*range(calls), *[-1] * max(0, wants - calls)]
    best = min(
        itertools.permutations(slots, wants),
        key=lambda way: (sum(1_000 if n < 0 else costs[i][n][0] for i, n in enumerate(way)), way),
    )
    return list(best)


def _greedy(costs: Sequence[Sequence[tuple[int, list[Miss]]]], calls: int) -> list[int]:
    free = set(range(calls))
    order = [-1] * len(costs)
    pairs = sorted((row[call][0], want, call) for want, row in enumerate(costs) for call in range(calls))
    for _, want, call in pairs:
        if order[want] < 0 and call in free:
            order[want] = call
            free.discard(call)
    return order


def _left_over(calls: Sequence[Found], order: Sequence[int]) -> list[Miss]:
    """Calls that nothing asked for. To look once more does no harm."""
    return [
        Miss(kind="extra call", given=call.words, strict=bool(call.deed and looks(call.deed)))
        for number, call in enumerate(calls)
        if number not in order
    ]


async def _change(
    want: Want, calls: Sequence[Found], before: Mapping[str, str], execute: Execute | None
) -> tuple[list[Miss], dict[str, str]]:
    """Whether the calls leave the files as they should be."""
    target = {**before, **want.after}
    for path in want.gone:
        target.pop(path, None)
    if not calls:
        return [Miss(kind="missing call", wanted=_words([want]))], dict(before)
    files = dict(before)
    given = ", ".join(call.words for call in calls)
    try:
        for call in calls:
            assert call.deed is not None
            files = await changed(files, call.deed, execute)
    except Failed as error:
        return [Miss(kind="wrong argument", wanted=_words([want]), given=given, detail=str(error))], files
    if files == target:
        return [*_twice(calls)], files
    strict = {path: text.strip() for path, text in files.items()} == {p: text.strip() for p, text in target.items()}
    detail = _difference(target, files)
    return [Miss(kind="wrong argument", wanted=_words([want]), given=given, detail=detail, strict=strict)], files


def _twice(calls: Sequence[Found]) -> Iterator[Miss]:
    """Calls that were made before, word for word, and did nothing more."""
    for number, call in enumerate(calls):
        if call.words in [other.words for other in calls[:number]]:
            yield Miss(kind="extra call", given=call.words, strict=True)


def _difference(wanted: Mapping[str, str], given: Mapping[str, str]) -> str:
    path = min(path for path in {*wanted, *given} if wanted.get(path) != given.get(path))
    if path not in given:
        return f"{path} is not there"
    if path not in wanted:
        return f"{path} should not be there"
    lines = difflib.unified_diff(
        wanted[path].splitlines(keepends=True), given[path].splitlines(keepends=True), f"{path} (wanted)", path, n=0
    )
    return "".join(repr(line)[1:-1] + "\n" for line in lines)[:2_000]


def _words(wants: Sequence[Want]) -> str:
    """What was wanted, in short."""
    said = []
    for want in wants:
        what = want.model_dump(exclude_defaults=True, exclude={"do", "tool", "example"})
        inner = ", ".join(f"{name}={value!r}"[:200] for name, value in what.items())
        said.append(f"{want.do or want.tool}({inner})")
    return ", ".join(said)
