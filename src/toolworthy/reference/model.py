"""The reference server's replies."""

from __future__ import annotations

from dataclasses import dataclass

JSON = "application/json"
STREAM = "text/event-stream"


@dataclass(frozen=True)
class Reply:
    """An HTTP response."""

    status: int
    content_type: str
    pieces: tuple[bytes, ...]
    """The pieces of the body as sent; for a stream, one per event."""
    wait: float = 0.0
    """Seconds of silence before a piece; before the first one, headers are delayed, too."""
    wait_at: int = 0
    """Index of that piece."""
    headers: tuple[tuple[str, str], ...] = ()
    """Headers besides the content type."""
    whole: bool = True
    """Whether the body is complete; else the connection closes after the last piece."""

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.pieces)
