"""kill -9 in the middle of posting, again and again: every batch is in the books whole, and once."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from fxengine.ledger import Batch, open_ledger
from fxengine.ledger.check_batches import Books
from fxengine.ledger.rows import lines
from fxengine.venue import Venue

ROOT = Path(__file__).parents[2]
N_BATCHES = 8
BEGIN, COMMIT, INSERT = b"B", b"C", b"I"


class Poster:
    """The child process; ``tests.ledger.crashing_poster`` tells what it does."""

    def __init__(self, path: Path, seed: int) -> None:
        command = [sys.executable, "-m", "tests.ledger.crashing_poster", str(path), str(seed), str(N_BATCHES)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.answers, self.statements = self.process.stdin, self.process.stdout

    def next_statement(self) -> bytes:
        """Return the first letter of the statement that it is about to run; nothing when it has ended."""
        return self.statements.read(1)

    def go_on(self, answer: bytes = b"g") -> None:
        self.answers.write(answer)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        assert self.process.wait() == -signal.SIGKILL
        self.close()

    def close(self) -> None:
        self.answers.close()
        self.statements.close()


def check_whole_and_once(
    path: Path, venue: Venue, batches: list[Batch], expected: list[dict[tuple[int, int], int]]
) -> int:
    """Reopen the ledger; return how many batches it has, each of them whole and none of them twice."""
    with closing(open_ledger(f"sqlite:{path}", venue)) as ledger:
        done = ledger.cursor().batch_id
        assert ledger.balances() == expected[done]
        if done:
            assert ledger.cursor() == batches[done - 1].cursor
    with closing(sqlite3.connect(path)) as db:
        wholes = [(batch.id, lines(batch, venue).appended) for batch in batches[:done]]
        for table in ("postings", "trades", "deposits", "payments", "busts"):
            rows = db.execute(f"SELECT batch, count(*) FROM {table} GROUP BY batch").fetchall()
            assert rows == [(n, len(list(appended[table]))) for n, appended in wholes]
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    return done


@pytest.fixture
def history(venue: Venue, seed: int) -> tuple[list[Batch], list[dict[tuple[int, int], int]]]:
    """The batches that the poster posts, and the balances after 0, 1, 2 ... of them."""
    books = Books(venue, random.Random(str(seed)))
    batches, balances = [], [{}]
    for _ in range(N_BATCHES):
        batches.append(books.batch())
        balances.append(dict(books.balances))
    return batches, balances


def test_killed_between_statements_a_batch_is_there_whole_or_not_at_all(
    sqlite_path: Path, venue: Venue, seed: int, history: tuple[list[Batch], list[dict[tuple[int, int], int]]]
) -> None:
    rng = random.Random(seed)
    last_done = 0
    for round_number in range(8):
        poster = Poster(sqlite_path, seed)
        left = -1 if round_number == 0 else rng.randrange(60)  # the first dies with everything but the COMMIT done
        inserting = False
        while statement := poster.next_statement():
            inserting |= statement == INSERT
            if inserting and (left == 0 or (left < 0 and statement == COMMIT)):
                break
            left -= inserting
            poster.go_on()
        assert statement, "it was to die in the middle of posting"
        poster.kill()
        done = check_whole_and_once(sqlite_path, venue, *history)
        assert done >= last_done
        if round_number == 0:
            assert done == 0
        last_done = done
    finish(sqlite_path, seed)
    assert check_whole_and_once(sqlite_path, venue, *history) == N_BATCHES


def test_killed_anywhere_at_all_a_batch_is_there_whole_or_not_at_all(
    sqlite_path: Path, venue: Venue, seed: int, history: tuple[list[Batch], list[dict[tuple[int, int], int]]]
) -> None:
    rng = random.Random(seed + 1)
    for _ in range(5):
        poster = Poster(sqlite_path, seed)
        kill_at = rng.randrange(1, 150)
        assert poster.next_statement()
        poster.go_on(b"r")
        for _ in range(kill_at):
            poster.next_statement()
        if poster.process.poll() is None:
            os.kill(poster.process.pid, signal.SIGKILL)
        poster.process.wait()
        poster.close()
        check_whole_and_once(sqlite_path, venue, *history)
    finish(sqlite_path, seed)
    assert check_whole_and_once(sqlite_path, venue, *history) == N_BATCHES


def finish(path: Path, seed: int) -> None:
    """Post everything again, undisturbed."""
    poster = Poster(path, seed)
    poster.next_statement()
    poster.go_on(b"r")
    while poster.next_statement():
        pass
    assert poster.process.wait() == 0
    poster.close()
