"""The filter of system calls as the kernel would run it, for every machine, and not for the one at hand alone."""

from __future__ import annotations

import errno
import platform
import struct
import tomllib

import pytest

from toolworthy.content import PACKAGE
from toolworthy.sandbox import _filter as filter

TABLE = tomllib.loads((PACKAGE / "sandbox" / "syscalls.toml").read_text())
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOWED, KILLED = "allowed", "killed"
CLONE_NEW = {0x80, 0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000}
MACHINES = pytest.mark.parametrize("machine", AUDIT)


@pytest.fixture(autouse=True)
def afresh() -> None:
    """Each test makes the filter itself, so that scripts/mutants knows which tests reach it."""
    filter.program.cache_clear()


def run(machine: str, number: int, *arguments: int, audit: int | None = None) -> str | int:
    """What the filter says of a call: as bpf(4) and seccomp(2) have it, for the few instructions that it uses."""
    given = [*arguments, *(0,) * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, audit or AUDIT[machine], 0, *given)
    steps = list(struct.iter_unpack("=HBBI", filter.program(machine) or b""))
    value = at = 0
    for _ in steps:
        code, yes, no, operand = steps[at]
        at += 1
        assert code not in (0x20, 0x06) or (yes, no) == (0, 0), "comparisons alone jump"
        if code == 0x20:  # load a word
            (value,) = struct.unpack_from("<I", data, operand)
        elif code == 0x06:  # return
            action, told = operand & 0xFFFF0000, operand & 0xFFFF
            return told if action == 0x00050000 else {0x7FFF0000: ALLOWED, 0x80000000: KILLED}[operand]
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code]
            at += yes if holds else no
    raise AssertionError("it does not return")


def number(machine: str, name: str) -> int:
    return int(next(row[name][machine] for row in TABLE.values() if name in row))


@MACHINES
def test_what_is_refused_is_refused_and_all_else_is_allowed(machine: str) -> None:
    refused = {row[machine] for row in TABLE["refused"].values() if machine in row}
    looked_at = {row[machine] for row in TABLE["looked_at"].values() if machine in row}
    assert refused
    for one in range(600):
        if one not in looked_at:
            assert run(machine, one) == (errno.EPERM if one in refused else ALLOWED), one


@MACHINES
def test_calls_of_another_machine_are_the_end(machine: str) -> None:
    for audit in (0x40000003, 0x40000028, AUDIT[machine] ^ 1):  # i386, arm
        assert run(machine, 0, audit=audit) == KILLED


def test_the_second_numbers_of_64_bit_x86_do_not_exist() -> None:
    assert run("x86_64", 0x40000000) == run("x86_64", 0x40000000 | 272) == errno.ENOSYS
    assert run("x86_64", 0x3FFFFFFF) == ALLOWED
    assert run("aarch64", 0x40000000) == ALLOWED


@MACHINES
def test_no_namespace_is_made(machine: str) -> None:
    clone = number(machine, "clone")
    for bit in range(32):
        assert run(machine, clone, 1 << bit) == (errno.EPERM if 1 << bit in CLONE_NEW else ALLOWED), bit
    assert run(machine, clone, 0x10000000 | 17) == errno.EPERM
    assert run(machine, clone, 17, 0x10000000) == ALLOWED, "only its first argument is flags"
    assert run(machine, number(machine, "clone3"), 0) == errno.ENOSYS


@MACHINES
def test_sockets_are_of_families_that_namespaces_confine(machine: str) -> None:
    found = {family for family in range(64) if run(machine, number(machine, "socket"), family) == ALLOWED}
    assert found == {1, 2, 10, 16}
    assert run(machine, number(machine, "socket"), 40, 2) == errno.EAFNOSUPPORT


@MACHINES
def test_nothing_is_typed_into_a_terminal(machine: str) -> None:
    ioctl = number(machine, "ioctl")
    for request in (0x5412, 0x541C):
        assert run(machine, ioctl, 0, request) == errno.EPERM
        assert run(machine, ioctl, request, 0) == ALLOWED
    for request in (0x5411, 0x5413, 0x541B, 0x541D):
        assert run(machine, ioctl, 0, request) == ALLOWED


def test_other_machines_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert filter.program("riscv64") is None
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert filter.descriptor() is None
