"""A small chart of rates over time as inline SVG: no script, no network, colours of the page around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 14, 34
_GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
_MOST_LABELS = 8


@dataclass(frozen=True)
class Point:
    """One run."""

    label: str
    """Its date."""
    rate: float
    low: float
    high: float
    told: str
    """All that a pointer on it shows."""
    agents: bool = False
    """An agent changed here."""
    server: bool = False
    """The server names something else here."""


def chart(name: str, title: str, description: str, points: Sequence[Point], since: int | None = None) -> str:
    """The chart as markup; every text in it is escaped.

    Args:
        name: unique on the page, of letters, digits and hyphens.
        title: what is shown, for those who do not see it.
        description: what can be seen in it, for the same.
        points: in their order, at equal distances: runs count, not days.
        since: number of the first point after a change.
    """
    body = "".join([*_grid(), *_lanes(points), *_since(points, since), *_line(points), *_labels(points)])
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(description)}</desc>{body}</svg>'
    )


def _x(number: int, many: int) -> float:
    inner = _WIDTH - _LEFT - _RIGHT
    return round(_LEFT + inner * ((number + 0.5) / many), 1)


def _y(rate: float) -> float:
    return round(_TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - min(1.0, max(0.0, rate))), 1)


def _grid() -> Iterator[str]:
    for rate in _GRID:
        y = _y(rate)
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{rate:.0%}</text>'


def _lanes(points: Sequence[Point]) -> Iterator[str]:
    """Upright lines where something else changed, with the lane's letter at their top."""
    for number, point in enumerate(points):
        letters = ("A" if point.agents else "") + ("E" if point.server else "")
        if letters:
            x = round(_x(number, len(points)) - (_WIDTH - _LEFT - _RIGHT) / len(points) / 2, 1)
            kind = "agents" if point.agents else "server"
            yield f'<line class="{kind}" x1="{x}" x2="{x}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
            yield f'<text class="{kind}" x="{x}" y="{_TOP - 3}" text-anchor="middle">{letters}</text>'


def _since(points: Sequence[Point], since: int | None) -> Iterator[str]:
    if since is not None and 0 < since < len(points):
        x = round(_x(since, len(points)) - (_WIDTH - _LEFT - _RIGHT) / len(points) / 2, 1)
        height = _HEIGHT - _TOP - _BOTTOM
        yield f'<rect class="since" x="{x}" y="{_TOP}" width="{round(_WIDTH - _RIGHT - x, 1)}" height="{height}"/>'


def _line(points: Sequence[Point]) -> Iterator[str]:
    many = len(points)
    path = " ".join(f"{_x(number, many)},{_y(point.rate)}" for number, point in enumerate(points))
    yield f'<polyline class="rate" points="{path}"/>'
    for number, point in enumerate(points):
        x = _x(number, many)
        yield (
            f"<g><title>{escape(point.told)}</title>"
            f'<line class="bar" x1="{x}" x2="{x}" y1="{_y(point.high)}" y2="{_y(point.low)}"/>'
            f'<circle class="dot" cx="{x}" cy="{_y(point.rate)}" r="4"/></g>'
        )


def _labels(points: Sequence[Point]) -> Iterator[str]:
    step = -(-len(points) // _MOST_LABELS) or 1
    for number in range(0, len(points), step):
        x = _x(number, len(points))
        yield f'<text x="{x}" y="{_HEIGHT - 12}" text-anchor="middle">{escape(points[number].label)}</text>'
