"""Agents from PyPI are installed with hashes, in the sandbox, into a Python of their own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from toolworthy import content
from toolworthy.agents import _index as index
from toolworthy.agents import _interpreter as interpreter
from toolworthy.agents import _manifest as manifest
from toolworthy.agents.install import check, ensure, installed, newest, state, write_lock
from toolworthy.base import tree
from toolworthy.base.errors import ToolworthyError
from toolworthy.content.adapters import AgentAdapter

pytestmark = pytest.mark.process

PASSWORD = "pypi-secret-0123456789"
PROGRAM = 'import sys\n\n\ndef main():\n    print("tiny 1.2.3", sys.executable)\n'


class Index(ThreadingHTTPServer):
    """An index on loopback that wants a password; its files are at another address, which gets none."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.url = f"http://user:{PASSWORD}@127.0.0.1:{self.server_port}/root/simple/"
        self.wheels: dict[str, bytes] = {}
        self.html = False
        self.asked: list[tuple[str, str]] = []
        self.mirror: Index | None = None

    def add(self, name: str, files: dict[str, str], requires: str = "", extra: str = "") -> None:
        info = f"{name}-1.2.3.dist-info"
        needs = f"Provides-Extra: {extra}\n" if extra else ""
        needs += f"Requires-Dist: {requires}\n" if requires else ""
        files = {
            **files,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2.3\n{needs}",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as wheel:
            for path, text in files.items():
                wheel.writestr(path, text)
            wheel.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD")))
        self.wheels[f"{name}-1.2.3-py3-none-any.whl"] = buffer.getvalue()


class _Answers(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        given = self.headers.get("authorization", "")
        self.server.asked.append((self.path, given))
        name = self.path.rstrip("/").rpartition("/")[2]
        mirror = self.server.mirror
        if mirror is None:  # this one has the files
            self._answer(self.server.wheels.get(name), "application/octet-stream")
        elif given != f"Basic {base64.b64encode(f'user:{PASSWORD}'.encode()).decode()}":
            self.send_error(401)
        else:
            self._answer(*self._list(name, mirror))

    do_HEAD = do_GET

    def _list(self, name: str, mirror: Index) -> tuple[bytes | None, str]:
        found = {file: data for file, data in mirror.wheels.items() if file.startswith(f"{name}-")}
        hashes = {file: hashlib.sha256(data).hexdigest() for file, data in found.items()}
        at = {file: f"http://127.0.0.1:{mirror.server_port}/far/{file}" for file in found}
        if self.server.html:
            links = "".join(f'<a href="{at[file]}#sha256={hashes[file]}">{file}</a>' for file in found)
            return (links.encode() if found else None), "text/html"
        files = [{"filename": file, "url": at[file], "hashes": {"sha256": hashes[file]}} for file in found]
        told = {"meta": {"api-version": "1.0"}, "name": name, "files": files}
        return (json.dumps(told).encode() if found else None), "application/vnd.pypi.simple.v1+json"

    def _answer(self, body: bytes | None, kind: str) -> None:
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index with two packages, which the user's pip is set to, and a cache and adapters of its own."""
    served, files = Index(), Index()
    served.mirror = files
    files.add("tiny", {"tiny.py": PROGRAM}, requires="helper==9")
    files.add("helper", {"helper.py": "def main(): ..."})
    for name in list(os.environ):
        if name.lower().startswith(("uv_", "pip_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_INDEX_URL", served.url)
    monkeypatch.setenv("SECRET_OF_THE_USER", "s3cret")
    monkeypatch.setenv("TOOLWORTHY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(content, "folders", lambda kind: [tmp_path / kind])
    (tmp_path / "agents" / "locks").mkdir(parents=True)
    threads = [threading.Thread(target=one.serve_forever) for one in (served, files)]
    for thread in threads:
        thread.start()
    yield served
    for one in (served, files):
        one.shutdown()
        one.server_close()
    for thread in threads:
        thread.join()


def made(**install: Any) -> AgentAdapter:
    value = {
        "id": "tiny",
        "title": "Tiny",
        "apis": ["chat"],
        "install": {"pypi": "tiny", "version": "1.2.3", **install},
        "run": {"command": ["{install}/bin/tiny"]},
        "version_command": ["{install}/bin/tiny"],
    }
    return AgentAdapter.model_validate(value)


def test_it_is_installed_pinned_checked_and_installed_by_its_hashes(served: Index, tmp_path: Path) -> None:
    agent, mirror = made(python=">=3.11", override=["helper>=1"]), served.mirror
    assert mirror is not None
    found = asyncio.run(ensure(agent))
    assert {given for _, given in mirror.asked} == {""}, "credentials are for the index alone"
    assert asyncio.run(check(agent)) == "tiny 1.2.3 /opt/agent/bin/python3"
    assert state(agent) == "installed"
    shown = subprocess.run([found.path / "bin" / "tiny"], capture_output=True, text=True, check=True, env={}).stdout
    assert shown == f"tiny 1.2.3 {found.path}/bin/python3\n", "a script finds its Python wherever the folder is"
    compiled = {path.name.split(".")[0] for path in found.path.rglob("*.pyc") if "site-packages" in str(path)}
    assert {"tiny", "helper"} <= compiled
    own = [path for path in found.path.rglob("*") if path.is_file() and "tiny" in str(path.relative_to(found.path))]
    assert own
    assert not any(PASSWORD.encode() in path.read_bytes() for path in own)

    lock = asyncio.run(write_lock(agent))
    assert lock == tmp_path / "agents" / "locks" / "tiny.txt"
    digests = [hashlib.sha256(data).hexdigest() for data in mirror.wheels.values()]
    assert all(f"--hash=sha256:{digest}" in lock.read_text() for digest in digests)
    assert "tiny==1.2.3" in lock.read_text()
    assert "http" not in lock.read_text()

    tree.remove(found.path.parent)
    mirror.add("helper", {"helper.py": "import os  # not what was pinned"})
    with pytest.raises(ToolworthyError, match=r"^cannot install Tiny 1\.2\.3: .*[Hh]ash mismatch"):
        asyncio.run(ensure(agent))
    assert installed(agent) is None
    assert sorted(path.name for path in (tmp_path / "cache" / "installed").iterdir()) == ["tiny-1.2.3.lock"]


def test_extras_are_installed_and_pinned_and_told_apart(served: Index, tmp_path: Path) -> None:
    assert served.mirror is not None
    served.mirror.add("tiny", {"tiny.py": PROGRAM}, extra="more", requires="helper==1.2.3 ; extra == 'more'")
    plain, agent = made(), made(extras=["more"])
    assert not (asyncio.run(ensure(plain)).path / "bin" / "helper").is_file()
    lock = asyncio.run(write_lock(plain))
    assert installed(agent) is None, "the same version, but without the extra"
    found = asyncio.run(ensure(agent))
    assert (found.path / "bin" / "helper").is_file(), "a lock without the extra is not for this adapter"
    assert installed(plain) is not None

    assert asyncio.run(write_lock(agent)) == lock
    assert lock.read_text().startswith("helper==1.2.3 ")
    assert "\ntiny[more]==1.2.3 " in lock.read_text()
    tree.remove(found.path.parent)
    served.mirror.add("helper", {"helper.py": "import os  # not what was pinned"})
    with pytest.raises(ToolworthyError, match=r"^cannot install Tiny 1\.2\.3: .*[Hh]ash mismatch"):
        asyncio.run(ensure(agent))


def test_an_extra_that_is_not_there_is_named_in_a_line(served: Index) -> None:
    agent = made(override=["helper==1.2.3"], extras=["mroe"])
    with pytest.raises(ToolworthyError) as caught:
        asyncio.run(ensure(agent))
    assert str(caught.value) == "tiny 1.2.3 has no extra 'mroe'. Leave it out."
    assert installed(agent) is None


def test_a_copy_under_a_python_that_no_longer_fits_is_installed_again(served: Index) -> None:
    found = asyncio.run(ensure(made(override=["helper>=1"])))
    minor = sys.version_info.minor
    (found.path / "bin" / f"python3.{minor}").rename(found.path / "bin" / "python3.9")
    for name in ("python", "python3"):
        (found.path / "bin" / name).unlink()
        (found.path / "bin" / name).symlink_to("python3.9")
    manifest.write(found.path.parent, found.path)
    assert state(made(override=["helper>=1"], python=">=3.9")) == "installed"
    agent = made(override=["helper>=1"], python=">=3.10")
    assert state(agent) == "changed: it has Python 3.9, not >=3.10"
    with pytest.raises(ToolworthyError, match=r"^it has Python 3\.9, not >=3\.10\. Type `toolworthy agents install"):
        asyncio.run(check(agent))
    lines: list[str] = []
    asyncio.run(ensure(agent, lines.append))
    assert lines[:2] == ["Tiny: it has Python 3.9, not >=3.10", "installing Tiny 1.2.3 (once)"]
    assert state(agent) == "installed"
    assert asyncio.run(check(agent)) == "tiny 1.2.3 /opt/agent/bin/python3"


def test_an_index_of_html_is_read(served: Index) -> None:
    served.html = True
    agent = made(override=["helper==1.2.3"])
    found = asyncio.run(ensure(agent))
    assert asyncio.run(check(agent)).startswith("tiny 1.2.3")
    assert (found.path / "bin" / "helper").is_file()


def test_a_package_that_is_not_there_is_told_in_a_line(served: Index) -> None:
    with pytest.raises(ToolworthyError) as caught:
        asyncio.run(ensure(made(pypi="tinny")))
    assert str(caught.value).startswith("cannot install Tiny 1.2.3: ")
    assert "tinny was not found" in str(caught.value)


def test_a_python_that_is_not_there_is_told_in_a_line(served: Index) -> None:
    with pytest.raises(ToolworthyError, match=r"^needs Python ==3\.19\.\*\. Install it \(`uv python install 3\.19`\)"):
        asyncio.run(ensure(made(python="==3.19.*")))
    assert served.asked == []


def test_a_python_is_found_on_the_path_of_pyenv_and_of_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever cannot be started is passed over, as a pyenv's command is for a version that is not chosen."""

    def put(folder: str, version: str, code: int = 0) -> None:
        told = {"version": version, "prefix": "/nowhere", "executable": f"/{folder}", "stdlib": "/", "platstdlib": "/"}
        path = tmp_path / folder / f"python{version.rpartition('.')[0]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho '{json.dumps({**told, 'library': '/'})}'\nexit {code}\n")
        path.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path / 'shims'}:/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    put("uv/cpython-3.18.2/bin", "3.18.2")
    assert str(interpreter.find(">=3.17").version) == "3.18.2"
    put("pyenv/versions/3.17.1/bin", "3.17.1")
    assert str(interpreter.find(">=3.17,<3.18").version) == "3.17.1"
    assert str(interpreter.find(">=3.17").version) == "3.18.2"
    (tmp_path / "shims").mkdir()
    (tmp_path / "shims" / "python3.18").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "shims" / "python3.18").chmod(0o755)
    assert str(interpreter.find("==3.18.*").executable) == "/uv/cpython-3.18.2/bin"
    assert interpreter.find("").executable == Path(os.path.realpath(sys._base_executable))  # type: ignore[attr-defined]


def test_a_copied_python_looks_for_its_shared_library_beside_itself() -> None:
    program = b"\0/opt/python/3.13/lib\0/opt/python/3.13/lib/more\0"
    moved = interpreter._movable(program, Path("/opt/python/3.13"))
    assert moved == b"\0$ORIGIN/../lib\0\0\0\0\0\0\0/opt/python/3.13/lib/more\0"
    assert interpreter._movable(b"\0/usr/lib\0", Path("/usr")) == b"\0/usr/lib\0"


@pytest.mark.parametrize(
    ("variables", "configured", "expected"),
    [
        ({}, "", ""),
        ({"PIP_INDEX_URL": "https://a.example/simple/"}, "", "https://a.example/simple"),
        ({"UV_DEFAULT_INDEX": "mine=https://b.example/s?x=1", "PIP_INDEX_URL": "https://a.example"}, "", "https://b.example/s?x=1"),
        ({}, "[global]\nindex-url = https://c.example/%41\n", "https://c.example/%41"),
        ({}, "no configuration", ""),
    ],
)  # fmt: skip
def test_the_users_index_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], configured: str, expected: str
) -> None:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "pip.conf").write_text(configured)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("HOME", str(tmp_path))
    standard = index.standard()
    assert (urlsplit(standard).scheme, urlsplit(standard).path) == ("https", "/simple")
    assert index.address() == (expected or standard)


def test_only_what_was_listed_is_served() -> None:
    door = index.PypiDoor("https://u:p%40@index.example/simple", 1, None)
    assert door.target("/simple/tiny/") == ("https://index.example/simple/tiny/", "Basic dTpwQA==")
    for path in ("/simple/../etc/", "/file/0/x", "/simple/", "/", "/simple/tiny/more", "/file/99999999999/x"):
        assert door.target(path) is None
    page = b"<a data-x=\"1\" HREF='../../f/x.whl?a=1&amp;b=2#sha256=0'>x</a>"
    told = door.addressed("https://index.example/simple/tiny/", "text/html", page)
    assert told == b'<a data-x="1" HREF="http://127.0.0.1:1/file/0/x.whl#sha256=0">x</a>'
    assert door.target("/file/0/x.whl") == ("https://index.example/f/x.whl?a=1&b=2", "Basic dTpwQA==")
    assert door.target("/file/0/x.whl.metadata") == ("https://index.example/f/x.whl.metadata?a=1&b=2", "Basic dTpwQA==")


def test_the_newest_version_is_asked_for(served: Index) -> None:
    served.add("tiny", {"tiny.py": PROGRAM})
    assert asyncio.run(newest(made(version="1.0.0"))) == "1.2.3"
    with pytest.raises(ToolworthyError, match=r"^cannot find the newest version of Tiny: "):
        asyncio.run(newest(made(pypi="absent")))
