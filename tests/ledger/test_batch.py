"""What a batch says of itself."""

import random

import numpy as np
import pytest

from fxengine.codes import CUSTODY_ACCOUNT, EventKind
from fxengine.errors import LedgerError
from fxengine.ledger import TRADE, TRANSFER, WITHDRAWAL, AccountName
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


def test_records_of_another_kind_are_refused(books: Books) -> None:
    with pytest.raises(LedgerError, match="records"):
        books.close([], transfers=np.zeros(0, WITHDRAWAL))
    with pytest.raises(LedgerError, match="records"):
        books.close([], trades=np.zeros(0, TRANSFER))
