"""Runs one of the targets beside this file under atheris: ``python -m tests.fuzz.engine wire -max_total_time=60``.

A target is a module with ``one(data)``, which fails on whatever it should not do, and ``SEEDS``, inputs to begin with.
What libFuzzer writes as ``crash-…`` belongs into ``found/TARGET/``, where ``test_fuzz.py`` tries it ever after.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

TARGETS = ("adapters", "redaction", "run_directories", "streams", "task_files", "wire_bodies")
_BOUNDS = ("-max_len=4096", "-timeout=20", "-rss_limit_mb=2048")


def main() -> None:
    """Fuzz the target that is named first; what follows are libFuzzer's own options."""
    import atheris

    name, *options = sys.argv[1:]
    with atheris.instrument_imports(include=["toolworthy"]):
        target = importlib.import_module(f"tests.fuzz.{name}")
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(target.SEEDS):
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.Setup([name, corpus, *_BOUNDS, *options], target.one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
