"""User errors, each reported in one line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolworthy.base.redact import Redactor
from toolworthy.base.sanitize import one_line


class ToolworthyError(Exception):
    """A mistake that the user can correct. The message is one line: WHAT. WHAT TO DO. It may quote a server: control
    characters and what looks like a key are removed.
    """

    def __str__(self) -> str:
        return one_line(Redactor(()).text(super().__str__()))


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Context manager for code that writes `path`.

    Raises:
        ToolworthyError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise ToolworthyError(f"cannot write {path}: {error.strerror or error}. Choose another path.") from error


def place(function: Callable[..., Any]) -> str:
    """The file and name of a function, for a message; the same however often its file is imported.

    A function typed into a notebook has no file; the module's name replaces it.
    """
    function = inspect.unwrap(function)
    module, code = function.__module__, function.__code__
    return f"{module if module == '__main__' else code.co_filename}: {function.__qualname__}"
