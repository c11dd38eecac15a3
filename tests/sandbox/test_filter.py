"""System calls that reach around the sandbox are refused; what programs need is not."""

from __future__ import annotations

import platform
import re
import struct
import tomllib
from pathlib import Path

import pytest

from tests.support.boxed import WHO, as_who, run
from toolworthy.content import PACKAGE
from toolworthy.sandbox import _filter as filter

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="no filter for this machine"),
]
TABLE = tomllib.loads((PACKAGE / "sandbox" / "syscalls.toml").read_text())
HEADERS = {
    "x86_64": [Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm/unistd_64.h")],
    "aarch64": [Path("/usr/include/asm-generic/unistd.h")],
}
CALL = """
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    ctypes.set_errno(0)
    libc.syscall(*map(ctypes.c_long, arguments))
    return errno.errorcode.get(ctypes.get_errno(), "done")
"""


def code(body: str) -> str:
    return f"cat > /tmp/attack.py <<'END'\n{CALL}{body}\nEND\npython3 /tmp/attack.py"


@pytest.mark.parametrize("who", WHO)
def test_every_refused_call_is_refused(tmp_path: Path, who: str) -> None:
    numbers = {name: row[platform.machine()] for name, row in TABLE["refused"].items() if platform.machine() in row}
    body = f"for name, number in {numbers}.items():\n    print(name, call(number, 0, 0, 0, 0, 0))"
    said = as_who(who, lambda folder: run(code(body), folder), tmp_path).stdout.decode().split("\n")[:-1]
    assert said == [f"{name} EPERM" for name in numbers]


@pytest.mark.parametrize("who", WHO)
def test_no_namespace_is_made_in_any_way(tmp_path: Path, who: str) -> None:
    clone, clone3 = (TABLE["looked_at"][name][platform.machine()] for name in ("clone", "clone3"))
    body = f"""
for bit in (7, 17, *range(25, 31)):
    print(call({clone}, (1 << bit) | 17, 0, 0, 0, 0))
print(call({clone3}, 0, 0))
"""
    said = as_who(who, lambda folder: run(code(body), folder), tmp_path).stdout.split()
    assert said == [b"EPERM"] * 8 + [b"ENOSYS"]


@pytest.mark.parametrize("who", WHO)
def test_sockets_are_of_families_that_the_sandbox_confines(tmp_path: Path, who: str) -> None:
    body = """
import socket
for family in range(50):
    try:
        socket.socket(family, socket.SOCK_DGRAM).close()
        print(family)
    except OSError as error:
        assert error.errno == errno.EAFNOSUPPORT, (family, error)
"""
    outcome = as_who(who, lambda folder: run(code(body), folder), tmp_path)
    assert (outcome.stdout.split(), outcome.exit_code) == ([b"1", b"2", b"10", b"16"], 0), outcome.stderr


@pytest.mark.parametrize("who", WHO)
def test_the_keys_of_the_caller_are_out_of_reach(tmp_path: Path, who: str) -> None:
    keyctl = TABLE["refused"]["keyctl"][platform.machine()]
    body = f"print(*(call({keyctl}, 0, ring, 0) for ring in (-1, -2, -3, -4, -5)))"
    outcome = as_who(who, lambda folder: run(code(body) + "; cat /proc/keys /proc/key-users", folder), tmp_path)
    assert outcome.stdout == b"EPERM EPERM EPERM EPERM EPERM\n"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other machines have no second set of calls")
def test_the_other_numbers_of_a_call_lead_nowhere(tmp_path: Path) -> None:
    """Those of x32; a 32-bit program is ended at its first call."""
    assert run(code("print(call(0x40000000 | 272, 0))"), tmp_path).stdout == b"ENOSYS\n"
    # mov eax, 20 (getpid of 32 bits); int 0x80; xor edi, edi; mov eax, 60; syscall
    text = bytes.fromhex("b814000000cd8031ffb83c0000000f05")
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    header += struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, 120 + len(text), 120 + len(text), 4096)
    (tmp_path / "w" / "small").write_bytes(header + text)
    (tmp_path / "w" / "small").chmod(0o755)
    assert run("./small; echo $?", tmp_path).stdout != b"0\n"


def test_programs_do_what_they_do(tmp_path: Path) -> None:
    """Threads, processes, pipes and sockets; Python's own way to start a program is the one that uses clone most."""
    body = """
import concurrent.futures, subprocess, socket, multiprocessing
print(list(concurrent.futures.ThreadPoolExecutor(8).map(abs, range(-8, 0))))
print(subprocess.check_output(["sh", "-c", "echo one | cat"]).decode().strip())
with socket.create_server(("127.0.0.1", 0)) as server:
    with socket.create_connection(server.getsockname()):
        print(multiprocessing.get_context("spawn").Process(target=print).exitcode)
"""
    assert run(code(body), tmp_path).stdout == b"[8, 7, 6, 5, 4, 3, 2, 1]\none\nNone\n"


@pytest.mark.parametrize("machine", HEADERS)
def test_the_numbers_are_the_kernels(machine: str) -> None:
    header = next((path for path in HEADERS[machine] if path.is_file()), None)
    if header is None:
        pytest.skip("the kernel's headers are not installed")
    known = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+)\s+(\d+)", header.read_text())}
    ours = {name: row[machine] for rows in TABLE.values() for name, row in rows.items() if machine in row}
    assert {name: number for name, number in ours.items() if known.get(name) != number} == {}


def test_no_filter_is_made_for_other_machines() -> None:
    assert filter.program("riscv64") is None
    assert len(filter.program("aarch64") or b"") % 8 == 0


@pytest.mark.parametrize("who", WHO)
def test_no_user_namespace_is_made_without_a_filter_either(
    tmp_path: Path, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filter, "descriptor", lambda: None)
    outcome = as_who(
        who, lambda folder: run("unshare --user true; unshare --user --map-root-user id", folder), tmp_path
    )
    assert (outcome.stdout, outcome.exit_code) == (b"", 1)
