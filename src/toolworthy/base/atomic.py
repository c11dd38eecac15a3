"""Write files atomically: the old file is kept until the new one is complete."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from toolworthy.base.errors import writing


@contextlib.contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Yields the path to write to; at the end, it replaces `target`. Pipes and devices are written directly.

    Raises:
        ToolworthyError: the disk is full or the folder is gone; `target` is as it was.
    """
    with writing(target):
        if target.exists() and not target.is_file():
            yield target
            return
        target = target.resolve()  # if `target` is a link, replace the file it points to and keep the link
        partial = target.with_name(f".{target.name[:200]}.{os.getpid()}-{threading.get_ident()}")
        try:
            yield partial
            with partial.open("rb") as file:
                os.fsync(file.fileno())  # else a power loss may leave an empty file under the new name
            partial.replace(target)
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
