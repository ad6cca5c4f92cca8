"""What fxengine.ledger.base promises, held against every backend by name, and what holds beyond that."""

from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np
import pytest

from fxengine.codes import SettlementStatus
from fxengine.errors import LedgerError, LedgerMismatch
from fxengine.ledger import AccountName, Ledger
from fxengine.ledger.check import GUARANTEES, Guarantee, Trial
from fxengine.ledger.check_batches import Books

ALICE, BOB, CUSTODY, USD, EUR = 2, 3, 1, 0, 1


@pytest.fixture
def trial(url: str, seed: int) -> Iterator[Trial]:
    with closing(Trial(url, seed)) as trial:
        yield trial


@pytest.mark.parametrize("guarantee", GUARANTEES, ids=lambda guarantee: guarantee.name)
def test_every_backend_keeps_every_promise(trial: Trial, guarantee: Guarantee) -> None:
    assert guarantee.broken_by(trial) is None


def test_an_empty_ledger_stands_at_genesis(trial: Trial) -> None:
    assert trial.ledger.cursor() == trial.books.cursor
    assert trial.ledger.balances() == {}
    assert trial.ledger.balance(ALICE, USD) == 0
    assert trial.ledger.status(1) is SettlementStatus.PENDING


def test_balances_are_the_sum_of_the_batches(trial: Trial) -> None:
    for _ in range(20):
        trial.post()
        trial.holds("after a batch")
    assert len(trial.books.balances) > 10


def test_values_at_the_edge_of_64_bits_are_kept_exactly(open_: Callable[[str], Ledger], url: str, books: Books) -> None:
    ledger, top = open_(url), 2**63 - 1
    ledger.post(books.close([(CUSTODY, USD, -top), (ALICE, USD, top - 1), (BOB, USD, 1)]))
    ledger.post(books.close([(ALICE, USD, 1), (BOB, USD, -1)]))
    assert ledger.balances() == {(CUSTODY, USD): -top, (ALICE, USD): top, (BOB, USD): 0}
    start = books.cursor
    with pytest.raises(LedgerError):
        ledger.post(books.close([(CUSTODY, USD, -1), (ALICE, USD, 1)]))
    books.cursor = start
    assert ledger.balance(ALICE, USD) == top == np.iinfo(np.int64).max
    ledger.post(books.close([(CUSTODY, USD, top), (ALICE, USD, -top)]))
    assert not any(ledger.balances().values())


def test_an_account_keeps_its_name_and_a_name_its_account(
    open_: Callable[[str], Ledger], url: str, books: Books
) -> None:
    ledger = open_(url)
    alice = AccountName(ALICE, "https://kyc.example", "payer-1")
    ledger.post(books.close([], names=(alice,)))
    ledger.post(books.close([], names=(alice,)))
    for other in (AccountName(ALICE, "https://kyc.example", "payer-2"), alice._replace(account=BOB)):
        start = books.cursor
        with pytest.raises(LedgerMismatch):
            ledger.post(books.close([], names=(other,)))
        books.cursor = start
    ledger.post(books.close([], names=(alice._replace(account=BOB, issuer="https://other.example"),)))
