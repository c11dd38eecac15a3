"""Find runs, read their samples, and group them by endpoint and model, in order of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolworthy.base.errors import ToolworthyError
from toolworthy.judgement.gate.baseline import load
from toolworthy.judgement.gate.sample import Sample
from toolworthy.records.store import RESULTS


@dataclass
class RunGroup:
    """Runs of one endpoint and model, the oldest first."""

    endpoint: str
    model: str
    wire: str
    """The wire API that every agent was translated to; empty if none was forced."""
    samples: list[Sample] = field(default_factory=list)


@dataclass
class LoadedRuns:
    """The runs that were read, and the errors of others."""

    groups: list[RunGroup]
    skipped: list[str]
    """One line each."""


def find(paths: Sequence[Path], endpoint: str | None = None, model: str | None = None) -> LoadedRuns:
    """The runs under `paths`: run directories, baseline files, or folders that hold some.

    Raises:
        ToolworthyError: a path does not exist, nothing was measured, or nothing matches.
    """
    samples: dict[tuple[str, float], Sample] = {}
    skipped: list[str] = []
    for path in paths:
        for sample in _read_samples(path, skipped):
            samples[sample.name, sample.started] = sample
    groups = _grouped(sorted(samples.values(), key=lambda sample: (sample.started, sample.name)))
    if not groups:
        where = ", ".join(map(str, paths))
        why = f" ({skipped[0].rstrip('.')})" if skipped else ""
        raise ToolworthyError(f"no run that measured anything under {where}{why}. Give a folder with runs.")
    chosen = [group for group in groups if endpoint in (None, group.endpoint) and model in (None, group.model)]
    if not chosen:
        names = ", ".join(dict.fromkeys(f"{group.endpoint} {group.model}" for group in groups))
        raise ToolworthyError(f"no run of {' '.join(filter(None, (endpoint, model)))}. There are runs of {names}")
    return LoadedRuns(chosen, skipped)


def _read_samples(path: Path, skipped: list[str]) -> Iterator[Sample]:
    """Read the samples; an unreadable one becomes a line."""
    if not path.exists():
        raise ToolworthyError(f"{path}: no such run, baseline or folder. Check the path.")
    single = _is_run(path) or not path.is_dir()
    for directory in [path] if single else sorted(filter(_is_run, path.iterdir())):
        try:
            yield load(directory)
        except ToolworthyError as error:
            skipped.append(str(error))


def _is_run(path: Path) -> bool:
    """Whether a folder is a run; also one without ``run.json``, so that this is reported."""
    return any((path / name).is_file() for name in ("run.json", RESULTS))


def _grouped(samples: Sequence[Sample]) -> list[RunGroup]:
    groups: dict[tuple[str, str, str], RunGroup] = {}
    for sample in samples:
        if any(unit.values or unit.limited for unit in sample.units):
            endpoint = sample.endpoint
            key = endpoint.name, endpoint.model, endpoint.forced_api or ""
            groups.setdefault(key, RunGroup(*key)).samples.append(sample)
    return list(groups.values())
