"""Named baselines: the scores of a run, in a small file of a project.

``toolworthy baseline save RUN [NAME] | show NAME | list``. A baseline holds scores and fingerprints, no traffic.
"""

from __future__ import annotations

import difflib
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from toolworthy.base.atomic import whole
from toolworthy.base.counted import counted
from toolworthy.base.errors import ToolworthyError, writing
from toolworthy.base.loading import misfit
from toolworthy.base.sanitize import show
from toolworthy.judgement.gate._compact import pack, unpack
from toolworthy.judgement.gate.sample import SCHEMA, Sample, Unit, from_run
from toolworthy.judgement.metrics import Metric, main_metrics, metrics, shares
from toolworthy.records.store import RunDirectory
from toolworthy.statistics.intervals import clustered
from toolworthy.statistics.rates import reasons

FOLDER = Path("baselines")
"""The folder of baselines, under the working directory."""
_NAME = re.compile(r"[A-Za-z0-9][\w.@+-]{0,99}", re.ASCII)


def save(run: Path, name: str | None, folder: Path = FOLDER) -> int:
    """Save the scores of `run` as the baseline `name`; default: its model's name.

    Raises:
        ToolworthyError: `run` is not a run or measured nothing, the name is invalid, or the file cannot be written.
    """
    sample = from_run(RunDirectory.open(run, whole=True))
    if not sample.units:
        raise ToolworthyError(f"{run} has no results. Give another run.")
    renamed = sample.model_copy(update={"name": _fit(name) if name else _named_after(sample)})
    path = folder / f"{renamed.name}.json"
    replaced = path.exists()
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial:
        partial.write_text(pack(renamed), encoding="utf-8", errors="replace")
    show(f"{path}{' (replaced)' if replaced else ''}: {_summary_line(renamed)}")
    return 0


def show_one(name: str, folder: Path = FOLDER) -> int:
    """Print the content of a baseline, or of a run as a baseline.

    Raises:
        ToolworthyError: as :func:`load`.
    """
    show("\n".join(_lines(load(Path(name), folder))))
    return 0


def list_all(folder: Path = FOLDER) -> int:
    """Print a line for every baseline; for an unreadable one, the reason."""
    paths = sorted(folder.glob("*.json"))
    for path in paths:
        try:
            show(f"{path.stem}  {_summary_line(load(path))}")
        except ToolworthyError as error:
            show(f"{path.stem}  cannot be read: {error}")
    if not paths:
        show(f"no baselines in {folder}: toolworthy baseline save RUN [NAME] makes one")
    return 0


def load(source: Path, folder: Path = FOLDER) -> Sample:
    """The sample of a run directory, of a baseline file, or of a baseline's name.

    Raises:
        ToolworthyError: it is none of these, or broken, or of another version; one line.
    """
    path = find(source, folder)
    if path.is_dir():
        return from_run(RunDirectory.open(path, whole=True))
    try:
        data = json.loads(path.read_bytes(), parse_constant=_no_number, object_pairs_hook=_once)
    except OSError as error:
        raise ToolworthyError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ToolworthyError(f"{path} is not a baseline file: {error}") from error
    if not isinstance(data, dict) or "schema_version" not in data:
        raise ToolworthyError(f"{path} is not a baseline file: it has no schema_version")
    if data["schema_version"] != SCHEMA:
        by = f"version {data['schema_version']}, written by toolworthy {data.get('toolworthy', '?')}"
        raise ToolworthyError(f"{path}: of {by}; this toolworthy reads version {SCHEMA}. Save the run again.")
    try:
        return unpack(data)
    except ValidationError as error:
        raise ToolworthyError(f"{path}: a broken baseline file: {misfit(Sample, error)}") from error
    except ValueError as error:
        raise ToolworthyError(f"{path}: a broken baseline file: {error}") from error


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; refuse a name that occurs twice, because the last value would hide the others."""
    table = dict(pairs)
    if len(table) < len(pairs):
        twice = next(name for name, many in Counter(name for name, _ in pairs).items() if many > 1)
        raise ValueError(f"{twice!r} is in it twice")
    return table


def find(source: Path, folder: Path = FOLDER) -> Path:
    """An existing path, or the file of a name.

    Raises:
        ToolworthyError: neither; one line, with what was probably meant.
    """
    named = folder / f"{source}.json"
    if source.is_dir() and not (source / "run.json").is_file() and named.is_file():
        return named  # a folder with the name of a baseline
    if source.exists():
        return source
    if named.is_file():
        return named
    names = sorted(path.stem for path in folder.glob("*.json"))
    close = difflib.get_close_matches(str(source), names, 3, 0.5)
    if close:
        raise ToolworthyError(f"no baseline is called {str(source)!r}; did you mean {' or '.join(map(repr, close))}?")
    known = f"Give one of {', '.join(names[:10])}" if names else "`toolworthy baseline save RUN [NAME]` makes one"
    raise ToolworthyError(f"{source}: no run directory, no baseline file, and no baseline in {folder}. {known}.")


def _fit(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ToolworthyError(
            f"{name!r} is not a valid name for a baseline. Use letters, digits, . _ - @ +; a letter or digit first."
        )
    return name


def _named_after(sample: Sample) -> str:
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", sample.endpoint.model).strip("-._")
    return slug[:100] or "baseline"


def _date(sample: Sample) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(sample.started))


def _summary_line(sample: Sample) -> str:
    """One line: date, endpoint, attempts."""
    suites = dict.fromkeys(unit.suite for unit in sample.units)
    many = ", ".join(f"{suite} {_attempts(list(sample.of(suite)))}" for suite in suites)
    return f"{_date(sample)}, {sample.endpoint.model} at {sample.endpoint.name}; attempts: {many}"


def _attempts(units: list[Unit]) -> int:
    """The number of counted attempts."""
    return sum(unit.attempts - unit.uncounted().total() for unit in units)


def _lines(sample: Sample) -> Iterator[str]:
    endpoint = sample.endpoint
    forced = f" · through {endpoint.forced_api}" if endpoint.forced_api else ""
    yield f"{sample.name}: endpoint {endpoint.name} · model {endpoint.model}{forced}"
    yield f"measured {_date(sample)} by toolworthy {sample.toolworthy}"
    if sample.agents:
        yield "agents: " + ", ".join(f"{agent} {version}".strip() for agent, version in sample.agents.items())
    for name, values in sample.server.items():
        yield f"server: {name} {', '.join(values)}"
    every = metrics()
    for suite in main_metrics():
        units = list(sample.of(suite))
        if not units:
            continue
        items = len({unit.item for unit in units})
        without = sum((unit.uncounted() for unit in units), Counter[str]())
        ended = sum((unit.ended() for unit in units), Counter[str]())
        rows = f", {ended.total()} of them at a run limit ({reasons(ended)}): not solved" if ended else ""
        rows += f"; {without.total()} more are not counted ({reasons(without)})" if without else ""
        yield f"{suite}: {counted(items, 'item')}, {counted(_attempts(units), 'attempt')}{rows}"
        yield from (f"  {line}" for name in shares(suite) for line in _rates(every[f"{suite}.{name}"], units))
    for agent, codes in sample.blocking.items():
        if codes:
            yield f"blocked on the wire: {agent}: {', '.join(codes)}"


def _rates(metric: Metric, units: list[Unit]) -> Iterator[str]:
    """A metric's mean over all agents, and of each if there are several."""
    agents = dict.fromkeys(unit.agent for unit in units) if metric.by_agent else {}
    each = [(agent, [unit for unit in units if unit.agent == agent]) for agent in agents] if len(agents) > 1 else []
    for agent, own in [("", units), *each]:
        estimate = clustered([(unit.item, value) for unit in own for value in unit.counted(metric.name)])
        if estimate is not None:
            name = f"  {agent}" if agent else metric.name
            yield f"{name}: {estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%}) · n {estimate.n}"
