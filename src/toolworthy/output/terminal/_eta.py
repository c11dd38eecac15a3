"""The remaining time of a run, estimated from its own finished items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

Group = tuple[str, str]
"""Suite, and agent (toolset, way): items of one group take about as long."""


class Pace:
    """Times of finished items."""

    def __init__(self) -> None:
        self._count: Counter[Group] = Counter()
        self._seconds: dict[Group, float] = {}

    def add(self, group: Group, seconds: float) -> None:
        """Add a finished item."""
        self._count[group] += 1
        self._seconds[group] = self._seconds.get(group, 0.0) + seconds

    def mean(self, group: Group) -> float | None:
        """Mean seconds of an item of `group`: of its own items, else of its suite's; None before the first."""
        like = [group] if group in self._count else [other for other in self._count if other[0] == group[0]]
        return sum(self._seconds[one] for one in like) / sum(self._count[one] for one in like) if like else None


def left(pace: Pace, waiting: Mapping[Group, int], running: Sequence[tuple[Group, float]], slots: int) -> float | None:
    """Seconds until the end; None if no item of some group has been measured.

    Args:
        pace: the measured times.
        waiting: how many have not begun; one at least of each group.
        running: seconds of each running item. One that takes longer than usual counts as finished.
        slots: how many run at the same time.
    """
    means = {group: pace.mean(group) for group in (*waiting, *(group for group, _ in running))}
    by_group = {group: mean for group, mean in means.items() if mean is not None}
    if len(by_group) < len(means):
        return None
    if not means:
        return 0.0
    remaining = [max(0.0, by_group[group] - so_far) for group, so_far in running]
    work = sum(remaining) + sum(by_group[group] * count for group, count in waiting.items())
    busy = min(slots, len(remaining) + sum(waiting.values()))
    return max(work / busy, *remaining, *(by_group[group] for group in waiting))
