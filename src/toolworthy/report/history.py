"""The history of runs as people read it: a reader of what ``toolworthy history --json`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from toolworthy.report.chart import Point, chart
from toolworthy.report.html import environment
from toolworthy.visible import visible


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """For a terminal."""
    for group in told["groups"]:
        yield visible(_name(group))
        for suite in group["suites"]:
            yield f"  {suite['suite']}, {suite['metric']}: {visible(suite['since']['said'])}"
            for row in suite["runs"]:
                yield f"    {visible(_row(row))}"
                for mark, line in marks(row):
                    yield f"        {mark}: {visible(line)}"
    for line in told["skipped"]:
        yield f"skipped: {visible(line)}"


def marks(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What changed with a run, each with its lane."""
    yield from (("agent lane", line) for line in row["agents_moved"])
    yield from (("measure", line) for line in row["measure_moved"])
    yield from (("endpoint lane", line) for line in row["server_moved"])


def page(told: Mapping[str, Any]) -> str:
    """The page, as one string."""
    import markupsafe

    charts = {
        (at, one["suite"]): markupsafe.Markup(_chart(f"chart-{at}-{one['suite']}", group, one))
        for at, group in enumerate(told["groups"])
        for one in group["suites"]
    }
    template = environment().get_template("history.html.j2")
    return template.render(groups=told["groups"], skipped=told["skipped"], charts=charts, name=_name, marks=marks)


def _name(group: Mapping[str, Any]) -> str:
    forced = f" · every agent translated to {group['wire']}" if group["wire"] else ""
    return f"endpoint {group['endpoint']} · model {group['model']}{forced}"


def _row(row: Mapping[str, Any]) -> str:
    parts = [
        f"{row['date']}  {row['run']}  {row['rate']:6.1%} ({row['low']:.0%}–{row['high']:.0%}, n {row['n']})",
        f"{row['items']} items" + ("" if row["shared"] in (None, row["items"]) else f", {row['shared']} as before"),
    ]
    if row["missing"]:
        parts.append(f"{row['missing']} not measured")
    if row["seconds"] is not None:
        parts.append(f"{row['seconds']:.1f} s")
    if row["tokens"] is not None:
        parts.append(f"{row['tokens']:.0f} tokens")
    return " · ".join(parts)


def _chart(name: str, group: Mapping[str, Any], suite: Mapping[str, Any]) -> str:
    points = [
        Point(
            visible(row["date"]),
            row["rate"],
            row["low"],
            row["high"],
            visible(_row(row)),
            bool(row["agents_moved"] or row["measure_moved"]),
            bool(row["server_moved"]),
        )
        for row in suite["runs"]
    ]
    title = f"{suite['suite']}, {suite['metric']}: {visible(_name(group))}"
    since = suite["since"]
    return chart(name, title, visible(since["said"]), points, since.get("at") if since["found"] else None)
