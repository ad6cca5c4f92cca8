"""Busts: an operator undoes a trade, both legs and both fees in one command.

::

    trade   maker sold 5 EUR at 1.10, taker fee 0.01 EUR      bust   maker  +5.00 EUR   -5.50 USD
                                                                     taker  -4.99 EUR   +5.50 USD
                                                                     fees   -0.01 EUR

The core keeps no trades, so the command says what the trade was, as the ledger has it; ``fxengine
verify`` holds the two against each other. Nothing cascades: orders keep their CumQty, later trades stand.
What has been spent or held since cannot be taken back, so a bust that would overdraw anybody is refused.
"""

from collections import defaultdict
from dataclasses import dataclass

from fxengine.codes import FEES_ACCOUNT, EventFlag, EventKind, OrdStatus, RejectReason, Side
from fxengine.reference.account import Account, Outcome
from fxengine.reference.book import opposite
from fxengine.reference.orders import size_refusal
from fxengine.reference.state import State, bar_or

Movements = dict[tuple[int, int], int]
"""Units by (account, currency)."""


@dataclass(slots=True)
class Bust:
    """The body of a BUST command and of its detail record."""

    client_order_id: int
    instrument: int
    number: int
    price_ticks: int
    quantity_lots: int
    maker: int
    taker: int
    maker_side: int
    maker_fee_units: int
    taker_fee_units: int


def bust(state: State, operator: Account, command: Bust, outcome: Outcome) -> RejectReason:
    """Undo a trade; return why it was refused, or NONE."""
    reason = _refusal(state, operator, command)
    if reason:
        return reason
    movements = _movements(state, command)
    if any(
        state.accounts[who].balances[currency].available + units < 0 for (who, currency), units in movements.items()
    ):
        return RejectReason.INSUFFICIENT_FUNDS
    for (who, currency), units in movements.items():
        state.accounts[who].balances[currency].available += units
    state.busted.add((command.instrument, command.number))
    outcome.status, outcome.done = OrdStatus.FILLED, 1
    side = Side(command.maker_side)
    for who, other, own_side, fee, flag in (
        (command.maker, command.taker, side, command.maker_fee_units, EventFlag.MAKER),
        (command.taker, command.maker, opposite(side), command.taker_fee_units, EventFlag.TAKER),
    ):
        state.emit_busted(
            who, side=own_side, instrument=command.instrument, flags=flag, counterparty=other,
            trade_number=command.number, price_ticks=command.price_ticks, quantity_lots=command.quantity_lots,
            fee_units=fee,
        )  # fmt: skip
    state.emit_money(EventKind.DONE, operator.number, command.instrument, 1, client_order_id=command.client_order_id)
    return RejectReason.NONE


def _refusal(state: State, operator: Account, command: Bust) -> RejectReason:
    """Return the first reason but the funds, in this order. What no trade can have been is refused like an order."""
    if not state.is_operator(operator):
        return bar_or(operator, RejectReason.NOT_AUTHORIZED)
    if command.instrument >= len(state.instruments):
        return RejectReason.UNKNOWN_INSTRUMENT
    if command.maker_side not in (Side.BUY, Side.SELL):
        return RejectReason.BAD_SIDE
    instrument = state.instruments[command.instrument]
    reason = size_refusal(instrument, command.price_ticks, command.quantity_lots)
    if reason:
        return reason
    if state.client(command.maker) is None or state.client(command.taker) is None:
        return RejectReason.UNKNOWN_ACCOUNT
    base_units = command.quantity_lots * instrument.lot_units
    quote_units = instrument.notional_units(command.price_ticks, command.quantity_lots)
    to_maker, to_taker = (base_units, quote_units) if command.maker_side == Side.BUY else (quote_units, base_units)
    if not (-to_taker <= command.maker_fee_units <= to_maker and 0 <= command.taker_fee_units <= to_taker):
        return RejectReason.AMOUNT_OUT_OF_RANGE
    if not 1 <= command.number <= state.books[command.instrument].stream:
        return RejectReason.UNKNOWN_TRADE
    if (command.instrument, command.number) in state.busted:
        return RejectReason.TRADE_BUSTED
    return RejectReason.NONE


def _movements(state: State, command: Bust) -> Movements:
    """Return what undoing the trade gives everybody."""
    instrument = state.instruments[command.instrument]
    base, quote = instrument.base, instrument.quote
    base_units = command.quantity_lots * instrument.lot_units
    quote_units = instrument.notional_units(command.price_ticks, command.quantity_lots)
    buyer, seller = command.maker, command.taker
    maker_got, taker_got = base, quote
    if command.maker_side == Side.SELL:
        buyer, seller = seller, buyer
        maker_got, taker_got = taker_got, maker_got
    moved: Movements = defaultdict(int)
    moved[buyer, base] -= base_units
    moved[seller, base] += base_units
    moved[buyer, quote] += quote_units
    moved[seller, quote] -= quote_units
    # A rebate was paid in the currency that the maker gave, which is the one that the taker received.
    fee_currency = maker_got if command.maker_fee_units >= 0 else taker_got
    moved[command.maker, fee_currency] += command.maker_fee_units
    moved[FEES_ACCOUNT, fee_currency] -= command.maker_fee_units
    moved[command.taker, taker_got] += command.taker_fee_units
    moved[FEES_ACCOUNT, taker_got] -= command.taker_fee_units
    return moved
