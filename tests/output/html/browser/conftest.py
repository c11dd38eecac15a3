"""A browser for the whole session; pages in contexts of their own, without a network, in which nothing may go wrong."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support import made
from tests.support.commands import only_run, suites
from tests.support.look import Visit

DEFECT = "args-wrapped-in-underscore-key"


@pytest.fixture(scope="session")
def _browser() -> Iterator[tuple[Browser, Any]]:
    """Chromium, and the event loop that its driver goes on holding."""
    executable = shutil.which("chromium")
    if executable is None:
        told = "chromium is not installed; scripts/setup does it"
        pytest.fail(told) if os.environ.get("CI") else pytest.skip(told)
    with sync_playwright() as driver:
        loop = asyncio.get_running_loop()
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=executable, args=sandbox)
        asyncio._set_running_loop(None)
        yield browser, loop
        asyncio._set_running_loop(loop)
        browser.close()


@pytest.fixture
def visit(_browser: tuple[Browser, Any]) -> Iterator[Visit]:
    """Opens a page at a fragment, as ``visit(path, "#/tools", color_scheme="dark", …)``.

    The test fails if the page asks the network for anything, or has an error, a violation of its policy among them.
    """
    browser, loop = _browser
    asyncio._set_running_loop(loop)  # of the driver: tests of other modules have their own in between
    wrong: list[str] = []
    contexts = []

    def opened(path: Path, fragment: str = "", **options: Any) -> Page:
        context = browser.new_context(offline=True, **options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        context.on("page", lambda page: _watch(page, wrong))
        page = context.new_page()
        page.goto(path.as_uri() + fragment)
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    asyncio._set_running_loop(None)
    assert not wrong


def _watch(page: Page, wrong: list[str]) -> None:
    page.on("console", lambda said: wrong.append(f"{said.type}: {said.text}") if said.type != "log" else None)
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("request", lambda asked: None if asked.url.startswith("file:") else wrong.append(f"asked {asked.url}"))

    def refuse(dialog: Any) -> None:
        wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", refuse)


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a real run: all suites, the built-in agent, an endpoint with a defect."""
    folder = tmp_path_factory.mktemp("real")
    chosen = ["--task", "fix-failing-test", "--case", "raise-a-limit", "--case", "read-one-file", "--trials", "2"]
    picked = "fix-failing-test or raise-a-limit or read-one-file or tool_choice or seed or text"
    done = suites(*chosen, "--agent", "builtin", "--endpoint", f"oracle:{DEFECT}", "-k", picked, cwd=folder, suite="")
    assert done.returncode == 1, done.stdout + done.stderr
    return only_run(folder) / "report.html"


@pytest.fixture(scope="session")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run with all that a page can show."""
    return made.page(made.ordinary(tmp_path_factory.mktemp("ordinary")))


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a dozen tasks and cases, which still end in every way: for what looks at every node of the page."""
    return made.page(made.ordinary(tmp_path_factory.mktemp("few"), tasks=12))
