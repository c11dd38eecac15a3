"""How long a run will still take, from nothing but what its own finished items took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

Group = tuple[str, str]
"""Suite, and agent (toolset, way): what is alike takes about as long."""


class Pace:
    """What finished items took."""

    def __init__(self) -> None:
        self._count: Counter[Group] = Counter()
        self._seconds: dict[Group, float] = {}

    def add(self, group: Group, seconds: float) -> None:
        """One more is over."""
        self._count[group] += 1
        self._seconds[group] = self._seconds.get(group, 0.0) + seconds

    def mean(self, group: Group) -> float | None:
        """Seconds that one of `group` takes: as those of its own, else as those of its suite; None before the first."""
        like = [group] if group in self._count else [other for other in self._count if other[0] == group[0]]
        return sum(self._seconds[one] for one in like) / sum(self._count[one] for one in like) if like else None


def left(pace: Pace, waiting: Mapping[Group, int], running: Sequence[tuple[Group, float]], slots: int) -> float | None:
    """Seconds until the end; None if no item of some group has been measured.

    Args:
        pace: what was measured.
        waiting: how many have not begun; one at least of each group.
        running: what each has taken so far. One that takes longer than usual counts as over.
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
