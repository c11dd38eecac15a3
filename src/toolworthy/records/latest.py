"""Keep the latest exchanges of an unlimited recording."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from pathlib import Path

from toolworthy.base.redact import Redactor
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import ExchangeWriter, read_exchanges


class LatestExchanges:
    """Appends to one file; once it has twice `most` exchanges, the older half is removed.

    Args:
        path: the file.
        redactor: removes secrets.
        most: the most exchanges after `close`.
    """

    def __init__(self, path: Path, redactor: Redactor, most: int) -> None:
        self._path, self._redactor, self._most = path, redactor, most
        self._writer = ExchangeWriter(path, redactor)
        self._held = 0

    def append(self, exchange: Exchange) -> None:
        """Write one exchange.

        Raises:
            OSError: it cannot be written; the file is as it was.
        """
        self._writer.append(exchange)
        self._held += 1
        if self._held >= 2 * self._most:
            self._cut()

    def close(self) -> None:
        """Remove surplus exchanges, and close the file.

        Raises:
            OSError: the rest cannot be written.
        """
        try:
            if self._held > self._most and self._path.exists():
                self._cut()
        finally:
            self._writer.close()

    def _cut(self) -> None:
        last = deque(read_exchanges(self._path), self._most)
        partial = self._path.with_name(f"{self._path.name}.partial")
        try:
            with contextlib.closing(ExchangeWriter(partial, self._redactor)) as writer:
                for exchange in last:
                    writer.append(exchange)
                known = writer.known
            os.replace(partial, self._path)
        finally:
            partial.unlink(missing_ok=True)
        self._writer.close()
        self._writer = ExchangeWriter(self._path, self._redactor, known)
        self._held = len(last)
