"""The bytes of a batch's deltas: one way to write them, all of it read back, and nothing that moved on chain itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxengine.chain.deltas import RECORD, decode, encode, net_on_chain
from fxengine.codes import CUSTODY_ACCOUNT, EventKind
from fxengine.errors import LedgerError
from fxengine.ledger.batch import BUST, DELTA, TRADE, TRANSFER, WITHDRAWAL, Batch, Cursor
from fxengine.records import Records

MAX = 2**63 - 1

amounts = st.integers(-(2**63), MAX).filter(bool)
nets = st.dictionaries(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 255)), amounts, max_size=40)


def records(net: dict[tuple[int, int], int]) -> Records:
    found = np.zeros(len(net), DELTA)
    for at, ((account, currency), units) in enumerate(net.items()):
        found[at] = (account, currency, b"", units)
    return found


def lines(deltas: Records) -> dict[tuple[int, int], int]:
    return {(account, currency): units for account, currency, _, units in deltas.tolist()}


def test_the_layout_is_the_documented_one() -> None:
    content = encode(records({(7, 1): -2, (7, 3): 258, (2**32 - 1, 4): 1}))
    assert content.hex() == (
        "00" "00000007" "0000000000000000" "fffffffffffffffe" "0000000000000000" "0000000000000102"
        "01" "ffffffff" "0000000000000001" "0000000000000000" "0000000000000000" "0000000000000000"
    )  # fmt: skip


@given(nets)
def test_what_is_written_is_read_back_in_the_ledger_s_order(net: dict[tuple[int, int], int]) -> None:
    content = encode(records(net))
    found = decode(content)
    assert lines(found) == net
    assert list(lines(found)) == sorted(net)
    assert encode(found) == content
    assert len(content) == RECORD.itemsize * len({(account, currency // 4) for account, currency in net})


def test_zeros_are_left_out_and_nothing_is_no_bytes() -> None:
    assert encode(records({(1, 1): 0})) == b""
    assert len(decode(b"")) == 0


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(LedgerError, match="two amounts of one currency"):
        encode(np.concatenate([records({(7, 1): 1}), records({(7, 1): 2})]))
    with pytest.raises(LedgerError, match="256 currencies"):
        encode(records({(7, 256): 1}))


@pytest.mark.parametrize("change", ["torn", "reversed", "repeated", "empty"])
def test_bytes_that_the_encoder_would_not_write_are_refused(change: str) -> None:
    one, two = (encode(records({(account, 0): 5})) for account in (7, 8))
    wrong = {"torn": one[:-1], "reversed": two + one, "repeated": one + one, "empty": one[:5] + bytes(32)}
    with pytest.raises(LedgerError):
        decode(wrong[change])


def batch(net: dict[tuple[int, int], int], *transfers: tuple[EventKind, int, int, int]) -> Batch:
    """A batch with these deltas, and transfers as kind, client's account, currency, units."""
    moved = np.zeros(len(transfers), TRANSFER)
    for at, (kind, account, currency, units) in enumerate(transfers):
        payer, payee = (account, CUSTODY_ACCOUNT) if kind == EventKind.WITHDRAWN else (CUSTODY_ACCOUNT, account)
        moved[at]["kind"], moved[at]["payer"], moved[at]["payee"] = kind, payer, payee
        moved[at]["currency"], moved[at]["amount_units"] = currency, units
    empty = {
        name: np.zeros(0, dtype) for name, dtype in (("trades", TRADE), ("withdrawals", WITHDRAWAL), ("busts", BUST))
    }
    before = Cursor(0, 0, bytes(32), bytes(32))
    return Batch.after(
        before, last_sequence=1, time_ns=0, journal_hash=bytes(32), deltas=records(net), transfers=moved, **empty
    )


def test_deposits_and_withdrawals_and_the_custody_account_are_not_settled_on_chain() -> None:
    # Account 2 paid in 100, sold 30 of it to account 3, which took out 20; account 4 only paid in.
    made = batch(
        {(1, 0): -90, (2, 0): 70, (3, 0): 10, (4, 0): 10},
        (EventKind.DEPOSITED, 2, 0, 100),
        (EventKind.WITHDRAWN, 3, 0, 20),
        (EventKind.DEPOSITED, 4, 0, 10),
    )
    assert lines(net_on_chain(made)) == {(2, 0): -30, (3, 0): 30}


def test_an_account_whose_trades_and_deposit_cancel_out_is_still_settled() -> None:
    made = batch({(1, 0): -50, (3, 0): 50}, (EventKind.DEPOSITED, 2, 0, 50))
    assert lines(net_on_chain(made)) == {(2, 0): -50, (3, 0): 50}


def test_payments_between_accounts_are_settled() -> None:
    net = {(2, 0): -5, (3, 0): 5}
    made = batch(net)
    made.transfers.resize(0, refcheck=False)
    assert lines(net_on_chain(made)) == net
    paid = batch(net, (EventKind.RECEIVED, 3, 0, 5))
    assert lines(net_on_chain(paid)) == net


def test_deposits_beyond_64_bits_are_netted_exactly_and_what_does_not_fit_is_refused() -> None:
    whole = ((EventKind.DEPOSITED, 2, 0, MAX), (EventKind.WITHDRAWN, 2, 0, MAX)) * 3
    assert lines(net_on_chain(batch({}, *whole))) == {}
    with pytest.raises(LedgerError, match="account 2"):
        net_on_chain(batch({}, *whole[:1] * 2))
