"""The kind of each test: unit, slow, process, browser or agents; and unit tests that start or reach anything fail.

A test has the kind that it or its file is marked with. Without one it is ``browser`` if it opens a page, else ``unit``.
"""

from __future__ import annotations

import gc
import platform
import sys
from collections.abc import Generator
from typing import Any

import pytest

KINDS = ("unit", "slow", "process", "browser", "agents")
STARTS = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.system",
        "subprocess.Popen",
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.sendto",
    }
)
"""Events of Python's audit by which a process starts or a socket reaches something."""
_reached: list[str] = []
_unit = False


class NotUnit(AssertionError):
    """A unit test started a process or opened a socket."""


def pytest_configure(config: pytest.Config) -> None:
    """Watch this process; what audits once does so for ever."""
    platform.platform()  # asks uname(1), the first time
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _unit and event in STARTS:
        _reached.append(f"{event} {arguments!r:.200}")
        raise NotUnit(f"a unit test does not do this: {_reached[-1]}; mark it with pytest.mark.process")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a kind to what has none. What is closest says it: the test, then its file."""
    for item in items:
        if next((mark for mark in item.iter_markers() if mark.name in KINDS), None) is None:
            item.add_marker("browser" if "visit" in getattr(item, "fixturenames", ()) else "unit")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """What a unit test sets up and takes down is watched as well."""
    global _unit
    _reached.clear()
    _unit = any(item.get_closest_marker(kind) for kind in ("unit", "slow"))
    try:
        return (yield)
    finally:
        _unit = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail even where what was called took the error for one of its own."""
    result = yield
    if _reached:
        raise NotUnit(f"a unit test does not do this: {_reached[0]}; mark it with pytest.mark.process")
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail the test that leaves a socket, a file or a process open: later, it would be a test that did nothing wrong.

    Only garbage collection finds what stands in a cycle, and it comes when it comes.
    """
    result = yield
    if any(item.get_closest_marker(kind) for kind in ("process", "browser", "agents")):
        left: list[str] = []
        before, sys.unraisablehook = sys.unraisablehook, lambda each: left.append(str(each.exc_value))
        try:
            gc.collect()
        finally:
            sys.unraisablehook = before
        if left:
            raise AssertionError(f"left open: {'; '.join(left)}")
    return result
