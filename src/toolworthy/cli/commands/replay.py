"""``toolworthy replay RUN --endpoint X``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from toolworthy.base.sanitize import show
from toolworthy.cli.stop import with_advice
from toolworthy.judgement.analysis.outcome import outcome
from toolworthy.output.terminal.progress import TextProgress
from toolworthy.work.kinds import KINDS
from toolworthy.work.replay import summary
from toolworthy.work.run.merge_options import read_replay
from toolworthy.work.run.session import Session


def run(**given: Any) -> int:
    """Send a recording to another endpoint and compare the responses; the exit code.

    Raises:
        ToolworthyError: nothing is recorded there, or an endpoint is unknown or cannot be reached.
    """
    options = read_replay(argparse.Namespace(**given), Path.cwd())
    keys = KINDS["replay"].keys(options)
    session = Session(options, TextProgress(options, show))
    try:
        session.start(keys)
        for key in keys:
            session.wait(key)
    except KeyboardInterrupt as error:
        if session.run is None:
            raise
        raise with_advice(error, f"Continue with `toolworthy replay --resume {session.run.path}`.") from None
    finally:
        session.close()
        if session.run is not None and session.run.replays():
            summary.tell(session.run)
    assert session.run is not None
    return outcome(session.run).exit_code
