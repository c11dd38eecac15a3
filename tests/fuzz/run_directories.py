"""Run directories: the first line is ``run.json``, the rest are results, and exchanges, packed and broken."""

from __future__ import annotations

import json

import zstandard

from tests.support.examples import ABOUT
from toolworthy.records.exchanges import read_all
from toolworthy.records.store import RunDirectory

from .files import FOLDER, refused_in_a_line

_TRIAL = b'{"kind":"trial","key":{"task":"t","agent":"a","repeat":0},"status":"passed","reward":1.0,"findings":[]}'
_CASE = b'{"kind":"case","key":{"case":"c","toolset":"v","repeat":0},"verdict":"right","turns":[]}'
_PROBE = b'{"kind":"probe","key":{"probe":"p","api":"chat","way":"w"},"verdict":"broken","detail":"d"}'
_EXCHANGE = json.dumps(
    {
        "trial": "t",
        "index": 0,
        "kind": "completion",
        "agent_api": "chat",
        "endpoint_api": "chat",
        "method": "POST",
        "path": "/",
        "status": 200,
        "started": 1.0,
        "seconds": 1.0,
        "error": None,
        "local": False,
        "request_headers": {},
        "response_headers": {},
        "losses": [],
        "request_body": ["{}", ["h"]],
        "upstream_body": None,
        "chunks": [[0.1, "{}"]],
        "pieces": {"h": "x"},
    }
).encode()
SEEDS = [
    json.dumps(ABOUT | {"schema": 1}).encode() + b"\n" + b"\n".join(lines)
    for lines in ((_TRIAL, _CASE, _PROBE), (_EXCHANGE,), (_TRIAL[:40],), ())
]


def one(data: bytes) -> None:
    """Any of it is a run, or refused in one line; exchanges that cannot be read are left out."""
    about, _, rest = data.partition(b"\n")
    folder = FOLDER / "run"
    folder.mkdir(exist_ok=True)
    (folder / "results.jsonl").write_bytes(rest)
    for said in (about, b'{"schema": 1}'):
        (folder / "run.json").write_bytes(said)
        refused_in_a_line(_read)
    for packed in (rest, zstandard.ZstdCompressor().compress(rest)):
        (folder / "x.jsonl.zst").write_bytes(packed)
        for exchange in read_all(folder / "x.jsonl.zst"):
            repr((exchange.request, exchange.response))


def _read() -> None:
    run = RunDirectory.open(FOLDER / "run")
    assert (*run.results(), *run.cases(), *run.probes(), *run.replays()) is not None
