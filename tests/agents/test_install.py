"""Agents are installed once, whole or not at all, from their pins, in the sandbox; what is changed is noticed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from toolworthy import content
from toolworthy.agents.install import check, ensure, installed, newest, state, write_lock
from toolworthy.base.errors import ToolworthyError
from toolworthy.content.adapters import AgentAdapter

pytestmark = pytest.mark.process

TOKEN = "npm-secret-0123456789"
PROGRAM = """#!/usr/bin/env node
console.log("tiny 1.2.3");
"""
LOOKS = """
const fs = require("fs"), http = require("http"), out = {env: process.env};
for (const path of process.env.npm_package_config_paths.split(" ")) out[path] = fs.existsSync(path);
const ask = (url, then) => http.get(url, a => (a.resume(), then(a.statusCode))).on("error", e => then(e.code));
const registry = process.env.npm_config_registry;
const direct = "http://127.0.0.1:" + process.env.npm_package_config_port + "/tiny";
const urls = [direct, registry + "~7/etc", registry + "tiny"];
const next = () => urls.length ? ask(urls[0], said => { out[urls.shift()] = said; next(); })
  : fs.writeFileSync("looked.json", JSON.stringify(out));
next();
"""


class Registry(ThreadingHTTPServer):
    """A registry on loopback that wants a token."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.archives: dict[str, bytes] = {}
        self.asked: list[str] = []

    def add(self, package: dict[str, Any], files: dict[str, str]) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name, text in {"package.json": json.dumps(package), **files}.items():
                info = tarfile.TarInfo(f"package/{name}")
                info.size = len(text.encode())
                archive.addfile(info, io.BytesIO(text.encode()))
        self.archives[package["name"]] = buffer.getvalue()
        self.package = package


class _Answers(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        name = self.path.strip("/").split("/")[0]
        archive, package = self.server.archives.get(name), getattr(self.server, "package", {})
        if self.headers.get("authorization") != f"Bearer {TOKEN}" or archive is None:
            self.send_error(404)
            return
        body, kind = archive, "application/octet-stream"
        if not self.path.endswith(".tgz"):
            digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
            dist = {"tarball": f"{self.server.url}/{name}/-/{name}.tgz", "integrity": f"sha512-{digest}"}
            version = package["version"]
            versions = {version: {**package, "dist": dist, "hasInstallScript": "scripts" in package}}
            told = {"name": name, "dist-tags": {"latest": version}, "versions": versions}
            body, kind = json.dumps(told).encode(), "application/json"
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry with one package, which the user's npm is set to, and a cache of its own."""
    served = Registry()
    served.add({"name": "tiny", "version": "1.2.3"}, {"tiny.js": PROGRAM})
    home = tmp_path / "home"
    home.mkdir()
    (home / ".npmrc").write_text(f"registry={served.url}/\n//127.0.0.1:{served.server_port}/:_authToken={TOKEN}\n")
    for name in list(os.environ):
        if name.lower().startswith("npm_config_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SECRET_OF_THE_USER", "s3cret")
    monkeypatch.setenv("TOOLWORTHY_CACHE", str(tmp_path / "cache"))
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield served
    served.shutdown()
    served.server_close()
    thread.join()


def made(version: str = "1.2.3", **install: Any) -> AgentAdapter:
    value = {
        "id": "tiny",
        "title": "Tiny",
        "homepage": "https://example.com",
        "apis": ["chat"],
        "install": {"npm": "tiny", "version": version, **install},
        "run": {"command": ["{node}"]},
        "version_command": ["{node}", "{install}/node_modules/tiny/tiny.js"],
    }
    return AgentAdapter.model_validate(value)


def left(tmp_path: Path) -> list[str]:
    """What is in the cache."""
    return sorted(path.name for path in (tmp_path / "cache" / "installed").iterdir())


def test_it_is_installed_and_checked(registry: Registry, tmp_path: Path) -> None:
    agent = made()
    assert installed(agent) is None
    with pytest.raises(ToolworthyError, match=r"not installed. Type `toolworthy agents install tiny"):
        asyncio.run(check(agent))
    found = asyncio.run(ensure(agent))
    program = found.path / "node_modules" / "tiny" / "tiny.js"
    assert program.read_text() == PROGRAM
    assert program.stat().st_uid == os.geteuid()
    assert asyncio.run(check(agent)) == "tiny 1.2.3"
    assert installed(agent) == found
    assert state(agent) == "installed"
    assert left(tmp_path) == ["tiny-1.2.3", "tiny-1.2.3.lock"]


def test_what_is_installed_is_pinned_without_addresses(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "folders", lambda kind: [tmp_path / kind])
    (tmp_path / "agents").mkdir()
    agent = made()
    with pytest.raises(ToolworthyError, match=r"tiny is not installed. Type `toolworthy agents install tiny"):
        asyncio.run(write_lock(agent))
    found = asyncio.run(ensure(agent))
    assert "resolved" in (found.path / "package-lock.json").read_text()
    path = asyncio.run(write_lock(agent))
    assert path == tmp_path / "agents" / "locks" / "tiny.json"
    tiny = json.loads(path.read_text())["packages"]["node_modules/tiny"]
    assert tiny["version"] == "1.2.3"
    assert tiny["integrity"].startswith("sha512-")
    assert "resolved" not in tiny


def test_install_scripts_see_nothing_of_the_user_and_reach_the_registry_only(
    registry: Registry, tmp_path: Path
) -> None:
    looked = {"port": str(registry.server_port), "paths": f"{tmp_path / 'home'} /app/package.json"}
    scripts = {"install": "node looks.js"}
    package = {"name": "tiny", "version": "1.2.3", "scripts": scripts, "config": looked}
    registry.add(package, {"tiny.js": PROGRAM, "looks.js": LOOKS})
    found = asyncio.run(ensure(made(scripts=True)))
    told = json.loads((found.path / "node_modules" / "tiny" / "looked.json").read_text())
    env = told.pop("env")
    assert TOKEN not in json.dumps(env)
    assert "SECRET_OF_THE_USER" not in env
    assert env["HOME"] == "/home/agent"
    assert told.pop(str(tmp_path / "home")) is False
    assert told.pop("/app/package.json") is True
    assert told.pop(f"{registry.url}/tiny") == "ECONNREFUSED"
    assert sorted(told.values()) == [200, 403]  # the registry, and what is none
    assert TOKEN not in "".join(path.read_text() for path in found.path.parent.rglob("*") if path.is_file())


def test_scripts_run_where_they_must_only(registry: Registry) -> None:
    registry.add({"name": "tiny", "version": "1.2.3", "scripts": {"install": "touch ran"}}, {"tiny.js": PROGRAM})
    found = asyncio.run(ensure(made()))
    assert not (found.path / "node_modules" / "tiny" / "ran").exists()


@pytest.mark.parametrize("how", ["content", "content and times", "more", "less", "link", "mode", "no record"])
def test_what_was_changed_is_noticed_and_installed_again(registry: Registry, how: str) -> None:
    agent = made()
    found = asyncio.run(ensure(agent))
    asyncio.run(ensure(agent))
    program = found.path / "node_modules" / "tiny" / "tiny.js"
    was = program.stat()
    if how == "link":
        program.unlink()
        program.symlink_to("package.json")
    elif how == "more":
        (found.path / "node_modules" / "index.js").write_text("")
    elif how == "less":
        program.unlink()
    elif how == "mode":
        program.chmod(0o755)
    elif how == "no record":
        (found.path.parent / "files.json").unlink()
    else:
        program.write_text(PROGRAM.replace("tiny 1.2.3", "evil 1.2.3"))
        if how == "content and times":
            os.utime(program, ns=(was.st_atime_ns, was.st_mtime_ns))
    with pytest.raises(ToolworthyError, match="not installed" if how == "no record" else "is not as it was installed"):
        asyncio.run(check(agent))
    assert state(agent) != "installed"
    asked = len(registry.asked)
    said: list[str] = []
    again = asyncio.run(ensure(agent, said.append))
    assert again == found
    assert program.read_text() == PROGRAM
    assert asyncio.run(check(agent)) == "tiny 1.2.3"
    assert len(registry.asked) > asked
    assert _started(said) == ["installing Tiny 1.2.3 (once)"]
    assert how == "no record" or "is not as it was installed" in said[0]


def test_a_copied_cache_is_read_once_and_is_good(registry: Registry, tmp_path: Path) -> None:
    """As a CI's cache brings it back: other inodes and times, the same files."""
    found = asyncio.run(ensure(made()))
    program = found.path / "node_modules" / "tiny" / "tiny.js"
    program.rename(program.with_name("was"))
    program.write_bytes(program.with_name("was").read_bytes())
    program.with_name("was").unlink()
    seen = (found.path.parent / "seen").read_text()
    assert state(made()) == "installed"
    assert (found.path.parent / "seen").read_text() != seen


def _started(said: list[str]) -> list[str]:
    """What was said of the start of an installation; how far it is, is said every few seconds."""
    return [line for line in said if line.startswith("installing ") and "so far" not in line]


def test_two_at_once_install_once(registry: Registry) -> None:
    said: list[str] = []
    threads = [threading.Thread(target=lambda: asyncio.run(ensure(made(), said.append))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _started(said) == said[:1] == ["installing Tiny 1.2.3 (once)"]


def test_what_fails_leaves_nothing_and_says_why(registry: Registry, tmp_path: Path) -> None:
    registry.archives.clear()
    killed = tmp_path / "cache" / "installed" / "tiny-1.2.3.abcdefgh" / "files"
    killed.mkdir(parents=True)  # an install that was killed
    with pytest.raises(ToolworthyError) as caught:
        asyncio.run(ensure(made()))
    assert str(caught.value).startswith("cannot install Tiny 1.2.3: ")
    assert "404" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert installed(made()) is None
    assert left(tmp_path) == ["tiny-1.2.3.lock"]


def test_another_version_than_the_pin_is_told(registry: Registry) -> None:
    registry.add({"name": "tiny", "version": "9.9.9"}, {"tiny.js": PROGRAM})
    asyncio.run(ensure(made("9.9.9")))
    with pytest.raises(ToolworthyError, match=r"says it is 'tiny 1\.2\.3', pinned is 9\.9\.9"):
        asyncio.run(check(made("9.9.9")))


def test_the_newest_version_is_asked_for(registry: Registry, tmp_path: Path) -> None:
    registry.add({"name": "tiny", "version": "1.3.0"}, {"tiny.js": PROGRAM})
    assert asyncio.run(newest(made())) == "1.3.0"
    assert not (tmp_path / "cache").exists(), "nothing is installed"
    with pytest.raises(ToolworthyError, match=r"^cannot find the newest version of Tiny: "):
        asyncio.run(newest(made(npm="absent")))
