"""Compare the effects of a response with one alternative of the right calls."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from toolworthy.records.case import Miss
from toolworthy.work.cases._assignment import assigned
from toolworthy.work.cases._effect import Effect, changes, together, words
from toolworthy.work.cases._execution import Done, Execution, ParsedCall
from toolworthy.work.cases._scene import Scene
from toolworthy.work.cases._want_and_call import CallTrouble, Reference, all_shown, references, trouble_with
from toolworthy.work.cases.matching import shell
from toolworthy.work.cases.model import Want
from toolworthy.work.cases.world import State

_FOLDERS = re.compile(r"\s*mkdir\s[^;&|<>$`]*")
"""Commands that only make a folder; they are not extra calls."""


@dataclass
class Worth:
    """How well a response meets one alternative."""

    state: State
    misses: list[Miss] = field(default_factory=list)
    met: int = 0
    """How many wants are met."""
    meets: dict[int, int] = field(default_factory=dict)
    shown: dict[int, str] = field(default_factory=dict)
    looks: bool = False
    """Whether the calls are all read-only."""


@dataclass(frozen=True)
class Alternative:
    """One alternative: wants that must all be met."""

    scene: Scene
    stage: Execution
    wants: tuple[Want, ...]
    calls: Sequence[ParsedCall]
    first: int
    """The number of wants of the first turn."""

    async def measure(self, done: list[Done], *, whole: bool) -> Worth | None:
        """Measure how well effects meet the alternative.

        Args:
            done: the effects of the calls, in order.
            whole: compare only the sum of all effects; the result is then None if it differs.
        """
        known = await references(self.stage, self.wants)
        measured = Worth(done[-1].after if done else self.stage.before)
        measured.shown = {self._place(call): call.ran.output for call in done if call.ran is not None}
        measured.looks = bool(done) and all(call.shows for call in done)
        summed = self._sum(done, known) if self._begins(done, known) else None
        if summed is not None:
            measured.misses, measured.met = summed, len(self.wants)
            measured.meets = self._by_want(done, known)
            return measured
        if whole:
            return None
        self._apart(measured, done, known)
        return measured

    def _begins(self, done: list[Done], known: Sequence[Sequence[Reference]]) -> bool:
        """Whether the first of several calls do exactly what the first of several turns wants."""
        if self.first == len(self.wants) or len(done) < 2:
            return True
        head = replace(self, wants=self.wants[: self.first])
        return any(head._sum(done[:count], known[: self.first], part=True) == [] for count in range(1, len(done)))

    # ---- as a whole --------------------------------------------------------------------------------------------------

    def _sum(self, done: list[Done], known: Sequence[Sequence[Reference]], *, part: bool = False) -> list[Miss] | None:
        """If all calls together have the wanted effect, the misses of the strict reading; else None."""
        doing = [call for call in done if call.parsed.operation is not None]
        by_effect = self.stage.world is not None and not self.stage.turn.apart and not any(w.tool for w in self.wants)
        if not by_effect or (len(doing) < len(self.calls) and not part):
            return None
        before = self.stage.before
        parts = [_effect(want, ways, before) for want, ways in zip(self.wants, known, strict=True)]
        whole = together([part for part in parts if part is not None], before)
        given = together([call.effect for call in doing], before)
        if None in parts or not given.same(whole, ordered=self.stage.turn.ordered):
            return None
        if not all_shown(self.wants, known, doing, before.files):
            return None
        return list(self._superfluous(known, doing, whole))

    def _superfluous(self, known: Sequence[Sequence[Reference]], done: list[Done], whole: Effect) -> Iterator[Miss]:
        """Calls without which the effect is the same, except those that make folders."""
        before, rest = self.stage.before, list(done)
        for call in done:
            others = [other for other in rest if other is not call]
            if not others or replace(call.effect, tried=frozenset()) or _FOLDERS.fullmatch(call.parsed.command or ""):
                continue
            same = together([other.effect for other in others], before).same(whole)
            if same and all_shown(self.wants, known, others, before.files):
                rest = others
                yield Miss(kind="extra call", given=call.parsed.words, strict=True)

    def _by_want(self, done: list[Done], known: Sequence[Sequence[Reference]]) -> dict[int, int]:
        """Assign to each want a call that meets it alone."""
        files = self.stage.before.files
        met: dict[int, int] = {}
        for call in done:
            for number, want in enumerate(self.wants):
                alone = want.do != "change" and number not in met.values()
                if alone and not trouble_with(self.scene, want, call, known[number], files, lenient=True):
                    met[self._place(call)] = number
                    break
        return met

    # ---- want by want ------------------------------------------------------------------------------------------------

    def _apart(self, measured: Worth, done: list[Done], known: Sequence[Sequence[Reference]]) -> None:
        change = next((want for want in self.wants if want.do == "change"), None)
        makers = [call for call in done if change and call.parsed.operation is not None and not call.shows]
        makers = [call for call in makers if not self._meets_another(call, known)]
        others = [call for call in done if all(call is not maker for maker in makers)]
        first = {call.parsed.words: call for call in reversed(others)}
        again = [call for call in others if first[call.parsed.words] is not call]
        others = list(reversed(first.values()))
        plain = [(number, want) for number, want in enumerate(self.wants) if want is not change]
        order = self._match(measured, plain, others, known)
        if change:
            trouble = list(self._change(change, makers))
            measured.misses += trouble
            measured.met += all(miss.strict for miss in trouble)
        measured.misses += [
            Miss(kind="extra call", given=call.parsed.words, strict=call.shows)
            for call in (*(call for number, call in enumerate(others) if number not in order), *again)
        ]
        measured.meets = {
            self._place(others[position]): plain[n][0] for n, position in enumerate(order) if position >= 0
        }
        measured.meets |= {self._place(call): self.wants.index(change) for call in makers[:1] if change}

    def _place(self, call: Done) -> int:
        """The position of its call, by identity: two different calls may be equal."""
        return next(number for number, parsed in enumerate(self.calls) if parsed is call.parsed)

    def _meets_another(self, call: Done, known: Sequence[Sequence[Reference]]) -> bool:
        files = self.stage.before.files
        return any(
            want.do != "change" and not trouble_with(self.scene, want, call, ways, files, lenient=True)
            for want, ways in zip(self.wants, known, strict=True)
        )

    def _match(
        self,
        measured: Worth,
        wants: Sequence[tuple[int, Want]],
        done: list[Done],
        known: Sequence[Sequence[Reference]],
    ) -> list[int]:
        """The call that meets each want best (-1 if none is left); adds misses to `measured`."""
        costs = [[self._cost(want, call, known[number]) for call in done] for number, want in wants]
        order = assigned([[cost for cost, _ in row] for row in costs], len(done))
        before = len(measured.misses)
        for (_, want), number, row in zip(wants, order, costs, strict=True):
            amiss = row[number][1] if number >= 0 else [Miss(kind="missing call", wanted=want.words)]
            measured.met += all(miss.strict or miss.kind == "extra call" for miss in amiss)
            measured.misses += amiss
        taken = [number for number in order if number >= 0]
        right = all(miss.strict for miss in measured.misses[before:])
        if self.stage.turn.ordered and taken != sorted(taken) and right:
            wanted = ", ".join(want.words for _, want in wants)
            given = ", ".join(call.parsed.words for call in done)
            measured.misses.append(Miss(kind="wrong order", wanted=wanted, given=given))
        return order

    def _cost(self, want: Want, call: Done, known: Sequence[Reference]) -> tuple[int, list[Miss]]:
        files = self.stage.before.files
        exact = self.scene.case.exact
        trouble = trouble_with(self.scene, want, call, known, files, lenient=not exact)
        if trouble:
            weight = 100 if any(amiss.kind == "wrong tool" for amiss in trouble) else 10 + len(trouble)
            return weight, [_miss(want, call, amiss, strict=False) for amiss in trouble]
        strict = trouble_with(self.scene, want, call, known, files, lenient=False)
        return len(strict), [_miss(want, call, amiss, strict=True) for amiss in strict]

    def _change(self, want: Want, makers: Sequence[Done]) -> Iterator[Miss]:
        """Whether the calls leave the files as they should be, and nothing else."""
        if not makers:
            yield Miss(kind="missing call", wanted=want.words)
            return
        given = ", ".join(call.parsed.words for call in makers)
        failed = next((call.failed for call in makers if call.failed), "")
        unsure = any(not call.sure for call in makers)
        if failed or unsure:
            yield Miss(kind="wrong argument", wanted=want.words, given=given, detail=failed)
            return
        before = self.stage.before
        effect = together([call.effect for call in makers], before)
        due = _target(want, before)
        files, target = _after(before.files, effect), _after(before.files, due)
        apart = sum(len(shell.parse(call.parsed.command or "") or ("",)) for call in makers) > 1
        if files != target and apart and effect.files.items() > due.files.items():
            more = Effect({path: text for path, text in effect.files.items() if target.get(path) != text})
            yield Miss(kind="extra call", wanted=want.words, given=given, detail=f"also {words(more)}")
        elif files != target:
            loose = {p: t.strip() for p, t in files.items()} == {p: t.strip() for p, t in target.items()}
            strict = loose and not self.scene.case.exact
            detail = _difference(target, files)
            yield Miss(kind="wrong argument", wanted=want.words, given=given, detail=detail, strict=strict)
        else:
            yield from _twice(makers)
        beyond = replace(effect, files={})
        if beyond:
            yield Miss(kind="extra call", wanted=want.words, given=given, detail=f"also {words(beyond)}")


def _effect(want: Want, known: Sequence[Reference], before: State) -> Effect | None:
    """The effect of a want; None if unknown."""
    if want.do == "change":
        return _target(want, before)
    if want.do == "run":
        return known[0].effect if known else None
    return Effect()


def _target(want: Want, before: State) -> Effect:
    files = {**want.after, **dict.fromkeys(want.gone)}
    return Effect({path: text for path, text in files.items() if text != before.files.get(path)})


def _after(files: Mapping[str, str], effect: Effect) -> dict[str, str]:
    return {path: text for path, text in {**files, **effect.files}.items() if text is not None}


def _twice(makers: Sequence[Done]) -> Iterator[Miss]:
    """Exact repetitions of earlier calls that had no further effect."""
    for number, call in enumerate(makers):
        if call.parsed.words in [other.parsed.words for other in makers[:number]]:
            yield Miss(kind="extra call", given=call.parsed.words, strict=True)


def _miss(want: Want, call: Done, trouble: CallTrouble, *, strict: bool) -> Miss:
    return Miss(kind=trouble.kind, wanted=want.words, given=call.parsed.words, detail=trouble.detail, strict=strict)


def _difference(wanted: Mapping[str, str], given: Mapping[str, str]) -> str:
    path = min(changes(wanted, given))
    if path not in given:
        return f"{path} is not there"
    if path not in wanted:
        return f"{path} should not be there"
    lines = difflib.unified_diff(
        wanted[path].splitlines(keepends=True), given[path].splitlines(keepends=True), f"{path} (wanted)", path, n=0
    )
    return "".join(repr(line)[1:-1] + "\n" for line in lines)[:2_000]
