"""The frame of every page: policy, style and script, and the filters of its templates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from toolworthy.base.sanitize import visible
from toolworthy.content import adapters
from toolworthy.judgement.analysis.verdict import WORDS
from toolworthy.judgement.gate.difference import Row
from toolworthy.output.exports.timeline import cut
from toolworthy.output.html.pack import policy
from toolworthy.statistics.rates import percent

if TYPE_CHECKING:
    import jinja2
    import markupsafe

_LONG = 5_000
"""The most characters of one text outside opened trials."""
_BUILT = Path(__file__).with_name("built")


def shell(template: jinja2.Template, blocks: Iterable[str], **shown: object) -> Iterator[str]:
    """The page piece by piece: the template's part, the script, then the data.

    The script precedes most of the data, so that a long page is usable while it loads; it reads a block when that is
    opened.
    """
    import markupsafe

    script, style = _built("page.js"), _built("page.css")
    data = iter(blocks)
    first = next(data, "")  # data that the script needs at once
    yield from template.generate(
        policy=policy(script, style),
        script=markupsafe.Markup(script),
        style=markupsafe.Markup(style),
        index=markupsafe.Markup(first),
        blocks=(markupsafe.Markup(one) for one in data),
        **shown,
    )


@cache
def _built(name: str) -> str:
    return (_BUILT / name).read_text(encoding="utf-8")


@cache
def environment() -> jinja2.Environment:
    """The environment of the templates, with their filters; shown texts are cut, made visible and escaped."""
    import jinja2
    import markupsafe

    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("toolworthy.output.html"),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, markupsafe.Markup) else visible(cut(str(value), _LONG)),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(agent=adapters.title, code=_code, clock=_clock, value=_value, change=_change)
    templates.filters.update(figure=figure, percent=percent)
    templates.globals["WORDS"] = WORDS
    return templates


def _code(text: str) -> markupsafe.Markup:
    """A text with commands in backticks, as HTML."""
    import markupsafe

    pieces = visible(text).split("`")
    wrapped = (
        markupsafe.Markup("<code>{}</code>").format(piece) if at % 2 else piece for at, piece in enumerate(pieces)
    )
    return markupsafe.Markup("").join(wrapped)


def _clock(unix: object) -> str:
    """A time; an undefined one is named as unknown."""
    if not isinstance(unix, (int, float)):
        return "at an unknown time"
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _value(row: Row, side: Literal["before", "after"]) -> str:
    value: float | None = getattr(row, side)
    if value is None:
        return "–"
    return f"{value:.1%}" if row.kind == "difference" else figure(value)


def figure(value: float) -> str:
    """Three significant digits, without exponents."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _change(row: Row) -> str:
    if row.change is None:
        return "–"
    if row.kind == "ratio":
        inside = "" if row.low is None or row.high is None else f" ({row.low:.2f}–{row.high:.2f})"
        return f"× {row.change:.2f}{inside}"
    inside = "" if row.low is None or row.high is None else f" ({100 * row.low:+.1f} to {100 * row.high:+.1f})"
    return f"{round(100 * row.change, 1) + 0.0:+.1f} points{inside}"
