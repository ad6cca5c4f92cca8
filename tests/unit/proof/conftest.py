"""A ledger with lawful batches in it, and what it takes to prove from it."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from fxengine.ledger import Ledger, open_ledger
from fxengine.ledger.reading import Reader, open_reader
from fxengine.venue_file import parse_venue
from tests.ledger.conftest import postgres, shared_sql_url

__all__ = ["postgres", "shared_sql_url"]
from fxengine.ledger.check_batches import VENUE, Books


class Posted:
    """A ledger that five batches were posted to, and the balances that each led to."""

    def __init__(self, url: str, seed: int) -> None:
        self.url = url
        self.venue = parse_venue(VENUE)
        self.books = Books(self.venue, random.Random(seed))
        self.balances: dict[int, dict[tuple[int, int], int]] = {}
        self.ledger: Ledger = open_ledger(self.url, self.venue)
        for _ in range(5):
            self.post()

    def post(self, n_trades: int = 9) -> None:
        batch = self.books.batch(n_accounts=7, n_trades=n_trades)
        self.ledger.post(batch)
        self.balances[batch.id] = dict(self.books.balances)


@pytest.fixture(scope="module")
def posted(shared_sql_url: str, seed: int) -> Iterator[Posted]:
    """A ledger that is only read."""
    made = Posted(shared_sql_url, seed)
    yield made
    made.ledger.close()


@pytest.fixture
def in_file(tmp_path: Path, seed: int) -> Iterator[Posted]:
    """The same in SQLite, where a test can change the file behind the books' back."""
    made = Posted(f"sqlite:{tmp_path / 'in_file.sqlite'}", seed)
    yield made
    made.ledger.close()


@pytest.fixture
def reader(posted: Posted) -> Iterator[Reader]:
    with open_reader(posted.url) as opened:
        yield opened
