"""Where a figure was taken: the machine and the commit, and one processor for all of a run.

A figure without them cannot be compared. A process that moves between processors loses its caches;
pinned to one, it shares that one with whatever else runs there, which is why a run is repeated and
its median taken.
"""

import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def pin() -> str:
    """Keep this process, and those it starts, on one processor; say which, or that it cannot be done."""
    if not hasattr(os, "sched_setaffinity"):
        return "not pinned: this system cannot"
    processor = max(os.sched_getaffinity(0))  # interrupts tend to go to the first
    os.sched_setaffinity(0, {processor})
    return f"pinned to processor {processor}"


def machine() -> str:
    """Name the processor, how many there are, the system and the Python."""
    model = platform.processor() or platform.machine()
    try:
        listed = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        listed = []
    model = next((line.split(":", 1)[1].strip() for line in listed if line.startswith("model name")), model)
    return f"{model} x {os.cpu_count()}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def commit() -> str:
    """Return the commit that is checked out, marked when files differ from it; "unknown" without git."""
    try:
        head = _git("rev-parse", "--short", "HEAD")
        return f"{head} and changes" if _git("status", "--porcelain") else head
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
