"""Multilateral netting: from the core's events to what every account gains or gives. Pure.

Movements of money follow from events alone. A trade is two FILL events, the maker's and then the
taker's, and each party's own event says what that party gives, receives and pays as a fee; the
legs of an instant swap are ordinary trades whose taker is the payer. For 5 lots of EUR/USD at
1.10, one lot being 1 EUR, with a taker fee of 0.01 EUR and a maker rebate of 0.005 EUR::

                          maker sells          taker buys           fees account
    EUR  principal          -5.000               +5.000
    EUR  fee                                     -0.010                +0.010
    EUR  rebate             +0.005                                     -0.005
    USD  principal          +5.500               -5.500
                           -------              -------               -------
                    every row of the table sums to zero

A fee is paid in the currency that its payer received; a rebate comes out of the taker's fee and so
is paid in the taker's receipt currency, which is the one the maker gave. The rest is one-legged:
DEPOSITED and RECEIVED move money from counterparty to account, WITHDRAWN from account to
counterparty. A BUSTED event, one for each party as its FILL was, moves what that fill moved back
again. No other event moves money. That an account's withdrawal is held, or free again, moves
nothing, and is told to the ledger all the same.

Why plain int64 sums are exact: numpy adds modulo 2^64, in which the order of additions and any
overflow on the way do not matter. The net is the difference of two balances of one account, each
between 0 and 2^63 - 1 (custody: between -(2^63 - 1) and 0), so it lies within int64, and the only
int64 that is congruent to it modulo 2^64 is the net itself.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fxengine.codes import FEES_ACCOUNT, EventFlag, EventKind, Side
from fxengine.ledger.batch import BUST, DELTA, TRADE, TRANSFER, WITHDRAWAL, WithdrawalStep
from fxengine.records import BUST_EVENT, MONEY_EVENT, Records

Ints = npt.NDArray[np.int64]

_TRANSFERS = (EventKind.RECEIVED, EventKind.DEPOSITED, EventKind.WITHDRAWN)
_STEPS = {
    EventKind.WITHDRAWAL_HELD: WithdrawalStep.HELD,
    EventKind.WITHDRAWN: WithdrawalStep.PAID,
    EventKind.WITHDRAWAL_RETURNED: WithdrawalStep.RETURNED,
}


class Net(NamedTuple):
    """What a stretch of events comes to; the arrays that a batch carries."""

    deltas: Records  # (n,) DELTA, by account then currency, no zeros, zero-sum per currency
    trades: Records  # (m,) TRADE, in the order of the events
    transfers: Records  # (k,) TRANSFER, in the order of the events
    withdrawals: Records  # (w,) WITHDRAWAL, in the order of the events
    busts: Records  # (b,) BUST, in the order of the events


def net(events: Records, instruments: Records) -> Net:
    """Net ``(n,) EVENT`` records under the venue's ``(m,) INSTRUMENT`` records.

    The events must hold whole commands in the order of the journal. Raises :class:`AssertionError`
    where a maker's fill is not followed by its taker's: such events do not come from the core.
    O(n log n), vectorised.
    """
    fills = events[events["kind"] == EventKind.FILL]
    money = events[np.isin(events["kind"], _TRANSFERS)].view(MONEY_EVENT)
    busted = events[events["kind"] == EventKind.BUSTED].view(BUST_EVENT)
    steps = events[np.isin(events["kind"], list(_STEPS))].view(MONEY_EVENT)
    trades, transfers = _trades(fills), _transfers(money)
    undone = [(keys, -amounts) for keys, amounts in _fill_movements(busted, instruments)]
    movements = [*_fill_movements(fills, instruments), *undone, *_transfer_movements(transfers)]
    keys = np.concatenate([m[0] for m in movements])
    amounts = np.concatenate([m[1] for m in movements])
    return Net(_sum(keys, amounts), trades, transfers, _withdrawals(steps), _busts(busted))


def _key(account: npt.NDArray[np.uint32], currency: npt.NDArray[np.uint16]) -> Ints:
    """Return one integer per (account, currency) whose order is that of the pair."""
    return account.astype(np.int64) << 16 | currency


def _fill_movements(fills: Records, instruments: Records) -> list[tuple[Ints, Ints]]:
    """Return what every single fill moves: base, quote, fee, and the fee's other side."""
    account = fills["account"]
    instrument = instruments[fills["instrument"]]
    buys = fills["side"] == Side.BUY
    sign = np.where(buys, 1, -1)
    base_units = sign * fills["quantity_lots"] * instrument["lot_units"]
    quote_units = -sign * fills["price_ticks"] * fills["quantity_lots"] * instrument["tick_lot_units"]
    fee_units = fills["fee_units"]
    fee_currency = np.where(buys == (fee_units >= 0), instrument["base"], instrument["quote"])
    return [
        (_key(account, instrument["base"]), base_units),
        (_key(account, instrument["quote"]), quote_units),
        (_key(account, fee_currency), -fee_units),
        (_key(np.full_like(account, FEES_ACCOUNT), fee_currency), fee_units),
    ]


def _transfer_movements(transfers: Records) -> list[tuple[Ints, Ints]]:
    units = transfers["amount_units"]
    return [
        (_key(transfers["payee"], transfers["currency"]), units),
        (_key(transfers["payer"], transfers["currency"]), -units),
    ]


def _sum(keys: Ints, amounts: Ints) -> Records:
    """Add up amounts by key; see the module's docstring for why this cannot overflow."""
    found, group = np.unique(keys, return_inverse=True)
    totals = np.zeros(len(found), np.int64)
    np.add.at(totals, group, amounts)
    moved = totals != 0
    deltas = np.zeros(int(moved.sum()), DELTA)
    deltas["account"] = found[moved] >> 16
    deltas["currency"] = found[moved] & 0xFFFF
    deltas["amount_units"] = totals[moved]
    return deltas


def _trades(fills: Records) -> Records:
    """Join each maker's fill with its taker's, which the core reports right after it."""
    maker, taker = fills[0::2], fills[1::2]
    if len(maker) != len(taker) or not (
        (maker["flags"] & EventFlag.MAKER).all()
        and (taker["flags"] & EventFlag.TAKER).all()
        and all((maker[name] == taker[name]).all() for name in ("sequence", "instrument", "instrument_stream"))
        and all((maker[name] == taker[name]).all() for name in ("price_ticks", "quantity_lots"))
    ):
        raise AssertionError("the fills of a trade do not stand side by side")
    trades = np.zeros(len(maker), TRADE)
    for name in ("sequence", "instrument", "price_ticks", "quantity_lots"):
        trades[name] = maker[name]
    trades["number"] = maker["instrument_stream"]
    trades["maker_side"] = maker["side"]
    trades["swap"] = (taker["flags"] & EventFlag.SWAP) != 0
    trades["maker"], trades["taker"] = maker["account"], taker["account"]
    trades["maker_fee_units"], trades["taker_fee_units"] = maker["fee_units"], taker["fee_units"]
    return trades


def _transfers(money: Records) -> Records:
    transfers = np.zeros(len(money), TRANSFER)
    given = money["kind"] == EventKind.WITHDRAWN
    transfers["sequence"] = money["sequence"]
    transfers["payer"] = np.where(given, money["account"], money["counterparty"])
    transfers["payee"] = np.where(given, money["counterparty"], money["account"])
    transfers["currency"] = money["instrument"]
    transfers["kind"] = money["kind"]
    for name in ("amount_units", "withdrawal", "external_id"):
        transfers[name] = money[name]
    return transfers


def _withdrawals(steps: Records) -> Records:
    withdrawals = np.zeros(len(steps), WITHDRAWAL)
    for name in ("sequence", "withdrawal", "account", "amount_units"):
        withdrawals[name] = steps[name]
    withdrawals["currency"] = steps["instrument"]
    for kind, step in _STEPS.items():
        withdrawals["step"][steps["kind"] == kind] = step
    return withdrawals


def _busts(busted: Records) -> Records:
    makers = busted[(busted["flags"] & EventFlag.MAKER) != 0]
    busts = np.zeros(len(makers), BUST)
    busts["sequence"], busts["instrument"] = makers["sequence"], makers["instrument"]
    busts["number"] = makers["trade_number"]
    return busts
