"""Templates of adapters: commands, files and variables with names to fill in."""

from __future__ import annotations

import re
from collections.abc import Mapping


def render(template: str, values: Mapping[str, str]) -> str:
    """`template` with every ``{name}`` of `values` replaced; other braces are literal."""
    return re.sub(r"\{([a-z_]+)\}", lambda match: values.get(match[1], match[0]), template)
