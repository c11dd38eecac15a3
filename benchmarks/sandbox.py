"""What a sandboxed command costs: this state beside another one's, in pairs, one command each in turn.

    git worktree add /tmp/before COMMIT
    python benchmarks/sandbox.py /tmp/before/src

Each state runs in a process of its own, which starts ``true`` in its sandbox whenever it is told to; who goes first
alternates. The difference within pairs is what counts: both halves meet the same load. Takes about half a minute.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

PAIRS = 200
WARM = 10
WORKER = """
import asyncio, ctypes, os, resource, sys, tempfile, time
from pathlib import Path
from toolworthy.sandbox import choose
from toolworthy.sandbox.model import Command

# A sandbox's first process is bubblewrap's child, which leaves it behind: it comes to us, and its time is counted.
PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)

def reap():
    time.sleep(0.03)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass

def cpu():
    reap()
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)

async def work(box):
    with tempfile.TemporaryDirectory() as name:
        for part in ("w", "h"):
            (Path(name) / part).mkdir()
        command = Command(("true",), Path(name) / "w", Path(name) / "h")
        while sys.stdin.readline():
            used, began = cpu(), time.perf_counter()
            outcome = await box.run(command)
            seconds = time.perf_counter() - began
            print(seconds, cpu() - used, flush=True)
            assert outcome.exit_code == 0, outcome

asyncio.run(work(choose("bubblewrap")))
"""


def worker(source: Path) -> subprocess.Popen[str]:
    """A process that runs a command for every line it reads, and prints its seconds and processor seconds."""
    pipe = subprocess.PIPE
    env = {**os.environ, "PYTHONPATH": str(source)}
    return subprocess.Popen([sys.executable, "-c", WORKER], stdin=pipe, stdout=pipe, text=True, env=env)


def once(process: subprocess.Popen[str]) -> tuple[float, float]:
    """Wall and processor time of one command, in ms."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    wall, processor = process.stdout.readline().split()
    return float(wall) * 1000, float(processor) * 1000


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="folder of the other state's packages (its src)")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    options = parser.parse_args()
    before, now = worker(options.before.resolve()), worker(Path(__file__).parents[1] / "src")
    pairs = []
    for number in range(WARM + options.pairs):
        one, other = (before, now) if number % 2 else (now, before)
        first, second = once(one), once(other)
        pairs.append((first, second) if number % 2 else (second, first))
    for process in (before, now):
        process.communicate()
    print("| per command, ms | before | now | difference within pairs, median | its quartiles |")
    print("|---|---:|---:|---:|---:|")
    for place, name in enumerate(("wall", "processor")):
        was, is_now = ([pair[side][place] for pair in pairs[WARM:]] for side in (0, 1))
        more = [b - a for a, b in zip(was, is_now, strict=True)]
        low, middle, high = statistics.quantiles(more, n=4)
        print(
            f"| {name}, median | {statistics.median(was):.1f} | {statistics.median(is_now):.1f} "
            f"| {middle:+.1f} | {low:+.1f} to {high:+.1f} |"
        )


if __name__ == "__main__":
    main()
