"""Read the requests to replay, from a run directory or a recording of ``toolworthy proxy``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from toolworthy.base.errors import ToolworthyError
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import read_all
from toolworthy.records.meta import EndpointRecord, ProxyRecord, Replayed
from toolworthy.records.store import RunDirectory
from toolworthy.wire.ir import Api

SUFFIX = ".jsonl.zst"
"""Of files of exchanges."""
_HELD = 4
"""Files held in memory at a time."""
_MAX_BODY = 64 * 2**20


@dataclass(frozen=True)
class Recorded:
    """The place of one completion request in a recording."""

    trial: str
    index: int
    file: Path
    api: Api
    """What the agent spoke."""


class Recording:
    """The exchanges of one run, read file by file as they are needed."""

    def __init__(self, path: Path, files: tuple[Path, ...], endpoint: EndpointRecord) -> None:
        self.path = path
        self._files = files
        self.endpoint = endpoint
        """What is known of the recorded endpoint; texts are empty where nothing is."""
        self._held: dict[Path, dict[int, Exchange]] = {}

    @classmethod
    def open(cls, path: Path) -> Recording:
        """The recording at `path`.

        Raises:
            ToolworthyError: there is none.
        """
        if path.is_dir():
            endpoint = RunDirectory.open(path).meta.endpoint
            return cls(path, tuple(sorted((path / "exchanges").glob(f"*{SUFFIX}"))), endpoint)
        if not path.is_file():
            raise ToolworthyError(f"{path} does not exist. Give a run directory, or a record of `toolworthy proxy`.")
        return cls(path, (path,), _beside(path))

    def requests(self, only: str | None = None, limit: int | None = None) -> tuple[Recorded, ...]:
        """The completion requests, in the order of the files.

        Args:
            only: a glob over a trial's name, or over one of its parts (suite, task, agent).
            limit: how many at most.

        Raises:
            ToolworthyError: there are none, or a file is not a record.
        """
        every = tuple(self._all())
        if not every:
            raise ToolworthyError(f"{self.path} holds no completion request. Give another run or recording.")
        chosen = [item for item in every if only is None or matches(item.trial, only)]
        if not chosen:
            raise ToolworthyError(
                f"nothing recorded in {self.path} matches {only!r}; a trial's name is {every[0].trial!r}"
            )
        return tuple(chosen[:limit])

    def summary(self) -> Replayed:
        """The entry for ``run.json``."""
        return Replayed(of=str(self.path), recording=self.path.resolve().name, recorded=self.endpoint)

    def exchange(self, item: Recorded) -> Exchange:
        """The recorded exchange, its body readable."""
        return self._exchanges_of(item.file)[item.index]

    def exchanges(self) -> tuple[Exchange, ...]:
        """All exchanges, in the order of the files; bodies as they were recorded.

        Raises:
            ToolworthyError: a file is not a record.
        """
        return tuple(exchange for file in self._files for exchange in self._exchanges_of(file).values())

    def _all(self) -> Iterator[Recorded]:
        for file in self._files:
            for exchange in self._exchanges_of(file).values():
                if exchange.reached_endpoint and exchange.agent_api:
                    yield Recorded(exchange.trial, exchange.index, file, exchange.agent_api)

    def _exchanges_of(self, file: Path) -> dict[int, Exchange]:
        """A file's exchanges by index; of a trial that was run again, the last ones."""
        if file not in self._held:
            try:
                read = {exchange.index: readable(exchange) for exchange in read_all(file)}
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                raise ToolworthyError(f"{file} is not a record of exchanges. Give a run or a recording.") from error
            while len(self._held) >= _HELD:
                self._held.pop(next(iter(self._held)))
            self._held[file] = read
        return self._held[file]


def matches(trial: str, glob: str) -> bool:
    """Whether a trial's name, with or without its number, or one of its parts fits `glob`."""
    plain = trial.partition("#")[0]
    return any(fnmatchcase(name, glob) for name in (trial, plain, *plain.split("/")))


def _beside(path: Path) -> EndpointRecord:
    """What the proxy wrote of its endpoint, next to its record."""
    try:
        text = path.with_name(path.name.removesuffix(SUFFIX) + ".json").read_bytes()
        return ProxyRecord.model_validate_json(text, extra="ignore").endpoint
    except (OSError, ValueError):
        return EndpointRecord()


def readable(exchange: Exchange) -> Exchange:
    """The exchange with its request unpacked, where an agent sent it packed."""
    if exchange.request_headers.get("content-encoding") != "zstd":
        return exchange
    import zstandard

    try:
        with zstandard.ZstdDecompressor().stream_reader(exchange.request_body) as reader:
            return replace(exchange, request_body=reader.read(_MAX_BODY))
    except zstandard.ZstdError:
        return exchange
