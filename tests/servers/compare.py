"""Predicted and observed side by side, for the page."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from toolworthy import adapters

from .install import HERE
from .lane import OBSERVED, PREDICTED, Observed, Predicted, read
from .running import definitions

EXPLAINED = HERE / "explained.toml"
Outcome = Literal["works", "fails", "the model's fault"]
OUTCOMES: tuple[Outcome, ...] = ("works", "fails", "the model's fault")
_NOT_THE_SERVERS = ("model", "our limit")


@dataclass(frozen=True)
class Pair:
    """One agent behind one server."""

    predicted: Predicted
    observed: Observed
    why: str
    """What explains a disagreement; empty where there is none, or nobody explained it."""

    @property
    def outcome(self) -> Outcome:
        """What was observed, in a word."""
        return outcome(self.observed)

    @property
    def agrees(self) -> bool:
        """Whether the prediction came true. What a model cannot do says nothing about the wire."""
        if self.outcome == "the model's fault" or self.predicted.word == "untested":
            return True
        return (self.predicted.word == "broken") == (self.outcome == "fails")


def outcome(observed: Observed) -> Outcome:
    """What an agent's trials say of the server.

    One solved task shows that the main path works. Behind our oracle, which makes no mistakes, a server is to blame for
    everything else; a server with a model of its own only for what is attributed to it.
    """
    if observed.passed:
        return "works"
    own_model = not definitions()[observed.server].has_upstream
    if own_model and all(trial.fault in _NOT_THE_SERVERS for trial in observed.trials.values()):
        return "the model's fault"
    return "fails"


def pairs() -> list[Pair]:
    """Every pair that was both predicted and observed."""
    predicted, observed = read(PREDICTED, Predicted), read(OBSERVED, Observed)
    with EXPLAINED.open("rb") as file:
        told = {
            (one["server"], tuple(one.get("defects", ())), one["agent"]): one["why"]
            for one in tomllib.load(file)["pair"]
        }
    both = sorted(predicted.keys() & observed.keys())
    return [Pair(predicted[key], observed[key], told.get(key, "")) for key in both]


def page(found: Sequence[Pair]) -> str:
    """The generated part of docs/servers.md."""
    wrong = [pair for pair in found if not pair.agrees]
    parts = [f"{len(found)} pairs of server and agent; {len(found) - len(wrong)} predictions came true.\n"]
    parts += [*_confusion(found), "\n## Every pair\n", *_table(found), "\n## Where they disagree\n"]
    parts += [
        f"* {_who(pair)}: predicted *{pair.predicted.word}*, {pair.observed.passed} of "
        f"{len(pair.observed.trials)} tasks solved. {pair.why or 'Not explained yet.'}"
        for pair in wrong
    ] or ["Nowhere."]
    return "\n".join(parts) + "\n"


def _confusion(found: Sequence[Pair]) -> Iterable[str]:
    for agent in dict.fromkeys(pair.observed.agent for pair in found):
        mine = [pair for pair in found if pair.observed.agent == agent]
        counted = Counter((pair.predicted.word, pair.outcome) for pair in mine)
        yield f"\n### {adapters.title(agent)} {mine[-1].observed.agent_version}\n"
        yield "| predicted | " + " | ".join(OUTCOMES) + " |"
        yield "|---|" + "---|" * len(OUTCOMES)
        for word in dict.fromkeys(pair.predicted.word for pair in mine):
            yield f"| {word} | " + " | ".join(str(counted[word, one]) for one in OUTCOMES) + " |"


def _table(found: Sequence[Pair]) -> Iterable[str]:
    yield "| server | oracle's defects | agent | API | predicted | decided by | tasks solved | |"
    yield "|---|---|---|---|---|---|---|---|"
    for pair in found:
        seen, said = pair.observed, pair.predicted
        cells = [f"{definitions()[seen.server].title} {seen.version}", ", ".join(seen.defects)]
        cells += [adapters.title(seen.agent), seen.api, said.word, ", ".join(said.codes)]
        cells += [f"{seen.passed}/{len(seen.trials)}", "" if pair.agrees else "**differs**"]
        yield "| " + " | ".join(cells) + " |"


def _who(pair: Pair) -> str:
    server = definitions()[pair.observed.server].title
    shown = f" ({', '.join(pair.observed.defects)})" if pair.observed.defects else ""
    return f"{adapters.title(pair.observed.agent)} behind {server}{shown}"
