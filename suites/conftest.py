"""Loads the plugin where ``pytest.toml`` beside this file did not: pytest takes every option's value that is a path for
something to collect, and then goes by the configuration of a folder above (``--baseline reports/RUN``).
"""

import pytest

PLUGIN = "toolworthy.plugin"


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Hooks that were called before are called for a plugin that comes late, too: its options are known in time."""
    if not pluginmanager.has_plugin(PLUGIN):
        pluginmanager.import_plugin(PLUGIN)
