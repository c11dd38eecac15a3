"""Lock a run directory, so that only one process writes to it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from toolworthy.base.errors import ToolworthyError


class Hold:
    """A lock on a run directory. The kernel releases it when the process ends, however it ends.

    Args:
        path: of the directory.

    Raises:
        ToolworthyError: another process holds it, or it is gone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise ToolworthyError(f"cannot open {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise ToolworthyError(f"{path}: another process is writing this run. Wait for it, or stop it.") from None
        except OSError:
            pass  # a file system without locks (some of NFS): nothing keeps two apart there

    def in_place(self) -> bool:
        """Whether the directory is still at its path."""
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self._directory))
        except OSError:
            return False

    def close(self) -> None:
        """Release the lock."""
        with contextlib.suppress(OSError):
            os.close(self._directory)
