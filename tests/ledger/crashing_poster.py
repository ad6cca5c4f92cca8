"""A process that posts batches and asks, before every single SQL statement, whether it may go on.

It writes the statement's first letter and waits for an answer, so that its parent can kill it
between any two statements; once its parent has answered ``r`` it runs on without asking, so that a
kill finds it anywhere.

    python -m tests.ledger.crashing_poster LEDGER SEED N_BATCHES
"""

import os
import random
import sys
from pathlib import Path

from fxengine.ledger.check_batches import VENUE, Books
from fxengine.ledger.sqlite import SqliteLedger
from fxengine.venue_file import parse_venue

ANSWERS, STATEMENTS = 0, 1


def main(path: str, seed: str, n_batches: str) -> None:
    venue = parse_venue(VENUE)
    ledger = SqliteLedger(Path(path), venue)
    running = False

    def before(statement: str) -> None:
        nonlocal running
        os.write(STATEMENTS, statement.encode()[:1])
        if not running:
            running = os.read(ANSWERS, 1) == b"r"

    ledger._db.set_trace_callback(before)
    books = Books(venue, random.Random(seed))
    for _ in range(int(n_batches)):
        ledger.post(books.batch())
    ledger.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
