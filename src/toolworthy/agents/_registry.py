"""The user's npm registries, from npm's settings, and their proxy for an install."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from toolworthy.agents._door import Door, client
from toolworthy.base import tree
from toolworthy.base.errors import ToolworthyError
from toolworthy.sandbox import toolchain
from toolworthy.wire.lenient import as_dict, as_str

if TYPE_CHECKING:
    import httpx

_PASSED_ON = ("HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "XDG_CONFIG_HOME")
"""Environment variables that npm needs to find its settings, besides proxies and ``npm_config_*``."""
_AT = re.compile(r"/~(\d+)(/.*)")
_SCOPE = re.compile(r"/(@[^/%]+)(?:/|%2f)", re.IGNORECASE)


@dataclass(frozen=True)
class Registry:
    """A registry of packages."""

    url: str
    authorization: str = ""

    @property
    def origin(self) -> str:
        """Scheme and host of its address."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True)
class Settings:
    """The settings of the user's npm."""

    registries: Mapping[str, Registry]
    """By scope; the empty one is for all others."""
    standard: str
    """npm's default registry: where it is named, npm uses the configured one instead (``replace-registry-host``)."""
    proxy: str = ""
    authorities: tuple[str, ...] = ()
    """Certificates, as PEM."""
    strict: bool = True
    """Whether to verify certificates."""


def settings() -> Settings:
    """npm's settings, as npm itself reads them from the user's configuration and environment.

    Raises:
        ToolworthyError: it cannot be read.
    """
    node = toolchain.node_root()
    script = Path(__file__).with_name("npm_settings.cjs")
    command = [node / "bin" / "node", script, node / "lib" / "node_modules" / "npm"]
    env = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.lower().endswith("_proxy") or name.lower().startswith("npm_config_")
    }
    with tree.temporary() as nowhere:  # without a project's settings
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=nowhere, timeout=60)
    if done.returncode != 0:
        why = (done.stderr.strip() or "no reason given")[-300:]
        raise ToolworthyError(f"cannot read npm's settings: {why}. Check `npm config list`.")
    answer = json.loads(done.stdout)
    registries = {scope: Registry(one["url"], one["authorization"]) for scope, one in answer["registries"].items()}
    return Settings(registries, answer["standard"], answer["proxy"], tuple(answer["ca"]), answer["strict"])


class NpmDoor(Door):
    """Packages by name, and archives at the addresses that the registries gave.

    Args:
        given: the settings of the user's npm.
        port: at which npm reaches this proxy.
        client: asks the registries.
    """

    def __init__(self, given: Settings, port: int, client: httpx.AsyncClient) -> None:
        super().__init__(client)
        self._given = given
        self._here = f"http://127.0.0.1:{port}"
        self._origins = tuple(dict.fromkeys(registry.origin for registry in given.registries.values()))

    def target(self, path: str) -> tuple[str, str] | None:
        """The address for a path, and its authorization; None if the path is unknown."""
        if ".." in path.split("/"):
            return None
        if at := _AT.fullmatch(path):
            if int(at[1]) >= len(self._origins):
                return None
            origin = self._origins[int(at[1])]
            owner = next(one for one in self._given.registries.values() if one.origin == origin)
            return origin + at[2], owner.authorization
        scope = _SCOPE.match(path)
        registry = self._given.registries.get(scope[1] if scope else "", self._given.registries[""])
        return registry.url.rstrip("/") + path, registry.authorization

    def tells(self, kind: str) -> bool:
        """Package documents are JSON."""
        return "json" in kind

    def addressed(self, url: str, kind: str, body: bytes) -> bytes:
        """The document of a package, with links to its archives on this proxy."""
        try:
            document = as_dict(json.loads(body))
        except ValueError:
            return body
        for version in as_dict(document.get("versions")).values():
            dist = as_dict(as_dict(version).get("dist"))
            if "tarball" in dist:
                dist["tarball"] = self._ours(as_str(dist["tarball"]))
        return json.dumps(document).encode()

    def _ours(self, address: str) -> str:
        standard, default = self._given.standard.rstrip("/"), self._given.registries[""].url.rstrip("/")
        if address.startswith(f"{standard}/"):
            address = default + address.removeprefix(standard)
        for number, origin in enumerate(self._origins):
            if address.startswith(f"{origin}/"):
                return f"{self._here}/~{number}{address.removeprefix(origin)}"
        return address  # on another host, which is not reachable


@asynccontextmanager
async def door(given: Settings, port: int) -> AsyncIterator[NpmDoor]:
    """A proxy to the registries, which npm reaches at `port`."""
    urls = [one.url for one in given.registries.values()]
    async with client(urls, proxy=given.proxy, authorities=given.authorities, strict=given.strict) as asking:
        yield NpmDoor(given, port, asking)
