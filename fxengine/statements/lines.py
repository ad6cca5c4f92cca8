"""What an account's posting is made of: the trades, fees, deposits, withdrawals and payments it nets.

A posting is one amount for one account, batch and currency. Its lines are found again from the tables that
the batch wrote beside it, and they must add up to it. A trade seen from one of its sides is::

    maker BUYs      + base_units in base     - quote_units in quote     maker_fee in base, which it received
    maker SELLs     - base_units in base     + quote_units in quote     maker_fee in quote
    a rebate (a maker's fee below zero) is paid in the currency that the maker gave
    the taker has the other side; the fees account has minus both fees; a bust is the trade with all signs turned

Source: docs/settlement.md, "What moves money".
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from fxengine.codes import CUSTODY_ACCOUNT, FEES_ACCOUNT
from fxengine.ledger.holders import Holder
from fxengine.ledger.reading import Reader

_TRADE: Final = (
    "t.sequence, t.instrument, t.number, t.maker, t.taker, t.maker_side, t.base_units, t.quote_units,"
    " t.maker_fee_units, t.taker_fee_units"
)
_TRADES: Final = f"SELECT t.batch, {_TRADE} FROM trades t WHERE t.batch BETWEEN ? AND ?"
_BUSTS: Final = (
    f"SELECT b.batch, b.sequence, {_TRADE} FROM busts b JOIN trades t ON t.instrument = b.instrument"
    " AND t.number = b.number WHERE b.batch BETWEEN ? AND ?"
)
_SIDES: Final = " AND (t.maker = ? OR t.taker = ?)"
_DEPOSITS: Final = "SELECT batch, sequence, account, currency, amount_units FROM deposits WHERE batch BETWEEN ? AND ?"
_WITHDRAWALS: Final = (
    "SELECT ended_batch, ended_sequence, account, currency, amount_units FROM withdrawals"
    " WHERE ended_batch BETWEEN ? AND ? AND state = 'PAID'"
)
_PAYMENTS: Final = (
    "SELECT batch, sequence, payer, payee, currency, amount_units FROM payments WHERE batch BETWEEN ? AND ?"
    " AND (payer = ? OR payee = ?)"
)


class Pair(NamedTuple):
    """An instrument: its symbol, and the numbers of its currencies."""

    symbol: str
    base: int
    quote: int


class Line(NamedTuple):
    """One thing that moved an account's money."""

    batch: int
    sequence: int  # of the command that moved it
    kind: str  # trade, fee, rebate, deposit, withdrawal, payment or bust
    currency: int
    amount_units: int  # what the account gained or, negative, gave
    instrument: str = ""
    number: int | None = None  # of the trade, with the instrument
    counterparty: int | None = None  # of a payment: the other account


def lines_of(reader: Reader, holder: Holder, pairs: dict[int, Pair], first: int, last: int) -> list[Line]:
    """Return an account's lines in batches ``first`` to ``last``, in the order of batch and command.

    O(trades in these batches): ask for batches in which the account has postings.
    """
    found = [*_moved(reader, holder, first, last), *_traded(reader, holder, pairs, first, last)]
    return sorted(found, key=lambda line: (line.batch, line.sequence))


def _moved(reader: Reader, holder: Holder, first: int, last: int) -> Iterator[Line]:
    """Yield deposits, withdrawals and payments. Custody mirrors the first two."""
    who = holder.account
    mine, values = ("", ()) if who == CUSTODY_ACCOUNT else (" AND account = ?", (who,))
    sign = -1 if who == CUSTODY_ACCOUNT else 1
    for kind, query, direction in (("deposit", _DEPOSITS, sign), ("withdrawal", _WITHDRAWALS, -sign)):
        for batch, sequence, _, currency, units in _whole(reader.rows(query + mine, first, last, *values)):
            yield Line(batch, sequence, kind, currency, direction * units)
    for batch, sequence, payer, payee, currency, units in _whole(reader.rows(_PAYMENTS, first, last, who, who)):
        if payer == who:
            yield Line(batch, sequence, "payment", currency, -units, counterparty=payee)
        if payee == who:
            yield Line(batch, sequence, "payment", currency, units, counterparty=payer)


def _traded(reader: Reader, holder: Holder, pairs: dict[int, Pair], first: int, last: int) -> Iterator[Line]:
    """Yield what trades and their busts moved. The fees account has a part in every trade."""
    who = holder.account
    mine, values = ("", ()) if who == FEES_ACCOUNT else (_SIDES, (who, who))
    if who == CUSTODY_ACCOUNT:
        return
    for row in reader.rows(_TRADES + mine, first, last, *values):
        yield from _sides(row, who, pairs, turned=False)
    for batch, sequence, _, *rest in reader.rows(_BUSTS + mine, first, last, *values):
        yield from _sides((batch, sequence, *rest), who, pairs, turned=True)


def _sides(row: tuple[object, ...], who: int, pairs: dict[int, Pair], *, turned: bool) -> Iterator[Line]:
    side = row[6]
    batch, sequence, instrument, number, maker, taker = _whole_row(row[:6])
    base_units, quote_units, maker_fee, taker_fee = _whole_row(row[7:])
    pair = pairs[instrument]
    sign = -1 if turned else 1
    for account, fee, buys in ((maker, maker_fee, side == "BUY"), (taker, taker_fee, side != "BUY")):
        received, given = (pair.base, pair.quote) if buys else (pair.quote, pair.base)
        moves: list[tuple[str, int, int]] = []
        if account == who:
            moves += [("trade", pair.base, base_units if buys else -base_units)]
            moves += [("trade", pair.quote, -quote_units if buys else quote_units)]
        if fee:
            kind, currency = ("fee", received) if fee > 0 else ("rebate", given)
            moves += [(kind, currency, -fee)] if account == who else []
            moves += [(kind, currency, fee)] if who == FEES_ACCOUNT else []
        for kind, currency, units in moves:
            yield Line(batch, sequence, "bust" if turned else kind, currency, sign * units, pair.symbol, number)


def _whole(rows: Iterable[tuple[object, ...]]) -> Iterator[tuple[int, ...]]:
    return (_whole_row(row) for row in rows)


def _whole_row(row: Iterable[object]) -> tuple[int, ...]:
    return tuple(int(str(value)) for value in row)
