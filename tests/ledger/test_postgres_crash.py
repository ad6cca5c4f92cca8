"""PostgreSQL killed with -9 and started again, fifty times under load: nothing lost, nothing doubled."""

import random
import threading
from collections.abc import Iterator

import pytest

from fxengine.errors import LedgerUnavailable
from fxengine.ledger import open_ledger
from fxengine.ledger.base import Ledger
from fxengine.ledger.batch import Batch
from fxengine.ledger.check_batches import Books
from fxengine.ledger.reading import open_reader
from fxengine.ledger.rows import lines
from fxengine.venue import Venue
from tests.postgres_server import PostgresServer

KILLS = 50
TRADES = 150
PATIENCE_S = 60


class Poster(threading.Thread):
    """Posts batch after batch, and every batch until the ledger has said that it has it."""

    def __init__(self, ledger: Ledger, books: Books) -> None:
        super().__init__(daemon=True)
        self.ledger, self.books = ledger, books
        self.acknowledged: list[Batch] = []
        self.n_lost = 0
        self.stopping = False
        self.failure: BaseException | None = None
        self.server_is_up = threading.Event()
        self.server_is_up.set()
        self.moved = threading.Condition()

    def run(self) -> None:
        try:
            while not self.stopping:
                self._post(self.books.batch(n_trades=TRADES))
        except BaseException as e:
            self.failure = e
        with self.moved:
            self.moved.notify_all()

    def _post(self, batch: Batch) -> None:
        while True:
            try:
                self.ledger.post(batch)
            except LedgerUnavailable:
                self.n_lost += 1
                assert self.server_is_up.wait(PATIENCE_S)
            else:
                break
        with self.moved:
            self.acknowledged.append(batch)
            self.moved.notify_all()

    def wait_for(self, n: int) -> None:
        """Return once ``n`` batches are acknowledged."""
        with self.moved:
            arrived = self.moved.wait_for(lambda: len(self.acknowledged) >= n or self.failure, PATIENCE_S)
        assert arrived
        assert self.failure is None, repr(self.failure)


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.remove()


def test_fifty_kills_lose_nothing_and_double_nothing(server: PostgresServer, venue: Venue, seed: int) -> None:
    rng = random.Random(seed)
    ledger = open_ledger(server.url(), venue)
    poster = Poster(ledger, Books(venue, random.Random(seed)))
    poster.start()
    for _ in range(KILLS):
        poster.wait_for(len(poster.acknowledged) + 1 + rng.randrange(3))
        for _ in range(rng.randrange(20_000)):  # so that the kill falls anywhere in the next post
            pass
        poster.server_is_up.clear()
        server.kill()
        promised = poster.acknowledged[-1]
        server.start()
        with open_reader(server.url()) as reader:
            reached, head = reader.rows("SELECT batch, head FROM batches ORDER BY batch DESC LIMIT 1")[0]
            assert reached in (promised.id, promised.id + 1), "an acknowledged batch is gone"
            assert head == promised.head or reached == promised.id + 1
        poster.server_is_up.set()
    poster.wait_for(len(poster.acknowledged) + 1)
    poster.stopping = True
    poster.join(PATIENCE_S)
    assert poster.failure is None
    assert not poster.is_alive()
    print(f"{len(poster.acknowledged)} batches, {poster.n_lost} calls lost their server, seed {seed}")
    assert poster.n_lost >= KILLS // 2, "the load was to be there when the server went"
    assert ledger.cursor() == poster.books.cursor
    assert ledger.balances() == poster.books.balances
    ledger.close()
    check_rows(server.url(), venue, poster.acknowledged)


def check_rows(url: str, venue: Venue, batches: list[Batch]) -> None:
    """Hold every table against what was posted, row by row."""
    written = [lines(batch, venue) for batch in batches]
    with open_reader(url) as reader:
        for table in ("postings", "trades", "deposits", "payments", "busts"):
            should = [tuple(row) for batch in written for row in batch.appended[table]]
            assert sorted(reader.rows(f"SELECT * FROM {table}"), key=repr) == sorted(should, key=repr), table
        ended = {withdrawal: state for batch in written for state, _, _, withdrawal in batch.ended}
        rows = reader.rows("SELECT withdrawal, state FROM withdrawals WHERE ended_sequence > withdrawal")
        assert dict(rows) == ended  # type: ignore[arg-type]
        assert reader.rows("SELECT * FROM open_batches") == []
