"""Text in the columns of a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size


def cut(text: str, width: int) -> str:
    """`text`, cut to `width` columns with a mark."""
    return text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines with columns."""
    if not rows:
        return []
    columns = max(map(len, rows))
    widths = [max((cell_len(row[at]) for row in rows if at < len(row)), default=0) for at in range(columns)]
    padded = [[set_cell_size(cell, size) for cell, size in zip(row, widths, strict=False)] for row in rows]
    return ["  ".join(row).rstrip() for row in padded]


def packed(parts: Sequence[str], width: int, indent: int = 0) -> list[str]:
    """`parts` in as few lines as possible, none of them split; all but the first are indented."""
    lines: list[str] = []
    for part in parts:
        if lines and cell_len(f"{lines[-1]} · {part}") <= width:
            lines[-1] += f" · {part}"
        else:
            lines.append(" " * indent * bool(lines) + part)
    return lines


def wrapped(text: str, width: int, indent: int) -> list[str]:
    """`text` in lines of `width` columns, all but the first indented; longer words are not split."""
    whole = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.wrap(text, width, subsequent_indent=" " * indent, **whole)  # type: ignore[arg-type]
