"""The first process of a sandbox: taken hold of before it goes on, limited, ended, and waited for."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest

from toolworthy.base.errors import ToolworthyError
from toolworthy.sandbox import _namespace as namespace
from toolworthy.sandbox._namespace import Namespace
from toolworthy.sandbox.model import Limits

MB = 2**20
STATUS = b'{ "child-pid": %d, "cgroup-namespace": 1 }\n'


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_bubblewrap_that_ends_before_it_begins_has_no_first_process() -> None:
    async def go() -> bool:
        with closing(Namespace(Limits())) as one:
            began = await one.begin()
            one.kill()
            await one.ended()
            assert not one.started_command()
            return began

    before = descriptors()
    assert asyncio.run(go()) is False
    assert descriptors() == before


@pytest.mark.process
@pytest.mark.parametrize("dead", ["bubblewrap", "both"])
def test_bubblewrap_that_is_killed_while_it_begins_has_none_either(child: subprocess.Popen[bytes], dead: str) -> None:
    """Nobody reads our word then: the pipe is broken."""

    async def go() -> bool:
        with closing(Namespace(Limits())) as one:
            os.write(one.status_to, STATUS % child.pid)
            if dead == "both":
                child.kill()
                child.wait()
            return await one.begin()

    before = descriptors()
    assert asyncio.run(go()) is False
    assert descriptors() == before


def test_one_that_was_never_begun_gives_back_its_descriptors_too() -> None:
    before = descriptors()
    with closing(Namespace(Limits())) as one:
        told = ["--json-status-fd", str(one.passed[0]), "--block-fd", str(one.passed[1])]
        assert one.arguments() == told
        assert not os.get_blocking(one._status), "or the end of a sandbox could wait for who holds the other end"
        assert descriptors() == before + 4
    assert descriptors() == before


def test_a_descriptor_is_watched_until_it_can_be_read() -> None:
    async def go() -> None:
        read, write = os.pipe()
        waiting = asyncio.create_task(namespace.readable(read))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        os.write(write, b"x")
        await asyncio.wait_for(waiting, 10)
        assert not asyncio.get_running_loop().remove_reader(read), "its number may soon be another's"
        os.close(read)
        os.close(write)

    asyncio.run(go())


@pytest.mark.process
@pytest.mark.parametrize(("most", "largest"), [(None, 3 * MB), (9 * MB, 3 * MB), (MB, MB)])
def test_the_first_process_is_limited_before_it_goes_on(
    child: subprocess.Popen[bytes], most: int | None, largest: int
) -> None:
    if most is not None:
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (most, most))

    async def go() -> None:
        with closing(Namespace(Limits(processes=7, disk_mb=3))) as one:
            word = os.dup(one.wait_from)
            line = STATUS % child.pid
            os.write(one.status_to, line[:9])
            status = os.dup(one.status_to)
            began = asyncio.create_task(one.begin())
            await asyncio.sleep(0.01)
            os.write(status, line[9:] + b'{ "exit-code": 0 }\n')
            assert await began
            assert os.read(word, 9) == b"g"
            os.close(word)
            os.close(status)
            limits = {name: resource.prlimit(child.pid, name) for name in (resource.RLIMIT_NPROC, resource.RLIMIT_CORE)}
            assert limits == {resource.RLIMIT_NPROC: (28, 28), resource.RLIMIT_CORE: (1, 1)}
            assert resource.prlimit(child.pid, resource.RLIMIT_FSIZE) == (largest, largest)
            assert one.started_command()
            one.kill()
            await one.ended()
            assert child.wait(5) == -9
            one.kill()

    before = descriptors()
    asyncio.run(go())
    assert descriptors() == before


@pytest.mark.process
def test_one_that_does_not_end_is_an_error(child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Else what looks at its files afterwards would not be alone with them."""
    monkeypatch.setattr(namespace, "_SECONDS", 0.01)

    async def go() -> None:
        with closing(Namespace(Limits())) as one:
            word = os.dup(one.wait_from)
            os.write(one.status_to, STATUS % child.pid)
            assert await one.begin()
            os.close(word)
            await one.ended()

    with pytest.raises(ToolworthyError, match=r"a sandbox did not end within 0\.01 s of being killed"):
        asyncio.run(go())


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as started:
        yield started
        started.kill()
