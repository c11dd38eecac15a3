"""Predicted and observed side by side, for the page."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from toolworthy.content import adapters

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
    def judged(self) -> bool:
        """Whether the two can be compared: something was predicted, and the server alone decided."""
        return self.predicted.word != "untested" and self.outcome != "the model's fault"

    @property
    def agrees(self) -> bool:
        """Whether nothing denies the prediction."""
        return not self.judged or (self.predicted.word == "broken") == (self.outcome == "fails")


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
    judged = [pair for pair in found if pair.judged]
    right = sum(pair.agrees for pair in judged)
    told = [pair for pair in found if pair.why or not pair.agrees]
    parts = [
        f"There are {len(found)} pairs of server and agent. For {len(judged)} of them, the tasks can judge the wire "
        f"suite's prediction: {right} of {len(judged)} were right. "
        f"The other {len(found) - len(judged)} are untested, or the model's fault.\n",
        *_confusion(found),
        "\n## Every pair\n",
        *_table(found),
        "\n## Disagreements and other explanations\n",
        *(map(_explained, told) if told else ["None."]),
    ]
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
    yield "| server | oracle's defects | agent | API | predicted | tier | decided by | tasks solved | |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for pair in found:
        seen, said = pair.observed, pair.predicted
        cells = [f"{definitions()[seen.server].title} {seen.version}", ", ".join(seen.defects)]
        cells += [adapters.title(seen.agent), seen.api, said.word, said.tier, ", ".join(said.codes)]
        cells += [f"{seen.passed}/{len(seen.trials)}", "" if pair.agrees else "**differs**"]
        yield "| " + " | ".join(cells) + " |"


def _explained(pair: Pair) -> str:
    seen = pair.observed
    shown = f" ({', '.join(seen.defects)})" if seen.defects else ""
    who = f"{adapters.title(seen.agent)} behind {definitions()[seen.server].title}{shown}"
    solved = f"{seen.passed} of {len(seen.trials)} tasks solved"
    return f"* {who}: predicted *{pair.predicted.word}*, {solved}. {pair.why or 'Not explained yet.'}"
