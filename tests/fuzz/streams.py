"""Event streams, cut anywhere: two bytes a cut before the first NUL, the stream behind it."""

from __future__ import annotations

import itertools

from toolworthy.wire.sse import SseParser

SEEDS = [
    b"\x05\x09\x00event: a\ndata: {}\n\ndata: [DONE]\n\n",
    b"\x01\x02\x03\x00: comment\r\nid: 1\r\nretry: 5\r\ndata: a\r\ndata: b\r\n\r\n",
    b"\x04\x00\xef\xbb\xbfdata: x\r\rdata\n\n",
]


def one(data: bytes) -> None:
    """A stream is the same however it is cut."""
    cuts, _, body = data.partition(b"\0")
    whole, cut = SseParser(), SseParser()
    once = [*whole.feed(body), *whole.close()]
    ends = [0, *sorted(cuts), len(body)]
    pieces = [body[begin:end] for begin, end in itertools.pairwise(ends)]
    assert [event for piece in pieces for event in cut.feed(piece)] + cut.close() == once
