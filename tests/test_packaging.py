"""The wheel is whole, pollutes nothing, and does the main job from anywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

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
    assert "toolworthy/report/page/built/page.js" in names
    assert not [name for name in names if "page/app" in name]


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


def test_the_main_job_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """In a virtual environment outside the checkout, with our dependencies but without our toolworthy."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = venv / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    site = next(venv.glob("lib/python*/site-packages"))
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if "toolworthy" not in entry.name and not (site / entry.name).exists():
            copy = shutil.copytree if entry.is_dir() else shutil.copy2
            copy(entry, site / entry.name)
    env = {"PATH": f"{venv / 'bin'}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    where = [str(python), "-c", "import toolworthy; print(toolworthy.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=env, check=True, capture_output=True, text=True).stdout
    assert found.startswith(str(site))
    argv = [
        str(venv / "bin" / "toolworthy"),
        "run",
        "tasks",
        "--task",
        "fix-failing-test",
        "--task",
        "sqlite-migration",
    ]
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "builtin: works · tasks 2/2" in done.stdout
    assert len(list((tmp_path / "reports").glob("*/report.html"))) == 1
