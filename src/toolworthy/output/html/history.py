"""The history of runs for readers, made from the JSON of ``toolworthy history --json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from toolworthy.base.sanitize import visible
from toolworthy.output.html._shell import environment, shell
from toolworthy.output.html.pack import index


def lines(series: Mapping[str, Any]) -> Iterator[str]:
    """For a terminal."""
    for group in series["groups"]:
        yield visible(_name(group))
        for suite in group["suites"]:
            yield f"  {suite['suite']}, {suite['metric']}: {visible(suite['since']['said'])}"
            for change in suite["earlier"]:
                yield f"    before that, {visible(change['said'])}"
            for note in suite["notes"]:
                yield f"    note: {visible(note)}"
            for row in suite["runs"]:
                yield f"    {visible(_row(row))}"
                for mark, line in marks(row):
                    yield f"        {mark}: {visible(line)}"
    for line in series["skipped"]:
        yield f"skipped: {visible(line)}"


def marks(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The changes of a run, each with its side."""
    for lane, of in (("agent lane", "agents"), ("measure", "measure"), ("endpoint lane", "server")):
        yield from ((lane, line) for line in row[f"{of}_moved"])


def page(series: Mapping[str, Any]) -> Iterator[str]:
    """The page, piece by piece."""
    template = environment().get_template("history.html.j2")
    yield from shell(template, [index(past=past(series))], series=shown(series))


def shown(series: Mapping[str, Any]) -> dict[str, Any]:
    """The values for the template."""
    groups = []
    for group in series["groups"]:
        marked = ([{**row, "marks": list(marks(row))} for row in suite["runs"]] for suite in group["suites"])
        suites = [{**suite, "runs": rows} for suite, rows in zip(group["suites"], marked, strict=True)]
        groups.append({**group, "name": _name(group), "suites": suites})
    return {"groups": groups, "skipped": series["skipped"]}


def past(series: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The data of the charts: one for every suite of every group, in the order of the page."""
    return [_past(group, suite) for group in series["groups"] for suite in group["suites"]]


def _name(group: Mapping[str, Any]) -> str:
    forced = f" · every agent translated to {group['wire']}" if group["wire"] else ""
    return f"endpoint {group['endpoint']} · model {group['model']}{forced}"


def _row(row: Mapping[str, Any]) -> str:
    parts = [
        f"{row['date']}  {row['run']}  {row['rate']:6.1%} ({row['low']:.0%}–{row['high']:.0%}, n {row['n']})",
        f"{row['items']} items" + ("" if row["shared"] in (None, row["items"]) else f", {row['shared']} as before"),
    ]
    if row["left_out"]:
        parts.append(row["left_out"])
    if row["seconds"] is not None:
        parts.append(f"{row['seconds']:.1f} s")
    if row["tokens"] is not None:
        parts.append(f"{row['tokens']:.0f} tokens")
    return " · ".join(parts)


def _past(group: Mapping[str, Any], suite: Mapping[str, Any]) -> dict[str, Any]:
    since = suite["since"]
    return {
        "name": visible(f"{suite['suite']}, {suite['metric']}: {_name(group)}"),
        "points": [
            {
                **{name: row[name] for name in ("rate", "low", "high")},
                "label": visible(row["date"]),
                "told": visible(_row(row)),
                "lanes": ("A" if row["agents_moved"] or row["measure_moved"] else "")
                + ("E" * bool(row["server_moved"])),
            }
            for row in suite["runs"]
        ],
        "since": since.get("at") if since["found"] else None,
    }
