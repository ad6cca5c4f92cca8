"""Withdrawals, deposits told apart, and busts in the books: each happens once, and only in an open batch."""

import hashlib
from collections.abc import Callable

import numpy as np
import pytest

from fxengine.codes import CUSTODY_ACCOUNT, EventKind
from fxengine.errors import LedgerError
from fxengine.ledger import BUST, TRANSFER, WITHDRAWAL, Batch, Ledger, WithdrawalStep
from fxengine.ledger.check_batches import Books
from fxengine.ledger.reading import open_reader

ALICE, BOB, USD = 2, 3, 0
HELD, PAID, RETURNED = WithdrawalStep
Open = Callable[[str], Ledger]


def steps(*rows: tuple[int, int, int]) -> np.ndarray:
    """Return WITHDRAWAL records from (sequence, number, step), all of 5 units for one account."""
    return np.array([(sequence, number, ALICE, USD, step, b"", 5) for sequence, number, step in rows], WITHDRAWAL)


def paid(sequence: int, withdrawal: int) -> np.ndarray:
    row = (sequence, ALICE, CUSTODY_ACCOUNT, USD, EventKind.WITHDRAWN, b"", 5, withdrawal, b"", b"")
    return np.array([row], TRANSFER)


def funded(books: Books) -> Batch:
    return books.close([(CUSTODY_ACCOUNT, USD, -100), (ALICE, USD, 100)], last=10)


OUT = [(ALICE, USD, -5), (CUSTODY_ACCOUNT, USD, 5)]


def test_a_withdrawal_is_held_and_paid_in_later_batches(sql_url: str, open_: Open, books: Books) -> None:
    ledger = open_(sql_url)
    ledger.post(funded(books))
    ledger.post(books.close([], withdrawals=steps((11, 11, HELD), (12, 12, HELD)), last=20))
    query = "SELECT withdrawal, account, amount_units, held_batch, state, ended_batch, ended_sequence FROM withdrawals"
    with open_reader(sql_url) as reader:
        held = [(n, ALICE, 5, 2, "HELD", None, None) for n in (11, 12)]
        assert reader.rows(f"{query} ORDER BY withdrawal") == held
    ends = steps((21, 11, PAID), (22, 12, RETURNED))
    ledger.post(books.close(OUT, transfers=paid(21, 11), withdrawals=ends, last=30))
    with open_reader(sql_url) as reader:
        ended = [(11, ALICE, 5, 2, "PAID", 3, 21), (12, ALICE, 5, 2, "RETURNED", 3, 22)]
        assert reader.rows(f"{query} ORDER BY withdrawal") == ended
        assert reader.rows("SELECT batch, transfers, withdrawals FROM batches") == [(1, 0, 0), (2, 0, 2), (3, 1, 2)]
    assert ledger.balance(ALICE, USD) == 95


def test_a_withdrawal_may_begin_and_end_in_one_batch(sql_url: str, open_: Open, books: Books) -> None:
    ledger = open_(sql_url)
    ledger.post(funded(books))
    both = steps((11, 11, HELD), (12, 11, RETURNED))
    ledger.post(books.close(OUT, transfers=paid(15, 0), withdrawals=both, last=20))
    with open_reader(sql_url) as reader:
        rows = reader.rows("SELECT withdrawal, state, ended_sequence FROM withdrawals ORDER BY withdrawal")
        assert rows == [(11, "RETURNED", 12), (15, "PAID", 15)]


@pytest.mark.parametrize(
    ("records", "transfers"),
    [
        (steps((21, 99, PAID)), paid(21, 99)),  # never held
        (steps((21, 11, PAID)), None),  # ended, and nothing paid
        (steps((21, 11, PAID), (22, 11, PAID)), paid(21, 11)),  # twice
        (steps((21, 11, RETURNED)), paid(21, 11)),  # returned and paid
        (steps((31, 11, RETURNED)), None),  # by a command of a later batch
        (steps((11, 11, HELD)), None),  # held again
    ],
)
def test_a_withdrawal_that_ends_wrongly_is_refused(
    sql_url: str, open_: Open, books: Books, records: np.ndarray, transfers: np.ndarray | None
) -> None:
    ledger = open_(sql_url)
    ledger.post(funded(books))
    ledger.post(books.close([], withdrawals=steps((11, 11, HELD)), last=20))
    moves = OUT if transfers is not None else []
    batch = books.close(moves, transfers=transfers, withdrawals=records, last=30)
    with pytest.raises(LedgerError, match="refuses the batch"):
        ledger.post(batch)
    assert (ledger.cursor().batch_id, ledger.balance(ALICE, USD)) == (2, 100)


@pytest.mark.parametrize("first", [PAID, RETURNED])
def test_a_withdrawal_that_has_ended_does_not_end_again(
    sql_url: str, open_: Open, books: Books, first: WithdrawalStep
) -> None:
    ledger = open_(sql_url)
    ledger.post(funded(books))
    ended = (OUT, paid(12, 11)) if first is PAID else ([], None)
    ledger.post(books.close(ended[0], transfers=ended[1], withdrawals=steps((11, 11, HELD), (12, 11, first)), last=20))
    before = ledger.balances()
    for again, moves, transfers in ((RETURNED, [], None), (PAID, OUT, paid(21, 11))):
        start = books.cursor
        with pytest.raises(LedgerError, match="refuses the batch"):
            ledger.post(books.close(moves, transfers=transfers, withdrawals=steps((21, 11, again)), last=30))
        books.cursor = start
    assert (ledger.cursor().batch_id, ledger.balances()) == (2, before)


def test_a_deposit_is_credited_once_by_its_external_reference(sql_url: str, open_: Open, books: Books) -> None:
    ledger = open_(sql_url)
    reference = hashlib.blake2b(b"wire 77", digest_size=16).digest()

    def deposit(sequence: int) -> Batch:
        row = (sequence, CUSTODY_ACCOUNT, ALICE, USD, EventKind.DEPOSITED, b"", 7, 0, reference, b"")
        moves = [(CUSTODY_ACCOUNT, USD, -7), (ALICE, USD, 7)]
        return books.close(moves, transfers=np.array([row], TRANSFER), last=sequence)

    ledger.post(deposit(10))
    with open_reader(sql_url) as reader:
        assert reader.rows("SELECT sequence, external_id FROM deposits") == [(10, reference)]
    with pytest.raises(LedgerError, match="refuses"):
        ledger.post(deposit(20))
    assert ledger.balance(ALICE, USD) == 7


def test_a_trade_is_busted_once(sql_url: str, open_: Open, books: Books) -> None:
    ledger = open_(sql_url)
    batch = books.batch()
    ledger.post(batch)
    gone = {(instrument, number) for _, number, instrument, _ in batch.busts.tolist()}
    trade = next(trade for trade in batch.trades if (trade["instrument"], trade["number"]) not in gone)
    sequence = batch.last_sequence + 1
    bust = np.array([(sequence, trade["number"], trade["instrument"], b"")], BUST)
    ledger.post(books.close([], busts=bust, last=sequence))
    bust["sequence"] += 1
    with pytest.raises(LedgerError, match="refuses"):
        ledger.post(books.close([], busts=bust, last=sequence + 1))
    with open_reader(sql_url) as reader:
        rows = reader.rows("SELECT instrument, number, batch, sequence FROM busts WHERE batch = 2")
        assert rows == [(trade["instrument"], trade["number"], 2, sequence)]


def test_a_bust_of_what_was_no_trade_does_not_stop_the_books(sql_url: str, open_: Open, books: Books) -> None:
    """An operator's word is in the journal by now; an audit names it."""
    ledger = open_(sql_url)
    ledger.post(books.batch())
    sequence = books.cursor.last_sequence + 1
    ledger.post(books.close([], busts=np.array([(sequence, 10**6, 0, b"")], BUST), last=sequence))
    ledger.post(books.batch())
    assert ledger.balances() == books.balances
    with open_reader(sql_url) as reader:
        assert reader.rows("SELECT instrument, number FROM busts WHERE batch = 2") == [(0, 10**6)]
