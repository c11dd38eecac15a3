"""``toolworthy replay RUN --endpoint X``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from toolworthy.base.sanitize import one_line, show
from toolworthy.endpoint.target import resolve
from toolworthy.wire.ir import Api
from toolworthy.work.replay import summary
from toolworthy.work.replay.recording import Recording
from toolworthy.work.replay.run import Plan, Replay, reference_endpoint


def run(
    recorded: Path,
    endpoint: str,
    model: str | None,
    key_env: str | None,
    wire: Api | None,
    reference: str | None,
    **chosen: Any,
) -> int:
    """Send what was recorded to another endpoint, and tell how it compares; the exit code.

    Args:
        recorded: a run directory, or a record of ``toolworthy proxy``.
        endpoint: as the user named it, and its model, key and API.
        reference: an endpoint that is asked too, as the user named it.
        chosen: the further fields of `Plan`.

    Raises:
        ToolworthyError: nothing is recorded there, or an endpoint is unknown or cannot be reached.
    """
    recording = Recording.open(recorded)
    target = resolve(endpoint, model=model, key_env=key_env, wire=wire)
    beside = reference_endpoint(reference, recording) if reference else None
    replay = Replay(Plan(recording, target, beside, **chosen), lambda line: show(one_line(line)))
    try:
        return replay.perform()
    except KeyboardInterrupt:
        show("cut short; the same command with --resume goes on", sys.stderr)
        raise
    finally:
        if replay.run is not None:
            summary.tell(replay.run)
