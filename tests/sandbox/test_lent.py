"""Of the Python that runs this a sandbox shows what Python needs, wherever it and this package are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from toolworthy.content import ADAPTERS, FIXTURES, PACKAGE, SUITES

pytestmark = pytest.mark.process

PURELIB = sysconfig.get_path("purelib")
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
LOOK = """
import asyncio, sys
from pathlib import Path
from toolworthy.base import tree
from toolworthy.sandbox import choose
from toolworthy.sandbox.model import Command

with tree.temporary() as folder:
    (folder / "w").mkdir()
    (folder / "h").mkdir()
    command = Command(("bash", "-c", sys.argv[1]), folder / "w", folder / "h")
    outcome = asyncio.run(choose("bubblewrap").run(command))
    print(outcome.stdout.decode() + outcome.stderr.decode())
"""
SCRIPT = r"""
find / -path /proc -prune -o \( -name test_outcome.py -o -name solve.sh \) -print 2> /dev/null
find / -path /proc -prune -o \( -name pip.conf -o -name .env \) -print 2> /dev/null
python3 -c "import pip, ssl, sys; print(sys.prefix)"
"""
SECRETS = "[global]\nindex-url = https://user:secret@index.example\n"


def install(site: Path) -> None:
    """As a wheel does."""
    shutil.copytree(PACKAGE, site / "toolworthy")
    for folder in (SUITES, FIXTURES, ADAPTERS):
        shutil.copytree(folder, site / "toolworthy" / folder.name)


def test_a_project_that_is_its_own_environment(tmp_path: Path) -> None:
    """``python -m venv .``: the project's files are in the prefix."""
    project = tmp_path / "project"
    subprocess.run([sys.executable, "-m", "venv", project], check=True)
    (project / ".env").write_text("KEY=secret\n")
    (project / "pip.conf").write_text(SECRETS)
    (project / "lib" / ".env").write_text("KEY=secret\n")
    (project / "bin" / "pip.conf").write_text(SECRETS)
    site = project / "lib" / VERSION / "site-packages"
    install(site)
    (site / "more.pth").write_text(PURELIB)
    done = subprocess.run(
        [project / "bin" / "python", "-c", LOOK, SCRIPT], capture_output=True, text=True, check=False, cwd=project
    )
    assert (done.stdout.split(), done.stderr) == ([str(project)], "")


SYSTEM_WIDE = f"""
set -e
mount -t overlay -o lowerdir="$BASE",upperdir="$PLACE/upper",workdir="$PLACE/work" none /usr/local
ldconfig -C "$PLACE/cache" && mount --bind "$PLACE/cache" /etc/ld.so.cache
cp -r "$PLACE/site/toolworthy" /usr/local/lib/{VERSION}/site-packages/
mkdir -p /usr/local/etc /usr/local/src/project
printf x | tee /usr/local/pip.conf /usr/local/etc/pip.conf /usr/local/src/project/.env > /dev/null
exec env PYTHONPATH="$PLACE/deps" /usr/local/bin/{VERSION} -c "$LOOK" "$SCRIPT"
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can install for the whole system")
def test_a_package_that_is_installed_for_the_whole_system(tmp_path: Path) -> None:
    """As in Python's own images: the interpreter's prefix is /usr/local, which is shown."""
    for name in ("upper", "work", "site"):
        (tmp_path / name).mkdir()
    install(tmp_path / "site")
    (tmp_path / "deps").mkdir()
    for path in Path(PURELIB).iterdir():
        if "toolworthy" not in path.name:
            (tmp_path / "deps" / path.name).symlink_to(path)
    env = {"PATH": os.environ["PATH"], "PLACE": str(tmp_path), "BASE": sys.base_prefix, "LOOK": LOOK, "SCRIPT": SCRIPT}
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", SYSTEM_WIDE], capture_output=True, text=True, check=False, env=env
    )
    assert (done.stdout.split(), done.stderr) == (["/usr/local"], "")
