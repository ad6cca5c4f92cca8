"""What a batch says of itself."""

import random
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from fxengine.codes import CUSTODY_ACCOUNT, EventKind
from fxengine.errors import LedgerError
from fxengine.ledger import TRADE, TRANSFER, WITHDRAWAL, AccountName
from fxengine.ledger.base import check_balance
from fxengine.ledger.batch import trade_leaves
from fxengine.ledger.check_batches import Books
from fxengine.ledger.merkle import inclusion_proof, proves

ALICE, USD = 2, 0


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


def test_any_trade_is_proved_to_be_in_its_batch_without_the_others(books: Books) -> None:
    batch = books.batch()
    leaves = trade_leaves(batch.trades)
    for index, leaf in enumerate(leaves):
        assert leaf == batch.trades[index].tobytes()
        assert proves(leaf, index, len(leaves), inclusion_proof(leaves, index), batch.trades_root)


@pytest.mark.parametrize(
    ("kind", "side", "says"),
    [("DEPOSITED", "payer", "payer of a DEPOSITED"), ("WITHDRAWN", "payee", "payee of a WITH")],
)
def test_money_comes_from_custody_and_goes_there(books: Books, kind: str, side: str, says: str) -> None:
    transfers = np.zeros(1, TRANSFER)
    transfers["kind"], transfers["payer"], transfers["payee"] = EventKind[kind], 3, 2
    with pytest.raises(LedgerError, match=says):
        books.close([], transfers=transfers).check()
    transfers[side] = CUSTODY_ACCOUNT
    books.close([], transfers=transfers).check()


def test_an_account_stands_once_in_a_currency(books: Books) -> None:
    batch = books.close([(CUSTODY_ACCOUNT, USD, -7), (ALICE, USD, 7)])
    batch.deltas["amount_units"] = (-14, 7)
    with pytest.raises(LedgerError, match="order of account"):
        replace(batch, deltas=batch.deltas[[0, 1, 1]]).check()


@pytest.mark.parametrize(
    ("account", "units", "may"),
    [(ALICE, 0, True), (ALICE, -1, False), (CUSTODY_ACCOUNT, 0, True), (CUSTODY_ACCOUNT, 1, False),
     (ALICE, 2**63 - 1, True), (ALICE, 2**63, False), (CUSTODY_ACCOUNT, -(2**63), False)],
)  # fmt: skip
def test_only_custody_is_below_zero_and_it_is_never_above(account: int, units: int, may: bool) -> None:
    with nullcontext() if may else pytest.raises(LedgerError, match="would hold"):
        check_balance(account, USD, units)


def test_records_of_another_kind_are_refused(books: Books) -> None:
    with pytest.raises(LedgerError, match="records"):
        books.close([], transfers=np.zeros(0, WITHDRAWAL))
    with pytest.raises(LedgerError, match="records"):
        books.close([], trades=np.zeros(0, TRANSFER))
