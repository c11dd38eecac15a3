"""What bubblewrap is told: the command line by itself, on every machine; other tests look at what comes of it."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolworthy.content import PACKAGE
from toolworthy.sandbox import _arguments as arguments
from toolworthy.sandbox import _owner as owner
from toolworthy.sandbox import _skeleton as skeleton
from toolworthy.sandbox import toolchain
from toolworthy.sandbox.model import Command, Limits, Mount, SandboxError
from toolworthy.sandbox.toolchain import Lent

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
TOOLS = ("pytest", "py.test", "pip", "pip3")
NOTHING = Lent((), (), (), ())


@pytest.fixture(autouse=True)
def afresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is remembered of another test, nor for one."""
    monkeypatch.setattr(skeleton, "_made", {})
    kept = arguments._machine, toolchain.lent
    for cached in kept:
        cached.cache_clear()
    yield
    for cached in kept:
        cached.cache_clear()


def command(folder: Path, *mounts: Mount, **more: object) -> Command:
    for name in ("w", "h"):
        (folder / name).mkdir(exist_ok=True)
    return Command(("true",), folder / "w", folder / "h", mounts=mounts, **more)


def has(argv: list[str], *part: str) -> bool:
    """Whether these stand in a row."""
    return any(tuple(argv[at : at + len(part)]) == part for at in range(len(argv)))


def at(argv: list[str], *part: str) -> int:
    return next(at for at in range(len(argv)) if tuple(argv[at : at + len(part)]) == part)


# ---- namespaces and mounts -------------------------------------------------------------------------------------------


def test_every_namespace_is_its_own_and_nothing_outlives_its_parent(tmp_path: Path) -> None:
    argv = arguments.arguments(command(tmp_path, env={"GIVEN": "1", "TZ": "CET"}))
    root = skeleton.root()
    assert argv[:13] == [
        *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *("--die-with-parent", "--new-session", "--hostname", "sandbox", "--clearenv", "--ro-bind", str(root), "/"),
    ]
    assert argv[-2:] == ["--chdir", "/app"]
    variables = {argv[n + 1]: argv[n + 2] for n, one in enumerate(argv) if one == "--setenv"}
    assert variables == {**toolchain.environment("/home/agent"), "GIVEN": "1", "TZ": "CET"}
    writable = [argv[n + 2] for n, one in enumerate(argv) if one == "--bind"]
    assert writable == ["/app", "/home/agent"]


def test_mounts_come_last_and_are_read_only_unless_they_are_to_be_written(tmp_path: Path) -> None:
    read, write = Mount(tmp_path, "/given"), Mount(tmp_path, "/logs/out", writable=True)
    argv = arguments.arguments(command(tmp_path, read, write))
    places = [
        at(argv, "--bind", str(tmp_path / "w"), "/app"),
        at(argv, "--bind", str(tmp_path / "h"), "/home/agent"),
        at(argv, "--ro-bind", str(tmp_path), "/given"),
        at(argv, "--bind", str(tmp_path), "/logs/out"),
    ]
    assert places == sorted(places)
    assert at(argv, "--remount-ro", "/dev") < places[0]
    assert (skeleton.root((read, write)) / "logs" / "out").is_dir()


def test_what_is_in_memory_is_no_larger_than_memory_and_disk_may_be(tmp_path: Path) -> None:
    for limits, size in ((Limits(memory_mb=3, disk_mb=9), 3), (Limits(memory_mb=9, disk_mb=2), 2)):
        argv = arguments.arguments(command(tmp_path, limits=limits))
        for path in ("/tmp", "/dev/shm"):
            assert has(argv, "--perms", "1777", "--size", str(size * 2**20), "--tmpfs", path)
        assert at(argv, "--tmpfs", "/dev/shm") < at(argv, "--remount-ro", "/dev")


def test_of_the_system_its_programs_are_shown_and_of_the_kernel_nothing_that_all_may_read(tmp_path: Path) -> None:
    argv = arguments.arguments(command(tmp_path))
    shown = {argv[n + 2] for n, one in enumerate(argv) if one == "--ro-bind" and argv[n + 1] == argv[n + 2]}
    assert {"/usr/bin", "/usr/lib"} <= shown
    assert all(Path(path).is_dir() and not Path(path).is_symlink() for path in shown & set(toolchain.SYSTEM))
    assert not shown & {"/usr", "/usr/src", "/usr/local", "/usr/local/src", "/etc", "/"}
    for name in arguments.PROC_HIDDEN:
        path = Path("/proc", name)
        if path.is_dir() and path.stat().st_mode & 0o044:
            assert has(argv, "--tmpfs", str(path), "--remount-ro", str(path))
        elif path.exists() and path.stat().st_mode & 0o044:
            assert has(argv, "--ro-bind", str(skeleton.PACKAGED / "etc" / "empty"), str(path))
        else:
            assert str(path) not in argv
    assert at(argv, "--proc", "/proc") < at(argv, "--remount-ro", "/proc") < at(argv, "--dev", "/dev")
    assert (skeleton.PACKAGED / "etc" / "empty").read_bytes() == b""


def test_of_proc_is_hidden_what_others_than_root_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing more: a mount on a file that the kernel does not have would fail."""
    for name, mode in (("root", 0o600), ("run", 0o711), ("group", 0o640), ("others", 0o604)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    (tmp_path / "folder").mkdir(0o755)
    names = ("none", "root", "run", "group", "folder", "others")
    monkeypatch.setattr(arguments, "PROC_HIDDEN", tuple(str(tmp_path / name) for name in names))
    empty, folder = str(skeleton.PACKAGED / "etc" / "empty"), str(tmp_path / "folder")
    hidden = [
        *("--ro-bind", empty, str(tmp_path / "group")),
        *("--tmpfs", folder, "--remount-ro", folder),
        *("--ro-bind", empty, str(tmp_path / "others")),
    ]
    assert [*arguments._proc()] == ["--proc", "/proc", *hidden, "--remount-ro", "/proc"]


def test_mounts_in_the_sandboxs_own_memory_are_put_there_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory hides what the root folder has at these paths."""
    monkeypatch.setattr(toolchain, "lent", lambda: NOTHING)
    mounts = Mount(tmp_path, "/tmp/given/one"), Mount(tmp_path, "/dev/shm/other")
    argv = arguments.arguments(command(tmp_path, *mounts))
    root = skeleton.root(mounts)
    for path, mount in (("/tmp/given", "/tmp/given/one"), ("/dev/shm/other", "/dev/shm/other")):
        memory = at(argv, "--tmpfs", str(Path(path).parent))
        assert memory < at(argv, "--ro-bind", f"{root}{path}", path) < at(argv, "--ro-bind", str(tmp_path), mount)


def test_links_and_empty_folders_of_the_system_are_not_mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link shows what it leads to by itself; each mount makes the start of a sandbox slower."""
    for name in ("full", "empty", "linked"):
        (tmp_path / name).mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "linked" / "file").touch()
    (tmp_path / "link").symlink_to("linked")
    monkeypatch.setattr(toolchain, "SYSTEM", tuple(f"{tmp_path}/{name}" for name in ("full", "empty", "link", "none")))
    assert arguments._machine()[: -len([*arguments._proc()])] == ("--ro-bind", f"{tmp_path}/full", f"{tmp_path}/full")


# ---- what is lent of Python ------------------------------------------------------------------------------------------


def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, prefix: str = "venv") -> Path:
    """This package as a wheel's in an environment of its own; the folder of its packages."""
    home = tmp_path / prefix
    site = home / "lib" / VERSION / "site-packages"
    (site / "toolworthy" / "fixtures").mkdir(parents=True)
    (site / "toolworthy" / "suites").mkdir()
    (home / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (home / "bin").mkdir()
    (home / "bin" / "python").symlink_to("python3")
    (home / "bin" / "python3").symlink_to("/usr/bin/env")
    for name in (*TOOLS, "python3.x", "another"):
        (home / "bin" / name).write_text("#!/bin/sh\n")
    monkeypatch.setattr(toolchain, "PACKAGE", site / "toolworthy")
    monkeypatch.setattr(toolchain, "ROOT", site / "toolworthy")
    monkeypatch.setattr(sys, "prefix", str(home))
    monkeypatch.setattr(sys, "executable", str(home / "bin" / "python3.x"))
    return site


def test_an_installed_package_is_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds solutions and hidden tests, and lies among the packages that are shown."""
    site = installed(tmp_path, monkeypatch)
    lent = toolchain.lent()
    assert str(site) in [mount.target for mount in lent.mounts]
    assert lent.hidden == (str(site / "toolworthy"),)
    argv = arguments.arguments(command(tmp_path))
    shown = at(argv, "--ro-bind", str(site), str(site))
    hidden = at(argv, "--tmpfs", str(site / "toolworthy"), "--remount-ro", str(site / "toolworthy"))
    assert shown < hidden


def test_what_is_not_shown_need_not_be_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = installed(tmp_path, monkeypatch)
    monkeypatch.setattr(toolchain, "PACKAGE", tmp_path / "src" / "toolworthy")
    monkeypatch.setattr(toolchain, "ROOT", tmp_path / "src")
    assert toolchain.lent().hidden == (str(site / "toolworthy"),)


def test_another_copy_among_the_systems_packages_is_masked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, monkeypatch)
    for folder in ("python3.9/dist-packages", "python3/dist-packages", "site-packages", "elsewhere"):
        (tmp_path / "usr" / "lib" / folder / "toolworthy").mkdir(parents=True)
    (tmp_path / "usr" / "share" / "toolworthy").mkdir(parents=True)
    monkeypatch.setattr(toolchain, "SYSTEM", (f"{tmp_path}/usr/lib", f"{tmp_path}/usr/share"))
    found = {path.removeprefix(f"{tmp_path}/usr/") for path in toolchain.lent().hidden if "/usr/" in path}
    assert found == {
        "lib/python3.9/dist-packages/toolworthy",
        "lib/python3/dist-packages/toolworthy",
        "lib/site-packages/toolworthy",
        "share/toolworthy",
    }


def test_of_an_environment_its_tools_are_shown_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = installed(tmp_path, monkeypatch)
    home = tmp_path / "venv"
    lent = toolchain.lent()
    own = {mount.target for mount in lent.mounts if mount.target.startswith(str(tmp_path))}
    tools = {str(home / "bin" / name) for name in (*TOOLS, "python3.x")}
    assert own == {str(site), str(home / "pyvenv.cfg"), *tools}
    assert all(str(mount.source) == mount.target and not mount.writable for mount in lent.mounts)
    links = [link for link in lent.links if link[1].startswith(str(home))]
    assert links == [("python3", str(home / "bin" / "python")), ("/usr/bin/env", str(home / "bin" / "python3"))]
    made = skeleton.root()
    assert os.readlink(f"{made}{home}/bin/python") == "python3"
    assert Path(f"{made}{home}/bin/pytest").read_text() == "#!/bin/sh\n", "what is small is a copy"
    assert Path(f"{made}{site}").is_dir()
    argv = arguments.arguments(command(tmp_path))
    assert not has(argv, str(home / "bin" / "pytest"))
    assert str(home) not in argv


def test_an_environment_below_the_systems_folders_is_covered_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else all of it would show, settings and all."""
    site = installed(tmp_path, monkeypatch, prefix="usr/lib/project")
    monkeypatch.setattr(toolchain, "SYSTEM", (f"{tmp_path}/usr/lib",))
    lent = toolchain.lent()
    home = str(tmp_path / "usr" / "lib" / "project")
    assert lent.covered[0] == home
    assert str(site) in [mount.target for mount in lent.mounts]
    assert lent.hidden == (str(site / "toolworthy"),), "what is covered is mounted again with the packages"
    argv = arguments.arguments(command(tmp_path))
    cover = at(argv, "--ro-bind", f"{skeleton.root()}{home}", home)
    assert (
        at(argv, "--ro-bind", f"{tmp_path}/usr/lib", f"{tmp_path}/usr/lib") < cover < at(argv, "--ro-bind", str(site))
    )


# ---- the root folder -------------------------------------------------------------------------------------------------


def test_the_root_is_made_once_for_the_same_mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "lent", lambda: NOTHING)
    (tmp_path / "file").touch()
    file, folder = Mount(tmp_path / "file", "/given/a"), Mount(tmp_path, "/given/b")
    made = skeleton.root([file, folder])
    assert skeleton.root([file, folder]) == made != skeleton.root([folder]) != skeleton.root()
    assert (made / "given" / "a").is_file()
    assert (made / "given" / "b").is_dir()
    for path in ("proc", "dev", "tmp", "app", "home/agent", "etc", "given", ""):
        assert stat.S_IMODE((made / path).stat().st_mode) == 0o755, path
    assert (made / "etc" / "passwd").read_bytes() == (PACKAGE / "sandbox" / "etc" / "passwd").read_bytes()
    assert Path(f"{made}{skeleton.LAUNCHER}").read_bytes() == (PACKAGE / "sandbox" / "launcher.py").read_bytes()
    for path in toolchain.SYSTEM:
        assert os.path.islink(f"{made}{path}") == os.path.islink(path), path
        assert os.path.isdir(f"{made}{path}") or not os.path.isdir(path) or os.path.islink(path), path
    for name in ("passwd", "group", "hosts", "nsswitch.conf", "resolv.conf"):
        assert (made / "etc" / name).is_file()
    for name in skeleton.SHOWN["etc"]:
        assert (made / "etc" / name).exists() == Path("/etc", name).exists(), name
    for secret in ("shadow", "gshadow", "sudoers", "ssl/private"):
        assert not (made / "etc" / secret).exists()
    shutil.rmtree(made)
    assert skeleton.root([file, folder]).is_dir(), "somebody cleans the temporary folder"


def test_the_root_can_be_read_by_all_whatever_the_umask_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "lent", lambda: Lent(("/usr/lib/covered",), (), (), ()))
    before = os.umask(0o077)
    try:
        made = skeleton.root([Mount(tmp_path, "/given/folder")])
    finally:
        os.umask(before)
    for path in ("given/folder", "given", "usr/lib/covered", "app", "etc", ""):
        assert stat.S_IMODE((made / path).stat().st_mode) == 0o755, path


def test_what_is_small_is_copied_and_what_is_large_is_mounted(tmp_path: Path) -> None:
    for size, small in ((64 * 1024, True), (64 * 1024 + 1, False)):
        (tmp_path / "file").write_bytes(bytes(size))
        assert skeleton.is_small(Mount(tmp_path / "file", "/f")) is small
    assert not skeleton.is_small(Mount(tmp_path, "/f"))


def test_a_root_that_cannot_be_made_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("toolworthy.base.tree.new_folder", full)
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/place")
    with pytest.raises(SandboxError, match=r"in /place \(No space left on device\). Make room there, or set TMPDIR."):
        skeleton.root()


# ---- rights ----------------------------------------------------------------------------------------------------------


def test_bubblewrap_drops_every_capability_and_root_keeps_what_it_gives_up_its_rights_with() -> None:
    user = owner.Owner(1000)
    assert user.arguments() == ["--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
    assert owner.Owner(1000, closed=True).arguments()[:2] == ["--unshare-user", "--disable-userns"]
    assert user.command() == []
    root = owner.Owner(60_999, object())
    kept = [part for name in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP") for part in ("--cap-add", name)]
    assert root.arguments() == ["--cap-drop", "ALL", *kept]
    ids = ["--reuid=1000", "--regid=1000", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--"]
    assert root.command() == ["/usr/bin/setpriv", *ids]
