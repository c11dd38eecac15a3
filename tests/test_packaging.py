"""The wheel is whole, pollutes nothing, and does the main job from anywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import toolworthy
from toolworthy import content

pytestmark = pytest.mark.process

CONTENT = ("suites", "adapters", "fixtures", "src/toolworthy")
SOURCES = "src/toolworthy/output/html/app/"
"""Of the report's page, which is built beforehand."""


def built(target: str, out: Path) -> Path:
    argv = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(out)]
    subprocess.run(argv, cwd=content.ROOT, check=True, capture_output=True)
    (path,) = out.iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", tmp_path_factory.mktemp("wheel"))


def tracked(*folders: str) -> set[str]:
    argv = ["git", "ls-files", *folders]
    done = subprocess.run(argv, cwd=content.ROOT, check=True, capture_output=True, text=True)
    return set(done.stdout.splitlines())


def test_the_wheel_holds_all_content_and_one_top_level_name(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"toolworthy"}
    wanted = {name for name in tracked(*CONTENT) if not name.startswith(SOURCES)}
    assert {f"toolworthy/{name.removeprefix('src/toolworthy/')}" for name in wanted} <= set(names)
    assert "toolworthy/output/html/built/page.js" in names
    assert not [name for name in names if "html/app" in name]


def test_the_sdist_holds_all_sources_and_nothing_installed(tmp_path: Path) -> None:
    path = built("sdist", tmp_path)
    with tarfile.open(path) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    assert tracked(*CONTENT) <= names
    assert f"{SOURCES}src/main.tsx" in names
    assert not [name for name in names if "node_modules" in name]


def test_the_pages_lock_names_no_registry() -> None:
    """npm takes them from the one that its user has chosen."""
    lock = json.loads((content.ROOT / SOURCES / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    assert all("integrity" in package for name, package in lock["packages"].items() if name)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment outside the checkout with the wheel and what it says that it needs, and nothing else."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = venv / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    site = next(venv.glob("lib/python*/site-packages"))
    for package in needed(site / f"{wheel.name.removesuffix('-py3-none-any.whl')}.dist-info" / "METADATA"):
        for file in package.files or ():
            source = Path(str(package.locate_file(file)))
            if ".." not in file.parts and source.is_file():
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, site / file)
    return venv


def needed(metadata: Path) -> list[Distribution]:
    """The distributions that one needs, directly or not, as they are installed here."""
    found: dict[str, Distribution] = {}
    left = Parser().parsestr(metadata.read_text(encoding="utf-8")).get_all("Requires-Dist", [])
    while left:
        wanted = Requirement(left.pop())
        if wanted.name.lower() not in found and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
            found[wanted.name.lower()] = distribution(wanted.name)
            left += found[wanted.name.lower()].requires or []
    return [*found.values()]


def without_powers(argv: list[str]) -> list[str]:
    """As a user who may do nothing special: root's capabilities are given up, where root runs the tests."""
    if os.getuid():
        return argv
    none = ["--bounding-set", "-all", "--inh-caps", "-all", "--ambient-caps", "-all", "--no-new-privs"]
    return [shutil.which("setpriv") or "setpriv", *none, *argv]


def test_the_wire_suite_runs_on_a_bare_machine(installed: Path, tmp_path: Path) -> None:
    """As `uvx toolworthy run wire` does: no checkout, no rights, no program but its own on the path, no browser."""
    env = {"PATH": str(installed / "bin"), "HOME": str(tmp_path)}
    assert not any(shutil.which(name, path=env["PATH"]) for name in ("bwrap", "sudo", "git", "chromium", "env"))
    with toolworthy.ReferenceServer() as server:
        asked = ["--endpoint", server.base_url, "--model", server.model, "--tier", "quick"]
        argv = without_powers([str(installed / "bin" / "toolworthy"), "run", "wire", *asked])
        done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Claude Code: works" in done.stdout
    assert len(list((tmp_path / "reports").glob("*/report.html"))) == 1


def test_a_program_that_uses_it_is_typed(installed: Path) -> None:
    (marker,) = installed.glob("lib/python*/site-packages/toolworthy/py.typed")
    assert marker.is_file()


def test_the_main_job_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    """In a virtual environment outside the checkout."""
    env = {"PATH": f"{installed / 'bin'}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    where = [str(installed / "bin" / "python"), "-c", "import toolworthy; print(toolworthy.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=env, check=True, capture_output=True, text=True).stdout
    assert found.startswith(str(installed))
    argv = [
        str(installed / "bin" / "toolworthy"),
        "run",
        "tasks",
        "--task",
        "fix-failing-test",
        "--task",
        "sqlite-migration",
    ]
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "toolworthy's own loop: works · tasks 2/2" in done.stdout
    assert len(list((tmp_path / "reports").glob("*/report.html"))) == 1
