"""Read TOML files. Imports nothing slow: the command line is declared in one."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from toolworthy.base.errors import ToolworthyError


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file; a byte order mark is tolerated.

    Raises:
        ToolworthyError: the file cannot be read, or is not TOML; one line with path, line and column.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ToolworthyError(f"cannot read {path}: {error.strerror}. Check the path.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ToolworthyError(f"{path}: {error}. Correct the file.") from error
    except RecursionError as error:
        raise ToolworthyError(f"{path}: its values are nested too deeply. Correct the file.") from error
