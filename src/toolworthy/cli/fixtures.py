"""Fixtures for users' own suites: ``endpoint``, ``ask`` and ``reference_server``; the plugin has the others."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from toolworthy.base.errors import ToolworthyError

if TYPE_CHECKING:
    from toolworthy.endpoint.target import Endpoint
    from toolworthy.public.asking import Asking
    from toolworthy.public.server import ReferenceServer
    from toolworthy.work.run.plan import Options
    from toolworthy.work.run.session import Session

OPTIONS: pytest.StashKey[Options] = pytest.StashKey()
SESSION: pytest.StashKey[Session] = pytest.StashKey()
ENDED: pytest.StashKey[str] = pytest.StashKey()
"""Why the session ended early: one line."""


def end(config: pytest.Config, error: ToolworthyError) -> NoReturn:
    """End the session; `error` is printed after pytest's own output."""
    config.stash[ENDED] = f"error: {error}"
    pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


def asks(item: pytest.Item) -> bool:
    """Whether a test uses this module's fixture ``ask``, not another one of that name."""
    info = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
    definitions = info.get("ask", ())
    return bool(definitions) and definitions[-1].func.__module__ == __name__


@pytest.fixture(scope="session")
def endpoint(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    """The endpoint of ``--endpoint``, with base URLs, model and key; the reference endpoint runs for the session."""
    from toolworthy.public.server import ReferenceServer

    target = request.config.stash[OPTIONS].endpoint
    if not target.is_oracle:
        yield target
        return
    with ReferenceServer(target.defects) as server:
        yield target.at(server.base_urls)


@pytest.fixture
def reference_server(request: pytest.FixtureRequest) -> Iterator[ReferenceServer]:
    """The reference server on loopback, with the defects that the test is parametrized by (``indirect=True``)."""
    from toolworthy.public.server import ReferenceServer

    with ReferenceServer(getattr(request, "param", ())) as server:
        yield server


@pytest.fixture
def ask(request: pytest.FixtureRequest) -> Iterator[Asking]:
    """Sends requests through the recording gateway; the test's outcome is the verdict.

    Over Chat Completions, unless the test is parametrized by wire APIs (``indirect=True``).
    """
    from toolworthy.public.asking import Asking, key_of
    from toolworthy.work.probes import Unmeasured

    item, config = request.node, request.config
    way = getattr(request, "param", config.stash[OPTIONS].endpoint.forced_api or "chat")
    title = next(iter((item.obj.__doc__ or "").strip().splitlines()), item.name)
    try:
        asking = Asking(
            config.stash[SESSION], key_of(item.path.stem, item.name, way), title, f"{item.path}::{item.name}"
        )
    except Unmeasured as why:
        pytest.skip(f"unmeasured: {why}")
    except ToolworthyError as error:
        end(config, error)
    yield asking
    asking.end(Unmeasured("the test did not come to its end"))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """For tests with `ask`: turn the outcome into a verdict, and a raised verdict into the outcome."""
    if not asks(pyfuncitem):
        return (yield)
    from toolworthy.work.probes import Broken, ProbeOutcome, Unmeasured

    asking: Any = pyfuncitem.funcargs["ask"]

    try:
        done = yield
    except ProbeOutcome as outcome:
        asking.end(outcome)
        text = f"{outcome.verdict}: {outcome}"
        if isinstance(outcome, Unmeasured):
            raise pytest.skip.Exception(text) from None
        raise pytest.fail.Exception(text, pytrace=False) from None
    except pytest.skip.Exception as why:
        asking.end(Unmeasured(str(why)))
        raise
    except Exception as error:
        asking.end(Broken(f"{type(error).__name__}: {error}".splitlines()[0]))
        raise
    asking.end(None)
    return done
