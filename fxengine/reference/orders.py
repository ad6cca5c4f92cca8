"""New orders and cancels: checks, holds, and the matching loop.

An order holds its principal in full before it trades: a buyer ``limit x quantity`` of the quote
currency, a seller the quantity of the base currency. Each fill takes its part out of the hold at
the resting order's price and gives the improvement back at once. Proceeds are free to use at once,
less the fee. Example: buy 3 at 10, resting offers 1 at 8 and 5 at 9 (one unit per tick and lot)::

    hold 30                  available -30   held +30
    fill 1 at 8              held -10, available +2, base +1
    fill 2 at 9              held -20, available +2, base +2
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fxengine.codes import (
    FEES_ACCOUNT,
    CommandKind,
    EventFlag,
    EventKind,
    ExecInst,
    OrdStatus,
    OrdType,
    RejectReason,
    Side,
    TimeInForce,
)
from fxengine.money import INT64_MAX, fee_and_credit, rebate_units
from fxengine.records import PRICE_TICKS_MAX, QUANTITY_LOTS_MAX
from fxengine.reference.account import Account, Outcome
from fxengine.reference.book import Order, opposite
from fxengine.reference.state import Instrument, State


@dataclass(slots=True)
class NewOrder:
    """The body of a NEW_ORDER command."""

    instrument: int
    client_order_id: int
    side: int
    ord_type: int
    time_in_force: int
    exec_inst: int
    price_ticks: int
    quantity_lots: int


def new_order(state: State, account: Account, command: NewOrder, outcome: Outcome) -> RejectReason:
    """Check, accept, match and perhaps rest an order; return why it was refused, or NONE."""
    reason = _refusal(state, account, command)
    if reason:
        return reason
    side = Side(command.side)
    slot, generation = state.pool.take()
    order = Order(
        slot, generation, account.number, command.client_order_id,
        command.instrument, side, command.price_ticks, command.quantity_lots,
    )  # fmt: skip
    outcome.order_id = order.id
    state.pool.live[slot] = order
    _hold(state, order, order.leaves_lots)
    _accept(state, order, resting=not _would_cross(state, order) and command.time_in_force == TimeInForce.GTC)
    _match(state, order)
    _settle_remainder(state, order, command.time_in_force)
    return RejectReason.NONE


def _refusal(state: State, account: Account, command: NewOrder) -> RejectReason:
    """Return the first reason to refuse, in this order."""
    if not state.is_valid(account):
        return RejectReason.CREDENTIAL_EXPIRED
    if command.instrument >= len(state.instruments):
        return RejectReason.UNKNOWN_INSTRUMENT
    instrument = state.instruments[command.instrument]
    if not (account.permits(instrument.base) and account.permits(instrument.quote)):
        return RejectReason.CURRENCY_NOT_PERMITTED
    if command.side not in (Side.BUY, Side.SELL):
        return RejectReason.BAD_SIDE
    if command.ord_type != OrdType.LIMIT:
        return RejectReason.UNSUPPORTED_ORD_TYPE
    if command.time_in_force not in (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK):
        return RejectReason.UNSUPPORTED_TIME_IN_FORCE
    post_only = command.exec_inst == ExecInst.POST_ONLY
    if command.exec_inst and not (post_only and command.time_in_force == TimeInForce.GTC):
        return RejectReason.BAD_EXEC_INST
    if not 1 <= command.price_ticks <= PRICE_TICKS_MAX:
        return RejectReason.PRICE_OUT_OF_RANGE
    if not 1 <= command.quantity_lots <= QUANTITY_LOTS_MAX:
        return RejectReason.QUANTITY_OUT_OF_RANGE
    notional = instrument.notional_units(command.price_ticks, command.quantity_lots)
    principal = command.quantity_lots * instrument.lot_units
    if notional > INT64_MAX or principal > INT64_MAX:
        return RejectReason.NOTIONAL_TOO_LARGE
    need = (instrument.quote, notional) if command.side == Side.BUY else (instrument.base, principal)
    if account.balances[need[0]].available < need[1]:
        return RejectReason.INSUFFICIENT_FUNDS
    reachable = state.books[command.instrument].reach(opposite(Side(command.side)), command.price_ticks)
    if post_only and next(reachable, None) is not None:
        return RejectReason.WOULD_CROSS
    if command.time_in_force == TimeInForce.FOK:
        reason = _fok_refusal(reachable, command.quantity_lots, state.max_fills)
        if reason:
            return reason
    return RejectReason.CAPACITY if state.pool.full else RejectReason.NONE


def _fok_refusal(reachable: Iterator[Order], wanted_lots: int, max_fills: int) -> RejectReason:
    """Walk what a FOK order would trade with, at most ``max_fills`` orders of it."""
    for fills, resting in enumerate(reachable):
        if fills == max_fills:
            return RejectReason.TOO_MANY_FILLS
        wanted_lots -= resting.leaves_lots
        if wanted_lots <= 0:
            return RejectReason.NONE
    return RejectReason.FOK_NOT_FILLABLE


def _hold_of(instrument: Instrument, order: Order, lots: int) -> tuple[int, int]:
    """Return the currency and the units that ``lots`` of an open order hold."""
    if order.side is Side.BUY:
        return instrument.quote, instrument.notional_units(order.price_ticks, lots)
    return instrument.base, lots * instrument.lot_units


def _hold(state: State, order: Order, lots: int) -> None:
    """Move the principal of ``lots`` from available to held; release with a negative number."""
    currency, units = _hold_of(state.instruments[order.instrument], order, lots)
    balance = state.accounts[order.account].balances[currency]
    balance.available -= units
    balance.held += units


def _would_cross(state: State, order: Order) -> bool:
    book = state.books[order.instrument]
    return next(book.reach(opposite(order.side), order.price_ticks), None) is not None


def _accept(state: State, order: Order, *, resting: bool) -> None:
    """Report the order as entered; one that meets nothing goes to the book whole, in this event."""
    state.emit_order(
        EventKind.ACCEPTED, order.account, side=order.side, instrument=order.instrument, status=OrdStatus.NEW,
        order_id=order.id, client_order_id=order.client_order_id, price_ticks=order.price_ticks,
        quantity_lots=order.leaves_lots, leaves_lots=order.leaves_lots, cum_lots=0,
        flags=EventFlag.BOOK if resting else 0, instrument_stream=_next_number(state, order) if resting else 0,
    )  # fmt: skip


def _match(state: State, order: Order) -> None:
    """Trade with the best resting orders, price then time, at their prices."""
    fills = 0
    while order.leaves_lots and fills < state.max_fills:
        book = state.books[order.instrument]
        maker = next(book.reach(opposite(order.side), order.price_ticks), None)
        if maker is None:
            return
        fills += 1
        lots = min(order.leaves_lots, maker.leaves_lots)
        instrument = state.instruments[order.instrument]
        currency, held = _hold_of(instrument, order, lots)
        paid = instrument.notional_units(maker.price_ticks, lots) if order.side is Side.BUY else held
        payer = state.accounts[order.account].balances[currency]
        payer.held -= held
        payer.available += held - paid
        order.leaves_lots -= lots
        trade(state, maker, order, lots, flags=EventFlag.TAKER)


def trade(state: State, maker: Order, taker: Order, lots: int, *, flags: EventFlag) -> None:
    """Exchange ``lots`` at the maker's price and report both sides.

    The taker's payment has been taken out of its balance already, and its leaves reduced.
    """
    instrument = state.instruments[maker.instrument]
    notional = instrument.notional_units(maker.price_ticks, lots)
    principal = lots * instrument.lot_units
    currency, held = _hold_of(instrument, maker, lots)
    state.accounts[maker.account].balances[currency].held -= held

    received = {Side.BUY: (instrument.base, principal), Side.SELL: (instrument.quote, notional)}
    taker_fee = _fee(instrument.taker_rate, taker, received[taker.side][1])
    if instrument.maker_rate >= 0:
        maker_fee = _fee(instrument.maker_rate, maker, received[maker.side][1])
    else:
        maker_fee = -rebate_units(-instrument.maker_rate, received[taker.side][1])
    for order, fee in ((maker, maker_fee), (taker, taker_fee)):
        currency, units = received[order.side]
        owner = state.accounts[order.account]
        owner.balances[currency].available += units
        fee_currency = currency if fee >= 0 else received[opposite(order.side)][0]
        owner.balances[fee_currency].available -= fee
        state.accounts[FEES_ACCOUNT].balances[fee_currency].available += fee
        order.cum_lots += lots
        order.notional_units += notional

    state.books[maker.instrument].reduce(maker, lots)
    number = _next_number(state, maker)
    _report_fill(
        state, maker, taker.account, maker.price_ticks, lots, maker_fee, EventFlag.MAKER | EventFlag.BOOK, number
    )
    _report_fill(state, taker, maker.account, maker.price_ticks, lots, taker_fee, flags, number)
    if not maker.leaves_lots:
        close(state, maker, OrdStatus.FILLED, RejectReason.NONE)


def _fee(rate: int, order: Order, received_units: int) -> int:
    """Return the fee due for this receipt, and keep the order's credit."""
    fee, order.fee_credit = fee_and_credit(rate, received_units, order.fee_credit)
    return fee


def _report_fill(
    state: State, order: Order, other: int, price_ticks: int, lots: int, fee: int, flags: EventFlag, number: int
) -> None:
    is_swap = bool(flags & EventFlag.SWAP)
    state.emit_order(
        EventKind.FILL, order.account, side=order.side, instrument=order.instrument, status=order.status,
        order_id=0 if is_swap else order.id, client_order_id=order.client_order_id, price_ticks=price_ticks,
        quantity_lots=lots, leaves_lots=order.leaves_lots, cum_lots=order.cum_lots, flags=flags,
        counterparty=other, fee_units=fee, instrument_stream=number,
    )  # fmt: skip


def _settle_remainder(state: State, order: Order, time_in_force: int) -> None:
    """Rest what is left, or cancel it and say why."""
    if not order.leaves_lots:
        close(state, order, OrdStatus.FILLED, RejectReason.NONE)
        return
    instrument = state.instruments[order.instrument]
    if _would_cross(state, order):
        cancel(state, order, RejectReason.TOO_MANY_FILLS)
    elif time_in_force != TimeInForce.GTC:
        cancel(state, order, RejectReason.UNFILLED_REMAINDER)
    elif order.notional_units + instrument.notional_units(order.price_ticks, order.leaves_lots) > INT64_MAX:
        # A seller was paid more than its limit: the running total would no longer fit.
        cancel(state, order, RejectReason.NOTIONAL_TOO_LARGE)
    else:
        state.books[order.instrument].add(order)
        if order.cum_lots:
            state.emit_order(
                EventKind.RESTED, order.account, side=order.side, instrument=order.instrument, status=order.status,
                order_id=order.id, client_order_id=order.client_order_id, price_ticks=order.price_ticks,
                quantity_lots=order.leaves_lots, leaves_lots=order.leaves_lots, cum_lots=order.cum_lots,
                flags=EventFlag.BOOK, instrument_stream=_next_number(state, order),
            )  # fmt: skip


def cancel(state: State, order: Order, reason: RejectReason, *, resting: bool = False, request_id: int = 0) -> None:
    """End an open order, release its hold, and report it."""
    lots = order.leaves_lots
    _hold(state, order, -lots)
    if resting:
        state.books[order.instrument].reduce(order, lots)
    order.leaves_lots = 0
    expired = reason is RejectReason.CREDENTIAL_EXPIRED
    status = OrdStatus.EXPIRED if expired else OrdStatus.CANCELED
    state.emit_cancel(
        EventKind.CANCELED, order.account, side=order.side, instrument=order.instrument, status=status, reason=reason,
        order_id=order.id, client_order_id=order.client_order_id, price_ticks=order.price_ticks, quantity_lots=lots,
        cum_lots=order.cum_lots, request_id=request_id, flags=EventFlag.BOOK if resting else 0,
        instrument_stream=_next_number(state, order) if resting else 0,
    )  # fmt: skip
    close(state, order, status, reason)


def close(state: State, order: Order, status: OrdStatus, reason: RejectReason) -> None:
    """Write the order's final outcome where a retry will look for it, and free its slot."""
    outcome = state.accounts[order.account].outcome(order.client_order_id)
    if outcome is not None:
        outcome.status, outcome.reason = status, reason
        outcome.done, outcome.notional = order.cum_lots, order.notional_units
    del state.pool.live[order.slot]
    state.pool.give_back(order.slot)


def cancel_request(
    state: State,
    account: Account,
    wanted_order_id: int,
    wanted_client_id: int,
    request_id: int,
    outcome: Outcome | None,
) -> RejectReason:
    """Cancel one order by OrderID, or by its client id when that is 0; another's order reads as unknown.

    Allowed with an expired credential: it only takes risk away.
    """
    known = None
    if wanted_order_id:
        order = state.pool.find(wanted_order_id)
    else:
        known = account.outcome(wanted_client_id)
        order = state.pool.find(known.order_id) if known and known.kind is CommandKind.NEW_ORDER else None
    if order is None or order.account != account.number:
        was_order = known is not None and known.kind is CommandKind.NEW_ORDER
        return RejectReason.ORDER_CLOSED if was_order else RejectReason.UNKNOWN_ORDER
    if outcome is not None:
        outcome.order_id, outcome.status, outcome.done = order.id, OrdStatus.CANCELED, order.leaves_lots
    cancel(state, order, RejectReason.NONE, resting=True, request_id=request_id)
    return RejectReason.NONE


def _next_number(state: State, order: Order) -> int:
    """Return the next number of the instrument's market data."""
    book = state.books[order.instrument]
    book.stream += 1
    return book.stream
