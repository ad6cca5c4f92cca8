"""``fxengine serve``, and nothing but it, in a process that the benchmark starts, watches and stops.

The one difference: each sync of the journal is timed, and when the venue has closed the times stand
in a file: two columns, when it began (``time.monotonic_ns``) and how long it took, in nanoseconds.

    python -m bench.serving SYNCS.npy DIR --orders ... --json
"""

import sys
import time
from pathlib import Path

import numpy as np

from fxengine.cli import main as fxengine
from fxengine.engine.disk import Disk


def main() -> None:
    """Serve until told to stop, then write the times."""
    file, arguments = Path(sys.argv[1]), sys.argv[2:]
    syncs: list[tuple[int, int]] = []
    sync = Disk.sync

    def timed(disk: Disk, fd: int) -> None:
        began = time.monotonic_ns()
        sync(disk, fd)
        syncs.append((began, time.monotonic_ns() - began))

    Disk.sync = timed  # type: ignore[method-assign, assignment]
    sys.argv = ["fxengine", "serve", *arguments]
    try:
        fxengine()
    finally:
        np.save(file, np.array(syncs, np.int64).reshape(-1, 2))


if __name__ == "__main__":
    main()
