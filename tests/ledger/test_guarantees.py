"""What fxengine.ledger.base promises, held against every backend by name."""

import dataclasses
import random
import threading
from typing import Any

import numpy as np
import pytest

from fxengine.codes import CUSTODY_ACCOUNT, FEES_ACCOUNT, SettlementStatus
from fxengine.errors import LedgerError, LedgerMismatch
from fxengine.ledger import TRADE, TRANSFER, AccountName, Cursor, Ledger
from fxengine.venue import Venue
from tests.ledger.books import Books

USD, EUR = 0, 1
ALICE, BOB = 2, 3


def test_an_empty_ledger_stands_at_genesis(ledger: Ledger, venue: Venue) -> None:
    assert ledger.cursor() == Cursor.genesis(venue)
    assert ledger.balances() == {}
    assert ledger.balance(ALICE, USD) == 0
    assert ledger.status(1) is SettlementStatus.PENDING


def test_balances_are_the_sum_of_the_batches(ledger: Ledger, books: Books) -> None:
    for _ in range(20):
        ledger.post(books.batch())
        assert ledger.balances() == books.balances
    assert len(books.balances) > 10
    for (account, currency), units in books.balances.items():
        assert ledger.balance(account, currency) == units


def test_the_cursor_moves_with_the_batch(ledger: Ledger, books: Books) -> None:
    for _ in range(3):
        batch = books.batch()
        assert ledger.status(batch.id) is SettlementStatus.PENDING
        ledger.post(batch)
        assert ledger.cursor() == batch.cursor == books.cursor
        assert ledger.status(batch.id) is SettlementStatus.FINAL


def test_a_batch_posted_again_changes_nothing(ledger: Ledger, books: Books) -> None:
    batches = [books.batch() for _ in range(4)]
    for n, batch in enumerate(batches):
        for again in batches[: n + 1] * 2:
            ledger.post(again) if again.id <= n else ledger.post(batch)
    assert ledger.balances() == books.balances
    assert ledger.cursor() == books.cursor


@pytest.mark.parametrize("known", [True, False], ids=["posted before", "next"])
@pytest.mark.parametrize(
    "change",
    [
        {"last_sequence": 999},
        {"time_ns": 1},
        {"journal_hash": bytes(32)},
        {"names": ()},
        {"names": (AccountName(ALICE, "https://kyc.example", "someone else"),)},
        {"head": bytes(32)},
    ],
    ids="-".join,
)
def test_other_content_under_the_same_head_is_refused(
    ledger: Ledger, books: Books, change: dict[str, Any], known: bool
) -> None:
    batch = books.batch()
    if known:
        ledger.post(batch)
    before = ledger.cursor(), ledger.balances()
    with pytest.raises(LedgerMismatch):
        ledger.post(dataclasses.replace(batch, **change))
    assert (ledger.cursor(), ledger.balances()) == before


@pytest.mark.parametrize("part", ["deltas", "trades", "transfers"])
def test_other_records_under_the_same_head_are_refused(ledger: Ledger, books: Books, part: str) -> None:
    batch = books.batch()
    ledger.post(batch)
    before = ledger.balances()
    records = getattr(batch, part).copy()
    if part == "deltas":
        pair = np.flatnonzero(records["currency"] == records["currency"][0])[:2]
        records["amount_units"][pair] += (1, -1)
    else:
        records["sequence"][0] += 1
    with pytest.raises(LedgerMismatch):
        ledger.post(dataclasses.replace(batch, **{part: records}))
    assert ledger.balances() == before


def test_the_same_id_with_another_content_and_its_own_head_is_refused(ledger: Ledger, books: Books) -> None:
    start = books.cursor
    ledger.post(books.batch())
    before = ledger.balances()
    books.cursor = start
    with pytest.raises(LedgerMismatch, match="batch 1 was posted before with other content"):
        ledger.post(books.batch())
    assert ledger.balances() == before


def test_a_batch_out_of_order_is_refused(ledger: Ledger, books: Books) -> None:
    first, second, third = (books.batch() for _ in range(3))
    with pytest.raises(LedgerMismatch, match="never skipped"):
        ledger.post(second)
    ledger.post(first)
    with pytest.raises(LedgerMismatch, match="never skipped"):
        ledger.post(third)
    ledger.post(second)
    ledger.post(third)
    assert ledger.balances() == books.balances


def test_a_gap_in_the_command_sequences_is_refused(ledger: Ledger, books: Books) -> None:
    ledger.post(books.batch())
    books.cursor = books.cursor._replace(last_sequence=books.cursor.last_sequence + 1)
    with pytest.raises(LedgerMismatch, match="starts with command"):
        ledger.post(books.batch())


def test_a_batch_of_another_history_is_refused(ledger: Ledger, books: Books) -> None:
    ledger.post(books.batch())
    books.cursor = books.cursor._replace(head=bytes(32))
    with pytest.raises(LedgerMismatch, match="head"):
        ledger.post(books.batch())


def test_a_batch_of_another_venue_is_refused(ledger: Ledger, books: Books, other_venue: Venue) -> None:
    books.cursor = Cursor.genesis(other_venue)
    with pytest.raises(LedgerMismatch, match="head"):
        ledger.post(books.batch())


@pytest.mark.parametrize("missing", [1, -1, 2**63 - 1])
def test_a_batch_that_does_not_conserve_is_refused(ledger: Ledger, books: Books, missing: int) -> None:
    lines = [(FEES_ACCOUNT, EUR, 2**62), (CUSTODY_ACCOUNT, EUR, -(2**62)), (ALICE, USD, missing)]
    with pytest.raises(LedgerError, match="does not conserve currency 0"):
        ledger.post(books.close(lines))
    assert ledger.balances() == {}


def test_a_sum_that_only_wraps_to_zero_is_refused(ledger: Ledger, books: Books) -> None:
    lines = [(account, USD, 2**62) for account in range(2, 6)]
    with pytest.raises(LedgerError, match="does not conserve"):
        ledger.post(books.close(lines))


def test_no_client_and_not_the_fees_account_may_be_below_zero(ledger: Ledger, books: Books) -> None:
    for account in (FEES_ACCOUNT, ALICE):
        start = books.cursor
        with pytest.raises(LedgerError):
            ledger.post(books.close([(account, USD, -5), (BOB, USD, 5)]))
        books.cursor = start
    assert ledger.balances() == {}
    assert ledger.cursor().batch_id == 0


def test_custody_may_be_below_zero_but_not_above(ledger: Ledger, books: Books) -> None:
    ledger.post(books.close([(CUSTODY_ACCOUNT, USD, -(2**63 - 1)), (ALICE, USD, 2**63 - 1)]))
    assert ledger.balance(CUSTODY_ACCOUNT, USD) == -(2**63 - 1)
    ledger.post(books.close([(CUSTODY_ACCOUNT, USD, 2**63 - 1), (ALICE, USD, -(2**63 - 1))]))
    assert ledger.balance(CUSTODY_ACCOUNT, USD) == 0
    with pytest.raises(LedgerError):
        ledger.post(books.close([(CUSTODY_ACCOUNT, EUR, 1), (ALICE, EUR, -1)]))


def test_a_refused_batch_leaves_no_trace(ledger: Ledger, books: Books) -> None:
    ledger.post(books.batch())
    cursor, balances = ledger.cursor(), ledger.balances()
    start = books.cursor
    with pytest.raises(LedgerError):  # the first lines could be posted, the last cannot
        ledger.post(books.close([(CUSTODY_ACCOUNT, USD, -7), (BOB, USD, 8), (99, USD, -1)]))
    assert (ledger.cursor(), ledger.balances()) == (cursor, balances)
    books.cursor = start
    books.balances = dict(balances)
    ledger.post(books.batch())
    assert ledger.balances() == books.balances


def test_deltas_out_of_order_or_of_zero_are_refused(ledger: Ledger, books: Books) -> None:
    batch = books.close([(CUSTODY_ACCOUNT, USD, -7), (ALICE, USD, 7)])
    with pytest.raises(LedgerError, match="order"):
        ledger.post(dataclasses.replace(batch, deltas=batch.deltas[::-1]))
    zeros = batch.deltas.copy()
    zeros["amount_units"] = 0
    with pytest.raises(LedgerError, match="zero"):
        ledger.post(dataclasses.replace(batch, deltas=zeros))


def test_an_account_keeps_its_name_and_a_name_its_account(ledger: Ledger, books: Books) -> None:
    alice = AccountName(ALICE, "https://kyc.example", "payer-1")
    ledger.post(books.close([], names=(alice,)))
    ledger.post(books.close([], names=(alice,)))
    for other in (AccountName(ALICE, "https://kyc.example", "payer-2"), alice._replace(account=BOB)):
        start = books.cursor
        with pytest.raises(LedgerMismatch):
            ledger.post(books.close([], names=(other,)))
        books.cursor = start
    ledger.post(books.close([], names=(alice._replace(account=BOB, issuer="https://other.example"),)))


def test_many_threads_posting_the_same_batches_post_each_once(ledger: Ledger, books: Books) -> None:
    batches = [books.batch() for _ in range(12)]
    at_once = threading.Barrier(4)
    failures: list[BaseException] = []

    def post_all() -> None:
        try:
            for batch in batches:
                at_once.wait()
                ledger.post(batch)
                assert ledger.cursor().batch_id == batch.id
                at_once.wait()
        except BaseException as e:
            failures.append(e)
            at_once.abort()

    threads = [threading.Thread(target=post_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert ledger.balances() == books.balances


def test_a_batch_names_every_account_that_it_concerns_also_those_whose_net_is_zero(books: Books) -> None:
    trades, transfers = np.zeros(1, TRADE), np.zeros(1, TRANSFER)
    trades["maker"], trades["taker"] = 5, 9
    transfers["payer"], transfers["payee"] = 7, 6
    moves = [(CUSTODY_ACCOUNT, USD, -7), (ALICE, USD, 7)]
    assert books.close(moves, trades, transfers).accounts() == (CUSTODY_ACCOUNT, ALICE, 5, 6, 7, 9)


def test_names_that_only_read_alike_make_different_heads(books: Books) -> None:
    start, heads = books.cursor, set()
    for names in [("ab", "c")], [("a", "bc")], [("ab", ""), ("", "c")]:
        books.cursor, books.rng = start, random.Random(0)
        heads.add(books.close([], names=tuple(AccountName(ALICE, *name) for name in names)).head)
    assert len(heads) == 3
