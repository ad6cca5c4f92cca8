"""A process that posts one batch and dies in the middle of it, killed (SIGKILL) at a place one can choose.

The place is a number of function calls and returns, Python's and C's alike, counted within ``post``. That
works for any backend and needs nothing of it: whatever it does at once, between two statements or two
writes, there is a place before it and a place after it.

The child is told what to do on its standard input (a URL may hold a password, which a command line
would show), and it is the parent alone that writes there. Run it with :func:`post_and_die`.
"""

import os
import pickle
import signal
import subprocess
import sys
from types import FrameType
from typing import Final

from fxengine.errors import LedgerError
from fxengine.ledger.base import open_ledger
from fxengine.ledger.batch import Batch
from fxengine.ledger.check_batches import VENUE
from fxengine.venue_file import parse_venue

TO_THE_END: Final = 0
"""Do not die: post, close and say how many calls and returns there were."""
AFTER: Final = -1
"""Die as soon as ``post`` has returned, without closing anything."""


def post_and_die(url: str, batch: Batch, die_at: int) -> tuple[bool, int]:
    """Have another process post a batch and die at a call or return; say whether it died, and the count.

    The count is 0 where it died. ``die_at`` may also be ``TO_THE_END`` or ``AFTER``. Raises
    :class:`LedgerError` where it failed otherwise. A fraction of a second.
    """
    told = pickle.dumps((url, batch, die_at))
    # What can be imported here can be imported there: a backend may come from anywhere on the path.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    child = subprocess.run(
        [sys.executable, "-m", __name__], input=told, capture_output=True, env=environment, check=False
    )
    if child.returncode == -signal.SIGKILL:
        return True, 0
    if child.returncode:
        last_line = child.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise LedgerError(f"a process that was to post a batch failed: {last_line}")
    return False, int(child.stdout)


def main() -> None:
    """Do what standard input says."""
    url, batch, die_at = pickle.loads(sys.stdin.buffer.read())
    ledger = open_ledger(url, parse_venue(VENUE))
    count = 0

    def counting(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += 1
        if count == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(counting)
    ledger.post(batch)
    sys.setprofile(None)
    if die_at == AFTER:
        os.kill(os.getpid(), signal.SIGKILL)
    ledger.close()
    print(count)


if __name__ == "__main__":
    main()
