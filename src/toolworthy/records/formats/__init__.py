"""Responses in files that people already have, known by their content: a stream or a body as pasted into an issue, what
``curl -i`` and ``curl -v`` print, HAR files, JSON lines and logs that hold requests and responses.

A body stays as it is, byte for byte, except that damage to a pasted stream is repaired: Markdown, indentation, line
ends, missing ``data:`` and blank lines. Anything that the file lacks (request, status, headers) stays unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from toolworthy.base.redact import Redactor
from toolworthy.records.exchange import Exchange
from toolworthy.records.formats import _curl, _log, _markup
from toolworthy.records.formats._collect import Collector, api_of, is_event
from toolworthy.wire.lenient import parse_json

KNOWN = (
    "a stream or response body as pasted into an issue, curl -i or curl -v output, a HAR file, JSON lines or logs that "
    "hold request and response (LiteLLM, llama.cpp, proxies), a run directory, a recording of toolworthy proxy"
)
"""The readable formats, for a message."""


@dataclass(frozen=True)
class Pasted:
    """The exchanges of a file."""

    exchanges: tuple[Exchange, ...]
    """Numbered from 0, in the order of the file; those of unknown requests have an empty request body."""
    places: tuple[int, ...]
    """For each exchange, the position in `text` at or before which its response begins."""
    text: str
    """The whole file."""
    excerpts: frozenset[int]
    """Numbers of exchanges whose stream is incomplete in the file."""
    redactor: Redactor
    """Removes the credentials in the file."""

    def position(self, number: int, excerpt: str) -> int:
        """The position in `text` where an excerpt of an exchange begins; where its response begins, if the excerpt is
        not in `text`."""
        start = self.places[number]
        line = next((line for line in excerpt.splitlines() if line.strip()), "")
        for form in (excerpt, line, line.replace("\\", "\\\\").replace('"', '\\"')):
            at = self.text.find(form, start) if form else -1
            if at >= 0:
                return at
        return start


def read(data: bytes) -> Pasted:
    """All responses in `data`; none if its format is unknown. Never raises."""
    text = _markup.decoded(data)
    collector = Collector()
    whole = parse_json(text)
    if isinstance(whole, dict) and api_of(whole) and not is_event(whole):
        collector.body(0, _markup.encoded(text))
    elif isinstance(whole, (dict, list)):
        _log.document(whole, collector)
    else:
        for start, block in _markup.blocks(text):
            if not _curl.transcript(block, start, collector):
                _log.lines(block, start, collector)
    exchanges = tuple(replace(exchange, index=number) for number, exchange in enumerate(collector.exchanges))
    places = tuple(min(place, len(text)) for place in collector.places)
    cut = frozenset(number for number, partly in enumerate(collector.partly) if partly)
    return Pasted(exchanges, places, text, cut, Redactor(_markup.credentials(text)))
