"""The reference server's replies."""

from __future__ import annotations

from dataclasses import dataclass

JSON = "application/json"
STREAM = "text/event-stream"


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    content_type: str
    pieces: tuple[bytes, ...]
    """The body, as it is sent: for a stream an event each."""
    wait: float = 0.0
    """Seconds of silence before a piece; before the first one, not even headers come."""
    wait_at: int = 0
    """Which piece that is."""
    headers: tuple[tuple[str, str], ...] = ()
    """Besides the content type."""
    whole: bool = True
    """Whether the body comes to its end; else the connection closes behind the last piece."""

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.pieces)
