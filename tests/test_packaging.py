"""The wheel is whole, pollutes nothing, and does the main job from anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from toolworthy import content


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(argv, cwd=content.ROOT, check=True, capture_output=True)
    (path,) = out.glob("*.whl")
    return path


def test_the_wheel_holds_all_content_and_one_top_level_name(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"toolworthy"}
    tracked = subprocess.run(
        ["git", "ls-files", "suites", "adapters", "fixtures", "src/toolworthy"],
        cwd=content.ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert {f"toolworthy/{name.removeprefix('src/toolworthy/')}" for name in tracked} <= set(names)


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
