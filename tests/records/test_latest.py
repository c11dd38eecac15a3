"""A recording without end keeps its last exchanges."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolworthy.base.redact import Redactor
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import read_all
from toolworthy.records.latest import LatestExchanges

LONG = "the same long message of every turn, stored once " * 4


def exchange(index: int) -> Exchange:
    made = Exchange.of("chat", {"messages": [{"content": LONG}, {"content": f"{LONG} {index}"}]}, {"id": str(index)})
    return Exchange(**{**vars(made), "index": index})


@pytest.mark.parametrize(("sent", "kept"), [(1, [0]), (3, [0, 1, 2]), (4, [1, 2, 3]), (20, [17, 18, 19])])
def test_the_last_ones_stay_whole(tmp_path: Path, sent: int, kept: list[int]) -> None:
    path = tmp_path / "proxy.jsonl.zst"
    record = LatestExchanges(path, Redactor(()), 3)
    for index in range(sent):
        record.append(exchange(index))
        assert len(read_all(path)) <= 6
        assert read_all(path)[-1] == exchange(index)
    record.close()
    assert list(read_all(path)) == [exchange(index) for index in kept]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
