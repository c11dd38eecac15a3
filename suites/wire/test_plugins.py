"""Probes of users' plugins: declared in files of theirs, found by pytest here."""

from toolworthy.endpoint.plugins import MODULES

globals().update(
    {name: value for module in MODULES.values() for name, value in vars(module).items() if hasattr(value, "probe")}
)
