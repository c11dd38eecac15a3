"""Summarize a replay for the terminal and ``summary.md``."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import get_args

from toolworthy.base.counted import counted
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import show
from toolworthy.records.meta import EndpointRecord, Replayed
from toolworthy.records.replay import DECISIVE, Decision, DifferenceKind, ReplayResult, Status
from toolworthy.records.store import RunDirectory
from toolworthy.statistics.rates import percents
from toolworthy.work.replay import _agreement as agreement
from toolworthy.work.replay._agreement import TriggerAgreement

_EXAMPLES = 2
"""Of each kind of difference, in the terminal."""
_NOTES = 5
_WIDTH = 160
_MORE = 50
"""Of each kind of difference, in the Markdown."""


def lines(run: RunDirectory, examples: int = _EXAMPLES) -> Iterator[str]:
    """The replay as plain lines."""
    meta, results = run.meta, run.replays()
    target, reference = agreement.of_side(results, "target"), agreement.of_side(results, "reference")
    replay = meta.replay or Replayed()
    yield f"replay of {replay.of}, recorded at {replay.recorded.title}"
    yield f"at {meta.endpoint.title}: {_counts(target)}"
    yield f"  same decision: {agreement.same_decision(target)}"
    yield f"      same tools, whatever the arguments: {agreement.same_tools(target)}"
    yield from _trigger(agreement.trigger(target))
    yield from _selves(target, reference, meta.options.reference)
    yield from _differing(target, examples)
    yield from _ratios(target)
    yield from _adapted(target)


def markdown(run: RunDirectory) -> str:
    """The replay as a page: the same lines, with more examples."""
    meta = run.meta
    text = "\n".join(_without_backticks(line) for line in lines(run, _MORE))
    command = _without_backticks(meta.command)
    return f"# Replay\n\n```text\n{text}\n```\n\ntoolworthy {meta.toolworthy}, `{command}`\n"


def tell(run: RunDirectory) -> None:
    """Print the replay, and write ``summary.md`` as far as the disk has room."""
    show("\n".join((*lines(run), f"results: {run.path}")))
    with contextlib.suppress(ToolworthyError):
        run.write("summary.md", markdown(run))


_WORDS: dict[Status, str] = {
    "compared": "compared",
    "failed": "failed at the endpoint",
    "not comparable": "got a response, but there is no recorded one to compare",
    "unmeasured": "not measured",
}


def _counts(results: Sequence[ReplayResult]) -> str:
    requests = len({result.key.request for result in results})
    trials = len({result.key.trial for result in results})
    by_status = Counter(result.status for result in results)
    words_by_status = {
        status: f"{by_status[status]} {_WORDS[status]}" for status in get_args(Status) if by_status[status]
    }
    if as_before := sum(1 for result in results if result.status == "failed" and result.old and result.old.error):
        words_by_status["failed"] += f" ({as_before} of them as recorded)"
    sent = f" sent {counted(len(results), 'time')}" if len(results) != requests else ""
    of = f" of {counted(trials, 'recorded trial')}"
    return " · ".join([f"{counted(requests, 'request')}{of}{sent}", *words_by_status.values()])


def _trigger(agreed: TriggerAgreement) -> Iterator[str]:
    f1 = "not measured" if agreed.f1 is None else percents(agreed.f1)
    yield f"  call or no call, as recorded: {agreed.agree}"
    yield f"      precision {agreed.precision}; recall {agreed.recall}; F1 {f1}"


def _selves(target: list[ReplayResult], reference: list[ReplayResult], named: EndpointRecord | None) -> Iterator[str]:
    """How far each endpoint agrees with itself, for comparison with the agreement between two."""
    own = agreement.self_trigger(target)
    unknown = " (--trials 2 or more measures it)" if not own.n else ""
    yield f"      for comparison, this endpoint with itself: {own}{unknown}"
    if named:
        answers = agreement.same_trigger(reference)
        yield f"      for comparison, the reference {named.title} now with the recording: {answers}"
        yield f"  same decision, the reference with the recording: {agreement.same_decision(reference)}"
    else:
        yield "      for comparison, the recorded endpoint with itself: not measured (--reference measures it)"
    if own.n:
        yield f"  same decision, this endpoint with itself: {agreement.self_decision(target)}"


def _differing(results: Sequence[ReplayResult], examples: int) -> Iterator[str]:
    order = {kind: number for number, kind in enumerate(get_args(DifferenceKind))}
    by_kind: dict[DifferenceKind, list[tuple[ReplayResult, str]]] = {}
    for result in results:
        for difference in result.differences:
            by_kind.setdefault(difference.kind, []).append((result, difference.detail))
    if by_kind:
        yield "  differing:"
    for kind in sorted(by_kind, key=lambda kind: order[kind]):
        form = "" if kind in (*DECISIVE, "answers now") else " (form)"
        yield f"      {kind} ×{len(by_kind[kind])}{form}"
        for result, detail in by_kind[kind][:examples]:
            yield f"          {result.key.item}: {_cut(detail)} [{result.exchanges}, {result.exchange}]"


_RATIOS: tuple[tuple[str, Callable[[Decision], float | None]], ...] = (
    ("seconds", lambda made: made.seconds),
    ("seconds to the first byte", lambda made: made.first_seconds),
    ("tokens in", lambda made: made.input_tokens),
    ("tokens out", lambda made: made.output_tokens),
)


def _ratios(results: Sequence[ReplayResult]) -> Iterator[str]:
    """The median, over what was compared, of now to then."""
    medians = []
    for name, of in _RATIOS:
        pairs = [
            (was, now)
            for result in results
            if result.status == "compared" and result.old and result.new
            for was, now in [(of(result.old), of(result.new))]
            if was and now is not None
        ]
        if pairs:
            medians.append(f"{name} ×{median(now / was for was, now in pairs):.2f} (n = {len(pairs)})")
    if medians:
        yield f"  now to then, medians: {' · '.join(medians)}"


def _adapted(results: Sequence[ReplayResult]) -> Iterator[str]:
    """How the requests were adapted, by the first attempt of each."""
    first = {result.key.request: result.adapted for result in results if result.adapted}
    made = [adapted for adapted in first.values() if adapted]
    ways = Counter(
        "as recorded" if how_sent.how == "as recorded" else f"adapted, {how_sent.recorded_api} to {how_sent.api}"
        for how_sent in made
    )
    if ways:
        yield "  sent: " + " · ".join(f"{count} {way}" for way, count in ways.most_common())
    for note, count in Counter(note for how_sent in made for note in how_sent.notes).most_common(_NOTES):
        yield f"      {_cut(note)} ×{count}"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    line = "".join(mark if mark.isprintable() else "�" for mark in line)  # a terminal interprets control characters
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"


def _without_backticks(text: str) -> str:
    """A line that cannot end a fence or a code span."""
    return text.replace("`", "'")
