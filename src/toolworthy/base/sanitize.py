"""Make foreign text safe to print: control and invisible characters are shown, not interpreted."""

from __future__ import annotations

import inspect
import re
from typing import TextIO

# Control characters: C0, except tabs and line breaks, and C1, which terminals interpret, too.
HIDDEN = {code: f"␛{code:02x}" for code in (*range(9), 11, 12, *range(14, 32), *range(127, 160))}
# Marks that change the direction of writing, and characters without width, in which text can be hidden: zero-width
# spaces, fillers, tag characters and variation selectors. Joiners and the two variation selectors of emoji stay: some
# scripts and emoji need them.
_TURNING = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_UNSEEN = (
    *(0x00AD, 0x034F, 0x115F, 0x1160, 0x180E, 0x200B, 0x3164, 0xFEFF, 0xFFA0),
    *(*range(0x2060, 0x2066), *range(0x206A, 0x2070)),
    *(*range(0xFE00, 0xFE0E), *range(0xE0000, 0xE0080), *range(0xE0100, 0xE01F0)),
)
HIDDEN |= {code: f"⟨U+{code:04X}⟩" for code in (*_TURNING, *_UNSEEN)}
_LONE_RETURN = re.compile(r"\r(?!\n)")
"""Returns a terminal to the start of its line, to overwrite it."""


def visible(text: object) -> str:
    """`text` with invisible characters made visible; lone surrogates become replacement characters."""
    text = str(text)
    if text.isascii() and text.isprintable():  # nearly all
        return text
    return _LONE_RETURN.sub("␛0d", text.encode("utf-8", "replace").decode().translate(HIDDEN))


def docstring(text: str | None) -> str:
    """A docstring as a reader sees it: without indentation, and with Markdown's backticks."""
    return inspect.cleandoc(text or "").replace("``", "`")


def show(text: object, file: TextIO | None = None, *, end: str = "\n") -> None:
    """Print `text`, which may quote a server, so that no terminal interprets it."""
    print(visible(text), file=file, end=end, flush=True)


def one_line(text: object) -> str:
    """`text` made visible, in one line and without tabs."""
    return visible(" ".join(str(text).split()))
