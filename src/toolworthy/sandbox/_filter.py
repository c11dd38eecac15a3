"""The sandbox's filter of system calls: a program for seccomp(2), made from ``syscalls.toml``.

It refuses calls that widen the kernel's attack surface or bypass the sandbox's limits. It supports 64-bit x86 and ARM;
other machines have no filter.
"""

from __future__ import annotations

import errno
import os
import platform
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from toolworthy.base.toml import read_toml

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_*, linux/audit.h
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # linux/bpf_common.h
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data, linux/seccomp.h
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_X32 = 0x40000000
_NAMESPACES = 0x7E020080
"""CLONE_NEW*: mount, cgroup, UTS, IPC, user, process, network, time (linux/sched.h)."""
_FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK; others, such as AF_VSOCK, ignore network namespaces."""
_TERMINAL = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX, which insert input into a terminal."""

_Step = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


def descriptor() -> int | None:
    """A descriptor from which bubblewrap reads the filter; the caller closes it. None if there is no filter."""
    made = program(platform.machine())
    if made is None:
        return None
    read, write = os.pipe()
    os.write(write, made)  # far less than a pipe's buffer
    os.close(write)
    return read


@cache
def program(machine: str) -> bytes | None:
    """The filter for a machine, as an array of ``struct sock_filter``."""
    if machine not in _ARCHITECTURES:
        return None
    table = read_toml(Path(__file__).with_name("syscalls.toml"))
    numbers = {name: row[machine] for rows in table.values() for name, row in rows.items() if machine in row}
    refused = [numbers[name] for name in table["refused"] if name in numbers]
    return b"".join(struct.pack("=HBBI", *step) for step in _steps(machine, numbers, refused))


def _steps(machine: str, numbers: dict[str, int], refused: list[int]) -> Iterator[_Step]:
    yield _load(_ARCHITECTURE)
    yield (_EQUAL, 1, 0, _ARCHITECTURES[machine])
    yield _return(_KILL)  # calls of 32-bit programs have other numbers
    yield _load(_NUMBER)
    if machine == "x86_64":
        yield (_AT_LEAST, 0, 1, _X32)
        yield _return(_ERRNO | errno.ENOSYS)
    for number in refused:
        yield from _if_equal(number, [_return(_ERRNO | errno.EPERM)])
    # A filter cannot read its flags, which are in memory; callers fall back to clone if the call does not exist.
    yield from _if_equal(numbers["clone3"], [_return(_ERRNO | errno.ENOSYS)])
    yield from _if_equal(
        numbers["clone"],
        [_load(_ARGUMENTS), (_ANY_BIT, 0, 1, _NAMESPACES), _return(_ERRNO | errno.EPERM), _return(_ALLOW)],
    )
    known = [step for family in _FAMILIES for step in _if_equal(family, [_return(_ALLOW)])]
    yield from _if_equal(numbers["socket"], [_load(_ARGUMENTS), *known, _return(_ERRNO | errno.EAFNOSUPPORT)])
    steps = [step for number in _TERMINAL for step in _if_equal(number, [_return(_ERRNO | errno.EPERM)])]
    yield from _if_equal(numbers["ioctl"], [_load(_ARGUMENTS + 8), *steps, _return(_ALLOW)])
    yield _return(_ALLOW)


def _if_equal(operand: int, then: list[_Step]) -> list[_Step]:
    return [(_EQUAL, 0, len(then), operand), *then]


def _load(offset: int) -> _Step:
    return (_LOAD, 0, 0, offset)


def _return(action: int) -> _Step:
    return (_RETURN, 0, 0, action)
