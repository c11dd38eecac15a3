"""What targets that read files share."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from toolworthy.base.errors import ToolworthyError

FOLDER = Path(tempfile.mkdtemp(prefix="toolworthy-fuzz-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


def refused_in_a_line(read: Callable[[], object]) -> None:
    """Whatever is read, is read, or a mistake of the user's in one line."""
    refused = ""
    try:
        read()
    except ToolworthyError as error:
        refused = str(error)
    assert "\n" not in refused
