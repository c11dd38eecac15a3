"""Markdown from the templates in ``templates``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2


def render(name: str, **values: object) -> str:
    """The page `name`; values are inserted as they are."""
    return _environment().get_template(f"{name}.md.j2").render(**values)


@cache
def _environment() -> jinja2.Environment:
    import jinja2  # slow to import, and most commands write no page

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
