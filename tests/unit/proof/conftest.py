"""A ledger with lawful batches in it, and what it takes to prove from it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fxengine.ledger.reading import Reader, open_reader
from tests.ledger.conftest import postgres, shared_sql_url
from tests.unit.kept_books import KeptBooks

__all__ = ["postgres", "shared_sql_url"]


class Posted(KeptBooks):
    """A ledger that five batches were posted to, and the balances that each led to."""

    def __init__(self, url: str, seed: int) -> None:
        super().__init__(url, seed)
        self.balances: dict[int, dict[tuple[int, int], int]] = {}
        for _ in range(5):
            self.post_next()

    def post_next(self, n_trades: int = 9) -> None:
        self.post(self.books.batch(n_accounts=7, n_trades=n_trades))
        self.balances[self.batches[-1].id] = dict(self.books.balances)


@pytest.fixture(scope="module")
def posted(shared_sql_url: str, seed: int) -> Iterator[Posted]:
    """A ledger that is only read."""
    with closing(Posted(shared_sql_url, seed)) as made:
        yield made


@pytest.fixture
def in_file(tmp_path: Path, seed: int) -> Iterator[Posted]:
    """The same in SQLite, where a test can change the file behind the books' back."""
    with closing(Posted(f"sqlite:{tmp_path / 'in_file.sqlite'}", seed)) as made:
        yield made


@pytest.fixture
def reader(posted: Posted) -> Iterator[Reader]:
    with open_reader(posted.url) as opened:
        yield opened
