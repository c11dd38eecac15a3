"""The user's index of Python packages, from the settings of uv and pip, and its proxy for an install."""

from __future__ import annotations

import asyncio
import base64
import configparser
import html
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from toolworthy.agents._door import Door, client
from toolworthy.base.errors import ToolworthyError
from toolworthy.wire.lenient import as_dict, as_list, as_str

if TYPE_CHECKING:
    import httpx

PATH = "/simple/"
"""Path of the index on the proxy."""
_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
_NAME = re.compile(r"/simple/([A-Za-z0-9][A-Za-z0-9._-]*/)")
_FILE = re.compile(r"/file/(\d{1,9})/[^/]*?(\.metadata)?")
_STANDARD = re.compile(r"index \(by default: <(https://[^>]+)>\)")
"""The line of uv's help that names the default index."""
_HREF = re.compile(rb"""(\shref\s*=\s*)(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)


def address() -> str:
    """Address of the index that the user's environment or pip's configuration names, else uv's own default.

    Raises:
        ToolworthyError: uv's help does not name it.
    """
    given = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), "") or _configured("index-url")
    url = re.sub(r"^[\w.-]+=", "", given)  # uv's setting may begin with a name
    return (url or standard()).rstrip("/")


def standard() -> str:
    """Address of uv's default index, from its help: it is available nowhere else.

    Raises:
        ToolworthyError: its help does not name it.
    """
    import uv

    done = subprocess.run([uv.find_uv_bin(), "help", "pip", "install"], capture_output=True, text=True, check=False)
    if (printed := _STANDARD.search(" ".join(done.stdout.split()))) is None:
        raise ToolworthyError("uv does not say which index it asks. Name one in UV_DEFAULT_INDEX.")
    return printed[1]


def _authorities() -> Iterator[str]:
    """The certificates that pip's settings trust."""
    path = os.environ.get("PIP_CERT") or _configured("cert")
    if path and Path(path).is_file():
        yield Path(path).read_text(encoding="utf-8")


def _configured(name: str) -> str:
    """A value of pip's configuration: the last file that has it wins, as for pip."""
    own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    machine = (os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    files = [*(Path(folder) / "pip" / "pip.conf" for folder in reversed(machine)), Path("/etc/pip.conf")]
    files += [Path.home() / ".pip" / "pip.conf", own / "pip" / "pip.conf", Path(os.environ.get("PIP_CONFIG_FILE", ""))]
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read([path for path in files if path.is_file()], encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        return ""
    return parser.get("install", name, fallback="") or parser.get("global", name, fallback="")


class PypiDoor(Door):
    """An index of packages by name, and the files that it listed.

    Args:
        index: its address, including user name and password, if any.
        port: at which the install reaches this proxy.
        client: sends the requests to the index.
    """

    def __init__(self, index: str, port: int, client: httpx.AsyncClient) -> None:
        super().__init__(client)
        parts = urlsplit(index)
        self._index = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        self._origin = _origin(self._index)
        given = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        self._authorization = f"Basic {base64.b64encode(given.encode()).decode()}" if given != ":" else ""
        self._here = f"http://127.0.0.1:{port}"
        self._files: dict[str, int] = {}

    def target(self, path: str) -> tuple[str, str] | None:
        """The address for a path, and its authorization; None if the path is unknown."""
        if at := _NAME.fullmatch(path):
            return f"{self._index}/{at[1]}", self._authorization
        at = _FILE.fullmatch(path)
        if at is None or int(at[1]) >= len(self._files):
            return None
        url = [*self._files][int(at[1])]
        parts = urlsplit(url)
        own = self._authorization if _origin(url) == self._origin else ""
        return parts._replace(path=parts.path + (at[2] or "")).geturl(), own

    def tells(self, kind: str) -> bool:
        """Lists are HTML or JSON."""
        return "html" in kind or "json" in kind

    def addressed(self, url: str, kind: str, body: bytes) -> bytes:
        """A list of files with links to this proxy."""
        if "json" not in kind:
            return _HREF.sub(lambda match: match[1] + self._href(url, match[2] or match[3] or b""), body)
        try:
            document = as_dict(json.loads(body))
        except ValueError:
            return body
        for file in map(as_dict, as_list(document.get("files"))):
            file["url"] = self._ours(url, as_str(file.get("url")))
        return json.dumps(document).encode()

    def _href(self, url: str, href: bytes) -> bytes:
        ours = self._ours(url, html.unescape(href.decode("utf-8", "replace")))
        return f'"{html.escape(ours)}"'.encode()

    def _ours(self, url: str, href: str) -> str:
        whole, hashed = urldefrag(urljoin(url, href))
        number = self._files.setdefault(whole, len(self._files))
        name = urlsplit(whole).path.rpartition("/")[2]
        return f"{self._here}/file/{number}/{name}" + (f"#{hashed}" if hashed else "")


def _origin(url: str) -> tuple[Any, ...]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


@asynccontextmanager
async def door(port: int) -> AsyncIterator[PypiDoor]:
    """A proxy to the user's index, which installs reach at `port`."""
    index = await asyncio.to_thread(address)
    async with client([index], authorities=_authorities()) as asking:
        yield PypiDoor(index, port, asking)
