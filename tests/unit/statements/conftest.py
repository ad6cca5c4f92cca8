"""Books with one of everything in them: trades, rebates, deposits, payments, withdrawals and a bust."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from fxengine.codes import CUSTODY_ACCOUNT, EventKind
from fxengine.ledger import TRANSFER, WITHDRAWAL, Batch, WithdrawalStep
from fxengine.ledger.reading import Reader, open_reader
from tests.ledger.conftest import postgres, shared_sql_url
from tests.unit.kept_books import KeptBooks

__all__ = ["postgres", "shared_sql_url"]

ALICE, BOB, USD = 2, 3, 0


class Kept(KeptBooks):
    """A ledger that nine batches were posted to."""

    def __init__(self, url: str, seed: int) -> None:
        super().__init__(url, seed)
        for _ in range(6):
            self.post(self.books.batch(n_accounts=5, n_trades=12))
        self.post(self._moves())
        for _ in range(2):
            self.post(self.books.batch(n_accounts=5, n_trades=12))

    def _moves(self) -> Batch:
        """A deposit, a payment, a withdrawal at once, one that is held, and one that is held and paid."""
        first = self.books.cursor.last_sequence + 1
        transfers = np.array(
            [
                (first, CUSTODY_ACCOUNT, ALICE, USD, EventKind.DEPOSITED, b"", 700, 0, b"\1" * 16, b""),
                (first + 1, ALICE, BOB, USD, EventKind.RECEIVED, b"", 50, 0, b"", b""),
                (first + 2, BOB, CUSTODY_ACCOUNT, USD, EventKind.WITHDRAWN, b"", 20, 0, b"", b""),
                (first + 5, BOB, CUSTODY_ACCOUNT, USD, EventKind.WITHDRAWN, b"", 30, first + 4, b"", b""),
            ],
            TRANSFER,
        )
        held, paid = WithdrawalStep.HELD, WithdrawalStep.PAID
        withdrawals = np.array(
            [
                (first + 3, first + 3, BOB, USD, held, b"", 10),
                (first + 4, first + 4, BOB, USD, held, b"", 30),
                (first + 5, first + 4, BOB, USD, paid, b"", 30),
            ],
            WITHDRAWAL,
        )
        moves = [
            (CUSTODY_ACCOUNT, USD, -700), (ALICE, USD, 700), (ALICE, USD, -50), (BOB, USD, 50),
            (BOB, USD, -50), (CUSTODY_ACCOUNT, USD, 50),
        ]  # fmt: skip
        return self.books.close(moves, transfers=transfers, withdrawals=withdrawals, last=first + 9)


@pytest.fixture(scope="module")
def kept(shared_sql_url: str, seed: int) -> Iterator[Kept]:
    """A ledger that is only read."""
    with closing(Kept(shared_sql_url, seed)) as made:
        yield made


@pytest.fixture
def in_file(tmp_path: Path, seed: int) -> Iterator[Kept]:
    """The same in SQLite, where a test can look behind the books and change them."""
    with closing(Kept(f"sqlite:{tmp_path / 'in_file.sqlite'}", seed)) as made:
        yield made


@pytest.fixture
def reader(kept: Kept) -> Iterator[Reader]:
    with open_reader(kept.url) as opened:
        yield opened
