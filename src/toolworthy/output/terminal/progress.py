"""The progress of a run: what each agent does, finished items, cost, and remaining time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from toolworthy.base.sanitize import one_line
from toolworthy.output.terminal._eta import Group, Pace, left
from toolworthy.output.terminal.columns import aligned, cut, packed
from toolworthy.records.exchange import Exchange
from toolworthy.records.result import Result, ResultKey
from toolworthy.work.kind import attempt
from toolworthy.work.kinds import KINDS, kind_of
from toolworthy.work.run.budget import Spending, Took
from toolworthy.work.run.estimate import dollars, short
from toolworthy.work.run.observer import Listener
from toolworthy.work.run.plan import Options

_TELL_SECONDS = 60.0
"""How often a run reports its progress."""
_NAMED = 3
"""The most running trials in a single line."""


@dataclass
class _Running:
    """A trial, probe or case that has begun."""

    key: ResultKey
    began: float
    turns: int = 0
    """As in its score: responses in the task's own conversation."""
    input: int = 0
    output: int = 0
    usd: float | None = None
    asking: int = 0
    """Requests without a response yet."""
    asked: bool = False
    verifying: bool = False

    @property
    def doing(self) -> str:
        """What the trial waits for: the verifier, the endpoint, or the agent."""
        if self.verifying:
            return "verifying"
        if self.asking:
            return "asking"
        return "working" if self.asked else "starting"


class Progress(Listener):
    """Listens to a session and reports its progress, from any thread.

    Args:
        options: of the run.
        clock: monotonic seconds.
    """

    def __init__(self, options: Options, clock: Callable[[], float] = time.monotonic) -> None:
        self._options, self._clock, self._began = options, clock, clock()
        self._spending: Spending | None = None
        self._priced = False
        self._total: Counter[str] = Counter()
        """By suite."""
        self._status_counts: dict[str, Counter[str]] = {suite: Counter() for suite in KINDS}
        self._waiting: Counter[Group] = Counter()
        self._running: dict[str, _Running] = {}
        self._repeated = False
        self._pace = Pace()
        self._held_until = 0.0
        """Time until which requests are paused."""
        self._lock = threading.Lock()

    def expected(self, keys: Sequence[ResultKey], spending: Spending) -> None:
        with self._lock:
            self._spending = spending
            self._total.update(key.suite for key in keys)
            self._waiting.update(_group(key) for key in keys)
            self._repeated = self._repeated or any(attempt(key) > 1 for key in keys)

    def started(self, key: ResultKey) -> None:
        with self._lock:
            self._waiting[_group(key)] -= 1
            self._running[str(key)] = _Running(key, self._clock())

    def asking(self, trial: str) -> None:
        with self._lock:
            if running := self._running.get(trial):
                running.asking += 1
                running.asked = True

    def exchanged(self, exchange: Exchange, took: Took) -> None:
        with self._lock:
            self._priced = self._priced or took.usd is not None
            if running := self._running.get(exchange.trial):
                running.asking -= 1
                running.input += took.input
                running.output += took.output
                running.usd = running.usd if took.usd is None else (running.usd or 0.0) + took.usd
                if kind_of(running.key).heavy:
                    running.turns += bool(exchange.can_act and exchange.response)

    def waiting(self, seconds: float) -> None:
        with self._lock:
            self._held_until = self._clock() + seconds

    def verifying(self, key: ResultKey) -> None:
        with self._lock:
            if running := self._running.get(str(key)):
                running.verifying = True

    def ended(self, result: Result) -> None:
        with self._lock:
            group = _group(result.key)
            if running := self._running.pop(str(result.key), None):
                self._pace.add(group, self._clock() - running.began)
            else:
                self._waiting[group] -= 1
            self._status_counts[result.key.suite][result.status_word] += 1

    def lines(self, width: int, height: int) -> list[str]:
        """A line for every running trial, as far as there is room, and the run's progress; none longer than `width`."""
        with self._lock:
            status = packed([self._times(), *self._held(), *self._counts(), *self._taken()], width)
            rows = aligned([self._row(one) for one in self._trials()])
        room = max(0, height - len(status))
        if len(rows) > room:
            first = rows[: max(0, room - 1)]
            rows = [*first, f"… and {len(rows) - len(first)} more" if first else f"{len(rows)} trials run"][:room]
        return [cut(line, width) for line in (*rows, *status)][:height]

    def plain(self) -> str:
        """The same in one line."""
        with self._lock:
            running = self._trials()
            named = [f"{self._name(one)} turn {one.turns}" for one in running[:_NAMED]]
            more = [f"{len(running) - _NAMED} more"] if len(running) > _NAMED else []
            parts = [f"{len(running)} running: {', '.join(named + more)}"] if running else []
            return "; ".join([*self._held(), *self._counts(), *parts, *self._taken(), self._times()])

    def _trials(self) -> list[_Running]:
        return [one for one in self._running.values() if kind_of(one.key).heavy]

    def _name(self, running: _Running) -> str:
        repeat = f" #{attempt(running.key)}" if self._repeated else ""
        return one_line(f"{running.key.asker} {running.key.item}{repeat}")

    def _row(self, running: _Running) -> list[str]:
        agent, _, task = self._name(running).partition(" ")
        tokens = f"{short(running.input)} in, {short(running.output)} out"
        usd = [] if running.usd is None else [dollars(running.usd)]
        return [agent, task, f"turn {running.turns}", running.doing, clock(self._clock() - running.began), tokens, *usd]

    def _held(self) -> Iterator[str]:
        if self._clock() < self._held_until:
            yield "waiting for the rate limit"

    def _counts(self) -> Iterator[str]:
        for suite, kind in KINDS.items():
            if total := self._total[suite]:
                counts = self._status_counts[suite]
                parts = [f"{counts[word]} {word}" for word in kind.words if counts[word]]
                yield ", ".join([f"{counts.total()}/{total} {kind.many}", *parts])

    def _taken(self) -> Iterator[str]:
        if self._spending is not None and self._spending.tokens:
            usd = f", {dollars(self._spending.usd)}" if self._priced else ""
            yield f"{short(self._spending.tokens)} tokens{usd}"

    def _times(self) -> str:
        eta = self._eta()
        most = " at most" if self._options.until_decided and eta is not None else ""
        return f"{clock(self._clock() - self._began)}, ETA {'–' if eta is None else span(eta)}{most}"

    def _eta(self) -> float | None:
        """Seconds; None without measurements. A budget can end a run earlier; running items are finished."""
        waiting = {group: count for group, count in self._waiting.items() if count > 0}
        now = self._clock()
        running = [(_group(one.key), now - one.began) for one in self._running.values()]
        ends = []
        for heavy in (True, False):
            suites = {suite for suite, kind in KINDS.items() if kind.heavy == heavy}
            slots = self._options.at_once(heavy=heavy)
            own = {group: count for group, count in waiting.items() if group[0] in suites}
            end = left(self._pace, own, [one for one in running if one[0][0] in suites], slots)
            if end is None:
                return None
            ends.append(end)
        if running and not any(ends):
            return None  # all remaining items take longer than usual
        if self._spending is not None and (limit := self._spending.seconds_left) is not None:
            ends = [min(end, limit) for end in ends]
        if self._spending is not None and (until := self._spending.seconds_until_spent) is not None:
            longest = max((self._pace.mean(group) or 0.0 for group in waiting), default=0.0)
            ends = [min(end, until + longest) for end in ends]
        return max(ends)


class TextProgress(Progress):
    """Reports a session's messages and, from time to time, its progress, line by line.

    Args:
        options: of the run.
        say: gets each line, on another thread.
    """

    def __init__(self, options: Options, say: Callable[[str], None]) -> None:
        super().__init__(options)
        self._say, self._last_line = say, time.monotonic()

    def line(self, text: str) -> None:
        self._say(one_line(text))

    def ended(self, result: Result) -> None:
        super().ended(result)
        if time.monotonic() - self._last_line > _TELL_SECONDS:
            self._last_line = time.monotonic()
            self.line(self.plain())


def _group(key: ResultKey) -> Group:
    return key.suite, key.asker


def clock(seconds: float) -> str:
    """``0:45``, ``61:07``: minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def span(seconds: float) -> str:
    """``45 s``, ``6 min``, ``1 h 20 min``."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
