"""``gate.json``: the gate's decision on two runs."""

from __future__ import annotations

from typing import Literal

from toolworthy.records.model import Document

Answer = Literal["pass", "fail", "inconclusive"]
About = Literal["these", "like-these"]
"""What a drop is claimed of: the very items that were run, or all items like these."""


class Criterion(Document):
    """One criterion of the gate."""

    name: str
    answer: Answer
    said: str
    """The figures as text."""
    next: tuple[str, ...] = ()
    """Notes: data needed for a decision, minimum detectable drop, missing data."""


class Looks(Document):
    """Interim analyses of a run that ends as soon as it is decided."""

    taken: int
    most: int
    alpha: float
    """Significance level of this analysis."""
    alphas: tuple[float, ...]
    """Significance levels of all planned analyses."""


class GateReport(Document):
    """``gate.json``."""

    answer: Answer
    meaning: str = ""
    baseline: str = ""
    baseline_started: float = 0.0
    """Unix time, seconds."""
    candidate: str = ""
    policy: str = ""
    about: About = "these"
    """What a drop is claimed of: the very items that were run, or all items like these."""
    confidence: float = 0.0
    criteria: tuple[Criterion, ...] = ()
    notes: tuple[str, ...] = ()
    """Results that were not compared, and why."""
    baseline_run: str = ""
    """Relative path from this run directory to the baseline's, if the baseline is a run."""
    looks: Looks | None = None
