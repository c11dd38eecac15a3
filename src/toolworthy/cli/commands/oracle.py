"""``toolworthy oracle``: serves the reference endpoint until it is stopped, or lists the defects that it can inject."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

from toolworthy.base.atomic import whole
from toolworthy.base.sanitize import show
from toolworthy.cli._event_loop import stopped
from toolworthy.content.providers import provider
from toolworthy.output import defect_page
from toolworthy.reference.defects import Defect, defect
from toolworthy.reference.dialects import shown_by
from toolworthy.work.run.embedded import standing


def run(port: int, defects: Sequence[str], dialect: str | None, listed: bool, page: Path | None) -> int:
    """Serve the reference endpoint on loopback, with these defects and in this dialect, until Ctrl-C.

    Or list or write the catalogue.

    Raises:
        ToolworthyError: no defect has that id, no provider that name, the port is taken, or the page cannot be written.
    """
    if page:
        with whole(page) as partial:
            partial.write_text(defect_page.page(), encoding="utf-8")
        show(page)
    elif listed:
        show("\n".join(defect_page.lines()))
    else:
        injected = [defect(name) for name in defects] + [*(shown_by(provider(dialect)) if dialect else ())]
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(port, injected))
    return 0


async def _serve(port: int, defects: Sequence[Defect]) -> None:
    async with standing(defects, port) as oracle:
        with_them = f" with {', '.join(one.id for one in defects)}" if defects else ""
        show(f"oracle{with_them} at {oracle.url} (chat and responses: {oracle.url}/v1); Ctrl-C stops it")
        await stopped()
