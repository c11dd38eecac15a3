"""What runs inside has no rights on the host, whoever runs the tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.boxed import WHO, as_who, run
from toolworthy.base.errors import ToolworthyError
from toolworthy.sandbox import _owner as owner
from toolworthy.sandbox._arguments import PROC_HIDDEN

pytestmark = [pytest.mark.process, pytest.mark.parametrize("who", WHO)]

WRITE = """
import os, sys
for folder, _, names in os.walk("/proc/sys"):
    for name in names:
        try:
            os.close(os.open(os.path.join(folder, name), os.O_WRONLY))
            print(os.path.join(folder, name))
        except OSError:
            pass
for path in ("/proc/sysrq-trigger", "/proc/irq/default_smp_affinity"):
    try:
        os.close(os.open(path, os.O_WRONLY))
        print(path)
    except OSError:
        pass
"""
READ = """
import os, sys
for path in sys.argv[1:]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        if os.listdir(descriptor) if os.path.isdir(path) else os.read(descriptor, 1):
            print(path)
    except OSError:
        pass
"""
SECRET = (*PROC_HIDDEN, "kpagecount", "kpageflags", "slabinfo", "sysrq-trigger", "vmallocinfo")


def test_no_setting_of_the_kernel_can_be_written(tmp_path: Path, who: str) -> None:
    outcome = as_who(who, lambda folder: run(f"python3 -c '{WRITE}'", folder), tmp_path)
    assert (outcome.stdout, outcome.stderr) == (b"", b"")


def test_nothing_of_the_kernels_memory_logs_and_keys_can_be_read(tmp_path: Path, who: str) -> None:
    """Neither what is covered, nor what is root's alone by its mode and is not."""
    paths = " ".join(f"/proc/{name}" for name in SECRET)
    outcome = as_who(who, lambda folder: run(f"python3 -c '{READ}' {paths} /proc/self/status", folder), tmp_path)
    assert (outcome.stdout, outcome.stderr) == (b"/proc/self/status\n", b"")


def test_it_is_an_ordinary_user_on_the_host_too(tmp_path: Path, who: str) -> None:
    def attack(folder: Path) -> int:
        run("touch /app/mine", folder)
        return (folder / "w" / "mine").stat().st_uid

    assert as_who(who, attack, tmp_path) != 0


def test_it_has_no_capability_and_no_group(tmp_path: Path, who: str) -> None:
    script = "grep -E '^(Cap|NoNewPrivs|Groups)' /proc/self/status"
    lines = as_who(who, lambda folder: run(script, folder), tmp_path).stdout.decode().splitlines()
    found = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    assert found.pop("NoNewPrivs") == "1"
    assert found.pop("Groups") in ("", "65534")
    assert {int(value, 16) for value in found.values()} == {0}


def test_secrets_of_the_system_are_not_there(tmp_path: Path, who: str) -> None:
    places = (
        "/etc/shadow /etc/gshadow /etc/ssl/private /etc/sudoers /etc/ssh /etc/pki/tls/private /root/.ssh /home/*/.ssh"
    )
    outcome = as_who(who, lambda folder: run(f"ls -d {places}", folder), tmp_path)
    assert outcome.stdout == b""


def test_the_first_process_cannot_be_reached(tmp_path: Path, who: str) -> None:
    script = "kill -9 1; sleep 0.1; ls /proc/1/root/ /proc/1/cwd/ && cat /proc/1/environ | tr -d '\\0' && echo alive"
    outcome = as_who(who, lambda folder: run(script, folder), tmp_path)
    assert outcome.exit_code is not None  # it goes on
    assert b"PATH" not in outcome.stdout


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives up rights")
def test_root_is_told_what_it_alone_can_read(tmp_path: Path, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wire").mkdir()
    (tmp_path / "wire" / "__init__.py").touch(0o600)
    monkeypatch.setattr(owner, "PACKAGE", tmp_path)
    with pytest.raises(ToolworthyError, match=r"root alone may read .*chmod -R o\+rX"):
        owner.find()
