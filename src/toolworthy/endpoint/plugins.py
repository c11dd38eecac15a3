"""Load users' plugins: packages with an entry point, and folders that the config names.

A plugin is a folder. Its Python files declare rules and probes on import; its folders ``agents``, ``providers``,
``tasks`` and ``cases`` add to the built-in ones. Source of entry points:
https://packaging.python.org/en/latest/specifications/entry-points/
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import sys
import traceback
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from toolworthy import content
from toolworthy.base.digest import folder_digest
from toolworthy.base.errors import ToolworthyError
from toolworthy.endpoint._config import load_config

GROUP = "toolworthy"
"""The group of entry points."""
MODULES: dict[str, ModuleType] = {}
"""Imported modules, by name."""
LOADED: dict[str, str] = {}
"""Plugins by name: the version of a package, a hash of a folder."""


def load_plugins(folder: Path) -> bool:
    """Load every plugin that is not loaded yet. Returns whether there are plugins.

    Args:
        folder: the config is searched in it and its parents.

    Raises:
        ToolworthyError: one cannot be loaded; one line with file and reason.
    """
    for entry in entry_points(group=GROUP):
        if entry.value not in MODULES:
            _load_entry(entry)
    for path in map(Path.resolve, load_config(folder).plugins):
        if path not in content.PLUGINS:
            _load_folder(path)
    return bool(MODULES)


def _load_entry(entry: EntryPoint) -> None:
    with _one_line_errors(f"entry point {entry.name} = {entry.value}"):
        module = entry.load()
    if not hasattr(module, "__path__"):
        raise ToolworthyError(f"entry point {entry.name} = {entry.value}: it is not a package. Name one.")
    MODULES[entry.value] = module
    LOADED[entry.dist.name if entry.dist else entry.name] = entry.dist.version if entry.dist else ""
    for path in map(Path, module.__path__):
        _load_files(module.__name__, path)


def _load_folder(path: Path) -> None:
    if not path.is_dir():
        raise ToolworthyError(f"{path}: there is no such folder. Correct `plugins` in toolworthy.toml.")
    name = f"toolworthy_plugin_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    init = path / "__init__.py"
    if init.is_file():
        spec = spec_from_file_location(name, init, submodule_search_locations=[str(path)])
        assert spec is not None
    else:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(path)]
    sys.modules[name] = module_from_spec(spec)
    if spec.loader is not None:
        with _one_line_errors(init, path):
            spec.loader.exec_module(sys.modules[name])
    _load_files(name, path)
    LOADED[path.name] = folder_digest(path)


def _load_files(package: str, path: Path) -> None:
    """Import the files of a folder as modules of `package`, and register its other content."""
    for file in sorted(path.glob("[!_]*.py")):
        name = f"{package}.{file.stem}"
        with _one_line_errors(file, path):
            MODULES[name] = importlib.import_module(name)
    content.PLUGINS.append(path)


@contextlib.contextmanager
def _one_line_errors(source: object, folder: Path | None = None) -> Iterator[None]:
    """Report an error in users' code in one line, with the place in their code."""
    try:
        yield
    except ToolworthyError:  # the message names the file: two rules with one code, for instance
        raise
    except (Exception, SystemExit) as error:
        lines = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
        if isinstance(error, SyntaxError) and error.filename:
            lines.append((error.filename, error.lineno))
        theirs = [f"{file}:{line}" for file, line in lines if folder and Path(file).is_relative_to(folder)]
        raise ToolworthyError(
            f"{[source, *theirs][-1]}: {type(error).__name__}: {error}. Correct the plugin."
        ) from error
